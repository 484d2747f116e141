"""Builds the parts of an instance from its settings, for the web, the worker and the command line."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from argon2 import PasswordHasher
from celery import Celery

from portal import queue_folder
from portal.alarm import Alarm
from portal.legal import versions
from portal.settings import PUBLIC, ZONES, Settings
from portal.web import Wired
from secure_access.clock import Clock, MovedClock, SystemClock
from secure_access.db import Acting, Database
from secure_access.jobs import PUBLISHER
from secure_access.keys import ED25519, MLDSA44, BadKeyFile, DocumentKey, FileRing, SigningKey
from secure_access.ledger import log_keys, witnesses
from secure_access.ledger.kms_key import KmsKey
from secure_access.ledger.log_keys import LogKeys
from secure_access.ledger.note import Signer, VerifierKey
from secure_access.ledger.security_log import ALARM
from secure_access.ledger.signer import KeptSigner, LogSigner, Seen, public_keys
from secure_access.ledger.signer_process import RemoteSigner
from secure_access.vault import LocalStore, S3Store, Store, Vault

PERFORM = "assay.perform"
LEDGER_PUBLIC = "ledger-keys.pub"
SIGNING_KEYS = {"ledger-key": ED25519, "ledger-key-mldsa": MLDSA44}
"""The files of the keys that sign the log. The first signs, the others cosign."""
DOCUMENT_CERTIFICATES = "document-certificates.pem"
_POLL_SECONDS = 0.25


class NoSigningKey(click.ClickException):
    """The key that signs the log is gone. Nothing is made in its place: another key is another log."""


class NotMigrated(Exception):
    """A zone alone finds an instance that was never migrated, and makes no keys for others."""


def wire(
    settings: Settings, *, zone: str = "", process: str = "", signs: bool = True, hasher: Any = None
) -> Wired:
    """Build the parts, of the whole instance or of one ``zone`` alone.

    Without ``signs`` it cannot sign the log: for what only reads it.
    ``process`` is the role in which another process than a zone reaches the database, if it has one there.

    Makes the home folder and its keys on the first call. A zone alone loads no cookie secret of another,
    and of the ledger's key the public half; the public zone loads neither the keys of documents and
    credentials nor that of single-use links. Raises `NotMigrated` for a zone alone whose ledger has no key.
    """
    home = settings.home
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    document_key = None if zone else _document_key(settings)
    ring = _ring(ring_file(settings, zone))
    database, clock = database_of(settings, zone or process), clock_of(settings)
    alarm = Alarm(home, clock)
    database.context[ALARM] = alarm
    return Wired(
        settings=settings,
        database=database,
        vault=Vault(_store(settings), ring),
        clock=clock,
        hasher=hasher or PasswordHasher(),
        log_keys=_log_keys(settings, alone=bool(zone)),
        signer=_signer(settings) if signs and not zone else None,
        law=versions.law_of,
        credential_keys=ring.for_purpose("credentials"),
        alarm=alarm,
        document_key=document_key,
        document_certificates=_certificates(home / "keys", document_key),
        secrets=_secrets(home / "keys", zone),
    )


def ring_file(settings: Settings, zone: str = "") -> Path:
    """Where the key ring is: the public zone has one of its own, without the keys of documents."""
    return settings.home / "keys" / ("public-ring.json" if zone == PUBLIC else "vault-ring.json")


def database_of(settings: Settings, process: str) -> Database:
    """The database as a zone or another process reaches it, which acts there for nobody but itself.

    In a zone's requests it acts for who is signed in: `portal.app.create_app`.
    """
    database = Database(settings.database_of(process))
    if process:
        acting = Acting(process)
        database.acting = lambda: acting
    return database


def as_role(wired: Wired, process: str) -> Wired:
    """The same parts on the database as a zone or another process reaches it."""
    if wired.settings.database_of(process) in (wired.settings.database_url, wired.database.url):
        return wired
    database = database_of(wired.settings, process)
    database.context = wired.database.context
    return replace(wired, database=database)


def bare_celery(settings: Settings) -> Celery:
    """A Celery app with its broker and nothing else: enough to publish, and the base of the worker's."""
    app = Celery("assay")
    embedded = settings.broker_url.startswith("filesystem")
    app.conf.update(
        broker_url="filesystem://localhost" if embedded else settings.broker_url,
        broker_connection_timeout=2,
        task_default_queue=settings.queue,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        worker_enable_remote_control=False,
        worker_redirect_stdouts=False,
        timezone="UTC",
    )
    # Publishing to a broker that is away fails at once; the reaper publishes again.
    app.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0, "interval_max": 0}
    if embedded:
        queue_folder.install()
        app.conf.broker_transport_options = _queue_folders(settings.home / "queue")
    return app


def publish_to(wired: Wired, app: Celery) -> None:
    """Have every committed job's id published to the broker. Messages carry the id only."""
    wired.database.context[PUBLISHER] = lambda job_id: app.send_task(PERFORM, args=[str(job_id)], retry=False)


def worker_ready_file(settings: Settings) -> Path:
    """Where the worker of ``assay serve`` writes its process identifier once it takes jobs."""
    return settings.home / "worker.pid"


def _log_name(settings: Settings) -> str:
    host = settings.base_host if settings.base_host != "localhost" else "assay.localhost"
    return f"{host}/ledger" + ("/demonstration" if settings.demonstration else "")


def _ring(path: Path) -> FileRing:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        FileRing.create(path, now=datetime.now(UTC))
    return FileRing(path)


def _log_keys(settings: Settings, *, alone: bool) -> LogKeys:
    """The halves by which checkpoints are verified and none is signed."""
    path = settings.home / "keys" / LEDGER_PUBLIC
    if not path.exists():
        if alone or settings.signer:
            raise NotMigrated(
                f"This instance has no public keys of its ledger yet, {path}. Bring them there first: "
                "assay migrate, or copy the file of the signer"
            )
        _publish_keys(settings, _kms_keys(settings) if settings.ledger_kms else _signing_keys(settings))
    return log_keys.read(json.loads(path.read_text()))


def _signing_keys(settings: Settings, log_name: str = "") -> tuple[SigningKey, ...]:
    """The keys of the log, made where they are missing: Ed25519, and ML-DSA-44 beside it."""
    found = []
    known = not log_name and (settings.home / "keys" / LEDGER_PUBLIC).exists()
    for name, kind in SIGNING_KEYS.items():
        path = settings.home / "keys" / name
        if not path.exists() and known:
            raise NoSigningKey(
                f"{path} is gone, and the log was signed with it. Bring it back from its copy, or begin a "
                "successor: assay ledger succeed --reason key_lost"
            )
        if not path.exists():
            SigningKey.create(path, log_name or _log_name(settings), kind)
        found.append(SigningKey.load(path))
    return tuple(found)


def refuse_used_keys(settings: Settings) -> None:
    """Raises `NoSigningKey` where a successor would be signed with a key of the log that ends."""
    lines = json.loads((settings.home / "keys" / LEDGER_PUBLIC).read_text())
    before = {VerifierKey.parse(line).public for line in lines}
    if settings.ledger_kms and before & {key.public for key in _kms_keys(settings)}:
        raise NoSigningKey(
            "A successor has keys of its own, and those of ASSAY_LEDGER_KMS have signed the log before. Make "
            "new ones in KMS, name them in ASSAY_LEDGER_KMS, and run this again."
        )


def succeed(settings: Settings) -> LogKeys:
    """Make the keys of the log's successor; the old ones go to ``keys/ended`` and sign nothing any more.

    Each step can be done again after a crash: a key of the old name moves, one of the new name stays.
    """
    keys = settings.home / "keys"
    lines = json.loads((keys / LEDGER_PUBLIC).read_text())
    old = log_keys.read(lines).name
    new = log_keys.next_name(old)
    ended = keys / "ended"
    ended.mkdir(mode=0o700, exist_ok=True)
    for name in SIGNING_KEYS:
        path = keys / name
        if path.exists() and SigningKey.load(path).name == old:
            path.replace(ended / f"{name}.{len(list(ended.glob(f'{name}.*'))) + 1}")
    made = public_keys(_kms_keys(settings, new) if settings.ledger_kms else _signing_keys(settings, new))
    part = keys / f".{LEDGER_PUBLIC}.part"
    part.unlink(missing_ok=True)
    _write_once(part, [*map(str, made), *lines])
    part.replace(keys / LEDGER_PUBLIC)
    return log_keys.read([*map(str, made), *lines])


def _kms_keys(settings: Settings, log_name: str = "") -> tuple[KmsKey, ...]:
    """The keys of the log where they lie in KMS, under the name that the log has, or ``log_name``."""
    import boto3  # noqa: PLC0415 - a tenth of the time to start, for larger instances only

    public = settings.home / "keys" / LEDGER_PUBLIC
    known = log_keys.read(json.loads(public.read_text())).name if public.exists() else _log_name(settings)
    name = log_name or known
    client = boto3.client("kms")
    return tuple(KmsKey(client, key_id, name) for key_id in settings.ledger_kms)


def _publish_keys(settings: Settings, keys: Sequence[Signer]) -> None:
    _write_once(settings.home / "keys" / LEDGER_PUBLIC, [str(key) for key in public_keys(keys)])


def _signer(settings: Settings) -> LogSigner:
    """The signer of the log: another process where the settings name its socket, or in this one."""
    if settings.signer:
        return RemoteSigner(Path(settings.signer), _log_keys(settings, alone=True).keys)
    return own_signer(settings)


def public_log_keys(settings: Settings) -> LogKeys:
    """The public keys of the log, and of those before it; nothing is made where they are missing."""
    return _log_keys(settings, alone=True)


def own_signer(settings: Settings) -> KeptSigner:
    """The signer with its keys and its memory in this process.

    Raises `NoSigningKey` for keys other than the published ones, whose signatures nobody could verify.
    """
    asked = settings.witnesses.asked
    keys = _kms_keys(settings) if settings.ledger_kms else _signing_keys(settings)
    _publish_keys(settings, keys)
    if public_keys(keys) != public_log_keys(settings).keys:
        raise NoSigningKey(
            f"{settings.home / 'keys' / LEDGER_PUBLIC} names other keys than those that would sign here. "
            "Bring back the ones that the log was signed with, or begin a successor: assay ledger succeed"
        )
    return KeptSigner(
        keys,
        settings.home / "signer",
        (lambda signed: witnesses.largest_seen(asked, signed)) if asked else (lambda _signed: Seen(0)),
    )


def _document_key(settings: Settings) -> DocumentKey:
    """The key that signs copies of record: the operator's own, or one that signs its certificate itself."""
    path = Path(settings.document_key) if settings.document_key else settings.home / "keys" / "document-key"
    if not settings.document_key and not path.exists():
        with suppress(BadKeyFile):  # another process was first
            DocumentKey.create(path, f"{settings.authority}, documents", now=datetime.now(UTC))
    return DocumentKey.load(path)


def _certificates(keys: Path, key: DocumentKey | None) -> str:
    """What is published of it. A zone alone reads what the worker or the migration has left beside it."""
    path = keys / DOCUMENT_CERTIFICATES
    if key is not None:
        _write(path, key.certificates)
        return key.certificates
    return path.read_text() if path.exists() else ""


def _store(settings: Settings) -> Store:
    parts = urlsplit(settings.vault_url)
    if parts.scheme == "file":
        return LocalStore(Path(parts.path))
    import boto3  # noqa: PLC0415 - a tenth of the time to start, for larger instances only
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint or None,
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )
    return S3Store(client, parts.netloc)


def clock_of(settings: Settings) -> Clock:
    """The clock of this instance; one for practice is moved, by as much in every process of this home."""
    if settings.practice_start is None:
        return SystemClock()
    # Measured once for the instance: a restart must not turn its time back.
    path = settings.home / "clock.json"
    if not path.exists():
        shift = settings.practice_start - datetime.now(UTC)
        _write_once(
            path, {"practice_start": settings.practice_start.isoformat(), "shift": shift.total_seconds()}
        )
    return MovedClock(timedelta(seconds=json.loads(path.read_text())["shift"]))


def _secrets(keys: Path, zone: str) -> dict[str, bytes]:
    """The cookie secret of each zone, or of one alone, and the keys from which links are computed: of access
    requests, which the public zone checks, and of invitations, which it does not have.

    Each has a file of its own, so that the users of an operating system can be kept apart too.
    """
    found = {name: _secret(keys / f"cookie-{name}.json") for name in ((zone,) if zone else ZONES)}
    found["access"] = _secret(keys / "access-links.json")
    return found if zone == PUBLIC else {**found, "invitation": _secret(keys / "invitations.json")}


def _secret(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _write_once(path, {"key": secrets.token_hex(32)})
    return bytes.fromhex(json.loads(path.read_text())["key"])


def _write_once(path: Path, content: object) -> None:
    """Write a 0600 file unless another process was first."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)


def _write(path: Path, text: str) -> None:
    """A 0600 file, whole or not at all; nothing happens where it holds the text already."""
    if path.exists() and path.read_text() == text:
        return
    part = path.with_suffix(f".{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)


def _queue_folders(queue: Path) -> dict[str, object]:
    for name in ("messages", "done", "control"):
        (queue / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    messages = str(queue / "messages")
    return {
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": str(queue / "control"),
        "store_processed": False,
        "polling_interval": _POLL_SECONDS,
    }

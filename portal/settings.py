"""Every setting, read once from the environment, all mistakes named at once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import click
from cryptography.x509 import load_pem_x509_certificates

from portal import mark
from portal.mark import Mark
from secure_access.identity import policy, providers
from secure_access.identity.passkeys import Models
from secure_access.ledger import timestamps, witnesses
from secure_access.ledger.note import NOTE_KEY, NoteError, VerifierKey
from secure_access.ledger.timestamps import TimeAuthority
from secure_access.ledger.witnesses import Witnesses

PUBLIC = "public"
SIGN_IN_ZONES = ("developer", "evaluator", "government")
"""The zones that people sign in to."""
ZONES = (PUBLIC, *SIGN_IN_ZONES)
CUSTODIAN_FILE = "custodian/portal.json"
"""In the home of a demonstration: origin and channel key of the custodian that it runs itself."""
PROCESSES = (*ZONES, "worker", "sequencer", "verifier")
"""What may have a role of its own in the database."""


class Profile(StrEnum):
    """What kind of instance this is."""

    DEMONSTRATION = "demonstration"
    PRODUCTION = "production"


class SettingsError(Exception):
    """Settings that cannot be used, all of them, with what each should be."""


@dataclass(frozen=True)
class Settings:
    """The settings of one instance.

    ``home`` holds keys, the local vault, the queue and the demonstration's accounts. ``practice_start`` is
    the instant at which a practice instance began to live (`ASSAY_NOW`), or ``None`` for the machine's clock.
    ``queue`` keeps instances on one broker apart. ``job_lease`` is how long a worker that died holds its job.
    ``log`` is a file, or ``-`` for standard error. ``sign_in`` names the sign-in policy with
    which it begins, ``key_models`` the models of authenticators that are taken (none listed: any).
    ``proxies`` is how many proxies in front name the sender of a request in ``X-Forwarded-For``.
    ``sso`` are the providers of single sign-on, by zone; none: nobody signs in so.
    ``zone`` is the one zone that this process serves, empty for all. ``databases`` holds addresses of the
    database by process, where each has a role of its own there.
    ``mark`` is the authority's mark, ``None`` for the neutral one.
    ``witnesses`` are those of the public log, none where ``ASSAY_WITNESSES`` names no policy file; ``signer``
    is the socket of the process that signs it, empty where the worker does. ``ledger_kms`` are identifiers
    of the log's keys where they lie in AWS KMS: Ed25519, then ML-DSA-44. ``time_authority`` stamps its
    checkpoints.
    ``custodian`` is the origin of the custodian of sealed plans, empty for none; ``custodian_key`` is the
    line by which its core's answers are verified.
    ``smtp`` is the address of the mail server, empty for none; ``mail_from`` is who mails come from.
    ``syslog`` is the receiver of the security log, empty for none; ``operator`` is whom alarms are mailed to,
    empty for the administrators.
    """

    home: Path
    port: int
    profile: Profile
    base_host: str
    database_url: str
    vault_url: str
    s3_endpoint: str
    broker_url: str
    queue: str
    job_lease: timedelta
    log: str
    authority: str
    product: str
    practice_start: datetime | None
    max_upload_bytes: int
    sign_in: str
    key_models: Models
    proxies: int = 0
    custodian: str = ""
    custodian_key: str = ""
    smtp: str = ""
    mail_from: str = ""
    syslog: str = ""
    operator: str = ""
    sso: Mapping[str, providers.Provider] = field(default_factory=dict)
    zone: str = ""
    databases: Mapping[str, str] = field(default_factory=dict, repr=False)
    mark: Mark | None = None
    witnesses: Witnesses = witnesses.NONE
    signer: str = ""
    ledger_kms: tuple[str, ...] = ()
    document_key: str = ""
    time_authority: TimeAuthority = timestamps.NOBODY

    def database_of(self, process: str) -> str:
        """The address by which a zone or another process reaches the database: its own, or the common one."""
        return self.databases.get(process, self.database_url)

    @property
    def first_policy(self) -> policy.Policy:
        """The sign-in policy with which this instance begins: `secure_access.identity.policies` has the one
        in force."""
        return policy.load(self.sign_in)

    @property
    def demonstration(self) -> bool:
        return self.profile is Profile.DEMONSTRATION

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the environment. Raises `SettingsError` naming every setting that is wrong."""
        source = os.environ if env is None else env
        wrong: list[str] = []
        home = Path(source.get("ASSAY_HOME") or "./var").resolve()
        settings = cls(
            home=home,
            port=_port(source, wrong),
            profile=_profile(source, wrong),
            base_host=source.get("ASSAY_HOST") or "localhost",
            database_url=source.get("ASSAY_DATABASE") or f"sqlite:///{home / 'assay.db'}",
            vault_url=source.get("ASSAY_VAULT") or f"file://{home / 'vault'}",
            s3_endpoint=source.get("ASSAY_S3_ENDPOINT", ""),
            broker_url=source.get("ASSAY_BROKER") or "filesystem://",
            queue=_queue(source, wrong),
            job_lease=_job_lease(source, wrong),
            log=source.get("ASSAY_LOG") or str(home / "log" / "assay.log"),
            authority=source.get("ASSAY_AUTHORITY") or "Frontier AI Authority",
            product=source.get("ASSAY_PRODUCT") or "Assay",
            practice_start=_practice_start(source, wrong),
            max_upload_bytes=_whole(source, "ASSAY_MAX_UPLOAD", 512 * 2**20, wrong),
            sign_in=source.get("ASSAY_SIGN_IN") or _usual_sign_in(source),
            key_models=_key_models(source, wrong),
            proxies=_whole(source, "ASSAY_PROXIES", _usual_proxies(source), wrong),
            **_custodian(source, home, wrong),
            smtp=_smtp(source, wrong),
            mail_from=source.get("ASSAY_MAIL_FROM") or "",
            syslog=_syslog(source, wrong),
            operator=source.get("ASSAY_OPERATOR") or "",
            sso=_sso(source, wrong),
            zone=_zone(source, wrong),
            databases=_databases(source),
            mark=_mark(source, wrong),
            witnesses=_witnesses(source, wrong),
            signer=source.get("ASSAY_SIGNER") or "",
            ledger_kms=tuple((source.get("ASSAY_LEDGER_KMS") or "").split()),
            document_key=source.get("ASSAY_DOCUMENT_KEY", ""),
            time_authority=_time_authority(source, wrong),
        )
        wrong += _unfit_policy(settings)
        wrong += _unfit_for_production(settings)
        if wrong:
            raise SettingsError("\n".join(wrong))
        return settings


def settings_or_exit() -> Settings:
    """The settings of the environment, or a message that names what is wrong and exit status 2."""
    try:
        return Settings.from_env()
    except SettingsError as error:
        click.echo(f"These settings cannot be used:\n{error}", err=True)
        raise SystemExit(2) from error


def _witnesses(source: Mapping[str, str], wrong: list[str]) -> Witnesses:
    path = source.get("ASSAY_WITNESSES")
    if not path:
        return witnesses.NONE
    try:
        return Witnesses.parse(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        wrong.append(f"ASSAY_WITNESSES is {path}, which is no policy file (C2SP tlog-policy): {problem}.")
        return witnesses.NONE


def _time_authority(source: Mapping[str, str], wrong: list[str]) -> TimeAuthority:
    url, path = source.get("ASSAY_TSA") or "", source.get("ASSAY_TSA_ROOTS") or ""
    if url and urlsplit(url).scheme not in ("http", "https"):
        wrong.append(f"ASSAY_TSA is {url!r}; it has to be an address such as https://tsa.example/.")
    if url and not path:
        wrong.append("ASSAY_TSA_ROOTS is missing: a time stamp is believed on its authority's root only.")
    try:
        roots = load_pem_x509_certificates(Path(path).read_bytes()) if path else []
    except (OSError, ValueError) as problem:
        wrong.append(f"ASSAY_TSA_ROOTS is {path}, which is no PEM file of certificates: {problem}.")
        roots = []
    return TimeAuthority(url, tuple(roots))


def _whole(source: Mapping[str, str], name: str, default: int, wrong: list[str]) -> int:
    raw = source.get(name)
    if not raw:
        return default
    if raw.isdecimal():
        return int(raw)
    wrong.append(f"{name} is {raw!r}; it has to be a whole number.")
    return default


def _queue(source: Mapping[str, str], wrong: list[str]) -> str:
    raw = source.get("ASSAY_QUEUE") or "assay"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", raw):
        wrong.append(
            f"ASSAY_QUEUE is {raw!r}; it has to be up to 60 letters, digits, hyphens or underscores."
        )
    return raw


def _job_lease(source: Mapping[str, str], wrong: list[str]) -> timedelta:
    seconds = _whole(source, "ASSAY_JOB_LEASE", 60, wrong)
    if seconds < 1:
        wrong.append(f"ASSAY_JOB_LEASE is {seconds}; it has to be at least 1 second.")
    return timedelta(seconds=seconds)


def _port(source: Mapping[str, str], wrong: list[str]) -> int:
    port = _whole(source, "PORT", 5000, wrong)
    if not 0 < port < 65536:
        wrong.append(f"PORT is {port}; it has to lie between 1 and 65535.")
    return port


def _smtp(source: Mapping[str, str], wrong: list[str]) -> str:
    """The address of a mail server: never told in full, for it may hold a password."""
    raw = source.get("ASSAY_SMTP") or ""
    if not raw:
        return ""
    if not re.fullmatch(r"(smtp|smtps|smtp\+starttls)://([^\s/@]+@)?[^\s/@:]+:\d{1,5}", raw):
        wrong.append(
            "ASSAY_SMTP has to look like smtp://host:25, smtp+starttls://user:password@host:587 or "
            "smtps://user:password@host:465."
        )
    elif raw.startswith("smtp://") and "@" in raw and not _is_loopback(urlsplit(raw).hostname or ""):
        wrong.append(
            "ASSAY_SMTP would send its password unencrypted: use smtp+starttls:// or smtps://, or none."
        )
    if not source.get("ASSAY_MAIL_FROM"):
        wrong.append("ASSAY_MAIL_FROM is missing: ASSAY_SMTP needs an address that mails come from.")
    return raw


def _syslog(source: Mapping[str, str], wrong: list[str]) -> str:
    raw = source.get("ASSAY_SYSLOG") or ""
    if raw and not re.fullmatch(r"(tcp|tls)://[^\s/@:]+:\d{1,5}", raw):
        wrong.append(f"ASSAY_SYSLOG is {raw!r}; it has to look like tls://host:6514 or tcp://127.0.0.1:514.")
        return ""
    if raw.startswith("tcp://") and not _is_loopback(urlsplit(raw).hostname or ""):
        wrong.append("ASSAY_SYSLOG would send the security log unencrypted: use tls://.")
    return raw


def _custodian(source: Mapping[str, str], home: Path, wrong: list[str]) -> dict[str, str]:
    """Origin and key of the custodian; of a demonstration, those of the one in its home."""
    raw, key = source.get("ASSAY_CUSTODIAN") or "", source.get("ASSAY_CUSTODIAN_KEY") or ""
    own = home / CUSTODIAN_FILE
    if not raw and not key and own.exists() and _profile(source, []) is Profile.DEMONSTRATION:
        told = json.loads(own.read_text(encoding="utf-8"))
        raw, key = str(told["origin"]), str(told["key"])
    if not raw:
        return {}
    address = urlsplit(raw)
    local = address.scheme == "http" and (address.hostname or "").endswith("localhost")
    if f"{address.scheme}://{address.netloc}" != raw or not (local or address.scheme == "https"):
        wrong.append(f"ASSAY_CUSTODIAN is {raw!r}; it has to be an origin like https://custodian.example.")
    try:
        found = VerifierKey.parse(key)
    except NoteError:
        found = None
    if found is None or found.type != NOTE_KEY:
        wrong.append(
            "ASSAY_CUSTODIAN_KEY has to be the line that the custodian prints after “portal channel”: "
            "its answers are believed on that key only."
        )
    return {"custodian": raw, "custodian_key": key}


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine: by its one name, or by address; any other name may lead elsewhere."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _zone(source: Mapping[str, str], wrong: list[str]) -> str:
    raw = source.get("ASSAY_ZONE") or ""
    if raw and raw not in ZONES:
        wrong.append(f"ASSAY_ZONE is {raw!r}; it has to be one of: {', '.join(ZONES)}.")
        return ""
    return raw


def _databases(source: Mapping[str, str]) -> dict[str, str]:
    named = {process: source.get(f"ASSAY_DATABASE_{process.upper()}") or "" for process in PROCESSES}
    return {process: address for process, address in named.items() if address}


def _mark(source: Mapping[str, str], wrong: list[str]) -> Mark | None:
    raw = source.get("ASSAY_MARK") or ""
    try:
        return mark.read(Path(raw)) if raw else None
    except mark.BadMark as problem:
        wrong.append(f"ASSAY_MARK is {raw!r}: {problem}.")
        return None


def _profile(source: Mapping[str, str], wrong: list[str]) -> Profile:
    raw = source.get("ASSAY_PROFILE") or Profile.DEMONSTRATION
    try:
        return Profile(raw)
    except ValueError:
        wrong.append(f"ASSAY_PROFILE is {raw!r}; it has to be one of: {', '.join(Profile)}.")
        return Profile.DEMONSTRATION


def _practice_start(source: Mapping[str, str], wrong: list[str]) -> datetime | None:
    raw = source.get("ASSAY_NOW")
    if not raw:
        return None
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        wrong.append(
            f"ASSAY_NOW is {raw!r}; it has to be a date such as 2027-10-01 or an instant in ISO 8601."
        )
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _usual_sign_in(source: Mapping[str, str]) -> str:
    return "standard" if source.get("ASSAY_PROFILE") == Profile.PRODUCTION else "demonstration"


def _usual_proxies(source: Mapping[str, str]) -> int:
    # The server listens on loopback and speaks no TLS: in production one proxy stands before it.
    return 1 if source.get("ASSAY_PROFILE") == Profile.PRODUCTION else 0


def _key_models(source: Mapping[str, str], wrong: list[str]) -> Models:
    listed = frozenset(source.get("ASSAY_KEY_MODELS", "").lower().replace(",", " ").split())
    roots = source.get("ASSAY_KEY_ROOTS", "")
    for model in sorted(listed):
        if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", model):
            wrong.append(f"ASSAY_KEY_MODELS is {model!r}; it lists AAGUIDs, separated by spaces or commas.")
    if not listed and not roots:
        return Models()
    if not listed or not roots:
        wrong.append(
            "ASSAY_KEY_ROOTS: models are believed on their makers' root certificates only: "
            "set ASSAY_KEY_MODELS and ASSAY_KEY_ROOTS, or neither."
        )
        return Models()
    try:
        return Models(listed, Path(roots).read_bytes())
    except OSError as problem:
        wrong.append(f"ASSAY_KEY_ROOTS: the file cannot be read: {problem.strerror}.")
        return Models()


def _sso(source: Mapping[str, str], wrong: list[str]) -> Mapping[str, providers.Provider]:
    path = source.get("ASSAY_SSO") or ""
    try:
        return providers.load(path, zones=SIGN_IN_ZONES) if path else {}
    except providers.ProviderError as problem:
        wrong.append(f"ASSAY_SSO is {path!r}: {problem}.")
        return {}


def _unfit_policy(settings: Settings) -> list[str]:
    try:
        found = settings.first_policy
    except policy.PolicyError as problem:
        return [f"ASSAY_SIGN_IN is {settings.sign_in!r}: {problem}."]
    if found.entry_by_password and not settings.demonstration:
        return [f"ASSAY_SIGN_IN is {settings.sign_in!r}: a production instance refuses entry by password."]
    return []


def _unfit_for_production(settings: Settings) -> list[str]:
    if settings.demonstration:
        return []
    wrong = []
    if settings.database_url.startswith("sqlite"):
        wrong.append("ASSAY_DATABASE: a production instance needs PostgreSQL, not SQLite.")
    if settings.practice_start is not None:
        wrong.append("ASSAY_NOW: only a practice or demonstration instance can move its clock.")
    if settings.base_host == "localhost":
        wrong.append("ASSAY_HOST: a production instance needs its own host name.")
    return wrong

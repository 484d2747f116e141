"""Plan keys: made, kept, moved to new epochs, recovered, destroyed. One file for each plan, written whole.

The file of a plan holds the published half, the private half sealed under an epoch, and the recovery copies.
To destroy a plan's key is to remove that file; the certificate says when the last backup of it is dead too.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from secure_access.custodian import forms, key_copies, private_files
from secure_access.custodian.enrolment import Officer
from secure_access.custodian.epochs import BACKUP_WINDOW, Epochs
from secure_access.custodian.forms import Form
from secure_access.custodian.private_files import DISK, Disk
from secure_access.keys import SigningKey
from secure_access.keys import verify as verify_signature
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from secure_access.sealing import hpke
from secure_access.sealing.plans import PlanKey, new_plan_key

KEPT_FORMAT = "assay.custodian-plan-key/v1"
CERTIFICATE_FORMAT = "assay.destruction-certificate/v1"
LIFE = timedelta(days=180)
"""How long a plan may be sealed to its key."""
Pairs = list[tuple[Officer, Officer]]


class NoSuchKey(LookupError):
    """There is no key of this plan here: it was never made, or destroyed."""


class BadCertificate(ValueError):
    """A certificate of destruction is not one, or its signature is false."""


@dataclass(frozen=True)
class RecoveryCopy:
    """A copy for two officers of different groups, by their ids; the first one's key opens the outside."""

    first: str
    second: str
    copy: bytes = field(repr=False)


@dataclass(frozen=True)
class KeptKey:
    """What the file of a plan holds. ``epoch`` seals it now, ``epochs`` are all that ever did."""

    public: bytes
    copy: bytes = field(repr=False)
    epoch: str
    epochs: tuple[str, ...]
    recovery: tuple[RecoveryCopy, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hex of the published half."""
        return forms.digest(self.public)

    def moved(self, copy: bytes, epoch: str) -> KeptKey:
        """The same key, sealed under another epoch."""
        return replace(self, copy=copy, epoch=epoch, epochs=tuple(sorted({*self.epochs, epoch})))


class KeptPlanKeys:
    """The plan keys in a folder that only the core enters. ``certifies`` signs certificates."""

    def __init__(
        self, home: Path, certifies: SigningKey, window: timedelta = BACKUP_WINDOW, disk: Disk = DISK
    ) -> None:
        self._plans = private_files.folder(home / "plans")
        self._destroyed = private_files.folder(home / "destroyed")
        self._home = home
        # Moving a key to another epoch must never bring back one that is destroyed meanwhile.
        self._alone = threading.RLock()
        self._certifies, self._window, self._disk = certifies, window, disk
        self.epochs = Epochs(home / "epochs.json", window, disk)

    @property
    def certificate_key(self) -> str:
        """The public key of certificates, as policy files write keys."""
        return self._certifies.verifier

    def tidy(self) -> None:
        """Remove what a crash left of files that were being written. Only the core that is active does it."""
        for folder in (self._home, self._plans, self._destroyed):
            private_files.clear(folder, self._disk)

    def make(self, request: str, custodian: str, now: datetime, pairs: Pairs) -> str:
        """A key pair for a plan request, with its recovery copies; its fingerprint."""
        key, private = new_plan_key(custodian, request, now=now, not_after=now + LIFE)
        public, fingerprint, epoch = key.encode(), key.fingerprint, self.epochs.current(now)
        copy = key_copies.under_epoch(epoch.secret, private, fingerprint, epoch.epoch)
        self._save(KeptKey(public, copy, epoch.epoch, (epoch.epoch,), _copies(private, fingerprint, pairs)))
        return fingerprint

    def public(self, fingerprint: str) -> bytes:
        """The published half: the bytes of the plan key file. Raises `NoSuchKey`."""
        return self._load(fingerprint).public

    def private(self, fingerprint: str) -> bytes:
        """The private half, for the process that opens files. Raises `NoSuchKey`, `CannotOpen`."""
        return self._open(self._load(fingerprint))

    def recovery(self, fingerprint: str) -> tuple[RecoveryCopy, ...]:
        """The copies that two officers open. Raises `NoSuchKey`."""
        return self._load(fingerprint).recovery

    def reseal(self, fingerprint: str, pairs: Pairs) -> None:
        """New recovery copies for these officers; the old ones are gone. Raises `NoSuchKey`."""
        with self._alone:
            kept = self._load(fingerprint)
            self._save(replace(kept, recovery=_copies(self._open(kept), fingerprint, pairs)))

    def restore(self, fingerprint: str, private: bytes, now: datetime) -> None:
        """Take in a private half that two officers recovered, where the key of its epoch is lost.

        Raises `NoSuchKey`, and `CannotOpen` where it is not the one of the published half.
        """
        with self._alone:
            kept, epoch = self._load(fingerprint), self.epochs.current(now)
            if hpke.public_of(hpke.XWING, private) != PlanKey.parse(kept.public).public:
                raise key_copies.CannotOpen("this is not the key of this plan")
            copy = key_copies.under_epoch(epoch.secret, private, fingerprint, epoch.epoch)
            self._save(kept.moved(copy, epoch.epoch))

    def rotate(self, now: datetime) -> int:
        """Move every plan key to this month's epoch, and destroy epochs whose backup window is over.

        How many were moved. Interrupted, it goes on where it stopped: call it at each start and every day.
        """
        with self._alone:
            epoch, moved = self.epochs.current(now), 0
            for kept in self._all():
                if kept.epoch != epoch.epoch:
                    private = self._open(kept)
                    copy = key_copies.under_epoch(epoch.secret, private, kept.fingerprint, epoch.epoch)
                    self._save(kept.moved(copy, epoch.epoch))
                    moved += 1
            self.epochs.destroy_old(now, frozenset(kept.epoch for kept in self._all()))
            return moved

    def destroy(self, fingerprint: str, now: datetime) -> bytes:
        """Destroy a plan's key; the signed certificate. Once destroyed, the same certificate again.

        The certificate is written before the key is removed, and leaves here after. Raises `NoSuchKey`.
        """
        with self._alone:
            path = self._destroyed / f"{fingerprint}.json"
            if not path.exists():
                private_files.write(path, self._certificate(self._load(fingerprint), now), self._disk)
            private_files.remove(self._file(fingerprint), self._disk)
            return private_files.read(path)

    def drill(self, fingerprint: str, first: tuple[str, bytes], second: tuple[str, bytes]) -> None:
        """Recover a plan's key from its copy for these officers (id, private key), and compare it.

        Raises `NoSuchKey`, `CannotOpen`. Nothing is kept of what was recovered.
        """
        for copy in self.recovery(fingerprint):
            if (copy.first, copy.second) == (first[0], second[0]):
                found = key_copies.recover(copy.copy, fingerprint, first, second)
                if found != self.private(fingerprint):
                    raise key_copies.CannotOpen("the recovery copy holds another key")
                return
        raise NoSuchKey("there is no recovery copy for these two officers, in this order")

    def _certificate(self, kept: KeptKey, now: datetime) -> bytes:
        named = [one for one in self.epochs.all if one.epoch in kept.epochs]
        ends = {one.epoch: self.epochs.ends(one) for one in named}
        certificate = canonical.encode(
            {
                "v": CERTIFICATE_FORMAT,
                "plan": kept.fingerprint,
                "request": PlanKey.parse(kept.public).request,
                "destroyed_at": timestamp(now),
                "epochs": [{"epoch": name, "ends": timestamp(end)} for name, end in ends.items()],
                "recovery": [{"first": one.first, "second": one.second} for one in kept.recovery],
                "last_backup_ends": timestamp(max(now + self._window, *ends.values())),
            }
        )
        signature = self._certifies.sign(CERTIFICATE_FORMAT.encode() + b"\0" + certificate)
        return canonical.encode({"certificate": _text(certificate), "signature": _text(signature)})

    def _open(self, kept: KeptKey) -> bytes:
        epoch = self.epochs.of(kept.epoch)
        return key_copies.from_epoch(epoch.secret, kept.copy, kept.fingerprint, epoch.epoch)

    def _all(self) -> Iterator[KeptKey]:
        for path in sorted(self._plans.glob("*.json")):
            yield self._load(path.stem)

    def _file(self, fingerprint: str) -> Path:
        if len(fingerprint) != 64 or not fingerprint.isalnum():
            raise NoSuchKey("a plan is named by the fingerprint of its key")
        return self._plans / f"{fingerprint}.json"

    def _load(self, fingerprint: str) -> KeptKey:
        try:
            content = private_files.read(self._file(fingerprint))
        except FileNotFoundError:
            raise NoSuchKey("there is no key of this plan here") from None
        form = forms.document(content, KEPT_FORMAT, ("public", "copy", "epoch", "epochs", "recovery"))
        kept = KeptKey(
            form.raw("public", 1, forms.LONGEST),
            form.raw("copy", 1, 4096),
            form.identifier("epoch"),
            form.identifiers("epochs"),
            form.each("recovery", ("first", "second", "copy"), _recovery),
        )
        if kept.fingerprint != fingerprint:
            raise private_files.UnsafeFile("the file of a plan key holds another plan's")
        return kept

    def _save(self, kept: KeptKey) -> None:
        recovery = [
            {"first": one.first, "second": one.second, "copy": _text(one.copy)} for one in kept.recovery
        ]
        content = canonical.encode(
            {
                "v": KEPT_FORMAT,
                "public": _text(kept.public),
                "copy": _text(kept.copy),
                "epoch": kept.epoch,
                "epochs": list(kept.epochs),
                "recovery": recovery,
            }
        )
        private_files.write(self._file(kept.fingerprint), content, self._disk)


@dataclass(frozen=True)
class Certificate:
    """What a certificate of destruction says."""

    plan: str
    request: str
    destroyed_at: datetime
    last_backup_ends: datetime


def read_certificate(encoded: bytes, key: bytes) -> Certificate:
    """A certificate that this Ed25519 public key signed. Raises `BadCertificate`, `Malformed`."""
    outer = forms.plain(encoded, ("certificate", "signature"))
    certificate = outer.raw("certificate", 1, forms.LONGEST)
    domain = CERTIFICATE_FORMAT.encode() + b"\0"
    if not verify_signature(key, outer.raw("signature", 64), domain + certificate):
        raise BadCertificate("the signature of the certificate is false")
    return _read(certificate)


def kept_certificate(encoded: bytes) -> Certificate:
    """What a certificate says that this custodian made, and keeps under its digest. Raises `Malformed`."""
    return _read(forms.plain(encoded, ("certificate", "signature")).raw("certificate", 1, forms.LONGEST))


def _read(certificate: bytes) -> Certificate:
    form = forms.document(
        certificate,
        CERTIFICATE_FORMAT,
        ("plan", "request", "destroyed_at", "epochs", "recovery", "last_backup_ends"),
    )
    return Certificate(
        form.hexadecimal("plan", 32),
        form.identifier("request"),
        form.instant("destroyed_at"),
        form.instant("last_backup_ends"),
    )


def _copies(private: bytes, fingerprint: str, pairs: Pairs) -> tuple[RecoveryCopy, ...]:
    return tuple(
        RecoveryCopy(first.id, second.id, key_copies.for_recovery(private, fingerprint, first, second))
        for first, second in pairs
    )


def _recovery(form: Form) -> RecoveryCopy:
    return RecoveryCopy(form.identifier("first"), form.identifier("second"), form.raw("copy", 1, 8192))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

"""Epochs: the monthly keys under which the custodian keeps plan keys, with their dates, in one file.

A key that left a plan's file may still stand in a backup. It is dead there once the epoch's key is destroyed,
which happens a backup window after the epoch was retired; until then a certificate of destruction says so.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secure_access.custodian import forms, private_files
from secure_access.custodian.forms import Form
from secure_access.custodian.private_files import DISK, Disk
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp

FORMAT = "assay.custodian-epochs/v1"
KEY = 32
BACKUP_WINDOW = timedelta(days=35)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Stands for a date that has not come."""
_KEYS = ("epoch", "made_at", "retired_at", "destroyed_at", "key")


@dataclass(frozen=True)
class Epoch:
    """One month's key. ``secret`` is empty once it is destroyed; dates that have not come are `NEVER`."""

    epoch: str
    made_at: datetime
    retired_at: datetime = NEVER
    destroyed_at: datetime = NEVER
    secret: bytes = field(default=b"", repr=False)


class Epochs:
    """The epochs in the file at ``path``, oldest first. The newest wraps."""

    def __init__(self, path: Path, window: timedelta = BACKUP_WINDOW, disk: Disk = DISK) -> None:
        self._path, self._window, self._disk = path, window, disk
        self.all: tuple[Epoch, ...] = ()
        if path.exists():
            outer = forms.document(private_files.read(path), FORMAT, ("epochs",))
            self.all = outer.each("epochs", _KEYS, _epoch)

    @property
    def newest(self) -> Epoch | None:
        """The epoch that wraps, or ``None`` before the first."""
        return self.all[-1] if self.all else None

    def of(self, epoch: str) -> Epoch:
        """The epoch of that name. Raises ``LookupError``, also once its key is destroyed."""
        found = next((one for one in self.all if one.epoch == epoch and one.secret), None)
        if found is None:
            raise LookupError(f"there is no key of the epoch {epoch}")
        return found

    def current(self, now: datetime) -> Epoch:
        """The epoch of this month, made where it is missing; the one before is retired with that."""
        name, newest = f"{now:%Y-%m}", self.newest
        if newest is not None and newest.epoch >= name:
            return newest
        made = Epoch(name, now, secret=secrets.token_bytes(KEY))
        self._save((*self.all[:-1], *([replace(newest, retired_at=now)] if newest else []), made))
        return made

    def destroy_old(self, now: datetime, used: frozenset[str]) -> list[str]:
        """Destroy the keys that were retired a backup window ago, but those that a plan still needs."""
        over = [one.epoch for one in self.all if one.secret and self.ends(one) <= now]
        due = [epoch for epoch in over if epoch not in used]
        if due:
            gone = {epoch: replace(self.of(epoch), secret=b"", destroyed_at=now) for epoch in due}
            self._save(tuple(gone.get(one.epoch, one) for one in self.all))
        return due

    def ends(self, epoch: Epoch) -> datetime:
        """When the key of an epoch is destroyed at the latest, so that copies in backups are dead."""
        if not epoch.secret:
            return epoch.destroyed_at
        year, month = int(epoch.epoch[:4]), int(epoch.epoch[5:])
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return (following if epoch.retired_at == NEVER else epoch.retired_at) + self._window

    def _save(self, epochs: tuple[Epoch, ...]) -> None:
        rows = [
            {
                "epoch": one.epoch,
                "made_at": timestamp(one.made_at),
                "retired_at": timestamp(one.retired_at),
                "destroyed_at": timestamp(one.destroyed_at),
                "key": base64.b64encode(one.secret).decode(),
            }
            for one in epochs
        ]
        private_files.write(self._path, canonical.encode({"v": FORMAT, "epochs": rows}), self._disk)
        self.all = epochs


def _epoch(form: Form) -> Epoch:
    secret = form.raw("key", 0, KEY)
    if len(secret) not in (0, KEY):
        raise form.wrong("key", "32 bytes, or none")
    return Epoch(
        form.identifier("epoch"),
        form.instant("made_at"),
        form.instant("retired_at"),
        form.instant("destroyed_at"),
        secret,
    )

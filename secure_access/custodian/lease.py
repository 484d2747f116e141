"""The lease: one core is active, another stands by, and whoever is not sure serves nothing.

The lease is a file on storage that both reach: who holds it, until when, and a token that rises with every
change of holder. Whoever held it before finds another token there and stops, also when its clock stood still.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from secure_access.custodian import forms, private_files
from secure_access.custodian.forms import Malformed
from secure_access.custodian.private_files import UnsafeFile
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp

FORMAT = "assay.custodian-lease/v1"
LIFE = timedelta(seconds=15)
MARGIN = timedelta(seconds=5)
"""How far the clocks of the two machines may differ: a standby waits for so much longer."""
_MOST = 2**53 - 1


@dataclass(frozen=True)
class Held:
    """What the file says."""

    holder: str
    token: int
    until: datetime


class Lease:
    """The lease at ``path``, as seen by the core named ``holder``. Its folder is shared with the standby."""

    def __init__(self, path: Path, holder: str, life: timedelta = LIFE) -> None:
        self._path, self.holder, self._life = path, holder, life
        self._own: Held | None = None

    @property
    def token(self) -> int:
        """The token under which this core is active; 0 while it is not."""
        return self._own.token if self._own else 0

    def take(self, now: datetime) -> bool:
        """Become active, or stay so. Whether this core holds the lease now; in any trouble it does not."""
        try:
            with self._alone():
                found = self._read()
                free = found is None or found.until + MARGIN <= now
                if found is not None and self._is_own(found):
                    self._own = self._write(found.token, now)
                elif free:
                    self._own = self._write((found.token if found else 0) + 1, now)
                else:
                    self._own = None
        except (OSError, Malformed, UnsafeFile):
            self._own = None
        return self._own is not None

    def release(self, now: datetime) -> None:
        """Stop being active, so that a standby need not wait. In any trouble it waits for the end instead."""
        try:
            with self._alone():
                found = self._read()
                if found is not None and self._is_own(found):
                    self._put(Held(found.holder, found.token, now - MARGIN))
        except (OSError, Malformed, UnsafeFile):
            pass  # what stands there ends by itself
        self._own = None

    def refusal(self, now: datetime) -> str:
        """Why this core may not serve now; empty while it holds the lease and the file says so too."""
        own = self._own
        if own is None or not now < own.until:
            return "this core is not the active one"
        try:
            found = self._read()
        except (OSError, Malformed, UnsafeFile):
            return "the lease of this core cannot be read"
        mine = found is not None and self._is_own(found)
        return "" if mine else "another core has become active"

    def _is_own(self, found: Held) -> bool:
        """Whether the file says what this core wrote. A file that was lost begins its tokens again."""
        own = self._own
        return own is not None and (found.holder, found.token) == (own.holder, own.token)

    def _read(self) -> Held | None:
        if not self._path.exists():
            return None
        form = forms.document(private_files.read(self._path), FORMAT, ("holder", "token", "until"))
        return Held(form.identifier("holder"), form.number("token", 1, _MOST), form.instant("until"))

    def _write(self, token: int, now: datetime) -> Held:
        made = Held(self.holder, token, now + self._life)
        self._put(made)
        return made

    def _put(self, held: Held) -> None:
        until = timestamp(held.until)
        value = {"v": FORMAT, "holder": held.holder, "token": held.token, "until": until}
        private_files.write(self._path, canonical.encode(value))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

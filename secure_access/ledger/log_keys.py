"""The names and public keys of an instance's logs, and of those that they succeeded. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from secure_access.ledger.note import VerifierKey
from secure_access.ledger.tables import Log

_SUCCESSOR = re.compile(r"(.*)/([1-9][0-9]*)")


@dataclass(frozen=True)
class LogKeys:
    """The public keys of the public log, Ed25519 first, and of the logs before it, the newest first."""

    keys: tuple[VerifierKey, ...]
    before: tuple[tuple[VerifierKey, ...], ...] = ()

    @property
    def name(self) -> str:
        """The origin of the public log."""
        return self.keys[0].name

    def of(self, log: Log) -> tuple[VerifierKey, ...]:
        """The keys by which outsiders verify the checkpoints of a log."""
        return tuple(replace(key, name=origin(key.name, log)) for key in self.keys)

    def ever_of(self, log: Log) -> tuple[VerifierKey, ...]:
        """`of`, and the keys of the logs that this one succeeded."""
        return tuple(
            replace(key, name=origin(key.name, log)) for keys in (self.keys, *self.before) for key in keys
        )

    def trusted_of(self, log: Log, known: Collection[str]) -> tuple[VerifierKey, ...]:
        """`ever_of` without the logs named in ``known``, whose keys others have: for those who verify."""
        return tuple(
            replace(key, name=origin(key.name, log))
            for keys in (self.keys, *(keys for keys in self.before if keys[0].name not in known))
            for key in keys
        )

    def named(self, number: int) -> str | None:
        """The origin of the public log of this `generation`, or ``None``."""
        names = (keys[0].name for keys in (self.keys, *self.before))
        return next((name for name in names if generation(name) == number), None)


def origin(name: str, log: Log) -> str:
    """The identity of a log: the name of the key for the public one, and a path below it for custody."""
    return name if log is Log.PUBLIC else f"{name}/{log.value}"


def generation(name: str) -> int:
    """1 for the first log of an instance; its successor ``x/ledger/2`` is 2, and so on."""
    match = _SUCCESSOR.fullmatch(name)
    return int(match[2]) if match else 1


def prefix(name: str) -> str:
    """What stands after ``/ledger`` in the addresses of a log: nothing for the first, ``/2`` for the next.

    No address ever has two contents, and caches keep some of them for years.
    """
    number = generation(name)
    return f"/{number}" if number > 1 else ""


def next_name(name: str) -> str:
    """The name of the successor: ``x/ledger`` is followed by ``x/ledger/2``, that by ``x/ledger/3``."""
    match = _SUCCESSOR.fullmatch(name)
    return f"{match[1] if match else name}/{generation(name) + 1}"


def read(lines: Sequence[str]) -> LogKeys:
    """The keys from lines of verifier keys, the newest log first. Raises `note.NoteError`."""
    found: dict[str, list[VerifierKey]] = {}
    for line in lines:
        key = VerifierKey.parse(line)
        found.setdefault(key.name, []).append(key)
    newest, *before = (tuple(keys) for keys in found.values())
    return LogKeys(newest, tuple(before))

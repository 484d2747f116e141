"""The names and public keys of an instance's logs, and of those that they succeeded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secure_access.ledger.note import VerifierKey
from secure_access.ledger.tables import Log


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


def origin(name: str, log: Log) -> str:
    """The identity of a log: the name of the key for the public one, and a path below it for custody."""
    return name if log is Log.PUBLIC else f"{name}/{log.value}"


def read(lines: Sequence[str]) -> LogKeys:
    """The keys from lines of verifier keys, the newest log first. Raises `note.NoteError`."""
    found: dict[str, list[VerifierKey]] = {}
    for line in lines:
        key = VerifierKey.parse(line)
        found.setdefault(key.name, []).append(key)
    newest, *before = (tuple(keys) for keys in found.values())
    return LogKeys(newest, tuple(before))

"""What others say of the log, for `audit.verify` to hold the database to: its signer, its witnesses, and
checkpoints that somebody kept.

A database that was restored from an older copy agrees with itself. Only who has seen more of it can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from secure_access.db import Database
from secure_access.ledger import log_keys, note, witnesses
from secure_access.ledger.note import Checkpoint, NoteError, VerifierKey
from secure_access.ledger.sequencer import latest
from secure_access.ledger.signer import Frozen, Signed
from secure_access.ledger.signer_process import Unreachable
from secure_access.ledger.tables import Log


@dataclass(frozen=True)
class Told:
    """A log as somebody outside the database knows it: ``size`` entries, and their root where it is known.

    ``by`` is "signer", "witness" or "checkpoint"; ``name`` the log, an address or a file. ``refused`` is why
    the signer or a witness would not sign what is here.
    """

    by: str
    name: str
    log: Log
    size: int = 0
    root: bytes | None = None
    refused: str = ""


def by_checkpoint(text: str, keys: Mapping[Log, Sequence[VerifierKey]], name: str) -> Told:
    """A checkpoint of one of these logs, signed by it. Raises `note.NoteError`."""
    signed = note.parse(text)
    head = Checkpoint.parse(signed.text)
    for log, known in keys.items():
        mine = [key for key in known if key.name == head.origin]
        if mine:
            signed.verified(mine)
            return Told("checkpoint", name, log, head.size, head.root)
    raise NoteError(f"it is of {head.origin}, which is none of the logs of this instance")


def by_signer(last_of: Callable[[str], Signed | None], name: str) -> tuple[list[Told], str]:
    """The last head of each log that the signer has signed; and why it could not be asked, where it was not.

    ``last_of`` asks it for the log of an origin; ``name`` is the origin of the public log.
    """
    found: list[Told] = []
    for log in Log:
        try:
            last = last_of(log_keys.origin(name, log))
        except Unreachable as problem:
            return found, str(problem)
        except Frozen as problem:
            return [*found, Told("signer", log, log, refused=str(problem))], ""
        if last is not None:
            found.append(Told("signer", log, log, last.size, last.root))
    return found, "" if found else "it remembers none of these logs"


def by_witnesses(database: Database, urls: Iterable[str]) -> tuple[list[Told], str]:
    """What the witness has seen of the public log that has seen most of it; and why none could be asked."""
    with database.read() as session:
        newest = latest(session, Log.PUBLIC)
        shown = newest.note if newest else ""
    if not shown:
        return [], "there is no checkpoint to show them"
    try:
        seen = witnesses.largest_seen(urls, shown)
    except Frozen as problem:
        return [Told("witness", "", Log.PUBLIC, refused=str(problem))], ""
    if seen is None:
        return [], "none answers"
    return [Told("witness", seen.by, Log.PUBLIC, seen.size)], ""

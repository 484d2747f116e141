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
from secure_access.ledger.sequencer import latest, origin_of
from secure_access.ledger.signer import Frozen, Signed
from secure_access.ledger.signer_process import Unreachable
from secure_access.ledger.tables import LedgerCheckpoint, Log
from secure_access.ledger.witnesses import Forked, NoAnswer

_MOST_ASKED = 3
"""Times: a log that goes on meanwhile is seen with another size."""


@dataclass(frozen=True)
class Told:
    """A log as somebody outside the database knows it: ``size`` entries, and their root where it is known.

    Without a root, no signed checkpoint of that size is in the database: nothing shows that what was seen is
    what is here. ``by`` is "signer", "witness" or "checkpoint"; ``name`` the log, an address or a file.
    ``refused`` is why the signer or a witness would not sign what is here.
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


def by_witnesses(database: Database, urls: Iterable[str], name: str) -> tuple[list[Told], str]:
    """What each witness has seen of the public log ``name``; and why some could not be asked.

    A witness says how many entries it has seen, and not which. So it is shown the checkpoint of that very
    size, which it signs again if it is the one that it saw. It signs nothing new.
    """
    newest = _signed(database, name)
    if newest is None:
        return [], "there is no checkpoint to show them"
    found, silent = [], []
    for url in urls:
        try:
            found.append(_by_witness(database, url, name, newest))
        except Forked as fork:
            found.append(Told("witness", url, Log.PUBLIC, refused=f"has signed another history: {fork}"))
        except NoAnswer as problem:
            silent.append(f"{url}: {problem}")
    return found, "; ".join(silent)


def _by_witness(database: Database, url: str, name: str, newest: LedgerCheckpoint) -> Told:
    shown = newest
    for _ in range(_MOST_ASKED):
        size = witnesses.seen(url, shown.note)
        if size == shown.size:
            return Told("witness", url, Log.PUBLIC, size, shown.root)
        same = _signed(database, name, size)
        if same is None or not size:
            return Told("witness", url, Log.PUBLIC, size)
        shown = same
    raise NoAnswer("it had seen more each time that it was asked")


def _signed(database: Database, name: str, size: int | None = None) -> LedgerCheckpoint | None:
    """The checkpoint of this log and size, or its newest."""
    with database.read() as session:
        found = latest(session, Log.PUBLIC)
        if size is not None:
            found = session.get(LedgerCheckpoint, (Log.PUBLIC, size))
        return found if found is not None and origin_of(found) == name else None

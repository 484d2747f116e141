"""A successor: a log of another name that goes on where an old one can not.

A log is given up when its database was restored from a copy that lacks entries which were signed, or when
its key is lost or known to others. The old name never signs again. The new one has new keys, the entries that
are left keep their places, and its first entry says which log it follows, and with which head that ended: the
last one that the old signer remembers. What was signed and is gone from the database stays proved by the
receipts and cosignatures that others hold, under the old keys, which stay in the policy file: unless others
have them, who could sign whatever they like under the old name. Then only the successor proves what is left.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime

from secure_access.db import Session, col, select
from secure_access.ledger import merkle, note, tiles
from secure_access.ledger.canonical import Json
from secure_access.ledger.note import Checkpoint, NoteError, VerifierKey
from secure_access.ledger.recording import append, declare
from secure_access.ledger.signer import Signed
from secure_access.ledger.tables import LedgerCheckpoint, LedgerEntry, LedgerHead, Log

REASONS = ("restored", "key_lost", "key_known")
"""Why a log is given up: restored from an older copy, its key lost, its key known to others."""

_KEYS = ("origin", "size", "root", "left", "reason")
SUCCEEDED = declare("ledger.succeeded", _KEYS, audience="public")
"""``origin`` is the old log, ``size`` and ``root`` its last signed head (``-1`` and nothing where no memory
of it is left); ``left`` is how many of its signed entries are in this one: the others are missing."""
CUSTODY_SUCCEEDED = declare("ledger.custody_succeeded", _KEYS, log="custody")
"""The same of the custody log, in which it stays."""
_EVENTS = {Log.PUBLIC: SUCCEEDED, Log.CUSTODY: CUSTODY_SUCCEEDED}


def note_succession(
    session: Session,
    *,
    log: Log,
    keys: Sequence[VerifierKey],
    last: Signed | None,
    reason: str,
    now: datetime,
) -> LedgerEntry:
    """Record that a log ended and which head it had; once for a reason, however often it is called.

    ``keys`` are those of the log that ended, under its origin; ``last`` is what its signer remembers. Raises
    ``ValueError`` for a reason that is none.
    """
    if reason not in REASONS:
        raise ValueError(f"a log is given up because it is one of {', '.join(REASONS)}")
    kind = _EVENTS[log]
    origin = keys[0].name
    for entry in _noted(session, kind.name):
        if (entry.fields["origin"], entry.fields["reason"]) == (origin, reason):
            return entry
    kept = _kept(session, log, keys)
    end: Signed | LedgerCheckpoint | None = last
    if last is not None and kept is not None and kept.size > last.size:
        end = kept  # The memory is older than the database.
    whole = end is not None and _holds(session, log, end.size, end.root)
    fields: dict[str, Json] = {
        "origin": origin,
        "size": end.size if end else -1,
        "root": base64.b64encode(end.root).decode() if end else "",
        "left": end.size if end and whole else kept.size if kept else 0,
        "reason": reason,
    }
    return append(session, kind.name, fields, by=None, now=now, about=("ledger:succession",))


def _noted(session: Session, kind: str) -> list[LedgerEntry]:
    query = select(LedgerEntry).where(LedgerEntry.type == kind).order_by(col(LedgerEntry.number))
    return list(session.exec(query))


def known_to_others(session: Session) -> frozenset[str]:
    """The names of the public logs that ended because others have their key: nobody may trust it any more."""
    every = _noted(session, SUCCEEDED.name)
    return frozenset(str(entry.fields["origin"]) for entry in every if entry.fields["reason"] == "key_known")


def endings(session: Session) -> list[str]:
    """What is left of each public log that ended, in a sentence each, the oldest first."""
    return [told(entry) for entry in _noted(session, SUCCEEDED.name)]


def told(entry: LedgerEntry) -> str:
    """How many signed entries of the log that ended are in its successor, and how many are missing."""
    origin, size, left = (entry.fields[name] for name in ("origin", "size", "left"))
    assert isinstance(size, int)
    assert isinstance(left, int)
    if size < 0:
        return (
            f"{origin} has ended, and nobody here remembers how far it was signed. {left:,} of its signed "
            "entries are in its successor."
        )
    missing = f"{size - left:,} are missing" if size > left else "none is missing"
    return (
        f"{origin} has ended. It was signed with {size:,} entries: {left:,} are in its successor, {missing}."
    )


def _kept(session: Session, log: Log, keys: Sequence[VerifierKey]) -> LedgerCheckpoint | None:
    """The newest checkpoint of the log that ended whose entries are all here, with the signed root."""
    query = (
        select(LedgerCheckpoint)
        .where(LedgerCheckpoint.log == log)
        .order_by(col(LedgerCheckpoint.size).desc())
        .execution_options(yield_per=50)
    )
    for checkpoint in session.exec(query):
        if _is_signed(checkpoint, keys) and _holds(session, log, checkpoint.size, checkpoint.root):
            return checkpoint
    return None


def _is_signed(checkpoint: LedgerCheckpoint, keys: Sequence[VerifierKey]) -> bool:
    try:
        signed = note.parse(checkpoint.note)
        signed.verified(keys)
        head = Checkpoint.parse(signed.text)
    except NoteError:
        return False
    return head == Checkpoint(keys[0].name, checkpoint.size, checkpoint.root)


def _holds(session: Session, log: Log, size: int, root: bytes) -> bool:
    """Whether the tree has this root at this size."""
    head = session.get(LedgerHead, log)
    if head is None or head.size < size:
        return False
    try:
        return merkle.root(size, tiles.nodes(tiles.stored(session, log))) == root
    except LookupError:
        return False

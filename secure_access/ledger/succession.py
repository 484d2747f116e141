"""A successor: a log of another name that goes on where an old one can not.

A log is given up when its database was restored from a copy that lacks entries which were signed, or when
its key is lost or known to others. The old name never signs again. The new one has new keys, the entries that
are left keep their places, and its first entry says which log it follows, and with which head that ended: the
last one that the old signer remembers. What was signed and is gone from the database stays proved by the
receipts and cosignatures that others hold, under the old keys, which stay in the policy file.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime

from secure_access.db import Session, col, select
from secure_access.ledger.canonical import Json
from secure_access.ledger.recording import append, declare
from secure_access.ledger.signer import Signed
from secure_access.ledger.tables import LedgerEntry, LedgerHead, Log

REASONS = ("restored", "key_lost", "key_known")
"""Why a log is given up: restored from an older copy, its key lost, its key known to others."""

_KEYS = ("origin", "size", "root", "left", "reason")
SUCCEEDED = declare("ledger.succeeded", _KEYS, audience="public")
"""``origin`` is the old log, ``size`` and ``root`` its last signed head (``-1`` and nothing where no memory
of it is left); ``left`` is how many of its entries are in this one."""
CUSTODY_SUCCEEDED = declare("ledger.custody_succeeded", _KEYS, log="custody")
"""The same of the custody log, in which it stays."""
_EVENTS = {Log.PUBLIC: SUCCEEDED, Log.CUSTODY: CUSTODY_SUCCEEDED}


def next_name(name: str) -> str:
    """The name of the successor: ``x/ledger`` is followed by ``x/ledger/2``, that by ``x/ledger/3``."""
    match = re.fullmatch(r"(.*)/([1-9][0-9]*)", name)
    return f"{match[1]}/{int(match[2]) + 1}" if match else f"{name}/2"


def note_succession(
    session: Session, *, log: Log, origin: str, last: Signed | None, reason: str, now: datetime
) -> LedgerEntry:
    """Record that a log ended and which head it had; once, however often it is called.

    Raises ``ValueError`` for a reason that is none.
    """
    if reason not in REASONS:
        raise ValueError(f"a log is given up because it is one of {', '.join(REASONS)}")
    kind = _EVENTS[log]
    for entry in _noted(session, kind.name):
        if entry.fields["origin"] == origin:
            return entry
    head = session.get(LedgerHead, log)
    fields: dict[str, Json] = {
        "origin": origin,
        "size": last.size if last else -1,
        "root": base64.b64encode(last.root).decode() if last else "",
        "left": head.size if head else 0,
        "reason": reason,
    }
    return append(session, kind.name, fields, by=None, now=now, about=("ledger:succession",))


def _noted(session: Session, kind: str) -> list[LedgerEntry]:
    query = select(LedgerEntry).where(LedgerEntry.type == kind).order_by(col(LedgerEntry.number))
    return list(session.exec(query))

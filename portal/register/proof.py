"""What a page of the register can prove about the row it shows, and how it was compared.

The digest of the row, as the database returns it now, is computed anew under the entry's record salt and held
to the digest in the entry; the entry's bytes are held to their leaf, and the leaf to the signed checkpoint,
by the same verifier that outsiders download.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, text
from sqlalchemy.exc import DBAPIError

from secure_access import ledger
from secure_access.db import Session, Table, col, select, under_conditions
from secure_access.ledger import commitment, receipts, records, witnesses
from secure_access.ledger.canonical import NotCanonical
from secure_access.ledger.log_keys import LogKeys
from secure_access.ledger.tables import Audience, LedgerAbout, LedgerCheckpoint, LedgerEntry, Log
from secure_access.ledger.witnesses import Witnesses

_NAMING = text("SELECT * FROM assay_naming(:about, :named, :key)")


class ProofState(StrEnum):
    """What the comparison came to."""

    MATCHES = "matches"
    WAITING = "waiting"
    DIFFERS = "differs"


@dataclass(frozen=True)
class Proof:
    """The outcome for one row. ``index`` is the place of the entry in the public log, counted from 0, as in
    its receipt; ``size`` is that of the checkpoint it was held to, and ``witnesses`` are who cosigned that;
    ``digest`` is the keyed digest that the entry names the row by. ``has_receipt``: the exact bytes of the
    entry are for everybody.
    """

    state: ProofState
    reason: str
    index: int | None = None
    signed_at: datetime | None = None
    size: int = 0
    digest: str = ""
    has_receipt: bool = False
    witnesses: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Named:
    """The newest entry that names a row: its place, by which digest, and the digest of the row now."""

    number: int
    log: Log
    leaf_index: int | None
    leaf: bytes
    audience: Audience
    recorded: str
    now: str
    opens: bool


def prove(session: Session, row: Table, *, about: str, keys: LogKeys, wanted: Witnesses) -> Proof:
    """Compare a row of record with the newest entry about ``about`` that names it. Raises nothing.

    ``keys`` are those of the log, ``wanted`` the witnesses whose cosignatures count.
    A role of PostgreSQL that reads public columns only is told the digests by the database, and no salt.
    """
    asked = _told_by_database if under_conditions(session.connection()) else _naming
    try:
        with session.begin_nested():
            found = asked(session, row, about)
    except (NotCanonical, KeyError, TypeError, DBAPIError):
        return Proof(ProofState.DIFFERS, "an entry about it cannot be read")
    if found is None:
        return Proof(ProofState.DIFFERS, "no entry of the ledger names it")
    state, reason = _compared(session, found, keys, wanted)
    return _outcome(state, reason, session, found, wanted)


def _compared(session: Session, found: _Named, keys: LogKeys, wanted: Witnesses) -> tuple[ProofState, str]:
    if not hmac.compare_digest(found.now, found.recorded):
        return ProofState.DIFFERS, "what is shown is not what the entry recorded"
    if not found.opens:
        return ProofState.DIFFERS, "the entry is not what its leaf in the log commits to"
    try:
        outcome = receipts.hold(session, wanted, found.leaf_index, found.leaf, _own_policy(keys))
    except (ValueError, LookupError):
        return ProofState.DIFFERS, "the entry cannot be held to the signed log"
    match outcome.state:
        case receipts.State.PROOF_FOLLOWS:
            return ProofState.WAITING, outcome.reason
        case receipts.State.NOT_PROVED:
            return ProofState.DIFFERS, outcome.reason
    return ProofState.MATCHES, outcome.reason


def of_entry(session: Session, entry: LedgerEntry) -> datetime | None:
    """When the first checkpoint that holds an entry was signed, or ``None``."""
    return _signed_at(session, entry.log, entry.leaf_index)


def _signed_at(session: Session, log: Log, place: int | None) -> datetime | None:
    if place is None:
        return None
    query = (
        select(LedgerCheckpoint.at)
        .where(LedgerCheckpoint.log == log, col(LedgerCheckpoint.size) > place)
        .order_by(col(LedgerCheckpoint.size))
    )
    return session.exec(query.limit(1)).first()


def public_entries(session: Session, about: str) -> Sequence[LedgerEntry]:
    """The entries about a subject that are for everybody, newest first."""
    return [
        entry
        for entry in reversed(ledger.entries(session, about=about))
        if entry.audience is Audience.PUBLIC and entry.log is Log.PUBLIC
    ]


def _outcome(state: ProofState, reason: str, session: Session, found: _Named, wanted: Witnesses) -> Proof:
    place = found.leaf_index
    best = None if place is None else witnesses.best(session, wanted, Log.PUBLIC, reaching=place + 1)
    lines = witnesses.cosignatures(session, Log.PUBLIC, best.size) if best else ()
    return Proof(
        state=state,
        reason=reason,
        index=place,
        signed_at=_signed_at(session, found.log, place),
        size=best.size if best else 0,
        digest=found.recorded,
        has_receipt=found.audience is Audience.PUBLIC,
        witnesses=tuple(sorted({line.name for line in lines if (line.name, line.key) in wanted.signers})),
    )


def _naming(session: Session, row: Table, about: str) -> _Named | None:
    table = records.sql_table(type(row)).name
    row_id = records.identity(type(row), records.primary_key(row))
    whole = records.sql_table(LedgerEntry)
    numbers = select(LedgerAbout.entry_number).where(LedgerAbout.subject == about)
    # An entry whose content was removed names nothing any more; its tombstone names what it had.
    held = whole.c.number.in_(numbers) & (func.length(whole.c.entry) > 0)
    query = whole.select().where(held).order_by(whole.c.number.desc())
    for stored in session.connection().execute(query).mappings():
        entry = LedgerEntry(**stored)
        for named in entry.content["records"]:  # type: ignore[union-attr]
            if isinstance(named, dict) and (named["table"], named["id"]) == (table, row_id):
                return _read(session, row, entry, str(named.get("digest", "")))
    return None


def _read(session: Session, row: Table, entry: LedgerEntry, recorded: str) -> _Named:
    stored = records.read(session.connection(), type(row), records.primary_key(row))
    return _Named(
        number=entry.number or 0,
        log=Log(entry.log),
        leaf_index=entry.leaf_index,
        leaf=entry.leaf,
        audience=Audience(entry.audience),
        recorded=recorded,
        now=records.digest(entry.record_salt, type(row), stored) if stored is not None else "",
        opens=commitment.opens(entry.leaf, entry.salt, entry.entry),
    )


def _told_by_database(session: Session, row: Table, about: str) -> _Named | None:
    asked = {
        "about": about,
        "named": records.sql_table(type(row)).name,
        "key": records.identity(type(row), records.primary_key(row)),
    }
    told = session.connection().execute(_NAMING, asked).mappings().first()
    if told is None:
        return None
    return _Named(**{**told, "log": Log(told["log"]), "audience": Audience(told["audience"])})


def _own_policy(keys: LogKeys) -> receipts.Policy:
    return receipts.Policy.parse(receipts.policy_text(keys.ever_of(Log.PUBLIC)))

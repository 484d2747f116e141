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
from typing import Any

from secure_access import ledger
from secure_access.db import Session, Table, col, select
from secure_access.ledger import receipts, records, witnesses
from secure_access.ledger.canonical import NotCanonical
from secure_access.ledger.log_keys import LogKeys
from secure_access.ledger.tables import Audience, LedgerCheckpoint, LedgerEntry, Log


class ProofState(StrEnum):
    """What the comparison came to."""

    MATCHES = "matches"
    WAITING = "waiting"
    DIFFERS = "differs"


@dataclass(frozen=True)
class Proof:
    """The outcome for one row. ``index`` is the place of the entry in the public log, counted from 0, as in
    its receipt; ``size`` is that of the checkpoint it was held to, and ``witnesses`` are who cosigned that;
    ``digest`` is the keyed digest that the entry names the row by. ``entry`` is kept for the receipt, where
    the event is public.
    """

    state: ProofState
    reason: str
    index: int | None = None
    signed_at: datetime | None = None
    size: int = 0
    digest: str = ""
    entry: LedgerEntry | None = None
    witnesses: tuple[str, ...] = ()

    @property
    def has_receipt(self) -> bool:
        """Whether the exact bytes of the entry are for everybody."""
        return self.entry is not None and self.entry.audience is Audience.PUBLIC


def prove(session: Session, row: Table, *, about: str, keys: LogKeys) -> Proof:
    """Compare a row of record with the newest entry about ``about`` that names it. Raises nothing."""
    try:
        found = _naming(session, row, about)
    except (NotCanonical, KeyError, TypeError):
        return Proof(ProofState.DIFFERS, "an entry about it cannot be read")
    if found is None:
        return Proof(ProofState.DIFFERS, "no entry of the ledger names it")
    state, reason = _compared(session, row, found, keys)
    return _outcome(state, reason, session, found)


def _compared(
    session: Session, row: Table, found: tuple[LedgerEntry, dict[str, Any]], keys: LogKeys
) -> tuple[ProofState, str]:
    entry, named = found
    if not hmac.compare_digest(_digest_now(session, row, entry), named.get("digest", "")):
        return ProofState.DIFFERS, "what is shown is not what the entry recorded"
    try:
        outcome = receipts.verify(receipts.receipt_text(session, entry), _own_policy(keys))
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
    if entry.leaf_index is None:
        return None
    query = (
        select(LedgerCheckpoint.at)
        .where(LedgerCheckpoint.log == entry.log, col(LedgerCheckpoint.size) > entry.leaf_index)
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


def _outcome(
    state: ProofState, reason: str, session: Session, found: tuple[LedgerEntry, dict[str, Any]]
) -> Proof:
    entry, named = found
    place = entry.leaf_index
    best = None if place is None else witnesses.best(session, Log.PUBLIC, reaching=place + 1)
    lines = witnesses.cosignatures(session, Log.PUBLIC, best.size) if best else ()
    return Proof(
        state=state,
        reason=reason,
        index=entry.leaf_index,
        signed_at=of_entry(session, entry),
        size=best.size if best else 0,
        digest=str(named.get("digest", "")),
        entry=entry,
        witnesses=tuple(sorted({line.name for line in lines})),
    )


def _naming(session: Session, row: Table, about: str) -> tuple[LedgerEntry, dict[str, Any]] | None:
    table = records.sql_table(type(row)).name
    row_id = records.identity(type(row), records.primary_key(row))
    for entry in reversed(ledger.entries(session, about=about)):
        for named in entry.content["records"]:  # type: ignore[union-attr]
            if isinstance(named, dict) and (named["table"], named["id"]) == (table, row_id):
                return entry, named
    return None


def _digest_now(session: Session, row: Table, entry: LedgerEntry) -> str:
    stored = records.read(session.connection(), type(row), records.primary_key(row))
    return records.digest(entry.record_salt, type(row), stored) if stored is not None else ""


def _own_policy(keys: LogKeys) -> receipts.Policy:
    return receipts.Policy.parse(receipts.policy_text(keys.ever_of(Log.PUBLIC)))

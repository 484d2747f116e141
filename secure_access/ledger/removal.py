"""Removing the content of an entry, by two administrators: the leaf stays, and an entry says so.

Bytes and salts of an entry that only its parties may see can be removed. What is left is its leaf, so that
the tree and every receipt that somebody holds still verify, and a *tombstone*: the entry ``entry.removed``.
Rows of record whose last word the removed entry had are named anew by the tombstone, once they are found to
be what the removed entry said; so no row is left without an entry that fixes it.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secure_access.actor import Actor
from secure_access.db import Session, Table, col, select
from secure_access.ledger import canonical, records
from secure_access.ledger.recording import append, declare, timestamp
from secure_access.ledger.tables import Audience, LedgerAbout, LedgerEntry
from secure_access.ledger.triggers import KEPT_TYPES
from secure_access.workflow import Denied

BASES: Mapping[str, str] = {
    "retention_ended": "the end of its retention class",
    "erasure_ordered": "an order to erase it",
}
"""On what basis content is removed: the code in the entry, and its words on screen."""

REMOVED = declare("entry.removed", keys=("entry", "log", "leaf", "type", "recorded_at", "basis"))
"""The tombstone. It repeats what the columns of the removed entry say, so that they stay watched."""

KEPT = KEPT_TYPES
"""How types begin whose content is never removed: what holds the logs to each other, and the evidence
of who read what by whose permission, and of power that was given or used."""


ACT = "entry.remove"
"""What two administrators propose and approve."""
ACT_FORMAT = "assay.proposed-act/v1"


@dataclass(frozen=True)
class Removed:
    """When the content of an entry was removed, and on what basis, in words."""

    at: datetime
    basis: str


def subject(entry: LedgerEntry) -> str:
    """The entry as a subject of other entries."""
    return f"entry:{entry.id}"


def content(entry: LedgerEntry, basis: str) -> dict[str, str]:
    """What is proposed when the content of an entry is to be removed."""
    return {"entry": str(entry.id), "leaf": entry.leaf.hex(), "basis": basis}


def act_digest(entry: str, leaf: str, basis: str) -> str:
    """The digest behind which both administrators stand, as the entries of their act hold it."""
    proposed = {"entry": entry, "leaf": leaf, "basis": basis}
    stated = canonical.encode({"act": ACT, "content": proposed, "v": ACT_FORMAT})
    return hashlib.sha256(stated).hexdigest()


def load(session: Session, entry_id: str, *, for_update: bool = False) -> LedgerEntry:
    """The entry with this identifier. Raises `Denied` where there is none."""
    try:
        wanted = uuid.UUID(entry_id)
    except ValueError:
        raise Denied("This is no identifier of an entry.", _WHERE) from None
    query = select(LedgerEntry).where(LedgerEntry.id == wanted)
    if for_update:
        query = query.with_for_update()
    found = session.exec(query).first()
    if found is None:
        raise Denied("There is no entry with this identifier.", _WHERE)
    return found


_WHERE = "Copy it from the page of the entry, under History of the case."


def check(session: Session, proposed: Mapping[str, Any]) -> LedgerEntry:
    """The entry that is meant, if its content can be removed. Raises `Denied` where it cannot."""
    entry = load(session, proposed["entry"], for_update=True)
    if proposed["leaf"] != entry.leaf.hex():
        raise Denied("The leaf of this entry is another one than was proposed.", "Refuse the act.")
    if proposed["basis"] not in BASES:
        raise Denied("There is no such basis.", "Choose one that the page names.")
    if not entry.entry:
        raise Denied("The content of this entry is removed already.", "Nothing is left to do.")
    if entry.audience is not Audience.PARTIES:
        raise Denied("This entry is published, so everybody may hold a copy.", "It stays.")
    if entry.type.startswith(KEPT):
        raise Denied(
            "This entry holds the logs to each other, or is evidence of a reading or of power used.",
            "It stays.",
        )
    if entry.leaf_index is None:
        raise Denied("This entry has no place in the log yet.", "Wait a minute, then try again.")
    return entry


def remove(session: Session, *, proposed: Mapping[str, Any], by: Actor, now: datetime) -> LedgerEntry:
    """Remove the bytes and salts of an entry and leave a tombstone, which is returned.

    Called when the second administrator approves. Raises `Denied`, also where a row whose last word this
    entry has is not what it says: that is looked into before the evidence is removed.
    """
    entry = check(session, proposed)
    rows = list(_rows(session, entry))
    about = select(LedgerAbout.subject).where(LedgerAbout.entry_number == entry.number)
    subjects = session.exec(about.order_by(col(LedgerAbout.position)))
    fields = {
        "entry": str(entry.id),
        "log": entry.log.value,
        "leaf": entry.leaf.hex(),
        "type": entry.type,
        "recorded_at": timestamp(entry.recorded_at),
        "basis": proposed["basis"],
    }
    made = append(
        session, REMOVED.name, fields, by=by, now=now, about=(subject(entry), *subjects), records=rows
    )
    entry.entry = entry.salt = entry.record_salt = b""
    session.add(entry)
    session.flush()
    return made


def removed(session: Session, entry: LedgerEntry) -> Removed | None:
    """What the tombstone of an entry says; ``None`` for one whose content is there, or that has none."""
    if entry.entry:
        return None
    query = (
        select(LedgerEntry)
        .join(LedgerAbout, col(LedgerAbout.entry_number) == col(LedgerEntry.number))
        .where(LedgerAbout.subject == subject(entry), LedgerEntry.type == REMOVED.name)
    )
    stone = session.exec(query).first()
    return Removed(stone.recorded_at, BASES[str(stone.fields["basis"])]) if stone else None


def _rows(session: Session, entry: LedgerEntry) -> Iterator[Table]:
    """The rows of record whose last word this entry has, once they are found to be what it says."""
    named = {
        (str(row["table"]), str(row["id"])): row
        for row in _named(entry.entry)
        if not row.get("deleted") and not row.get("draft")
    }
    for key in _named_later(session, entry, set(named)):
        named.pop(key, None)
    tables = records.record_tables()
    for (table, row_id), said in named.items():
        kind = tables.get(table)
        row = session.get(kind, records.key_of(kind, row_id)) if kind else None
        stored = records.read(session.connection(), kind, records.primary_key(row)) if kind and row else None
        if kind is None or row is None or stored is None:
            raise Denied(f"The {table} {row_id} that this entry recorded is not there.", _LOOK)
        if not records.is_named(entry.record_salt, kind, stored, said):
            raise Denied(f"The {table} {row_id} is not what this entry recorded.", _LOOK)
        yield row


_LOOK = "Run assay ledger verify on the machine first: this entry is evidence."


def _named(stored: bytes) -> list[dict[str, Any]]:
    decoded: Any = canonical.decode(stored)
    rows: list[dict[str, Any]] = decoded["records"]
    return rows


def _named_later(
    session: Session, entry: LedgerEntry, rows: set[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Which of these rows a later entry names. Bytes are searched first: most entries name none of them."""
    needles = [row_id.encode() for _, row_id in rows]
    later = select(LedgerEntry.entry).where(col(LedgerEntry.number) > entry.number)
    for stored in session.exec(later.execution_options(yield_per=1000)) if rows else ():
        if any(needle in stored for needle in needles):
            yield from ((row["table"], row["id"]) for row in _named(stored))

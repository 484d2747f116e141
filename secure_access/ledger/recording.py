"""Entries: declared event types, and the one way to record an event.

An entry says what happened, when, by whom, about what, and which rows of tables of record it wrote. It is
stored as the bytes that its leaf commits to, and those bytes are never made again. People and organisations
appear by identifier only: a name, an address or a text of theirs does not enter an entry.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import inspect

from secure_access.actor import Actor
from secure_access.db import Session, Table, col, new_id, select
from secure_access.ledger import bulk, canonical, commitment, guard, records
from secure_access.ledger.tables import Audience, LedgerAbout, LedgerEntry, Log

FORMAT = "assay.entry/v1"

_TYPE = re.compile(r"[a-z_]+(\.[a-z_]+)+")
LONGEST_SUBJECT = 120
_SUBJECT = re.compile(r"[a-z_]+:[^\s:]{1,100}")


class EventError(ValueError):
    """A declaration, or an event that does not keep to its declaration. A fault of the program."""


@dataclass(frozen=True)
class EventType:
    """A kind of event: its exact keys, the log it belongs to, and who may see its entries."""

    name: str
    keys: frozenset[str]
    log: Log
    audience: Audience


_declared: dict[str, EventType] = {}


def declare(
    name: str,
    keys: Sequence[str] = (),
    log: Literal["public", "custody"] = "public",
    audience: Literal["public", "parties"] = "parties",
) -> EventType:
    """Declare an event type, once, where the package that records it is imported.

    Without ``audience`` only the leaf of an entry is ever published. Raises `EventError` for another
    declaration of the same name.
    """
    declared = EventType(name, frozenset(keys), Log(log), Audience(audience))
    if not _TYPE.fullmatch(name):
        raise EventError(f"an event is named like filing.submitted, not {name!r}")
    if declared.log is Log.CUSTODY and declared.audience is Audience.PUBLIC:
        raise EventError(f"{name}: entries of the custody log are never published")
    if _declared.setdefault(name, declared) != declared:
        raise EventError(f"{name} is declared twice, differently")
    return declared


def declared() -> dict[str, EventType]:
    """Every event type declared so far, by name."""
    return dict(_declared)


def append(  # noqa: PLR0913 - who, when, about what and which rows belong to every event
    session: Session,
    name: str,
    fields: Mapping[str, Any],
    *,
    by: Actor | None,
    now: datetime,
    about: Sequence[str] = (),
    records: Sequence[Table] = (),
) -> LedgerEntry:
    """Record an event in the transaction of ``session``; it has a place in the log once it is sequenced.

    ``fields`` has exactly the declared keys, in canonical JSON; ``by`` is ``None`` for the system itself;
    ``about`` are subjects such as ``case:<id>``, for timelines; ``records`` are all rows of tables of record
    that this event wrote, whose content as of now the entry fixes. Raises `EventError`, and
    `canonical.NotCanonical` for a value without canonical form.
    """
    kind = _kind(name, about)
    session.flush()
    record_salt = commitment.fresh_salt() if records else b""
    content = {
        **_common(kind, by, now, about),
        "record_salt": commitment.fingerprint(record_salt),
        "records": [_named(session, record_salt, row) for row in records],
    }
    own = _own(kind, canonical.members(content), fields)
    entry = LedgerEntry(**_shared(kind), **own, record_salt=record_salt, **_who_when(by, now))
    return _store(session, entry, about)


def append_many(
    session: Session,
    name: str,
    many: Sequence[Mapping[str, Any]],
    *,
    by: Actor | None,
    now: datetime,
    about: Sequence[str] = (),
) -> int:
    """Record events of one kind that arrive together, each an entry of its own; how many.

    For what another process logged and the ledger takes in. None of them can name a row of record. Entries
    and refusals are those of `append`.
    """
    kind = _kind(name, about)
    common = canonical.members({**_common(kind, by, now, about), "record_salt": "", "records": []})
    rows = [_own(kind, common, fields) for fields in many]
    if not rows:
        return 0
    session.flush()
    shared = {**_shared(kind), "record_salt": b"", **_who_when(by, now)}
    numbers = bulk.entries(session.connection(), shared, rows)
    if about:
        bulk.subjects(session.connection(), numbers, list(about))
    return len(numbers)


def entries(
    session: Session, about: str, *, removed: bool = False, waiting: bool = False
) -> list[LedgerEntry]:
    """The entries about a subject, in order of recording; with ``removed`` also those without content, with
    ``waiting`` those alone that have no place in the log yet."""
    query = (
        select(LedgerEntry)
        .join(LedgerAbout, col(LedgerAbout.entry_number) == col(LedgerEntry.number))
        .where(LedgerAbout.subject == about)
        .order_by(col(LedgerEntry.number))
        .distinct()
    )
    if waiting:
        query = query.where(col(LedgerEntry.leaf_index).is_(None))
    return [entry for entry in session.exec(query) if removed or entry.entry]


def find(session: Session, entry_id: uuid.UUID) -> LedgerEntry | None:
    """The entry with this identifier, or ``None``."""
    return session.exec(select(LedgerEntry).where(LedgerEntry.id == entry_id)).first()


def _store(session: Session, entry: LedgerEntry, about: Sequence[str]) -> LedgerEntry:
    session.add(entry)
    session.flush()
    assert entry.number is not None
    session.add_all(
        LedgerAbout(entry_number=entry.number, position=position, subject=subject)
        for position, subject in enumerate(about)
    )
    session.flush()
    return entry


timestamp = records.timestamp


def _kind(name: str, about: Sequence[str]) -> EventType:
    kind = _declared.get(name)
    if kind is None:
        raise EventError(f"{name} is not declared")
    for subject in about:
        if not _SUBJECT.fullmatch(subject) or len(subject) > LONGEST_SUBJECT:
            raise EventError(
                f"a subject is written kind:id, in {LONGEST_SUBJECT} characters, not {subject!r}"
            )
    return kind


def _common(kind: EventType, by: Actor | None, now: datetime, about: Sequence[str]) -> dict[str, Any]:
    """What entries of one act have in common."""
    return {
        "v": FORMAT,
        "log": kind.log,
        "audience": kind.audience,
        "type": kind.name,
        "at": timestamp(now),
        "by": _actor(by),
        "about": list(about),
    }


def _shared(kind: EventType) -> dict[str, Any]:
    """The columns that all entries of a kind have in common."""
    return {"log": kind.log, "type": kind.name, "audience": kind.audience}


def _own(kind: EventType, common: canonical.Members, fields: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's own columns: its bytes, and the leaf that commits to them under a fresh salt."""
    if set(fields) != kind.keys:
        raise EventError(f"{kind.name} has the keys {sorted(kind.keys)}, not {sorted(fields)}")
    entry_id, salt = new_id(), commitment.fresh_salt()
    own = canonical.members({"id": str(entry_id), "fields": fields})
    stored = canonical.joined(common, own)
    return {"id": entry_id, "entry": stored, "salt": salt, "leaf": commitment.commit(salt, stored)}


def _who_when(by: Actor | None, now: datetime) -> dict[str, Any]:
    return {"recorded_at": now, "person_id": by.person_id if by else None}


def _actor(by: Actor | None) -> dict[str, Any]:
    if by is None:
        return {"kind": "system"}
    who: dict[str, Any] = {
        "kind": by.organisation_kind,
        "organisation": str(by.organisation_id),
        "person": str(by.person_id),
        "roles": sorted(by.roles),
    }
    if by.agency is not None:
        who["agent"] = {
            "delegation": str(by.agency.delegation_id),
            "organisation": str(by.agency.organisation_id),
        }
    return who


def _named(session: Session, salt: bytes, row: Table) -> dict[str, Any]:
    """How an entry names a row: by digest; a row deleted, or gone back to being a draft, says so."""
    kind = type(row)
    if not kind.__record__:
        raise EventError(f"{kind.__name__} is not a table of record")
    state = inspect(row)
    key = tuple(state.identity or ())
    if not key:
        raise EventError(f"this {kind.__name__} was never added to the session")
    name, row_id = records.sql_table(kind).name, records.identity(kind, key)
    guard.named(session, name, row_id)
    found = records.read(session.connection(), kind, key)
    if found is None:
        return {"table": name, "id": row_id, "deleted": True}
    digest, written = records.digests(salt, kind, found)
    named: dict[str, Any] = {"table": name, "id": row_id, "digest": digest}
    if written:
        named["written"] = written
    return named if records.counts(kind, found) else {**named, "draft": True}

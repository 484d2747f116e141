"""Access grants: for sealed material only. A grant names one reader, documents, a purpose and dates.

Every opening is recorded before it is shown, and every refusal after it happened, both in the custody log:
the owner of the material sees them. What a reader may not open answers like what does not exist.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secure_access import ledger
from secure_access.db import (
    Database,
    Field,
    Instant,
    Session,
    Table,
    col,
    instant_column,
    json_column,
    new_id,
    select,
)
from secure_access.identity import Actor
from secure_access.workflow import NotFound

ledger.declare(
    "grant.issued", keys=("reader", "documents", "purpose", "not_before", "not_after"), log="custody"
)
ledger.declare("grant.ended", keys=("reader", "reason"), log="custody")
ledger.declare("plan.opened", keys=("reader", "document", "section"), log="custody")
ledger.declare("plan.opening_refused", keys=("reader", "document", "reason"), log="custody")


class AccessGrant(Table, table=True):
    """The permission of one reader to open some documents from ``not_before`` until ``not_after``."""

    __tablename__ = "access_grant"
    __record__ = True

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    subject: str = Field(max_length=60, index=True)
    reader_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    documents: list[str] = json_column(default_factory=list)
    purpose: str
    not_before: Instant = instant_column()
    not_after: Instant = instant_column()
    issued_by: uuid.UUID
    issued_at: Instant = instant_column()
    ended_at: Instant | None = instant_column(nullable=True)


@dataclass(frozen=True)
class Permission:
    """What a grant is to permit: ``about`` are the ledger subjects that see its events."""

    subject: str
    reader_id: uuid.UUID
    documents: Sequence[uuid.UUID]
    purpose: str
    not_before: datetime
    not_after: datetime
    about: tuple[str, ...]


def issue(session: Session, *, permission: Permission, by: Actor, now: datetime) -> AccessGrant:
    """Give one reader access. Raises ``ValueError`` for dates that end before they begin."""
    if permission.not_after <= permission.not_before:
        raise ValueError("a grant has to end after it begins")
    grant = AccessGrant(
        subject=permission.subject,
        reader_id=permission.reader_id,
        documents=sorted(str(document) for document in permission.documents),
        purpose=permission.purpose,
        not_before=permission.not_before,
        not_after=permission.not_after,
        issued_by=by.person_id,
        issued_at=now,
    )
    session.add(grant)
    fields: dict[str, Any] = {
        "reader": str(permission.reader_id),
        "documents": grant.documents,
        "purpose": permission.purpose,
        "not_before": permission.not_before.isoformat(),
        "not_after": permission.not_after.isoformat(),
    }
    ledger.append(session, "grant.issued", fields, by=by, now=now, about=permission.about, records=(grant,))
    return grant


def end(session: Session, *, grant: AccessGrant, reason: str, by: Actor, now: datetime) -> None:
    """End a grant at once."""
    grant.ended_at = now
    session.add(grant)
    fields = {"reader": str(grant.reader_id), "reason": reason}
    ledger.append(session, "grant.ended", fields, by=by, now=now, about=(grant.subject,), records=(grant,))


def of_subject(session: Session, subject: str) -> list[AccessGrant]:
    """Every grant on a subject, oldest first."""
    query = select(AccessGrant).where(AccessGrant.subject == subject).order_by(col(AccessGrant.issued_at))
    return list(session.exec(query))


def standing(
    session: Session, *, subject: str, document_id: uuid.UUID, reader_id: uuid.UUID, now: datetime
) -> AccessGrant | None:
    """The grant that lets this reader open this document at this moment, or ``None``."""
    query = select(AccessGrant).where(
        AccessGrant.subject == subject,
        AccessGrant.reader_id == reader_id,
        col(AccessGrant.ended_at).is_(None),
        col(AccessGrant.not_before) <= now,
        col(AccessGrant.not_after) > now,
    )
    return next((grant for grant in session.exec(query) if str(document_id) in grant.documents), None)


@dataclass(frozen=True)
class Opening:
    """What somebody tries to open: a section of a plan, on a subject, seen by ``about``."""

    subject: str
    document_id: uuid.UUID
    section: str
    about: tuple[str, ...]


def open_section(session: Session, *, opening: Opening, by: Actor, now: datetime) -> AccessGrant:
    """Record that ``by`` opens a section, before a byte of it is shown.

    Raises `NotFound` without a standing grant; the caller then records the refusal with `record_refusal`,
    because this transaction is rolled back.
    """
    grant = standing(
        session, subject=opening.subject, document_id=opening.document_id, reader_id=by.person_id, now=now
    )
    if grant is None:
        raise NotFound
    fields = {"reader": str(by.person_id), "document": str(opening.document_id), "section": opening.section}
    ledger.append(session, "plan.opened", fields, by=by, now=now, about=opening.about)
    return grant


def record_refusal(database: Database, *, opening: Opening, by: Actor, now: datetime) -> None:
    """Record a refused opening, in a transaction of its own."""
    with database.write() as session:
        fields = {
            "reader": str(by.person_id),
            "document": str(opening.document_id),
            "reason": "not in the grant",
        }
        ledger.append(session, "plan.opening_refused", fields, by=by, now=now, about=opening.about)

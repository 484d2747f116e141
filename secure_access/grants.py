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
    classes,
    col,
    instant_column,
    json_column,
    new_id,
    select,
)
from secure_access.identity import Actor
from secure_access.workflow import NotFound

ledger.declare("grant.issued", keys=("reader", "documents", "not_before", "not_after"), log="custody")
ledger.declare("grant.ended", keys=("reader",), log="custody")
ledger.declare("plan.opened", keys=("reader", "document", "section", "page"), log="custody")
ledger.declare("plan.opening_refused", keys=("reader", "document", "section", "reason"), log="custody")

NO_GRANT = "not in the grant"
NOT_BEGUN = "the access grant has not begun"
ENDED = "the access grant has ended"


class AccessGrant(Table, table=True):
    """The permission of one reader to open some documents from ``not_before`` until ``not_after``.

    ``subject`` is the plan request it answers; ``about`` are the ledger subjects that see its events.
    """

    __tablename__ = "access_grant"
    __record__ = True
    __classes__ = classes(
        public="id not_before not_after issued_at ended_at",
        restricted="subject about reader_id documents purpose issued_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    subject: str = Field(max_length=60, index=True)
    about: list[str] = json_column(default_factory=list)
    reader_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    documents: list[str] = json_column(default_factory=list)
    purpose: str
    not_before: Instant = instant_column()
    not_after: Instant = instant_column()
    issued_by: uuid.UUID
    issued_at: Instant = instant_column()
    ended_at: Instant | None = instant_column(nullable=True)

    def refusal(self, document_id: uuid.UUID, now: datetime) -> str | None:
        """Why this grant does not open the document now, or ``None`` if it does. Its end is shut."""
        if str(document_id) not in self.documents:
            return NO_GRANT
        if self.ended_at is not None or now >= self.not_after:
            return ENDED
        return NOT_BEGUN if now < self.not_before else None


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
    """Give one reader access. Raises ``ValueError`` for dates that end before they begin, or have passed."""
    if permission.not_after <= max(permission.not_before, now):
        raise ValueError("a grant has to end after it begins, and after now")
    grant = AccessGrant(
        subject=permission.subject,
        about=list(permission.about),
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
        "not_before": permission.not_before.isoformat(),
        "not_after": permission.not_after.isoformat(),
    }
    ledger.append(session, "grant.issued", fields, by=by, now=now, about=permission.about, records=(grant,))
    return grant


def end(session: Session, *, grant: AccessGrant, by: Actor, now: datetime) -> None:
    """End a grant at once. One that has ended stays as it ended."""
    if grant.ended_at is not None:
        return
    grant.ended_at = now
    session.add(grant)
    fields = {"reader": str(grant.reader_id)}
    ledger.append(session, "grant.ended", fields, by=by, now=now, about=grant.about, records=(grant,))


def of_subject(session: Session, subject: str) -> list[AccessGrant]:
    """Every grant on a subject, oldest first."""
    query = select(AccessGrant).where(AccessGrant.subject == subject).order_by(col(AccessGrant.issued_at))
    return list(session.exec(query))


def of_reader(session: Session, reader_id: uuid.UUID) -> list[AccessGrant]:
    """Every grant of a reader, newest first."""
    query = select(AccessGrant).where(AccessGrant.reader_id == reader_id)
    return list(session.exec(query.order_by(col(AccessGrant.issued_at).desc())))


@dataclass(frozen=True)
class Opening:
    """What somebody tries to open: a page of a section of a plan, on a subject, seen by ``about``."""

    subject: str
    document_id: uuid.UUID
    section: int
    page: int
    about: tuple[str, ...]


def refusal(session: Session, *, opening: Opening, reader_id: uuid.UUID, now: datetime) -> str | None:
    """Why this reader may not open this now, or ``None`` when a grant stands. The nearest grant speaks."""
    query = select(AccessGrant).where(
        AccessGrant.subject == opening.subject, AccessGrant.reader_id == reader_id
    )
    refusals = [grant.refusal(opening.document_id, now) for grant in session.exec(query)]
    if None in refusals:
        return None
    return next((reason for reason in (NOT_BEGUN, ENDED) if reason in refusals), NO_GRANT)


def open_page(session: Session, *, opening: Opening, by: Actor, now: datetime) -> None:
    """Record that ``by`` opens a page, in a transaction that ends before a byte of it is shown.

    Raises `NotFound` without a standing grant; the caller then records the refusal with `record_refusal`,
    because this transaction is rolled back.
    """
    if refusal(session, opening=opening, reader_id=by.person_id, now=now) is not None:
        raise NotFound
    fields = {
        "reader": str(by.person_id),
        "document": str(opening.document_id),
        "section": opening.section,
        "page": opening.page,
    }
    ledger.append(session, "plan.opened", fields, by=by, now=now, about=opening.about)


def record_refusal(database: Database, *, opening: Opening, by: Actor, now: datetime) -> None:
    """Record a refused opening, with its true reason, in a transaction of its own.

    The reader is told that there is no such page; the owner of the material is told why it was refused.
    """
    with database.write() as session:
        reason = refusal(session, opening=opening, reader_id=by.person_id, now=now)
        fields = {
            "reader": str(by.person_id),
            "document": str(opening.document_id),
            "section": opening.section,
            "reason": reason or NO_GRANT,
        }
        ledger.append(session, "plan.opening_refused", fields, by=by, now=now, about=opening.about)

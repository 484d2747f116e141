"""Access grants as the portal offers them, and as the custodian's log says that they stand.

A grant names one reader, sealed files by digest, a purpose and dates. It permits nothing here: two approvers
sign its bytes at the custodian, which alone enforces it. The portal can end one, and tells the custodian.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from secure_access import ledger
from secure_access.db import (
    Field,
    Instant,
    Session,
    Table,
    classes,
    col,
    enum_column,
    instant_column,
    json_column,
    new_id,
    next_reference,
    select,
)
from secure_access.identity import Actor
from secure_access.ledger import entry_rules

ledger.declare("grant.issued", keys=("reader", "documents", "not_before", "not_after"), log="custody")
ledger.declare("grant.ended", keys=("reader",), log="custody")
entry_rules.alone("grant.issued", "grant.ended")


class Standing(StrEnum):
    """Where an access grant stands, as the custodian's log says."""

    DRAWN_UP = "drawn_up"
    NOT_OFFERED = "not_offered"
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    REVOKED = "revoked"
    ENDED = "ended"

    @property
    def live(self) -> bool:
        """Whether something may still be opened under it, or will be."""
        return self in (Standing.DRAWN_UP, Standing.WAITING, Standing.APPROVED)


class AccessGrant(Table, table=True):
    """The permission of one reader to open sealed files from ``not_before`` until ``not_after``.

    ``subject`` is the plan request it answers; ``about`` are the ledger subjects that see its events;
    ``documents`` are SHA-256 of sealed files. ``statement`` are the bytes that approvers sign, ``digest`` is
    their SHA-256, ``approvals`` are the people who did. ``obstacle`` says why the custodian did not take it.
    Grants of before the custodian name documents of the vault and have none of the later columns.
    """

    __tablename__ = "access_grant"
    __record__ = True
    __classes__ = classes(
        public="id not_before not_after issued_at ended_at reference digest standing pages",
        restricted="subject about reader_id documents purpose issued_by statement approvals obstacle",
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
    reference: str | None = Field(default=None, max_length=20, unique=True)
    digest: str | None = Field(default=None, max_length=64, unique=True)
    statement: str | None = None
    standing: Standing | None = enum_column(Standing, default=None, nullable=True)
    approvals: list[str] | None = json_column(nullable=True)
    pages: int | None = None
    obstacle: str | None = Field(default=None, max_length=2000)

    @property
    def is_live(self) -> bool:
        """Whether it stands or waits at the custodian, whatever its dates."""
        return self.standing is not None and self.standing.live

    @property
    def to_be_ended(self) -> bool:
        """Whether the custodian still has to be told that it ended."""
        return self.ended_at is not None and self.is_live


@dataclass(frozen=True)
class Offer:
    """What is to be offered: the bytes of the grant with what stands in them, for pages and queries."""

    reference: str
    statement: bytes
    digest: str
    subject: str
    reader_id: uuid.UUID
    files: Sequence[str]
    purpose: str
    not_before: datetime
    not_after: datetime
    pages: int
    issued_by: uuid.UUID
    about: tuple[str, ...]


def draw_up(session: Session, offer: Offer, *, now: datetime, by: Actor | None = None) -> AccessGrant:
    """Put a grant on record before it is offered to the custodian; ``by`` who had it drawn up, if anybody."""
    grant = AccessGrant(
        subject=offer.subject,
        about=list(offer.about),
        reader_id=offer.reader_id,
        documents=sorted(offer.files),
        purpose=offer.purpose,
        not_before=offer.not_before,
        not_after=offer.not_after,
        issued_by=offer.issued_by,
        issued_at=now,
        reference=offer.reference,
        digest=offer.digest,
        statement=offer.statement.decode(),
        standing=Standing.DRAWN_UP,
        approvals=[],
        pages=offer.pages,
    )
    session.add(grant)
    fields: dict[str, Any] = {
        "reader": str(offer.reader_id),
        "documents": grant.documents,
        "not_before": offer.not_before.isoformat(),
        "not_after": offer.not_after.isoformat(),
    }
    ledger.append(session, "grant.issued", fields, by=by, now=now, about=offer.about, records=(grant,))
    return grant


def end(session: Session, *, grant: AccessGrant, by: Actor | None, now: datetime) -> None:
    """End a grant: the custodian is told within seconds. One that has ended stays as it ended.

    ``by`` is ``None`` where a rule ends it, such as a role that was lost.
    """
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


def reference(session: Session, prefix: str, now: datetime) -> str:
    """A reference that no grant has: grants of before a restore are taken in again with theirs."""
    while True:
        found = next_reference(session, prefix, now)
        if session.exec(select(AccessGrant).where(AccessGrant.reference == found)).first() is None:
            return found


def of_digest(session: Session, digest: str) -> AccessGrant | None:
    """The grant of these bytes, locked until the transaction ends."""
    return session.exec(select(AccessGrant).where(AccessGrant.digest == digest).with_for_update()).first()


def known(session: Session, digest: str) -> bool:
    """Whether the grant of these bytes is on record."""
    return session.exec(select(AccessGrant.id).where(AccessGrant.digest == digest)).first() is not None


def live(session: Session) -> list[AccessGrant]:
    """Every grant that stands or waits at the custodian, whatever its dates; those to be ended too."""
    standing = [one for one in Standing if one.live]
    return list(session.exec(select(AccessGrant).where(col(AccessGrant.standing).in_(standing))))

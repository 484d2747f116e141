"""Linked accounts: which identity at a provider of single sign-on is which person here.

An identity is issuer and subject together, and is linked by invitation or by its owner. No address of mail,
and nothing else that a provider says, ever finds a person.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

from sqlalchemy import UniqueConstraint

from secure_access.db import (
    Field,
    Instant,
    Session,
    Table,
    classes,
    col,
    insert_if_absent,
    instant_column,
    new_id,
    select,
)
from secure_access.identity import sessions
from secure_access.identity.challenges import Challenge, Purpose
from secure_access.identity.id_tokens import LONGEST_SUBJECT, Logout, Said
from secure_access.identity.providers import LONGEST_ISSUER
from secure_access.identity.sessions import SignInSession
from secure_access.workflow import Denied, NotFound


class LinkedAccount(Table, table=True):
    """An identity at a provider that opens the account of one person."""

    __tablename__ = "linked_account"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)
    __classes__ = classes(public="id linked_at last_used_at", restricted="person_id issuer subject")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    issuer: str = Field(max_length=LONGEST_ISSUER)
    subject: str = Field(max_length=LONGEST_SUBJECT)
    linked_at: Instant = instant_column()
    last_used_at: Instant | None = instant_column(nullable=True)

    @property
    def digest(self) -> str:
        """SHA-256 of issuer and subject in hex: how entries name a linked account."""
        return hashlib.sha256(f"{self.issuer}\0{self.subject}".encode()).hexdigest()


def find(session: Session, *, issuer: str, subject: str) -> LinkedAccount | None:
    """The link of an identity."""
    query = select(LinkedAccount).where(LinkedAccount.issuer == issuer, LinkedAccount.subject == subject)
    return session.exec(query).first()


def of_person(session: Session, person_id: uuid.UUID) -> list[LinkedAccount]:
    """A person's linked accounts, oldest first."""
    query = select(LinkedAccount).where(LinkedAccount.person_id == person_id)
    return list(session.exec(query.order_by(col(LinkedAccount.linked_at), col(LinkedAccount.id))))


def own(session: Session, link_id: uuid.UUID, *, person_id: uuid.UUID) -> LinkedAccount:
    """A person's own linked account. Raises `NotFound` for anybody else's."""
    row = session.get(LinkedAccount, link_id, with_for_update=True)
    if row is None or row.person_id != person_id:
        raise NotFound
    return row


def link(session: Session, *, person_id: uuid.UUID, said: Said) -> LinkedAccount:
    """Link an identity to a person. Raises `Denied` for one that is linked already, to whomever."""
    row = LinkedAccount(
        person_id=person_id, issuer=said.issuer, subject=said.subject, linked_at=datetime.now(UTC)
    )
    if not insert_if_absent(session, row):
        raise Denied(
            "The account that you are signed in with there is linked to an account here already.",
            "Sign in there as somebody else, or ask your administrator.",
        )
    return session.get_one(LinkedAccount, row.id)


def used(session: Session, row: LinkedAccount) -> None:
    """Note that a linked account was used, on the machine's clock."""
    row.last_used_at = datetime.now(UTC)
    session.add(row)


def unlink(session: Session, row: LinkedAccount) -> None:
    """Let an identity open nothing any more, and end the sessions that it began."""
    begun = select(SignInSession).where(
        SignInSession.link_id == row.id, col(SignInSession.ended_at).is_(None)
    )
    sessions.end_sessions(session, session.exec(begun))
    session.delete(row)
    session.flush()


def unlink_all(session: Session, person_id: uuid.UUID) -> None:
    """Let nothing at any provider open the account of a person who left or whose credentials were reset."""
    for row in of_person(session, person_id):
        unlink(session, row)


def end_sessions(session: Session, logout: Logout, *, zone: str) -> int:
    """End what a logout token names, once; how many sessions that were. Raises `Denied` for a used token."""
    used = Challenge(
        digest=logout.digest.hex(),
        purpose=Purpose.LOGOUT,
        zone=zone,
        expires_at=logout.expires_at,
        used_at=datetime.now(UTC),
    )
    if not insert_if_absent(session, used):
        raise Denied("This logout token was used before.")
    query = (
        select(SignInSession)
        .join(LinkedAccount, col(LinkedAccount.id) == col(SignInSession.link_id))
        .where(
            LinkedAccount.issuer == logout.issuer,
            SignInSession.zone == zone,
            col(SignInSession.ended_at).is_(None),
        )
    )
    if logout.subject:
        query = query.where(LinkedAccount.subject == logout.subject)
    if logout.provider_session:
        query = query.where(SignInSession.provider_session == logout.provider_session)
    return sessions.end_sessions(session, session.exec(query))

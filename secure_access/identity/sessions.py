"""Signed-in sessions: rows that can be ended at once."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import UTC, datetime, timedelta

from secure_access.db import Field, Instant, Session, Table, instant_column, new_id, select
from secure_access.identity.people import Person

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=10)
_TOUCH_EVERY = timedelta(minutes=1)


class SignInSession(Table, table=True):
    """A signed-in session. Deleting or ending the row ends the session on its next request.

    ``delegation_id`` is set while an agent acts for a developer.

    The cookie holds a random token; the table only its SHA-256, so that a copy of the table opens nothing.
    """

    __tablename__ = "sign_in_session"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    token_digest: str = Field(max_length=64, unique=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    zone: str = Field(max_length=20)
    delegation_id: uuid.UUID | None = Field(default=None, foreign_key="delegation.id")
    started_at: Instant = instant_column()
    seen_at: Instant = instant_column()
    ended_at: Instant | None = instant_column(nullable=True)


def start_session(session: Session, *, person: Person, zone: str, now: datetime | None = None) -> str:
    """Sign a person in to a zone; the secret token for the cookie. ``now`` is the machine's time."""
    moment = now or datetime.now(UTC)
    token = secrets.token_urlsafe(32)
    session.add(
        SignInSession(
            token_digest=_digest(token), person_id=person.id, zone=zone, started_at=moment, seen_at=moment
        )
    )
    session.flush()
    return token


def live_session(
    session: Session, *, token: str, zone: str, now: datetime | None = None
) -> SignInSession | None:
    """The live session of a token in this zone, or ``None`` when it is unknown, ended, idle or too old."""
    moment = now or datetime.now(UTC)
    row = session.exec(select(SignInSession).where(SignInSession.token_digest == _digest(token))).first()
    if row is None or row.zone != zone or row.ended_at is not None:
        return None
    if moment - row.seen_at > IDLE_LIMIT or moment - row.started_at > ABSOLUTE_LIMIT:
        return None
    return row


def needs_touch(row: SignInSession, now: datetime) -> bool:
    """Whether the last sight of a session is old enough to be written again."""
    return now - row.seen_at > _TOUCH_EVERY


def end_session(session: Session, *, token: str, now: datetime | None = None) -> None:
    """End the session of a token, at once and for good."""
    row = session.exec(select(SignInSession).where(SignInSession.token_digest == _digest(token))).first()
    if row is not None and row.ended_at is None:
        row.ended_at = now or datetime.now(UTC)
        session.add(row)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""Signed-in sessions: rows that can be ended at once."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from secure_access.db import (
    Field,
    Instant,
    Session,
    Table,
    classes,
    col,
    enum_column,
    instant_column,
    new_id,
    select,
)
from secure_access.identity.people import Person

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=10)
_TOUCH_EVERY = timedelta(minutes=1)


LONGEST_AGENT = 300


class Method(StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105 - the name of a method
    PASSWORD_AND_CODE = "password_and_code"  # noqa: S105
    PASSKEY = "passkey"
    FIRST_KEY = "first_key"
    SSO = "sso"

    @property
    def label(self) -> str:
        """The words that stand in “signed in with …”."""
        return {"passkey": "key", "first_key": "code for a first key", "sso": "single sign-on"}.get(
            self, self.value.replace("_", " ")
        )


@dataclass(frozen=True)
class Entered:
    """How and with what somebody signed in: ``agent`` is what the browser calls itself.

    By single sign-on: ``link_id`` is the linked account, ``provider_session`` how the provider names its own.
    """

    method: Method = Method.PASSWORD
    agent: str = ""
    credential_id: uuid.UUID | None = None
    link_id: uuid.UUID | None = None
    provider_session: str = ""


class SignInSession(Table, table=True):
    """A signed-in session. Deleting or ending the row ends the session on its next request.

    ``delegation_id`` is set while an agent acts for a developer.

    The cookie holds a random token; the table only its SHA-256, so that a copy of the table opens nothing.
    """

    __tablename__ = "sign_in_session"
    __classes__ = classes(
        public="id zone delegation_id started_at seen_at ended_at method credential_id link_id",
        restricted="person_id agent provider_session",
        secret="token_digest",  # noqa: S106 - a column
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    token_digest: str = Field(max_length=64, unique=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    zone: str = Field(max_length=20)
    delegation_id: uuid.UUID | None = Field(default=None, foreign_key="delegation.id")
    started_at: Instant = instant_column()
    seen_at: Instant = instant_column()
    ended_at: Instant | None = instant_column(nullable=True)
    method: Method = enum_column(Method, default=Method.PASSWORD)
    agent: str = Field(default="", max_length=LONGEST_AGENT)
    credential_id: uuid.UUID | None = Field(default=None)
    link_id: uuid.UUID | None = Field(default=None, index=True)
    provider_session: str = Field(default="", max_length=255)


def start_session(
    session: Session,
    *,
    person: Person,
    zone: str,
    entered: Entered | None = None,
    now: datetime | None = None,
) -> str:
    """Sign a person in to a zone; the secret token for the cookie. ``now`` is the machine's time."""
    how = entered or Entered()
    moment = now or datetime.now(UTC)
    token = secrets.token_urlsafe(32)
    session.add(
        SignInSession(
            token_digest=_digest(token),
            person_id=person.id,
            zone=zone,
            started_at=moment,
            seen_at=moment,
            method=how.method,
            agent=how.agent[:LONGEST_AGENT],
            credential_id=how.credential_id,
            link_id=how.link_id,
            provider_session=how.provider_session,
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
    return row if _alive(row, moment) else None


def of_person(session: Session, *, person_id: uuid.UUID, zone: str | None = None) -> list[SignInSession]:
    """The live sessions of a person, in a zone or in all of them, the one seen last first."""
    query = select(SignInSession).where(
        SignInSession.person_id == person_id, col(SignInSession.ended_at).is_(None)
    )
    if zone is not None:
        query = query.where(SignInSession.zone == zone)
    now = datetime.now(UTC)
    return [
        row for row in session.exec(query.order_by(col(SignInSession.seen_at).desc())) if _alive(row, now)
    ]


def end_sessions(session: Session, rows: Iterable[SignInSession]) -> int:
    """End these sessions, at once and for good; how many that were."""
    now = datetime.now(UTC)
    ended = 0
    for row in rows:
        row.ended_at = now
        session.add(row)
        ended += 1
    return ended


def _alive(row: SignInSession, now: datetime) -> bool:
    return now - row.seen_at <= IDLE_LIMIT and now - row.started_at <= ABSOLUTE_LIMIT


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

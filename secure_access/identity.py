"""People, organisations, roles, sessions, and the `Actor` that every verb takes as ``by``."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import UniqueConstraint

from secure_access.db import Field, Instant, Session, Table, col, enum_column, instant_column, new_id, select
from secure_access.workflow import NotFound, Role

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=10)
_TOUCH_EVERY = timedelta(minutes=1)


class OrganisationKind(StrEnum):
    """What an organisation is to the authority."""

    REGULATOR = "regulator"
    DEVELOPER = "developer"
    EVALUATOR = "evaluator"


class Organisation(Table, table=True):
    """The authority itself, a developer, or an evaluator body."""

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kind: OrganisationKind = enum_column(OrganisationKind)
    name: str = Field(max_length=200, unique=True)
    country: str = Field(default="", max_length=60)
    created_at: Instant = instant_column()


class Person(Table, table=True):
    """Somebody who signs in, always for one organisation."""

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    email: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=120)
    title: str = Field(default="", max_length=120)
    team: str = Field(default="", max_length=80)
    password_hash: str = Field(max_length=200)
    suspended: bool = False
    created_at: Instant = instant_column()


class PersonRole(Table, table=True):
    """One role held by one person."""

    __tablename__ = "person_role"
    __table_args__ = (UniqueConstraint("person_id", "role"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    role: Role = enum_column(Role)
    given_at: Instant = instant_column()


class SignInSession(Table, table=True):
    """A signed-in session. Deleting or ending the row ends the session on its next request.

    The cookie holds a random token; the table only its SHA-256, so that a copy of the table opens nothing.
    """

    __tablename__ = "sign_in_session"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    token_digest: str = Field(max_length=64, unique=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    zone: str = Field(max_length=20)
    started_at: Instant = instant_column()
    seen_at: Instant = instant_column()
    ended_at: Instant | None = instant_column(nullable=True)


@dataclass(frozen=True)
class Actor:
    """Who acts, with the roles held at this moment. Read anew on every request."""

    person_id: uuid.UUID
    name: str
    organisation_id: uuid.UUID
    organisation_kind: OrganisationKind
    organisation_name: str
    roles: frozenset[Role]
    team: str = ""
    title: str = ""

    def holds(self, *roles: Role) -> bool:
        """Whether the actor holds any of ``roles``."""
        return bool(self.roles & set(roles))


class PasswordHasher(Protocol):
    """The two calls of `argon2.PasswordHasher` that are used."""

    def hash(self, password: str, /) -> str: ...

    def verify(self, hashed: str, password: str, /) -> bool: ...


@dataclass(frozen=True)
class NewPerson:
    """What has to be known of a person before an account exists."""

    email: str
    name: str
    roles: frozenset[Role]
    title: str = ""
    team: str = ""


def add_organisation(session: Session, *, kind: OrganisationKind, name: str, now: datetime) -> Organisation:
    """Register an organisation."""
    organisation = Organisation(kind=kind, name=name, created_at=now)
    session.add(organisation)
    session.flush()
    return organisation


def add_person(
    session: Session, *, organisation: Organisation, new: NewPerson, password_hash: str, now: datetime
) -> Person:
    """Give somebody an account with roles."""
    person = Person(
        organisation_id=organisation.id,
        email=new.email.strip().lower(),
        name=new.name,
        title=new.title,
        team=new.team,
        password_hash=password_hash,
        created_at=now,
    )
    session.add(person)
    session.flush()
    session.add_all(PersonRole(person_id=person.id, role=role, given_at=now) for role in sorted(new.roles))
    session.flush()
    return person


def actor(session: Session, person_id: uuid.UUID) -> Actor:
    """The actor that a person is now. Raises `NotFound` for nobody and for the suspended."""
    person = session.get(Person, person_id)
    if person is None or person.suspended:
        raise NotFound
    organisation = session.get_one(Organisation, person.organisation_id)
    roles = session.exec(select(PersonRole.role).where(PersonRole.person_id == person_id)).all()
    return Actor(
        person_id=person.id,
        name=person.name,
        organisation_id=organisation.id,
        organisation_kind=OrganisationKind(organisation.kind),
        organisation_name=organisation.name,
        roles=frozenset(Role(role) for role in roles),
        team=person.team,
        title=person.title,
    )


def people_with(session: Session, role: Role) -> list[Person]:
    """Everybody not suspended who holds ``role``, by name."""
    query = (
        select(Person)
        .join(PersonRole, col(PersonRole.person_id) == col(Person.id))
        .where(PersonRole.role == role, col(Person.suspended).is_(False))
        .order_by(Person.name)
    )
    return list(session.exec(query))


def check_password(session: Session, *, email: str, password: str, hasher: PasswordHasher) -> Person | None:
    """The person whose e-mail and password these are, or ``None``.

    An unknown e-mail costs as much time as a wrong password: a hash is verified in both cases.
    """
    person = session.exec(select(Person).where(Person.email == email.strip().lower())).first()
    known = person is not None and not person.suspended
    stored = person.password_hash if person is not None else _nobody(hasher.hash)
    matches = _matches(hasher, stored, password)
    return person if known and matches else None


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


@lru_cache
def _nobody(hash_password: Callable[[str], str]) -> str:
    return hash_password(secrets.token_urlsafe(16))


def _matches(hasher: PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False

"""People, organisations, roles, and the `Actor` that every verb takes as ``by``."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint

from secure_access.db import Field, Instant, Session, Table, col, enum_column, instant_column, new_id, select
from secure_access.workflow import NotFound, Role


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

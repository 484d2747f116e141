"""People, organisations and roles: accounts as they are, and the `Actor` that somebody is now."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import UniqueConstraint

from secure_access import ledger
from secure_access.actor import Actor, OrganisationKind
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
    select,
)
from secure_access.identity import events  # noqa: F401 - declares what is recorded here
from secure_access.identity.tables import Recusal
from secure_access.identity.workflow import StandingState
from secure_access.workflow import NotFound, Role


class Organisation(Table, table=True):
    """The authority itself, a developer, an evaluator body, or an agent of developers.

    ``mail_domains`` are those of its people's addresses; empty where any will do. ``contact_email`` is the
    second contact, told of changes to credentials; ``former_contacts`` are those before it, in order.
    """

    __record__ = True
    # Kept for the mail that tells them, beside the record: rows from before the column stay as recorded.
    __record_except__ = ("former_contacts",)
    __classes__ = classes(
        public="id kind name country created_at", restricted="mail_domains contact_email former_contacts"
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kind: OrganisationKind = enum_column(OrganisationKind)
    name: str = Field(max_length=200, unique=True)
    country: str = Field(default="", max_length=60)
    mail_domains: list[str] = json_column(default_factory=list)
    contact_email: str = Field(default="", max_length=254)
    former_contacts: list[str] = json_column(default_factory=list)
    created_at: Instant = instant_column()


class Person(Table, table=True):
    """Somebody who signs in, always for one organisation.

    An account that ended stays, with its name, because acts refer to it; nobody signs in with it.
    """

    __record__ = True
    __record_except__ = ("password_hash",)
    __classes__ = classes(
        public="id organisation_id ended_at created_at",
        restricted="email name title team suspended",
        secret="password_hash",  # noqa: S106 - a column
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    email: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=120)
    title: str = Field(default="", max_length=120)
    team: str = Field(default="", max_length=80)
    password_hash: str = Field(max_length=200)
    suspended: bool = False
    ended_at: Instant | None = instant_column(nullable=True)
    created_at: Instant = instant_column()


class PersonRole(Table, table=True):
    """One role held by one person."""

    __tablename__ = "person_role"
    __record__ = True
    __table_args__ = (UniqueConstraint("person_id", "role"),)
    __classes__ = classes(public="id role given_at", restricted="person_id")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    role: Role = enum_column(Role)
    given_at: Instant = instant_column()


@dataclass(frozen=True)
class NewPerson:
    """What has to be known of a person before an account exists."""

    email: str
    name: str
    roles: frozenset[Role]
    title: str = ""
    team: str = ""


def add_organisation(
    session: Session, *, kind: OrganisationKind, name: str, now: datetime, by: Actor | None = None
) -> Organisation:
    """Register an organisation. ``by`` is ``None`` for what the machine's operator does."""
    organisation = Organisation(kind=kind, name=name, created_at=now)
    session.add(organisation)
    session.flush()
    fields = {"kind": kind}
    about = (organisation_subject(organisation.id),)
    ledger.append(
        session, "organisation.registered", fields, by=by, now=now, about=about, records=(organisation,)
    )
    return organisation


def add_person(
    session: Session,
    *,
    organisation: Organisation,
    new: NewPerson,
    password_hash: str,
    now: datetime,
    by: Actor | None = None,
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
    roles = [PersonRole(person_id=person.id, role=role, given_at=now) for role in sorted(new.roles)]
    session.add_all(roles)
    fields = {"roles": sorted(new.roles)}
    ledger.append(
        session, "person.added", fields, by=by, now=now, about=about(person), records=(person, *roles)
    )
    return person


def actor(session: Session, person_id: uuid.UUID) -> Actor:
    """The actor that a person is now. Raises `NotFound` for nobody, the suspended and who has left."""
    person = session.get(Person, person_id)
    if person is None or person.suspended or person.ended_at is not None:
        raise NotFound
    organisation = session.get_one(Organisation, person.organisation_id)
    kind = OrganisationKind(organisation.kind)
    return Actor(
        person_id=person.id,
        name=person.name,
        organisation_id=organisation.id,
        organisation_kind=kind,
        organisation_name=organisation.name,
        roles=frozenset(roles_of(session, person_id)),
        team=person.team,
        title=person.title,
        conflicts=conflicts_of(session, person_id) if kind is OrganisationKind.REGULATOR else frozenset(),
    )


def roles_of(session: Session, person_id: uuid.UUID) -> list[Role]:
    """The roles of a person, in the order of their names."""
    query = select(PersonRole.role).where(PersonRole.person_id == person_id)
    return sorted(Role(role) for role in session.exec(query))


def conflicts_of(session: Session, person_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """Developers with whom a person has a standing conflict."""
    query = select(Recusal.developer_id).where(
        Recusal.person_id == person_id, Recusal.state == StandingState.STANDING
    )
    return frozenset(session.exec(query))


def by_email(session: Session, email: str) -> Person | None:
    """Whose address this is, however it is written; also of somebody who cannot sign in."""
    return session.exec(select(Person).where(Person.email == email.strip().lower())).first()


def names_of(session: Session, person_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of people, in one query."""
    query = select(Person.id, Person.name).where(col(Person.id).in_(set(person_ids)))
    return dict(session.exec(query).all())


def people_with(
    session: Session,
    role: Role,
    *,
    organisation_id: uuid.UUID | None = None,
    developer_id: uuid.UUID | None = None,
) -> list[Person]:
    """Everybody who holds ``role`` and can sign in, by name.

    ``organisation_id``: of that organisation alone. ``developer_id``: nobody with a conflict with it.
    """
    query = (
        select(Person)
        .join(PersonRole, col(PersonRole.person_id) == col(Person.id))
        .where(PersonRole.role == role, col(Person.suspended).is_(False), col(Person.ended_at).is_(None))
        .order_by(Person.name)
    )
    if organisation_id is not None:
        query = query.where(Person.organisation_id == organisation_id)
    if developer_id is not None:
        apart = select(Recusal.person_id).where(
            Recusal.developer_id == developer_id, Recusal.state == StandingState.STANDING
        )
        query = query.where(col(Person.id).not_in(apart))
    return list(session.exec(query))


def person_subject(person_id: uuid.UUID) -> str:
    """How entries name a person."""
    return f"person:{person_id}"


def organisation_subject(organisation_id: uuid.UUID) -> str:
    """How entries name an organisation as one that has people."""
    return f"organisation:{organisation_id}"


def about(person: Person) -> tuple[str, str]:
    """What the entries of a person are about."""
    return person_subject(person.id), organisation_subject(person.organisation_id)

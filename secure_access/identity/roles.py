"""Who has which role in an organisation: given and taken by its own administrators, never fewer than two."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from secure_access import ledger
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import Session, col, select
from secure_access.identity import challenges, sessions
from secure_access.identity.challenges import Purpose
from secure_access.identity.people import Organisation, Person, PersonRole, about, person_subject
from secure_access.ledger import security_log
from secure_access.workflow import Denied, NotFound, Role

LEAST_ADMINISTRATORS = 2

_OFFICE = frozenset({Role.ORGANISATION_ADMINISTRATOR})
ROLES_OF: dict[OrganisationKind, frozenset[Role]] = {
    OrganisationKind.DEVELOPER: _OFFICE | {Role.PREPARER, Role.CERTIFYING_OFFICER},
    OrganisationKind.EVALUATOR: _OFFICE | {Role.ASSESSOR, Role.EVALUATION_OFFICER},
    OrganisationKind.AGENT: _OFFICE | {Role.AGENT},
    OrganisationKind.REGULATOR: frozenset(
        {
            Role.CASE_OFFICER,
            Role.DECIDER,
            Role.PLAN_APPROVER,
            Role.PLAN_READER,
            Role.ACCREDITATION_OFFICER,
            Role.ENFORCEMENT_OFFICER,
            Role.HEAD_OF_ENFORCEMENT,
            Role.LEGAL_OFFICER,
            Role.ADMINISTRATOR,
        }
    ),
}
"""What can be given in an organisation of each kind."""

OF_TWO = frozenset(
    {
        Role.PLAN_APPROVER,
        Role.DECIDER,
        Role.HEAD_OF_ENFORCEMENT,
        Role.LEGAL_OFFICER,
        Role.ADMINISTRATOR,
    }
)
"""Roles that two administrators give together: `secure_access.identity.proposals`. What they sign binds
others: plans are opened, models delayed, penalties and notices served, the law itself put into force."""
OF_TWO_WORDS = "Deciders, plan approvers, heads of enforcement, legal officers and administrators"
"""The same on screen."""


Bar = Callable[[Session, Person, Role], Denied | None]
"""``(session, person, role) -> refusal`` of taking that role away, or ``None``."""

_bars: list[tuple[Bar, OrganisationKind]] = []


def declare_bar(bar: Bar, *, of: OrganisationKind) -> None:
    """Say what stands against taking a role away there: something that only its holder can go on with."""
    _bars.append((bar, of))


def administrator_role(kind: OrganisationKind) -> Role:
    """The role that runs an organisation's own people."""
    regulator = kind is OrganisationKind.REGULATOR
    return Role.ADMINISTRATOR if regulator else Role.ORGANISATION_ADMINISTRATOR


def oversees(by: Actor) -> bool:
    """Whether somebody is an administrator of the authority."""
    return by.organisation_kind is OrganisationKind.REGULATOR and by.holds(Role.ADMINISTRATOR)


def administers(by: Actor, organisation_id: uuid.UUID) -> bool:
    """Whether somebody runs the people of this very organisation. An agent never does."""
    own = by.organisation_id == organisation_id and by.agency is None
    return own and by.holds(administrator_role(by.organisation_kind))


def may_see(by: Actor, organisation_id: uuid.UUID) -> bool:
    """Whether somebody sees the people of an organisation: they run it, or oversee all."""
    return administers(by, organisation_id) or oversees(by)


def of_organisation(session: Session, organisation_id: uuid.UUID) -> list[Person]:
    """Everybody who has an account there, the ended ones too, by name."""
    query = select(Person).where(Person.organisation_id == organisation_id)
    return list(session.exec(query.order_by(Person.name)))


def administrators(session: Session, organisation: Organisation) -> list[Person]:
    """Who runs the people of an organisation and can sign in."""
    wanted = administrator_role(OrganisationKind(organisation.kind))
    query = (
        select(Person)
        .join(PersonRole, col(PersonRole.person_id) == col(Person.id))
        .where(
            PersonRole.role == wanted,
            Person.organisation_id == organisation.id,
            col(Person.suspended).is_(False),
            col(Person.ended_at).is_(None),
        )
    )
    return list(session.exec(query.order_by(Person.name)))


def load(session: Session, person_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> Person:
    """A person whom ``by`` administers or, for the authority's administrators, oversees.

    Raises `NotFound` for anybody else's people.
    """
    query = select(Person).where(Person.id == person_id)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    person = session.exec(query).first()
    if person is None or not may_see(by, person.organisation_id):
        raise NotFound
    return person


def give(session: Session, *, person: Person, role: Role, by: Actor, now: datetime) -> None:
    """Give a role. Raises `Denied` for one that takes two administrators, or is none of that organisation."""
    _refuse_strangers(by, person)
    if role in OF_TWO:
        raise Denied(
            f"The role {role.label} is given by two administrators.",
            "Propose it, so that another administrator can approve it.",
        )
    put(session, person=person, role=role, by=by, now=now)


def put(session: Session, *, person: Person, role: Role, by: Actor | None, now: datetime) -> None:
    """Give a role whose giving has been decided on. Twice changes nothing. Raises `Denied`, also for one's
    own account. ``by`` is ``None`` where the person accepts what others gave."""
    refuse_oneself(person, by)
    organisation = session.get_one(Organisation, person.organisation_id)
    kind = OrganisationKind(organisation.kind)
    if role not in ROLES_OF[kind]:
        words = f"{organisation.name} is of the kind {kind}; nobody there can be a {role.label}."
        raise Denied(words, "Choose a role from the list.")
    if person.ended_at is not None:
        raise Denied("This account has ended.", "Invite the person again.")
    if role in _held(session, person):
        return
    if role in OF_TWO:
        # A code that one administrator gave before opens no account that two have to stand behind.
        challenges.withdraw_of(session, Purpose.FIRST_KEY, person.id)
    row = PersonRole(person_id=person.id, role=role, given_at=now)
    session.add(row)
    ledger.append(
        session, "person.role_given", {"role": role}, by=by, now=now, about=about(person), records=(row,)
    )


def refuse_oneself(person: Person | None, by: Actor | None) -> None:
    """Raises `Denied` where somebody would give a role to their own account."""
    if person is not None and by is not None and person.id == by.person_id:
        raise Denied("You cannot give a role to yourself.", "Ask another administrator.")


def take(session: Session, *, person: Person, role: Role, by: Actor, now: datetime) -> None:
    """Take a role away; it counts from the person's next request. Raises `Denied` for one of the last two
    administrators, and where a package above has something that nobody else could go on with."""
    _refuse_strangers(by, person)
    row = _held(session, person).get(role)
    if row is None:
        return
    if role is administrator_role(_kind(session, person)):
        refuse_too_few(session, person)
    for bar, of in _bars:
        refusal = bar(session, person, role) if of is _kind(session, person) else None
        if refusal is not None:
            raise refusal
    session.delete(row)
    fields = {"role": role}
    ledger.append(session, "person.role_taken", fields, by=by, now=now, about=about(person), records=(row,))


def suspend(session: Session, *, person: Person, by: Actor, now: datetime) -> None:
    """Suspend an account: it ends every session at once and can be restored. Raises `Denied`."""
    _refuse_unseen(by, person)
    if person.id == by.person_id:
        raise Denied("You cannot suspend your own account.", "Ask another administrator.")
    if person.suspended:
        return
    refuse_too_few(session, person)
    person.suspended = True
    session.add(person)
    ledger.append(session, "person.suspended", {}, by=by, now=now, about=about(person), records=(person,))
    end_sessions(session, person=person, by=by, now=now)


def restore(session: Session, *, person: Person, by: Actor, now: datetime) -> None:
    """Let a suspended account sign in again. Raises `Denied` for one that has ended."""
    _refuse_unseen(by, person)
    if person.ended_at is not None:
        raise Denied("This account has ended.", "Invite the person again.")
    person.suspended = False
    session.add(person)
    ledger.append(session, "person.restored", {}, by=by, now=now, about=about(person), records=(person,))


def set_team(session: Session, *, person: Person, team: str, by: Actor, now: datetime) -> None:
    """Say in which team of its organisation a person works."""
    _refuse_strangers(by, person)
    person.team = " ".join(team.split())
    session.add(person)
    ledger.append(session, "person.team_changed", {}, by=by, now=now, about=about(person), records=(person,))


def end_sessions(
    session: Session, *, person: Person, by: Actor, now: datetime, only: uuid.UUID | None = None
) -> int:
    """End every session of a person, or one of them, at once; how many ended. Raises `NotFound`."""
    _refuse_unseen(by, person)
    live = sessions.of_person(session, person_id=person.id)
    ended = sessions.end_sessions(session, [row for row in live if only in (None, row.id)])
    subject = person_subject(person.id)
    security_log.note(
        session, "session.ended_by_administrator", by=by, now=now, subject=subject, sessions=ended
    )
    return ended


def refuse_too_few(session: Session, person: Person) -> None:
    """Raises `Denied` where the organisation would be left with fewer than two administrators."""
    # Two administrators who remove each other at the same moment wait for one another here.
    organisation = session.get_one(Organisation, person.organisation_id, with_for_update=True)
    known = {found.id for found in administrators(session, organisation)}
    if person.id in known and len(known) <= LEAST_ADMINISTRATORS:
        raise Denied(
            f"{organisation.name} would have fewer than two administrators, and one alone could lock it out.",
            "Give somebody else the role first.",
        )


def _refuse_strangers(by: Actor, person: Person) -> None:
    if not administers(by, person.organisation_id):
        raise NotFound


def _refuse_unseen(by: Actor, person: Person) -> None:
    if not may_see(by, person.organisation_id):
        raise NotFound


def _held(session: Session, person: Person) -> dict[Role, PersonRole]:
    rows = session.exec(select(PersonRole).where(PersonRole.person_id == person.id))
    return {Role(row.role): row for row in rows}


def _kind(session: Session, person: Person) -> OrganisationKind:
    return OrganisationKind(session.get_one(Organisation, person.organisation_id).kind)

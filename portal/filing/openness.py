"""Who can open a draft, found: whose it is to open, who asks, who could be named. No act."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, false, not_, or_

from portal.filing.tables import Filing, FilingPerson
from portal.filing.visibility import FILINGS, PLACES
from portal.filing.workflow import DRAFTS, FILERS, Part, Place, PlaceState
from secure_access.db import Session, col, select
from secure_access.identity import (
    Actor,
    Organisation,
    OrganisationKind,
    Person,
    authority,
    delegation,
    people_with,
    roles,
)
from secure_access.workflow import NotFound, Role

_OWN_ROLES = (Role.PREPARER, Role.CERTIFYING_OFFICER)


@dataclass(frozen=True)
class Candidate:
    """Somebody who can be named. ``body`` is the agent they work for, if any."""

    person: Person
    body: str = ""


def readers(filing: Filing) -> str:
    """Who can open a draft, in a sentence."""
    if not filing.named_only:
        return "Only your organisation can read this draft."
    count = len(filing.preparers | filing.readers)
    named = "one named person" if count == 1 else f"{count} named people"
    return f"Only {named} of your organisation can read this draft."


def find(session: Session, filing_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> Filing:
    """A draft whose people ``by`` may see: it is open to them, or restricted and they run the developer.

    An administrator reads nothing of it by this. Raises `NotFound`, also once it is of record.
    """
    mine = FILINGS.to(by) if by.roles & FILERS else false()
    query = select(Filing).where(
        Filing.id == filing_id, col(Filing.state).in_(DRAFTS), or_(mine, _administered(by))
    )
    return _one(session, query, for_update=for_update)


def closed(session: Session, filing_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> Filing:
    """A draft of named people that is not open to ``by``, who could ask to join it. Raises `NotFound`."""
    query = select(Filing).where(Filing.id == filing_id, _closed(by))
    return _one(session, query, for_update=for_update)


def closed_to(session: Session, by: Actor) -> list[Filing]:
    """The drafts of named people of the actor's organisation that are not open to the actor, oldest first."""
    return list(session.exec(select(Filing).where(_closed(by)).order_by(col(Filing.prepared_at))))


def restricted(session: Session, by: Actor) -> list[Filing]:
    """Every draft of named people of the organisation that ``by`` runs, oldest first."""
    return list(session.exec(select(Filing).where(_administered(by)).order_by(col(Filing.prepared_at))))


def _administered(by: Actor) -> Any:
    if not roles.administers(by, by.organisation_id):
        return false()
    return and_(*_of_named_people(by))


def _closed(by: Actor) -> Any:
    if by.organisation_kind is not OrganisationKind.DEVELOPER or not by.roles & FILERS:
        return false()
    return and_(*_of_named_people(by), not_(FILINGS.to(by)))


def _of_named_people(by: Actor) -> tuple[Any, ...]:
    return (
        Filing.developer_id == by.organisation_id,
        col(Filing.state).in_(DRAFTS),
        col(Filing.named_only).is_(True),
    )


def _one(session: Session, query: Any, *, for_update: bool) -> Filing:
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    found: Filing | None = session.exec(query).first()
    if found is None:
        raise NotFound
    return found


def places(session: Session, filing: Filing, *, by: Actor) -> list[FilingPerson]:
    """The places of a draft that ``by`` may see and that stand or wait, in the order of asking."""
    query = select(FilingPerson).where(
        FilingPerson.filing_id == filing.id,
        col(FilingPerson.state).in_((PlaceState.ASKED, PlaceState.NAMED)),
        PLACES.to(by),
    )
    return list(session.exec(query.order_by(col(FilingPerson.asked_at), col(FilingPerson.id))))


def place(session: Session, filing: Filing, place_id: uuid.UUID, *, by: Actor) -> FilingPerson:
    """One place of a draft. Raises `NotFound` where ``by`` may not see it."""
    named = (col(FilingPerson.id) == place_id, col(FilingPerson.filing_id) == filing.id)
    return PLACES.find(session, by, *named)


def own_latest(session: Session, filing: Filing, *, by: Actor) -> FilingPerson | None:
    """How the actor's own asking stands: the place that is not over, else the latest, if there is any."""
    query = select(FilingPerson).where(
        FilingPerson.filing_id == filing.id, FilingPerson.person_id == by.person_id
    )
    over_last = (col(FilingPerson.ended_at).is_not(None), col(FilingPerson.ended_at).desc())
    return session.exec(query.order_by(*over_last)).first()


def candidates(session: Session, developer_id: uuid.UUID, *, now: datetime) -> list[Candidate]:
    """Who could be named, by name: who files for the developer now, agents with a delegation too."""
    found = {
        person.id: Candidate(person)
        for role in _OWN_ROLES
        for person in people_with(session, role, organisation_id=developer_id)
    }
    for row in delegation.every(session, developer_id):
        if row.organisation_id == developer_id and "draft" in row.scope and authority.stands(row, now):
            body = session.get_one(Organisation, row.agent_id).name
            for person in people_with(session, Role.AGENT, organisation_id=row.agent_id):
                found[person.id] = Candidate(person, body)
    return sorted(found.values(), key=lambda one: one.person.name)


def able(session: Session, filing: Filing) -> list[Person]:
    """Who prepares a draft, is of the developer itself, can sign in and may still file, by name."""
    found = {
        person.id: person
        for role in _OWN_ROLES
        for person in people_with(session, role, organisation_id=filing.developer_id)
    }
    return sorted((found[one] for one in filing.preparers if one in found), key=lambda one: one.name)


def waiting_for(session: Session, by: Actor) -> list[tuple[Filing, str]]:
    """Who asked to join a draft that ``by`` prepares: the draft, and the name of who asked."""
    if not by.roles & frozenset(_OWN_ROLES):
        return []
    prepared = select(FilingPerson.filing_id).where(
        FilingPerson.person_id == by.person_id,
        FilingPerson.state == PlaceState.NAMED,
        FilingPerson.part == Part.PREPARES,
    )
    query = (
        select(Filing, Person.name)
        .join(FilingPerson, col(FilingPerson.filing_id) == col(Filing.id))
        .join(Person, col(Person.id) == col(FilingPerson.person_id))
        .where(
            FilingPerson.state == PlaceState.ASKED,
            col(Filing.id).in_(prepared),
            col(Filing.state).in_(DRAFTS),
            FILINGS.to(by),
        )
        .order_by(col(FilingPerson.asked_at))
    )
    return list(session.exec(query).all())


def facts(session: Session, filing: Filing, row: FilingPerson) -> Place:
    """What the steps ask of a place."""
    return Place(
        PlaceState(row.state),
        row.person_id,
        filing.preparers,
        frozenset(person.id for person in able(session, filing)),
    )


def last_prepared_by(session: Session, person: Person) -> list[Filing]:
    """Drafts of named people that nobody else could go on with, oldest first."""
    query = (
        select(Filing)
        .join(FilingPerson, col(FilingPerson.filing_id) == col(Filing.id))
        .where(
            col(Filing.named_only).is_(True),
            col(Filing.state).in_(DRAFTS),
            FilingPerson.person_id == person.id,
            FilingPerson.state == PlaceState.NAMED,
            FilingPerson.part == Part.PREPARES,
        )
        .order_by(col(Filing.prepared_at))
    )
    return [
        filing
        for filing in session.exec(query).all()
        if not {other.id for other in able(session, filing)} - {person.id}
    ]

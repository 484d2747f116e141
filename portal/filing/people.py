"""The named people of a draft: who may open it, who asked to, and who left.

A draft is open to everyone who files for the developer, or to named people only. Who began it, who wrote in
it and who restricts it are its first people. Each change is an entry of the custody log.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, false, not_, or_

from portal.filing.tables import Filing, FilingPerson
from portal.filing.visibility import FILINGS, PLACES
from portal.filing.workflow import (
    DRAFT_PERSON,
    DRAFTS,
    FILERS,
    FILING,
    FilingState,
    Part,
    Place,
    PlaceState,
)
from secure_access import ledger
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
from secure_access.workflow import Denied, NotFound, Role

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


def restrict(session: Session, *, filing: Filing, by: Actor, now: datetime) -> None:
    """Open a draft to named people only: who began it, who wrote in it, ``by``, the officer who was asked.

    Twice changes nothing. Raises `Denied` for somebody it is not open to, or who only reads it.
    """
    FILING.take("restrict", by, filing)
    if filing.named_only:
        return
    filing.named_only = True
    session.add(filing)
    ledger.append(
        session, "draft.restricted", {"filing": str(filing.id)}, by=by, now=now, about=(_subject(filing),)
    )
    first = {str(by.person_id), str(filing.prepared_by), *filing.authors}
    for one in candidates(session, filing.developer_id, now=now):
        if str(one.person.id) in first:
            _put_in(session, filing, one.person.id, Part.PREPARES, by, now)
    if filing.state is FilingState.IN_CERTIFICATION and filing.certifier_id is not None:
        let_in(session, filing=filing, person_id=filing.certifier_id, part=Part.READS, by=by, now=now)


def open_to_everyone(session: Session, *, filing: Filing, by: Actor, now: datetime) -> None:
    """Open a draft to everyone who files for the developer again. Places end, and what was asked is settled.

    Twice changes nothing. Raises `Denied` for somebody it is not open to, or who only reads it.
    """
    FILING.take("open_to_everyone", by, filing)
    if not filing.named_only:
        return
    end_all(session, filing=filing, by=by, now=now)
    filing.named_only = False
    session.add(filing)
    ledger.append(
        session,
        "draft.opened_to_everyone",
        {"filing": str(filing.id)},
        by=by,
        now=now,
        about=(_subject(filing),),
    )


def ask(session: Session, *, filing: Filing, by: Actor, now: datetime) -> FilingPerson:
    """Ask to be let into a draft of named people; while that waits, asking again changes nothing.

    Raises `Denied` for a draft that is open to ``by`` already.
    """
    FILING.take("ask_to_join", by, filing)
    waiting = _standing(session, filing, by.person_id, PlaceState.ASKED)
    if waiting is not None:
        return waiting
    row = _asked(filing, by.person_id, now)
    _record(session, "draft.join_asked", row, by, now)
    return row


def name(
    session: Session, *, filing: Filing, person_id: uuid.UUID, part: Part, by: Actor, now: datetime
) -> None:
    """Let a colleague into a draft of named people, whether they asked or not; also to change their part.

    Raises `Denied` for oneself, for a draft that is open to everyone, for somebody who does not file for the
    developer, and for whoever does not choose the draft's people.
    """
    _refuse_open(filing)
    row = _standing(session, filing, person_id, PlaceState.ASKED) or _asked(filing, person_id, now)
    DRAFT_PERSON.take("name", by, facts(session, filing, row))
    if person_id not in {one.person.id for one in candidates(session, filing.developer_id, now=now)}:
        raise Denied(
            "Only somebody who files for your organisation can be named.",
            "Choose somebody of the list, or ask an administrator to give them the role first.",
        )
    before = _standing(session, filing, person_id, PlaceState.NAMED)
    if before is not None and before.part is not part:
        remove(session, filing=filing, row=before, by=by, now=now)
    _put_in(session, filing, person_id, part, by, now)


def refuse(
    session: Session, *, filing: Filing, row: FilingPerson, reason: str, by: Actor, now: datetime
) -> None:
    """Refuse somebody who asked to join. They read the reason. Raises `Denied` without one."""
    state = DRAFT_PERSON.take("refuse", by, facts(session, filing, row))
    if not reason.strip():
        raise Denied("The reason is missing.", "Say why; the colleague who asked reads it.")
    row.reason = reason.strip()[:2000]
    _end(session, row, state, by, now)


def remove(session: Session, *, filing: Filing, row: FilingPerson, by: Actor, now: datetime) -> None:
    """Take somebody off a draft; it counts from their next request. Everybody may leave.

    Raises `Denied` for the last who prepares it, and for the officer whose signature it waits for.
    """
    state = DRAFT_PERSON.take("remove", by, facts(session, filing, row))
    if filing.state is FilingState.IN_CERTIFICATION and filing.certifier_id == row.person_id:
        raise Denied("It waits for the signature of this officer.", "Recall the draft first.")
    _end(session, row, state, by, now)


def let_in(
    session: Session, *, filing: Filing, person_id: uuid.UUID, part: Part, by: Actor, now: datetime
) -> None:
    """Name somebody because of another act: asked to sign, or takes over from a leaver.

    Nothing happens to a draft that is open to everyone, nor to who is in it with as much. Raises `Denied` for
    an administrator who would let themselves in so.
    """
    if not filing.named_only or person_id in filing.preparers:
        return
    if part is Part.READS and person_id in filing.readers:
        return
    if person_id == by.person_id and person_id not in filing.readers:
        raise Denied(
            "Nobody lets themselves into a draft of named people.",
            "Choose another colleague, or ask another administrator.",
        )
    before = _standing(session, filing, person_id, PlaceState.NAMED)
    if before is not None:
        _end(session, before, PlaceState.ENDED, by, now)
    _put_in(session, filing, person_id, part, by, now)


def end_all(session: Session, *, filing: Filing, by: Actor, now: datetime) -> None:
    """End every place of a draft that is discarded or opened to everyone, and what was asked."""
    query = select(FilingPerson).where(
        FilingPerson.filing_id == filing.id,
        col(FilingPerson.state).in_((PlaceState.ASKED, PlaceState.NAMED)),
    )
    for row in session.exec(query).all():
        _end(session, row, PlaceState.ENDED, by, now)


def end_of_person(session: Session, person: Person, by: Actor, now: datetime) -> None:
    """End the places of somebody who leaves, so that coming back opens no draft of before."""
    query = select(FilingPerson).where(
        FilingPerson.person_id == person.id,
        col(FilingPerson.state).in_((PlaceState.ASKED, PlaceState.NAMED)),
    )
    for row in session.exec(query).all():
        _end(session, row, PlaceState.ENDED, by, now)


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


def _refuse_open(filing: Filing) -> None:
    if not filing.named_only or filing.of_record():
        raise Denied(
            "This draft is open to everyone who files for your organisation.",
            "Restrict it to named people first.",
        )


def _standing(
    session: Session, filing: Filing, person_id: uuid.UUID, state: PlaceState
) -> FilingPerson | None:
    query = select(FilingPerson).where(
        FilingPerson.filing_id == filing.id,
        FilingPerson.person_id == person_id,
        FilingPerson.state == state,
    )
    return session.exec(query).first()


def _asked(filing: Filing, person_id: uuid.UUID, now: datetime) -> FilingPerson:
    return FilingPerson(
        filing_id=filing.id, developer_id=filing.developer_id, person_id=person_id, asked_at=now
    )


def _put_in(
    session: Session, filing: Filing, person_id: uuid.UUID, part: Part, by: Actor, now: datetime
) -> None:
    if _standing(session, filing, person_id, PlaceState.NAMED) is not None:
        return
    row = _standing(session, filing, person_id, PlaceState.ASKED) or _asked(filing, person_id, now)
    row.state, row.part, row.added_by, row.added_at = PlaceState.NAMED, part, by.person_id, now
    _record(session, "draft.person_named", row, by, now, part=part)


def _end(session: Session, row: FilingPerson, state: PlaceState, by: Actor, now: datetime) -> None:
    event = _ENDS[PlaceState(row.state), state]
    row.state, row.ended_by, row.ended_at = state, by.person_id, now
    _record(session, event, row, by, now)


_ENDS = {
    (PlaceState.NAMED, PlaceState.ENDED): "draft.person_removed",
    (PlaceState.ASKED, PlaceState.REFUSED): "draft.join_refused",
    (PlaceState.ASKED, PlaceState.ENDED): "draft.join_ended",
}


def _record(session: Session, event: str, row: FilingPerson, by: Actor, now: datetime, **more: str) -> None:
    session.add(row)
    fields = {"filing": str(row.filing_id), "person": str(row.person_id), **more}
    about = (f"filing:{row.filing_id}",)
    ledger.append(session, event, fields, by=by, now=now, about=about, records=(row,))


def _subject(filing: Filing) -> str:
    return f"filing:{filing.id}"

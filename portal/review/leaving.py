"""What an official leaves behind: cases as officer or decider, plans that they may still read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime

from portal.review import cases
from portal.review.tables import Case, PlanRequest
from portal.review.workflow import PUT_TO_DEVELOPER, CaseState, PlanState
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Person, leaving
from secure_access.identity.leaving import HandOver, Holding
from secure_access.workflow import Role


def as_officer(session: Session, person: Person) -> Iterator[Holding]:
    """Undecided cases of this case officer."""
    query = select(Case).where(Case.officer_id == person.id, col(Case.state) != CaseState.DECIDED)
    for case in session.exec(query):
        yield Holding(
            f"case_officer:{case.id}", f"case officer of {case.reference}", frozenset({Role.CASE_OFFICER})
        )


def as_decider(session: Session, person: Person) -> Iterator[Holding]:
    """Undecided cases in which this person is to decide."""
    query = select(Case).where(Case.decider_id == person.id, col(Case.state) != CaseState.DECIDED)
    for case in session.exec(query):
        yield Holding(f"case_decider:{case.id}", f"decider of {case.reference}", frozenset({Role.DECIDER}))


def as_reader(session: Session, person: Person) -> Iterator[Holding]:
    """Plan requests that name this person as a reader and are not over: nobody takes a reader's place."""
    live = (PlanState.REQUESTED, *PUT_TO_DEVELOPER)
    for request in session.exec(select(PlanRequest).where(col(PlanRequest.state).in_(live))):
        if str(person.id) in request.readers:
            who = "A case officer or a plan approver ends or withdraws it and asks anew with another reader."
            yield Holding(f"plan_reader:{request.id}", f"named reader of {request.reference}", who=who)


def as_requester(session: Session, person: Person) -> Iterator[Holding]:
    """Plan requests that this person drew up and nobody has approved: until then they rest on one person."""
    query = select(PlanRequest).where(
        PlanRequest.requested_by == person.id, PlanRequest.state == PlanState.REQUESTED
    )
    for request in session.exec(query):
        who = "A plan approver approves or refuses it, or a case officer withdraws it and asks anew."
        yield Holding(f"plan_requester:{request.id}", f"asked for {request.reference}", who=who)


def _officer(session: Session, handed: HandOver, by: Actor, now: datetime) -> None:
    cases.hand_over(
        session, case=_case(session, handed), part="officer", heir_id=handed.heir.id, by=by, now=now
    )


def _decider(session: Session, handed: HandOver, by: Actor, now: datetime) -> None:
    cases.hand_over(
        session, case=_case(session, handed), part="decider", heir_id=handed.heir.id, by=by, now=now
    )


def _case(session: Session, handed: HandOver) -> Case:
    return session.get_one(Case, uuid.UUID(handed.key), with_for_update=True)


leaving.declare("case_officer", as_officer, _officer)
leaving.declare("case_decider", as_decider, _decider)
leaving.declare("plan_reader", as_reader)
leaving.declare("plan_requester", as_requester)

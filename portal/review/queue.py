"""The queue: cases in the order in which they are due, in four views, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_

from evaluator.tables import Engagement
from evaluator.workflow import EngagementState
from portal.review.facts import Facts, gather
from portal.review.tables import Case, InformationRequest, PlanRequest
from portal.review.visibility import CASES
from portal.review.workflow import PUT_TO_DEVELOPER, CaseState, PlanState, RequestState
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Person
from secure_access.workflow import Role

PAGE = 50
_IN_ORDER = (col(Case.due_on).is_(None), col(Case.due_on), col(Case.opened_at), col(Case.reference))
"""What is due first stands first, what has no due date last, oldest first: the same for everybody."""


class View(StrEnum):
    """Which cases are shown."""

    TEAM = "team"
    MINE = "mine"
    BREACHING = "breaching"
    WAITING = "waiting"
    ALL = "all"

    @property
    def label(self) -> str:
        """The view as the screen says it."""
        return _LABELS[self]


_LABELS = {
    View.TEAM: "My team",
    View.MINE: "Mine",
    View.BREACHING: "Breaching",
    View.WAITING: "Waiting for others",
    View.ALL: "All",
}


@dataclass(frozen=True)
class Page:
    """One page of a view: its cases, how many there are in all, and which page this is (from 1)."""

    view: View
    rows: list[Facts]
    total: int
    number: int

    @property
    def first(self) -> int:
        """Place of its first row in the whole view."""
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        """Place of its last row."""
        return self.first + len(self.rows) - 1


def page(session: Session, *, view: View, number: int, by: Actor, now: datetime) -> Page:
    """A page of a view: what is due first stands first, what has no due date last, oldest first."""
    wanted = _condition(session, view, by, now)
    total = session.exec(select(func.count()).select_from(Case).where(wanted)).one()
    number = max(1, min(number, -(-total // PAGE) or 1))
    query = select(Case).where(wanted).order_by(*_IN_ORDER).offset((number - 1) * PAGE).limit(PAGE)
    return Page(view, gather(session, list(session.exec(query))), total, number)


def counts(session: Session, *, by: Actor, now: datetime) -> dict[View, int]:
    """How many cases each view has."""
    return {
        view: session.exec(
            select(func.count()).select_from(Case).where(_condition(session, view, by, now))
        ).one()
        for view in View
    }


def waiting(session: Session, *, by: Actor) -> list[Facts]:
    """Undecided and conditioned cases in which an act of this person's roles may be next, a page at most.

    Cases without a case officer wait for every case officer, after those that name this person.
    """
    wanted = and_(_mine(by), CASES.to(by))
    if by.holds(Role.CASE_OFFICER):
        unowned = and_(col(Case.officer_id).is_(None), col(Case.state) != CaseState.DECIDED)
        wanted = or_(wanted, and_(unowned, CASES.to(by)))
    named = or_(col(Case.officer_id) == by.person_id, col(Case.decider_id) == by.person_id)
    query = select(Case).where(wanted).order_by(case((named, 0), else_=1), *_IN_ORDER).limit(PAGE)
    return gather(session, list(session.exec(query)))


def _condition(session: Session, view: View, by: Actor, now: datetime) -> ColumnElement[bool]:
    return and_(CASES.to(by), _of_view(session, view, by, now))


def _of_view(session: Session, view: View, by: Actor, now: datetime) -> ColumnElement[bool]:
    undecided = col(Case.state) != CaseState.DECIDED
    if view is View.MINE:
        return and_(undecided, _mine(by))
    if view is View.TEAM:
        team = _team(session, by)
        return and_(undecided, or_(col(Case.officer_id).is_(None), col(Case.officer_id).in_(team)))
    if view is View.BREACHING:
        return and_(undecided, col(Case.due_on) < now.date())
    if view is View.WAITING:
        return and_(undecided, _waiting())
    return col(Case.id).is_not(None)


def _mine(by: Actor) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [false()]
    if by.holds(Role.CASE_OFFICER):
        found.append(col(Case.officer_id) == by.person_id)
    if by.holds(Role.DECIDER):
        unnamed = and_(col(Case.decider_id).is_(None), col(Case.state) == CaseState.RECOMMENDED)
        found += [col(Case.decider_id) == by.person_id, unnamed]
    return or_(*found)


def _team(session: Session, by: Actor) -> list[Any]:
    """The people of the actor's team; whoever has no team is a team of their own."""
    if not by.team:
        return [by.person_id]
    query = select(Person.id).where(Person.team == by.team, Person.organisation_id == by.organisation_id)
    return list(session.exec(query))


def _waiting() -> ColumnElement[bool]:
    """Cases whose next act is the developer's, the evaluator's or the plan approver's."""
    return or_(
        exists().where(
            col(InformationRequest.case_id) == col(Case.id),
            col(InformationRequest.state) == RequestState.SERVED,
        ),
        exists().where(
            col(PlanRequest.case_id) == col(Case.id),
            col(PlanRequest.state).in_((PlanState.REQUESTED, *PUT_TO_DEVELOPER)),
            col(PlanRequest.state) != PlanState.DELIVERED,
        ),
        exists().where(
            col(Engagement.case_id) == col(Case.id),
            col(Engagement.state).in_((EngagementState.APPOINTED, EngagementState.DECLARED)),
        ),
    )

"""Alerts about a sealed plan: what somebody has to look at, read out of the custodian's log.

There is no table of them. An alert is what the lines say, until its owner, the case officer, answers what
came of it. The developer sees the same lines.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from portal.review import custody_lines, openings, plans
from portal.review.openings import Told
from portal.review.tables import AlertAnswer, Case, PlanRequest
from secure_access import grants, ledger
from secure_access.custodian.acts import Reason
from secure_access.custodian.custody import Why
from secure_access.db import Session, select
from secure_access.identity import Actor
from secure_access.workflow import Denied, NotFound, Role

CLOSED = "alert.closed"
DENIALS, HOUR = 3, timedelta(hours=1)
"""So many refusals of one person within an hour are an alert."""
LONGEST_WAIT = timedelta(seconds=60)
"""How long an entry may wait for its place in the ledger."""
LONGEST_ANSWER = 2000
_DEVICE = (Reason.OTHER_KEY.value, Why.OTHER_PASSKEY.value)


class Kind(StrEnum):
    """What an alert is about."""

    DENIALS = "denials"
    RATE = "rate"
    DEVICE = "device"
    UNSEQUENCED = "unsequenced"
    OVERDUE = "overdue"

    @property
    def words(self) -> str:
        """What happened, for the owner."""
        return _WORDS[self]

    @property
    def answerable(self) -> bool:
        """Whether somebody answers it; the others are over by themselves."""
        return self in (Kind.DENIALS, Kind.RATE, Kind.DEVICE)

    @property
    def advice(self) -> str:
        """What to do."""
        return _ADVICE[self]


_WORDS = {
    Kind.DENIALS: f"{DENIALS} refusals of one person within an hour",
    Kind.RATE: "Pages were asked for faster than the access grant allows",
    Kind.DEVICE: "A passkey was used that the enrolment list or the grant does not name",
    Kind.UNSEQUENCED: "An entry has waited for over a minute for its place in the ledger",
    Kind.OVERDUE: "The monthly recertification of a reader is overdue",
}
_ADVICE = {
    Kind.DENIALS: "Ask the person what they tried. If it was not them, revoke the grant at the custodian.",
    Kind.RATE: "Ask the reader why. A script that copies pages is the case to think of.",
    Kind.DEVICE: "Ask the person at once. If it was not them, revoke the grant and have the passkey removed.",
    Kind.UNSEQUENCED: "Ask the operator: the worker, or the signer of the ledger, stands still.",
    Kind.OVERDUE: "Nothing can be read until an approver confirms the reader at the custodian.",
}


@dataclass(frozen=True)
class Alert:
    """One thing to look at. ``key`` names it for good; ``who`` is a person of the enrolment list, if one."""

    kind: Kind
    key: str
    at: datetime
    who: str = ""


def raised(refusals: Iterable[Told]) -> Iterator[Alert]:
    """What the refusals of one plan give rise to, in order."""
    denied: dict[str, list[datetime]] = {}
    for one in refusals:
        who, why, at = one.text("reader") or one.text("by"), one.text("reason"), one.line.at
        number = one.line.number
        if why in _DEVICE:
            yield Alert(Kind.DEVICE, f"{Kind.DEVICE.value}:{number}", at, who)
        if why == Why.TOO_FAST.value:
            yield Alert(Kind.RATE, f"{Kind.RATE.value}:{number}", at, who)
        recent = [when for when in denied.get(who, ()) if at - when < HOUR]
        denied[who] = [*recent, at]
        if len(denied[who]) == DENIALS:
            denied[who] = []
            yield Alert(Kind.DENIALS, f"{Kind.DENIALS.value}:{number}", at, who)


def standing(waiting: Iterable[Told], late: Sequence[Overdue], now: datetime) -> Iterator[Alert]:
    """What is so now, and is over by itself: entries without a place, recertifications that are overdue."""
    for one in waiting:
        if now - one.entry.recorded_at > LONGEST_WAIT:
            key = f"{Kind.UNSEQUENCED.value}:{one.line.number}"
            yield Alert(Kind.UNSEQUENCED, key, one.entry.recorded_at)
    for due in late:
        yield Alert(Kind.OVERDUE, f"{Kind.OVERDUE.value}:{due.reader}", due.until, due.reader)


@dataclass(frozen=True)
class Overdue:
    """A reader whose month is over, as the custodian told it."""

    reader: str
    until: datetime
    grants: tuple[str, ...]


def overdue(session: Session, request: PlanRequest) -> list[Overdue]:
    """Readers of a plan whose recertification is overdue."""
    told: list[dict[str, Any]] = json.loads(custody_lines.link(session).overdue or "[]")
    mine = {one.digest for one in grants.of_subject(session, plans.subject_of(request))}
    return [
        Overdue(str(one["reader"]), datetime.fromisoformat(str(one["until"])), tuple(one["grants"]))
        for one in told
        if mine & set(one["grants"])
    ]


@dataclass(frozen=True)
class Answered:
    """An alert with what came of it; of an open one both are empty."""

    alert: Alert
    answer: str
    answered_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether somebody still has to look at it."""
        return self.answered_at is None


def of_request(session: Session, request: PlanRequest, *, now: datetime) -> list[Answered]:
    """Every alert about a plan, those that wait first, then the latest."""
    query = select(AlertAnswer).where(AlertAnswer.plan_request_id == request.id)
    said = {one.alert: (one.answer, one.answered_at) for one in session.exec(query)}
    found = [
        Answered(alert, *said.get(alert.key, ("", None)))
        for alert in (
            *raised(openings.refusals(session, request)),
            *standing(openings.waiting(session, request), overdue(session, request), now),
        )
    ]
    return sorted(found, key=lambda one: (not one.open, -one.alert.at.timestamp()))


def close(session: Session, *, request: PlanRequest, key: str, answer: str, by: Actor, now: datetime) -> None:
    """Say what came of an alert. Its owner does: the case officer, or a case officer while there is none.

    Raises `Denied`, `NotFound`; ``ValueError`` without an answer.
    """
    case = session.get_one(Case, request.case_id)
    if not by.holds(Role.CASE_OFFICER) or case.officer_id not in (None, by.person_id):
        raise Denied("Only the case officer of this case answers its alerts.", "Ask the case officer.")
    found = next((one for one in of_request(session, request, now=now) if one.alert.key == key), None)
    if found is None:
        raise NotFound
    if not found.alert.kind.answerable:
        raise Denied("This alert is over by itself once it is mended.", "Nothing is to be answered.")
    if not found.open:
        raise Denied("This alert has been answered.", "Reload the page to read the answer.")
    if not answer.strip() or len(answer) > LONGEST_ANSWER:
        raise ValueError(f"Say what came of it, in up to {LONGEST_ANSWER:,} characters.")
    row = AlertAnswer(
        plan_request_id=request.id,
        alert=key,
        answer=answer.strip(),
        answered_by=by.person_id,
        answered_at=now,
    )
    session.add(row)
    fields = {"reference": request.reference, "alert": key}
    ledger.append(session, CLOSED, fields, by=by, now=now, about=plans.about(request), records=(row,))


def owner(session: Session, request: PlanRequest) -> uuid.UUID | None:
    """Whose the alerts of a plan are: the case officer, or nobody's yet."""
    return session.get_one(Case, request.case_id).officer_id

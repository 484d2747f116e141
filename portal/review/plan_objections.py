"""What a developer objects to in a plan request, point by point, and the answers of the authority.

A developer accepts a request, narrows it by objecting to a section or a reader, or objects to the whole.
Nothing can be delivered while an objection is open. Each gets an answer with its reason, by a plan approver
who is neither the requester nor a reader; what is upheld is taken out of the request, which then goes on or
ends.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.filing.outline import title_of
from portal.review import plans
from portal.review.tables import ObjectionAnswer, PlanObjection, PlanRequest
from portal.review.workflow import PLAN_REQUEST
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Person, conflicts
from secure_access.workflow import Denied, NotFound

WHOLE = "request"
"""The point of an objection to everything that is asked."""


def points(request: PlanRequest) -> list[str]:
    """What of a request can be objected to."""
    return [
        WHOLE,
        *(f"section:{key}" for key in request.sections),
        *(f"reader:{reader}" for reader in request.readers),
    ]


def words(session: Session, point: str) -> str:
    """A point as a sentence names it: ``the section Insider threat mitigations``."""
    kind, _, key = point.partition(":")
    match kind:
        case "section":
            return f"the section {title_of(key)}"
        case "reader":
            return f"the reader {session.get_one(Person, uuid.UUID(key)).name}"
    return "the whole request"


def of_request(session: Session, request: PlanRequest) -> list[PlanObjection]:
    """Every objection to a request, in the order in which they were raised."""
    query = select(PlanObjection).where(PlanObjection.plan_request_id == request.id)
    return list(session.exec(query.order_by(col(PlanObjection.raised_at), col(PlanObjection.point))))


def accept(session: Session, *, request: PlanRequest, by: Actor, now: datetime) -> None:
    """Say that the plan will be delivered as asked. Raises `Denied`."""
    request.state = PLAN_REQUEST.take("accept", by, plans.approving(session, request))
    session.add(request)
    ledger.append(
        session,
        "plan.accepted",
        {"reference": request.reference},
        by=by,
        now=now,
        about=plans.about(request),
        records=(request,),
    )


def object_to(
    session: Session, *, request: PlanRequest, reasons: Mapping[str, str], by: Actor, now: datetime
) -> list[PlanObjection]:
    """Object to points of a request, each with its reason; to each of them once.

    Raises `Denied`, and ``ValueError`` where a reason is missing.
    """
    if not reasons:
        raise ValueError("Choose what you object to.")
    state = PLAN_REQUEST.take("object", by, plans.approving(session, request))
    raised = {one.point for one in of_request(session, request)}
    for point, reason in reasons.items():
        if point not in points(request):
            raise NotFound
        if not reason.strip():
            raise ValueError(f"Say why you object to {words(session, point)}.")
        if point in raised:
            raise Denied(
                f"You objected to {words(session, point)} before, and it was answered.",
                "Ask the case officer if something has changed since.",
            )
    request.state = state
    rows = [
        PlanObjection(
            plan_request_id=request.id,
            point=point,
            reason=reason.strip(),
            raised_by=by.person_id,
            raised_at=now,
        )
        for point, reason in reasons.items()
    ]
    session.add_all([request, *rows])
    fields = {"reference": request.reference, "points": len(rows)}
    ledger.append(
        session,
        "plan.objected",
        fields,
        by=by,
        now=now,
        about=plans.about(request),
        records=(request, *rows),
    )
    return rows


@dataclass(frozen=True)
class Answer:
    """The answer to an objection: whether it is upheld, and the reason that the developer reads."""

    upheld: bool
    reason: str


def answer(
    session: Session,
    *,
    request: PlanRequest,
    objection_id: uuid.UUID,
    answered: Answer,
    by: Actor,
    now: datetime,
) -> PlanObjection:
    """Answer an objection with a reason; the last answer lets the request go on, or ends it.

    Raises `Denied`, `NotFound`, and ``ValueError`` without a reason.
    """
    conflicts.refuse_assignment(session, person_id=by.person_id, developer_id=request.developer_id)
    PLAN_REQUEST.take("answer_objection", by, plans.approving(session, request))
    row = session.get(PlanObjection, objection_id, with_for_update=True)
    if row is None or row.plan_request_id != request.id:
        raise NotFound
    if row.answer is not ObjectionAnswer.OPEN:
        raise Denied("This objection has been answered.", "Reload the page to read the answer.")
    if not answered.reason.strip():
        raise ValueError("Give the reason of your answer: the developer reads it.")
    row.answer = ObjectionAnswer.UPHELD if answered.upheld else ObjectionAnswer.DISMISSED
    row.answer_reason, row.answered_by, row.answered_at = answered.reason.strip(), by.person_id, now
    session.add(row)
    session.flush()
    if answered.upheld:
        _take_out(request, row.point)
    _go_on(session, request, by, now)
    session.add(request)
    fields = {"reference": request.reference, "answer": row.answer.value}
    ledger.append(
        session,
        "plan.objection_answered",
        fields,
        by=by,
        now=now,
        about=plans.about(request),
        records=(row, request),
    )
    return row


def _take_out(request: PlanRequest, point: str) -> None:
    kind, _, key = point.partition(":")
    match kind:
        case "section":
            request.sections = [one for one in request.sections if one != key]
        case "reader":
            request.readers = [one for one in request.readers if one != key]
        case _:
            request.sections, request.readers = [], []


def _go_on(session: Session, request: PlanRequest, by: Actor, now: datetime) -> None:
    """The state after the last answer: asked again of what is left, or ended."""
    subject = plans.approving(session, request)
    if subject.open_objections:
        return
    left = bool(request.sections and request.readers)
    request.state = PLAN_REQUEST.take("go_on" if left else "give_way", by, subject)
    if not left:
        request.ended_at = now


def changes(session: Session, objections: Sequence[PlanObjection]) -> list[tuple[str, str]]:
    """What objections changed in a request: pairs of what was taken out, and why."""
    return [
        (words(session, one.point), one.answer_reason)
        for one in objections
        if one.answer is ObjectionAnswer.UPHELD
    ]

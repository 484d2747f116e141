"""The workflows of a case, an information request, a plan request and a decision. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from secure_access.workflow import Role, Step, Workflow


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    UNDER_REVIEW = "under_review"
    RECOMMENDED = "recommended"
    DECIDED = "decided"


class RequestState(StrEnum):
    """Where an information request stands."""

    DRAFT = "draft"
    SERVED = "served"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class PlanState(StrEnum):
    """Where a plan request stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    ACCEPTED = "accepted"
    OBJECTED = "objected"
    REFUSED = "refused"
    PARTLY_DELIVERED = "partly_delivered"
    DELIVERED = "delivered"
    ENDED = "ended"


class HandlingClass(StrEnum):
    """How a plan is to be handled by those who read it: what the request asks for, and the grant repeats."""

    CONFIDENTIAL = "confidential"
    STRICTLY_CONFIDENTIAL = "strictly_confidential"
    SECRET = "secret"  # noqa: S105 - a word of the form

    @property
    def label(self) -> str:
        """The class as the screen says it."""
        return self.value.replace("_", " ").capitalize()

    @property
    def meaning(self) -> str:
        """What it asks of a reader."""
        return _MEANING[self]


_MEANING = {
    HandlingClass.CONFIDENTIAL: "To be read alone. Notes are kept as confidential as the plan.",
    HandlingClass.STRICTLY_CONFIDENTIAL: (
        "As confidential, and to be read in rooms of the authority only. Quoted in a confidential annex only."
    ),
    HandlingClass.SECRET: (
        "As strictly confidential. Its reader is asked to note and quote nothing; the custodian does not"
        " prevent it."
    ),
}


APPROVALS_NEEDED = 1
"""How many people approve the asking. Each access grant then takes two approvers at the custodian."""


class ConditionState(StrEnum):
    """Where a condition stands."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    MET = "met"
    BREACHED = "breached"


class DecisionState(StrEnum):
    """Where a decision stands."""

    RECOMMENDED = "recommended"
    SENT_BACK = "sent_back"
    DECIDED = "decided"


def is_its_requester(request: Any, by: Any) -> str | None:
    """Who asks for a plan does not approve the asking."""
    if request.requested_by == by.person_id:
        return "You made this request, so you cannot approve it. Ask another plan approver."
    return None


def is_a_reader(request: Any, by: Any) -> str | None:
    """Who would read a plan does not approve the reading."""
    if str(by.person_id) in request.readers:
        return "You are a named reader of this request, so you cannot approve it. Ask another plan approver."
    return None


def approved_before(request: Any, by: Any) -> str | None:
    """Several approvals are approvals of several people. ``approvals`` holds who has approved so far."""
    if by.person_id in request.approvals:
        return "You have approved this request. Another plan approver has to approve it too."
    return None


def objections_open(request: Any, _by: Any) -> str | None:
    """What was objected to is answered, point by point, before the request goes on."""
    if request.open_objections:
        return "An objection has no answer yet. Answer each with its reason first."
    return None


def nothing_left(request: Any, _by: Any) -> str | None:
    """A request goes on with at least one section and one reader."""
    if not request.sections or not request.readers:
        return "Every section or every reader was objected to with success, so nothing is left to ask."
    return None


def recommended_it(decision: Any, by: Any) -> str | None:
    """One recommends, another decides."""
    if decision.recommended_by == by.person_id:
        return "You recommended this decision, so you cannot also take it. Ask another decider."
    return None


def flags_unanswered(decision: Any, _by: Any) -> str | None:
    """Every open flag is answered in the decision or expressly carried; ``open_flags`` are not."""
    if decision.open_flags:
        flags = ", ".join(decision.open_flags)
        return f"Not answered in the decision: {flags}. Send it back, so that each is answered or carried."
    return None


CASE = Workflow(
    "case",
    start=CaseState.OPEN,
    steps=(
        Step(
            "take",
            by=Role.CASE_OFFICER,
            frm={CaseState.OPEN, CaseState.UNDER_REVIEW, CaseState.RECOMMENDED},
            to=None,
        ),
        Step(
            "hand_over",
            by=Role.ADMINISTRATOR,
            frm={CaseState.OPEN, CaseState.UNDER_REVIEW, CaseState.RECOMMENDED},
            to=None,
        ),
        Step("begin_review", by=Role.CASE_OFFICER, frm={CaseState.OPEN}, to=CaseState.UNDER_REVIEW),
        Step("ask", by=Role.CASE_OFFICER, frm={CaseState.OPEN, CaseState.UNDER_REVIEW}, to=None),
        Step("request_plan", by=Role.CASE_OFFICER, frm={CaseState.OPEN, CaseState.UNDER_REVIEW}, to=None),
        Step("appoint_evaluator", by=Role.CASE_OFFICER, frm={CaseState.UNDER_REVIEW}, to=None),
        Step("recommend", by=Role.CASE_OFFICER, frm={CaseState.UNDER_REVIEW}, to=CaseState.RECOMMENDED),
        Step("send_back", by=Role.DECIDER, frm={CaseState.RECOMMENDED}, to=CaseState.UNDER_REVIEW),
        Step("decide", by=Role.DECIDER, frm={CaseState.RECOMMENDED}, to=CaseState.DECIDED),
    ),
)

INFORMATION_REQUEST = Workflow(
    "information request",
    start=RequestState.DRAFT,
    steps=(
        Step("serve", by=Role.CASE_OFFICER, frm={RequestState.DRAFT}, to=RequestState.SERVED),
        Step(
            "answer",
            by=(Role.PREPARER, Role.CERTIFYING_OFFICER, Role.ANSWERING_AGENT),
            frm={RequestState.SERVED},
            to=RequestState.ANSWERED,
        ),
        Step(
            "withdraw",
            by=Role.CASE_OFFICER,
            frm={RequestState.DRAFT, RequestState.SERVED},
            to=RequestState.WITHDRAWN,
        ),
    ),
)

_ASKED = (PlanState.APPROVED, PlanState.ACCEPTED)
DELIVERED = (PlanState.PARTLY_DELIVERED, PlanState.DELIVERED)
"""Something of the plan is there to be read."""
OWED = (*_ASKED, PlanState.PARTLY_DELIVERED)
"""The developer has something to deliver."""
PUT_TO_DEVELOPER = (*_ASKED, PlanState.OBJECTED, *DELIVERED)
"""The developer knows of the request."""

PLAN_REQUEST = Workflow(
    "plan request",
    start=PlanState.REQUESTED,
    steps=(
        Step(
            "approve",
            by=Role.PLAN_APPROVER,
            frm={PlanState.REQUESTED},
            to=PlanState.APPROVED,
            unless=(is_its_requester, is_a_reader, approved_before),
        ),
        Step(
            "refuse",
            by=Role.PLAN_APPROVER,
            frm={PlanState.REQUESTED},
            to=PlanState.REFUSED,
            unless=(is_its_requester,),
        ),
        Step(
            "withdraw",
            by=Role.CASE_OFFICER,
            frm={PlanState.REQUESTED, *_ASKED, PlanState.OBJECTED},
            to=PlanState.ENDED,
        ),
        Step("accept", by=Role.CERTIFYING_OFFICER, frm={PlanState.APPROVED}, to=PlanState.ACCEPTED),
        Step(
            "object",
            by=Role.CERTIFYING_OFFICER,
            frm={*_ASKED, PlanState.OBJECTED},
            to=PlanState.OBJECTED,
        ),
        Step(
            "answer_objection",
            by=Role.PLAN_APPROVER,
            frm={PlanState.OBJECTED},
            to=None,
            unless=(is_its_requester, is_a_reader),
        ),
        Step(
            "go_on",
            by=Role.PLAN_APPROVER,
            frm={PlanState.OBJECTED},
            to=PlanState.APPROVED,
            unless=(objections_open, nothing_left),
        ),
        Step(
            "give_way",
            by=Role.PLAN_APPROVER,
            frm={PlanState.OBJECTED},
            to=PlanState.ENDED,
            unless=(objections_open,),
        ),
        # At the custodian, by an officer whom it has enrolled; the portal takes in that it happened.
        Step("deliver", by=(), frm={*_ASKED, PlanState.PARTLY_DELIVERED}, to=PlanState.DELIVERED),
        Step("deliver_part", by=(), frm={*_ASKED, PlanState.PARTLY_DELIVERED}, to=PlanState.PARTLY_DELIVERED),
        Step("destroyed", by=(), frm=set(PUT_TO_DEVELOPER), to=PlanState.ENDED),
        Step("break_glass", by=(Role.PLAN_APPROVER, Role.CASE_OFFICER), frm=set(DELIVERED), to=None),
        Step("offer_again", by=(Role.PLAN_APPROVER, Role.CASE_OFFICER), frm=set(DELIVERED), to=None),
        Step("end", by=(Role.PLAN_APPROVER, Role.CASE_OFFICER), frm=set(DELIVERED), to=PlanState.ENDED),
    ),
)

DECISION = Workflow(
    "decision",
    start=DecisionState.RECOMMENDED,
    steps=(
        Step("send_back", by=Role.DECIDER, frm={DecisionState.RECOMMENDED}, to=DecisionState.SENT_BACK),
        Step(
            "decide",
            by=Role.DECIDER,
            frm={DecisionState.RECOMMENDED},
            to=DecisionState.DECIDED,
            unless=(recommended_it, flags_unanswered),
        ),
    ),
)

CONDITION = Workflow(
    "condition",
    start=ConditionState.PROPOSED,
    steps=(
        Step("enter_force", by=Role.DECIDER, frm={ConditionState.PROPOSED}, to=ConditionState.IN_FORCE),
        Step("mark_met", by=Role.CASE_OFFICER, frm={ConditionState.IN_FORCE}, to=ConditionState.MET),
        Step(
            "mark_breached", by=Role.CASE_OFFICER, frm={ConditionState.IN_FORCE}, to=ConditionState.BREACHED
        ),
    ),
)

"""What has to be done next in a case, by whom, under which power and until when. Pure: reads facts only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from evaluator.workflow import EngagementState
from portal.filing.workflow import FilingState
from portal.review.facts import Facts
from portal.review.workflow import OWED, CaseState, ConditionState, PlanState, RequestState

OFFICER, DECIDER, APPROVER = "case officer", "decider", "plan approver"
DEVELOPER, EVALUATOR = "Developer", "Evaluator"


@dataclass(frozen=True)
class Act:
    """One thing that somebody has to do. ``page`` is the endpoint where it is done."""

    words: str
    power: str
    by: str
    due: date | None
    page: str = "cases.show"
    otherwise: str = ""


OFFICE = "Office practice"
NO_DEEMED_APPROVAL = "No deemed approval. The delay is shown in the register."


def next_act(facts: Facts) -> Act:
    """The act for which the case waits first."""
    return next(acts(facts), Act("Nothing to do", "", "Nobody", None))


def acts(facts: Facts) -> Iterator[Act]:
    """Everything the case waits for, the most pressing first."""
    for find in _STEPS:
        yield from find(facts)


def _decision(facts: Facts) -> Iterator[Act]:
    waiting = facts.decision
    if facts.case.state is CaseState.RECOMMENDED and waiting is not None:
        yield Act(
            "Take the decision",
            waiting.power,
            DECIDER,
            facts.case.due_on,
            "cases.decision",
            NO_DEEMED_APPROVAL,
        )


def _acceptance(facts: Facts) -> Iterator[Act]:
    for filing in facts.filings:
        if filing.state is FilingState.SUBMITTED:
            yield Act(
                f"Accept the {filing.kind.label} for review, or return it",
                OFFICE,
                OFFICER,
                None,
                "cases.filings",
                "The review does not begin and its clock does not start.",
            )


def _answers(facts: Facts) -> Iterator[Act]:
    for request in facts.requests:
        if request.state is RequestState.SERVED:
            yield Act(
                "Answer information request",
                request.legal_basis,
                DEVELOPER,
                request.due_at.date(),
                "cases.requests",
                "The review clock stands still. A late answer is put to enforcement.",
            )


def _plans(facts: Facts) -> Iterator[Act]:
    for plan in facts.plans:
        if plan.state is PlanState.REQUESTED:
            yield Act(
                "Approve the plan request, or refuse it", plan.legal_basis, APPROVER, plan.deliver_by.date(),
                "cases.requests", "The developer is not asked, and nobody reads the plan.",
            )  # fmt: skip
        if plan.state is PlanState.OBJECTED:
            yield Act(
                "Answer what the developer objects to", plan.legal_basis, APPROVER, plan.deliver_by.date(),
                "cases.requests", "Nothing is delivered, and nobody reads the plan.",
            )  # fmt: skip
        if plan.state in OWED:
            yield Act(
                "Deliver sections of the plan", plan.legal_basis, DEVELOPER, plan.deliver_by.date(),
                "cases.requests", "Nobody can read the plan.",
            )  # fmt: skip


def _assessment(facts: Facts) -> Iterator[Act]:
    for engagement in facts.engagements:
        if engagement.state in (EngagementState.APPOINTED, EngagementState.DECLARED):
            words = (
                "Declare conflicts of interest"
                if engagement.state is EngagementState.APPOINTED
                else "Submit the independent assessment"
            )
            yield Act(words, OFFICE, EVALUATOR, engagement.window_until, "cases.comparison")


def _recommendation(facts: Facts) -> Iterator[Act]:
    if facts.case.state is CaseState.UNDER_REVIEW:
        yield Act(
            "Recommend a decision", "You recommend, another decides", OFFICER, facts.case.due_on,
            "cases.decision", NO_DEEMED_APPROVAL,
        )  # fmt: skip


def _incidents(facts: Facts) -> Iterator[Act]:
    if facts.case.state is CaseState.OPEN and facts.incidents:
        yield Act("Read the incident, decide on referral", OFFICE, OFFICER, None, "cases.filings")


def _conditions(facts: Facts) -> Iterator[Act]:
    if facts.case.state is not CaseState.DECIDED or facts.decision is None:
        return
    for condition in facts.conditions:
        if condition.state is ConditionState.IN_FORCE:
            yield Act(
                f"Check condition {condition.number}", facts.decision.reference, OFFICER, condition.due_on,
                "cases.decision", "Nothing lapses. The condition stays unverified, and the register says so.",
            )  # fmt: skip


_STEPS: tuple[Callable[[Facts], Iterator[Act]], ...] = (
    _decision,
    _acceptance,
    _answers,
    _plans,
    _assessment,
    _recommendation,
    _incidents,
    _conditions,
)

"""What the register says of a decision: four sentences, and what it does not mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from portal.review.public import PublicDecision
from portal.review.tables import DecisionKind
from portal.review.workflow import ConditionState
from portal.ui.formats import date_only, in_words

LIMITS = {
    DecisionKind.NO_OBJECTION: "“No objection” is not a finding that the model is safe.",
    DecisionKind.CONDITIONS: (
        "“No objection” is not a finding that the model is safe. The conditions do not make it one."
    ),
    DecisionKind.DELAY: "A delay is not a finding that the model is unsafe, nor that anybody broke the law.",
    DecisionKind.BLOCK: "Blocking a release is not a finding that anybody broke the law.",
    DecisionKind.RESTRICT: "A restriction is not a finding that anybody broke the law.",
}
STATES = {
    ConditionState.IN_FORCE: ("neutral", "In force"),
    ConditionState.MET: ("good", "Met"),
    ConditionState.BREACHED: ("stop", "Breached"),
    ConditionState.PROPOSED: ("neutral", "Proposed"),
}
EVENTS = {
    "decision.taken": "Taken and published",
    "condition.met": "Condition {number} met",
    "condition.breached": "Condition {number} breached",
    "appeal.noted": "The developer noted an appeal",
}
_OTHERS = {
    "evaluator.accredited": "Evaluator accredited",
    "accreditation.suspended": "Accreditation suspended",
    "accreditation.reinstated": "Accreditation reinstated",
    "accreditation.revoked": "Accreditation revoked",
    "notice.sent": "Notice sent",
    "method.adopted": "Method adopted",
    "statute.approved": "Change of the law as this instance reads it approved",
    "decision.taken": "Decision taken and published",
}
_SENTENCE = re.compile(r"(.+?[.!?])(?:\s|$)", re.DOTALL)


def event(name: str, fields: Mapping[str, Any]) -> str:
    """What happened, for the page of an entry that is for everybody."""
    told = _OTHERS.get(name) or EVENTS.get(name, name.replace(".", " ").replace("_", " ").capitalize())
    return told.format(**fields)


def four(decision: PublicDecision) -> list[tuple[str, str]]:
    """What was decided, why, what it does not mean, and what happens next: a sentence or two each."""
    return [
        ("What was decided", decided(decision)),
        ("Why", first_sentence(decision.reasons)),
        ("What it does not mean", LIMITS[decision.kind]),
        ("What happens next", following(decision)),
    ]


def channels(decision: PublicDecision) -> str:
    """``API and consumer products``; empty where none is named."""
    names = [name if name.isupper() else name[0].lower() + name[1:] for name in decision.channels]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def decided(decision: PublicDecision) -> str:
    """The decision in one sentence."""
    through = f" through {channels(decision)}" if decision.channels else ""
    may = f"{decision.developer} may make {decision.model} available{through}"
    match decision.kind:
        case DecisionKind.NO_OBJECTION:
            return f"{may}. The authority has no objection."
        case DecisionKind.CONDITIONS:
            return f"{may}, under {_conditions(decision)}."
        case DecisionKind.DELAY:
            until = f" before {date_only(decision.until)}" if decision.until else " for now"
            return f"{decision.developer} may not make {decision.model} available{through}{until}."
        case DecisionKind.BLOCK:
            return f"{decision.developer} may not make {decision.model} available{through}."
        case DecisionKind.RESTRICT:
            limit = f" to {channels(decision)}" if decision.channels else ""
            until = f" until {date_only(decision.until)}" if decision.until else ""
            return f"{decision.developer} has to restrict {decision.model}{limit}{until}."


def following(decision: PublicDecision) -> str:
    """What happens now."""
    if decision.appeals:
        return "The developer noted an appeal. A court or a board decides it, not this authority."
    if any(made.state is ConditionState.BREACHED for made in decision.conditions):
        return "A condition was breached. This page shows what the authority publishes about it."
    open_ones = sum(made.state is ConditionState.IN_FORCE for made in decision.conditions)
    if open_ones:
        return "The authority checks the evidence for each condition, and this page says what it found."
    if decision.kind is DecisionKind.DELAY and decision.until:
        return f"The delay ends on {date_only(decision.until)}, unless another decision is published here."
    return "The decision stands until another one on the same model is published here."


def first_sentence(text: str) -> str:
    """The first sentence of a text, on one line."""
    found = _SENTENCE.match(text.strip())
    return " ".join((found[1] if found else text).split())


def condition_state(state: ConditionState, since: date | datetime | None) -> tuple[str, str]:
    """Kind and words of a condition's status mark: ``good``, ``Met on 9 Jun 2027``."""
    kind, words = STATES[state]
    if state in (ConditionState.MET, ConditionState.BREACHED) and since is not None:
        return kind, f"{words} on {date_only(since)}"
    return kind, words


def standing(decision: PublicDecision, today: date) -> tuple[str, str]:
    """Kind and words of the state of the whole decision on a day."""
    if decision.appeals:
        return "warn", "In force, appeal noted"
    if any(made.state is ConditionState.BREACHED for made in decision.conditions):
        return "stop", "In force, a condition breached"
    if decision.kind is DecisionKind.DELAY and decision.until and decision.until < today:
        return "neutral", "Time of the delay has passed"
    return "good", "In force"


def _conditions(decision: PublicDecision) -> str:
    number = len(decision.conditions)
    return f"{in_words(number).lower()} condition{'' if number == 1 else 's'}"

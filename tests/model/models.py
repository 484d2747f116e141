"""What each workflow acts on, and what its acts do to it: written from the words of the design."""

from __future__ import annotations

from itertools import product
from typing import Any

from evaluator import workflow as evaluator
from portal.disclosure import workflow as disclosure
from portal.enforcement import workflow as enforcement
from portal.filing import workflow as filing
from portal.legal import workflow as legal
from portal.review import workflow as review
from secure_access.identity import workflow as people
from tests.model.explorer import ALONE, Model, Thing

_ANNA, _BRAM = "anna", "bram"


def _prepares(thing: Thing, action: str, by: str) -> Thing:
    return thing.but(prepared_by=by) if action in ("prepare",) else thing


def _writes(thing: Thing, action: str, by: str) -> Thing:
    """Whoever saves or attaches is an author."""
    if action in ("save", "attach"):
        return thing.but(authors=thing.authors | {by})
    return thing


def _approves_plan(thing: Thing, action: str, by: str) -> Thing:
    match action:
        case "approve":
            return thing.but(approvals=thing.approvals | {by})
        case "object" | "answer_objection":
            return thing.but(open_objections=int(action == "object"))
    return thing


def _answers_access(thing: Thing, action: str, by: str) -> Thing:
    match action:
        case "prepare":
            return thing.but(prepared_by=by)
        case "extend":
            return thing.but(extended=True)
    return thing


def _amends(thing: Thing, action: str, by: str) -> Thing:
    return thing.but(authors=thing.authors | {by}) if action == "amend" else thing


_OUTSIDE = ("only case officer", "only assessor", "only organisation administrator")
"""One of each kind who never signs: if such a one could be asked to, the table alone would refuse it."""
_OPEN: dict[str, Any] = {"named_only": False, "preparers": frozenset(), "readers": frozenset()}
_NAMED: dict[str, Any] = {
    "named_only": True,
    "preparers": frozenset({_ANNA}),
    "readers": frozenset({_BRAM}),
}
"""Anna prepares a draft of named people, Bram reads it, everybody else is outside."""
FILING = Model(
    filing.FILING,
    tuple(
        Thing(
            state=filing.FilingState.DRAFT,
            kind="risk_report",
            authors=frozenset({by}),
            certifier_id=_ANNA,
            **_OPEN,
        )
        for by in (_ANNA, _BRAM)
    )
    + tuple(
        Thing(state=state, kind="test_summary", authors=frozenset(), certifier_id=asked, **_NAMED)
        for state, asked in (
            (filing.FilingState.DRAFT, _ANNA),
            (filing.FilingState.IN_CERTIFICATION, _ANNA),
            (filing.FilingState.IN_CERTIFICATION, "only certifying officer"),
        )
    )
    + tuple(
        Thing(
            state=filing.FilingState.IN_CERTIFICATION,
            kind="test_summary",
            authors=frozenset(),
            certifier_id=asked,
            **_OPEN,
        )
        for asked in _OUTSIDE
    ),
    _writes,
    forgotten=frozenset({"restrict", "open_to_everyone", "ask_to_join", "hand_over"}),
)
DRAFT_PERSON = Model(
    filing.DRAFT_PERSON,
    tuple(
        Thing(state=state, person_id=about, preparers=frozenset(prepare), able=frozenset(able))
        for state in (filing.PlaceState.ASKED, filing.PlaceState.NAMED)
        for about in (_ANNA, _BRAM, *(one.person_id for one in ALONE))
        for prepare, able in (
            ({_ANNA}, {_ANNA}),
            ({_ANNA, _BRAM}, {_ANNA, _BRAM}),
            ({_ANNA, _BRAM}, {_ANNA}),
            ({"else", *_OUTSIDE}, {"else"}),
        )
    ),
)
INCIDENT = Model(filing.INCIDENT, (Thing(state=filing.IncidentState.REPORTED),))
CASE = Model(review.CASE, (Thing(state=review.CaseState.OPEN),))
INFORMATION_REQUEST = Model(review.INFORMATION_REQUEST, (Thing(state=review.RequestState.DRAFT),))
PLAN_REQUEST = Model(
    review.PLAN_REQUEST,
    tuple(
        Thing(
            state=review.PlanState.REQUESTED,
            requested_by=asks,
            readers=frozenset(readers),
            approvals=frozenset(approvals),
            sections=sections,
            open_objections=0,
        )
        for sections in (("access-control",), ())
        for asks in (_ANNA, _BRAM, "else")
        for readers in ({_ANNA}, {_BRAM}, {_ANNA, _BRAM}, {"else"})
        for approvals in ((), (_ANNA,))
    ),
    _approves_plan,
)
DECISION = Model(
    review.DECISION,
    tuple(
        Thing(state=review.DecisionState.RECOMMENDED, recommended_by=by, open_flags=flags)
        for by, flags in product((_ANNA, _BRAM), ((), ("F-1",)))
    ),
)
CONDITION = Model(review.CONDITION, (Thing(state=review.ConditionState.PROPOSED),))
ACCREDITATION = Model(evaluator.ACCREDITATION, (Thing(state=evaluator.AccreditationState.ACCREDITED),))
ENGAGEMENT = Model(evaluator.ENGAGEMENT, (Thing(state=evaluator.EngagementState.APPOINTED),))
ASSESSMENT = Model(evaluator.ASSESSMENT, (Thing(state=evaluator.AssessmentState.DRAFT),))
FLAG = Model(evaluator.FLAG, (Thing(state=evaluator.FlagState.OPEN),))
_ASKED: dict[str, Any] = {"blocks": 2, "extended": False, "in_time": 0, "prepared_by": None, "waits": False}
ACCESS_REQUEST = Model(
    disclosure.ACCESS_REQUEST,
    tuple(
        Thing(state=state, **_ASKED | fault)
        for state, fault in (
            (disclosure.AccessState.RECEIVED, {}),
            (disclosure.AccessState.RECEIVED, {"blocks": 0}),
            (disclosure.AccessState.CONSULTED, {"in_time": 1}),
            (disclosure.AccessState.CONSULTED, {}),
            (disclosure.AccessState.DECIDED, {"waits": True}),
        )
    ),
    _answers_access,
)
ACCESS_NOTICE = Model(
    disclosure.ACCESS_NOTICE,
    tuple(Thing(state=disclosure.NoticeState.SERVED, in_time=in_time) for in_time in (True, False)),
)
VIOLATION = Model(
    enforcement.VIOLATION,
    tuple(Thing(state=enforcement.ViolationState.SUGGESTED, noticed=noticed) for noticed in (False, True)),
)
_CLEAN = {"gaps": (), "proposed": False, "noticed": False, "dropped": False}
WORKSHEET = Model(
    enforcement.WORKSHEET,
    tuple(
        Thing(state=state, prepared_by=prepared, authors=frozenset({author}), **_CLEAN | fault)
        for state, prepared in (
            (enforcement.WorksheetState.DRAFT, None),
            (enforcement.WorksheetState.PREPARED, _BRAM),
        )
        for author in (_ANNA, "else")
        for fault in ({}, {"gaps": ("revenue",)}, {"proposed": True}, {"noticed": True}, {"dropped": True})
    ),
    _prepares,
)
_FRESH = {"stale": (), "current": True, "expired": False, "proposed": False, "dropped": False}
NOTICE = Model(
    enforcement.NOTICE,
    tuple(
        Thing(state=enforcement.NoticeState.WRITTEN, **_FRESH | fault)
        for fault in (
            {},
            {"stale": ("P-1",)},
            {"current": False},
            {"expired": True},
            {"proposed": True},
            {"dropped": True},
        )
    ),
)
ADOPTION = Model(
    enforcement.ADOPTION,
    tuple(
        Thing(
            state=enforcement.AdoptionState.PROPOSED,
            proposed_by=by,
            **{"unfit": "", "passed": False, "later": ""} | fault,
        )
        for by in (_ANNA, _BRAM)
        for fault in ({}, {"unfit": "It is an illustration."}, {"passed": True}, {"later": "M-2027-002"})
    ),
)
PRIOR = Model(enforcement.PRIOR, (Thing(state=enforcement.PriorState.PENDING),))
STATUTE_VERSION = Model(
    legal.STATUTE_VERSION,
    tuple(
        Thing(state=state, authors=frozenset({_ANNA}), gaps=gaps, live=live)
        for state, gaps, live in (
            (legal.VersionState.DRAFT, (), False),
            (legal.VersionState.DRAFT, ("It changes nothing.",), False),
            (legal.VersionState.APPROVED, (), True),
        )
    ),
    _amends,
)
INVITATION = Model(people.INVITATION, (Thing(state=people.InvitationState.SENT),))
LEGAL_ENTITY = Model(people.LEGAL_ENTITY, (Thing(state=people.EntityState.CLAIMED),))
AUTHORITY_TO_SIGN = Model(people.AUTHORITY_TO_SIGN, (Thing(state=people.StandingState.STANDING),))
DELEGATION = Model(people.DELEGATION, (Thing(state=people.StandingState.STANDING),))
RECUSAL = Model(people.RECUSAL, (Thing(state=people.StandingState.STANDING),))
PROPOSED_ACT = Model(
    people.PROPOSED_ACT,
    tuple(
        Thing(state=people.ProposalState.PROPOSED, proposed_by=by, person_id=about)
        for by, about in (
            *product((_ANNA, _BRAM), (_ANNA, _BRAM, "else")),
            *((one.person_id, "else") for one in ALONE),
        )
    ),
)
MODELS = (
    INVITATION,
    LEGAL_ENTITY,
    AUTHORITY_TO_SIGN,
    DELEGATION,
    RECUSAL,
    PROPOSED_ACT,
    FILING,
    DRAFT_PERSON,
    INCIDENT,
    CASE,
    INFORMATION_REQUEST,
    PLAN_REQUEST,
    DECISION,
    CONDITION,
    ACCREDITATION,
    ENGAGEMENT,
    ASSESSMENT,
    FLAG,
    ACCESS_REQUEST,
    ACCESS_NOTICE,
    VIOLATION,
    WORKSHEET,
    NOTICE,
    ADOPTION,
    PRIOR,
    STATUTE_VERSION,
)

"""What must never happen, in words and as a check of one act. Written from the design, not from the tables.

At most seventy-four: whoever reads them can hold them against the law and the design in one sitting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secure_access.workflow import Role
from tests.model.explorer import Took

REGULATOR = frozenset(
    {
        Role.CASE_OFFICER,
        Role.DECIDER,
        Role.PLAN_APPROVER,
        Role.PLAN_READER,
        Role.ACCREDITATION_OFFICER,
        Role.ENFORCEMENT_OFFICER,
        Role.HEAD_OF_ENFORCEMENT,
        Role.LEGAL_OFFICER,
        Role.ADMINISTRATOR,
    }
)
DEVELOPER = frozenset(
    {
        Role.PREPARER,
        Role.CERTIFYING_OFFICER,
        Role.AGENT,
        Role.DRAFTING_AGENT,
        Role.REPORTING_AGENT,
        Role.ANSWERING_AGENT,
    }
)
"""With whoever acts for a developer under a delegation."""
EVALUATOR = frozenset({Role.ASSESSOR, Role.EVALUATION_OFFICER})
OWN = frozenset({Role.ORGANISATION_ADMINISTRATOR})
KINDS = {"regulator": REGULATOR, "developer": DEVELOPER, "evaluator": EVALUATOR, "administrators": OWN}

MAX_INVARIANTS = 74
EVERY = "every workflow"


@dataclass(frozen=True)
class Invariant:
    """A rule about the acts of one workflow, or of `EVERY`: ``holds`` says whether an act keeps it."""

    of: str
    words: str
    holds: Callable[[Took], bool]


def only(of: str, action: str, roles: frozenset[Role], words: str) -> Invariant:
    """An act that nobody without one of these roles can take."""
    return Invariant(of, words, lambda took: took.action != action or bool(took.by.roles & roles))


def final(of: str, states: str, words: str) -> Invariant:
    """States that nothing leads out of, and in which nothing is done."""
    named = frozenset(states.split())
    return Invariant(of, words, lambda took: str(took.before.state) not in named)


def only_from(of: str, action: str, states: str, words: str) -> Invariant:
    """An act that is possible in these states alone."""
    named = frozenset(states.split())
    return Invariant(of, words, lambda took: took.action != action or str(took.before.state) in named)


def never(of: str, action: str, words: str, fact: Callable[[Took], bool]) -> Invariant:
    """An act that is not possible while something stands against it."""
    return Invariant(of, words, lambda took: took.action != action or not fact(took))


_BEFORE_SUBMISSION = ("draft", "in_certification")
_C, _E = frozenset({Role.CERTIFYING_OFFICER}), frozenset({Role.EVALUATION_OFFICER})
_HEAD, _LEGAL = frozenset({Role.HEAD_OF_ENFORCEMENT}), frozenset({Role.LEGAL_OFFICER})
_ENFORCEMENT = _HEAD | {Role.ENFORCEMENT_OFFICER}

SIDES: dict[str, dict[str, str]] = {
    "filing": {
        "developer": (
            "save attach discard restrict open_to_everyone ask_to_join send_for_certification recall "
            "submit withdraw supersede"
        ),
        "regulator": "accept_for_review return",
        "administrators": "hand_over",
    },
    "person of a draft": {"developer administrators": "name refuse remove"},
    "incident": {
        "developer": "update resolve correct_resolution report_finally",
        "regulator": "close",
    },
    "case": {
        "regulator": (
            "take begin_review ask request_plan appoint_evaluator recommend send_back decide hand_over"
        )
    },
    "information request": {"regulator": "serve withdraw", "developer": "answer"},
    "plan request": {
        "regulator": "approve refuse withdraw break_glass offer_again end answer_objection go_on give_way",
        "developer": "accept object",
        "": "deliver deliver_part destroyed",
    },
    "decision": {"regulator": "send_back decide"},
    "condition": {"regulator": "enter_force mark_met mark_breached"},
    "accreditation": {"regulator": "suspend reinstate revoke"},
    "engagement": {"evaluator": "declare_no_conflict declare_conflict read assess conclude"},
    "independent assessment": {"evaluator": "save attach submit", "administrators": "hand_over"},
    "flag": {"developer": "reply", "regulator": "resolve carry"},
    "access request": {
        "regulator": "affect leave_out consult extend prepare send_back decide release close",
    },
    "access notice": {"developer": "object agree", "regulator": "lapse"},
    "alleged violation": {"regulator": "allege drop add_evidence open_worksheet"},
    "worksheet": {"regulator": "change prepare approve send_back"},
    "notice": {"regulator": "send", "developer": "reply"},
    "method adoption": {"regulator": "adopt withdraw supersede"},
    "earlier penalty": {"regulator": "make_final appeal reduce set_aside settle complete"},
    "version of a statute pack": {"regulator": "amend approve withdraw"},
    "invitation": {
        "regulator administrators": "withdraw",
        "regulator developer evaluator administrators": "accept",
    },
    "authority to sign": {"administrators": "revoke"},
    "delegation": {"administrators": "revoke"},
    "act of two administrators": {"regulator": "approve refuse withdraw"},
    "legal entity": {"regulator": "verify refuse end"},
    "conflict of a reviewer": {"regulator": "end"},
}
"""Whose each act is, workflow by workflow: kinds of people, and the acts of theirs."""


def _whose(took: Took) -> frozenset[Role]:
    kinds = [kinds for kinds, acts in SIDES[took.of].items() if took.action in acts.split()]
    return frozenset[Role]().union(*(KINDS[kind] for named in kinds for kind in named.split()))


def _as_named(took: Took) -> bool:
    """Whether an act on a draft of named people is one that this person may take there."""
    draft, who = took.before, took.by.person_id
    if str(draft.state) not in _BEFORE_SUBMISSION or took.action == "hand_over":
        return True
    if took.action == "ask_to_join":
        return who not in draft.preparers | draft.readers
    if who in draft.readers:
        return took.action in ("recall", "submit") and draft.certifier_id == who
    return who in draft.preparers


INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        EVERY,
        "Each act is of one side, and of no other; what happens elsewhere is nobody's.",
        lambda took: bool(took.by.roles & _whose(took)) if _whose(took) else not took.by.roles,
    ),
    # Filing
    Invariant(
        "filing",
        "A draft, also one that waits for its signature, is out of the authority's reach.",
        lambda took: (
            str(took.before.state) not in _BEFORE_SUBMISSION or bool(took.by.roles & (DEVELOPER | OWN))
        ),
    ),
    only("filing", "submit", _C, "Only a certifying officer signs."),
    never(
        "filing",
        "submit",
        "A risk report and a safety framework are written by some people and certified by another.",
        lambda took: (
            took.before.kind != "test_summary"
            and took.by.person_id in (*took.before.authors, *took.did("save"), *took.did("attach"))
        ),
    ),
    never(
        "filing",
        "submit",
        "Nobody signs but the officer who was asked to.",
        lambda took: took.before.certifier_id != took.by.person_id,
    ),
    Invariant(
        "filing",
        "What was submitted never becomes a draft again.",
        lambda took: (
            str(took.before.state) in _BEFORE_SUBMISSION or str(took.after.state) not in _BEFORE_SUBMISSION
        ),
    ),
    final("filing", "withdrawn superseded", "Withdrawn and superseded filings stay as they are."),
    Invariant(
        "filing",
        "Nobody outside its named people acts on a draft of theirs alone; who only reads changes nothing.",
        lambda took: not took.before.named_only or _as_named(took),
    ),
    # People of a draft
    Invariant(
        "person of a draft",
        "Nobody lets themselves in; the others are chosen by who prepares the draft or an administrator.",
        lambda took: (
            (took.action == "remove" and took.before.person_id == took.by.person_id)
            or (
                (took.by.person_id in took.before.preparers or bool(took.by.roles & OWN))
                and not (took.action == "name" and took.before.person_id == took.by.person_id)
            )
        ),
    ),
    never(
        "person of a draft",
        "remove",
        "A draft is never left without somebody who prepares it.",
        lambda took: (
            took.before.person_id in took.before.preparers and not took.before.able - {took.before.person_id}
        ),
    ),
    final("person of a draft", "refused ended", "Whoever was refused or removed asks anew."),
    # Incident
    final("incident", "closed", "A closed incident stays closed."),
    Invariant(
        "incident",
        "An incident is resolved once; after that only its end takes it on.",
        lambda took: (
            str(took.before.state) != "resolved"
            or (took.action != "resolve" and str(took.after.state) in ("resolved", "closed"))
        ),
    ),
    # Case
    never(
        "case",
        "decide",
        "Only a decider decides a case, and nothing that nobody recommended.",
        lambda took: Role.DECIDER not in took.by.roles or str(took.before.state) != "recommended",
    ),
    final("case", "decided", "A decided case is not worked on."),
    # Information request
    final("information request", "answered withdrawn", "An answer is not changed behind anybody's back."),
    # Access request
    never(
        "access request",
        "consult",
        "No developer is heard about nothing.",
        lambda took: not took.before.blocks,
    ),
    never(
        "access request",
        "extend",
        "The law extends once.",
        lambda took: took.before.extended or bool(took.did("extend")),
    ),
    never(
        "access request",
        "prepare",
        "Nothing is ruled on before its developer had a notice.",
        lambda took: bool(took.before.blocks) and str(took.before.state) != "consulted",
    ),
    never(
        "access request",
        "prepare",
        "Nothing is ruled on while a developer can still object.",
        lambda took: bool(took.before.in_time),
    ),
    never(
        "access request",
        "decide",
        "Who prepared an answer does not decide it, and only a decider does.",
        lambda took: took.before.prepared_by == took.by.person_id or Role.DECIDER not in took.by.roles,
    ),
    never(
        "access request",
        "release",
        "Nothing is out while a developer whose objection was overridden can go to court.",
        lambda took: took.before.waits,
    ),
    only_from("access request", "release", "decided", "Nothing is released that nobody decided."),
    final("access request", "released closed", "What is out is out, and what is closed is closed."),
    # Access notice
    never(
        "access notice",
        "lapse",
        "Nobody is silent while their time runs.",
        lambda took: took.before.in_time,
    ),
    final("access notice", "objected agreed silent", "What was said, or not said, stays said."),
    # Plan request
    never(
        "plan request",
        "approve",
        "Who requests a plan does not approve the request.",
        lambda took: took.before.requested_by == took.by.person_id,
    ),
    never(
        "plan request",
        "refuse",
        "Who requests a plan does not refuse it either: it would be withdrawn.",
        lambda took: took.before.requested_by == took.by.person_id,
    ),
    never(
        "plan request",
        "approve",
        "A named reader does not approve the reading.",
        lambda took: took.by.person_id in took.before.readers,
    ),
    never(
        "plan request",
        "approve",
        "Nobody approves twice.",
        lambda took: took.by.person_id in took.before.approvals,
    ),
    never(
        "plan request",
        "answer_objection",
        "Who asked, or would read, answers no objection.",
        lambda took: (
            took.before.requested_by == took.by.person_id or took.by.person_id in took.before.readers
        ),
    ),
    never(
        "plan request",
        "give_way",
        "A request does not end by an objection that has no answer.",
        lambda took: took.before.open_objections,
    ),
    never(
        "plan request",
        "go_on",
        "A request goes on once every objection has an answer, and something is left to ask.",
        lambda took: took.before.open_objections or not took.before.sections or not took.before.readers,
    ),
    only_from(
        "plan request",
        "deliver",
        "approved accepted partly_delivered",
        "Nothing counts as delivered that was not approved, nor while an objection has no answer.",
    ),
    only_from("plan request", "break_glass", "delivered partly_delivered", "Only what was delivered opens."),
    final("plan request", "refused ended", "A refused or ended request opens nothing again."),
    # Decision and conditions
    never(
        "decision",
        "decide",
        "Nobody decides on their own recommendation.",
        lambda took: took.before.recommended_by == took.by.person_id,
    ),
    never(
        "decision",
        "decide",
        "No decision passes over an open flag.",
        lambda took: bool(took.before.open_flags),
    ),
    only("decision", "decide", frozenset({Role.DECIDER}), "Only a decider takes a decision."),
    final("decision", "decided sent_back", "A decision that was taken is not taken again."),
    only("condition", "enter_force", frozenset({Role.DECIDER}), "Conditions are the decider's."),
    only_from("condition", "mark_breached", "in_force", "Only a condition in force is breached."),
    final("condition", "met breached", "A condition that was met or breached stays so."),
    # Evaluators
    final("accreditation", "revoked", "A revoked accreditation does not come back."),
    Invariant(
        "engagement",
        "Nobody reads or assesses a filing before conflicts are declared, or with one.",
        lambda took: took.action not in ("read", "assess") or str(took.before.state) == "declared",
    ),
    only("independent assessment", "submit", _E, "Only an evaluation officer submits an assessment."),
    final("independent assessment", "submitted", "A submitted assessment is not changed."),
    # Enforcement
    only("alleged violation", "allege", _ENFORCEMENT, "Only enforcement staff allege."),
    final("alleged violation", "dropped", "Nothing follows from a dropped violation."),
    never(
        "alleged violation",
        "drop",
        "What a notice was sent on is not dropped.",
        lambda one: one.before.noticed,
    ),
    Invariant(
        "worksheet",
        "A worksheet is approved by a head of enforcement who neither prepared it nor wrote in it.",
        lambda took: (
            took.action != "approve"
            or (
                bool(took.by.roles & _HEAD)
                and took.by.person_id not in (took.before.prepared_by, *took.did("prepare"))
                and took.by.person_id not in took.before.authors
            )
        ),
    ),
    Invariant(
        "worksheet",
        "No worksheet goes on with gaps or a dropped violation, nor is approved on a proposed value.",
        lambda took: (
            took.action not in ("prepare", "approve")
            or not (
                took.before.gaps or took.before.dropped or (took.action == "approve" and took.before.proposed)
            )
        ),
    ),
    never(
        "worksheet",
        "change",
        "A worksheet that a notice was sent on stands, and so does that of a dropped violation.",
        lambda took: took.before.noticed or took.before.dropped,
    ),
    final("worksheet", "superseded", "An old version of a worksheet is not acted on."),
    never(
        "notice",
        "send",
        "No notice on a proposed value, a dropped violation, an old worksheet, or past its dates.",
        lambda took: (
            took.before.proposed
            or took.before.dropped
            or took.before.expired
            or bool(took.before.stale)
            or not took.before.current
            or not took.by.roles & _HEAD
        ),
    ),
    Invariant(
        "notice",
        "Only the addressee replies, and only to what was sent.",
        lambda took: (
            took.action != "reply" or (str(took.before.state) == "sent" and bool(took.by.roles & DEVELOPER))
        ),
    ),
    never(
        "method adoption",
        "adopt",
        "Nobody adopts their own proposal, what does not fit, or what would reach back.",
        lambda took: (
            took.before.proposed_by == took.by.person_id
            or bool(took.before.unfit)
            or took.before.passed
            or bool(took.before.later)
            or not took.by.roles & _HEAD
        ),
    ),
    final("method adoption", "withdrawn superseded", "An adoption that has ended does not come back."),
    # Law
    never(
        "version of a statute pack",
        "approve",
        "Who wrote in a version of the law does not approve it, and nobody approves one with gaps.",
        lambda took: (
            took.by.person_id in took.before.authors or bool(took.before.gaps) or not took.by.roles & _LEGAL
        ),
    ),
    never(
        "version of a statute pack", "withdraw", "What has gone live stays.", lambda took: took.before.live
    ),
    final("version of a statute pack", "withdrawn", "A withdrawn version does not come back."),
    # People and organisations
    final("invitation", "accepted withdrawn", "An invitation is used once, and one taken back is not used."),
    final("legal entity", "refused ended", "A refused or ended binding does not come back."),
    final("authority to sign", "ended", "A revoked authority signs nothing again."),
    final("delegation", "ended", "A delegation that has ended is not taken up again."),
    final("conflict of a reviewer", "ended", "A conflict that has ended is declared anew, not revived."),
    final("act of two administrators", "done refused withdrawn", "An act of two is done once."),
    never(
        "act of two administrators",
        "approve",
        "Nobody approves an act that they proposed or that is about themselves.",
        lambda took: took.by.person_id in (took.before.proposed_by, took.before.person_id),
    ),
    never(
        "act of two administrators",
        "refuse",
        "Nobody refuses an act of their own: they take it back.",
        lambda took: took.before.proposed_by == took.by.person_id,
    ),
    never(
        "act of two administrators",
        "withdraw",
        "Only who proposed an act takes it back.",
        lambda took: took.before.proposed_by != took.by.person_id,
    ),
)

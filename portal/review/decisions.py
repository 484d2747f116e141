"""Decisions: one person recommends, another decides; conditions; notes of appeal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from evaluator.tables import Flag, IndependentAssessment
from evaluator.workflow import AssessmentState, FlagState
from portal.filing import manifests
from portal.filing.workflow import FilingState
from portal.review import cases, flags, quotations, requests
from portal.review.quotations import Quoted
from portal.review.requests import NotServable
from portal.review.tables import Case, Condition, Decision, DecisionKind
from portal.review.visibility import DECISIONS
from portal.review.workflow import CASE, CONDITION, DECISION, ConditionState, DecisionState, RequestState
from portal.ui.formats import date_only
from secure_access import jobs, ledger
from secure_access.db import Session, Table, col, next_reference, select
from secure_access.identity import Actor
from secure_access.ledger import LedgerEntry, canonical
from secure_access.ledger.records import timestamp
from secure_access.workflow import Denied, NotFound, Role

WORDING = "assay.decision-wording/v1"
"""The object of `wording`."""
RESOLVED, CARRIED = "resolved", "carried"
_UNSAID = "Say what was seen, and where."


@dataclass(frozen=True)
class Recommended:
    """What a case officer recommends. ``flags`` maps a code to (resolved or carried, reason)."""

    kind: DecisionKind | None
    power: str
    channels: Sequence[str]
    reasons: str
    confidential_annex: str = ""
    until: date | None = None
    conditions: Sequence[tuple[str, date | None]] = ()
    flags: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    evidence: Sequence[str] = ()
    quotations: Sequence[Quoted] = ()

    def public(self) -> dict[str, str]:
        """What everybody may read of it, or the people of a flag, by field: no quotation belongs there."""
        found = {"power": self.power, "reasons": self.reasons}
        found |= {f"condition-{number}": text for number, (text, _) in enumerate(self.conditions, 1)}
        return found | {f"flag-{code}": reason for code, (_, reason) in self.flags.items()}

    def problems(self) -> list[tuple[str, str]]:
        """Pairs of field and words, without what only the case knows."""
        found: list[tuple[str, str]] = []
        if self.kind is None:
            found.append(("kind", "Choose what is recommended."))
        if not self.power.strip():
            found.append(("power", "Name the law that gives the power, for example a section or article."))
        if not self.channels:
            found.append(("channels", "Choose at least one channel to which the decision applies."))
        if not self.reasons.strip():
            found.append(("reasons", "Write the reasons. They are published."))
        if not self.evidence:
            found.append(("evidence", "Choose at least one thing that the decision relies on."))
        if self.kind is DecisionKind.CONDITIONS and not self.conditions:
            found.append(("condition-1", "Write at least one condition, or choose another kind of decision."))
        if self.kind is not DecisionKind.CONDITIONS and self.conditions:
            found.append(
                (
                    "condition-1",
                    "Only a decision with conditions has them: take them out.",
                )
            )
        if self.kind is DecisionKind.DELAY and self.until is None:
            found.append(("until", "Say until when the release is delayed."))
        return found


@dataclass(frozen=True)
class Breach:
    """What is said of a breached condition.

    ``on`` is the first day on which it was not kept. ``forbids`` says that the condition forbids something
    until its due date: what is to be done by a date cannot be breached before it has passed.
    """

    reason: str
    on: date | None
    forbids: bool = False

    def problems(self, row: Condition, decided_on: date, today: date) -> list[tuple[str, str]]:
        """Pairs of field and words."""
        found = [] if self.reason.strip() else [("reason", _UNSAID)]
        if self.on is None:
            return [*found, ("breached_on", "Give the first day on which the condition was not kept.")]
        if self.on > today:
            found.append(("breached_on", "This day is still to come. Give the day of the breach itself."))
        elif self.on < decided_on:
            day = date_only(decided_on)
            found.append(("breached_on", f"The condition is in force since {day}. Give a day from then on."))
        elif row.due_on and self.on <= row.due_on and not self.forbids:
            due = date_only(row.due_on)
            words = (
                f"The condition can be met until {due}. Wait, or say that it forbids something until then."
            )
            found.append(("forbids", words))
        return found


@dataclass(frozen=True)
class Deciding:
    """A decision as its workflow looks at it: with the flags that it leaves without an answer."""

    state: DecisionState
    recommended_by: UUID
    open_flags: tuple[str, ...]


def evidence_of(session: Session, case: Case) -> list[dict[str, str]]:
    """Accepted filings, submitted assessments and complete answers, each with its digest."""
    found = [
        {"label": filing.kind.label, "reference": filing.reference or "", "digest": filing.digest}
        for filing in cases.filings(session, case)
        if filing.state is FilingState.ACCEPTED
    ]
    found += [
        {"label": "independent assessment", "reference": made.reference or "", "digest": made.digest}
        for made in assessments(session, case)
    ]
    found += [
        {
            "label": "answer to an information request",
            "reference": asked.reference,
            "digest": _digest(asked.items),
        }
        for asked in requests.of_case(session, case)
        if asked.state is RequestState.ANSWERED
    ]
    return found


def assessments(session: Session, case: Case) -> list[IndependentAssessment]:
    """The submitted independent assessments of the filings of a case, newest first."""
    ids = [filing.id for filing in cases.filings(session, case)]
    query = select(IndependentAssessment).where(
        col(IndependentAssessment.filing_id).in_(ids),
        IndependentAssessment.state == AssessmentState.SUBMITTED,
    )
    return list(session.exec(query.order_by(col(IndependentAssessment.submitted_at).desc())))


def recommend(
    session: Session, *, case: Case, recommended: Recommended, by: Actor, now: datetime
) -> Decision:
    """Put a decision to the decider. Raises `Denied`, and `NotServable` with what is missing from it."""
    state = CASE.take("recommend", by, case)
    offered = {row["reference"]: row for row in evidence_of(session, case)}
    problems = recommended.problems() + _of_case(session, case, recommended, offered)
    if problems:
        raise NotServable(problems)
    assert recommended.kind is not None
    decision = Decision(
        reference=next_reference(session, "D", now),
        case_id=case.id,
        developer_id=case.developer_id,
        model_version_id=case.model_version_id,
        kind=recommended.kind,
        power=recommended.power.strip(),
        channels=list(recommended.channels),
        until=recommended.until,
        reasons=recommended.reasons.strip(),
        confidential_annex=recommended.confidential_annex.strip(),
        quotations=[one.stored() for one in recommended.quotations if not one.blank] or None,
        evidence=[offered[reference] for reference in recommended.evidence],
        flags={
            code: {"answer": answer, "reason": reason.strip()}
            for code, (answer, reason) in recommended.flags.items()
        },
        recommended_by=by.person_id,
        recommended_at=now,
    )
    case.state = state
    session.add_all((decision, case))
    session.flush()
    rows = [
        Condition(decision_id=decision.id, number=number, text=text.strip(), due_on=due)
        for number, (text, due) in enumerate(recommended.conditions, start=1)
    ]
    session.add_all(rows)
    fields = {"reference": decision.reference, "kind": decision.kind.value, "conditions": len(rows)}
    _record(session, "decision.recommended", fields, (case, decision), by, now, rows)
    return decision


def recommendation(session: Session, case: Case, *, for_update: bool = False) -> Decision | None:
    """The decision of a case that waits to be taken, or was taken; ``None`` where none is."""
    query = select(Decision).where(
        Decision.case_id == case.id, col(Decision.state) != DecisionState.SENT_BACK
    )
    return session.exec(
        query.with_for_update().execution_options(populate_existing=True) if for_update else query
    ).first()


def sent_back(session: Session, case: Case) -> Decision | None:
    """The recommendation that was sent back last, or ``None``."""
    query = select(Decision).where(Decision.case_id == case.id, Decision.state == DecisionState.SENT_BACK)
    return session.exec(query.order_by(col(Decision.recommended_at).desc())).first()


def deciding(session: Session, case: Case, decision: Decision) -> Deciding:
    """What the workflow needs to know before somebody decides."""
    return Deciding(
        decision.state, decision.recommended_by, tuple(_unanswered(session, case, decision.flags))
    )


def missing(session: Session, case: Case, decision: Decision, *, by: Actor) -> list[str]:
    """Everything that stands between this person and the decision, in sentences; empty when nothing does."""
    refusal = DECISION.refusal("decide", by, deciding(session, case, decision))
    found = [refusal.reason] if refusal is not None else []
    # Words may have been released since it was recommended.
    public = _public(session, decision)
    found += [f"{_named(name)}: {words}" for name, words in _quoted_elsewhere(session, case, public, ())]
    return found + [
        f"Information request {asked.reference} is open. Wait for its answer, or withdraw it."
        for asked in requests.of_case(session, case)
        if asked.state is RequestState.SERVED
    ]


def decide(session: Session, *, case: Case, decision: Decision, by: Actor, now: datetime) -> None:
    """Take the decision: in force and public from now on. Raises `Denied` with what is missing.

    ``case`` and ``decision`` are loaded for update: of many who decide at once, one does.
    """
    state = DECISION.take("decide", by, deciding(session, case, decision))
    lacking = missing(session, case, decision, by=by)
    if lacking:
        raise Denied(" ".join(lacking))
    case.state = CASE.take("decide", by, case)
    decision.state, decision.decided_by, decision.decided_at = state, by.person_id, now
    session.add_all((decision, case))
    _close_flags(session, case, decision, by, now)
    rows = conditions(session, decision)
    for row in rows:
        row.state, row.state_since = CONDITION.take("enter_force", by, row), now
        session.add(row)
    case.due_on = _next_check(rows)
    fields = {
        "reference": decision.reference,
        "kind": decision.kind.value,
        "power": decision.power,
        "channels": decision.channels,
        "conditions": len(rows),
        "evidence": [{"reference": row["reference"], "digest": row["digest"]} for row in decision.evidence],
        "wording": hashlib.sha256(wording(decision, rows)).hexdigest(),
    }
    manifest = manifests.keep(session, _stated(session, decision, rows, by, now), now=now)
    fields["manifest"] = manifest.digest
    _record(session, "decision.taken", fields, (case, decision), by, now, (*rows, manifest))
    jobs.add(session, "copy.write", subject(decision))


def _stated(
    session: Session, decision: Decision, rows: Sequence[Condition], by: Actor, now: datetime
) -> manifests.Stated:
    """What everybody may read: the evidence by digest, and in which function people stand behind it.

    The entry, which is public, names the decider by identifier; the case officer is named nowhere.
    """
    mine = subject(decision)
    return manifests.Stated(
        kind=f"decision_{decision.kind.value}",
        reference=decision.reference,
        subject=mine,
        owner_id=decision.developer_id,
        entity=manifests.entity_named(session, decision.developer_id),
        sha256=hashlib.sha256(wording(decision, rows)).hexdigest(),
        form=WORDING,
        signed=[
            {
                "act": "recommended",
                "title": Role.CASE_OFFICER.label,
                "at": timestamp(decision.recommended_at),
            },
            {
                **manifests.signature(session, by, subject=mine, act="decided", now=now),
                "title": Role.DECIDER.label,
            },
        ],
        attachments=[
            {"label": item["label"], "name": item["reference"], "sha256": item["digest"]}
            for item in decision.evidence
        ],
        published=True,
    )


def wording(decision: Decision, rows: Sequence[Condition]) -> bytes:
    """What everybody may read of a decision, as canonical JSON; its SHA-256 stands in the public entry."""
    return canonical.encode(
        {
            "reference": decision.reference,
            "kind": decision.kind.value,
            "power": decision.power,
            "channels": decision.channels,
            "until": decision.until.isoformat() if decision.until else "",
            "reasons": decision.reasons,
            "conditions": [
                {
                    "number": row.number,
                    "text": row.text,
                    "due_on": row.due_on.isoformat() if row.due_on else "",
                }
                for row in rows
            ],
            "evidence": decision.evidence,
        }
    )


def send_back(
    session: Session, *, case: Case, decision: Decision, reason: str, by: Actor, now: datetime
) -> None:
    """Send a recommendation back with a reason. Raises `Denied`; ``ValueError`` without a reason."""
    if not reason.strip():
        raise ValueError("Say what has to change before you can decide.")
    decision.state = DECISION.take("send_back", by, deciding(session, case, decision))
    decision.sent_back_reason = reason.strip()
    case.state = CASE.take("send_back", by, case)
    session.add_all((decision, case))
    _record(session, "decision.sent_back", {"reference": decision.reference}, (case, decision), by, now)


def conditions(session: Session, decision: Decision) -> list[Condition]:
    """The conditions of a decision, by number."""
    query = select(Condition).where(Condition.decision_id == decision.id)
    return list(session.exec(query.order_by(col(Condition.number))))


def find(session: Session, reference: str, *, for_update: bool = False) -> Decision:
    """The decision that was taken under this reference. Raises `NotFound`, also for one not yet taken."""
    query = select(Decision).where(Decision.reference == reference, Decision.state == DecisionState.DECIDED)
    found = session.exec(
        query.with_for_update().execution_options(populate_existing=True) if for_update else query
    ).first()
    if found is None:
        raise NotFound
    return found


def load(session: Session, reference: str, *, by: Actor) -> Decision:
    """A decision, for who sees it (`visibility.DECISIONS`). Raises `NotFound` for anybody else."""
    return DECISIONS.find(session, by, col(Decision.reference) == reference)


def visible(session: Session, *, by: Actor) -> list[Decision]:
    """Every decision that is there for this person, newest first: for a developer those about it."""
    query = select(Decision).where(DECISIONS.to(by))
    return list(session.exec(query.order_by(col(Decision.decided_at).desc())))


def condition(session: Session, case: Case, condition_id: UUID) -> tuple[Decision, Condition]:
    """A condition of the decision of this case, for update. Raises `NotFound` for any other."""
    row = session.get(Condition, condition_id, with_for_update=True)
    decision = cases.decided(session, case)
    if row is None or decision is None or row.decision_id != decision.id:
        raise NotFound
    return decision, row


def mark_met(
    session: Session, *, decision: Decision, row: Condition, reason: str, by: Actor, now: datetime
) -> None:
    """Say that a condition is met, and by what it was seen. Raises `Denied`; `NotServable` when blank."""
    if not reason.strip():
        raise NotServable([("reason", _UNSAID)])
    _mark(session, "mark_met", decision, row, (reason, by, now))


def mark_breached(
    session: Session, *, decision: Decision, row: Condition, breach: Breach, by: Actor, now: datetime
) -> None:
    """Say that a condition is breached, and since when; enforcement will consider it.

    Raises `Denied`, and `NotServable` with what is wrong: no reason, or a day that cannot be one of a breach.
    """
    assert decision.decided_at is not None
    wrong = breach.problems(row, decision.decided_at.date(), now.date())
    if wrong:
        raise NotServable(wrong)
    row.breached_on = breach.on
    _mark(session, "mark_breached", decision, row, (breach.reason, by, now))
    jobs.add(session, "violation.consider", f"condition:{row.id}")


def _mark(
    session: Session, action: str, decision: Decision, row: Condition, said: tuple[str, Actor, datetime]
) -> None:
    reason, by, now = said
    row.state = CONDITION.take(action, by, row)
    row.state_reason, row.state_since = reason.strip(), now
    session.add(row)
    name = "condition.met" if row.state is ConditionState.MET else "condition.breached"
    session.flush()
    case = session.get_one(Case, decision.case_id)
    case.due_on = _next_check(conditions(session, decision))
    session.add(case)
    ledger.append(
        session,
        name,
        {"decision": decision.reference, "number": row.number},
        by=by,
        now=now,
        about=about(case, decision),
        records=(row, case),
    )


def _next_check(rows: Sequence[Condition]) -> date | None:
    """The next day on which a condition in force is due."""
    dues = [row.due_on for row in rows if row.state is ConditionState.IN_FORCE and row.due_on]
    return min(dues, default=None)


def subject(decision: Decision) -> str:
    """How the ledger names a decision."""
    return f"decision:{decision.id}"


def entry_of(session: Session, decision: Decision) -> LedgerEntry:
    """The entry by which a decision was taken. Raises `NotFound` before that."""
    for entry in ledger.entries(session, subject(decision)):
        if entry.type == "decision.taken":
            return entry
    raise NotFound


def about(case: Case, decision: Decision) -> tuple[str, ...]:
    """The ledger subjects of a decision."""
    return (*cases.about(case), subject(decision))


def _of_case(
    session: Session, case: Case, recommended: Recommended, offered: Mapping[str, Any]
) -> list[tuple[str, str]]:
    found = [
        ("evidence", f"{reference} is not accepted evidence of this case.")
        for reference in recommended.evidence
        if reference not in offered
    ]
    answers = {
        code: {"answer": answer, "reason": reason} for code, (answer, reason) in recommended.flags.items()
    }
    told = quotations.released(session, case)
    wrong = quotations.problems(recommended.quotations, told)
    kept = [] if wrong else [one.stored() for one in recommended.quotations if not one.blank]
    found += wrong + _quoted_elsewhere(session, case, recommended.public(), kept)
    return found + [
        (f"flag-{code}", f"Flag {code} is open. Resolve it or carry it, and say why.")
        for code in _unanswered(session, case, answers)
    ]


def _quoted_elsewhere(
    session: Session, case: Case, public: Mapping[str, str], kept: Sequence[Mapping[str, str]]
) -> list[tuple[str, str]]:
    """Words of quotations outside the annex: of ``kept``, of earlier decisions of the case, of the log."""
    rows = session.exec(select(Decision).where(Decision.case_id == case.id))
    known = [*kept, *(one for row in rows for one in row.quotations or [])]
    return quotations.elsewhere(public, quotations.released(session, case).values(), known)


def _named(name: str) -> str:
    """A field of a decision as a sentence names it: Reasons, Condition 1, Flag F-2."""
    said = name.replace("-", " ", 1)
    return said[:1].upper() + said[1:]


def _public(session: Session, decision: Decision) -> dict[str, str]:
    """As `Recommended.public`, of a decision."""
    found = {"power": decision.power, "reasons": decision.reasons}
    found |= {f"condition-{row.number}": row.text for row in conditions(session, decision)}
    return found | {f"flag-{code}": said["reason"] for code, said in decision.flags.items()}


def _unanswered(session: Session, case: Case, answers: Mapping[str, Any]) -> list[str]:
    return [flag.code for flag in flags.still_open(session, case) if not _is_answered(flag, answers)]


def _is_answered(flag: Flag, answers: Mapping[str, Any]) -> bool:
    said = answers.get(flag.code, {})
    return said.get("answer") in (RESOLVED, CARRIED) and bool(said.get("reason", "").strip())


def _close_flags(session: Session, case: Case, decision: Decision, by: Actor, now: datetime) -> None:
    """What the decision says about each open flag becomes the flag's own state."""
    for flag in flags.still_open(session, case):
        said = decision.flags[flag.code]
        close = flags.resolve if said["answer"] == RESOLVED else flags.carry
        close(session, case=case, flag=flag, reason=said["reason"], by=by, now=now)
    assert all(flag.state is not FlagState.OPEN for flag in flags.of_case(session, case))


def _record(  # noqa: PLR0913, PLR0917 - what happened, to which rows, by whom and when
    session: Session,
    event: str,
    fields: Mapping[str, Any],
    rows: tuple[Case, Decision],
    by: Actor,
    now: datetime,
    more: Sequence[Table] = (),
) -> None:
    ledger.append(session, event, fields, by=by, now=now, about=about(*rows), records=(*rows, *more))


def _digest(items: list[dict[str, Any]]) -> str:
    return hashlib.sha256(canonical.encode(items)).hexdigest()

"""Alleging and dropping violations: who may see them, on what evidence they rest, and what waits for whom."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from portal.enforcement import events
from portal.enforcement.tables import AllegedViolation, Notice, Worksheet
from portal.enforcement.visibility import ENFORCEMENT, VIOLATIONS
from portal.enforcement.workflow import VIOLATION, NoticeState, ViolationStanding, ViolationState
from portal.filing.tables import Filing, Incident
from portal.review.tables import Case, CaseItem, InformationRequest
from portal.review.workflow import RequestState
from portal.ui.formats import date_only
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Organisation, OrganisationKind
from secure_access.workflow import Denied, NotFound

_OPEN = frozenset({ViolationState.SUGGESTED, ViolationState.ALLEGED})


@dataclass(frozen=True)
class Evidence:
    """Something of the case that an allegation may rest on: ``filing:<id>``, ``entry:<id>`` and so on."""

    subject: str
    label: str
    reference: str


@dataclass(frozen=True)
class Allegation:
    """What a person states when alleging: facts, first and last day, evidence by its subjects, and why."""

    facts: str
    occurred_from: date
    occurred_to: date
    evidence: Sequence[str]
    reason: str


@dataclass(frozen=True)
class Listed:
    """A violation with the names that a list shows beside it."""

    violation: AllegedViolation
    developer: str
    case: str


def guard(by: Actor) -> None:
    """Let enforcement staff of the authority pass. Raises `NotFound` for everybody else."""
    if by.organisation_kind is not OrganisationKind.REGULATOR or not by.holds(*ENFORCEMENT):
        raise NotFound


def load(session: Session, reference: str, *, by: Actor, for_update: bool = False) -> AllegedViolation:
    """The violation of that reference. Raises `NotFound` for whoever does not enforce."""
    return VIOLATIONS.find(session, by, col(AllegedViolation.reference) == reference, for_update=for_update)


def violations(session: Session, *, by: Actor, states: frozenset[ViolationState] = _OPEN) -> list[Listed]:
    """The violations in these states, the oldest suggestion first."""
    guard(by)
    query = (
        select(AllegedViolation, Organisation.name, Case.reference)
        .join(Organisation, col(Organisation.id) == col(AllegedViolation.developer_id))
        .join(Case, col(Case.id) == col(AllegedViolation.case_id))
        .where(col(AllegedViolation.state).in_(states))
        .where(VIOLATIONS.to(by))
        .order_by(col(AllegedViolation.suggested_at), col(AllegedViolation.reference))
    )
    return [Listed(*row) for row in session.exec(query)]


def case_of(session: Session, violation: AllegedViolation) -> Case:
    """The case that a violation belongs to."""
    return session.get_one(Case, violation.case_id)


def developer_of(session: Session, violation: AllegedViolation) -> Organisation:
    """Who is said to have violated a provision."""
    return session.get_one(Organisation, violation.developer_id)


def evidence_options(session: Session, violation: AllegedViolation, *, by: Actor) -> list[Evidence]:
    """What an allegation may rest on: filings, incidents, requests and ledger entries of its case, and of no
    other.

    A case is open to enforcement while a violation in it is suggested or alleged. Raises `NotFound`
    otherwise.
    """
    guard(by)
    if violation.state not in _OPEN:
        raise NotFound
    return [
        *_items(session, violation.case_id),
        *_requests(session, violation.case_id),
        *_entries(session, violation.case_id),
    ]


def readable(session: Session, violation: AllegedViolation, subject: str, *, by: Actor) -> None:
    """Let enforcement read ``filing:<id>`` or ``incident:<id>`` of the case of an open violation.

    Raises `NotFound` for anything else: outside an open case there is nothing for enforcement.
    """
    guard(by)
    query = select(CaseItem.id).where(CaseItem.case_id == violation.case_id, CaseItem.subject == subject)
    if violation.state not in _OPEN or session.exec(query).first() is None:
        raise NotFound


def _items(session: Session, case_id: uuid.UUID) -> Iterator[Evidence]:
    query = select(CaseItem.subject).where(CaseItem.case_id == case_id).order_by(col(CaseItem.added_at))
    for subject in session.exec(query):
        kind, _, key = subject.partition(":")
        if kind == "filing":
            filing = session.get_one(Filing, uuid.UUID(key))
            label = f"{filing.kind.label.capitalize()} {filing.reference}"
            yield Evidence(subject, label, filing.reference or "")
        else:
            incident = session.get_one(Incident, uuid.UUID(key))
            yield Evidence(subject, f"Incident {incident.reference}: {incident.title}", incident.reference)


def _requests(session: Session, case_id: uuid.UUID) -> Iterator[Evidence]:
    query = select(InformationRequest).where(
        InformationRequest.case_id == case_id, InformationRequest.state != RequestState.DRAFT
    )
    for asked in session.exec(query.order_by(col(InformationRequest.reference))):
        label = f"Information request {asked.reference}, due {date_only(asked.due_at)}"
        yield Evidence(f"information_request:{asked.id}", label, asked.reference)


def _entries(session: Session, case_id: uuid.UUID) -> Iterator[Evidence]:
    for entry in ledger.entries(session, about=f"case:{case_id}"):
        if entry.type not in events.CONFIDENTIAL:
            words = entry.type.replace(".", " ").replace("_", " ")
            label = f"Entry {entry.number:,}: {words}, {date_only(entry.recorded_at)}"
            yield Evidence(f"entry:{entry.id}", label, f"Entry {entry.number:,}")


def allege(
    session: Session, violation: AllegedViolation, stated: Allegation, *, by: Actor, now: datetime
) -> AllegedViolation:
    """Make a suggestion an allegation. Raises `Denied` with what is missing or wrong."""
    state = VIOLATION.take("allege", by, violation)
    chosen = _chosen(session, violation, stated.evidence, by)
    _check(stated, now)
    violation.state = state
    violation.facts, violation.reason = stated.facts.strip(), stated.reason.strip()
    violation.occurred_from, violation.occurred_to = stated.occurred_from, stated.occurred_to
    violation.evidence = [{"subject": e.subject, "label": e.label, "reference": e.reference} for e in chosen]
    violation.alleged_by, violation.alleged_at = by.person_id, now
    return _record(session, events.VIOLATION_ALLEGED, violation, by=by, now=now)


def drop(
    session: Session, violation: AllegedViolation, *, reason: str, by: Actor, now: datetime
) -> AllegedViolation:
    """Say that nothing is alleged, with the reason; the row stays. Raises `Denied`."""
    state = VIOLATION.take("drop", by, standing(session, violation))
    if not reason.strip():
        raise Denied("Say why this is not pursued. The reason stays with the record.")
    violation.state, violation.reason = state, reason.strip()
    return _record(session, events.VIOLATION_DROPPED, violation, by=by, now=now)


def standing(session: Session, violation: AllegedViolation) -> ViolationStanding:
    """A violation with what stands against acting on it."""
    sent = (
        select(Notice.id)
        .join(Worksheet, col(Worksheet.id) == col(Notice.worksheet_id))
        .where(Worksheet.violation_id == violation.id, Notice.state == NoticeState.SENT)
    )
    return ViolationStanding(violation.state, noticed=session.exec(sent).first() is not None)


def _chosen(
    session: Session, violation: AllegedViolation, subjects: Sequence[str], by: Actor
) -> list[Evidence]:
    offered = {evidence.subject: evidence for evidence in evidence_options(session, violation, by=by)}
    if any(subject not in offered for subject in subjects):
        # What lies outside the case does not exist for enforcement.
        raise NotFound
    if not subjects:
        raise Denied("Choose at least one piece of evidence from the case.")
    return [offered[subject] for subject in dict.fromkeys(subjects)]


def _check(stated: Allegation, now: datetime) -> None:
    if not stated.facts.strip():
        raise Denied("Say what happened: the facts that are alleged.")
    if not stated.reason.strip():
        raise Denied("Say why this is alleged.")
    if stated.occurred_to < stated.occurred_from:
        raise Denied("The conduct ends before it starts. Check the two dates.")
    if stated.occurred_to > now.date():
        raise Denied("The conduct ends in the future. Check the last day.")


def _record(
    session: Session, name: str, violation: AllegedViolation, *, by: Actor, now: datetime
) -> AllegedViolation:
    session.add(violation)
    fields = {
        "reference": violation.reference,
        "regime": violation.regime,
        "provision": violation.provision,
    }
    ledger.append(session, name, fields, by=by, now=now, about=about(violation), records=(violation,))
    return violation


def about(violation: AllegedViolation) -> tuple[str, str]:
    """The ledger subjects of everything that happens around a violation."""
    return f"violation:{violation.id}", f"case:{violation.case_id}"

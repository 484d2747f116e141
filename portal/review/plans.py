"""Plan requests: which sections are asked for, by whom, who approves, delivers and may read until when."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func

from portal.filing.outline import HEADINGS
from portal.filing.tables import Filing, FilingKind
from portal.filing.workflow import FilingState
from portal.review.requests import NotServable
from portal.review.tables import (
    Case,
    ObjectionAnswer,
    PlanApproval,
    PlanObjection,
    PlanRequest,
    PlanSection,
)
from portal.review.visibility import PLAN_REQUESTS
from portal.review.workflow import APPROVALS_NEEDED, CASE, DELIVERED, PLAN_REQUEST, HandlingClass, PlanState
from secure_access import grants, identity, ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.grants import AccessGrant
from secure_access.identity import Actor, Person, conflicts
from secure_access.workflow import Role

MOST_PAGES = 5_000
"""More pages than this are not read under one request."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for: sections of the public outline, why, who reads, and when."""

    outline_id: uuid.UUID | None
    sections: Sequence[str]
    purpose: str
    legal_basis: str
    necessity: str
    readers: Sequence[uuid.UUID]
    deliver_by: datetime | None
    read_from: datetime | None
    read_until: datetime | None
    handling: HandlingClass = HandlingClass.CONFIDENTIAL
    pages: int | None = 60

    def problems(self, now: datetime) -> list[tuple[str, str]]:
        """Pairs of field and words; empty when it can be asked."""
        texts = {
            "purpose": (self.purpose, "Say what the reading is for."),
            "legal_basis": (self.legal_basis, "Name the law that lets the authority ask for the plan."),
            "necessity": (self.necessity, "Say why the public outline is not enough."),
        }
        found = [(name, words) for name, (text, words) in texts.items() if not text.strip()]
        if not self.sections:
            found.insert(0, ("sections", "Choose at least one section of the outline."))
        if not self.readers:
            found.append(("readers", "Name at least one reader."))
        if self.pages is None or not 1 <= self.pages <= MOST_PAGES:
            found.append(("pages", f"Say how many pages may be read, from 1 to {MOST_PAGES:,}."))
        return found + self._wrong_dates(now)

    def _wrong_dates(self, now: datetime) -> list[tuple[str, str]]:
        if self.deliver_by is None or self.read_from is None or self.read_until is None:
            missing = {
                "deliver_by": self.deliver_by,
                "read_from": self.read_from,
                "read_until": self.read_until,
            }
            return [(name, "Give this date.") for name, value in missing.items() if value is None]
        found = []
        if self.deliver_by <= now:
            found.append(("deliver_by", "The delivery has to be due after today."))
        if self.read_until <= max(self.read_from, self.deliver_by):
            found.append(("read_until", "Reading has to end after it begins and after the delivery is due."))
        return found


@dataclass(frozen=True)
class Approving:
    """A plan request as its workflow looks at it: with approvals so far, and objections without an answer."""

    state: PlanState
    requested_by: uuid.UUID
    sections: list[str]
    readers: list[str]
    approvals: frozenset[uuid.UUID]
    open_objections: int


def load(session: Session, reference: str, *, by: Actor, for_update: bool = False) -> PlanRequest:
    """The plan request of that reference. Raises `NotFound`.

    A developer sees her own once it is approved: until then nobody has asked her anything. Of the authority
    see it who reviews, approves plans, or is one of its readers.
    """
    return PLAN_REQUESTS.find(session, by, col(PlanRequest.reference) == reference, for_update=for_update)


def about(request: PlanRequest) -> tuple[str, ...]:
    """The ledger subjects of a plan request."""
    return (subject_of(request), f"case:{request.case_id}", f"developer:{request.developer_id}")


def subject_of(request: PlanRequest) -> str:
    """The subject of its grants and openings."""
    return f"plan_request:{request.id}"


def refusals_of(request: PlanRequest) -> str:
    """The subject of what the custodian refused: few lines of many, and alerts are read from them."""
    return f"plan_refusals:{request.id}"


def outline_of(session: Session, case: Case) -> Filing | None:
    """The latest accepted public outline of the plan, for this model version before others."""
    query = select(Filing).where(
        Filing.developer_id == case.developer_id,
        Filing.kind == FilingKind.SECURITY_OUTLINE,
        Filing.state == FilingState.ACCEPTED,
    )
    found = list(session.exec(query.order_by(col(Filing.accepted_at).desc())))
    own = (filing for filing in found if filing.model_version_id == case.model_version_id)
    return next(own, found[0] if found else None)


def sections_of(outline: Filing) -> list[tuple[str, str]]:
    """Pairs of key and heading of the sections that an outline has, in its order."""
    return [(heading.key, heading.title) for heading in HEADINGS if outline.content.get(heading.key)]


def outline_texts(session: Session, request: PlanRequest) -> dict[str, str]:
    """What the public outline says of the sections that are asked for."""
    told = session.get_one(Filing, request.outline_id).content
    return {key: str(told.get(key) or "") for key in request.sections}


def readers_known(session: Session, developer_id: uuid.UUID) -> list[Person]:
    """Who may be named as a reader of this developer's plan."""
    return identity.people_with(session, Role.PLAN_READER, developer_id=developer_id)


def ask(session: Session, *, case: Case, wanted: Wanted, by: Actor, now: datetime) -> PlanRequest:
    """Draw up a request for sections of the plan; another official approves it before the developer is asked.

    Raises `Denied`, and `NotServable` when something of it is missing or not what the outline has.
    """
    CASE.take("request_plan", by, case)
    problems = wanted.problems(now) or _not_offered(session, case, wanted)
    if problems:
        raise NotServable(problems)
    assert wanted.outline_id is not None and wanted.deliver_by is not None  # noqa: PT018
    assert wanted.read_from is not None and wanted.read_until is not None  # noqa: PT018
    request = PlanRequest(
        reference=next_reference(session, "PR", now),
        case_id=case.id,
        developer_id=case.developer_id,
        outline_id=wanted.outline_id,
        sections=list(wanted.sections),
        purpose=wanted.purpose.strip(),
        legal_basis=wanted.legal_basis.strip(),
        necessity=wanted.necessity.strip(),
        readers=[str(reader) for reader in wanted.readers],
        read_from=wanted.read_from,
        read_until=wanted.read_until,
        deliver_by=wanted.deliver_by,
        handling=wanted.handling,
        pages=wanted.pages,
        requested_by=by.person_id,
        requested_at=now,
    )
    session.add(request)
    fields = {
        "reference": request.reference,
        "sections": len(request.sections),
        "readers": request.readers,
        "read_from": request.read_from.isoformat(),
        "read_until": request.read_until.isoformat(),
    }
    ledger.append(session, "plan.requested", fields, by=by, now=now, about=about(request), records=(request,))
    return request


def approving(session: Session, request: PlanRequest) -> Approving:
    """What the workflow needs to know before somebody approves."""
    waiting = select(func.count()).where(
        PlanObjection.plan_request_id == request.id, PlanObjection.answer == ObjectionAnswer.OPEN
    )
    return Approving(
        state=request.state,
        requested_by=request.requested_by,
        sections=request.sections,
        readers=request.readers,
        approvals=frozenset(approvers(session, request)),
        open_objections=session.exec(waiting).one(),
    )


def approvers(session: Session, request: PlanRequest) -> list[uuid.UUID]:
    """Who has approved so far, in order."""
    query = select(PlanApproval).where(PlanApproval.plan_request_id == request.id)
    return [row.approved_by for row in session.exec(query.order_by(col(PlanApproval.approved_at)))]


def approve(session: Session, *, request: PlanRequest, by: Actor, now: datetime) -> None:
    """Approve the asking. The last approval needed puts the request to the developer. Raises `Denied`."""
    conflicts.refuse_assignment(session, person_id=by.person_id, developer_id=request.developer_id)
    subject = approving(session, request)
    state = PLAN_REQUEST.take("approve", by, subject)
    row = PlanApproval(plan_request_id=request.id, approved_by=by.person_id, approved_at=now)
    session.add(row)
    given = len(subject.approvals) + 1
    if given >= APPROVALS_NEEDED:
        request.state = state
        session.add(request)
    fields = {"reference": request.reference, "approvals": given, "needed": APPROVALS_NEEDED}
    ledger.append(
        session, "plan.approved", fields, by=by, now=now, about=about(request), records=(row, request)
    )


def refuse(session: Session, *, request: PlanRequest, reason: str, by: Actor, now: datetime) -> None:
    """Refuse the asking, with a reason. Raises `Denied`; ``ValueError`` without a reason."""
    if not reason.strip():
        raise ValueError("Say why the request is refused, so that a better one can be made.")
    request.state = PLAN_REQUEST.take("refuse", by, approving(session, request))
    request.state_reason = reason.strip()
    _record(session, "plan.refused", request, by, now)


def withdraw(session: Session, *, request: PlanRequest, by: Actor, now: datetime) -> None:
    """Withdraw a request that has not been met. Raises `Denied`."""
    request.state = PLAN_REQUEST.take("withdraw", by, approving(session, request))
    request.ended_at = now
    _record(session, "plan.withdrawn", request, by, now)


def undelivered(session: Session, request: PlanRequest) -> list[str]:
    """The keys of the sections that are asked for and not here yet, in order."""
    there = {section.section for section in sections(session, request)}
    return [key for key in request.sections if key not in there]


def keep_key(
    session: Session, request: PlanRequest, fingerprint: str, published: str, *, now: datetime
) -> None:
    """Keep the published half of the key pair that the custodian made for a request."""
    request.plan_key, request.plan_key_text = fingerprint, published
    session.add(request)
    fields = {"reference": request.reference, "fingerprint": fingerprint}
    ledger.append(
        session,
        "plan.key_received",
        fields,
        by=None,
        now=now,
        about=about(request),
        records=(request,),
    )


def end(session: Session, *, request: PlanRequest, by: Actor, now: datetime) -> None:
    """End the reading at once, for every reader. Raises `Denied`."""
    request.state = PLAN_REQUEST.take("end", by, approving(session, request))
    request.ended_at = now
    session.add(request)
    standing = grants.of_subject(session, subject_of(request))
    for grant in standing:
        grants.end(session, grant=grant, by=by, now=now)
    fields = {"reference": request.reference, "grants": len(standing)}
    ledger.append(session, "plan.ended", fields, by=by, now=now, about=about(request), records=(request,))


def is_open(session: Session, subject: str) -> bool:
    """Whether the request of that subject (`subject_of`) is one of which something can be read."""
    query = select(PlanRequest.state).where(PlanRequest.id == uuid.UUID(subject.partition(":")[2]))
    return session.exec(query).first() in DELIVERED


def still_reads(session: Session, grant: AccessGrant) -> bool:
    """Whether the portal would name this reader today: the role, and no conflict with the developer."""
    developer = next((one for one in grant.about if one.startswith("developer:")), "")
    return any(
        person.id == grant.reader_id
        for person in readers_known(session, uuid.UUID(developer.partition(":")[2]))
    )


def sections(session: Session, request: PlanRequest) -> list[PlanSection]:
    """What was delivered, in the order in which it was asked for."""
    query = select(PlanSection).where(PlanSection.plan_request_id == request.id)
    return list(session.exec(query.order_by(col(PlanSection.number))))


def of_case(session: Session, case: Case) -> list[PlanRequest]:
    """The plan requests of a case, newest first."""
    query = select(PlanRequest).where(PlanRequest.case_id == case.id)
    return list(session.exec(query.order_by(col(PlanRequest.requested_at).desc())))


def visible(session: Session, *, by: Actor) -> list[PlanRequest]:
    """Every plan request that is there for this person, newest first."""
    query = select(PlanRequest).where(PLAN_REQUESTS.to(by))
    return list(session.exec(query.order_by(col(PlanRequest.requested_at).desc())))


def _not_offered(session: Session, case: Case, wanted: Wanted) -> list[tuple[str, str]]:
    outline = outline_of(session, case)
    if outline is None or outline.id != wanted.outline_id:
        return [
            (
                "sections",
                "No public outline of the plan has been accepted. Accept it first: sections are its.",
            )
        ]
    unknown = set(wanted.sections) - {key for key, _ in sections_of(outline)}
    if unknown:
        return [("sections", f"The outline has no section {', '.join(sorted(unknown))}.")]
    for reader in wanted.readers:
        conflicts.refuse_assignment(session, person_id=reader, developer_id=case.developer_id)
    known = {person.id for person in readers_known(session, case.developer_id)}
    if not set(wanted.readers) <= known:
        return [("readers", "Somebody named is not a plan reader. Choose from the list.")]
    return []


def _record(session: Session, event: str, request: PlanRequest, by: Actor, now: datetime) -> None:
    session.add(request)
    fields = {"reference": request.reference}
    ledger.append(session, event, fields, by=by, now=now, about=about(request), records=(request,))

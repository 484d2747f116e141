"""Information requests: numbered questions, served, answered item by item, late or in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.filing import manifests
from portal.law.deadlines import office_clock
from portal.review import cases
from portal.review.tables import AnswerDraft, Case, InformationRequest
from portal.review.visibility import INFORMATION_REQUESTS
from portal.review.workflow import CASE, INFORMATION_REQUEST
from secure_access import jobs, ledger
from secure_access.db import Session, Table, col, next_reference, select
from secure_access.identity import Actor
from secure_access.workflow import Denied

ANSWERED = "information_request.answered"
ANSWERS = "assay.answers/v1"
MAX_ITEMS = 40
"""More questions than this make several requests."""


@dataclass(frozen=True)
class Questions:
    """What a case officer asks. ``due_at`` is None for the office's own period from service."""

    legal_basis: str
    purpose: str
    items: Sequence[str]
    due_at: datetime | None = None

    def problems(self, now: datetime) -> list[tuple[str, str]]:
        """Pairs of field and words; empty when it can be served."""
        found: list[tuple[str, str]] = []
        if not self.legal_basis.strip():
            found.append(
                ("legal_basis", "Name the law that lets the authority ask, for example a section or article.")
            )
        if not self.purpose.strip():
            found.append(("purpose", "Say what the answer is for."))
        if not self.items:
            found.append(("item-1", "Write at least one question."))
        found += [
            (f"item-{number}", f"Item {number} is blank. Write the question, or take the item out.")
            for number, text in enumerate(self.items, start=1)
            if len(text.strip()) < 2
        ]
        if len(self.items) > MAX_ITEMS:
            found.append(("item-1", f"Ask at most {MAX_ITEMS} questions in one request."))
        if self.due_at is not None and self.due_at <= now:
            found.append(("due", "The answer has to be due after today."))
        return found


class NotServable(ValueError):
    """A request that cannot be served as it stands. ``problems`` are pairs of field and words."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(words for _, words in problems))
        self.problems = problems


def default_due(now: datetime) -> datetime:
    """When an answer is due if no other date is named: the office's period, moved off closed days."""
    return office_clock("information_request.answer", now).due_at


def serve(
    session: Session, *, case: Case, questions: Questions, by: Actor, now: datetime
) -> InformationRequest:
    """Serve an information request: it is the developer's from now on, and the review clock stands still.

    Raises `Denied`, and `NotServable` for a blank item, a missing basis or a date that has passed.
    """
    CASE.take("ask", by, case)
    problems = questions.problems(now)
    if problems:
        raise NotServable(problems)
    request = InformationRequest(
        reference=next_reference(session, "IR", now),
        case_id=case.id,
        developer_id=case.developer_id,
        legal_basis=questions.legal_basis.strip(),
        purpose=questions.purpose.strip(),
        items=[
            {"number": number, "text": text.strip(), "answer": ""}
            for number, text in enumerate(questions.items, start=1)
        ],
        asked_by=by.person_id,
        drafted_at=now,
        due_at=questions.due_at or default_due(now),
    )
    request.state = INFORMATION_REQUEST.take("serve", by, request)
    request.served_at = now
    session.add(request)
    session.flush()
    cases.set_due(session, case, now=now)
    fields = {"reference": request.reference, "items": len(request.items), "due": request.due_at.isoformat()}
    ledger.append(
        session,
        "information_request.served",
        fields,
        by=by,
        now=now,
        about=about(case, request),
        records=(request, case),
    )
    return request


def about(case: Case, request: InformationRequest) -> tuple[str, ...]:
    """The ledger subjects of an information request."""
    return (*cases.about(case), f"information_request:{request.id}")


def load(session: Session, reference: str, *, by: Actor, for_update: bool = False) -> InformationRequest:
    """The request of that reference: of her own organisation for a developer, of any case for a reviewer.

    Raises `NotFound`, also for a developer as long as a request is not served.
    """
    named = col(InformationRequest.reference) == reference
    return INFORMATION_REQUESTS.find(session, by, named, for_update=for_update)


def of_case(session: Session, case: Case) -> list[InformationRequest]:
    """The requests of a case, newest first."""
    query = select(InformationRequest).where(InformationRequest.case_id == case.id)
    return list(session.exec(query.order_by(col(InformationRequest.drafted_at).desc())))


def visible(session: Session, *, by: Actor) -> list[InformationRequest]:
    """Every request that is there for this person, newest first: for a developer what was served to it."""
    query = select(InformationRequest).where(INFORMATION_REQUESTS.to(by))
    return list(session.exec(query.order_by(col(InformationRequest.drafted_at).desc())))


def drafts(session: Session, request: InformationRequest) -> dict[int, AnswerDraft]:
    """What the developer has written so far, by item number. For her own pages only."""
    query = select(AnswerDraft).where(AnswerDraft.request_id == request.id)
    return {draft.number: draft for draft in session.exec(query)}


def save_answers(
    session: Session, *, request: InformationRequest, answers: Mapping[int, str], by: Actor, now: datetime
) -> None:
    """Keep what has been written so far. The authority does not see it. Raises `Denied`."""
    INFORMATION_REQUEST.take("answer", by, request)
    known = drafts(session, request)
    for item in request.items:
        number = int(item["number"])
        if number not in answers:
            continue
        draft = known.get(number) or AnswerDraft(
            request_id=request.id, number=number, text="", saved_by=by.person_id, saved_at=now
        )
        draft.text, draft.saved_by, draft.saved_at = answers[number].strip(), by.person_id, now
        session.add(draft)
    session.flush()


def unanswered(session: Session, request: InformationRequest) -> list[int]:
    """The numbers of the items without an answer so far."""
    written = drafts(session, request)
    numbers = [int(item["number"]) for item in request.items]
    return [number for number in numbers if number not in written or not written[number].text]


def send_answers(session: Session, *, request: InformationRequest, by: Actor, now: datetime) -> None:
    """Send the complete answer: the clock runs again. Late, it is put to enforcement.

    Raises `Denied` while an item has no answer: a part neither ends the request nor starts the clock.
    """
    state = INFORMATION_REQUEST.take("answer", by, request)
    missing = unanswered(session, request)
    if missing:
        numbers = ", ".join(str(number) for number in missing)
        raise Denied(
            f"Item {numbers} has no answer yet. Only a complete answer ends the request.",
            "Answer it, or say in the item why you cannot. What you have written is saved.",
        )
    written = drafts(session, request)
    request.items = [{**item, "answer": written[int(item["number"])].text} for item in request.items]
    request.state, request.answered_at, request.answered_by = state, now, by.person_id
    session.add(request)
    for draft in written.values():
        session.delete(draft)
    late = max(0, int((now - request.due_at).total_seconds()))
    if late:
        jobs.add(session, "violation.consider", f"information_request:{request.id}")
    manifest = manifests.keep(session, _stated(session, request, by, now), now=now)
    fields = {
        "reference": request.reference,
        "items": len(request.items),
        "late_seconds": late,
        "manifest": manifest.digest,
    }
    _ended(session, request, ANSWERED, fields, (by, now), manifest)


def _stated(session: Session, request: InformationRequest, by: Actor, now: datetime) -> manifests.Stated:
    subject = f"information_request:{request.id}"
    return manifests.Stated(
        kind="answer_to_information_request",
        reference=request.reference,
        subject=subject,
        owner_id=request.developer_id,
        entity=manifests.entity_named(session, request.developer_id),
        sha256=manifests.digest(answers_of(request)),
        form=ANSWERS,
        signed=[manifests.signature(session, by, subject=subject, act="answered", now=now)],
        attachments=manifests.hanging(session, subject),
        timeliness=manifests.ruling(now, request.due_at),
    )


def answers_of(request: InformationRequest) -> dict[str, Any]:
    """The answer as one object, of whose canonical JSON the manifest holds the digest."""
    items = [{name: str(item[name]) for name in ("number", "text", "answer")} for item in request.items]
    return {"v": ANSWERS, "request": str(request.id), "items": items}


def withdraw(session: Session, *, request: InformationRequest, by: Actor, now: datetime) -> None:
    """Withdraw a request: nobody has to answer it, and the clock runs again. Raises `Denied`."""
    request.state = INFORMATION_REQUEST.take("withdraw", by, request)
    request.answered_at = now
    session.add(request)
    fields = {"reference": request.reference}
    _ended(session, request, "information_request.withdrawn", fields, (by, now))


def _ended(
    session: Session,
    request: InformationRequest,
    event: str,
    fields: dict[str, Any],
    done: tuple[Actor, datetime],
    *more: Table,
) -> None:
    by, now = done
    case = session.get_one(Case, request.case_id, with_for_update=True)
    session.flush()
    cases.set_due(session, case, now=now)
    rows = (request, case, *more)
    ledger.append(session, event, fields, by=by, now=now, about=about(case, request), records=rows)

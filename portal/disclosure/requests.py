"""Access requests as the authority works on them: found, affected filings, extended, closed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func

from portal.disclosure import blocks, events
from portal.disclosure.intake import subject
from portal.disclosure.tables import AccessBlock, AccessNotice, AccessRequest
from portal.disclosure.workflow import ACCESS_REQUEST, AccessState, NoticeState, Standing
from portal.law import access
from portal.review.requests import NotServable
from secure_access import ledger
from secure_access.db import Session, Table, col, select
from secure_access.identity import Actor, conflicts
from secure_access.ledger.records import timestamp
from secure_access.workflow import Denied, NotFound

PAGE = 50


@dataclass(frozen=True)
class Listed:
    """A page of requests, how many there are in all, and which page this is (from 1)."""

    rows: list[AccessRequest]
    total: int
    number: int

    @property
    def first(self) -> int:
        """Place of its first row among all."""
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        """Place of its last row."""
        return self.first + len(self.rows) - 1


def listed(session: Session, *, number: int = 1) -> Listed:
    """Requests without an answer first, by the day on which that is due; then the others, newest first."""
    total = session.exec(select(func.count()).select_from(AccessRequest)).one()
    number = max(1, min(number, -(-total // PAGE) or 1))
    over = col(AccessRequest.state).in_((AccessState.RELEASED, AccessState.CLOSED))
    query = select(AccessRequest).order_by(over, col(AccessRequest.due_at), col(AccessRequest.reference))
    return Listed(list(session.exec(query.offset((number - 1) * PAGE).limit(PAGE))), total, number)


def unanswered(session: Session) -> list[AccessRequest]:
    """Requests that somebody has to do something about, a page at most."""
    query = select(AccessRequest).where(
        col(AccessRequest.state).not_in((AccessState.RELEASED, AccessState.CLOSED))
    )
    return list(session.exec(query.order_by(col(AccessRequest.due_at)).limit(PAGE)))


def load(session: Session, reference: str, *, for_update: bool = False) -> AccessRequest:
    """The request of that reference, for who reviews. Raises `NotFound`."""
    query = select(AccessRequest).where(AccessRequest.reference == reference)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.exec(query).first()
    if found is None:
        raise NotFound
    return found


def standing(session: Session, request: AccessRequest, now: datetime) -> Standing:
    """The request as its workflow looks at it now."""
    served = [row for row in notices(session, request) if row.state is NoticeState.SERVED]
    return Standing(
        state=request.state,
        blocks=len(blocks_of(session, request)),
        extended=request.extended_at is not None,
        in_time=sum(row.object_by >= now for row in served),
        prepared_by=request.prepared_by,
        waits=request.release_from is not None and request.release_from > now,
    )


def notices(session: Session, request: AccessRequest) -> list[AccessNotice]:
    """The notices of a request, in order."""
    query = select(AccessNotice).where(AccessNotice.request_id == request.id)
    return list(session.exec(query.order_by(col(AccessNotice.reference))))


def blocks_of(session: Session, request: AccessRequest) -> list[AccessBlock]:
    """Every block of a request, in order, whoever looks."""
    query = select(AccessBlock).where(AccessBlock.request_id == request.id)
    return list(session.exec(query.order_by(col(AccessBlock.number))))


def refuse_conflicted(session: Session, found: Sequence[AccessBlock], *, by: Actor) -> None:
    """Raises `Denied` for an official who has a conflict with a developer whose blocks these are."""
    for developer_id in sorted({block.developer_id for block in found}, key=str):
        conflicts.refuse_assignment(session, person_id=by.person_id, developer_id=developer_id)


def affect(session: Session, *, request: AccessRequest, chosen: str, by: Actor, now: datetime) -> int:
    """Add what a filing or a decision has that is not public already; how many blocks that is.

    ``chosen`` is ``filing:<id>`` or ``decision:<id>``, there for this official. Raises `Denied`, `NotFound`.
    """
    ACCESS_REQUEST.take("affect", by, standing(session, request, now))
    there = blocks_of(session, request)
    if any(block.subject == chosen for block in there):
        raise Denied("This is chosen already.", "Look for it in the list below.")
    found = blocks.of_subject(session, chosen, by=by)
    if not found:
        raise Denied(
            "Everything of it is public already.", "Tell the requester where in the register it stands."
        )
    last = max((block.number for block in there), default=0)
    made = [
        AccessBlock(request_id=request.id, number=number, **vars(part))
        for number, part in enumerate(found, start=last + 1)
    ]
    refuse_conflicted(session, made, by=by)
    session.add_all(made)
    return len(made)


def leave_out(session: Session, *, request: AccessRequest, chosen: str, by: Actor, now: datetime) -> None:
    """Take a filing or a decision out again, before anybody has a notice of it.

    Raises `Denied`, `NotFound`.
    """
    ACCESS_REQUEST.take("leave_out", by, standing(session, request, now))
    found = [block for block in blocks_of(session, request) if block.subject == chosen]
    if not found:
        raise NotFound
    for block in found:
        session.delete(block)


def extend(session: Session, *, request: AccessRequest, reason: str, by: Actor, now: datetime) -> None:
    """Extend the time to answer, once, with the reason that the requester reads.

    Raises `Denied`, `NotServable` without a reason.
    """
    ACCESS_REQUEST.take("extend", by, standing(session, request, now))
    if request.due_at < now:
        raise Denied("The time to answer is over, so it cannot be extended.", "Answer as soon as you can.")
    if not reason.strip():
        raise NotServable([("extension_reason", "Give the reason. The requester reads it.")])
    law = access.load(request.law)
    request.due_at = access.answer(law, request.received_at, extended=True).due_at
    request.extended_at, request.extension_reason = now, reason.strip()
    fields = {"reference": request.reference, "due": timestamp(request.due_at)}
    written(session, events.EXTENDED, fields, request, by, now)


def close(session: Session, *, request: AccessRequest, reason: str, by: Actor, now: datetime) -> None:
    """Close a request that its sender withdrew. Raises `Denied`, `NotServable` without a reason."""
    state = ACCESS_REQUEST.take("close", by, standing(session, request, now))
    if not reason.strip():
        raise NotServable(
            [("close_reason", "Say how the requester told you that nothing is asked any more.")]
        )
    request.state, request.closed_at, request.close_reason = state, now, reason.strip()
    written(session, events.CLOSED, {"reference": request.reference}, request, by, now)


def written(
    session: Session,
    event: str,
    fields: Mapping[str, object],
    request: AccessRequest,
    by: Actor | None,
    now: datetime,
    *more: Table,
) -> None:
    """Record an event about a request and the rows that it wrote."""
    session.add(request)
    ledger.append(
        session, event, fields, by=by, now=now, about=(subject(request.id),), records=(request, *more)
    )


def developers(session: Session, request: AccessRequest) -> list[uuid.UUID]:
    """Whose blocks are asked for."""
    return list(dict.fromkeys(block.developer_id for block in blocks_of(session, request)))

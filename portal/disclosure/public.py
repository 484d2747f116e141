"""What the public zone reads of an access request: by its link alone, and of blocks only what is released."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from portal.disclosure.tables import AccessBlock, AccessRequest, SentRequest
from portal.disclosure.workflow import AccessState, Outcome
from portal.law import access
from secure_access.db import Session, col, select
from secure_access.identity import Organisation
from secure_access.workflow import NotFound


@dataclass(frozen=True)
class PublicBlock:
    """A block as the requester reads it: its words, or the exemption by which it is withheld."""

    number: int
    source: str
    title: str
    label: str
    developer: str
    disclosed: bool
    text: str
    exemption: access.Exemption | None
    reason: str


@dataclass(frozen=True)
class PublicRequest:
    """An access request as whoever holds its link sees it, without name, address and words."""

    id: uuid.UUID
    reference: str
    state: AccessState
    law: access.AccessLaw
    received_at: datetime
    due_at: datetime
    extended_at: datetime | None
    extension_reason: str
    decided_at: datetime | None
    release_from: datetime | None
    released_at: datetime | None
    review_by: datetime | None
    closed_at: datetime | None
    answer: str
    blocks: tuple[PublicBlock, ...]

    @property
    def answered(self) -> bool:
        """The answer is there to be read."""
        return self.state is AccessState.RELEASED


def waiting(session: Session, request_id: uuid.UUID) -> bool:
    """Whether what was sent waits to be entered."""
    query = select(SentRequest.id).where(SentRequest.id == request_id)
    return session.exec(query).first() is not None


def request_public(session: Session, request_id: uuid.UUID) -> PublicRequest:
    """The request of that identifier. Raises `NotFound`."""
    row = session.exec(select(AccessRequest).where(AccessRequest.id == request_id)).first()
    if row is None:
        raise NotFound
    law = access.load(row.law)
    return PublicRequest(
        id=row.id,
        reference=row.reference,
        state=row.state,
        law=law,
        received_at=row.received_at,
        due_at=row.due_at,
        extended_at=row.extended_at,
        extension_reason=row.extension_reason,
        decided_at=row.decided_at,
        release_from=row.release_from,
        released_at=row.released_at,
        review_by=row.review_by,
        closed_at=row.closed_at,
        answer=row.answer,
        blocks=_blocks(session, row, law) if row.state is AccessState.RELEASED else (),
    )


def _blocks(session: Session, row: AccessRequest, law: access.AccessLaw) -> tuple[PublicBlock, ...]:
    query = (
        select(AccessBlock)
        .where(AccessBlock.request_id == row.id, col(AccessBlock.outcome) != Outcome.OPEN)
        .order_by(col(AccessBlock.number))
    )
    return tuple(
        PublicBlock(
            number=block.number,
            source=block.source,
            title=block.title,
            label=block.label,
            developer=session.get_one(Organisation, block.developer_id).name,
            disclosed=block.outcome is Outcome.DISCLOSED,
            text=block.released if block.outcome is Outcome.DISCLOSED else "",
            exemption=law.exemption(block.exemption),
            reason=block.reason,
        )
        for block in session.exec(query)
    )

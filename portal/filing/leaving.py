"""What somebody of a developer leaves behind: drafts, and filings that wait for their signature."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime

from portal.filing import certification, service
from portal.filing.tables import Filing
from portal.filing.workflow import FilingState
from secure_access.db import Session, select
from secure_access.identity import Actor, Person, leaving
from secure_access.identity.leaving import HandOver, Holding
from secure_access.workflow import Role

_AUTHORS = frozenset({Role.PREPARER, Role.CERTIFYING_OFFICER})
_OFFICERS = frozenset({Role.CERTIFYING_OFFICER})


def drafts(session: Session, person: Person) -> Iterator[Holding]:
    """Drafts that this person prepared."""
    query = select(Filing).where(Filing.prepared_by == person.id, Filing.state == FilingState.DRAFT)
    for filing in session.exec(query):
        yield Holding(f"draft:{filing.id}", f"draft: {service.title(session, filing)}", _AUTHORS)


def signatures(session: Session, person: Person) -> Iterator[Holding]:
    """Filings that wait for this person's signature."""
    query = select(Filing).where(
        Filing.certifier_id == person.id, Filing.state == FilingState.IN_CERTIFICATION
    )
    for filing in session.exec(query):
        what = f"signature asked for: {service.title(session, filing)}"
        yield Holding(f"signature:{filing.id}", what, _OFFICERS, "Recall the draft and send it again.")


def _draft(session: Session, handed: HandOver, by: Actor, now: datetime) -> None:
    certification.name_author(session, filing=_filing(session, handed), to=handed.heir, by=by, now=now)


def _signature(session: Session, handed: HandOver, by: Actor, now: datetime) -> None:
    certification.name_officer(session, filing=_filing(session, handed), to=handed.heir, by=by, now=now)


def _filing(session: Session, handed: HandOver) -> Filing:
    return session.get_one(Filing, uuid.UUID(handed.key), with_for_update=True)


leaving.declare("draft", drafts, _draft)
leaving.declare("signature", signatures, _signature)

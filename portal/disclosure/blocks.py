"""Blocks: what of a filing or a decision is decided on by itself, and the words that a release would show.

A block is an answer that its developer claimed as confidential, an attached file, or the confidential annex
of a decision. What is public already is no block: the register has it. A sealed plan is none either: it is no
filing, and the portal cannot open it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from portal.disclosure.tables import AccessBlock
from portal.filing import publication, service
from portal.filing.checks import audience_of
from portal.filing.forms import PUBLIC
from portal.filing.tables import Filing, FilingKind
from portal.filing.visibility import FILINGS
from portal.review.public import HEADLINES
from portal.review.tables import Decision
from portal.review.visibility import DECISIONS
from secure_access import documents
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Organisation
from secure_access.workflow import NotFound

ANNEX, FILE = "annex", "file:"


@dataclass(frozen=True)
class Holding:
    """A filing or a decision that can be chosen: how a form names it, and what a page says of it."""

    chosen: str
    reference: str
    words: str
    developer: str


def holdings(session: Session, *, by: Actor, wanted: str = "", most: int = 25) -> list[Holding]:
    """Filings and decisions that this official may read, newest first; with ``wanted`` those that match it.

    It is looked for in the reference and the developer's name.
    """
    like = f"%{wanted.strip().replace('%', '').replace('_', '')}%"
    filed = (
        select(Filing, Organisation)
        .join(Organisation, col(Organisation.id) == col(Filing.developer_id))
        .where(FILINGS.to(by), col(Filing.reference).ilike(like) | col(Organisation.name).ilike(like))
        .order_by(col(Filing.submitted_at).desc())
        .limit(most)
    )
    decided = (
        select(Decision, Organisation)
        .join(Organisation, col(Organisation.id) == col(Decision.developer_id))
        .where(DECISIONS.to(by), col(Decision.decided_at).is_not(None), Decision.confidential_annex != "")
        .where(col(Decision.reference).ilike(like) | col(Organisation.name).ilike(like))
        .order_by(col(Decision.decided_at).desc())
        .limit(most)
    )
    return [
        *(
            Holding(f"filing:{row.id}", row.reference or "", service.title(session, row), owner.name)
            for row, owner in session.exec(filed)
        ),
        *(
            Holding(f"decision:{row.id}", row.reference, f"Decision: {HEADLINES[row.kind]}", owner.name)
            for row, owner in session.exec(decided)
        ),
    ]


@dataclass(frozen=True)
class Part:
    """A block before it is asked for: what `AccessBlock` will say of it."""

    developer_id: uuid.UUID
    subject: str
    name: str
    source: str
    title: str
    label: str


def of_subject(session: Session, chosen: str, *, by: Actor) -> list[Part]:
    """The blocks of a filing or a decision that is there for this official, in order.

    Raises `NotFound` for anything else, a plan request and a draft among it.
    """
    kind, _, raw = chosen.partition(":")
    try:
        row_id = uuid.UUID(raw)
    except ValueError:
        raise NotFound from None
    if kind == "filing":
        return _of_filing(session, FILINGS.find(session, by, col(Filing.id) == row_id))
    if kind == "decision":
        return _of_decision(DECISIONS.find(session, by, col(Decision.id) == row_id))
    raise NotFound


def text_of(session: Session, block: AccessBlock) -> str:
    """The words of a block as a reader sees them: what a release would show, and nothing else may."""
    kind, _, raw = block.subject.partition(":")
    if kind == "decision":
        return session.get_one(Decision, uuid.UUID(raw)).confidential_annex
    filing = session.get_one(Filing, uuid.UUID(raw))
    if block.name.startswith(FILE):
        document = documents.find(session, uuid.UUID(block.name.removeprefix(FILE)))
        return f"{document.file_name}, {document.size:,} bytes, SHA-256 {document.sha256}"
    answers = {q.name: publication.shown(q, answer) for _, q, answer in publication.asked(filing)}
    return answers[block.name]


def is_file(block: AccessBlock) -> bool:
    """Whether a block is a file, which the authority hands over by itself."""
    return block.name.startswith(FILE)


def _of_filing(session: Session, filing: Filing) -> list[Part]:
    # Without the name of its model, which may not be known outside.
    title = FilingKind(filing.kind).label.capitalize()
    subject = f"filing:{filing.id}"
    found = [
        _part(filing, subject, question.name, title, f"{section.title}: {question.label}")
        for section, question, answer in publication.asked(filing)
        if publication.shown(question, answer) and audience_of(filing.audiences, question)[0] != PUBLIC
    ]
    # The name of a file may say what is in it, so a file is named by its place.
    found += [
        _part(filing, subject, f"{FILE}{item.document.id}", title, f"Attached file {place}")
        for place, item in enumerate(documents.for_subject(session, subject), start=1)
    ]
    return found


def _of_decision(decision: Decision) -> list[Part]:
    if decision.decided_at is None or not decision.confidential_annex:
        return []
    title = f"Decision: {HEADLINES[decision.kind]}"
    return [_part(decision, f"decision:{decision.id}", ANNEX, title, "Confidential annex")]


def _part(of: Filing | Decision, subject: str, name: str, title: str, label: str) -> Part:
    return Part(of.developer_id, subject, name, of.reference or "", title[:300], label[:300])

"""Finding what is published by its reference. What is not published is found no more than what is not there.

Everything that is published is read, whatever was asked for: an answer takes the same time for a reference
that does not exist and for one that is not public.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import url_for

from portal.enforcement.notices import penalties_public
from portal.enforcement.tables import Notice
from portal.register import published
from portal.register.proof import Proof, prove
from portal.review.public import decision_public, decisions_public
from portal.review.tables import Decision
from secure_access.db import Session, col, select
from secure_access.ledger.log_keys import LogKeys
from secure_access.ledger.witnesses import Witnesses

_EVALUATORS = "evaluators.every_evaluator"


@dataclass(frozen=True)
class Found:
    """Something published: the endpoint of its page, its reference as it is written, and what it is."""

    endpoint: str
    reference: str
    what: str


def found(session: Session, reference: str, *, on: date) -> Found | None:
    """What is published under a reference, or ``None``."""
    decisions = [
        Found("decisions.decision", made.reference, "Decision") for made in decisions_public(session)
    ]
    filings = [Found("models.filing", made.reference, "Filing") for made in published.filings(session)]
    assessments = [
        Found("evaluators.assessment", made.reference, "Independent assessment")
        for made in published.assessments(session)
    ]
    penalties = [Found("penalties.penalty", made.reference, "Notice") for made in penalties_public(session)]
    accredited = [
        Found(_EVALUATORS, made.reference, "Accreditation")
        for made in published.every_accreditation(session, on=on)
    ]
    every = (*decisions, *filings, *assessments, *penalties, *accredited)
    known = {made.reference.upper(): made for made in reversed(every)}
    return known.get(reference.strip().upper())


def url(made: Found) -> str:
    """Where it is: a page of its own, or a place on a page."""
    if made.endpoint == _EVALUATORS:
        return url_for(made.endpoint, _anchor=made.reference)
    return url_for(made.endpoint, reference=made.reference)


def proof_of(session: Session, made: Found, keys: LogKeys, wanted: Witnesses) -> Proof | None:
    """The proof of what was found; ``None`` for what has none of its own."""
    match made.endpoint:
        case "decisions.decision":
            decision = session.get_one(Decision, decision_public(session, made.reference).id)
            return prove(session, decision, about=f"decision:{decision.id}", keys=keys, wanted=wanted)
        case "models.filing":
            filing = published.filing(session, made.reference)[2]
            return prove(session, filing, about=f"filing:{filing.id}", keys=keys, wanted=wanted)
        case "evaluators.assessment":
            assessment = published.assessment(session, made.reference)[1]
            return prove(session, assessment, about=f"assessment:{assessment.id}", keys=keys, wanted=wanted)
        case "penalties.penalty":
            notice = session.exec(select(Notice).where(col(Notice.reference) == made.reference)).one()
            return prove(session, notice, about=f"notice:{notice.id}", keys=keys, wanted=wanted)
    return None

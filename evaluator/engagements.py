"""Engagements: an evaluator is appointed to one filing, declares conflicts, reads under the engagement."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from evaluator import accreditations
from evaluator.tables import Engagement
from evaluator.workflow import ENGAGEMENT, EngagementState
from portal.filing.tables import Filing
from portal.filing.workflow import FilingState
from secure_access import ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor, OrganisationKind, conflicts
from secure_access.workflow import Denied, NotFound, Role

OVERSEERS = frozenset({Role.CASE_OFFICER, Role.DECIDER, Role.ACCREDITATION_OFFICER})
"""Who of the authority sees engagements."""


@dataclass(frozen=True)
class Terms:
    """Whom to appoint to what: the filing, ids of categories, the questions, first and last day."""

    evaluator_id: uuid.UUID
    filing: Filing
    case_id: uuid.UUID
    categories: Sequence[str]
    questions: str
    window_from: date
    window_until: date


def appoint(session: Session, *, terms: Terms, by: Actor, now: datetime) -> Engagement:
    """Appoint an accredited body. Raises `Denied`, saying what stands against it."""
    _check(session, terms, by, now)
    filing = terms.filing
    assert filing.model_version_id is not None
    engagement = Engagement(
        reference=next_reference(session, "E", now),
        case_id=terms.case_id,
        evaluator_id=terms.evaluator_id,
        developer_id=filing.developer_id,
        model_version_id=filing.model_version_id,
        filing_id=filing.id,
        categories=sorted(terms.categories),
        questions=terms.questions,
        window_from=terms.window_from,
        window_until=terms.window_until,
        appointed_by=by.person_id,
        appointed_at=now,
    )
    session.add(engagement)
    fields = {
        "reference": engagement.reference,
        "evaluator": str(terms.evaluator_id),
        "categories": engagement.categories,
        "window_from": terms.window_from.isoformat(),
        "window_until": terms.window_until.isoformat(),
    }
    session.flush()
    ledger.append(
        session, "evaluator.appointed", fields, by=by, now=now, about=about(engagement), records=(engagement,)
    )
    return engagement


def about(engagement: Engagement) -> tuple[str, ...]:
    """The ledger subjects of everything that happens in an engagement."""
    return (
        f"engagement:{engagement.id}",
        f"case:{engagement.case_id}",
        f"evaluator:{engagement.evaluator_id}",
        f"developer:{engagement.developer_id}",
    )


def load(session: Session, reference: str, *, by: Actor, for_update: bool = False) -> Engagement:
    """The evaluator's own engagement, or any for who oversees without a conflict. Raises `NotFound`."""
    query = select(Engagement).where(Engagement.reference == reference)
    if by.organisation_kind is OrganisationKind.EVALUATOR:
        query = query.where(Engagement.evaluator_id == by.organisation_id)
    elif by.organisation_kind is not OrganisationKind.REGULATOR or not by.roles & OVERSEERS:
        raise NotFound
    found = session.exec(query.with_for_update() if for_update else query).first()
    if found is None:
        raise NotFound
    conflicts.hide(by, found.developer_id)
    return found


def of_evaluator(session: Session, evaluator_id: uuid.UUID) -> list[Engagement]:
    """The engagements of a body, newest first."""
    query = select(Engagement).where(Engagement.evaluator_id == evaluator_id)
    return list(session.exec(query.order_by(col(Engagement.appointed_at).desc())))


def of_case(session: Session, case_id: uuid.UUID) -> list[Engagement]:
    """The engagements of a case, newest first."""
    query = select(Engagement).where(Engagement.case_id == case_id)
    return list(session.exec(query.order_by(col(Engagement.appointed_at).desc())))


def declare(session: Session, *, engagement: Engagement, conflict: str, by: Actor, now: datetime) -> None:
    """Declare a conflict of interest, or none when ``conflict`` is blank. A conflict ends the engagement.

    Raises `Denied`.
    """
    action = "declare_conflict" if conflict.strip() else "declare_no_conflict"
    engagement.state = ENGAGEMENT.take(action, by, engagement)
    engagement.conflict = {
        "declared": conflict.strip() or "none",
        "by": str(by.person_id),
        "at": now.isoformat(),
    }
    session.add(engagement)
    event = "conflict.declared" if conflict.strip() else "conflict.none_declared"
    fields = {"reference": engagement.reference}
    ledger.append(session, event, fields, by=by, now=now, about=about(engagement), records=(engagement,))


def readable_filing(session: Session, *, engagement: Engagement, by: Actor, now: datetime) -> Filing:
    """The filing of an engagement, while it may be read. Raises `Denied` with what is missing.

    The caller records the reading.
    """
    ENGAGEMENT.take("read", by, engagement)
    if not engagement.window_from <= now.date() <= engagement.window_until:
        raise Denied(
            f"The engagement runs from {engagement.window_from} to {engagement.window_until}.",
            "Ask the case officer for another window.",
        )
    if accreditations.standing(session, evaluator_id=engagement.evaluator_id, on=now.date()) is None:
        raise Denied(
            "The accreditation of your body is not in force.", "Ask the authority's accreditation officer."
        )
    return session.get_one(Filing, engagement.filing_id)


def note_reading(session: Session, *, engagement: Engagement, by: Actor, now: datetime) -> None:
    """Record that somebody of the evaluator opens the filing, before it is shown."""
    fields = {"filing": str(engagement.filing_id), "reference": engagement.reference}
    ledger.append(session, "engagement.filing_read", fields, by=by, now=now, about=about(engagement))


def _check(session: Session, terms: Terms, by: Actor, now: datetime) -> None:
    if not by.holds(Role.CASE_OFFICER):
        raise Denied("Only a case officer can appoint an evaluator.", "Ask a case officer.")
    if terms.filing.state is not FilingState.ACCEPTED or terms.filing.model_version_id is None:
        raise Denied("The filing has not been accepted for review.", "Accept the filing first.")
    if not terms.categories:
        raise Denied("No category was chosen.", "Choose at least one category to assess.")
    if terms.window_until < terms.window_from:
        raise Denied("The window ends before it begins.", "Correct the last day.")
    accreditation = accreditations.standing(session, evaluator_id=terms.evaluator_id, on=now.date())
    if accreditation is None:
        raise Denied("This body is not accredited today.", "Choose an accredited body.")
    outside = sorted(set(terms.categories) - set(accreditation.categories))
    if outside:
        raise Denied(
            f"Its accreditation {accreditation.reference} does not cover: {', '.join(outside)}.",
            "Leave these out, or choose another body.",
        )
    if accreditation.valid_until < terms.window_until:
        raise Denied(
            f"Its accreditation {accreditation.reference} ends on {accreditation.valid_until}.",
            "Choose a window that ends before.",
        )
    unfinished = [e for e in of_case(session, terms.case_id) if e.evaluator_id == terms.evaluator_id]
    if any(e.filing_id == terms.filing.id and e.state is not EngagementState.REFUSED for e in unfinished):
        raise Denied("This body is already appointed to this filing.", "Open its engagement instead.")

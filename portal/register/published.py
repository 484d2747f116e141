"""What everybody may read: accepted filings, decisions taken, accreditations, sent notices. Nothing else.

Each function names the states that it shows; a row in any other state does not exist here. Pages get these
records and never a row, so that a column nobody thought of cannot reach a template.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, text

from evaluator import accreditations
from evaluator.tables import Engagement, IndependentAssessment
from evaluator.workflow import AccreditationState, AssessmentState
from portal.enforcement.notices import PublicPenalty, penalties_public
from portal.filing.publication import FiledBy, filed_by, public_answers, public_version, signed_entity
from portal.filing.registry import Channel, ModelVersion
from portal.filing.tables import Filing, FilingKind
from portal.filing.workflow import FilingState
from portal.law import compute, risk
from portal.law.facts import FactError, Facts
from portal.review.public import PublicDecision, decisions_public, model_name
from portal.review.tables import Decision
from portal.review.workflow import DecisionState
from secure_access.db import Session, col, select, under_conditions
from secure_access.identity import Organisation
from secure_access.ledger import records
from secure_access.workflow import NotFound

PUBLISHED = (FilingState.ACCEPTED, FilingState.SUPERSEDED)
"""States in which a filing is published, and only when it was accepted before."""

CHANNELS = {
    Channel.TRAINING: "in training",
    Channel.INTERNAL_USE: "internal use",
    Channel.LIMITED_PARTNERS: "limited partners",
    Channel.API: "API",
    Channel.CONSUMER: "consumer products",
    Channel.OPEN_WEIGHTS: "open weights",
}
_METHODS = {"given": "stated", "6ND": "from parameters × tokens", "chips": "from chips and time"}
_ANSWERS = text("SELECT assay_public_answers(:filing)")
_ENTITY = text("SELECT assay_public_entity(:filing)")
RECOMMENDATIONS = {
    "release": "Release",
    "release_with_conditions": "Release with conditions",
    "do_not_release": "Do not release",
    "cannot_say": "Cannot say: the evidence does not carry a recommendation",
}


@dataclass(frozen=True)
class PublishedFiling:
    """An accepted filing, without its answers; those are in `public_version`."""

    id: uuid.UUID
    reference: str
    kind: str
    developer_id: uuid.UUID
    developer: str
    version_id: uuid.UUID | None
    model: str
    submitted_at: datetime
    accepted_at: datetime
    superseded: bool

    @property
    def title(self) -> str:
        """``Corvane 4: risk report``."""
        return f"{self.model}: {self.kind}" if self.model else self.kind.capitalize()


@dataclass(frozen=True)
class PublishedVersion:
    """A model version of which something is published. ``flop`` is the leading estimate, as stated."""

    id: uuid.UUID
    name: str
    developer_id: uuid.UUID
    developer: str
    channels: tuple[str, ...]
    flop: Decimal | None
    flop_method: str

    @property
    def channel_words(self) -> str:
        """``Internal use, API``; ``None stated`` where there are none."""
        said = ", ".join(self.channels) or "none stated"
        return said[0].upper() + said[1:]


@dataclass(frozen=True)
class PublishedAccreditation:
    """An accreditation. ``kind`` and ``state`` are those of a status mark."""

    id: uuid.UUID
    reference: str
    evaluator: str
    categories: tuple[str, ...]
    valid_from: date
    valid_until: date
    kind: str
    state: str


@dataclass(frozen=True)
class PublishedAssessment:
    """The summary of an independent assessment in a case that is decided."""

    id: uuid.UUID
    reference: str
    evaluator: str
    model: str
    version_id: uuid.UUID
    filing: str
    categories: tuple[str, ...]
    recommendation: str
    summary: str
    submitted_at: datetime
    digest: str


@dataclass(frozen=True)
class PublishedDeveloper:
    """A developer of whom something is published, and how much."""

    id: uuid.UUID
    name: str
    filings: int
    decisions: int
    penalties: int


def filings(session: Session, *, developer_id: uuid.UUID | None = None) -> list[PublishedFiling]:
    """Every accepted filing, newest first."""
    query = _accepted().order_by(col(Filing.accepted_at).desc(), col(Filing.reference))
    if developer_id is not None:
        query = query.where(Filing.developer_id == developer_id)
    return [_filing(session, row, organisation) for row, organisation in session.exec(query)]


def filing(session: Session, reference: str) -> tuple[PublishedFiling, dict[str, Any], Filing]:
    """An accepted filing with its public version, and the row for its proof. Raises `NotFound`."""
    found = session.exec(_accepted().where(Filing.reference == reference)).first()
    if found is None:
        raise NotFound
    row, organisation = found
    return _filing(session, row, organisation), public_version(row, *_told(session, row)), row


def _told(session: Session, row: Filing) -> tuple[dict[str, dict[str, Any]], FiledBy | None]:
    """Its public answers and who filed it. A role of PostgreSQL that reads no answers gets these from the
    database."""
    connection = session.connection()
    if under_conditions(connection):
        asked = {"filing": row.id}
        entity = connection.execute(_ENTITY, asked).scalar_one()
        return dict(connection.execute(_ANSWERS, asked).scalar_one()), filed_by({"entity": entity})
    stored = records.read(connection, Filing, (row.id,))
    assert stored is not None
    return public_answers(Filing(**stored)), signed_entity(Filing(**stored))


def versions(session: Session) -> list[PublishedVersion]:
    """Model versions of which a filing or a decision is published, by developer and name."""
    shown = select(Filing.model_version_id).where(*_is_accepted())
    decided = select(Decision.model_version_id).where(Decision.state == DecisionState.DECIDED)
    query = (
        select(ModelVersion, Organisation)
        .join(Organisation, col(Organisation.id) == col(ModelVersion.developer_id))
        .where(or_(col(ModelVersion.id).in_(shown), col(ModelVersion.id).in_(decided)))
    )
    found = [_version(session, row, organisation) for row, organisation in session.exec(query)]
    return sorted(found, key=lambda version: (version.developer, version.name))


def version(session: Session, version_id: uuid.UUID) -> PublishedVersion:
    """One of `versions`. Raises `NotFound`."""
    for found in versions(session):
        if found.id == version_id:
            return found
    raise NotFound


def every_accreditation(session: Session, *, on: date) -> list[PublishedAccreditation]:
    """Every accreditation with its state on a day, newest first."""
    found = []
    for row, body in accreditations.every(session):
        kind, state = _standing(row.state, row.valid_from, row.valid_until, on)
        found.append(
            PublishedAccreditation(
                id=row.id,
                reference=row.reference,
                evaluator=body.name,
                categories=tuple(category_name(category) for category in row.categories),
                valid_from=row.valid_from,
                valid_until=row.valid_until,
                kind=kind,
                state=state,
            )
        )
    return found


def assessments(session: Session) -> list[PublishedAssessment]:
    """Summaries of the submitted assessments of decided cases, newest first.

    Before the decision nothing of them is shown: not even that somebody was appointed.
    """
    decided = select(Decision.case_id).where(Decision.state == DecisionState.DECIDED)
    query = (
        select(IndependentAssessment, Engagement, Organisation, Filing)
        .join(Engagement, col(Engagement.id) == col(IndependentAssessment.engagement_id))
        .join(Organisation, col(Organisation.id) == col(IndependentAssessment.evaluator_id))
        .join(Filing, col(Filing.id) == col(IndependentAssessment.filing_id))
        .where(
            IndependentAssessment.state == AssessmentState.SUBMITTED,
            col(Engagement.case_id).in_(decided),
        )
        .order_by(col(IndependentAssessment.submitted_at).desc())
    )
    return [_assessment(session, *row) for row in session.exec(query)]


def assessment(session: Session, reference: str) -> tuple[PublishedAssessment, IndependentAssessment]:
    """One of `assessments`, and the row for its proof. Raises `NotFound`."""
    for found in assessments(session):
        if found.reference == reference:
            return found, session.get_one(IndependentAssessment, found.id)
    raise NotFound


def penalty(session: Session, reference: str) -> PublicPenalty:
    """A sent notice or referral. Raises `NotFound`."""
    for found in penalties_public(session):
        if found.reference == reference:
            return found
    raise NotFound


def developers(session: Session) -> list[PublishedDeveloper]:
    """Developers of whom a filing, a decision or a penalty is published, by name."""
    counted: dict[uuid.UUID, list[int]] = {}
    sources: tuple[list[uuid.UUID], ...] = (
        list(session.exec(select(Filing.developer_id).where(*_is_accepted()))),
        list(session.exec(select(Decision.developer_id).where(Decision.state == DecisionState.DECIDED))),
        [made.developer_id for made in penalties_public(session)],
    )
    for place, ids in enumerate(sources):
        for developer_id in ids:
            counted.setdefault(developer_id, [0, 0, 0])[place] += 1
    found = [
        PublishedDeveloper(key, session.get_one(Organisation, key).name, *counts)
        for key, counts in counted.items()
    ]
    return sorted(found, key=lambda developer: developer.name)


def developer(session: Session, developer_id: uuid.UUID) -> PublishedDeveloper:
    """One of `developers`. Raises `NotFound`."""
    for found in developers(session):
        if found.id == developer_id:
            return found
    raise NotFound


def decisions_of(session: Session, *, developer: str = "", model: str = "") -> list[PublicDecision]:
    """The decisions taken about a developer or a model, by name, newest first."""
    return [
        made
        for made in decisions_public(session)
        if (not developer or made.developer == developer) and (not model or made.model == model)
    ]


def category_name(category: str) -> str:
    """The name of a risk category in whichever taxonomy has it; its id where none has."""
    for taxonomy in risk.taxonomies():
        for known in taxonomy.categories:
            if known.id == category:
                return known.name
    return category


def _accepted() -> Any:
    return (
        select(Filing, Organisation)
        .join(Organisation, col(Organisation.id) == col(Filing.developer_id))
        .where(*_is_accepted())
    )


def _is_accepted() -> tuple[Any, ...]:
    return col(Filing.state).in_(PUBLISHED), col(Filing.accepted_at).is_not(None)


def _filing(session: Session, row: Filing, organisation: Organisation) -> PublishedFiling:
    assert row.submitted_at is not None
    assert row.accepted_at is not None
    return PublishedFiling(
        id=row.id,
        reference=row.reference or "",
        kind=FilingKind(row.kind).label,
        developer_id=row.developer_id,
        developer=organisation.name,
        version_id=row.model_version_id,
        model=model_name(session, row.model_version_id),
        submitted_at=row.submitted_at,
        accepted_at=row.accepted_at,
        superseded=row.state is FilingState.SUPERSEDED,
    )


def _version(session: Session, row: ModelVersion, organisation: Organisation) -> PublishedVersion:
    try:
        estimate = compute.read(Facts(row.compute, "model", compute.MODEL_KEYS)).leading
    except FactError:
        estimate = None
    return PublishedVersion(
        id=row.id,
        name=model_name(session, row.id),
        developer_id=organisation.id,
        developer=organisation.name,
        channels=tuple(CHANNELS[Channel(channel)] for channel in row.channels),
        flop=estimate.value if estimate else None,
        flop_method=_METHODS.get(estimate.method, estimate.method) if estimate else "",
    )


def _standing(state: AccreditationState, first: date, last: date, on: date) -> tuple[str, str]:
    if state is AccreditationState.REVOKED:
        return "stop", "Revoked"
    if state is AccreditationState.SUSPENDED:
        return "warn", "Suspended"
    if on > last:
        return "neutral", "Ended"
    return ("good", "In force") if on >= first else ("neutral", "Not begun")


def _assessment(
    session: Session,
    row: IndependentAssessment,
    engagement: Engagement,
    body: Organisation,
    about: Filing,
) -> PublishedAssessment:
    assert row.submitted_at is not None
    return PublishedAssessment(
        id=row.id,
        reference=row.reference or "",
        evaluator=body.name,
        model=model_name(session, engagement.model_version_id),
        version_id=engagement.model_version_id,
        filing=about.reference or "",
        categories=tuple(category_name(category) for category in engagement.categories),
        recommendation=RECOMMENDATIONS.get(row.recommendation, row.recommendation),
        summary=row.summary,
        submitted_at=row.submitted_at,
        digest=row.digest,
    )

"""What the public record may read of review: decisions that were taken, never what led to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from portal.filing.registry import Channel, Model, ModelVersion
from portal.filing.registry_forms import CHANNELS
from portal.review import appeals, decisions
from portal.review.tables import Decision, DecisionKind
from portal.review.workflow import ConditionState, DecisionState
from secure_access.db import Session, col, select
from secure_access.identity import Organisation

HEADLINES = {
    DecisionKind.NO_OBJECTION: "no objection",
    DecisionKind.CONDITIONS: "no objection, with conditions",
    DecisionKind.DELAY: "release delayed",
    DecisionKind.BLOCK: "release blocked",
    DecisionKind.RESTRICT: "restricted",
}


@dataclass(frozen=True)
class PublicCondition:
    """A condition as everybody may read it."""

    number: int
    text: str
    due_on: date | None
    state: ConditionState
    since: date | datetime | None


@dataclass(frozen=True)
class PublicDecision:
    """A decision as everybody may read it, without annex and flags. ``id`` finds its entries."""

    id: UUID
    reference: str
    kind: DecisionKind
    developer: str
    model: str
    decided_at: datetime
    power: str
    channels: tuple[str, ...]
    until: date | None
    reasons: str
    conditions: tuple[PublicCondition, ...]
    evidence: tuple[dict[str, str], ...]
    appeals: tuple[datetime, ...]

    @property
    def headline(self) -> str:
        """``Corvane 4: no objection, with conditions``."""
        return f"{self.model}: {HEADLINES[self.kind]}"


def decisions_public(session: Session) -> list[PublicDecision]:
    """Every decision taken, newest first."""
    query = select(Decision).where(Decision.state == DecisionState.DECIDED)
    return [_public(session, row) for row in session.exec(query.order_by(col(Decision.decided_at).desc()))]


def decision_public(session: Session, reference: str) -> PublicDecision:
    """The decision taken under this reference. Raises `NotFound`, also for one not yet taken."""
    return _public(session, decisions.find(session, reference))


def wording_public(session: Session, reference: str) -> bytes:
    """The words of a decision taken, exactly as its public entry binds them. Raises `NotFound`."""
    row = decisions.find(session, reference)
    return decisions.wording(row, decisions.conditions(session, row))


def model_name(session: Session, version_id: UUID | None) -> str:
    """``Corvane 4``: model and version as one name; empty where a case is about no single version."""
    version = session.get(ModelVersion, version_id) if version_id else None
    if version is None:
        return ""
    model = session.get_one(Model, version.model_id)
    return version.name if version.name.startswith(model.name) else f"{model.name} {version.name}"


def _public(session: Session, row: Decision) -> PublicDecision:
    assert row.decided_at is not None
    return PublicDecision(
        id=row.id,
        reference=row.reference,
        kind=row.kind,
        developer=session.get_one(Organisation, row.developer_id).name,
        model=model_name(session, row.model_version_id) or "All models",
        decided_at=row.decided_at,
        power=row.power,
        channels=tuple(CHANNELS[Channel(channel)] for channel in row.channels),
        until=row.until,
        reasons=row.reasons,
        conditions=tuple(
            PublicCondition(
                made.number, made.text, made.due_on, made.state, made.breached_on or made.state_since
            )
            for made in decisions.conditions(session, row)
        ),
        evidence=tuple(dict(item) for item in row.evidence),
        appeals=tuple(made.noted_at for made in appeals.of_decision(session, row)),
    )

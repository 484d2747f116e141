"""When the next filing is due, and why: the law's periods applied to what a developer has filed."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

from portal.filing.registry import Coverage, ModelVersion
from portal.filing.tables import Filing, FilingKind, Incident
from portal.filing.workflow import FilingState, IncidentState
from portal.law import deadlines, statute
from portal.law.deadlines import Duty
from secure_access.db import Session, col, select

_NOT_COUNTED = (FilingState.DRAFT, FilingState.IN_CERTIFICATION, FilingState.WITHDRAWN)
_REPORT_EVENTS = ("risk_report_filed", "model_report_filed")
AHEAD = timedelta(days=800)
"""How far ahead the next period of a duty is looked for; longer than the longest period of a pack."""


def due_of(session: Session, filing: Filing) -> Duty | None:
    """The duty that a filing answers, by the last report about the same model; ``None`` where none runs.

    Only periodic risk reports have one. Of several laws the one that ends first counts.
    """
    if filing.kind != FilingKind.RISK_REPORT:
        return None
    last = _last(session, filing.developer_id, filing.kind, model_id=_model(session, filing), but=filing.id)
    if last is None:
        return None
    found = [
        duty
        for regime in _regimes(session, filing.developer_id)
        for duty in _next(regime, dict.fromkeys(_REPORT_EVENTS, last), until=last + AHEAD)
        if duty.duty in ("risk_report.period", "model_report.refresh")
    ]
    return min(found, key=lambda duty: duty.due_at, default=None)


def upcoming(session: Session, developer_id: uuid.UUID, *, now: datetime) -> list[Duty]:
    """The next of each duty that follows from what a developer has filed, in the order of their due times.

    Only under laws that its latest coverage results say yes or maybe to.
    """
    events = _events(session, developer_id)
    found = [
        duty
        for regime in _regimes(session, developer_id)
        for duty in _next(regime, events, until=now.date() + AHEAD)
    ]
    return sorted(found, key=lambda duty: (duty.due_at, duty.regime, duty.duty))


def _next(regime: str, events: dict[str, date], *, until: date) -> list[Duty]:
    return [duty for duty in deadlines.duties(regime, events, until=until) if duty.number == 1]


def _events(session: Session, developer_id: uuid.UUID) -> dict[str, date]:
    """The last event of each kind that a period of the law runs from."""
    found: dict[str, date] = {}
    report = _last(session, developer_id, FilingKind.RISK_REPORT)
    if report:
        found |= dict.fromkeys(_REPORT_EVENTS, report)
    framework = _last(session, developer_id, FilingKind.SAFETY_FRAMEWORK)
    if framework:
        found["framework_published"] = framework
    open_incidents = session.exec(
        select(Incident.reported_at)
        .where(Incident.developer_id == developer_id, col(Incident.state) != IncidentState.CLOSED)
        .order_by(col(Incident.reported_at))
    ).first()
    if open_incidents:
        found["incident_report_open"] = open_incidents.date()
    return found


def _last(
    session: Session,
    developer_id: uuid.UUID,
    kind: FilingKind,
    *,
    model_id: uuid.UUID | None = None,
    but: uuid.UUID | None = None,
) -> date | None:
    query = select(Filing.submitted_at).where(
        Filing.developer_id == developer_id,
        Filing.kind == kind,
        col(Filing.state).not_in(_NOT_COUNTED),
        Filing.id != but,
    )
    if model_id is not None:
        versions = select(ModelVersion.id).where(ModelVersion.model_id == model_id)
        query = query.where(col(Filing.model_version_id).in_(versions))
    last = session.exec(query.order_by(col(Filing.submitted_at).desc())).first()
    return last.date() if last else None


def _model(session: Session, filing: Filing) -> uuid.UUID | None:
    version = session.get(ModelVersion, filing.model_version_id) if filing.model_version_id else None
    return version.model_id if version else None


def _regimes(session: Session, developer_id: uuid.UUID) -> list[str]:
    """The laws that the latest coverage result of any version says yes or maybe to."""
    query = select(Coverage).where(Coverage.developer_id == developer_id)
    latest: dict[uuid.UUID, Coverage] = {}
    for row in session.exec(query.order_by(col(Coverage.assessed_at))):
        latest[row.model_version_id] = row
    named = {
        name for row in latest.values() for name, answer in row.result["regimes"].items() if _counts(answer)
    }
    return [regime.id for regime in statute.regimes() if regime.id in named]


def _counts(answer: dict[str, object]) -> bool:
    return answer["covered"] in ("yes", "maybe")

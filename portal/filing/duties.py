"""What a developer owes under each law, until when, and why: the law's rules over what this portal holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from portal.filing import duty_events, incidents, registration, service
from portal.filing.duty_events import NOT_COUNTED, SEEN
from portal.filing.registry import Coverage, ModelVersion
from portal.filing.tables import Filing, FilingKind
from portal.law import duties, statute
from portal.law.duty_rules import Event, Owed, rules
from secure_access.db import Session, col, select
from secure_access.identity.tables import LegalEntity

AHEAD = timedelta(days=800)
"""How far ahead the next period of a duty is looked for; longer than the longest period of a pack."""
OPEN = frozenset({"upcoming", "due", "overdue", "held", "open"})
"""The states of a duty that is not over."""
_TO_DO = frozenset({"upcoming", "due", "overdue"})
_REPORTS = ("risk_report.period", "model_report.refresh")


def due_of(session: Session, filing: Filing) -> Owed | None:
    """The duty that a filing answers, by the last report about the same model; ``None`` where none runs.

    Only periodic risk reports have one. Of several laws for which the filing's entity answers the one that
    ends first counts.
    """
    if filing.kind != FilingKind.RISK_REPORT:
        return None
    entity, before = service.entity_of(session, filing), _before(session, filing)
    found: list[Owed] = []
    for regime in _current(session, filing.developer_id):
        last = next((at for at, by in before if duty_events.answers(by, regime)), None)
        if last is None or not duty_events.answers(entity, regime):
            continue
        events = [Event(kind, last) for kind in duty_events.of_kind(filing.kind)]
        every = duties.owed(regime, events, now=last, until=last.date() + AHEAD)
        found += [duty for duty in every if duty.duty in _REPORTS and duty.number == 1]
    return min(found, key=lambda duty: duty.due_at or duty.triggered_at, default=None)


def asking(session: Session, filing: Filing) -> list[str]:
    """The laws that ask for a filing of this kind, of those that the latest coverage results say cover the
    developer or may cover it; proposals among them."""
    kinds = duty_events.of_kind(filing.kind)
    return [regime for regime in _current(session, filing.developer_id) if kinds & _met_by(regime)]


def owed(session: Session, developer_id: uuid.UUID, *, now: datetime) -> list[Owed]:
    """Every duty of a developer under every law that a coverage result ever said yes or maybe to.

    Closed ones stay. Of a duty that repeats only the next one that is not yet due is listed.
    """
    told = duty_events.gather(session, developer_id)
    within = told.regimes()
    found: list[Owed] = []
    for regime in statute.regimes():
        if regime.id in within:
            every = duties.owed(regime.id, told.under(regime.id), now=now, until=now.date() + AHEAD)
            found += _next_only(every)
    return sorted(found, key=lambda duty: (duty.due_at or duty.triggered_at, duty.key))


def upcoming(session: Session, developer_id: uuid.UUID, *, now: datetime) -> list[Owed]:
    """What a developer must still do here by a due time, earliest first: one entry for each duty.

    Left out are later starts of the same clock, and what is done elsewhere.
    """
    found: dict[tuple[str, str, str, str], Owed] = {}
    for duty in owed(session, developer_id, now=now):
        to_do = duty.status in _TO_DO and duty.governs and duty.due_at is not None
        if to_do and seen_here(duty):
            found.setdefault((duty.regime, duty.duty, duty.tag, duty.about), duty)
    return list(found.values())


def seen_here(duty: Owed) -> bool:
    """Whether this portal would know of the act that meets a duty."""
    return bool(_met_by(duty.regime, duty.duty) & SEEN)


def _met_by(regime: str, duty: str = "") -> frozenset[str]:
    """The acts that meet a duty of a law, or any of its duties."""
    return frozenset(
        kind
        for rule in rules(statute.load(regime))
        if duty in ("", rule.duty)
        for kind in (rule.met_by or (rule.after,))
    )


def names(session: Session, developer_id: uuid.UUID) -> dict[str, str]:
    """What the models, versions and incidents that a duty is about are called, by what it names them."""
    found: dict[str, str] = {}
    for model, versions in registration.models_of(session, developer_id):
        found[str(model.id)] = model.name
        for version in versions:
            found[str(version.id)] = registration.version_name(model, version)
    for incident in incidents.listed(session, developer_id=developer_id):
        found[incident.reference] = incident.title
    return found


def _next_only(found: Iterable[Owed]) -> list[Owed]:
    kept: list[Owed] = []
    ahead: set[tuple[str, str, str, str]] = set()
    for duty in found:
        name = (duty.duty, duty.tag, duty.about, duty.trigger_id)
        if duty.status != "upcoming" or name not in ahead:
            kept.append(duty)
        if duty.status == "upcoming":
            ahead.add(name)
    return kept


def _before(session: Session, filing: Filing) -> list[tuple[datetime, LegalEntity | None]]:
    """When other reports about the same model were filed, and by which entity; the last first."""
    query = (
        select(Filing.submitted_at, LegalEntity)
        .outerjoin(LegalEntity, col(LegalEntity.id) == col(Filing.entity_id))
        .where(
            Filing.developer_id == filing.developer_id,
            Filing.kind == filing.kind,
            col(Filing.state).not_in(NOT_COUNTED),
            Filing.id != filing.id,
        )
    )
    version = session.get(ModelVersion, filing.model_version_id) if filing.model_version_id else None
    if version is not None:
        versions = select(ModelVersion.id).where(ModelVersion.model_id == version.model_id)
        query = query.where(col(Filing.model_version_id).in_(versions))
    found = session.exec(query.order_by(col(Filing.submitted_at).desc()))
    return [(at, entity) for at, entity in found if at is not None]


def _current(session: Session, developer_id: uuid.UUID) -> list[str]:
    """The laws that the latest coverage result of any version says yes or maybe to."""
    query = select(Coverage).where(Coverage.developer_id == developer_id)
    latest: dict[uuid.UUID, Coverage] = {}
    for row in session.exec(query.order_by(col(Coverage.assessed_at))):
        latest[row.model_version_id] = row
    named = {
        name
        for row in latest.values()
        for name, answer in row.result["regimes"].items()
        if answer["covered"] in ("yes", "maybe")
    }
    return [regime.id for regime in statute.regimes() if regime.id in named]

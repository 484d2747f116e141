"""What happened at a developer, as events of the law: from filings, incidents, the registry and coverage.

Only what this portal holds is told. An act that is done elsewhere (a summary sent to a state's office) leaves
no event, so a duty that only such an act meets is not said to be broken.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.filing import incidents, registration
from portal.filing.incidents import PROPOSED
from portal.filing.registry import Channel, Coverage, ModelVersion
from portal.filing.tables import Filing, FilingKind, Incident
from portal.filing.workflow import FilingState, IncidentState
from portal.law import statute
from portal.law.duty_rules import ENTERED, LEFT, Event
from secure_access import ledger
from secure_access.db import Session, col, select
from secure_access.identity.tables import LegalEntity

NOT_COUNTED = (FilingState.DRAFT, FilingState.IN_CERTIFICATION, FilingState.WITHDRAWN)
_OF_FILING: dict[FilingKind, tuple[str, ...]] = {
    FilingKind.RISK_REPORT: ("risk_report_filed", "model_report_filed"),
    FilingKind.SAFETY_FRAMEWORK: ("framework_published",),
    FilingKind.SYSTEM_CARD: ("system_card_published", "transparency_report_published"),
}
_REPORTED = ("incident_reported", "authority_told", "incident_report_open")
_AWARE = ("incident_discovered", "incident_determined", "incident_aware")
_RELEASED = ("model_deployed", "model_released", "model_placed")
_THIRD_PARTIES = (Channel.LIMITED_PARTNERS, Channel.API, Channel.CONSUMER, Channel.OPEN_WEIGHTS)
SEEN = frozenset(
    (
        *(kind for kinds in _OF_FILING.values() for kind in kinds),
        *_REPORTED,
        "incident_intermediate_report",
        "incident_final_report",
    )
)
"""The kinds of acts that this portal would hold if they were done."""


@dataclass(frozen=True)
class Told:
    """The events of a developer, and the coverage results that tell its scope.

    ``events`` count under every law. ``filed`` are filings, each with the entity that filed it: they count
    under the laws for which that entity answers.
    """

    events: tuple[Event, ...]
    filed: tuple[tuple[Event, LegalEntity | None], ...]
    coverages: tuple[Coverage, ...]

    def regimes(self) -> set[str]:
        """The laws that a coverage result ever said yes or maybe to."""
        return {
            name
            for row in self.coverages
            for name, answer in row.result["regimes"].items()
            if _counts(answer)
        }

    def under(self, regime: str) -> list[Event]:
        """The events under one law: what counts there, and when the developer came into its scope."""
        filed = [event for event, entity in self.filed if answers(entity, regime)]
        return [*filed, *self.events, *_scope(self.coverages, regime)]


def answers(entity: LegalEntity | None, regime: str) -> bool:
    """Whether what an entity files counts under a law.

    A proposal binds nobody yet, so that no entity has to answer for it. ``None`` stands for a filing from
    before entities were named: it counts under every law.
    """
    return entity is None or regime in entity.regimes or not binds(regime)


def binds(regime: str) -> bool:
    """Whether a law is more than a proposal."""
    return statute.load(regime).status != PROPOSED


def gather(session: Session, developer_id: uuid.UUID) -> Told:
    """What this portal holds of a developer. Drafts leave no event."""
    versions = {
        version.id: version for _, found in registration.models_of(session, developer_id) for version in found
    }
    coverages = select(Coverage).where(Coverage.developer_id == developer_id)
    found = [
        *_of_incidents(session, developer_id),
        *_of_releases(versions.values()),
    ]
    ordered = session.exec(coverages.order_by(col(Coverage.assessed_at), col(Coverage.id)))
    filed = tuple(_of_filings(session, developer_id, versions))
    return Told(tuple(found), filed, tuple(ordered))


def _of_filings(
    session: Session, developer_id: uuid.UUID, versions: dict[uuid.UUID, ModelVersion]
) -> Iterator[tuple[Event, LegalEntity | None]]:
    query = (
        select(Filing, LegalEntity)
        .outerjoin(LegalEntity, col(LegalEntity.id) == col(Filing.entity_id))
        .where(
            Filing.developer_id == developer_id,
            col(Filing.kind).in_(tuple(_OF_FILING)),
            col(Filing.state).not_in(NOT_COUNTED),
        )
    )
    for filing, entity in session.exec(query):
        version = versions.get(filing.model_version_id) if filing.model_version_id else None
        reference = filing.reference or ""
        assert filing.submitted_at is not None
        for kind in _OF_FILING[FilingKind(filing.kind)]:
            about = _about(FilingKind(filing.kind), version)
            yield Event(kind, filing.submitted_at, f"{reference}/{kind}", about, evidence=reference), entity


def of_kind(kind: FilingKind) -> frozenset[str]:
    """The acts that a filing of a kind is, in the words of the packs."""
    return frozenset(_OF_FILING.get(kind, ()))


def _about(kind: FilingKind, version: ModelVersion | None) -> str:
    """A risk report is about a model, a system card about one version, a framework about the developer."""
    if version is None or kind is FilingKind.SAFETY_FRAMEWORK:
        return ""
    return str(version.model_id if kind is FilingKind.RISK_REPORT else version.id)


def _of_incidents(session: Session, developer_id: uuid.UUID) -> Iterator[Event]:
    found = incidents.listed(session, developer_id=developer_id)
    closed: dict[str, datetime] = {}
    if any(incident.state is IncidentState.CLOSED for incident in found):
        for entry in ledger.entries(session, registration.developer_subject(developer_id)):
            if entry.type == "incident.closed":
                closed[str(entry.fields["reference"])] = entry.recorded_at
    for incident in found:
        yield from _of_incident(incident, closed.get(incident.reference))


def _of_incident(incident: Incident, closed_at: datetime | None) -> Iterator[Event]:
    """Awareness is discovery and determination too, because no earlier moment is evidenced."""
    about, by, tags = incident.reference, "the developer", {*incident.kinds}
    if incident.imminent_danger:
        tags.add("imminent")

    def named(kind: str, number: int) -> str:
        return f"{about}/{kind}{f'/{number}' if number else ''}"

    def event(kind: str, at: datetime, number: int = 0, **more: Any) -> Event:
        return Event(kind, at, named(kind, number), about, by, about, tags=frozenset(tags), **more)

    for kind in _AWARE:
        yield event(kind, incident.aware_at)
    if incident.belief_at is not None:
        yield event("incident_believed", incident.belief_at)
    for kind in _REPORTED:
        yield event(kind, incident.reported_at)
    for number, said in enumerate(incident.updates, start=1):
        kind = "incident_final_report" if said.get("final") else "incident_intermediate_report"
        yield event(kind, datetime.fromisoformat(said["at"]), number)
    for number, said in enumerate(incident.resolutions):
        yield event(
            "incident_resolved",
            datetime.fromisoformat(said["resolved_at"]),
            number,
            recorded_at=datetime.fromisoformat(said["at"]),
            corrects=named("incident_resolved", number - 1) if number else "",
        )
    if closed_at is not None:
        yield event("incident_closed", closed_at)


def _of_releases(versions: Iterable[ModelVersion]) -> Iterator[Event]:
    """The planned release of each version that third parties will reach."""
    for version in versions:
        if version.planned_release is None or not set(version.channels) & set(_THIRD_PARTIES):
            continue
        for kind in _RELEASED:
            about = version.model_id if kind == "model_placed" else version.id
            name, shown = f"{version.id}/{kind}", f"planned for {version.planned_release.isoformat()}"
            at = version.registered_at
            yield Event(kind, at, name, str(about), evidence=shown, on=version.planned_release)


def _scope(coverages: Iterable[Coverage], regime: str) -> Iterator[Event]:
    """When a developer came into the scope of a law, became large under it, left it and came back.

    A version that may be covered is treated as covered.
    """
    latest: dict[uuid.UUID, bool] = {}
    inside, begun, large = False, False, False
    for row in coverages:
        answer = row.result["regimes"].get(regime, {})
        latest[row.model_version_id] = _counts(answer)
        now, name = any(latest.values()), f"coverage of {row.assessed_at:%Y-%m-%d}"
        if now and not inside:
            if begun:
                yield Event(ENTERED, row.assessed_at, f"{row.id}/{ENTERED}", evidence=name)
            for kind in () if begun else ("became_covered", "threshold_known"):
                yield Event(kind, row.assessed_at, f"{row.id}/{kind}", evidence=name)
            begun = True
        elif inside and not now:
            yield Event(LEFT, row.assessed_at, f"{row.id}/{LEFT}", evidence=name)
        if now and not large and answer.get("large") in ("yes", "maybe"):
            large = True
            yield Event("became_large", row.assessed_at, f"{row.id}/became_large", evidence=name)
        inside = now


def _counts(answer: dict[str, object]) -> bool:
    return answer.get("covered") in ("yes", "maybe")

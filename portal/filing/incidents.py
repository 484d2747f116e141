"""Verbs of incidents: a first report that nothing blocks, then updates. Clocks are ruled at the report."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.filing import events, manifests, registration  # noqa: F401 - declares what is recorded here
from portal.filing.registry import ModelVersion
from portal.filing.tables import Incident
from portal.filing.visibility import INCIDENTS
from portal.filing.workflow import INCIDENT
from portal.law import deadlines, statute
from portal.law.deadlines import Clock
from secure_access import jobs, ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor, OrganisationKind, organisations
from secure_access.ledger.records import timestamp
from secure_access.workflow import Denied, NotFound

PROPOSED = "proposed"
REPORT_FORMAT = "assay.incident-report/v1"


@dataclass(frozen=True)
class FirstReport:
    """What a developer can say at once. Only what happened and when it became aware are needed.

    ``entity_id`` is the legal entity that reports, verified or not: a report waits for nothing. ``kinds`` are
    of `portal.law.deadlines.KINDS`; ``belief_at`` is when it had facts enough for a reasonable
    belief; ``told`` says who was told already.
    """

    what_happened: str
    aware_at: datetime
    title: str = ""
    version: ModelVersion | None = None
    entity_id: uuid.UUID | None = None
    kinds: Sequence[str] = ()
    belief_at: datetime | None = None
    imminent_danger: bool = False
    internal_use: bool | None = None
    told: str = ""
    contact: str = ""


def report(session: Session, *, first: FirstReport, by: Actor, now: datetime) -> Incident:
    """Report an incident. Each law's clock is ruled here and now, and kept.

    Raises `Denied` for somebody who does not file for a developer, for a report without what happened, and
    for an awareness in the future; `NotFound` for somebody else's model or legal entity.
    """
    if by.organisation_kind != OrganisationKind.DEVELOPER or not by.roles & registration.REPORTING_ROLES:
        raise Denied(
            "Only a preparer, a certifying officer or a reporting agent of a developer can report.",
            "Ask one of them.",
        )
    if not first.what_happened.strip():
        raise Denied("The report is empty.", "Say in a sentence what happened; the rest can follow.")
    if max(first.aware_at, first.belief_at or first.aware_at) > now:
        raise Denied("The time lies in the future.", "Check date and time; they are UTC.")
    if first.version is not None and first.version.developer_id != by.organisation_id:
        raise NotFound
    if first.entity_id is not None:
        organisations.of(session, first.entity_id, organisation_id=by.organisation_id)
    clocks = ruled(running(first), done_at=now)
    incident = Incident(
        reference=next_reference(session, "I", now),
        developer_id=by.organisation_id,
        entity_id=first.entity_id,
        model_version_id=first.version.id if first.version else None,
        title=_title(first),
        what_happened=first.what_happened.strip(),
        kinds=list(first.kinds),
        aware_at=first.aware_at,
        belief_at=first.belief_at,
        imminent_danger=first.imminent_danger,
        internal_use=first.internal_use,
        told=first.told.strip()[:400],
        contact=first.contact.strip()[:200],
        clocks=clocks,
        reported_by=by.person_id,
        reported_at=now,
    )
    session.add(incident)
    session.flush()
    late = late_regimes(clocks)
    manifest = manifests.keep(session, _stated(session, incident, by, now), now=now)
    ledger.append(
        session,
        "incident.reported",
        {
            "reference": incident.reference,
            "imminent": incident.imminent_danger,
            "late_under": late,
            "manifest": manifest.digest,
        },
        by=by,
        now=now,
        about=about(incident),
        records=(incident, manifest),
    )
    jobs.add(session, "case.file", subject(incident))
    if late:
        jobs.add(session, "violation.consider", subject(incident))
    return incident


def _stated(session: Session, incident: Incident, by: Actor, now: datetime) -> manifests.Stated:
    """What the first report says of itself; the ruling is that of the first clock that governs."""
    first = min(
        (clock for clock in incident.clocks if clock["governs"] and clock["status"] != PROPOSED),
        key=lambda clock: str(clock["due_at"]),
        default=None,
    )
    due_at = datetime.fromisoformat(first["due_at"]) if first else None
    kept = ("regime", "duty", "due_at", "zone", "on_time", "governs", "status")
    clocks = [{name: clock[name] for name in kept} for clock in incident.clocks]
    return manifests.Stated(
        kind="incident_report",
        reference=incident.reference,
        subject=subject(incident),
        owner_id=incident.developer_id,
        entity=manifests.entity_named(session, incident.developer_id),
        sha256=manifests.digest(first_report(incident)),
        form=REPORT_FORMAT,
        signed=[manifests.signature(session, by, subject=subject(incident), act="reported", now=now)],
        timeliness={**manifests.ruling(now, due_at), "clocks": clocks},
    )


def first_report(incident: Incident) -> dict[str, Any]:
    """The first report as one object, of whose canonical JSON the manifest holds the digest."""
    said: dict[str, Any] = {
        "v": REPORT_FORMAT,
        "incident": str(incident.id),
        "title": incident.title,
        "what_happened": incident.what_happened,
        "kinds": list(incident.kinds),
        "aware_at": timestamp(incident.aware_at),
        "belief_at": timestamp(incident.belief_at) if incident.belief_at else "",
        "imminent_danger": incident.imminent_danger,
        "internal_use": {None: "not said", True: "yes", False: "no"}[incident.internal_use],
        "told": incident.told,
        "contact": incident.contact,
    }
    if incident.model_version_id is not None:
        said["model_version"] = str(incident.model_version_id)
    return said


def update(
    session: Session, *, incident: Incident, text: str, by: Actor, now: datetime, final: bool = False
) -> None:
    """Add to a report. What was said first stays. ``final``: it is the final report, after the resolution.

    Raises `Denied` for an empty text, a closed incident, and a final report before the incident is resolved.
    """
    state = INCIDENT.take("report_finally" if final else "update", by, incident)
    if not text.strip():
        raise Denied("The update is empty.", "Write what is new.")
    incident.state = state
    said = {"at": now.isoformat(), "by": str(by.person_id), "text": text.strip(), "final": final}
    incident.updates = [*incident.updates, said]
    session.add(incident)
    ledger.append(
        session,
        "incident.finally_reported" if final else "incident.updated",
        {"reference": incident.reference, "number": len(incident.updates)},
        by=by,
        now=now,
        about=about(incident),
        records=(incident,),
    )


def close(session: Session, *, incident: Incident, by: Actor, now: datetime) -> None:
    """Close an incident (a case officer). Raises `Denied`."""
    incident.state = INCIDENT.take("close", by, incident)
    session.add(incident)
    ledger.append(
        session,
        "incident.closed",
        {"reference": incident.reference},
        by=by,
        now=now,
        about=about(incident),
        records=(incident,),
    )


def load(session: Session, key: str, *, by: Actor, for_update: bool = False) -> Incident:
    """An incident by its reference. Raises `NotFound` for what is not there for the actor."""
    return INCIDENTS.find(session, by, col(Incident.reference) == key, for_update=for_update)


def listed(session: Session, *, developer_id: uuid.UUID) -> list[Incident]:
    """The incidents of a developer, latest first."""
    query = select(Incident).where(Incident.developer_id == developer_id)
    return list(session.exec(query.order_by(col(Incident.reported_at).desc())))


def running(first: FirstReport) -> tuple[Clock, ...]:
    """Every clock that a report answers, under every law in force: awareness counts as discovery and as
    determination, because no earlier moment is evidenced.
    """
    known = deadlines.Incident(
        discovered_at=first.aware_at,
        determined_at=first.aware_at,
        believed_at=first.belief_at,
        aware_at=first.aware_at,
        kinds=frozenset(first.kinds),
        imminent=first.imminent_danger,
    )
    return deadlines.incident_clocks(known)


def ruled(clocks: Iterable[Clock], *, done_at: datetime) -> list[dict[str, Any]]:
    """Clocks as they are kept with an incident: plain values, with the ruling."""
    kept = []
    for clock in clocks:
        ruling = deadlines.timeliness(clock, done_at)
        kept.append(
            {
                "regime": clock.regime,
                "name": statute.load(clock.regime).short,
                "duty": clock.duty,
                "label": clock.label,
                "starts_at": clock.starts_at.isoformat(),
                "due_at": clock.due_at.isoformat(),
                "rule": clock.rule,
                "citation": clock.citation,
                "why": list(clock.why),
                "zone": clock.zone,
                "status": clock.status,
                "verified": clock.verified,
                "recipient": clock.recipient,
                "governs": clock.governs,
                "on_time": ruling.on_time,
                "late_seconds": int(ruling.late_by / timedelta(seconds=1)),
            }
        )
    return kept


def late_regimes(clocks: Iterable[dict[str, Any]]) -> list[str]:
    """The laws under which a governing clock had run out. A proposal cannot be broken."""
    late = {
        clock["regime"]
        for clock in clocks
        if clock["governs"] and not clock["on_time"] and clock["status"] != PROPOSED
    }
    return sorted(late)


def subject(incident: Incident) -> str:
    """How the ledger names an incident."""
    return f"incident:{incident.id}"


def about(incident: Incident) -> tuple[str, ...]:
    """What the entries of an incident are about."""
    named = (subject(incident), registration.developer_subject(incident.developer_id))
    if incident.model_version_id is None:
        return named
    return (*named, registration.version_subject(incident.model_version_id))


def _title(first: FirstReport) -> str:
    """The title as given, else the beginning of what happened."""
    text = " ".join((first.title or first.what_happened).split())
    return text if len(text) <= 200 else text[:199] + "…"

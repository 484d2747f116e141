"""What a developer's people must do: drafts, signatures, duties of the law. For their first page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from portal.filing import duties, openness, registration, service
from portal.filing.tables import Filing
from portal.filing.workflow import FILING, FilingState
from portal.law.duty_rules import Owed
from portal.law.statute import load
from portal.ui.tasks import Task
from secure_access.db import Session
from secure_access.identity import Actor, OrganisationKind

SOON = timedelta(days=120)
"""Duties further away are not yet a task."""


def tasks(session: Session, by: Actor, now: datetime) -> list[Task]:
    """What waits for an actor of a developer, nearest due time first; nothing for anybody else."""
    if by.organisation_kind != OrganisationKind.DEVELOPER:
        return []
    asked = _of_people(session, by)
    if not by.roles & registration.DEVELOPER_ROLES:
        return asked
    found = asked + [
        task
        for filing in service.listed(session, by=by)
        for task in [_of_filing(session, filing, by)]
        if task is not None
    ]
    upcoming = duties.upcoming(session, by.organisation_id, now=now)
    names = duties.names(session, by.organisation_id)
    soon: dict[tuple[str, str], list[Owed]] = {}
    for duty in upcoming:
        if duty.due_at and duty.due_at - now < SOON:
            soon.setdefault((duty.duty, duty.about), []).append(duty)
    found += [_of_duties(same, names) for same in soon.values()]
    return sorted(found, key=lambda task: (task.due is None, task.due or now, task.what))


def _of_people(session: Session, by: Actor) -> list[Task]:
    """Who asks to join a draft of the actor's; for administrators drafts that nobody can go on with."""
    found = [
        Task(
            what=f"Let {name} into a draft, or say why not",
            link=f"/filings/{filing.id}/people",
            detail=f"{service.notice(filing)}. It is open to named people only.",
            due=None,
            consequence=f"{name} cannot open it.",
            act="See who asks",
        )
        for filing, name in openness.waiting_for(session, by)
    ]
    return found + [
        Task(
            what="Name somebody who prepares a draft",
            link=f"/filings/{filing.id}/people",
            detail=f"{service.notice(filing)}. None of its named people can go on with it now.",
            due=None,
            consequence="Nobody can finish it.",
            act="Name somebody",
        )
        for filing in openness.restricted(session, by)
        if not openness.able(session, filing)
    ]


def _of_filing(session: Session, filing: Filing, by: Actor) -> Task | None:
    title = service.title(session, filing)
    duty = duties.due_of(session, filing)
    due = duty.due_at if duty else None
    if filing.state == FilingState.IN_CERTIFICATION and FILING.refusal("submit", by, filing) is None:
        return Task(
            what=f"Certify {_lower(title)}",
            link=f"/filings/{filing.id}/sign",
            detail="Sent to a certifying officer. You see exactly what is signed.",
            due=due,
            consequence=_late(duty) or "It is not filed until somebody signs.",
            act="Read and sign",
        )
    if filing.state == FilingState.DRAFT:
        return Task(
            what=f"Finish {_lower(title)}",
            link=f"/filings/{filing.id}",
            detail=f"Draft. {openness.readers(filing)}",
            due=due,
            consequence=_late(duty) or "Nothing is filed.",
            act="Go on",
        )
    if filing.state == FilingState.RETURNED:
        return Task(
            what=f"Amend {_lower(title)}",
            link=f"/filings/{filing.reference}",
            detail=f"{filing.reference} was returned: {filing.state_reason}",
            due=None,
            consequence="The authority decides on what it has.",
            act="Read why",
        )
    return None


def _of_duties(same: Sequence[Owed], names: Mapping[str, str]) -> Task:
    """One duty as several laws know it, by the first of their due times."""
    duty = same[0]
    kind = _KIND_OF.get(duty.duty)
    about = names.get(duty.about, "")
    return Task(
        what=f"{duty.label}: {about}" if about else duty.label,
        link=f"/filings/new?kind={kind}" if kind else f"/incidents/{duty.about}",
        detail="; ".join(f"{load(one.regime).short}: {one.rule} ({one.citation})" for one in same),
        due=duty.due_at,
        consequence=_late(duty),
        act="Begin",
    )


_KIND_OF = {
    "risk_report.period": "risk_report",
    "risk_report.first": "risk_report",
    "model_report.refresh": "risk_report",
    "model_report.first": "risk_report",
    "framework.review": "safety_framework",
    "transparency_report": "system_card",
    "system_card": "system_card",
}
"""Which filing answers a duty; what is not named here is answered on the page of its incident."""


def _late(duty: Owed | None) -> str:
    if duty is None:
        return ""
    pack = load(duty.regime)
    if duty.law_status == "proposed":
        return f"Under the {pack.short} it would be late. A proposal binds nobody."
    return f"It is late under {pack.short}, and the receipt says so."


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]

"""What stands below the tasks on the first page of each zone, in short; the whole is on other pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from evaluator import engagements
from evaluator.tables import Engagement
from evaluator.workflow import EngagementState
from portal.filing import incidents, registration, service
from portal.filing.registry import Coverage, ModelVersion
from portal.filing.tables import Filing, Incident
from portal.law import statute
from portal.review import acts, queue
from portal.review.facts import Facts
from portal.review.queue import View
from secure_access.db import Session
from secure_access.identity import Actor

SHOWN = 5

ENGAGEMENT_WORDS = {
    EngagementState.APPOINTED: ("warn", "Declare conflicts"),
    EngagementState.DECLARED: ("neutral", "Under way"),
    EngagementState.REFUSED: ("neutral", "Refused for conflict"),
    EngagementState.CONCLUDED: ("good", "Submitted"),
}


@dataclass(frozen=True)
class DeveloperDesk:
    """A developer's filings, what the laws say of its newest version, and its incidents."""

    filings: list[tuple[Filing, str]]
    more_filings: int
    version: ModelVersion | None
    version_name: str
    coverage: str
    coverage_on: datetime | None
    incidents: list[Incident]
    has_figures: bool

    @property
    def is_new(self) -> bool:
        """Nothing is filed yet: three steps, in order, instead of lists."""
        return not self.filings and not self.incidents


def of_developer(session: Session, by: Actor) -> DeveloperDesk:
    """The desk of the actor's organisation."""
    filed = service.listed(session, by=by)
    versions = [v for _, made in registration.models_of(session, by.organisation_id) for v in made]
    newest, results = _assessed(session, versions)
    return DeveloperDesk(
        filings=[(filing, service.title(session, filing)) for filing in filed[:SHOWN]],
        more_filings=max(len(filed) - SHOWN, 0),
        version=newest,
        version_name=registration.full_name(session, newest) if newest else "",
        coverage=_answers(results[0].result) if results else "",
        coverage_on=results[0].assessed_at if results else None,
        incidents=incidents.listed(session, developer_id=by.organisation_id)[:SHOWN],
        has_figures=bool(registration.figures_of(session, by.organisation_id)),
    )


def _assessed(session: Session, versions: list[ModelVersion]) -> tuple[ModelVersion | None, list[Coverage]]:
    """The newest version that the laws were asked about, with its results; else the newest."""
    ordered = sorted(versions, key=lambda version: version.registered_at, reverse=True)
    for version in ordered:
        if results := registration.coverages_of(session, version.id):
            return version, results
    return (ordered[0] if ordered else None), []


def of_evaluator(session: Session, by: Actor) -> list[tuple[Engagement, str]]:
    """The engagements of the actor's body, each with the name of its model version."""
    return [
        (found, registration.full_name(session, session.get_one(ModelVersion, found.model_version_id)))
        for found in engagements.of_evaluator(session, by.organisation_id)[:SHOWN]
    ]


@dataclass(frozen=True)
class Queued:
    """A case of the queue, in short."""

    facts: Facts
    act: acts.Act
    due: date | None


def of_reviewer(session: Session, by: Actor, now: datetime) -> tuple[list[Queued], int]:
    """The first cases of the actor's team, and how many there are."""
    found = queue.page(session, view=View.TEAM, number=1, by=by, now=now)
    rows = [Queued(facts, acts.next_act(facts), facts.case.due_on) for facts in found.rows[:8]]
    return rows, found.total


def _answers(result: dict[str, Any]) -> str:
    said = []
    for name, answer in result["regimes"].items():
        said.append(f"{statute.load(name).short}: {answer['wording']}")
    return " · ".join(said)

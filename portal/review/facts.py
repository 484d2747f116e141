"""What is known of many cases at once, in a fixed number of queries, for queue, brief and lists of tasks."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from evaluator.tables import Engagement, Flag
from evaluator.workflow import FlagState
from portal.filing.registry import Model, ModelVersion
from portal.filing.tables import Filing, FilingKind, Incident
from portal.filing.workflow import FilingState
from portal.law.review_clock import ReviewClock
from portal.review import clock
from portal.review.tables import Case, CaseItem, Condition, Decision, InformationRequest, PlanRequest
from portal.review.workflow import DecisionState
from secure_access.db import Session, Table, col, select
from secure_access.identity import Organisation, Person

Row = TypeVar("Row", bound=Table)

_STANDING = frozenset({FilingState.SUBMITTED, FilingState.ACCEPTED})


@dataclass
class Facts:
    """One case with everything that belongs to it."""

    case: Case
    developer: Organisation
    version: ModelVersion | None
    model_name: str
    people: dict[uuid.UUID, Person]
    filings: list[Filing] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    requests: list[InformationRequest] = field(default_factory=list)
    plans: list[PlanRequest] = field(default_factory=list)
    engagements: list[Engagement] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    @property
    def open_flags(self) -> list[Flag]:
        """The flags that are neither resolved nor carried."""
        return [flag for flag in self.flags if flag.state is FlagState.OPEN]

    @property
    def decision(self) -> Decision | None:
        """The recommendation that waits, or the decision taken."""
        return next((row for row in self.decisions if row.state is not DecisionState.SENT_BACK), None)

    @property
    def report(self) -> Filing | None:
        """The latest risk report of the case that stands; one returned or superseded only where none does."""
        found = [filing for filing in self.filings if filing.kind is FilingKind.RISK_REPORT]
        standing = (filing for filing in found if filing.state in _STANDING)
        return next(standing, found[0] if found else None)

    def clock(self, now: datetime) -> ReviewClock:
        """The review clock as of ``now``."""
        return clock.clock_of(self.case, self.requests, self.decision, now=now)

    def name_of(self, person_id: uuid.UUID | None, nobody: str = "nobody yet") -> str:
        """The name of somebody who works on the case."""
        return self.people[person_id].name if person_id in self.people else nobody


def gather(session: Session, cases: Sequence[Case]) -> list[Facts]:
    """The facts of each case, in the order given."""
    if not cases:
        return []
    ids = [case.id for case in cases]
    developers = _by_id(session, Organisation, (case.developer_id for case in cases))
    versions = _by_id(session, ModelVersion, (case.model_version_id for case in cases))
    models = _by_id(session, Model, (version.model_id for version in versions.values()))
    people = _by_id(session, Person, (p for case in cases for p in (case.officer_id, case.decider_id)))
    facts = {
        case.id: Facts(
            case,
            developers[case.developer_id],
            versions.get(case.model_version_id) if case.model_version_id else None,
            _model_name(case, versions, models),
            people,
        )
        for case in cases
    }
    _items(session, facts, ids)
    _belonging(session, facts, ids)
    return [facts[case.id] for case in cases]


def one(session: Session, case: Case) -> Facts:
    """The facts of one case."""
    return gather(session, [case])[0]


def _model_name(case: Case, versions: dict[uuid.UUID, ModelVersion], models: dict[uuid.UUID, Model]) -> str:
    version = versions.get(case.model_version_id) if case.model_version_id else None
    if version is None:
        return "All models"
    model = models[version.model_id]
    return version.name if version.name.startswith(model.name) else f"{model.name} {version.name}"


def _items(session: Session, facts: dict[uuid.UUID, Facts], ids: list[uuid.UUID]) -> None:
    case_of: dict[str, uuid.UUID] = {}
    for item in session.exec(select(CaseItem).where(col(CaseItem.case_id).in_(ids))):
        case_of[item.subject] = item.case_id
    filings = _by_id(session, Filing, _ids_of(case_of, "filing"))
    for filing in sorted(filings.values(), key=lambda f: f.submitted_at or f.saved_at, reverse=True):
        if filing.of_record():
            facts[case_of[f"filing:{filing.id}"]].filings.append(filing)
    incidents = _by_id(session, Incident, _ids_of(case_of, "incident"))
    for incident in sorted(incidents.values(), key=lambda i: i.reported_at, reverse=True):
        facts[case_of[f"incident:{incident.id}"]].incidents.append(incident)


def _belonging(session: Session, facts: dict[uuid.UUID, Facts], ids: list[uuid.UUID]) -> None:
    def of(table: type[Row], newest: Any) -> dict[uuid.UUID, list[Row]]:
        found: dict[uuid.UUID, list[Row]] = defaultdict(list)
        column = col(table.case_id)  # type: ignore[attr-defined]
        for row in session.exec(select(table).where(column.in_(ids)).order_by(newest)):
            found[row.case_id].append(row)  # type: ignore[attr-defined]
        return found

    requests = of(InformationRequest, col(InformationRequest.drafted_at).desc())
    plans = of(PlanRequest, col(PlanRequest.requested_at).desc())
    engagements = of(Engagement, col(Engagement.appointed_at).desc())
    flags = of(Flag, col(Flag.raised_at))
    decisions = of(Decision, col(Decision.recommended_at).desc())
    for case_id, known in facts.items():
        known.requests, known.plans = requests[case_id], plans[case_id]
        known.engagements, known.flags = engagements[case_id], flags[case_id]
        known.decisions = decisions[case_id]
    _conditions(session, facts.values())


def _conditions(session: Session, facts: Iterable[Facts]) -> None:
    known = {row.id: fact for fact in facts for row in fact.decisions if row is fact.decision}
    wanted = select(Condition).where(col(Condition.decision_id).in_(known)).order_by(col(Condition.number))
    for condition in session.exec(wanted):
        known[condition.decision_id].conditions.append(condition)


def _by_id(session: Session, table: type[Row], ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, Row]:
    wanted = {row_id for row_id in ids if row_id is not None}
    if not wanted:
        return {}
    key: Callable[[Row], uuid.UUID] = lambda row: row.id  # type: ignore[attr-defined]  # noqa: E731
    found = session.exec(select(table).where(col(table.id).in_(wanted)))  # type: ignore[attr-defined]
    return {key(row): row for row in found}


def _ids_of(case_of: dict[str, uuid.UUID], kind: str) -> list[uuid.UUID]:
    return [uuid.UUID(subject.partition(":")[2]) for subject in case_of if subject.startswith(f"{kind}:")]

"""Which open cases a version touches: the same facts under the version it follows and under the new one.

What is asked of each open case: the amount of its worksheets, what covers its model on the day the version
goes live, the clocks of its incidents, the developer's coming duties, and the end of its review.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.enforcement import adoptions
from portal.enforcement.tables import AllegedViolation, MethodAdoption, Worksheet
from portal.enforcement.workflow import ViolationState, WorksheetState
from portal.filing import duties, incidents, registration
from portal.filing.incidents import FirstReport
from portal.filing.registry import ModelVersion
from portal.filing.tables import Incident
from portal.filing.workflow import IncidentState
from portal.law import coverage, penalties, statute
from portal.law.deadlines import office_clock
from portal.law.facts import LawError
from portal.law.methods import Adoption
from portal.law.statute import Pack
from portal.legal.versions import Opened
from portal.review import cases
from portal.review.tables import Case
from portal.review.workflow import CaseState
from portal.ui.formats import day, money
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Organisation, conflicts

SHOWN = 200
"""Open cases that are worked out on one page; how many are left is said."""


@dataclass(frozen=True)
class Touched:
    """One thing of an open case and what the law says of it, before and after."""

    case: str
    developer: str
    what: str
    before: str
    after: str

    @property
    def changes(self) -> bool:
        """Whether the version changes it."""
        return self.before != self.after


@dataclass(frozen=True)
class Reach:
    """What a version changes in open cases; ``asked`` of ``open`` cases were worked out."""

    rows: tuple[Touched, ...]
    asked: int
    open: int


Asked = tuple[str, Callable[[], str]]
"""What is asked of a case, in words, and the question itself, to be asked under a version of the law."""

Coming = Callable[[uuid.UUID, Pack], str]


def reach(session: Session, found: Opened, *, by: Actor, now: datetime) -> Reach:
    """Everything in open cases that the version changes, worked out from the facts that stand there.

    Cases of a developer with whom ``by`` has a conflict are neither shown nor counted.
    """
    open_cases = _open(session, by)
    rows = []
    coming = _coming(session, now)
    for case in open_cases[:SHOWN]:
        developer = session.get_one(Organisation, case.developer_id).name
        for what, ask in _asked(session, case, found, coming):
            before, after = _under(found.base, ask), _under(found.new, ask)
            rows.append(Touched(case.reference, developer, what, before, after))
    return Reach(tuple(row for row in rows if row.changes), min(len(open_cases), SHOWN), len(open_cases))


def _open(session: Session, by: Actor) -> list[Case]:
    """Cases under way, and decided ones in which a violation is still alleged, oldest first."""
    alleged = select(AllegedViolation.case_id).where(
        col(AllegedViolation.state).in_((ViolationState.SUGGESTED, ViolationState.ALLEGED))
    )
    query = select(Case).where((col(Case.state) != CaseState.DECIDED) | col(Case.id).in_(alleged))
    query = query.where(conflicts.open_to(by, Case.developer_id))
    return list(session.exec(query.order_by(col(Case.opened_at), col(Case.reference))))


def _under(pack: Pack, ask: Callable[[], str]) -> str:
    with statute.using(pack):
        try:
            return ask()
        except LawError as error:
            return f"cannot be worked out: {error}"


def _asked(session: Session, case: Case, found: Opened, coming: Coming) -> Iterator[Asked]:
    pack = found.base.id
    yield from _worksheets(session, case, pack)
    yield from _coverage(session, case, found)
    yield from _incidents(session, case, pack)
    yield "Coming duties of the developer", lambda: coming(case.developer_id, statute.load(pack))
    if pack == statute.OFFICE and case.clock_started_at is not None and case.state is not CaseState.DECIDED:
        started = case.clock_started_at
        yield "Decision due", lambda: day(office_clock("review.decide", started).due_at)


def _worksheets(session: Session, case: Case, pack: str) -> Iterator[Asked]:
    """The version of each worksheet that counts; the office's pack touches all of them."""
    query = (
        select(Worksheet)
        .join(AllegedViolation, col(AllegedViolation.id) == col(Worksheet.violation_id))
        .where(AllegedViolation.case_id == case.id, AllegedViolation.state == ViolationState.ALLEGED)
        .where(col(Worksheet.state).not_in((WorksheetState.SUPERSEDED,)))
    )
    for row in session.exec(query.order_by(col(Worksheet.reference))):
        if pack in (row.regime, statute.OFFICE):
            chosen = session.get(MethodAdoption, row.adoption_id) if row.adoption_id else None
            yield f"Worksheet {row.reference}", _amount(row.facts, adoptions.as_law(session, chosen))


def _amount(facts: dict[str, Any], adopted: tuple[Adoption, ...]) -> Callable[[], str]:
    def ask() -> str:
        result = penalties.compute(facts, adoptions=adopted, readings=False)
        most = result.legal_maximum
        told = [] if result.amount is None else [_money(result.amount, result.currency)]
        told.append("no maximum" if most is None else f"at most {_money(most, result.currency)}")
        return ", ".join(told)

    return ask


def _money(amount: Decimal, currency: str) -> str:
    return money(amount, currency).replace(" ", "\u00a0")


def _coverage(session: Session, case: Case, found: Opened) -> Iterator[Asked]:
    if case.model_version_id is None or found.base.id == statute.OFFICE:
        return
    version = session.get_one(ModelVersion, case.model_version_id)
    figures = registration.figures_of(session, case.developer_id)
    facts = registration.coverage_facts(version, figures, on=found.row.live_from)

    def ask() -> str:
        return coverage.assess(facts).regimes[found.base.id].wording

    yield f"Coverage of {registration.full_name(session, version)}", ask


def _incidents(session: Session, case: Case, pack: str) -> Iterator[Asked]:
    for incident in cases.incidents(session, case):
        if incident.state is not IncidentState.CLOSED:
            yield f"Clocks of {incident.reference}", _clocks(incident, pack)


def _clocks(incident: Incident, pack: str) -> Callable[[], str]:
    first = FirstReport(
        what_happened=incident.what_happened,
        aware_at=incident.aware_at,
        kinds=incident.kinds,
        belief_at=incident.belief_at,
        imminent_danger=incident.imminent_danger,
    )

    def ask() -> str:
        ran = [clock for clock in incidents.running(first) if clock.regime == pack]
        return "; ".join(f"{clock.label}: {clock.due_at:%Y-%m-%d %H:%M:%S} UTC" for clock in ran) or "none"

    return ask


def _coming(session: Session, now: datetime) -> Coming:
    """Says what a developer owes under the version in use; worked out once however many cases there are."""
    known: dict[tuple[uuid.UUID, str], str] = {}

    def ask(developer: uuid.UUID, pack: Pack) -> str:
        if (developer, pack.digest) not in known:
            owed = [duty for duty in duties.upcoming(session, developer, now=now) if duty.regime == pack.id]
            told = "; ".join(f"{duty.label}: {day(duty.due_at)}" for duty in owed)
            known[developer, pack.digest] = told or "none"
        return known[developer, pack.digest]

    return ask

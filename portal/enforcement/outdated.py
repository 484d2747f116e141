"""Worksheets that rest on what no longer holds: a prior that fell, a figure that was replaced.

Nothing is recalculated behind anybody's back: the worksheet says so, is listed, and stops at approval until a
person calculates it again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func

from portal.enforcement import figures, priors, turnover
from portal.enforcement.choices import needs_turnover
from portal.enforcement.service import guard
from portal.enforcement.tables import AllegedViolation, PriorViolation, RevenueEvidence, Worksheet
from portal.enforcement.turnover import Turnover
from portal.enforcement.workflow import ViolationState, WorksheetState
from portal.ui.formats import date_only
from secure_access.db import Session, col, select
from secure_access.identity import Actor

PRIOR = "prior"
_SAID = {
    turnover.TRUE_UP: "the audited figure is on file, to be trued up",
    turnover.RESTATED: "it was restated since",
    turnover.CORRECTED: "the record of it was corrected since",
    turnover.CHOSEN: "another source was chosen since",
}
MARKS = {
    PRIOR: "Prior fell",
    turnover.TRUE_UP: "To be trued up",
    turnover.RESTATED: "Restated",
    turnover.CORRECTED: "Corrected",
    turnover.CHOSEN: "Other source",
}


@dataclass(frozen=True)
class Stale:
    """Something a worksheet rests on that no longer holds, in words; ``kind`` is a key of `MARKS`."""

    kind: str
    words: str
    prior: PriorViolation | None = None

    @property
    def mark(self) -> str:
        """The short word of it."""
        return MARKS[self.kind]


def of(row: Worksheet, found: Turnover, on_file: Sequence[PriorViolation]) -> tuple[Stale, ...]:
    """What a worksheet rests on that no longer holds, by the revenue and the priors on file now. Pure."""
    fell = (Stale(PRIOR, lost.words, lost.prior) for lost in priors.fallen(row, on_file))
    return (*fell, *(_replaced(row, found) if needs_turnover(row.regime) else ()))


def now(session: Session, row: Worksheet) -> tuple[Stale, ...]:
    """The same by what is on file, for whoever was let in before."""
    revenue = figures.turnover_of(session, row.developer_id)
    return of(row, revenue, priors.relied_on(priors.recorded(session, row.developer_id)))


def _replaced(row: Worksheet, found: Turnover) -> Iterator[Stale]:
    for figure in found.figures:
        for old in figure.rows:
            why = found.lost.get(old.id, "")
            if str(old.id) in row.evidence and why in _SAID:
                year = f"Revenue of {old.entity}, year to {date_only(old.period_end)}"
                yield Stale(why, f"{year}: {_SAID[why]}")


def listed(session: Session, *, by: Actor) -> list[tuple[Worksheet, tuple[Stale, ...]]]:
    """The worksheets to be calculated again, each in its latest version, in the order of their references."""
    guard(by)
    found = []
    for developer_id in _touched(session, by):
        revenue = figures.turnover_of(session, developer_id)
        on_file = priors.relied_on(priors.recorded(session, developer_id))
        for row in _current(session, developer_id):
            stale = of(row, revenue, on_file)
            if stale:
                found.append((row, stale))
    return sorted(found, key=lambda one: one[0].reference)


def _touched(session: Session, by: Actor) -> set[uuid.UUID]:
    """Developers of whom something on file has changed, but for those with whom ``by`` has a conflict."""
    changed = set(
        session.exec(select(PriorViolation.developer_id).where(col(PriorViolation.replaces_id).is_not(None)))
    )
    several = (
        select(RevenueEvidence.developer_id)
        .group_by(col(RevenueEvidence.developer_id))
        .having(func.count() > 1)
    )
    return {*changed, *priors.followers(session, changed), *session.exec(several)} - by.conflicts


def _current(session: Session, developer_id: uuid.UUID) -> Iterable[Worksheet]:
    query = (
        select(Worksheet)
        .join(AllegedViolation, col(AllegedViolation.id) == col(Worksheet.violation_id))
        .where(
            Worksheet.developer_id == developer_id,
            Worksheet.state != WorksheetState.SUPERSEDED,
            AllegedViolation.state != ViolationState.DROPPED,
        )
    )
    return session.exec(query)

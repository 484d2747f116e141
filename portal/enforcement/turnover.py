"""Which revenue counts: one figure for each company and year, none counted twice, disagreement shown. Pure.

A figure on file is never taken away. It is replaced by a restatement, by a correction of the record, or by
the audited figure where it was provisional; otherwise two figures for one company and year disagree, and a
person says with a reason which is relied on.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from portal.enforcement.tables import RevenueChoice, RevenueEvidence
from portal.ui.formats import date_only

UNDERTAKING, PROVIDER = "undertaking", "provider"
TRUE_UP, RESTATED, CORRECTED, CHOSEN = "true up", "restated", "corrected", "another source chosen"
SAME, UNAUDITED, WITHIN = "the same figure was attached again", "an audited figure is on file", "within"
WHY = {
    TRUE_UP: "Replaced by the audited figure",
    RESTATED: "Replaced by a restated figure",
    CORRECTED: "Replaced: the record was wrong",
    CHOSEN: "Not relied on: another source was chosen",
    SAME: "The same figure is on file from a later source",
    UNAUDITED: "Not audited, and an audited figure is on file",
    WITHIN: "Within the consolidated figure already",
}


@dataclass(frozen=True)
class Figure:
    """What is on file for one company and year, in the order of attaching.

    ``standing`` are those that nothing replaced: more than one disagree. ``lost`` says of each other one
    why it is not used, as a key of `WHY`.
    """

    rows: tuple[RevenueEvidence, ...]
    standing: tuple[RevenueEvidence, ...]
    lost: Mapping[uuid.UUID, str]
    choice: RevenueChoice | None = None

    @property
    def used(self) -> RevenueEvidence:
        """The one that a calculation takes; of several that disagree the last, until one is chosen."""
        return self.standing[-1]

    @property
    def disagree(self) -> bool:
        """Whether two sources say otherwise and nobody has chosen."""
        return len(self.standing) > 1

    @property
    def sources(self) -> tuple[RevenueEvidence, ...]:
        """The sources between which a person chooses, or has chosen; empty where they agree."""
        if self.choice is None:
            return self.standing if self.disagree else ()
        return tuple(row for row in self.rows if row in self.standing or self.lost[row.id] == CHOSEN)

    @property
    def about(self) -> str:
        """Whose revenue of which year, in words."""
        return f"the revenue of {self.used.entity}, year to {date_only(self.used.period_end)}"


@dataclass(frozen=True)
class Turnover:
    """All revenue of a developer: the figures, and which of them make up the turnover under which name."""

    figures: tuple[Figure, ...]
    counted: tuple[tuple[str, RevenueEvidence], ...]
    lost: Mapping[uuid.UUID, str] = field(default_factory=dict)

    @property
    def disagree(self) -> tuple[Figure, ...]:
        """The figures on which sources disagree."""
        return tuple(figure for figure in self.figures if figure.disagree)

    @property
    def added(self) -> tuple[RevenueEvidence, ...]:
        """Companies without consolidated accounts whose figures add up; empty where there is one figure."""
        apart = [row for name, row in self.counted if name not in (UNDERTAKING, PROVIDER)]
        return tuple(apart)


def of(rows: Iterable[RevenueEvidence], choices: Iterable[RevenueChoice], developer: str) -> Turnover:
    """The turnover of a developer from everything on file, with the choices made between sources."""
    chosen = list(choices)
    found = tuple(_figure(group, chosen) for group in _grouped(rows))
    counted, within = _counted(found, developer)
    lost = {key: why for figure in found for key, why in figure.lost.items()}
    return Turnover(found, counted, lost | {row.id: WITHIN for row in within})


def _grouped(rows: Iterable[RevenueEvidence]) -> list[list[RevenueEvidence]]:
    groups: dict[tuple[bool, str, date], list[RevenueEvidence]] = {}
    for row in sorted(rows, key=lambda row: row.attached_at):
        # Consolidated accounts are those of the one undertaking, however it is named in them.
        entity = "" if row.consolidated else plain_name(row.entity)
        groups.setdefault((row.consolidated, entity, row.period_end), []).append(row)
    return list(groups.values())


def plain_name(entity: str) -> str:
    """A company's name without case, commas and full stops: two spellings are not two companies."""
    return re.sub(r"[\W_]+", " ", entity.casefold()).strip()


def _figure(rows: Sequence[RevenueEvidence], choices: Sequence[RevenueChoice]) -> Figure:
    standing: list[RevenueEvidence] = []
    lost: dict[uuid.UUID, str] = {}
    for row in rows:
        standing = _after(standing, row, lost)
    ids = {row.id for row in standing}
    for choice in choices:
        over = {uuid.UUID(other) for other in choice.over}
        if len(ids) > 1 and choice.chosen_id in ids and ids <= {choice.chosen_id, *over}:
            lost |= {row.id: CHOSEN for row in standing if row.id != choice.chosen_id}
            kept = tuple(row for row in standing if row.id == choice.chosen_id)
            return Figure(tuple(rows), kept, lost, choice)
    return Figure(tuple(rows), tuple(standing), lost)


def _after(
    standing: list[RevenueEvidence], row: RevenueEvidence, lost: dict[uuid.UUID, str]
) -> list[RevenueEvidence]:
    """What stands after one more figure was attached; what it replaces is noted in ``lost``."""
    if row.corrects or row.restated:
        lost |= {old.id: CORRECTED if row.corrects else RESTATED for old in standing}
        return [row]
    if row.provisional and any(not old.provisional for old in standing):
        lost[row.id] = UNAUDITED
        return standing
    left = []
    for old in standing:
        if old.provisional and not row.provisional:
            lost[old.id] = TRUE_UP
        elif _amount(old) == _amount(row):
            lost[old.id] = SAME
        else:
            left.append(old)
    return [*left, row]


def _amount(row: RevenueEvidence) -> tuple[int, str, date]:
    return row.amount_minor, row.currency, row.period_start


def _counted(
    figures: Sequence[Figure], developer: str
) -> tuple[tuple[tuple[str, RevenueEvidence], ...], list[RevenueEvidence]]:
    """The figures under the names that the facts give them, and those that a consolidated figure holds."""
    whole = [figure.used for figure in figures if figure.used.consolidated]
    alone = [figure.used for figure in figures if not figure.used.consolidated]
    names = {plain_name(row.entity) for row in alone if row.follows is None}
    if len(names) == 1:
        # One company that stands for itself is the developer, however it is named.
        own = [row for row in alone if row.follows is None]
        others = [row for row in alone if row not in own]
    else:
        own = [row for row in alone if plain_name(row.entity) == plain_name(developer)]
        others = [row for row in alone if row not in own]
    if not whole and others:
        return tuple((row.entity, row) for row in alone), []
    return (*((UNDERTAKING, row) for row in whole), *((PROVIDER, row) for row in own)), others

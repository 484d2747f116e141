"""Developer and evaluator side by side: one risk tier against the other's interval, by category."""

from dataclasses import dataclass
from typing import NamedTuple
from xml.sax.saxutils import escape

from markupsafe import Markup

from portal.ui.charts.drawing import (
    GOOD,
    INDEP,
    INDEP_WASH,
    INK,
    INK_2,
    LEADING,
    LINE,
    NOTE,
    PAPER,
    SELF,
    STOP,
    WARN,
    Drawing,
    Label,
    Layout,
    Said,
    text_width,
    wrap,
)
from portal.ui.formats import status

_FLAG, _LINE = 13.5, 17.6
_SIGNS = {"stop": ("■", STOP), "warn": ("▲", WARN), "good": ("✓", GOOD)}


class Flag(NamedTuple):
    """A flag at a row: its reference, its state in a word, and the kind of mark (stop while open, good
    when resolved).
    """

    reference: str
    state: str
    kind: str = "stop"


@dataclass(frozen=True)
class ComparisonRow:
    """One category. Tiers count from 1. Where a side gives no tier, its words stand instead (`Not tiered`).

    `at_least` is what the evaluator showed, `at_most` the tested limit; `not_ruled_out` is the highest
    tier that it
    cannot rule out, for the reason in `why`. `source` is the address of that assessment, or empty.
    """

    category: str
    note: str = ""
    developer: int | None = None
    developer_words: str = ""
    at_least: int | None = None
    at_most: int | None = None
    not_ruled_out: int | None = None
    evaluator_words: str = ""
    why: str = ""
    confidence: str = ""
    basis: str = ""
    flag: Flag | None = None
    source: str = ""

    def gap(self) -> bool:
        """Whether the developer's tier lies outside the evaluator's interval."""
        if self.developer is None:
            return False
        below = self.at_least is not None and self.developer < self.at_least
        return below or (self.at_most is not None and self.developer > self.at_most)


@dataclass(frozen=True)
class Comparison:
    """Rows over the tiers of one framework. `finding` says in a sentence or two what the picture shows."""

    title: str
    finding: str
    tiers: tuple[str, ...]
    rows: tuple[ComparisonRow, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            for tier in (row.developer, row.at_least, row.at_most, row.not_ruled_out):
                if tier is not None and not 1 <= tier <= len(self.tiers):
                    raise ValueError(f"{row.category}: no tier {tier} among {len(self.tiers)}")

    def columns(self) -> list[object]:
        """Headings of the table beside the picture."""
        words = ("Cannot rule out, and why", "Cannot rule out")
        return ["Category", "Developer", "At least", "At most", words, "Confidence", "Basis", "Flag"]

    def cells(self) -> list[list[object]]:
        """The same rows as a table."""
        return [
            [
                _named(row),
                self._tier(row.developer) or row.developer_words or None,
                self._tier(row.at_least),
                self._tier(row.at_most) or ("Not shown" if row.at_least else None),
                ": ".join(
                    part for part in (self._tier(row.not_ruled_out), row.why or row.evaluator_words) if part
                )
                or None,
                row.confidence or None,
                _sourced(row),
                status(row.flag.kind, f"{row.flag.reference} {row.flag.state}") if row.flag else "None",
            ]
            for row in self.rows
        ]

    def _tier(self, tier: int | None) -> str | None:
        return None if tier is None else self.tiers[tier - 1]


def _sourced(row: ComparisonRow) -> object:
    """The basis as a cell of a table, a link where there is an assessment to open."""
    return {"text": row.basis, "url": row.source} if row.basis and row.source else row.basis or None


def _named(row: ComparisonRow) -> Markup:
    if not row.note:
        return Markup("{}").format(row.category)
    return Markup('{}<br><span class="sub small">{}</span>').format(row.category, row.note)


class _Grid(NamedTuple):
    """Columns of tiers: px of the first, px of one, and how many."""

    left: float
    step: float
    tiers: int

    def edge(self, tier: int) -> float:
        """Left edge of a tier (counted from 1)."""
        return self.left + self.step * (tier - 1)

    @property
    def right(self) -> float:
        return self.edge(self.tiers + 1)


def draw_comparison(chart: Comparison, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page. Flags stand at the right of a full-width drawing, else by
    the label.
    """
    left, after = (0.0, 2.0) if layout.narrow else (262.0, 128.0) if layout.width > 1000 else (210.0, 2.0)
    tiers = max(len(chart.tiers), 1)
    grid = _Grid(left, (layout.width - left - after) / tiers, tiers)
    drawing = Drawing(layout.width)
    drawing.raw(_hatching(ident))
    heads = [wrap(words, grid.step - 8, NOTE) for words in chart.tiers]
    top = 11.0 + 15 * max([1, *(len(lines) for lines in heads)])
    for tier, lines in enumerate(heads, start=1):
        for i, words in enumerate(lines):
            x = grid.edge(tier) + grid.step / 2
            drawing.text(x, 15 + 15 * i, words, size=NOTE, fill=INK_2, anchor="middle", weight=600)
    drawing.rule(top, INK)
    for row in chart.rows:
        top = _row(drawing, row, grid, ident, top, layout)
        drawing.rule(top)
    return drawing.finish(ident, layout, top + 4, Said(chart.title, chart.finding))


def _row(drawing: Drawing, row: ComparisonRow, grid: _Grid, ident: str, top: float, layout: Layout) -> float:
    """Draw one category below `top`; returns where the next begins."""
    words, flag = _words(row, grid), _flag_lines(row, grid, layout)
    room = 0.0 if layout.width > 1000 else max((text_width(line, _FLAG) + 12 for line in flag), default=0.0)
    label_width = (layout.width if layout.narrow else grid.left - 14) - room
    label = Label.fit(row.category, row.note, label_width, layout.narrow)
    lane, beside = words.height, max(label.height, LEADING * len(flag))
    if layout.narrow:
        lane_top, bottom = top + beside + 5, top + beside + 5 + lane
        drawing.label(label, top + 16)
    else:
        bottom = top + max(lane, beside + 10)
        lane_top = (top + bottom - lane) / 2
        drawing.label(label, (top + bottom - label.height) / 2 + 13)
    for tier in range(1, grid.tiers + 2):
        x = grid.edge(tier)
        drawing.path([(x, lane_top + 3), (x, bottom - 3)], LINE)
    said = [(0, words.developer, SELF), (words.above, words.evaluator, INDEP)]
    for i, line, fill in (
        (first + n, line, fill) for first, lines, fill in said for n, line in enumerate(lines)
    ):
        drawing.text(grid.left + 6, lane_top + 18.2 + _LINE * i, line, size=NOTE, fill=fill, weight=600)
    _interval(drawing, row, grid, ident, lane_top + _LINE * (words.above - 1))
    if row.flag:
        first = top + 16 if layout.narrow else (top + bottom - LEADING * len(flag)) / 2 + 13
        _draw_flag(drawing, row.flag, flag, grid, (first, layout))
    return bottom


def _flag_lines(row: ComparisonRow, grid: _Grid, layout: Layout) -> list[str]:
    """The flag's words, broken to the room there is: without its state where that room is small."""
    if row.flag is None:
        return []
    words = f"{_sign(row.flag)[0]} {row.flag.reference}"
    if layout.width > 1000:
        return wrap(f"{words} {row.flag.state}", layout.width - grid.right - 16, _FLAG)
    return (
        wrap(f"{words} {row.flag.state}", layout.width / 3, _FLAG)
        if layout.narrow
        else wrap(words, 96, _FLAG)
    )


def _draw_flag(drawing: Drawing, flag: Flag, lines: list[str], grid: _Grid, at: tuple[float, Layout]) -> None:
    y, layout = at
    for i, line in enumerate(lines):
        where, fill = y + LEADING * i, _sign(flag)[1]
        if layout.width > 1000:
            drawing.text(grid.right + 16, where, line, size=_FLAG, fill=fill, weight=600)
        else:
            x = layout.width if layout.narrow else grid.left - 14
            drawing.text(x, where, line, size=_FLAG, fill=fill, anchor="end", weight=600)


def _sign(flag: Flag) -> tuple[str, str]:
    return _SIGNS.get(flag.kind, _SIGNS["stop"])


class _Words(NamedTuple):
    """What stands in a lane where a side gives no tier: its lines, the developer's above the evaluator's."""

    developer: list[str]
    evaluator: list[str]

    @property
    def above(self) -> int:
        """How many lines high the developer's half of the lane is."""
        return max(1, len(self.developer))

    @property
    def height(self) -> float:
        return max(44.0, _LINE * (self.above + max(1, len(self.evaluator))) + 9)


def _words(row: ComparisonRow, grid: _Grid) -> _Words:
    room = grid.right - grid.left - 12
    silent = row.at_least is None and row.at_most is None and row.not_ruled_out is None
    return _Words(
        wrap(row.developer_words, room, NOTE) if row.developer is None else [],
        wrap(row.evaluator_words, room, NOTE) if silent else [],
    )


def _interval(drawing: Drawing, row: ComparisonRow, grid: _Grid, ident: str, top: float) -> None:
    shown = row.at_most if row.at_most is not None else row.at_least
    first = row.at_least if row.at_least is not None else 1
    circle = None if row.developer is None else grid.edge(row.developer) + grid.step / 2
    y = top + 24.3
    end = grid.edge(first) if shown is None else grid.edge(max(shown, first) + 1)
    inset = 6.0 if row.at_most is not None else 0.0
    open_to = row.not_ruled_out or 0
    left = grid.edge(first) + 6
    if circle is not None and row.gap():
        near = left if row.developer is not None and row.developer < first else end - inset
        away = circle + (9 if near > circle else -9)
        drawing.path([(away, top + 13.2), (near, top + 13.2), (near, y - 4.5)], STOP, 2, "5 3")
    if circle is not None:
        drawing.circle(circle, top + 13.2, 6.5, PAPER, stroke=SELF, stroke_width="3.5")
    if shown is not None:
        edge = end - (inset or (0.0 if open_to >= max(shown, first) + 1 else 6.0))
        drawing.rect(left, y, (edge - left, 13), INDEP_WASH, stroke=INDEP, stroke_width="1.5")
        if row.at_least is not None:
            drawing.path([(left, y - 3.5), (left, y + 16.5)], INDEP, 4)
        if row.at_most is not None:
            drawing.path([(edge, y - 3.5), (edge, y + 16.5)], INDEP, 4)
    if open_to and grid.edge(open_to + 1) > end:
        start = end if shown is not None else left
        drawing.rect(
            start, y, (grid.edge(open_to + 1) - 6 - start, 13), f"url(#{escape(ident)}-h)",
            stroke=INDEP, stroke_width="1.5", stroke_dasharray="4 3",
        )  # fmt: skip


def _hatching(ident: str) -> str:
    return (
        f'<defs><pattern id="{escape(ident)}-h" width="7" height="7" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="7" height="7" fill="{PAPER}"/>'
        f'<rect width="2" height="7" fill="{INDEP}"/></pattern></defs>'
    )

"""How a penalty is built: lines as bars, the ceiling as a line, other readings as open diamonds."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from markupsafe import Markup

from portal.ui.charts.axis import MoneyAxis
from portal.ui.charts.drawing import (
    BRAND,
    EDGE,
    GOOD,
    INK,
    INK_2,
    LEADING,
    LINE,
    PAPER,
    STOP,
    WARN,
    Drawing,
    Layout,
    Said,
    text_width,
    wrap,
)
from portal.ui.formats import amount, change, money

_SIZE = 14.0
_FILLS = {"start": "#2c5f63", "more": WARN, "less": GOOD, "none": INK_2, "total": BRAND}


class Step(NamedTuple):
    """One line: `start` and `total` are amounts from zero, `change` is added (or taken away) from what
    stands so far.
    """

    number: int | None
    label: str
    kind: Literal["start", "change", "total"]
    amount: Decimal
    source: str = ""


class OtherReading(NamedTuple):
    """What the amount would be under another reading of the text."""

    name: str
    amount: Decimal


@dataclass(frozen=True)
class Waterfall:
    """Lines of a worksheet in one currency. `finding` says in a sentence or two what the picture shows."""

    title: str
    finding: str
    currency: str
    steps: tuple[Step, ...]
    ceiling: Decimal | None = None
    ceiling_source: str = ""
    readings: tuple[OtherReading, ...] = ()

    def columns(self) -> list[str]:
        """Headings of the table beside the picture."""
        return ["No.", "Line", "Source", self.currency]

    def cells(self) -> list[list[object]]:
        """The same rows as a table: lines, ceiling, other readings."""
        rows: list[list[object]] = [[s.number, s.label, s.source or None, self.words(s)] for s in self.steps]
        if self.ceiling is not None:
            rows.append([None, "Ceiling", self.ceiling_source or None, amount(self.ceiling, self.currency)])
        rows += [
            [None, f"Another reading: {r.name}", None, amount(r.amount, self.currency)] for r in self.readings
        ]
        return rows

    def totals(self) -> list[int]:
        """Which rows of the table are totals, counted from 0."""
        return [i for i, step in enumerate(self.steps) if step.kind == "total"]

    def words(self, step: Step) -> str:
        """The amount of a line as it is written: a change carries its sign."""
        return (
            change(step.amount, self.currency)
            if step.kind == "change"
            else amount(step.amount, self.currency)
        )


class _Bar(NamedTuple):
    """A line on the axis: from and to in money, its colour, and where the amount stood before it."""

    low: Decimal
    high: Decimal
    fill: str
    before: Decimal | None
    after: Decimal


def _bars(steps: tuple[Step, ...]) -> list[_Bar]:
    found: list[_Bar] = []
    running: Decimal | None = None
    for step in steps:
        begin = Decimal(0) if step.kind != "change" else running or Decimal(0)
        after = begin + step.amount
        change_kind = "more" if step.amount > 0 else "less" if step.amount < 0 else "none"
        fill = _FILLS[change_kind if step.kind == "change" else step.kind]
        found.append(_Bar(min(begin, after), max(begin, after), fill, running, after))
        running = after
    return found


@dataclass
class _Sheet:
    """The lines being drawn: where the next one begins, and where the joint of the last bar stands."""

    chart: Waterfall
    layout: Layout
    axis: MoneyAxis
    drawing: Drawing
    y: float
    joint: float | None = None

    @property
    def ceiling(self) -> float | None:
        """Px of the ceiling, if there is one."""
        return None if self.chart.ceiling is None else self.axis.x(self.chart.ceiling)

    def crosses(self, left: float, right: float) -> bool:
        """Whether something from `left` to `right` would leave the picture or lie over the ceiling."""
        over = self.ceiling is not None and left < self.ceiling < right
        return over or left < 0 or right > self.drawing.width


def draw_waterfall(chart: Waterfall, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page."""
    bars = _bars(chart.steps)
    amounts = [a for bar in bars for a in (bar.low, bar.high)] + [r.amount for r in chart.readings]
    amounts += [] if chart.ceiling is None else [chart.ceiling]
    left, margin = (9.0, 20.0) if layout.narrow else (304.0, 16.0)
    axis = MoneyAxis.over(amounts, left, layout.width - margin)
    head = _head(chart, layout)
    top = 16.0 * max(len(head), 1) + 8
    sheet = _Sheet(chart, layout, axis, Drawing(layout.width), top + 8)
    for step, bar in zip(chart.steps, bars, strict=True):
        _line(sheet, step, bar)
    _readings(sheet)
    drawing = Drawing(layout.width)
    height = _scale(drawing, sheet, top)
    if sheet.ceiling is not None:
        drawing.path([(sheet.ceiling, top - 4), (sheet.ceiling, sheet.y)], STOP, 2.5)
        for i, (words, size, weight) in enumerate(head):
            drawing.text(sheet.ceiling, 14 + 16 * i, words, size=size, fill=STOP, anchor="end", weight=weight)
    drawing.add(sheet.drawing)
    return drawing.finish(ident, layout, height, Said(chart.title, chart.finding))


def _head(chart: Waterfall, layout: Layout) -> list[tuple[str, float, int]]:
    """The words above the ceiling, each line with size and weight."""
    if chart.ceiling is None:
        return []
    lines = wrap(f"Ceiling {money(chart.ceiling, chart.currency)}", layout.width - 4, 13.5)
    source = wrap(chart.ceiling_source, layout.width - 4, 12.5)
    return [(line, 13.5, 700) for line in lines] + [(line, 12.5, 400) for line in source]


def _scale(drawing: Drawing, sheet: _Sheet, top: float) -> float:
    """Draw the axis below the lines; returns the height of the picture."""
    axis, bottom = sheet.axis, sheet.y
    for value, words in axis.ticks():
        x = axis.x(value)
        drawing.path([(x, top), (x, bottom)], LINE)
        drawing.text(x, bottom + 16, words, size=12.5, fill=INK_2, anchor="middle")
    unit = " ".join(part for part in (sheet.chart.currency, axis.unit[1]) if part)
    if sheet.layout.narrow:
        drawing.text(0, bottom + 34, unit, size=12.5, fill=INK_2)
        return bottom + 42
    drawing.text(axis.left - 16, bottom + 16, unit, size=12.5, fill=INK_2, anchor="end")
    return bottom + 24


def _line(sheet: _Sheet, step: Step, bar: _Bar) -> None:
    drawing, axis, y, narrow = sheet.drawing, sheet.axis, sheet.y, sheet.layout.narrow
    weight = 700 if step.kind == "total" else 400
    labels = wrap(step.label, sheet.layout.width - 26 if narrow else axis.left - 26 - 14, _SIZE)
    height = max(34.0, LEADING * len(labels) + 8)
    first = y + 13 if narrow else y + (height - LEADING * len(labels)) / 2 + 13
    if step.number is not None:
        drawing.text(0, first, str(step.number), fill=INK_2, halo=True)
    for i, words in enumerate(labels):
        drawing.text(26, first + LEADING * i, words, size=_SIZE, weight=weight, halo=True)
    bar_y = y + LEADING * len(labels) + 4 if narrow else y + height / 2 - 10
    if sheet.joint is not None and bar.before is not None and not narrow:
        x = axis.x(bar.before)
        drawing.path([(x, sheet.joint), (x, bar_y)], EDGE, 1, "2 2")
    low, high = axis.x(bar.low), max(axis.x(bar.high), axis.x(bar.low) + 2)
    drawing.rect(low, bar_y, (high - low, 20), bar.fill)
    _amount(sheet, sheet.chart.words(step), (low, high, bar_y + 15), max(weight, 600))
    sheet.y = bar_y + 28 if narrow else y + height
    sheet.joint = bar_y + 20


def _amount(sheet: _Sheet, words: str, at: tuple[float, float, float], weight: int) -> None:
    """The amount right of its bar; without room there left of it, inside in white, or over the line."""
    low, high, y = at
    wide = text_width(words, 13.5)
    if not sheet.crosses(high + 8, high + 8 + wide):
        sheet.drawing.text(high + 8, y, words, weight=weight, halo=True)
    elif low - 8 - wide >= sheet.axis.left:
        sheet.drawing.text(low - 8, y, words, anchor="end", weight=weight, halo=True)
    elif high - low >= wide + 16:
        sheet.drawing.text(high - 8, y, words, anchor="end", weight=weight, fill=PAPER)
    else:
        sheet.drawing.text(high + 8, y, words, weight=weight, halo=True)


def _readings(sheet: _Sheet) -> None:
    """Open diamonds with their amounts, in as many rows as they need to stay apart."""
    chart, narrow, drawing = sheet.chart, sheet.layout.narrow, sheet.drawing
    if not chart.readings:
        sheet.y += 6
        return
    indent, drop = (0.0, 13.0) if narrow else (26.0, 22.0)
    drawing.text(indent, sheet.y + drop, "Under other readings", size=_SIZE, fill=INK_2, halo=True)
    top = sheet.y + (22 if narrow else 4)
    ends: list[float] = []
    for reading in sorted(chart.readings, key=lambda r: r.amount):
        x, words = sheet.axis.x(reading.amount), amount(reading.amount, chart.currency)
        wide = text_width(words, 13)
        after = not sheet.crosses(x + 13, x + 13 + wide) or x - 13 - wide < sheet.axis.left
        start, end = (x - 9, x + 17 + wide) if after else (x - 17 - wide, x + 9)
        row = next((i for i, taken in enumerate(ends) if start > taken), len(ends))
        ends[row : row + 1] = [end]
        y = top + 13 + 24 * row
        drawing.raw(
            f'<path d="M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z" fill="{PAPER}" stroke="{INK}" stroke-width="2"/>'
        )
        anchor: Literal["start", "end"] = "start" if after else "end"
        drawing.text(x + 13 if after else x - 13, y + 5, words, size=13, anchor=anchor, halo=True)
    sheet.y = top + 24 * len(ends) + 6

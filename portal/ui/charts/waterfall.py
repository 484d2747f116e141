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
            [None, f"Under another reading: {r.name}", None, amount(r.amount, self.currency)]
            for r in self.readings
        ]
        return rows

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


def draw_waterfall(chart: Waterfall, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page."""
    bars = _bars(chart.steps)
    ceiling = [] if chart.ceiling is None else [chart.ceiling]
    amounts = [a for bar in bars for a in (bar.low, bar.high)] + ceiling + [r.amount for r in chart.readings]
    left = 4.0 if layout.narrow else 304.0
    axis = MoneyAxis.over(amounts, left, layout.width - (20.0 if layout.narrow else 16.0))
    drawing = Drawing(layout.width)
    unit = " ".join(part for part in (chart.currency, axis.unit[1]) if part)
    head = [(f"Ceiling {money(chart.ceiling, chart.currency)}", 700)] if chart.ceiling is not None else []
    head += [(line, 400) for line in wrap(chart.ceiling_source, layout.width - 120, 12.5)] if head else []
    top = 16.0 * max(len(head), 1) + 8
    parts = Drawing(layout.width)
    y = top + 8
    joint: float | None = None
    for step, bar in zip(chart.steps, bars, strict=True):
        y, joint = _line(parts, chart, (step, bar), axis, (y, joint, layout))
    y = _readings(parts, chart, axis, y, layout)
    _scale(drawing, axis, top, y, unit if not layout.narrow else "")
    drawing.raw("".join(parts._parts))
    if layout.narrow:
        drawing.text(0, 14 if len(head) < 2 else y + 34, unit, size=12.5, fill=INK_2)
        y += 18 if len(head) >= 2 else 0
    if chart.ceiling is not None:
        _ceiling(
            drawing,
            axis.x(chart.ceiling),
            head,
            (top - 4, y if not layout.narrow or len(head) < 2 else y - 18),
        )
    return drawing.finish(ident, layout, y + 24, Said(chart.title, chart.finding))


def _scale(drawing: Drawing, axis: MoneyAxis, top: float, bottom: float, unit: str) -> None:
    for value, words in axis.ticks():
        x = axis.x(value)
        drawing.path([(x, top), (x, bottom)], LINE)
        drawing.text(x, bottom + 16, words, size=12.5, fill=INK_2, anchor="middle")
    if unit:
        drawing.text(axis.left - 16, bottom + 16, unit, size=12.5, fill=INK_2, anchor="end")


def _line(
    drawing: Drawing,
    chart: Waterfall,
    line: tuple[Step, _Bar],
    axis: MoneyAxis,
    at: tuple[float, float | None, Layout],
) -> tuple[float, float]:
    """Draw one line below y; returns the next y and where the connecting line of this bar begins."""
    (step, bar), (y, joint, layout) = line, at
    weight = 700 if step.kind == "total" else 400
    room = layout.width - 26 if layout.narrow else axis.left - 26 - 14
    labels = wrap(step.label, room, _SIZE)
    first = y + 13 if layout.narrow else y + max(0.0, 34 - LEADING * len(labels)) / 2 + 13
    if step.number is not None:
        drawing.text(0, first, str(step.number), fill=INK_2)
    for i, words in enumerate(labels):
        drawing.text(26, first + LEADING * i, words, size=_SIZE, weight=weight)
    height = max(34.0, LEADING * len(labels) + 8)
    bar_y = y + LEADING * len(labels) + 4 if layout.narrow else y + height / 2 - 10
    x, wide = axis.x(bar.low), max(axis.x(bar.high) - axis.x(bar.low), 2.0)
    if joint is not None and bar.before is not None and not layout.narrow:
        drawing.path([(axis.x(bar.before), joint), (axis.x(bar.before), bar_y)], EDGE, 1, "2 2")
    drawing.rect(x, bar_y, (wide, 20), bar.fill)
    _amount(drawing, chart.words(step), (x, x + wide, bar_y + 15), 700 if step.kind == "total" else 600, axis)
    return (bar_y + 28 if layout.narrow else y + height), bar_y + 20


def _amount(
    drawing: Drawing, words: str, at: tuple[float, float, float], weight: int, axis: MoneyAxis
) -> None:
    """The amount right of its bar; where that leaves the picture, left of it, or inside in white."""
    low, high, y = at
    wide = text_width(words, 13.5)
    if high + 8 + wide <= drawing.width:
        drawing.text(high + 8, y, words, weight=weight)
    elif low - 8 - wide >= axis.left:
        drawing.text(low - 8, y, words, anchor="end", weight=weight)
    else:
        drawing.text(high - 8, y, words, anchor="end", weight=weight, fill=PAPER)


def _readings(drawing: Drawing, chart: Waterfall, axis: MoneyAxis, y: float, layout: Layout) -> float:
    if not chart.readings:
        return y + 6
    drawing.text(
        0 if layout.narrow else 26, y + (13 if layout.narrow else 22), "Under other readings", fill=INK_2
    )
    y += 22 if layout.narrow else 4
    ends: list[float] = []
    for reading in sorted(chart.readings, key=lambda r: r.amount):
        x, words = axis.x(reading.amount), amount(reading.amount, chart.currency)
        wide = text_width(words, 13)
        start = x - 8 if x + 13 + wide <= drawing.width else x - 13 - wide
        row = next((i for i, end in enumerate(ends) if start > end), len(ends))
        ends[row : row + 1] = [max(x + 8, start + 26 + wide)]
        middle = y + 13 + 24 * row
        points = f"M{x:.1f} {middle - 7:.1f}l7 7l-7 7l-7 -7z"
        drawing.raw(f'<path d="{points}" fill="{PAPER}" stroke="{INK}" stroke-width="2"/>')
        after = x + 13 + wide <= drawing.width
        drawing.text(
            x + 13 if after else x - 13, middle + 5, words, size=13, anchor="start" if after else "end"
        )
    return y + 24 * len(ends) + 6


def _ceiling(drawing: Drawing, x: float, head: list[tuple[str, int]], span: tuple[float, float]) -> None:
    drawing.path([(x, span[0]), (x, span[1])], STOP, 2.5)
    for i, (words, weight) in enumerate(head):
        size = 13.5 if weight == 700 else 12.5
        drawing.text(x, 14 + 16 * i, words, size=size, fill=STOP, anchor="end", weight=weight)

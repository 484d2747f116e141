"""How an amount moves with one fact: its line, the legal maximum above it, a circle at the facts stated."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from portal.ui.charts.axis import MoneyAxis
from portal.ui.charts.drawing import (
    ACT,
    BRAND,
    EDGE,
    INK_2,
    LINE,
    PAPER,
    STOP,
    Drawing,
    Layout,
    Said,
    text_width,
    wrap,
)
from portal.ui.formats import amount

_SIZE = 12.5
_TOP = 34.0


class CurvePoint(NamedTuple):
    """What one value of the fact gives: the fact as a number and in words, the amount, the legal maximum."""

    at: Decimal
    words: str
    amount: Decimal
    maximum: Decimal | None = None


@dataclass(frozen=True)
class Curve:
    """Amounts over one fact. `across` names the fact with its unit; `here` is the point of the facts stated.

    `in_units` counts the fact in thousands or millions, as for money; else its ticks are as they are.
    """

    title: str
    finding: str
    currency: str
    across: str
    points: tuple[CurvePoint, ...]
    here: CurvePoint | None = None
    in_units: bool = False

    def columns(self) -> list[str]:
        """Headings of the table beside the picture."""
        return [self.across, "Legal maximum", f"Amount, {self.currency}"]

    def cells(self) -> list[list[object]]:
        """The same points as a table, in the order of the fact."""
        return [
            [
                f"{point.words} (these facts)" if point == self.here else point.words,
                None if point.maximum is None else amount(point.maximum, self.currency),
                amount(point.amount, self.currency),
            ]
            for point in self.sorted()
        ]

    def sorted(self) -> list[CurvePoint]:
        """Every point with that of the facts stated, in the order of the fact."""
        found = [point for point in self.points if self.here is None or point.at != self.here.at]
        return sorted([*found, *([self.here] if self.here else [])], key=lambda point: point.at)


def draw_curve(chart: Curve, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page."""
    points = chart.sorted()
    amounts = [figure for point in points for figure in (point.amount, point.maximum) if figure is not None]
    bottom = _TOP + (190.0 if layout.narrow else 230.0)
    up = MoneyAxis.over(amounts, bottom, _TOP)
    ticks = up.ticks()
    left = max(text_width(words, _SIZE) for _, words in ticks) + 10
    along = MoneyAxis.over([point.at for point in points], left, layout.width - 12.0)
    drawing = Drawing(layout.width)
    drawing.text(0, 14, _unit(chart.currency, up), size=_SIZE, fill=INK_2)
    for value, words in ticks:
        y = up.x(value)
        drawing.path([(left, y), (layout.width, y)], EDGE if value == 0 else LINE)
        drawing.text(left - 6, y + 4, words, size=_SIZE, fill=INK_2, anchor="end")
    height = _across(drawing, chart, along, bottom)
    _lines(drawing, points, along, up)
    if chart.here is not None:
        _here(drawing, chart, along, up)
    return drawing.finish(ident, layout, height, Said(chart.title, chart.finding))


def _unit(name: str, axis: MoneyAxis) -> str:
    return " ".join(part for part in (name, axis.unit[1]) if part)


def _across(drawing: Drawing, chart: Curve, along: MoneyAxis, bottom: float) -> float:
    """The axis of the fact below the picture; returns the height of the whole."""
    name = along.unit[1] if chart.in_units else ""
    for value, words in along.ticks():
        x, said = along.x(value), words if chart.in_units else _digits(value)
        drawing.path([(x, bottom), (x, bottom + 4)], EDGE)
        drawing.text(x, bottom + 18, said, size=_SIZE, fill=INK_2, anchor="middle")
    y = bottom + 18
    for line in wrap(f"{chart.across}{f', {name}' if name else ''}", drawing.width - 4, _SIZE):
        y += 17
        drawing.text(drawing.width, y, line, size=_SIZE, fill=INK_2, anchor="end")
    return y + 8


def _digits(value: Decimal) -> str:
    words = f"{value:,f}"
    return words.rstrip("0").rstrip(".") if "." in words else words


def _lines(drawing: Drawing, points: Sequence[CurvePoint], along: MoneyAxis, up: MoneyAxis) -> None:
    # The maximum lies over the amount in dashes, so that both are seen where they are one.
    limits = [(along.x(p.at), up.x(p.maximum)) for p in points if p.maximum is not None]
    if len(points) > 1:
        drawing.path([(along.x(p.at), up.x(p.amount)) for p in points], ACT, 2.5)
    if len(limits) > 1:
        drawing.path(limits, STOP, 2, "5 3")


def _here(drawing: Drawing, chart: Curve, along: MoneyAxis, up: MoneyAxis) -> None:
    assert chart.here is not None
    x, y = along.x(chart.here.at), up.x(chart.here.amount)
    drawing.circle(x, y, 6, BRAND, stroke=PAPER, stroke_width="1.5")
    said = amount(chart.here.amount, chart.currency)
    drawing.text(x, max(y - 12, 28), said, anchor="middle", weight=700, halo=True)

"""How an amount moves with a fact that comes in steps: a bar for each, the legal maximum as a mark."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from portal.ui.charts.axis import MoneyAxis
from portal.ui.charts.drawing import (
    ACT,
    BRAND,
    EDGE,
    INK,
    INK_2,
    LINE,
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
_WIDEST = 64.0


class Column(NamedTuple):
    """What one step of the fact gives; `here` is the step of the facts stated."""

    words: str
    amount: Decimal
    maximum: Decimal | None = None
    here: bool = False


@dataclass(frozen=True)
class Columns:
    """Amounts over a fact that comes in steps, in their order. `across` names the fact."""

    title: str
    finding: str
    currency: str
    across: str
    rows: tuple[Column, ...]

    def columns(self) -> list[str]:
        """Headings of the table beside the picture."""
        return [self.across, "Legal maximum", f"Amount, {self.currency}"]

    def cells(self) -> list[list[object]]:
        """The same steps as a table."""
        return [
            [
                f"{row.words} (these facts)" if row.here else row.words,
                None if row.maximum is None else amount(row.maximum, self.currency),
                amount(row.amount, self.currency),
            ]
            for row in self.rows
        ]


@dataclass
class _Plot:
    """The drawing with its axis of money and the width that a step has."""

    drawing: Drawing
    up: MoneyAxis
    left: float
    slot: float
    bottom: float

    def middle(self, index: int) -> float:
        """Px of the middle of a step."""
        return self.left + self.slot * (index + 0.5)


def draw_columns(chart: Columns, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page."""
    figures = [one for row in chart.rows for one in (row.amount, row.maximum) if one is not None]
    bottom = _TOP + (190.0 if layout.narrow else 230.0)
    up = MoneyAxis.over(figures, bottom, _TOP)
    ticks = up.ticks()
    left = max(text_width(words, _SIZE) for _, words in ticks) + 10
    drawing = Drawing(layout.width)
    unit = " ".join(part for part in (chart.currency, up.unit[1]) if part)
    drawing.text(0, 14, unit, size=_SIZE, fill=INK_2)
    for value, words in ticks:
        y = up.x(value)
        drawing.path([(left, y), (layout.width, y)], EDGE if value == 0 else LINE)
        drawing.text(left - 6, y + 4, words, size=_SIZE, fill=INK_2, anchor="end")
    plot = _Plot(drawing, up, left, (layout.width - left) / max(len(chart.rows), 1), bottom)
    for index, row in enumerate(chart.rows):
        _bar(plot, index, row)
    _here(plot, chart)
    y = _labels(plot, chart.rows)
    for line in wrap(chart.across, layout.width - 4, _SIZE):
        y += 17
        drawing.text(layout.width, y, line, size=_SIZE, fill=INK_2, anchor="end")
    return drawing.finish(ident, layout, y + 8, Said(chart.title, chart.finding))


def _bar(plot: _Plot, index: int, row: Column) -> None:
    x, half = plot.middle(index), min(plot.slot * 0.6, _WIDEST) / 2
    zero, top = plot.up.x(Decimal(0)), plot.up.x(row.amount)
    high, low = min(zero, top), max(zero, top, min(zero, top) + 2)
    plot.drawing.rect(x - half, high, (half * 2, low - high), BRAND if row.here else ACT)
    if row.maximum is not None:
        y, wide = plot.up.x(row.maximum), min(plot.slot * 0.42, _WIDEST)
        plot.drawing.path([(x - wide, y), (x + wide, y)], STOP, 2, "5 3")


def _here(plot: _Plot, chart: Columns) -> None:
    """The amount of the facts stated, above its bar."""
    for index, row in enumerate(chart.rows):
        if row.here:
            y = max(min(plot.up.x(row.amount), plot.up.x(Decimal(0))) - 7, 28)
            said = amount(row.amount, chart.currency)
            plot.drawing.text(plot.middle(index), y, said, anchor="middle", weight=700, halo=True)


def _labels(plot: _Plot, rows: tuple[Column, ...]) -> float:
    """The words of the steps below them, as many as find room; returns the last baseline."""
    room = plot.slot - 6
    wide = max((text_width(word, _SIZE) for row in rows for word in row.words.split()), default=0.0)
    each = 1 if wide <= room else int(wide / plot.slot) + 1
    last = plot.bottom + 18
    for index, row in enumerate(rows):
        if index % each and not row.here:
            continue
        for number, line in enumerate(wrap(row.words, min(max(room, wide), plot.drawing.width - 4), _SIZE)):
            y = plot.bottom + 18 + 15 * number
            weight, fill = (700, INK) if row.here else (400, INK_2)
            plot.drawing.text(
                plot.middle(index), y, line, size=_SIZE, fill=fill, anchor="middle", weight=weight
            )
            last = max(last, y)
    return last

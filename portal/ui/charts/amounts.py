"""Amounts beside each other on one axis: a bar for each, a red mark at its own ceiling."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from markupsafe import Markup

from portal.ui.charts.axis import MoneyAxis
from portal.ui.charts.drawing import (
    ACT,
    EDGE,
    INK_2,
    LEADING,
    LINE,
    PAPER,
    STOP,
    Drawing,
    Label,
    Layout,
    Said,
    text_width,
    wrap,
)
from portal.ui.formats import amount

_SIZE = 13.5
_BESIDE = 232.0


class AmountRow(NamedTuple):
    """One amount with its ceiling; without an amount `why` says why. `proposed` is drawn open and dashed."""

    name: str
    note: str = ""
    amount: Decimal | None = None
    maximum: Decimal | None = None
    proposed: bool = False
    why: str = ""


@dataclass(frozen=True)
class Amounts:
    """Amounts in one currency. `finding` says in a sentence or two what the picture shows."""

    title: str
    finding: str
    currency: str
    rows: tuple[AmountRow, ...]

    def columns(self) -> list[str]:
        """Headings of the table beside the picture."""
        return ["Name", "Note", f"Ceiling, {self.currency}", f"Amount, {self.currency}"]

    def cells(self) -> list[list[object]]:
        """The same rows as a table."""
        return [
            [
                row.name,
                row.note or None,
                None if row.maximum is None else amount(row.maximum, self.currency),
                row.why or None if row.amount is None else amount(row.amount, self.currency),
            ]
            for row in self.rows
        ]


@dataclass
class _Sheet:
    """The rows being drawn: where the next one begins."""

    drawing: Drawing
    axis: MoneyAxis
    layout: Layout
    y: float = 8.0


def draw_amounts(chart: Amounts, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page."""
    figures = [one for row in chart.rows for one in (row.amount, row.maximum) if one is not None]
    left = 2.0 if layout.narrow else _BESIDE
    axis = MoneyAxis.over(figures, left, layout.width - 16.0)
    sheet = _Sheet(Drawing(layout.width), axis, layout)
    for row in chart.rows:
        _row(sheet, row, chart.currency)
    back = Drawing(layout.width)
    for value, words in axis.ticks():
        x = axis.x(value)
        back.path([(x, 0), (x, sheet.y)], EDGE if value == 0 else LINE)
        back.text(x, sheet.y + 17, words, size=12.5, fill=INK_2, anchor="middle")
    unit = " ".join(part for part in (chart.currency, axis.unit[1]) if part)
    back.text(layout.width, sheet.y + 35, unit, size=12.5, fill=INK_2, anchor="end")
    back.add(sheet.drawing)
    return back.finish(ident, layout, sheet.y + 44, Said(chart.title, chart.finding))


def _row(sheet: _Sheet, row: AmountRow, currency: str) -> None:
    narrow, drawing = sheet.layout.narrow, sheet.drawing
    label = Label.fit(row.name, row.note, sheet.layout.width - 4 if narrow else _BESIDE - 18, beside=narrow)
    height = label.height + 34 if narrow else max(label.height + 14, 40.0)
    drawing.label(label, sheet.y + 13 if narrow else sheet.y + (height - label.height) / 2 + 12)
    top = sheet.y + label.height + 4 if narrow else sheet.y + height / 2 - 10
    if row.amount is None:
        for number, line in enumerate(wrap(row.why, sheet.layout.width - sheet.axis.left - 8, _SIZE)):
            drawing.text(
                sheet.axis.left + 8, top + 15 + LEADING * number, line, size=_SIZE, fill=INK_2, halo=True
            )
            height = max(height, top + 22 + LEADING * number - sheet.y)
    else:
        _bar(sheet, row, top, amount(row.amount, currency))
    sheet.y += height


def _bar(sheet: _Sheet, row: AmountRow, top: float, words: str) -> None:
    drawing, axis = sheet.drawing, sheet.axis
    assert row.amount is not None
    zero, end = axis.x(Decimal(0)), axis.x(row.amount)
    low, high = min(zero, end), max(zero, end, min(zero, end) + 2)
    if row.proposed:
        drawing.rect(low, top, (high - low, 20), PAPER, stroke=ACT, stroke_width="2", stroke_dasharray="4 3")
    else:
        drawing.rect(low, top, (high - low, 20), ACT)
    limit = None if row.maximum is None else axis.x(row.maximum)
    if limit is not None:
        drawing.path([(limit, top - 5), (limit, top + 25)], STOP, 3)
    _words(sheet, words, high, limit, top + 15)


def _words(sheet: _Sheet, words: str, high: float, limit: float | None, y: float) -> None:
    """The amount behind its bar, or behind the mark of the ceiling where it would lie over that."""
    wide, at = text_width(words, _SIZE), high + 8
    if limit is not None and at - 4 < limit < at + wide + 4:
        at = limit + 8
    if at + wide > sheet.layout.width:
        at = min(high, limit if limit is not None else high) - 8 - wide
    sheet.drawing.text(max(at, sheet.axis.left + 2), y, words, size=_SIZE, weight=600, halo=True)

"""How many entries the public log held over time: a picture and its table, from the signed checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from portal.ui.charts.axis import TimeAxis
from portal.ui.charts.drawing import ACT, INK, INK_2, LINE, NARROW, WIDE, Drawing, Layout, Said, text_width
from portal.ui.formats import count, date_only, plural
from secure_access.db import Session, col, select
from secure_access.ledger.tables import LedgerCheckpoint, Log

_HEIGHT, _TOP = 190.0, 16.0


@dataclass(frozen=True)
class Month:
    """A calendar month: its last checkpoint, and how many entries are new in it."""

    at: datetime
    size: int
    new: int


def months(session: Session) -> list[Month]:
    """The months in which a checkpoint was signed, in order."""
    query = (
        select(LedgerCheckpoint.at, LedgerCheckpoint.size)
        .where(LedgerCheckpoint.log == Log.PUBLIC, col(LedgerCheckpoint.size) > 0)
        .order_by(col(LedgerCheckpoint.size))
    )
    last: dict[tuple[int, int], tuple[datetime, int]] = {}
    for at, size in session.exec(query):
        last[at.year, at.month] = (at, size)
    found, before = [], 0
    for at, size in last.values():
        found.append(Month(at, size, size - before))
        before = size
    return found


def finding(rows: Sequence[Month]) -> str:
    """What the picture shows, in a sentence."""
    if not rows:
        return "The public log holds no entry yet."
    first, last = rows[0], rows[-1]
    span = f"From {date_only(first.at)} to {date_only(last.at)}"
    return f"{span} the public log grew to {plural(last.size, 'entry', 'entries')}."


def cells(rows: Sequence[Month]) -> list[list[str]]:
    """The same as a table, newest first."""
    return [[f"{row.at:%B %Y}", count(row.size), count(row.new)] for row in reversed(rows)]


def picture(rows: Sequence[Month]) -> Markup:
    """The wide and the narrow drawing."""
    return _draw(rows, "growth-w", WIDE) + _draw(rows, "growth-n", NARROW)


def _draw(rows: Sequence[Month], ident: str, layout: Layout) -> Markup:
    drawing = Drawing(layout.width)
    top = max((row.size for row in rows), default=1)
    left, bottom = 8.0 + text_width(count(top), 12.5), _TOP + _HEIGHT
    axis = TimeAxis.over([row.at for row in rows], left, layout.width - 12.0, 4 if layout.narrow else 7)

    def y(size: int) -> float:
        return bottom - _HEIGHT * size / (top * 1.1)

    for share in (0, top // 2, top):
        drawing.path([(left, y(share)), (layout.width - 12.0, y(share))], INK if share == 0 else LINE)
        drawing.text(left - 6, y(share) + 4, count(share), size=12.5, fill=INK_2, anchor="end")
    for tick in axis.ticks():
        drawing.path([(axis.x(tick.at), bottom), (axis.x(tick.at), bottom + 5)], INK)
        drawing.text(axis.x(tick.at), bottom + 20, tick.words, size=12.5, fill=INK_2)
    points: list[tuple[float, float]] = []
    for row in rows:
        x = axis.x(row.at)
        points += [(x, points[-1][1] if points else bottom), (x, y(row.size))]
    drawing.path(points or [(left, bottom), (left, bottom)], ACT, 2.5)
    for row in rows:
        drawing.circle(axis.x(row.at), y(row.size), 4.5, ACT)
    said = Said(f"Entries of the public log, {plural(len(rows), 'month')}", finding(rows))
    return drawing.finish(ident, layout, bottom + 26, said)

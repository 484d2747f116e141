"""How many entries for everybody the log took in over time: a picture and its table, month by month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from portal.ui.charts.drawing import ACT, INK, INK_2, LINE, NARROW, WIDE, Drawing, Layout, Said, text_width
from portal.ui.formats import count, plural
from secure_access.db import Session, col, select
from secure_access.ledger import sequencer
from secure_access.ledger.tables import Audience, LedgerEntry, Log

PICTURED = 24
"""Months in the picture, the newest; the table has all of them."""
_HEIGHT, _TOP, _SIZE = 150.0, 24.0, 12.5


@dataclass(frozen=True)
class Month:
    """A calendar month by its first day, and how many entries for everybody were recorded in it."""

    first: date
    published: int


def months(session: Session) -> list[Month]:
    """Every month from the first publication to the last, those without one too. Only what is signed."""
    newest = sequencer.latest(session, Log.PUBLIC)
    query = select(LedgerEntry.recorded_at).where(
        LedgerEntry.log == Log.PUBLIC,
        LedgerEntry.audience == Audience.PUBLIC,
        col(LedgerEntry.leaf_index) < (newest.size if newest else 0),
    )
    found = Counter(at.year * 12 + at.month - 1 for at in session.exec(query))
    if not found:
        return []
    every = range(min(found), max(found) + 1)
    return [Month(date(month // 12, month % 12 + 1, 1), found[month]) for month in every]


def finding(rows: Sequence[Month]) -> str:
    """What the picture shows, in a sentence."""
    total = plural(sum(row.published for row in rows), "entry", "entries")
    most = max(rows, key=lambda row: row.published)
    span = f"in {most.first:%B %Y}" if len(rows) == 1 else f"the most in {most.first:%B %Y}"
    return f"{total} for everybody, {span}."


def cells(rows: Sequence[Month]) -> list[list[str]]:
    """The same as a table, newest first."""
    return [[f"{row.first:%B %Y}", count(row.published)] for row in reversed(rows)]


def picture(rows: Sequence[Month]) -> Markup:
    """The wide and the narrow drawing."""
    return _draw(rows, "published-w", WIDE) + _draw(rows, "published-n", NARROW)


def _draw(rows: Sequence[Month], ident: str, layout: Layout) -> Markup:
    drawing, shown = Drawing(layout.width), rows[-PICTURED:]
    top = max(row.published for row in shown) or 1
    left, bottom = 10.0 + text_width(count(top), _SIZE), _TOP + _HEIGHT
    slot = (layout.width - left) / max(len(shown), 4)

    def y(published: int) -> float:
        return bottom - _HEIGHT * published / top

    for tick in sorted({0, top // 2, top}):
        drawing.path([(left, y(tick)), (layout.width, y(tick))], INK if tick == 0 else LINE)
        drawing.text(left - 6, y(tick) + 4, count(tick), size=_SIZE, fill=INK_2, anchor="end")
    each = int(64 / slot) + 1
    for place, row in enumerate(shown):
        middle, half = left + slot * (place + 0.5), min(slot * 0.6, 48.0) / 2
        drawing.rect(middle - half, y(row.published), (half * 2, bottom - y(row.published)), ACT)
        if place % each == 0:
            words = f"{row.first:%b %Y}"
            drawing.text(middle, bottom + 18, words, size=_SIZE, fill=INK_2, anchor="middle")
    title = f"Entries for everybody, {plural(len(shown), 'month')}"
    return drawing.finish(ident, layout, bottom + 26, Said(title, finding(rows)))

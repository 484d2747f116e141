"""Who opened my plan: sections, the time of the access grant, every opening and every refusal."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from markupsafe import Markup

from portal.ui.charts.axis import TimeAxis, When, instant
from portal.ui.charts.drawing import (
    INK_2,
    LINE,
    PAPER,
    SEAL,
    SEAL_WASH,
    STOP,
    Drawing,
    Label,
    Layout,
    Said,
    text_width,
)
from portal.ui.formats import duration, moment, status


class OpeningLane(NamedTuple):
    """A lane: a section of the plan (or a reader), and a note such as `section 2, 31 pages`."""

    name: str
    note: str = ""


class GrantWindow(NamedTuple):
    """The time in which an access grant let somebody read what the lane is about."""

    lane: str
    start: When
    end: When


@dataclass(frozen=True)
class Opening:
    """One opening or refusal. `pages` gives the pages shown in each lane; `refused` is empty, or why no
    page was shown.
    """

    at: When
    who: str
    team: str
    pages: tuple[tuple[str, int], ...]
    refused: str = ""
    lasted: timedelta | None = None
    entry: str = ""
    url: str = ""


@dataclass(frozen=True)
class Openings:
    """Lanes of openings over time. `finding` says in a sentence or two what the picture shows."""

    title: str
    finding: str
    lanes: tuple[OpeningLane, ...]
    windows: tuple[GrantWindow, ...]
    rows: tuple[Opening, ...]

    def columns(self) -> list[object]:
        """Headings of the table beside the picture."""
        return ["When", "Section", "Pages", ("Who, team", "Who"), "Result", "Open for", "Entry"]

    def cells(self) -> list[list[object]]:
        """The same rows as a table, latest first."""
        return [
            [
                moment(instant(row.at)),
                "; ".join(lane for lane, _ in row.pages) or None,
                None if row.refused else str(sum(pages for _, pages in row.pages)),
                Markup('{}<br><span class="sub small">{}</span>').format(row.who, row.team),
                status("stop", f"Refused: {row.refused}") if row.refused else status("good", "Opened"),
                None if row.lasted is None else duration(row.lasted),
                {"text": row.entry, "url": row.url} if row.url else row.entry or None,
            ]
            for row in sorted(self.rows, key=lambda row: instant(row.at), reverse=True)
        ]


class _Mark(NamedTuple):
    x: float
    row: int
    pages: int
    refused: bool


def draw_openings(chart: Openings, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page. Lanes that only an opening names are added at the end."""
    left, right = (6.0, layout.width - 8.0) if layout.narrow else (216.0, layout.width - 4.0)
    times = [instant(row.at) for row in chart.rows]
    times += [instant(t) for window in chart.windows for t in (window.start, window.end)]
    axis = TimeAxis.over(times, left, right, 3 if layout.narrow else 6)
    lanes = [*chart.lanes, *_unnamed(chart)]
    drawing, body = Drawing(layout.width), Drawing(layout.width)
    top = 26.0
    for lane in lanes:
        body.rule(top)
        top = _lane(body, chart, lane, axis, (top, layout))
    taken = -1.0
    for tick in axis.ticks():
        x, wide = axis.x(tick.at), text_width(tick.words, 12.5)
        drawing.path([(x, 22), (x, top)], LINE)
        if x + 3 >= taken and x + 3 + wide <= layout.width:
            drawing.text(x + 3, 14, tick.words, size=12.5, fill=INK_2)
            taken = x + 9 + wide
    drawing.add(body)
    drawing.rule(top)
    return drawing.finish(ident, layout, top + 6, Said(chart.title, chart.finding))


def _unnamed(chart: Openings) -> list[OpeningLane]:
    known = {lane.name for lane in chart.lanes}
    named = [w.lane for w in chart.windows] + [name for row in chart.rows for name, _ in row.pages]
    return [OpeningLane(name) for name in dict.fromkeys(named) if name not in known]


def _lane(
    drawing: Drawing, chart: Openings, lane: OpeningLane, axis: TimeAxis, at: tuple[float, Layout]
) -> float:
    """Draw one lane below `top`; returns where the next begins."""
    top, layout = at
    label = Label.fit(lane.name, lane.note, layout.width if layout.narrow else axis.left - 16, layout.narrow)
    marks = _marks(chart, lane.name, axis)
    band = 22.0 + 20 * max((mark.row for mark in marks), default=0)
    if layout.narrow:
        drawing.label(label, top + 16)
        band_top, bottom = top + label.height + 8, top + label.height + 8 + band + 7
    else:
        bottom = top + max(label.height + 12, band + 24, 46.0)
        band_top = (top + bottom - band) / 2
        drawing.label(label, (top + bottom - label.height) / 2 + 13)
    for window in chart.windows:
        if window.lane == lane.name:
            x, end = axis.x(window.start), axis.x(window.end)
            drawing.rect(x, band_top, (max(end - x, 2.0), band), SEAL_WASH, stroke=SEAL, stroke_width="1")
    for mark in marks:
        _draw(drawing, mark, band_top + 3 + 20 * mark.row)
    return bottom


def _marks(chart: Openings, lane: str, axis: TimeAxis) -> list[_Mark]:
    """Marks of a lane in rows, so that none hides another."""
    ends: list[float] = []
    found = []
    ordered = sorted(chart.rows, key=lambda row: instant(row.at))
    for opening, pages in ((row, pages) for row in ordered for name, pages in row.pages if name == lane):
        x, half = axis.x(opening.at), _half(pages, bool(opening.refused))
        row = next((i for i, end in enumerate(ends) if x - half >= end), len(ends))
        ends[row : row + 1] = [x + half + 1]
        found.append(_Mark(x, row, pages, bool(opening.refused)))
    return found


def _half(pages: int, refused: bool) -> float:
    return 8.0 if refused else max(9.0, text_width(str(pages), 12) / 2 + 2)


def _draw(drawing: Drawing, mark: _Mark, y: float) -> None:
    half = _half(mark.pages, mark.refused)
    x = max(half, min(mark.x, drawing.width - half))
    if mark.refused:
        drawing.path([(x - 7, y + 1), (x + 7, y + 15)], STOP, 3.5)
        drawing.path([(x + 7, y + 1), (x - 7, y + 15)], STOP, 3.5)
        return
    drawing.rect(x - half, y, (2 * half, 16), SEAL)
    drawing.text(x, y + 12.5, str(mark.pages), size=12, fill=PAPER, anchor="middle", weight=700)

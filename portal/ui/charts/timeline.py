"""The timeline of a case: who did what when, what was late, and how the review clock ran."""

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from portal.ui.charts.axis import TimeAxis, When, instant
from portal.ui.charts.drawing import (
    ACT,
    BRAND,
    EDGE,
    INK,
    INK_2,
    LINE,
    PAPER,
    STOP,
    WASH,
    Drawing,
    Label,
    Layout,
    Said,
    text_width,
)
from portal.ui.formats import date_only, status

LANES = ("Developer", "Evaluator", "Authority")


@dataclass(frozen=True)
class TimelineEvent:
    """One event: `number` keys the mark to the table; `late` is empty, or words such as `19 days late`."""

    number: int
    lane: str
    at: When
    what: str
    by: str
    late: str = ""
    entry: str = ""
    url: str = ""


@dataclass(frozen=True)
class ClockSpan:
    """A stretch of the review clock: it ran, it stood still, or it is left. `words` are inside where they
    fit.
    """

    start: When
    end: When
    state: Literal["ran", "stopped", "left"]
    words: str


@dataclass(frozen=True)
class Timeline:
    """Lanes of events and, below, the clock. `finding` says in a sentence or two what the picture shows."""

    title: str
    finding: str
    events: tuple[TimelineEvent, ...]
    today: When
    clock: tuple[ClockSpan, ...] = ()
    clock_name: str = "Review clock"
    lanes: tuple[str, ...] = LANES

    def columns(self) -> list[str]:
        """Headings of the table beside the picture."""
        return ["No.", "Date", "Event", "By", "Ledger"]

    def cells(self) -> list[list[object]]:
        """The same rows as a table, latest first."""
        ordered = sorted(self.events, key=lambda event: (instant(event.at), event.number), reverse=True)
        return [
            [
                event.number,
                date_only(event.at),
                Markup("{} {}").format(event.what, status("stop", event.late)) if event.late else event.what,
                event.by,
                {"text": event.entry, "url": event.url} if event.url else event.entry or None,
            ]
            for event in ordered
        ]


@dataclass(frozen=True)
class _Lane:
    label: Label
    top: float
    marks: tuple[tuple[TimelineEvent, float, float], ...]
    middle: float
    bottom: float


def draw_timeline(chart: Timeline, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page."""
    left, right = (8.0, layout.width - 8.0) if layout.narrow else (126.0, layout.width - 8.0)
    times = [instant(t) for t in (chart.today, *(e.at for e in chart.events))]
    times += [instant(t) for span in chart.clock for t in (span.start, span.end)]
    axis = TimeAxis.over(times, left, right, 5 if layout.narrow else 7)
    lanes = _place(chart, axis, layout)
    bottom = lanes[-1].bottom if lanes else 24.0
    clock_top = bottom
    clock_label = Label.fit(chart.clock_name, "", layout.width if layout.narrow else left - 8, False)
    if chart.clock:
        bottom += clock_label.height + 30 if layout.narrow else max(36.0, clock_label.height + 10)
    drawing = Drawing(layout.width)
    _grid(drawing, axis, bottom + 4)
    today = axis.x(chart.today)
    drawing.path([(today, 18), (today, bottom + 6)], INK, 2)
    drawing.text(today, bottom + 19, "today", size=12.5, anchor="middle", weight=700)
    for lane in lanes:
        drawing.label(lane.label, lane.top + 16 if layout.narrow else lane.middle + 5)
        drawing.path([(left, lane.middle), (right, lane.middle)], EDGE)
        for event, x, y in lane.marks:
            _mark(drawing, event, x, y)
    if chart.clock:
        drawing.label(clock_label, clock_top + (16 if layout.narrow else 23))
        _clock(drawing, chart.clock, axis, clock_top + (clock_label.height + 6 if layout.narrow else 9))
    return drawing.finish(ident, layout, bottom + 24, Said(chart.title, chart.finding))


def _grid(drawing: Drawing, axis: TimeAxis, bottom: float) -> None:
    taken = -1.0
    for tick in axis.ticks():
        x = axis.x(tick.at)
        drawing.path([(x, 20), (x, bottom)], LINE)
        wide = text_width(tick.words, 12.5)
        if x + 4 >= taken and x + 4 + wide <= drawing.width:
            drawing.text(x + 4, 13, tick.words, size=12.5, fill=INK_2)
            taken = x + 10 + wide


def _place(chart: Timeline, axis: TimeAxis, layout: Layout) -> list[_Lane]:
    names = [*chart.lanes, *dict.fromkeys(e.lane for e in chart.events if e.lane not in chart.lanes)]
    placed: list[_Lane] = []
    top = 24.0
    for name in names:
        label = Label.fit(name, "", layout.width if layout.narrow else axis.left - 8, False)
        events = sorted((e for e in chart.events if e.lane == name), key=lambda e: (instant(e.at), e.number))
        rows = _rows([axis.x(e.at) for e in events])
        first = top + (label.height + 21 if layout.narrow else 18)
        marks = tuple((e, axis.x(e.at), first + 24 * row) for e, row in zip(events, rows, strict=True))
        extra = 24 * max(rows, default=0)
        bottom = top + extra + (label.height + 37 if layout.narrow else max(36.0, label.height + 14))
        placed.append(_Lane(label, top, marks, first, bottom))
        top = bottom
    return placed


def _rows(xs: list[float], room: float = 23.0) -> list[int]:
    """In which row each mark stands so that none hides another: the first row that is free there."""
    ends: list[float] = []
    found = []
    for x in xs:
        row = next((i for i, end in enumerate(ends) if x - end >= room), len(ends))
        ends[row : row + 1] = [x]
        found.append(row)
    return found


def _mark(drawing: Drawing, event: TimelineEvent, x: float, y: float) -> None:
    if event.late:
        drawing.rect(x - 10, y - 10, (20, 20), STOP)
    else:
        drawing.circle(x, y, 10.5, BRAND)
    size = 12.5 if event.number < 100 else 10.0
    drawing.text(x, y + 4.5, str(event.number), size=size, fill=PAPER, anchor="middle", weight=700)


def _clock(drawing: Drawing, spans: tuple[ClockSpan, ...], axis: TimeAxis, y: float) -> None:
    for span in spans:
        x, end = axis.x(span.start), axis.x(span.end)
        size = (end - x, 18.0)
        if span.state == "ran":
            drawing.rect(x, y, size, ACT)
        elif span.state == "stopped":
            drawing.rect(x, y, size, WASH, stroke=EDGE, stroke_dasharray="4 3")
        else:
            drawing.rect(x, y, size, PAPER, stroke=ACT, stroke_width="1.5")
        fits = [
            words
            for words in (span.words, span.words.split(" ")[0])
            if text_width(words, 12.5) + 6 <= end - x
        ]
        if fits:
            fill = {"ran": PAPER, "stopped": INK_2, "left": ACT}[span.state]
            drawing.text((x + end) / 2, y + 13.5, fits[0], size=12.5, fill=fill, anchor="middle", weight=600)

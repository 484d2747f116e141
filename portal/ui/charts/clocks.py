"""The clocks of one event under each regime: from when, until when, and what of it was late."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from markupsafe import Markup

from portal.ui.charts.axis import TimeAxis, When, instant
from portal.ui.charts.drawing import (
    ACT,
    BRAND,
    GOOD,
    INK,
    INK_2,
    LEADING,
    LINE,
    PAPER,
    STOP,
    WARN,
    Drawing,
    Label,
    Layout,
    Said,
    text_width,
)
from portal.ui.formats import due, duration, late, moment, status

_STATE = 13.5


class ClockState(NamedTuple):
    """What a clock says now: the kind of a status mark, and its words."""

    kind: Literal["stop", "warn", "good"]
    words: str


@dataclass(frozen=True)
class Clock:
    """One duty's time: it starts, it is due, and it is done or not yet. `source` is its citation."""

    name: str
    note: str
    start: When
    due: When
    done: When | None = None
    source: str = ""

    def state(self, now: When) -> ClockState:
        """In time, late by how much, or how much is left."""
        over = late(instant(self.due), instant(self.done or now))
        if over:
            return ClockState("stop", over)
        if self.done is not None:
            return ClockState("good", "In time")
        return ClockState("warn", f"{duration(instant(self.due) - instant(now))} left")


@dataclass(frozen=True)
class Clocks:
    """Clocks on one axis. `finding` says in a sentence or two what the picture shows."""

    title: str
    finding: str
    rows: tuple[Clock, ...]
    now: When

    def columns(self) -> list[str]:
        """Headings of the table beside the picture."""
        return ["Duty", "Clock starts", "Due", "Done", "State", "Source"]

    def cells(self) -> list[list[object]]:
        """The same rows as a table."""
        return [
            [
                Markup('{}<br><span class="sub small">{}</span>').format(row.name, row.note),
                moment(instant(row.start)),
                due(instant(row.due)),
                None if row.done is None else moment(instant(row.done)),
                status(*row.state(self.now)),
                row.source or None,
            ]
            for row in self.rows
        ]


def draw_clocks(chart: Clocks, ident: str, layout: Layout) -> Markup:
    """Draw it; `ident` is unique on the page. The line of now is drawn only while a clock still runs."""
    left, right = (8.0, layout.width - 8.0) if layout.narrow else (216.0, layout.width - 128.0)
    running = any(row.done is None for row in chart.rows)
    times = [instant(t) for row in chart.rows for t in (row.start, row.due, row.done) if t is not None]
    axis = TimeAxis.over(
        [*times, instant(chart.now)] if running else times, left, right, 4 if layout.narrow else 6
    )
    drawing = Drawing(layout.width)
    tops, bottom = _tops(chart, layout)
    _grid(drawing, axis, bottom)
    if running:
        x = axis.x(chart.now)
        drawing.path([(x, 22), (x, bottom + 6)], INK, 2)
        drawing.text(x, bottom + 19, "now", size=12.5, anchor="middle", weight=700)
    for row, (top, label) in zip(chart.rows, tops, strict=True):
        drawing.rule(top)
        middle = top + label.height + 24 if layout.narrow else top + max(46.0, label.height + 14) / 2
        drawing.label(label, top + 17 if layout.narrow else middle - label.height / 2 + 13)
        _bar(drawing, row, chart.now, axis, middle)
        _state(drawing, row.state(chart.now), layout, top, middle)
    drawing.rule(bottom)
    return drawing.finish(ident, layout, bottom + (24 if running else 4), Said(chart.title, chart.finding))


def _tops(chart: Clocks, layout: Layout) -> tuple[list[tuple[float, Label]], float]:
    found = []
    top = 26.0
    for row in chart.rows:
        if layout.narrow:
            room = layout.width - text_width(row.state(chart.now).words, _STATE) - 30
            label = Label.fit(row.name, row.note, room, False)
            height = label.height + 44
        else:
            label = Label.fit(row.name, row.note, 196, False)
            height = max(46.0, label.height + 14)
        found.append((top, label))
        top += height
    return found, top


def _grid(drawing: Drawing, axis: TimeAxis, bottom: float) -> None:
    taken = -1.0
    for tick in axis.ticks():
        x = axis.x(tick.at)
        drawing.path([(x, 22), (x, bottom)], LINE)
        wide = text_width(tick.words, 12.5)
        if x + 3 >= taken and x + 3 + wide <= drawing.width:
            drawing.text(x + 3, 14, tick.words, size=12.5, fill=INK_2)
            taken = x + 9 + wide


def _bar(drawing: Drawing, row: Clock, now: When, axis: TimeAxis, y: float) -> None:
    start, end = axis.x(row.start), axis.x(row.due)
    stopped = axis.x(row.done if row.done is not None else now)
    ran = min(max(stopped, start), end)
    drawing.rect(start, y - 8, (end - start, 16), PAPER, stroke=ACT, stroke_width="1.5")
    drawing.rect(start, y - 8, (ran - start, 16), ACT)
    if row.state(now).kind == "stop":
        dash = (
            {} if row.done is not None else {"stroke": STOP, "stroke_dasharray": "4 3", "stroke_width": "1.5"}
        )
        drawing.rect(
            end, y - 4, (max(stopped - end, 1.5), 8), STOP if row.done is not None else PAPER, **dash
        )
    drawing.path([(end, y - 13), (end, y + 13)], INK, 3)
    if row.done is None:
        return
    if row.state(now).kind == "stop":
        drawing.rect(stopped - 7, y - 7, (14, 14), STOP, stroke=PAPER, stroke_width="1.5")
    else:
        drawing.circle(stopped, y, 7.5, BRAND, stroke=PAPER, stroke_width="1.5")


def _state(drawing: Drawing, state: ClockState, layout: Layout, top: float, middle: float) -> None:
    sign, fill = {"stop": ("■", STOP), "warn": ("▲", WARN), "good": ("✓", GOOD)}[state.kind]
    words = f"{sign} {state.words}"
    if layout.narrow:
        wide = text_width(words, _STATE) + 6
        drawing.rect(layout.width - wide, top + 3, (wide, 18), PAPER)
        drawing.text(layout.width, top + LEADING, words, size=_STATE, fill=fill, anchor="end", weight=600)
    else:
        drawing.text(layout.width - 114, middle + 5, words, size=_STATE, fill=fill, weight=600)

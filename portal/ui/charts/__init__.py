"""Charts drawn by our own functions from typed rows, as SVG for pages and for PDFs.

A page calls the macros of `macros/charts.html`, which print picture, caption and the same rows as a
table; a PDF calls `svg(chart, ident)`. A chart is a frozen dataclass with `title` and `finding`; its methods
`columns()` and `cells()` give the table.
"""

from collections.abc import Callable

from markupsafe import Markup

from portal.ui.charts.clocks import Clock, Clocks, ClockState, draw_clocks
from portal.ui.charts.comparison import Comparison, ComparisonRow, Flag, draw_comparison
from portal.ui.charts.curve import Curve, CurvePoint, draw_curve
from portal.ui.charts.drawing import ACT, FULL, NARROW, STOP, WARN, WIDE, Layout
from portal.ui.charts.openings import GrantWindow, Opening, OpeningLane, Openings, draw_openings
from portal.ui.charts.timeline import ClockSpan, Timeline, TimelineEvent, draw_timeline
from portal.ui.charts.waterfall import OtherReading, Step, Waterfall, draw_waterfall

Chart = Timeline | Clocks | Comparison | Waterfall | Openings | Curve

__all__ = [
    "FULL", "NARROW", "WIDE", "Chart", "Clock", "ClockSpan", "ClockState", "Clocks", "Comparison",
    "ComparisonRow", "Curve", "CurvePoint", "Flag", "GrantWindow", "Layout", "Opening", "OpeningLane",
    "Openings", "OtherReading", "Step", "Timeline", "TimelineEvent", "Waterfall", "bar", "picture", "svg",
]  # fmt: skip


def svg(chart: Chart, ident: str, layout: Layout = WIDE) -> Markup:
    """One drawing of a chart, for a PDF or anything else; `ident` must be unique where it is placed."""
    match chart:
        case Timeline():
            return draw_timeline(chart, ident, layout)
        case Clocks():
            return draw_clocks(chart, ident, layout)
        case Comparison():
            return draw_comparison(chart, ident, layout)
        case Waterfall():
            return draw_waterfall(chart, ident, layout)
        case Openings():
            return draw_openings(chart, ident, layout)
        case Curve():
            return draw_curve(chart, ident, layout)


def picture(chart: Chart, ident: str, full: bool = False) -> Markup:
    """The wide and the narrow drawing of a chart; the stylesheet shows one of them. `full` is for pages of
    one column.
    """
    return svg(chart, f"{ident}-w", FULL if full else WIDE) + svg(chart, f"{ident}-n", NARROW)


def bar(left: int, whole: int) -> Markup:
    """How much of a time is used up, for a queue: red at the last tenth, brown at the last quarter. Says
    nothing itself.

    `left` and `whole` are days (or hours); print the words beside it: `15 of 60 days left`.
    """
    used = 96 if whole <= 0 else round(96 * min(max(whole - left, 0), whole) / whole)
    fill = STOP if used > 86 else WARN if used >= 72 else ACT
    return Markup(
        '<svg width="96" height="8" viewBox="0 0 96 8" aria-hidden="true">'
        '<rect width="96" height="8" fill="#e1e7e6"/>'
        '<rect width="{}" height="8" fill="{}"/></svg>'
    ).format(used, fill)


TEMPLATE_GLOBALS: dict[str, Callable[..., object]] = {"picture": picture, "bar": bar}

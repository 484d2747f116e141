"""Charts drawn by our own functions from typed rows, as SVG for pages and for PDFs.

A page calls the macros of `macros/charts.html`, which print picture, caption and the same rows as a
table; a PDF calls `svg(chart, ident)`. A chart is a frozen dataclass with `title` and `finding`; its methods
`columns()` and `cells()` give the table.
"""

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from portal.ui.charts.amounts import AmountRow, Amounts, draw_amounts
from portal.ui.charts.clocks import Clock, Clocks, ClockState, draw_clocks
from portal.ui.charts.columns import Column, Columns, draw_columns
from portal.ui.charts.comparison import Comparison, ComparisonRow, Flag, draw_comparison
from portal.ui.charts.curve import Curve, CurvePoint, draw_curve
from portal.ui.charts.drawing import ACT, FULL, HALF, NARROW, STOP, WARN, WIDE, Layout
from portal.ui.charts.inclusion import Beside, Inclusion, draw_inclusion
from portal.ui.charts.openings import GrantWindow, Opening, OpeningLane, Openings, draw_openings
from portal.ui.charts.timeline import ClockSpan, Timeline, TimelineEvent, draw_timeline
from portal.ui.charts.waterfall import OtherReading, Step, Waterfall, draw_waterfall

Chart = Timeline | Clocks | Comparison | Waterfall | Openings | Curve | Columns | Amounts | Inclusion

__all__ = [
    "FULL", "HALF", "NARROW", "WIDE", "AmountRow", "Amounts", "Beside", "Chart", "Clock", "ClockSpan",
    "ClockState", "Clocks", "Column", "Columns", "Comparison", "ComparisonRow", "Curve", "CurvePoint", "Flag",
    "GrantWindow", "Inclusion", "Layout", "Opening", "OpeningLane", "Openings", "OtherReading", "Step",
    "Timeline", "TimelineEvent", "Waterfall", "bar", "picture", "svg",
]  # fmt: skip


_DRAW: dict[type[Any], Callable[[Any, str, Layout], Markup]] = {
    Timeline: draw_timeline,
    Clocks: draw_clocks,
    Comparison: draw_comparison,
    Waterfall: draw_waterfall,
    Openings: draw_openings,
    Curve: draw_curve,
    Columns: draw_columns,
    Amounts: draw_amounts,
    Inclusion: draw_inclusion,
}


def svg(chart: Chart, ident: str, layout: Layout = WIDE) -> Markup:
    """One drawing of a chart, for a PDF or anything else; `ident` must be unique where it is placed."""
    return _DRAW[type(chart)](chart, ident, layout)


def picture(chart: Chart, ident: str, full: bool = False, half: bool = False) -> Markup:
    """The wide and the narrow drawing of a chart; the stylesheet shows one of them. `full` is for pages of
    one column, `half` for two charts side by side on such a page.
    """
    wide = HALF if half else FULL if full else WIDE
    return svg(chart, f"{ident}-w", wide) + svg(chart, f"{ident}-n", NARROW)


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

"""The way from the leaf of an entry to the root: at each step the hash beside it, and what both give."""

from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from portal.ui.charts.drawing import ACT, BRAND, EDGE, INK_2, LINE, PAPER, WASH, Drawing, Layout, Said
from portal.ui.formats import plural

_BOX = (132.0, 26.0)
_STEP = 58.0
_SIZE = 13.0
_SHOWN = 12


class Beside(NamedTuple):
    """A hash that the log gives, on the left or right of ours, and the hash of both. Hexadecimal."""

    sibling: str
    left: bool
    made: str


@dataclass(frozen=True)
class Inclusion:
    """The path of one entry. ``leaf`` is the hash of its leaf, hexadecimal; the last step gives the root."""

    title: str
    leaf: str
    rows: tuple[Beside, ...]

    @property
    def finding(self) -> str:
        """What the picture shows, in a sentence."""
        if not self.rows:
            return "The leaf is the only one, so its hash is the root."
        steps = plural(len(self.rows), "step")
        return f"{steps} from the leaf to the root; whoever has the entry can repeat each."

    def columns(self) -> list[str]:
        """Headings of the table beside the picture."""
        return ["Step", "Hash beside it", "Side", "Both together"]

    def cells(self) -> list[list[object]]:
        """The same steps as a table, from the leaf on."""
        return [
            [str(place), row.sibling, "left" if row.left else "right", row.made]
            for place, row in enumerate(self.rows, 1)
        ]


def draw_inclusion(chart: Inclusion, ident: str, layout: Layout) -> Markup:
    """Draw it, the root above, the leaf below; `ident` is unique on the page."""
    drawing = Drawing(layout.width)
    middle, away = layout.width / 2, 112.0 if layout.narrow else 190.0
    levels = (chart.leaf, *(row.made for row in chart.rows))
    top = 22.0

    def y(level: int) -> float:
        return top + (len(levels) - 1 - level) * _STEP

    for level, row in enumerate(chart.rows):
        side = middle + (-away if row.left else away)
        drawing.path([(middle, y(level)), (middle, y(level + 1))], ACT, 2)
        bend = y(level + 1) + _BOX[1] + (_STEP - _BOX[1]) / 2
        drawing.path([(side, y(level) + 2), (side, bend), (middle, bend)], EDGE, 1.5)
        _box(drawing, side, y(level), row.sibling, mine=False)
    for level, found in enumerate(levels):
        _box(drawing, middle, y(level), found, mine=True)
    drawing.text(
        middle, 14, "Root" if chart.rows else "Leaf and root", size=_SIZE, fill=INK_2, anchor="middle"
    )
    end = y(0) + _BOX[1] + 18
    if chart.rows:
        drawing.text(middle, end, "Leaf of this entry", size=_SIZE, fill=INK_2, anchor="middle")
    return drawing.finish(ident, layout, end + 8, Said(chart.title, chart.finding))


def _box(drawing: Drawing, x: float, y: float, found: str, *, mine: bool) -> None:
    width, height = _BOX if mine else (104.0, _BOX[1])
    fill, stroke = (BRAND, BRAND) if mine else (WASH, LINE)
    drawing.rect(x - width / 2, y, (width, height), fill, stroke=stroke)
    words = f"{found[:_SHOWN]}…" if mine else f"{found[:8]}…"
    drawing.text(x, y + 18, words, size=_SIZE, fill=PAPER if mine else INK_2, anchor="middle")

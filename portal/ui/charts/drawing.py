"""What every chart is drawn with: measured text, plain shapes, colours with one meaning each.

Presentation attributes only (no style, no class but the two that pick a drawing), so a strict CSP and
typst take it alike.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypedDict, Unpack
from xml.sax.saxutils import escape

from markupsafe import Markup

FONT = "Source Sans Pro Web, Source Sans Pro, Helvetica Neue, Arial, sans-serif"
# The vendored faces hold Latin letters and common punctuation. What they lack (other scripts, the shapes of a
# state) is set in these, and shapes stand alone: typst sets a whole line in the font of its rarest character.
_OTHER_FONT = "Arial, DejaVu Sans Mono, Libertinus Serif, sans-serif"
_SHAPES = ("■", "▲", "✓")
_LACKING = re.compile("[^\u0020-\u017f\u2012-\u2014\u2018-\u201e\u2022\u2026\u2039\u203a\u20ac\u2122]+")
INK, INK_2, EDGE, LINE, WASH, PAPER = "#1b2629", "#4b585c", "#6f7c80", "#d4dbda", "#f4f6f5", "#fff"
BRAND, ACT, STOP, WARN, GOOD = "#143c3f", "#0d5c61", "#9a1f1f", "#7a4700", "#1b6139"
SEAL, SEAL_WASH, SELF, INDEP, INDEP_WASH = "#553768", "#f2edf6", "#3b4e94", "#a04f08", "#f7e3cd"

# Advance widths of the bold face in thousandths of the size (the wider of regular and bold), from the
# vendored fonts.
_WIDTHS = {
    letter: width
    for width, letters in {
        200: " ", 268: "|", 278: "ij", 286: "l", 300: "',.:;I·’‘", 332: "-", 344: "!f()[]{}", 350: "/\\",
        383: "t", 398: "r", 443: "s", 460: "*z?", 467: "c", 500: "_–", 514: "x", 523: "LeJyv", 527: "FYa",
        537: 'g"Z“”',
        528: "#$+0123456789<=>^~€×", 556: "Ek`oSTV", 573: "XuhnAbdpq", 596: "CP", 614: "BRK", 638: "DG",
        684: "NU&HOQ", 690: "−■✓▲○◆≥≤√", 776: "Mw", 857: "W%m", 903: "@", 800: "—", 978: "…",
    }.items()
    for letter in letters
}  # fmt: skip


class Layout(NamedTuple):
    """A drawing of a chart: its width in px; a narrow one has labels above the lanes, not beside."""

    kind: Literal["wide", "narrow"]
    width: int

    @property
    def narrow(self) -> bool:
        return self.kind == "narrow"


WIDE = Layout("wide", 800)
FULL = Layout("wide", 1150)
HALF = Layout("wide", 556)
NARROW = Layout("narrow", 358)


class TextStyle(TypedDict, total=False):
    """How a text is set: size in px, colour, anchor, weight (400, 600, 700); a halo covers lines below it."""

    size: float
    fill: str
    anchor: Literal["start", "middle", "end"]
    weight: int
    halo: bool


def printable(words: str) -> str:
    """`words` without what XML cannot hold and without line breaks, so that one text is one line."""
    spaced = " ".join(words.split())
    return "".join(
        c if unicodedata.category(c) not in ("Cc", "Cs", "Cn") else "\N{REPLACEMENT CHARACTER}"
        for c in spaced
    )


def text_width(words: str, size: float) -> float:
    """Width in px, never less than what a browser draws with the vendored fonts."""
    return sum(_letter_width(c) for c in words) * size / 1000


def _letter_width(letter: str) -> int:
    known = _WIDTHS.get(letter)
    if known is None:
        known = _WIDTHS.get(unicodedata.normalize("NFD", letter)[0])
    if known is not None:
        return known
    return 700 if ord(letter) < 0x2000 else 1000


def wrap(words: str, width: float, size: float) -> list[str]:
    """Lines that fit into `width`; a word that is too long by itself is broken, nothing is cut off."""
    lines: list[str] = []
    line = ""
    for word in printable(words).split(" "):
        rest = word
        joined = f"{line} {rest}" if line else rest
        if text_width(joined, size) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while text_width(rest, size) > width and len(rest) > 1:
            fits = _fitting(rest, width, size)
            lines.append(rest[:fits])
            rest = rest[fits:]
        line = rest
    return [*lines, line] if line else lines


def _fitting(word: str, width: float, size: float) -> int:
    total = 0.0
    for index, letter in enumerate(word):
        total += _letter_width(letter) * size / 1000
        if total > width:
            return max(index, 1)
    return len(word)


class Segment(NamedTuple):
    """A piece of a row's label: px from the left, its line (0 first), words, and whether it is the name or
    the note.
    """

    x: float
    line: int
    words: str
    name: bool


@dataclass(frozen=True)
class Label:
    """A row's name with a note below (wide) or behind it (narrow), broken into lines that fit."""

    segments: tuple[Segment, ...]
    lines: int

    @classmethod
    def fit(cls, name: str, note: str, width: float, beside: bool) -> "Label":
        """Break `name` and `note` to `width`; with `beside`, the note stays on the name's line when it
        fits there.
        """
        names, notes = wrap(name, width, NAME), wrap(note, width, NOTE)
        segments = [Segment(0, i, words, True) for i, words in enumerate(names)]
        after = text_width(names[-1], NAME) + 5 if names else 0
        if beside and len(notes) == 1 and after + text_width(notes[0], NOTE) <= width:
            return cls(
                (*segments, Segment(after, max(len(names) - 1, 0), notes[0], False)), max(len(names), 1)
            )
        segments += [Segment(0, len(names) + i, words, False) for i, words in enumerate(notes)]
        return cls(tuple(segments), max(len(segments), 1))

    @property
    def height(self) -> float:
        return self.lines * LEADING


NAME, NOTE, LEADING = 14.5, 13.0, 17.0
_HALO = f' paint-order="stroke" stroke="{PAPER}" stroke-width="4" stroke-linejoin="round"'


def number(value: float) -> str:
    """A coordinate: one decimal, and never NaN or infinite (ValueError)."""
    if not math.isfinite(value):
        raise ValueError("a coordinate is a finite number")
    return f"{value:.1f}".removesuffix(".0")


@dataclass
class Drawing:
    """An SVG in the making. Coordinates are px of the viewBox; text is moved inwards where it would leave
    the width.
    """

    width: int
    _parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, **style: Unpack[TextStyle]) -> None:
        """One line of text on the baseline `y`. The shape of a state before it becomes a text of its own."""
        said = printable(words).replace("\N{MINUS SIGN}", "\N{EN DASH}")  # much the same, and in our fonts
        size, anchor = style.get("size", 13.5), style.get("anchor", "start")
        wide = text_width(said, size)
        before = {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        x = max(before, min(x, self.width - wide + before))
        sign, _, rest = said.partition(" ")
        if sign in _SHAPES and rest and anchor != "middle":
            indent = text_width(f"{sign} ", size)
            self._text(x - before, y, sign, {**style, "anchor": "start"})
            self._text(x + (0 if anchor == "end" else indent), y, rest, style)
        else:
            self._text(x, y, said, style)

    def _text(self, x: float, y: float, said: str, style: TextStyle) -> None:
        size, anchor = style.get("size", 13.5), style.get("anchor", "start")
        halo = _HALO if style.get("halo") else ""
        self._parts.append(
            f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}"{halo} '
            f'fill="{style.get("fill", INK)}" text-anchor="{anchor}" '
            f'font-weight="{style.get("weight", 400)}">{_runs(said)}</text>'
        )

    def label(self, label: Label, y: float) -> None:
        """A row's label, with the first baseline at `y`."""
        for segment in label.segments:
            size, fill, weight = (NAME, INK, 600) if segment.name else (NOTE, INK_2, 400)
            at = y + segment.line * LEADING
            self.text(segment.x, at, segment.words, size=size, fill=fill, weight=weight, halo=True)

    def rect(self, x: float, y: float, size: tuple[float, float], fill: str, **more: str) -> None:
        """A rectangle; `size` is width and height, `more` are presentation attributes (`stroke_width`)."""
        at = f'x="{number(x)}" y="{number(y)}" width="{number(max(size[0], 0))}" height="{number(size[1])}"'
        self._parts.append(f'<rect {at} fill="{fill}"{_attributes(more)}/>')

    def circle(self, x: float, y: float, radius: float, fill: str, **more: str) -> None:
        """A circle around (x, y)."""
        at = f'cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"'
        self._parts.append(f'<circle {at} fill="{fill}"{_attributes(more)}/>')

    def path(
        self, points: Sequence[tuple[float, float]], stroke: str, width: float = 1, dash: str = ""
    ) -> None:
        """A line through the points."""
        where = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<path d="{where}" fill="none" stroke="{stroke}" stroke-width="{number(width)}"{dashed}/>'
        )

    def rule(self, y: float, stroke: str = LINE) -> None:
        """A line over the whole width."""
        self.path([(0, y), (self.width, y)], stroke)

    def add(self, other: "Drawing") -> None:
        """Put another drawing of the same width on top."""
        self._parts += other._parts

    def raw(self, svg: str) -> None:
        """SVG of our own making that the other methods cannot draw; never words of people."""
        self._parts.append(svg)

    def finish(self, ident: str, layout: Layout, height: float, said: "Said") -> Markup:
        """The whole `<svg>` with its title and description; `ident` makes ids unique on the page."""
        tall = math.ceil(height)
        box = f'viewBox="0 0 {self.width} {tall}" width="{self.width}" height="{tall}"'
        ident = escape(ident, {'"': "&quot;"})
        return Markup(  # noqa: S704  every word went through escape() above or below
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{layout.kind}" {box} role="img" '
            f'aria-labelledby="{ident}-t {ident}-d" font-family="{FONT}">'
            f'<title id="{ident}-t">{escape(printable(said.title))}</title>'
            f'<desc id="{ident}-d">{escape(printable(said.finding))}</desc>{"".join(self._parts)}</svg>'
        )


class Said(NamedTuple):
    """What a chart says to those who do not see it: what it is, and what it shows."""

    title: str
    finding: str


def _runs(said: str) -> str:
    """Escaped text in which characters that the fonts lack have a font of their own."""
    return _LACKING.sub(lambda run: f'<tspan font-family="{_OTHER_FONT}">{run[0]}</tspan>', escape(said))


def _attributes(more: Mapping[str, str]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())

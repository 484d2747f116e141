"""Letters as PDF: tagged (PDF/UA-1), the same bytes for the same values, nothing in a value read as markup.

A copy of record is PDF/A-3b instead, with files enclosed in it; `secure_access.pades` signs it afterwards.

A letter is a Typst template beside this file and a mapping of values that are already written out: amounts
and dates come as the text a person reads (see `formats`). `letter_forms` says what each template asks for.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import unescape
from pathlib import Path
from typing import Literal
from unicodedata import category

import typst

from portal.ui.letter_forms import FORMS, EnclosedFile

_HERE = Path(__file__).parent
_FONTS = _HERE / "static" / "vendor" / "uswds" / "fonts" / "source-sans-pro"
_LONG_WORD = re.compile(r"\S{25,}")
_PIECE = re.compile(r".{10}(?=.)")
_NO_GLYPH = re.compile(r"the text `\"(.+?)\"` could not be displayed")
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
# What the fonts in the package certainly do not cover: scripts beyond Latin, Greek and Cyrillic, and emoji.
_BEYOND = re.compile("[\u0530-\u1cff\u2e80-\ufefe\uff00-\uffef\U00010000-\U0010ffff]")
_NOT_TEXT = ("Cc", "Cs", "Co", "Cn")  # control, lone surrogate, private use, unassigned
_ROUNDS = 40
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)
_DESC = re.compile(r"<desc[^>]*>(.*?)</desc>", re.DOTALL)


@dataclass(frozen=True)
class Enclosed:
    """A file that goes into a PDF/A-3: the first is the source of what is set on its pages."""

    name: str
    content: bytes
    media_type: str
    what: str

    @property
    def listed(self) -> EnclosedFile:
        """What the template is told of it, but for its place."""
        return {
            "name": self.name,
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "what": self.what,
            "place": "",
            "media_type": self.media_type,
        }


def render(
    template: str, data: Mapping[str, object], *, at: datetime, charts: Mapping[str, str] | None = None
) -> bytes:
    """The letter as the bytes of a PDF/UA-1 file.

    `template` is a name in `FORMS`; `at` (aware) is the date of creation written into the file; `charts` are
    SVG texts by the name the template gives them, each with a `<title>`, which becomes its alternative text
    with `<desc>`. Equal arguments give equal bytes. Raises `KeyError` for an unknown template, `ValueError`
    for a missing value, a chart without a title or a naive `at`, and `TypeError` for a value that is not
    text, a whole number, a boolean, None, a sequence or a mapping: amounts are written out by the caller.
    """
    return _compiled(template, _inputs(template, data, at, charts), int(at.timestamp()))


def _inputs(
    template: str, data: Mapping[str, object], at: datetime, charts: Mapping[str, str] | None
) -> dict[str, str]:
    missing = sorted(FORMS[template].__required_keys__ - data.keys())  # type: ignore[attr-defined]
    if missing:
        raise ValueError(f"The letter {template!r} lacks: {', '.join(missing)}.")
    if at.utcoffset() is None:
        raise ValueError("The date of a letter has a zone.")
    pictures = {
        name: {"svg": _own_font(svg), "alt": _alternative(name, svg)} for name, svg in (charts or {}).items()
    }
    return {
        "data": json.dumps(_plain(data), ensure_ascii=False),
        "charts": json.dumps(pictures, ensure_ascii=False),
    }


def render_copy(data: Mapping[str, object], enclosed: Sequence[Enclosed], *, at: datetime) -> bytes:
    """A copy of record as the bytes of a PDF/A-3b file with the files in it, not yet signed.

    `data` is of `CopyOfRecord` without `enclosed`, which is listed from the files. Raises as `render` does.
    """
    with tempfile.TemporaryDirectory(prefix="assay-copy-") as folder:
        root, listed = Path(folder), []
        for name in ("lib.typ", "copy.typ"):
            shutil.copy(_HERE / "typst" / name, root / name)
        for number, file in enumerate(enclosed):
            (root / f"enclosed-{number}").write_bytes(file.content)
            listed.append({**file.listed, "place": f"enclosed-{number}"})
        inputs = _inputs("copy", {**data, "enclosed": listed}, at, None)
        return _compiled("copy", inputs, int(at.timestamp()), root=root, standard="a-3b")


def _compiled(
    template: str,
    inputs: Mapping[str, str],
    at: int,
    *,
    root: Path = _HERE / "typst",
    standard: Literal["ua-1", "a-3b"] = "ua-1",
) -> bytes:
    # PDF/UA refuses a character without a glyph. A name in another script must not stop a letter: it is then
    # set as numbers, whole scripts at once, then what is left as Typst names it.
    for _ in range(_ROUNDS):
        try:
            made = typst.compile(
                str(root / f"{template}.typ"),
                root=str(root),
                font_paths=_fonts(),
                sys_inputs=dict(inputs),
                format="pdf",
                pdf_standards=[standard],
                timestamp=at,
            )
        except typst.TypstError as error:
            lacking = _lacking(str(error))
            if not lacking:
                raise
            beyond = re.compile(f"{_BEYOND.pattern}|[{re.escape(lacking)}]")
            inputs = {name: _in_numbers(value, beyond) for name, value in inputs.items()}
        else:
            return bytes(made)
    raise ValueError(f"The letter {template!r} has too many characters that no font can show.")


@cache
def _fonts() -> typst.Fonts:
    # The fonts of the machine stay out, so that the same letter looks the same everywhere.
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[str(_FONTS)])


def _alternative(name: str, svg: str) -> str:
    title, desc = _TITLE.search(svg), _DESC.search(svg)
    if title is None or not title[1].strip():
        raise ValueError(f"The chart {name!r} has no title.")
    said = [unescape(found[1]).strip() for found in (title, desc) if found]
    return ". ".join(part.rstrip(".") for part in said if part) + "."


def _own_font(svg: str) -> str:
    """The chart as Typst sets it in our font: families by the names in their files, a dash for the minus.

    The font has no minus sign, and one missing character sets its whole line in another font.
    """
    drawn = _DESC.sub("", _TITLE.sub("", svg)).replace("\N{MINUS SIGN}", "\N{EN DASH}")
    return drawn.replace("Source Sans Pro Web", "Source Sans Pro").replace(
        "Roboto Mono Web", "DejaVu Sans Mono"
    )


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(part) for part in value]
    raise TypeError(f"A letter takes text, not {type(value).__name__}.")


def _text(value: str) -> str:
    """Text that can be set: no control characters or lone surrogates, and long words may break."""
    lines = value.replace("\r\n", "\n")
    kept = "".join(c if c == "\n" or category(c) not in _NOT_TEXT else "\ufffd" for c in lines)
    return _LONG_WORD.sub(lambda word: _PIECE.sub("\\g<0>\u200b", word[0]), kept)


def _lacking(refusal: str) -> str:
    """The characters that Typst says no font has; ASCII is never meant, only what stands beside it."""
    found = _NO_GLYPH.search(refusal)
    named = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), found[1]) if found else ""
    return "".join(c for c in named if not c.isascii())


def _in_numbers(value: str, characters: re.Pattern[str]) -> str:
    """The text with characters that no font of ours has written as their numbers: [U+6771]."""
    return characters.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)

"""The mark that is burnt into every page that leaves: who, as what, which release, when.

The words lie across the page in grey, again and again; the machine-readable part (`pattern`) is a faint
texture over all of it. Both are visible on purpose. Of a crop, a smaller or a harder compressed copy, `trace`
reads the release number again. A photograph of a screen or a retyped text carries no mark: what a mark proves
is that a copy came from one release, and its absence proves nothing.
"""

from __future__ import annotations

import ctypes
import io
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from secure_access.custodian import pattern
from secure_access.keys import FileRing
from secure_access.ledger.commitment import commit

DOMAIN = b"assay.page-mark/v1\0"
LARGEST = (1 << 40) - 1
"""Of release numbers."""
DEPTH = 4
"""How far a cell is moved up or down, of 255 levels."""
CELLS_ACROSS = 155
"""Cells over the width of a page, at every zoom: 8 pixels each at zoom 1."""
SMALLEST_CELL = 6
"""Pixels: smaller cells do not outlive halving and JPEG."""
RING, LABEL = "mark.json", "page-mark"
"""The file of the mark key in the custodian's home, and what the key is derived for."""
_GREY, _COVER = 90, 50
"""Colour of the words, and how much they cover of what lies below, of 255."""
_TILT = 30


class BadNumber(ValueError):
    """A release number is from 1 to 2^40 - 1."""


@dataclass(frozen=True)
class Words:
    """What a person reads in the mark."""

    name: str
    role: str
    release: int
    at: datetime

    @property
    def lines(self) -> tuple[str, str]:
        """Who and as what; which release, and when to the minute in UTC."""
        minute = self.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"{self.name} · {self.role}", f"release {self.release} · {minute}"


def mark_key(home: Path) -> bytes:
    """The mark key of a custodian, never rotated: old copies stay traceable. Raises `keys.KeyFailure`."""
    return FileRing(home / RING, purpose="mark").secret(LABEL)


def make_mark_key(home: Path, *, now: datetime) -> None:
    """Makes the mark key of a new custodian. Raises `keys.BadKeyFile` if there is one."""
    FileRing.create(home / RING, now=now, purpose="mark")


def tag(number: int, key: bytes) -> bytes:
    """The 80 bits: the number in 5 bytes, 5 bytes of HMAC-SHA-256 under the mark key. Raises `BadNumber`."""
    if not 1 <= number <= LARGEST:
        raise BadNumber(f"a release number is from 1 to {LARGEST}")
    return number.to_bytes(5, "big") + commit(key, DOMAIN + number.to_bytes(8, "big"))[:5]


def burn(page: Image.Image, words: Words, key: bytes) -> Image.Image:
    """The page with its mark in its pixels. Raises `BadNumber`."""
    payload = tag(words.release, key)
    marked = page.convert("RGB")
    marked.paste((_GREY, _GREY, _GREY), mask=_cover(marked.width, marked.height, words))
    return _textured(marked, payload)


def encoded(page: Image.Image, form: str = "PNG") -> bytes:
    """The page as a file, PNG or WEBP, both without loss. Raises ``KeyError`` for another form."""
    how = {"PNG": {"compress_level": 1}, "WEBP": {"lossless": True, "method": 0, "quality": 20}}[form]
    out = io.BytesIO()
    page.save(out, form, **how)
    return out.getvalue()


def _textured(page: Image.Image, payload: bytes) -> Image.Image:
    """Every cell a little lighter or darker. The range is narrowed first: white and black carry it too."""
    side = max(SMALLEST_CELL, round(page.width / CELLS_ACROSS))
    columns, rows = -(-page.width // side), -(-page.height // side)
    lighter = (pattern.sequence(payload)[pattern.cells(columns, rows)] > 0).astype(np.uint8) * (2 * DEPTH)
    raised = np.repeat(np.repeat(lighter, side, axis=0), side, axis=1)[: page.height, : page.width]
    narrowed = np.round(np.arange(256) * ((255 - 2 * DEPTH) / 255)).astype(np.uint8)
    return Image.fromarray(narrowed[np.asarray(page)] + raised[:, :, None])


def _cover(width: int, height: int, words: Words) -> Image.Image:
    """Where the words lie, brick by brick, from nothing to `_COVER`."""
    size = max(8.0, width / 52)
    lines = [_line(line, size) for line in words.lines]
    block = Image.new("L", (max(one.width for one in lines), int(sum(one.height * 1.35 for one in lines))))
    for row, line in enumerate(lines):
        block.paste(line, ((block.width - line.width) // 2, row * block.height // len(lines)))
    tilted = block.rotate(_TILT, expand=True, resample=Image.Resampling.BICUBIC)
    mask = Image.new("L", (width, height))
    step = tilted.width + int(size * 2)
    for row, top in enumerate(range(-tilted.height // 3, height, int(tilted.height * 1.05))):
        for left in range(-(row % 2) * step // 2 - tilted.width // 4, width, step):
            mask.paste(_COVER, (left, top), tilted)
    return mask


def _line(text: str, size: float) -> Image.Image:
    """One line of words, white on black, trimmed. pdfium's Helvetica has the letters of Western Europe."""
    text = "".join(_drawable(character) for character in text)
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(size * (len(text) + 2), size * 2)
    written = pdfium.FPDFPageObj_NewTextObj(document.raw, b"Helvetica-Bold", size)
    units = (text + "\0").encode("utf-16-le")
    pdfium.FPDFText_SetText(written, (ctypes.c_ushort * (len(units) // 2)).from_buffer_copy(units))
    pdfium.FPDFPageObj_Transform(written, 1, 0, 0, 1, size / 2, size * 0.6)
    pdfium.FPDFPage_InsertObject(page.raw, written)
    pdfium.FPDFPage_GenerateContent(page.raw)
    drawn = page.render(scale=1).to_pil().convert("L").point(lambda level: 255 - level)
    document.close()
    trimmed: Image.Image = drawn.crop(drawn.getbbox() or (0, 0, 1, 1))
    return trimmed


def _drawable(character: str) -> str:
    """The character, or the letter below its accents, or a question mark where the font has neither."""
    for candidate in (character, unicodedata.normalize("NFKD", character)[0]):
        if candidate.isprintable() and candidate.encode("cp1252", errors="ignore"):
            return candidate
    return "?"

"""The process that opens somebody else's file. It has no secrets, no settings and nothing of ours loaded.

Started by `secure_access.documents.enclosure` as a script in Python's isolated mode: one line of JSON and the
file's bytes come in on standard input, one line of JSON and perhaps a PNG go out. Memory, processor time,
file size and open files are limited before the first byte is read. It is not yet shut off from the network
and from the file system of its user: bubblewrap comes with the custodian.
"""

from __future__ import annotations

import ctypes
import io
import json
import resource
import sys
import unicodedata
from collections.abc import Callable
from typing import Any, BinaryIO

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

MAX_PIXELS = 24_000_000
MAX_IMAGE_PIXELS = 100_000_000
MAX_PAGES = 20_000


class Unshowable(Exception):
    """The file cannot be shown; the text says why, for a person."""


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Answers one request."""
    request = json.loads(source.readline())
    _limit(request["memory_bytes"], request["cpu_seconds"])
    answer: dict[str, Any] = {}
    picture = b""
    try:
        data = source.read()
        if request["act"] == "look":
            answer["pages"] = _LOOKS[request["media_type"]](data)
        else:
            picture = _page(data, request["page"], request["width"], request["mark"])
    except Unshowable as error:
        answer["why"] = str(error)
    except MemoryError:
        answer["why"] = "Opening it takes more memory than is allowed."
    target.write(json.dumps(answer).encode() + b"\n" + picture)
    target.flush()


def _limit(memory: int, seconds: int) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD:
            raise Unshowable("It is locked with a password.") from None
        raise Unshowable("It is damaged: no PDF reader can be expected to open it.") from None


def _look_pdf(data: bytes) -> int:
    """The number of pages, once the first can be drawn."""
    document = _opened(data)
    pages = len(document)
    if pages > MAX_PAGES:
        raise Unshowable(f"It claims to have {pages} pages.")
    _draw(document, 0, 200)
    return pages


def _look_image(data: bytes) -> int:
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MAX_IMAGE_PIXELS:
                raise Unshowable(f"The image is too large to show: {image.width} × {image.height} pixels.")
            image.load()
    except (OSError, ValueError, SyntaxError):
        raise Unshowable("The image is damaged.") from None
    return 1


_LOOKS: dict[str, Callable[[bytes], int]] = {
    "application/pdf": _look_pdf,
    "image/png": _look_image,
    "image/jpeg": _look_image,
}


def _page(data: bytes, page: int, width: int, mark: str) -> bytes:
    document = _opened(data)
    if not 1 <= page <= len(document):
        raise Unshowable(f"There is no page {page}.")
    image = _draw(document, page - 1, width)
    if mark:
        image = Image.alpha_composite(image.convert("RGBA"), _mark(image.width, image.height, mark))
    out = io.BytesIO()
    image.convert("RGB").save(out, "PNG", compress_level=3)
    return out.getvalue()


def _draw(document: pypdfium2.PdfDocument, index: int, width: int) -> Image.Image:
    try:
        page = document[index]
        across, down = page.get_size()
        if across <= 0 or down <= 0:
            raise Unshowable(f"Page {index + 1} has no size.")
        scale = min(width / across, (MAX_PIXELS / (across * down)) ** 0.5)
        image: Image.Image = page.render(scale=scale, may_draw_forms=False).to_pil()
    except (pypdfium2.PdfiumError, ValueError):
        raise Unshowable(f"Page {index + 1} is damaged.") from None
    return image


def _mark(width: int, height: int, text: str) -> Image.Image:
    """A layer that says who reads: across the page again and again, and once on a band at its foot.

    The letters are drawn by the PDF renderer, whose built-in Helvetica has the characters of Western European
    names; Pillow's own font has no ø.
    """
    text = "".join(_drawable(character) for character in text)
    size = max(9.0, width / 45)
    layer = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    tilted = _line(text, size, (90, 90, 90, 70)).rotate(30, expand=True, resample=Image.Resampling.BICUBIC)
    for row, top in enumerate(range(-tilted.height // 2, height, max(1, int(tilted.height * 0.8)))):
        for left in range(-(row % 2) * tilted.width // 2, width, tilted.width + 20):
            layer.alpha_composite(_within(tilted, layer, left, top), (max(left, 0), max(top, 0)))
    foot = _line(text, size * 0.8, (20, 20, 20, 255))
    foot = foot.resize((min(width, foot.width), foot.height))
    band = Image.new("RGBA", (width, foot.height + 8), (255, 255, 255, 225))
    band.alpha_composite(foot, ((width - foot.width) // 2, 4))
    layer.paste(band, (0, max(0, height - band.height)))
    return layer


def _within(tile: Image.Image, layer: Image.Image, left: int, top: int) -> Image.Image:
    """The part of a tile that lies on the layer; compositing does not take places outside it."""
    right, bottom = min(tile.width, layer.width - left), min(tile.height, layer.height - top)
    return tile.crop((max(-left, 0), max(-top, 0), right, bottom))


def _drawable(character: str) -> str:
    for candidate in (character, unicodedata.normalize("NFKD", character)[0]):
        if candidate.isprintable() and candidate.encode("cp1252", errors="ignore"):
            return candidate
    return "?"


def _line(text: str, size: float, colour: tuple[int, int, int, int]) -> Image.Image:
    """One line of text on nothing, trimmed to its letters."""
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(size * (len(text) + 2), size * 2)
    written = pdfium.FPDFPageObj_NewTextObj(document.raw, b"Helvetica-Bold", size)
    units = (text + "\0").encode("utf-16-le")
    pdfium.FPDFText_SetText(written, (ctypes.c_ushort * (len(units) // 2)).from_buffer_copy(units))
    pdfium.FPDFPageObj_SetFillColor(written, 0, 0, 0, 255)
    pdfium.FPDFPageObj_Transform(written, 1, 0, 0, 1, size / 2, size * 0.6)
    pdfium.FPDFPage_InsertObject(page.raw, written)
    pdfium.FPDFPage_GenerateContent(page.raw)
    black = page.render(scale=1, fill_color=(255, 255, 255, 255)).to_pil().convert("L")
    letters = black.point(lambda value: 255 - value)
    box = letters.getbbox() or (0, 0, 1, 1)
    cover = letters.crop(box).point(lambda value: value * colour[3] // 255)
    line = Image.new("RGBA", cover.size, (*colour[:3], 0))
    line.putalpha(cover)
    return line


if __name__ == "__main__":  # pragma: no cover - runs in a process of its own
    main(sys.stdin.buffer, sys.stdout.buffer)

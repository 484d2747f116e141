"""The process that opens somebody else's file. It has no secrets, no settings and nothing of ours loaded.

Started by `secure_access.documents.enclosure` as a script in Python's isolated mode: one line of JSON and the
file's bytes come in on standard input, one line of JSON goes out: whether it can be shown, and its pages.
Memory, processor time, file size and open files are limited before the first byte is read. It is not shut
off from the network and the file system of its user, as the custodian's is, which opens sealed plans.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

WIDTH = 200
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
    try:
        answer["pages"] = _LOOKS[request["media_type"]](source.read())
    except Unshowable as error:
        answer["why"] = str(error)
    except MemoryError:
        answer["why"] = "Opening it takes more memory than is allowed."
    target.write(json.dumps(answer).encode() + b"\n")
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
    _draw(document)
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


def _draw(document: pypdfium2.PdfDocument) -> None:
    """Draw the first page, small: what cannot be drawn cannot be shown."""
    try:
        page = document[0]
        across, down = page.get_size()
        if across <= 0 or down <= 0:
            raise Unshowable("Page 1 has no size.")
        scale = min(WIDTH / across, (MAX_PIXELS / (across * down)) ** 0.5)
        page.render(scale=scale, may_draw_forms=False).to_pil()
    except (pypdfium2.PdfiumError, ValueError):
        raise Unshowable("Page 1 is damaged.") from None


if __name__ == "__main__":  # pragma: no cover - runs in a process of its own
    main(sys.stdin.buffer, sys.stdout.buffer)

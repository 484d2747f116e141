"""The child that opens somebody else's file: one section, one sitting, without keys, network or file system.

Started by `secure_access.custodian.sandbox` as ``python -m secure_access.custodian.rendering``. It loads
everything it will need, gives up what it can do (`confinement`), and only then reads the first byte of the
file. How it is spoken to stands in `wire`.
"""

from __future__ import annotations

import codecs
import io
import json
import sys
from typing import Any, BinaryIO

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, JpegImagePlugin, PngImagePlugin  # noqa: F401 - before files can no longer be opened

from secure_access.custodian import confinement
from secure_access.custodian.wire import (
    ANSWER,
    COUNT,
    MAX_PAGES,
    MAX_PIXELS,
    MAX_SIDE,
    MAX_TEXT,
    REQUEST,
    SIZE,
    WIDTH,
    Act,
    Kind,
    Reason,
)

MAX_IMAGE_PIXELS = 100_000_000


class Unshowable(Exception):
    """It cannot be shown, for a reason that the core has words for."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Pdf:
    """A PDF. Scripts, actions and embedded files are never looked at; forms are drawn as they lie."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(b"%PDF-"):
            raise Unshowable(Reason.WRONG_TYPE)
        if _is_archive_too(data):
            raise Unshowable(Reason.TWO_FILES)
        try:
            self._document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            locked = getattr(error, "err_code", None) == pdfium.FPDF_ERR_PASSWORD
            raise Unshowable(Reason.LOCKED if locked else Reason.DAMAGED) from None
        self.pages = len(self._document)
        if not 1 <= self.pages <= MAX_PAGES:
            raise Unshowable(Reason.TOO_MANY_PAGES if self.pages else Reason.NO_PAGES)

    def draw(self, number: int, zoom: int) -> Image.Image:
        """The page from 1 as a picture."""
        try:
            page = self._document[number - 1]
            across, down = page.get_size()
            if not (across > 0 and down > 0):
                raise Unshowable(Reason.NO_SIZE)
            scale = min(
                WIDTH * zoom / 10 / across,
                (MAX_PIXELS[zoom] / (across * down)) ** 0.5,
                (MAX_SIDE - 1) / max(across, down),
            )
            if min(across, down) * scale < 1:
                raise Unshowable(Reason.NO_SIZE)
            # The renderer rounds up: without the small step less, 1860 pixels become 1861.
            picture: Image.Image = page.render(scale=scale * (1 - 1e-9), may_draw_forms=False).to_pil()
            page.close()
        except (pypdfium2.PdfiumError, ValueError):
            raise Unshowable(Reason.PAGE_DAMAGED) from None
        return picture.convert("RGB")

    def text(self, number: int) -> str:
        """The words of the page from 1."""
        try:
            page = self._document[number - 1]
            words = page.get_textpage()
            if words.count_chars() > MAX_TEXT // 4:
                raise Unshowable(Reason.TOO_MUCH_TEXT)
            found: str = words.get_text_range()
        except (pypdfium2.PdfiumError, ValueError):
            raise Unshowable(Reason.PAGE_DAMAGED) from None
        return found


class Picture:
    """A PNG or JPEG, shown as one page."""

    pages = 1

    def __init__(self, data: bytes, form: str) -> None:
        try:
            with Image.open(io.BytesIO(data), formats=(form,)) as image:
                if image.width * image.height > MAX_IMAGE_PIXELS:
                    raise Unshowable(Reason.IMAGE_TOO_LARGE)
                self._image = _on_paper(image)
        except Image.DecompressionBombError:
            raise Unshowable(Reason.IMAGE_TOO_LARGE) from None
        except (OSError, ValueError, SyntaxError, EOFError):
            raise Unshowable(Reason.IMAGE_DAMAGED) from None

    def draw(self, _number: int, zoom: int) -> Image.Image:
        """The picture across the width of a page."""
        across, down = self._image.size
        scale = min(
            WIDTH * zoom / 10 / across,
            (MAX_PIXELS[zoom] / (across * down)) ** 0.5,
            (MAX_SIDE - 1) / max(across, down),
        )
        size = (max(1, int(across * scale)), max(1, int(down * scale)))
        return self._image.resize(size, Image.Resampling.BICUBIC)

    def text(self, _number: int) -> str:
        """None: raises `Unshowable`."""
        raise Unshowable(Reason.NO_TEXT)


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Confines itself, reads the section, answers until its standard input ends."""
    terms = json.loads(source.readline())
    _warm()
    confinement.close_all_but_pipes()
    confinement.limit(terms["memory"], terms["seconds"], terms["files"])
    confinement.filter_calls(bytes.fromhex(terms["filter"]))
    head = source.readline()
    if not head:
        return  # a spare that was not needed
    told = json.loads(head)
    data = source.read(told["size"])
    section: Pdf | Picture | None = None
    try:
        section = _opened(data, told["media_type"])
        _answer(target, Kind.COUNT, COUNT.pack(section.pages))
    except Unshowable as unshowable:
        _answer(target, Kind.REFUSED, bytes([unshowable.reason]))
    except MemoryError:
        _answer(target, Kind.REFUSED, bytes([Reason.MEMORY]))
    while section is not None and len(request := source.read(REQUEST.size)) == REQUEST.size:
        _serve(section, request, target)


def _serve(section: Pdf | Picture, request: bytes, target: BinaryIO) -> None:
    act, number, zoom = REQUEST.unpack(request)
    try:
        if act == Act.COUNT:
            return _answer(target, Kind.COUNT, COUNT.pack(section.pages))
        if not 1 <= number <= section.pages:
            raise Unshowable(Reason.NO_SUCH_PAGE)
        if act == Act.TEXT:
            words = section.text(number).encode("utf-8", errors="replace")
            return _answer(target, Kind.TEXT, words)
        picture = section.draw(number, zoom)
        _answer(target, Kind.PAGE, SIZE.pack(*picture.size), picture.tobytes())
    except Unshowable as unshowable:
        _answer(target, Kind.REFUSED, bytes([unshowable.reason]))
    except MemoryError:
        _answer(target, Kind.REFUSED, bytes([Reason.MEMORY]))


def _answer(target: BinaryIO, kind: Kind, *parts: bytes) -> None:
    target.write(ANSWER.pack(kind, sum(map(len, parts))))
    for part in parts:
        target.write(part)
    target.flush()


def _opened(data: bytes, media_type: str) -> Pdf | Picture:
    if media_type == "application/pdf":
        return Pdf(data)
    form = {"image/png": "PNG", "image/jpeg": "JPEG"}[media_type]
    if not data.startswith({"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff"}[form]):
        raise Unshowable(Reason.WRONG_TYPE)
    return Picture(data, form)


def _is_archive_too(data: bytes) -> bool:
    """Whether a ZIP's closing record stands at the end, where programs look for it.

    Such a file shows one thing here and another where its reader believes the archive.
    """
    place = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    return place >= 0 and place + 22 <= len(data) and b"PK\x01\x02" in data


def _on_paper(image: Image.Image) -> Image.Image:
    """The picture on white: what is transparent has no colour of its own."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGB", layer.size, "white")
    paper.paste(layer, mask=layer.getchannel("A"))
    return paper


def _warm() -> None:
    """Opens one of each, so that all that is loaded late has been loaded."""
    Image.MAX_IMAGE_PIXELS = MAX_IMAGE_PIXELS
    codecs.lookup("utf-16-le")  # of which pdfium's text is made
    for form, mode in (("PNG", "P"), ("PNG", "LA"), ("PNG", "I;16"), ("JPEG", "RGB"), ("JPEG", "CMYK")):
        out = io.BytesIO()
        Image.new(mode, (8, 8)).save(out, form, **({"transparency": 0} if mode == "P" else {}))
        Picture(out.getvalue(), form).draw(1, 10)
    document = pypdfium2.PdfDocument.new()
    document.new_page(100, 100)
    out = io.BytesIO()
    document.save(out)
    pdf = Pdf(out.getvalue())
    pdf.draw(1, 10).tobytes()
    pdf.text(1)
    for wrong in (b"%PDF-", b"%PDF-1.7\n"):
        _refused(wrong)


def _refused(data: bytes) -> Any:
    try:
        return Pdf(data)
    except Unshowable:
        return None


if __name__ == "__main__":  # pragma: no cover - runs in a process of its own
    main(sys.stdin.buffer, sys.stdout.buffer)

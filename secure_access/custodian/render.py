"""Pages of a sealed section as pictures, drawn by a child in the sandbox and kept in the core's memory.

One `Section` is one file, one child, one sitting. Pages may be drawn ahead; what is drawn is not released:
who sees a page is decided, marked and logged elsewhere. Pixels come out of the child raw, of a size that is
checked, so that nothing of the core ever parses a picture that a child made.
"""

from __future__ import annotations

import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, Self

from PIL import Image

from secure_access.custodian import wire
from secure_access.custodian.sandbox import Broken, Child, SandboxFailure, TooSlow
from secure_access.custodian.wire import Act, Kind, Reason

MEDIA_TYPES = frozenset({"application/pdf", "image/png", "image/jpeg"})
PAGES_BYTES = 256 << 20
"""Of pixels that one sitting keeps in memory: about 40 pages at zoom 1."""


class Zoom(IntEnum):
    """How large a page is drawn, in tenths: across 1,240, 1,860 or 2,480 pixels."""

    ONE = 10
    ONE_AND_A_HALF = 15
    TWO = 20


class CannotShow(Exception):
    """The section, or a page of it, cannot be shown; the text says why, for a person."""


@dataclass(frozen=True)
class Openable:
    """The section opens, and its first page can be drawn."""

    pages: int


@dataclass(frozen=True)
class NotOpenable:
    """It does not, for a reason in words."""

    reason: str


class Prepares(Protocol):
    """What has children ready: `sandbox.Sandbox` or `sandbox.Spare`."""

    def prepare(self) -> Child:
        """A child that waits for a section."""
        ...


class Pages:
    """Drawn pages in memory, the least recently used leaving first; wiped when they leave.

    Wiping overwrites this copy. Copies that the interpreter or Pillow made on the way are not reached.
    """

    def __init__(self, most: int = PAGES_BYTES) -> None:
        self._most = most
        self._held: OrderedDict[tuple[int, Zoom], tuple[tuple[int, int], bytearray]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """Bytes of pixels that are kept now."""
        return self._bytes

    def put(self, page: int, zoom: Zoom, size: tuple[int, int], pixels: bytearray) -> None:
        """Keeps a page; what is larger than the bound alone is not kept."""
        with self._lock:
            if (page, zoom) in self._held or len(pixels) > self._most:
                return
            self._held[page, zoom] = size, pixels
            self._bytes += len(pixels)
            while self._bytes > self._most:
                self._drop(next(iter(self._held)))

    def get(self, page: int, zoom: Zoom) -> Image.Image | None:
        """A copy of the page, if it is kept."""
        with self._lock:
            if (page, zoom) not in self._held:
                return None
            self._held.move_to_end((page, zoom))
            size, pixels = self._held[page, zoom]
            return Image.frombytes("RGB", size, bytes(pixels))

    def __contains__(self, key: tuple[int, Zoom]) -> bool:
        return key in self._held

    def wipe(self) -> None:
        """Overwrites and forgets all."""
        with self._lock:
            for key in list(self._held):
                self._drop(key)

    def _drop(self, key: tuple[int, Zoom]) -> None:
        _, pixels = self._held.pop(key)
        self._bytes -= len(pixels)
        pixels[:] = bytes(len(pixels))


class Section:
    """An opened section: its count, its pages, its text. Threads may share it; one at a time asks the child.

    Raises `CannotShow` when it does not open, and the errors of `sandbox`.
    """

    def __init__(
        self, prepares: Prepares, data: bytes | bytearray, media_type: str, *, most: int = PAGES_BYTES
    ) -> None:
        if media_type not in MEDIA_TYPES:
            raise CannotShow("Only PDF, PNG and JPEG can be shown.")
        self._child = prepares.prepare()
        self._lock = threading.Lock()
        self._kept = Pages(most)
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        try:
            self._child.give(data, media_type)
            self.pages = self._count()
        except BaseException:
            self.close()
            raise

    def page(self, number: int, zoom: Zoom = Zoom.ONE) -> Image.Image:
        """The page from 1, unmarked, in RGB. Raises `CannotShow` and the errors of `sandbox`."""
        found = self._kept.get(number, zoom)
        if found is not None:
            return found
        with self._lock:
            found = self._kept.get(number, zoom)
            if found is not None:
                return found
            size, pixels = self._drawn(number, zoom)
            picture = Image.frombytes("RGB", size, bytes(pixels))
            self._kept.put(number, zoom, size, pixels)
            return picture

    def text(self, number: int) -> str:
        """The words of the page from 1, without control characters but line ends and tabs."""
        with self._lock:
            words = self._asked(Act.TEXT, number, Zoom.ONE, Kind.TEXT, wire.MAX_TEXT)
        try:
            return _plain(words.decode())
        except UnicodeDecodeError:
            raise self._child.broken("The renderer answered what it must not.") from None

    def ahead(self, numbers: Iterable[int], zoom: Zoom = Zoom.ONE) -> None:
        """Draws these pages in the background and keeps them; what fails is told when it is asked for."""
        for number in numbers:
            if 1 <= number <= self.pages and (number, zoom) not in self._kept:
                self._ahead.submit(self._try, number, zoom)

    def close(self) -> None:
        """Ends the child, and wipes what was drawn."""
        self._ahead.shutdown(wait=False, cancel_futures=True)
        self._child.close()
        with self._lock:
            self._kept.wipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _try(self, number: int, zoom: Zoom) -> bool:
        try:
            self.page(number, zoom)
        except (CannotShow, SandboxFailure):
            return False  # whoever asks for the page gets the reason
        return True

    def _count(self) -> int:
        answer = self._answered(Kind.COUNT, wire.COUNT.size)
        count: int = wire.COUNT.unpack(answer)[0] if len(answer) == wire.COUNT.size else 0
        if not 1 <= count <= wire.MAX_PAGES:
            raise self._child.broken("The renderer answered what it must not.")
        return count

    def _drawn(self, number: int, zoom: Zoom) -> tuple[tuple[int, int], bytearray]:
        """Size and pixels, as long as they agree with each other and with the bounds."""
        most = wire.SIZE.size + 3 * wire.MAX_PIXELS[zoom]
        answer = self._asked(Act.PAGE, number, zoom, Kind.PAGE, most)
        if len(answer) > wire.SIZE.size:
            across, down = wire.SIZE.unpack_from(answer)
            del answer[: wire.SIZE.size]
            if 0 < across <= wire.MAX_SIDE and 0 < down <= wire.MAX_SIDE and len(answer) == 3 * across * down:
                return (across, down), answer
        raise self._child.broken("The renderer answered what it must not.")

    def _asked(self, act: Act, number: int, zoom: Zoom, kind: Kind, most: int) -> bytearray:
        if not 1 <= number <= self.pages:
            raise CannotShow(wire.WORDS[Reason.NO_SUCH_PAGE])
        self._child.send(wire.REQUEST.pack(act, number, zoom))
        return self._answered(kind, most)

    def _answered(self, expected: Kind, most: int) -> bytearray:
        kind, answer = self._child.answer(most)
        if kind == expected:
            return answer
        if kind == Kind.REFUSED and len(answer) == 1 and answer[0] in set(Reason):
            raise CannotShow(wire.WORDS[Reason(answer[0])])
        raise self._child.broken("The renderer answered what it must not.")


def look(prepares: Prepares, data: bytes | bytearray, media_type: str) -> Openable | NotOpenable:
    """Whether a section opens: counted, and its first page drawn, unseen. Raises `sandbox.CannotSandbox`."""
    try:
        with Section(prepares, data, media_type) as section:
            section.page(1)
            return Openable(section.pages)
    except CannotShow as refused:
        return NotOpenable(str(refused))
    except (Broken, TooSlow) as broken:
        return NotOpenable(str(broken))


def _plain(words: str) -> str:
    """Without what a screen or a terminal would obey."""
    return "".join(
        one for one in words.replace("\r\n", "\n") if one in "\n\t" or unicodedata.category(one)[0] != "C"
    )

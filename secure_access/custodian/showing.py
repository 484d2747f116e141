"""Pages of open sittings: one child for each section that a reader has open, the mark burnt in, encoded.

What a sitting has open is wiped when it is over. Pages are drawn ahead and never released ahead: who may
see one is decided by `reading`, which asks here for one page at a time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import TypeVar

from secure_access.custodian import mark, render
from secure_access.custodian.access_grants import GrantedSection
from secure_access.custodian.custody import NoSuchPage, Release
from secure_access.custodian.enrolment import Role
from secure_access.custodian.opening import Opening
from secure_access.custodian.render import Zoom
from secure_access.custodian.sandbox import SandboxFailure

FORM = "WEBP"
"""Without loss, as PNG is. Measured (bench/reading.py): as fast, and two thirds as large."""
AHEAD = 3
"""Pages that are drawn before somebody asks for them."""
OPEN, OPEN_TO_ONE = 16, 3
"""Sections that are open at a time: in all, and in one sitting. The least lately read is closed first."""
PIXELS = 96 << 20
"""Bytes of drawn pages that are kept of one section: about 14 at zoom 1."""
_Key = tuple[str, str]
T = TypeVar("T")


class Showing:
    """The open sections by sitting, and the mark. ``key`` is the mark key."""

    def __init__(self, opening: Opening, key: bytes) -> None:
        self._opening, self._key = opening, key
        self._lock = threading.Lock()
        self._open: OrderedDict[_Key, render.Section] = OrderedDict()
        self._making: dict[_Key, threading.Lock] = {}

    def prepare(self, section: GrantedSection, page: int, release: Release) -> None:
        """Open the section and draw the page, released to nobody yet. Raises `NoSuchPage` and others."""
        opened = self._section(section, release)
        if page > opened.pages:
            raise NoSuchPage
        self._asked(section, release, lambda: opened.page(page, Zoom(release.zoom)))

    def page(self, section: GrantedSection, page: int, release: Release) -> bytes:
        """The page with its mark, as a file. Raises `NoSuchPage` and others: then there is no page."""
        opened = self._section(section, release)
        if page > opened.pages:
            raise NoSuchPage
        zoom = Zoom(release.zoom)
        drawn = self._asked(section, release, lambda: opened.page(page, zoom))
        words = mark.Words(release.reader.name, Role.READER.value, release.number, release.at)
        made = mark.encoded(mark.burn(drawn, words, self._key), FORM)
        opened.ahead(range(page + 1, page + 1 + AHEAD), zoom)
        return made

    def text(self, section: GrantedSection, page: int, release: Release) -> str:
        """The words of the page, after a line with what the mark says. Raises `NoSuchPage` and others."""
        opened = self._section(section, release)
        if page > opened.pages:
            raise NoSuchPage
        words = mark.Words(release.reader.name, Role.READER.value, release.number, release.at)
        found = self._asked(section, release, lambda: opened.text(page))
        return " · ".join(words.lines) + "\n\n" + found

    def keep(self, sittings: Collection[str]) -> None:
        """Close and wipe what every other sitting had open."""
        with self._lock:
            over = [key for key in self._open if key[0] not in sittings]
            closed = [self._open.pop(key) for key in over]
            for key in [key for key in self._making if key[0] not in sittings]:
                del self._making[key]
        for section in closed:
            section.close()

    def _asked(self, section: GrantedSection, release: Release, ask: Callable[[], T]) -> T:
        """What a child answers. One that fails is closed, so that the next who asks gets another."""
        try:
            return ask()
        except SandboxFailure:
            self._drop((release.sitting, section.section))
            raise

    def _section(self, section: GrantedSection, release: Release) -> render.Section:
        key = (release.sitting, section.section)
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                found = self._open.get(key)
                if found is not None:
                    self._open.move_to_end(key)
                    return found
            made = self._made(section, release)
            with self._lock:
                self._open[key] = made
                crowded = self._crowded(key[0])
            for one in crowded:
                one.close()
            return made

    def _made(self, section: GrantedSection, release: Release) -> render.Section:
        plain = self._opening.plain(release.plan, section.section, section.sha256)
        sheets = self._opening.sheets(section.section, plain)
        try:
            return render.Section(self._opening, sheets.plain.content, sheets.plain.media_type, most=PIXELS)
        finally:
            sheets.plain.wipe()

    def _crowded(self, sitting: str) -> list[render.Section]:
        """Sections that have to go; the newest stands last and stays."""
        own = [key for key in self._open if key[0] == sitting]
        out = own[: max(0, len(own) - OPEN_TO_ONE)]
        others = [key for key in self._open if key not in out]
        out += others[: max(0, len(others) - OPEN)]
        return [self._open.pop(key) for key in out]

    def _drop(self, key: _Key) -> None:
        with self._lock:
            found = self._open.pop(key, None)
        if found is not None:
            found.close()

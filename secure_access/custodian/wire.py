"""What core and sandboxed child say to each other over two pipes. Loaded by both; only the standard library.

The core writes a line of JSON with the terms of the confinement, later a line of JSON with type and size of
the section and its bytes; then requests, each of `REQUEST`. The child answers each with `ANSWER` and as many
bytes as that says; its first answer is to the section. The core takes every answer for hostile: a kind, a
length or a size that is not what was asked for ends the child.
"""

from __future__ import annotations

import struct
from enum import IntEnum

REQUEST = struct.Struct(">BIB")
"""Act, page from 1, zoom in tenths."""
ANSWER = struct.Struct(">BI")
"""Kind, then how many bytes follow."""
SIZE = struct.Struct(">HH")
"""Width and height in pixels, before the pixels of a page: red, green, blue, line by line from the top."""
COUNT = struct.Struct(">I")

WIDTH = 1240
"""Pixels across of a page at zoom 1: A4 at 150 dots an inch."""
MAX_SIDE = 16_000
MAX_PIXELS = {10: 4_000_000, 15: 8_000_000, 20: 14_000_000}
"""By zoom in tenths; a page of a stranger shape comes out narrower. These are the zooms that there are."""
MAX_TEXT = 1 << 20
MAX_PAGES = 5_000
COMPARED = "plan and outline"
"""Instead of a media type: a line of JSON with the outline, keys, types and sizes, then the files."""
MAX_LOOKED = 64 << 10
MAX_PDF = 128 << 20
"""Of what the child that sets pages says of a section, and of the PDF that it makes."""


class Act(IntEnum):
    """What the core asks for."""

    COUNT = 1
    PAGE = 2
    TEXT = 3


class Kind(IntEnum):
    """What an answer carries."""

    REFUSED = 0
    COUNT = 1
    PAGE = 2
    TEXT = 3
    LOOKED = 4
    PDF = 5


class Reason(IntEnum):
    """Why something cannot be shown. The child sends the number; the words are the core's own."""

    LOCKED = 1
    DAMAGED = 2
    NO_PAGES = 3
    TOO_MANY_PAGES = 4
    NO_SUCH_PAGE = 5
    PAGE_DAMAGED = 6
    NO_SIZE = 7
    IMAGE_DAMAGED = 8
    IMAGE_TOO_LARGE = 9
    MEMORY = 10
    NO_TEXT = 11
    WRONG_TYPE = 12
    TOO_MUCH_TEXT = 13
    TWO_FILES = 14


WORDS = {
    Reason.LOCKED: "It is locked with a password.",
    Reason.DAMAGED: "It is damaged: no PDF reader can be expected to open it.",
    Reason.NO_PAGES: "It has no pages.",
    Reason.TOO_MANY_PAGES: f"It has more than {MAX_PAGES} pages.",
    Reason.NO_SUCH_PAGE: "There is no such page.",
    Reason.PAGE_DAMAGED: "The page is damaged.",
    Reason.NO_SIZE: "The page has no size.",
    Reason.IMAGE_DAMAGED: "The image is damaged.",
    Reason.IMAGE_TOO_LARGE: "The image is too large to show.",
    Reason.MEMORY: "Opening it takes more memory than is allowed.",
    Reason.NO_TEXT: "An image has no text to read.",
    Reason.WRONG_TYPE: "Its first bytes are not those of the type that it is said to have.",
    Reason.TOO_MUCH_TEXT: "The text of the page is longer than is allowed.",
    Reason.TWO_FILES: "It is two files in one: a PDF, and an archive that opens in another program.",
}

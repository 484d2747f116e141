"""The authority's mark: a small SVG or PNG file that the operator names, checked before it is served.

An SVG is a program as much as a picture: only shapes are taken, nothing that runs, loads or links. It is
served as an image from our own origin, so a page needs no looser content security policy for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

LARGEST = 64 * 1024
"""Bytes. A mark is drawn at 30 px on every page."""

_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES = frozenset(
    {"svg", "g", "defs", "title", "desc", "symbol", "use", "clipPath", "mask", "text", "tspan"}
    | {"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
    | {"linearGradient", "radialGradient", "stop"}
)
_ELSEWHERE = re.compile(r"url\(\s*['\"]?(?!\s*['\"]?#)|[a-z][a-z0-9+.-]*:|@import|\\\\", re.IGNORECASE)


class BadMark(ValueError):
    """The file cannot be the mark; the words say why."""


@dataclass(frozen=True)
class Mark:
    """The bytes that are served, their type, and a name that changes with them."""

    content: bytes
    media_type: str

    @property
    def name(self) -> str:
        """Digest and ending, for an address that can be kept for ever."""
        ending = "png" if self.media_type == "image/png" else "svg"
        return f"{hashlib.sha256(self.content).hexdigest()[:16]}.{ending}"


def read(path: Path) -> Mark:
    """The mark in a file. Raises `BadMark`."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as problem:
        raise BadMark(f"the file cannot be read: {problem.strerror}") from problem
    if len(content) > LARGEST:
        raise BadMark(f"the file is larger than {LARGEST // 1024} KiB")
    if content.startswith(_PNG):
        return Mark(content, "image/png")
    unfit = next(_unfit(content), "")
    if unfit:
        raise BadMark(unfit)
    return Mark(content, "image/svg+xml")


def _unfit(content: bytes) -> Iterator[str]:
    """Why these bytes are no picture of shapes alone."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        yield "it is neither a PNG nor an SVG in UTF-8"
        return
    if "<!DOCTYPE" in text or "<!ENTITY" in text or "<?xml-stylesheet" in text:
        yield "it declares a document type, entities or a style sheet; save it as plain SVG"
        return
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there are no entities
    except ET.ParseError as problem:
        yield f"it is neither a PNG nor an SVG: {problem}"
        return
    if root.tag != f"{_SVG}svg":
        yield "it is neither a PNG nor an SVG"
    for element in root.iter():
        name = str(element.tag).removeprefix(_SVG)
        if name not in _SHAPES:
            yield f"it holds <{name}>; only shapes, gradients and text are taken"
        yield from _unfit_attributes(name, element.attrib)


def _unfit_attributes(name: str, attributes: dict[str, str]) -> Iterator[str]:
    for key, value in attributes.items():
        plain = key.rpartition("}")[2]
        if plain.lower().startswith("on"):
            yield f"<{name}> has {plain}, which runs a script"
        elif plain == "href" and not value.startswith("#"):
            yield f"<{name}> links to {value[:40]!r}, outside the picture"
        elif _ELSEWHERE.search(value):
            yield f"<{name}> names something outside the picture in {plain}"

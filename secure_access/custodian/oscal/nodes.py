"""One way to walk an OSCAL document, whether it came as JSON, YAML or XML. Pure.

OSCAL's formats differ in two things that matter here: XML repeats an element where JSON has a list under a
name in the plural, and prose is XHTML there and Markdown here. Names are the singular ones of XML.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from secure_access.custodian.oscal.formats import Tree

NAMESPACE = "http://csrc.nist.gov/ns/oscal/1.0"
LONGEST = 20_000
"""Characters of one passage that are shown; a file enclosed as base64 has millions."""

_PLURAL = {"implemented-requirement": "implemented-requirements", "by-component": "by-components"}
_SPACE = re.compile(r"\s+")
_BLOCKS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "pre", "table", "tr", "blockquote"}
)
_PROSE = _BLOCKS | {
    "a",
    "b",
    "br",
    "code",
    "em",
    "i",
    "img",
    "insert",
    "q",
    "strong",
    "sub",
    "sup",
    "td",
    "th",
}


@dataclass(frozen=True)
class Passage:
    """A text of the document and where it stands, as a path that a person can follow."""

    place: str
    text: str


class Node(Protocol):
    """A part of a document. What is absent, or not what OSCAL says it is, reads as empty."""

    def text(self, name: str) -> str:
        """The text of a field or flag."""

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a repeated field."""

    def one(self, name: str) -> Node:
        """A part of it, possibly empty."""

    def every(self, name: str) -> list[Node]:
        """Its parts of that name, in order."""

    def passages(self, without: frozenset[str], place: str = "") -> Iterator[Passage]:
        """Every text in it, at any depth, but for the parts named in ``without`` at its top."""


@dataclass(frozen=True)
class TreeNode:
    """A part of a document in JSON or YAML."""

    value: Tree

    def _at(self, name: str) -> Tree:
        if not isinstance(self.value, dict):
            return None
        return self.value.get(name, self.value.get(_plural(name)))

    def text(self, name: str) -> str:
        """As `Node.text`."""
        return _plain(self._at(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """As `Node.texts`."""
        found = self._at(name)
        return tuple(map(_plain, found)) if isinstance(found, list) else ()

    def one(self, name: str) -> Node:
        """As `Node.one`."""
        return TreeNode(self._at(name))

    def every(self, name: str) -> list[Node]:
        """As `Node.every`."""
        found = self._at(name)
        return [TreeNode(item) for item in found] if isinstance(found, list) else []

    def passages(self, without: frozenset[str], place: str = "") -> Iterator[Passage]:
        """As `Node.passages`."""
        if isinstance(self.value, dict):
            left = without | {_plural(name) for name in without}
            for name, item in self.value.items():
                if name not in left:
                    yield from TreeNode(item).passages(frozenset(), _below(place, name))
        elif isinstance(self.value, list):
            for number, item in enumerate(self.value, 1):
                yield from TreeNode(item).passages(frozenset(), f"{place} {number}")
        elif text := _plain(self.value):
            yield Passage(place, _shown(text))


@dataclass(frozen=True)
class ElementNode:
    """A part of a document in XML."""

    element: etree._Element | None

    def text(self, name: str) -> str:
        """As `Node.text`."""
        if self.element is None:
            return ""
        flag = self.element.get(name)
        return flag.strip() if flag is not None else next(iter(self.texts(name)), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """As `Node.texts`."""
        return tuple(prose(child) for child in self._children(name))

    def one(self, name: str) -> Node:
        """As `Node.one`."""
        return ElementNode(next(iter(self._children(name)), None))

    def every(self, name: str) -> list[Node]:
        """As `Node.every`."""
        return [ElementNode(child) for child in self._children(name)]

    def passages(self, without: frozenset[str], place: str = "") -> Iterator[Passage]:
        """As `Node.passages`."""
        if self.element is None:
            return
        for name, flag in self.element.attrib.items():
            if name not in without and flag.strip():
                yield Passage(_below(place, str(name)), _shown(str(flag).strip()))
        children = [(_name(child), child) for child in self.element]
        children = [(name, child) for name, child in children if name not in without]
        if all(name in _PROSE for name, _ in children):
            if text := prose(self.element, _PROSE):
                yield Passage(place, _shown(text))
            return
        seen: Counter[str] = Counter()
        many = Counter(name for name, _ in children)
        for name, child in children:
            seen[name] += 1
            below = _below(place, f"{name} {seen[name]}" if many[name] > 1 else name)
            yield from ElementNode(child).passages(frozenset(), below)

    def _children(self, name: str) -> list[etree._Element]:
        return [] if self.element is None else self.element.findall(f"{{{NAMESPACE}}}{name}")


# What no text in XML can hold: a paragraph that begins with a dash is no item of a list.
_ITEM = "\0"


def prose(element: etree._Element, only: frozenset[str] | None = None) -> str:
    """The text of an element with markup: a paragraph to a line of its own, list items with a dash."""
    lines: list[str] = []
    _collect(element, lines, "", only)
    text = "\n\n".join(line for line in lines if line).replace(f"\n\n{_ITEM}", f"\n{_ITEM}")
    return re.sub(rf"{_ITEM} ?", "- ", re.sub(rf"{_ITEM}(?=\n|$)", "-", text)).strip()


def _collect(element: etree._Element, lines: list[str], lead: str, only: frozenset[str] | None) -> None:
    said = [lead, element.text or ""]

    def close() -> None:
        text = "".join(said)
        lines.append(text.strip("\n") if _name(element) == "pre" else _SPACE.sub(" ", text).strip())
        said.clear()

    for child in element:
        name = _name(child)
        if only is not None and name not in only:
            said.append(child.tail or "")
        elif name in _BLOCKS:
            close()
            _collect(child, lines, _ITEM if name == "li" else "", only)
            said.append(child.tail or "")
        elif name == "insert":
            said += [
                f"{{{{ insert: {child.get('type', '')}, {child.get('id-ref', '')} }}}}",
                child.tail or "",
            ]
        else:
            said += [
                "".join(map(str, child.itertext())),
                " " if name in ("td", "th") else "",
                child.tail or "",
            ]
    close()


def _name(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def _plural(name: str) -> str:
    return _PLURAL.get(name, f"{name}s")


def _plain(value: Tree) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _below(place: str, name: str) -> str:
    return f"{place} / {name}" if place else name


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text):,} characters in all)"

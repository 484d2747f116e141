"""JSON, YAML and XML of somebody who may mean harm, as trees within bounds. Pure.

What two readers could understand differently is refused: the same key twice, an alias of YAML, a document
type definition, an entity or an inclusion of XML, text that is not Unicode.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeAlias
from xml.parsers import expat

import yaml
from lxml import etree

BYTES = 16 * 2**20
DEPTH = 64
VALUES = 2**18
"""Largest file in bytes, how deep it may be nested, how many values or elements it may have."""

_INCLUSION = "http://www.w3.org/2001/XInclude"
_SAFE: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the same loader, with libyaml below where it is built in

Tree: TypeAlias = Any


class NotReadable(ValueError):
    """A file that is not read; the message says why, for the person who wrote it."""


class Format(StrEnum):
    """In what an OSCAL document is written."""

    JSON = "JSON"
    YAML = "YAML"
    XML = "XML"


MEDIA_TYPES = {
    "application/json": Format.JSON,
    "application/oscal+json": Format.JSON,
    "application/yaml": Format.YAML,
    "application/x-yaml": Format.YAML,
    "application/oscal+yaml": Format.YAML,
    "text/yaml": Format.YAML,
    "application/xml": Format.XML,
    "application/oscal+xml": Format.XML,
    "text/xml": Format.XML,
}


def json_tree(content: bytes) -> Tree:
    """The value of a JSON text. Raises `NotReadable`."""
    _size(content)
    if sum(map(content.count, (b",", b"[", b"{"))) > 4 * VALUES:
        raise NotReadable(f"The file has more than {VALUES:,} values.")
    try:
        text = content.decode("utf-8-sig")
        tree = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError:
        raise NotReadable("The file is not UTF-8 text.") from None
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as problem:
        raise NotReadable(
            f"The file is not JSON: line {problem.lineno}, column {problem.colno}: {problem.msg}."
        ) from None
    except NotReadable:
        raise
    except ValueError:  # a number of thousands of digits
        raise NotReadable("A number in the file is too long.") from None
    return _bounded(tree)


def _object(pairs: list[tuple[str, Tree]]) -> dict[str, Tree]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise NotReadable(f"An object has the key “{twice[:80]}” twice; readers would take different ones.")
    return found


def _constant(name: str) -> Tree:
    raise NotReadable(f"{name} is not a number of JSON.")


class _Loader(_SAFE):  # type: ignore[misc]
    """YAML 1.2's core schema: a date is text and so is ``yes``; nothing but text, numbers, booleans, null."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own form


for _tag, _form, _first in (
    ("null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    ("int", r"[-+]?[0-9]{1,300}", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]{1,300}(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^{_form}$"), _first)


_SCALARS: dict[str, Callable[[str], Tree]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": float,
}


def yaml_tree(content: bytes) -> Tree:
    """The value of one YAML document without anchors, aliases, tags and merged keys. Raises `NotReadable`."""
    _size(content)
    try:
        text = content.decode("utf-8-sig")
        _events(text)
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            raise NotReadable("The file is empty.")
        return _bounded(_value(node))
    except UnicodeDecodeError:
        raise NotReadable("The file is not UTF-8 text.") from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise NotReadable(f"The file is not YAML{where}.") from None


def _events(text: str) -> None:
    """Looks at the file as a stream, before any of it is built in memory."""
    depth = documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=_SAFE), 1):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise NotReadable(f"Line {event.start_mark.line + 1}: anchors and aliases of YAML are not read.")
        if getattr(event, "tag", None) not in (None, "!"):
            raise NotReadable(f"Line {event.start_mark.line + 1}: tags of YAML are not read.")
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH:
            raise _too_deep()
        if count > 2 * VALUES:
            raise NotReadable(f"The file has more than {VALUES:,} values.")
    if documents > 1:
        raise NotReadable("The file holds more than one YAML document.")


def _value(node: yaml.Node) -> Tree:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        pairs = [(_key(key), _value(item)) for key, item in node.value]
        return _object(pairs)
    return _SCALARS.get(node.tag.rpartition(":")[2], str)(node.value)


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise NotReadable(f"Line {node.start_mark.line + 1}: a key is not text.")
    return str(node.value)


def xml_tree(content: bytes) -> etree._Element:
    """The root of an XML document without comments and processing instructions. Raises `NotReadable`."""
    _size(content)
    _guarded(content)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as problem:
        raise _not_xml(str(problem)) from None
    if root.getroottree().docinfo.doctype:
        raise _declaration()
    return root


def _guarded(content: bytes) -> None:
    """Refuses on the way, before an element is built, what could load, repeat or nest without end."""
    depth = count = 0

    def start(name: str, _: object) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > DEPTH:
            raise _too_deep()
        if count > VALUES:
            raise NotReadable(f"The file has more than {VALUES:,} elements.")
        if name.startswith(f"{_INCLUSION} "):
            raise NotReadable("The file includes others (XInclude). A plan is one file.")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def declared(*_: object) -> None:
        raise _declaration()

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = declared
    try:
        parser.Parse(content, True)
    except NotReadable:
        raise
    except expat.ExpatError as problem:
        words = expat.ErrorString(problem.code)
        raise _not_xml(f"{words}, line {problem.lineno}, column {problem.offset + 1}") from None
    except (ValueError, LookupError):
        raise _not_xml("its encoding is none that is read") from None


def _declaration() -> NotReadable:
    return NotReadable("The file declares a document type or entities. OSCAL needs none, and none is read.")


def _not_xml(why: str) -> NotReadable:
    return NotReadable(f"The file is not XML: {why.splitlines()[0][:200] if why else 'no reason told'}.")


def _too_deep() -> NotReadable:
    return NotReadable(f"The file is nested more than {DEPTH} deep.")


def _size(content: bytes) -> None:
    if len(content) > BYTES:
        raise NotReadable(f"The file has more than {BYTES // 2**20} MiB.")
    if not content.strip():
        raise NotReadable("The file is empty.")


def _bounded(tree: Tree) -> Tree:
    """The tree, once it is known to be neither too deep nor too large, and all its text Unicode."""
    waiting, count = [(tree, 1)], 0
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if count > VALUES:
            raise NotReadable(f"The file has more than {VALUES:,} values.")
        if depth > DEPTH:
            raise _too_deep()
        if isinstance(value, dict):
            waiting += [(item, depth + 1) for item in value.values()]
            waiting += [(key, depth) for key in value if not key.isascii()]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]
        elif isinstance(value, str) and not value.isascii():
            _unicode(value)
    return tree


def _unicode(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotReadable("A text in the file is not Unicode: it has half of a surrogate pair.") from None

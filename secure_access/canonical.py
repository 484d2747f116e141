"""Canonical JSON: RFC 8785 restricted to what cannot be read in two ways. Pure.

Allowed are objects, arrays, strings in Unicode NFC, booleans, and integers of magnitude below 2^53. There is
no ``null`` and no fraction: money, compute and time are strings. Within these limits RFC 8785 comes to: no
white space, object keys in order of their UTF-16 code units, the shortest escapes, UTF-8.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

Json: TypeAlias = str | bool | int | list["Json"] | dict[str, "Json"]

Members: TypeAlias = dict[str, str]
"""The members of an object by key, each as ``"key":value`` in canonical form."""

_Text: TypeAlias = Callable[[object, str], str]

LIMIT = 2**53
DEPTH = 32

# One for all: `json.dumps` makes an encoder for each call. What `_checked` returns is a tree.
_text_of = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode


class NotCanonical(ValueError):
    """A value, or bytes, that canonical JSON has no form for; the message names the place."""


def encode(value: object) -> bytes:
    """The canonical bytes of ``value`` (tuples are arrays; text is brought to NFC). Raises `NotCanonical`."""
    return _text_of(_checked(value, "", 0, _text)).encode()


def encode_as_written(value: object) -> bytes:
    """As `encode`, but that text stays in the form in which it is. Not canonical where that is not NFC."""
    return _text_of(_checked(value, "", 0, _as_written)).encode()


def members(value: Mapping[str, object]) -> Members:
    """The members of an object, written each by itself, for `joined`. Raises `NotCanonical`."""
    found = _object(value, "", 0, _text)
    return {key: f"{_text_of(key)}:{_text_of(item)}" for key, item in found.items()}


def joined(*parts: Members) -> bytes:
    """The canonical bytes of one object with the members of all parts, of which the last of a key counts.

    For many objects that are alike in most: ``joined(members(a), members(b)) == encode({**a, **b})``.
    """
    found = {key: text for part in parts for key, text in part.items()}
    return f"{{{','.join(found[key] for key in _ordered(found))}}}".encode()


def decode(encoded: bytes) -> Json:
    """The value of canonical bytes. Raises `NotCanonical` unless encoding it again gives these very bytes."""
    try:
        value = json.loads(encoded.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as problem:
        raise NotCanonical(f"not JSON: {problem}") from None
    if encode(value) != encoded:
        raise NotCanonical("the bytes are JSON, but not in canonical form")
    return value  # type: ignore[no-any-return]


def _checked(value: object, place: str, depth: int, text: _Text) -> Json:
    if depth > DEPTH:
        raise NotCanonical(f"{place}: nested more than {DEPTH} deep")
    match value:
        case str():
            return text(value, place)
        case bool():
            return value
        case int() if -LIMIT < value < LIMIT:
            return int(value)
        case int():
            raise NotCanonical(f"{place or 'value'}: an integer of 2^53 or more; write it as a string")
        case Mapping():
            return _object(value, place, depth, text)
        case list() | tuple():
            return [_checked(item, f"{place}/{n}", depth + 1, text) for n, item in enumerate(value)]
    raise NotCanonical(f"{place or 'value'}: {type(value).__name__} has no canonical form")


def _object(value: Mapping[Any, object], place: str, depth: int, text: _Text) -> dict[str, Json]:
    named = [(text(key, place), item) for key, item in value.items()]
    found = _without_duplicates(named)
    return {key: _checked(found[key], f"{place}/{key}", depth + 1, text) for key in _ordered(found)}


def _ordered(keys: Collection[str]) -> list[str]:
    # In ASCII both orders are one.
    return sorted(keys, key=None if all(map(str.isascii, keys)) else _code_units)


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be")


def _text(value: object, place: str) -> str:
    written = _as_written(value, place)
    # In ASCII there is one form only.
    return written if written.isascii() else unicodedata.normalize("NFC", written)


def _as_written(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise NotCanonical(f"{place or 'value'}: a key is {type(value).__name__}, not a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotCanonical(f"{place or 'value'}: a lone surrogate") from None
    return str(value)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("an object has the same key twice")
    return found


def _refuse(name: str) -> Json:
    raise NotCanonical(f"{name} has no canonical form")

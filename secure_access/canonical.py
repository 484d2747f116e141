"""Canonical JSON: RFC 8785 restricted to what cannot be read in two ways. Pure.

Allowed are objects, arrays, strings in Unicode NFC, booleans, and integers of magnitude below 2^53. There is
no ``null`` and no fraction: money, compute and time are strings. Within these limits RFC 8785 comes to: no
white space, object keys in order of their UTF-16 code units, the shortest escapes, UTF-8.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any, TypeAlias

Json: TypeAlias = str | bool | int | list["Json"] | dict[str, "Json"]

LIMIT = 2**53
DEPTH = 32


class NotCanonical(ValueError):
    """A value, or bytes, that canonical JSON has no form for; the message names the place."""


def encode(value: object) -> bytes:
    """The canonical bytes of ``value`` (tuples are arrays; text is brought to NFC). Raises `NotCanonical`."""
    return json.dumps(
        _checked(value, "", 0), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    ).encode()


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


def _checked(value: object, place: str, depth: int) -> Json:
    if depth > DEPTH:
        raise NotCanonical(f"{place}: nested more than {DEPTH} deep")
    match value:
        case str():
            return _text(value, place)
        case bool():
            return value
        case int() if -LIMIT < value < LIMIT:
            return int(value)
        case int():
            raise NotCanonical(f"{place or 'value'}: an integer of 2^53 or more; write it as a string")
        case Mapping():
            return _object(value, place, depth)
        case list() | tuple():
            return [_checked(item, f"{place}/{n}", depth + 1) for n, item in enumerate(value)]
    raise NotCanonical(f"{place or 'value'}: {type(value).__name__} has no canonical form")


def _object(value: Mapping[object, object], place: str, depth: int) -> dict[str, Json]:
    named = [(_text(key, place), item) for key, item in value.items()]
    found = _without_duplicates(named)
    # In ASCII both orders are one.
    order = None if all(map(str.isascii, found)) else _code_units
    keys = sorted(found, key=order)
    return {key: _checked(found[key], f"{place}/{key}", depth + 1) for key in keys}


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be")


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise NotCanonical(f"{place or 'value'}: a key is {type(value).__name__}, not a string")
    if value.isascii():  # one form only
        return str(value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotCanonical(f"{place or 'value'}: a lone surrogate") from None
    return unicodedata.normalize("NFC", str(value))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("an object has the same key twice")
    return found


def _refuse(name: str) -> Json:
    raise NotCanonical(f"{name} has no canonical form")

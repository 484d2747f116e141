"""Strict reading of the canonical JSON that the custodian believes: these keys, each of one form. Pure.

What is read here was signed, or is to be: a field too many, a time in another form or a number outside its
bounds is refused, never repaired. Errors name the place and never the value, which may be confidential.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from secure_access.ledger import canonical

LONGEST = 1024 * 1024
"""Bytes of a document that is read at all. An enrolment list of 500 people takes about half of it."""
LONGEST_TEXT = 4000
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_HEX = re.compile(r"[0-9a-f]*")
_IDENTIFIER = re.compile(r"[\w.:@/-]{1,120}")
_UNSEEN, JOINERS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"}), "\u200c\u200d"
"""Categories of Unicode; and the two of them that some languages are written with."""
T = TypeVar("T")


class Malformed(ValueError):
    """The bytes are not what they should be; the message names the place."""


def digest(encoded: bytes) -> str:
    """SHA-256 in hex: how every object is named."""
    return hashlib.sha256(encoded).hexdigest()


def fingerprint(encoded: bytes) -> str:
    """What two people read to each other: the same in groups of four."""
    whole = digest(encoded)
    return " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))


def document(encoded: bytes, form: str, keys: Collection[str]) -> Form:
    """The object in canonical bytes, whose ``v`` is ``form``. Raises `Malformed`."""
    found = plain(encoded, ("v", *keys))
    if found.text("v") != form:
        raise Malformed(f"this is not {form}")
    return found


def plain(encoded: bytes, keys: Collection[str], longest: int = LONGEST) -> Form:
    """The object in canonical bytes, with exactly these keys. Raises `Malformed`."""
    if len(encoded) > longest:
        raise Malformed(f"more than {longest} bytes")
    try:
        return Form(canonical.decode(encoded), keys)
    except canonical.NotCanonical:
        raise Malformed("the bytes are not canonical JSON") from None


class Form:
    """One object with exactly ``keys``; each method reads one of them. All raise `Malformed`."""

    def __init__(self, value: object, keys: Collection[str], place: str = "") -> None:
        self.place = place
        if not isinstance(value, Mapping):
            raise Malformed(f"{place or 'the document'} is not an object")
        if set(value) != set(keys):
            odd = ", ".join(sorted(set(keys) ^ {str(key) for key in value if str(key) in keys}))
            raise Malformed(f"{place or 'the document'}: keys are missing or too many ({odd or 'unknown'})")
        self._value: Mapping[str, Any] = value

    def wrong(self, key: str, why: str) -> Malformed:
        """The error for a field."""
        return Malformed(f"{self.place}{'/' if self.place else ''}{key}: {why}")

    def has(self, key: str) -> bool:
        """Whether a field that may be left out is there."""
        return key in self._value

    def value(self, key: str) -> Any:
        """What stands there, unread."""
        return self._value[key]

    def text(self, key: str, *, empty: bool = False) -> str:
        """A text of at most 4,000 characters, each of which is seen where it stands.

        None that turns or hides what stands beside it on the page of an approval, or ends a line.
        """
        value = self._value[key]
        if not isinstance(value, str) or len(value) > LONGEST_TEXT or not (value or empty):
            raise self.wrong(key, "a text is missing or too long")
        if any(unicodedata.category(one) in _UNSEEN and one not in JOINERS for one in value):
            raise self.wrong(key, "a text has no control characters and none that nobody sees")
        return value

    def identifier(self, key: str) -> str:
        """A short name without spaces."""
        value = self.text(key)
        if not _IDENTIFIER.fullmatch(value):
            raise self.wrong(key, "an identifier has up to 120 letters, digits and -._:@/")
        return value

    def number(self, key: str, least: int, most: int) -> int:
        """An integer within bounds, both included."""
        value = self._value[key]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(key, f"a number from {least} to {most}")
        return value

    def truth(self, key: str) -> bool:
        """True or false."""
        value = self._value[key]
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def instant(self, key: str) -> datetime:
        """An instant in the one form of the protocol."""
        value = self.text(key)
        try:
            found = datetime.strptime(value, _TIME).replace(tzinfo=UTC)
        except ValueError:
            raise self.wrong(key, "a time is not in the form of the protocol") from None
        if found.strftime(_TIME) != value:
            raise self.wrong(key, "a time is not in the form of the protocol")
        return found

    def hexadecimal(self, key: str, size: int) -> str:
        """``size`` bytes in lower-case hex."""
        value = self.text(key)
        if len(value) != 2 * size or not _HEX.fullmatch(value):
            raise self.wrong(key, f"{size} bytes in hex")
        return value

    def raw(self, key: str, least: int, most: int = 0) -> bytes:
        """Bytes in base64, between ``least`` and ``most`` of them (exactly ``least`` without ``most``)."""
        value = self._value[key]
        found = unbase64(value if isinstance(value, str) else "")
        if found is None or not least <= len(found) <= (most or least):
            raise self.wrong(key, "bytes in base64 of the wrong form or length")
        return found

    def identifiers(self, key: str, *, empty: bool = False) -> tuple[str, ...]:
        """A list of different identifiers, in order."""
        found = tuple(Form({"item": item}, ("item",), key).identifier("item") for item in self._list(key))
        if list(found) != sorted(set(found)):
            raise self.wrong(key, "a list has each item once, in order")
        if not found and not empty:
            raise self.wrong(key, "a list is empty")
        return found

    def texts(self, key: str, size: int) -> tuple[bytes, ...]:
        """A list of different byte strings in base64, each at most ``size`` long."""
        found = tuple(Form({"item": item}, ("item",), key).raw("item", 1, size) for item in self._list(key))
        if len(set(found)) != len(found) or not found:
            raise self.wrong(key, "a list is empty or has an item twice")
        return found

    def one(self, key: str, keys: Collection[str]) -> Form:
        """The object below ``key``."""
        return Form(self._value[key], keys, f"{self.place}/{key}")

    def each(
        self, key: str, keys: Collection[str], read: Callable[[Form], T], optional: Collection[str] = ()
    ) -> tuple[T, ...]:
        """The objects of the list below ``key``, each read by ``read``; ``optional`` keys may be left out."""
        found = []
        for number, item in enumerate(self._list(key)):
            more = [one for one in optional if isinstance(item, Mapping) and one in item]
            found.append(read(Form(item, (*keys, *more), f"{self.place}/{key}/{number}")))
        return tuple(found)

    def _list(self, key: str) -> Sequence[Any]:
        value = self._value[key]
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return value


def unbase64(text: str) -> bytes | None:
    """Strict base64: one text for one value; ``None`` for anything else."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if base64.b64encode(value).decode() == text else None

"""Reading facts strictly: every error names the key by its path, and says what is wrong and what to do.

Facts come from a file or a form as plain mappings. A number is a decimal string or an integer, never a
float; a date is an ISO string; an unknown key is an error, because a misspelt one would count as absent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeGuard

LARGEST = Decimal("1e40")
DIGITS = 60
SMALLEST_POWER = -30
LONGEST_INTEGER = 100
LONGEST_LIST = 1000
# Days outside this span are slips of the pen; inside it no arithmetic of periods leaves the calendar.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class LawError(Exception):
    """Anything the law package refuses: `what` happened, `why`, and `fix`, what a person can do next."""

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(" ".join(part for part in (what, why, fix) if part))
        self.what, self.why, self.fix = what, why, fix


class FactError(LawError):
    """A fact cannot be read; `path` is the key, for example `inputs.violations[0].severity_percent`."""

    def __init__(self, path: str, why: str, fix: str = "") -> None:
        super().__init__(f"{path or 'the facts'}: {why}.", "", fix)
        self.path, self.why = path, why


def load_json(text: str) -> Any:
    """Parse JSON without ever calculating with a float; NaN, Infinity and repeated keys are refused.

    Raises:
        LawError: when the text is not JSON or holds what JSON has no place for.
    """
    try:
        found = json.loads(text, parse_float=_decimal, parse_int=_integer, object_pairs_hook=_no_repeats)
    except RecursionError as error:
        raise LawError(
            "The file is nested too deeply.", "", "Give one object of facts, or a list."
        ) from error
    except json.JSONDecodeError as error:
        where = f"Line {error.lineno}, column {error.colno}: {error.msg}."
        raise LawError("The file is not JSON.", where, "Correct the file at that place.") from error
    _no_constants(found)
    return found


def _decimal(text: str) -> Decimal | float:
    """A number with a point or a power, exactly; infinity where even `Decimal` has no place for it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return math.inf


def _integer(text: str) -> int | Decimal:
    """A whole number; a very long one stays a `Decimal`, so that whoever reads it refuses it by name."""
    return int(text) if len(text) <= LONGEST_INTEGER else Decimal(text)


def _no_constants(found: Any) -> None:
    """Only NaN and infinity are floats here; the field that holds one is named."""
    waiting: list[tuple[str, Any]] = [("", found)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, float):
            raise FactError(path, f"{value} is not a finite number", "Leave out what is not known.")
        if isinstance(value, dict):
            waiting += [(f"{path}.{key}" if path else key, item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", item) for index, item in enumerate(value)]


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise FactError(_shown(key), "the key is there twice in one object", "Keep one of the two.")
        found[key] = value
    return found


def _shown(key: object) -> str:
    """A key as it can stand in one line of an error, whatever it holds."""
    text = str(key)[:60]
    return text if text.isprintable() and text else repr(text)


class Facts:
    """A mapping of facts with the path that leads to it.

    Args:
        value: the mapping as parsed.
        path: where it stands, for errors; empty for the whole file.
        known: the keys that have a meaning here; any other raises.

    Raises:
        FactError: when it is no object, or a key is unknown.
    """

    def __init__(self, value: object, path: str, known: Sequence[str]) -> None:
        if not isinstance(value, Mapping):
            raise FactError(path, "an object is expected here", "See the form of the facts.")
        self._values: Mapping[str, Any] = value
        self.path = path
        for key in value:
            if key not in known:
                raise FactError(self.at(_shown(key)), "unknown key", f"Known here: {', '.join(known)}.")

    def at(self, key: str) -> str:
        """The path of a key of this object."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Whether the key is stated; null counts as left out."""
        return self._values.get(key) is not None

    def child(self, key: str, known: Sequence[str]) -> Facts:
        """The object under a key; an absent one reads as empty."""
        return Facts(self._values[key] if self.has(key) else {}, self.at(key), known)

    def children(self, key: str, known: Sequence[str]) -> Iterator[Facts]:
        """The objects of a list under a key; an absent one reads as empty."""
        for index, item in enumerate(self.items(key)):
            yield Facts(item, f"{self.at(key)}[{index}]", known)

    def items(self, key: str) -> Sequence[Any]:
        """The raw list under a key; an absent one reads as empty."""
        value = self._values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise FactError(self.at(key), "a list is expected here", "Put the value in brackets.")
        if len(value) > LONGEST_LIST:
            raise FactError(self.at(key), f"more than {LONGEST_LIST} items", "Split the case.")
        return value

    def raw(self, key: str) -> Any:
        """The value as parsed, None where it is not stated."""
        return self._values.get(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; an absent one reads as empty."""
        found = []
        for index, item in enumerate(self.items(key)):
            if not _is_text(item):
                raise FactError(f"{self.at(key)}[{index}]", "a text is expected here")
            found.append(item)
        return tuple(found)

    def text(self, key: str, among: Sequence[str] = ()) -> str | None:
        """A text, optionally one of a few; None where it is not stated."""
        value: Any = self._values.get(key)
        if value is None:
            return None
        if not _is_text(value):
            raise FactError(self.at(key), "a text is expected here")
        if among and value not in among:
            fix = f"Use one of: {', '.join(among)}."
            raise FactError(self.at(key), f"{value[:60]!r} is not known here", fix)
        return value

    def flag(self, key: str) -> bool | None:
        """True or false; None where it is not stated."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, bool):
            raise FactError(self.at(key), "true or false is expected here")
        return value

    def day(self, key: str) -> date | None:
        """An ISO date; None where it is not stated."""
        value = self._values.get(key)
        if value is None:
            return None
        try:
            day = value if type(value) is date else date.fromisoformat(value)
        except (TypeError, ValueError):
            why = f"{repr(value)[:40]} is not a date"
            raise FactError(self.at(key), why, "Write it as 2027-10-01.") from None
        if not FIRST_DAY <= day <= LAST_DAY:
            fix = f"Use a day from {FIRST_DAY} to {LAST_DAY}."
            raise FactError(self.at(key), f"{day} is out of bounds", fix)
        return day

    def number(self, key: str, low: Decimal = Decimal(0), high: Decimal = LARGEST) -> Decimal | None:
        """A finite number between the bounds, both included; None where it is not stated."""
        value = self._values.get(key)
        return None if value is None else read_number(value, self.at(key), low, high)

    def needed(self, key: str, low: Decimal = Decimal(0), high: Decimal = LARGEST) -> Decimal:
        """As `number`, and an error where it is not stated."""
        value = self.number(key, low, high)
        if value is None:
            raise FactError(self.at(key), "the value is missing", f"State {self.at(key)}.")
        return value


def _is_text(value: object) -> TypeGuard[str]:
    """A text that says something and can be written as UTF-8: half a surrogate pair cannot."""
    if not isinstance(value, str) or not value.strip():
        return False
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def read_number(value: object, path: str, low: Decimal = Decimal(0), high: Decimal = LARGEST) -> Decimal:
    """Read a decimal string or an integer exactly.

    Raises:
        FactError: for a float, text, NaN, infinity, too many digits, or a value out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise FactError(
            path, "a decimal string is expected here", 'Write it in quotes, for example "3.8e25".'
        )
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        raise FactError(path, f"{str(value)[:40]!r} is not a number", "Use digits and a full stop.") from None
    if not number.is_finite():
        raise FactError(path, f"{str(value)[:40]!r} is not a finite number", "Leave out what is not known.")
    if isinstance(value, str) and not _DECIMAL.fullmatch(value.strip()):
        raise FactError(path, f"{value[:40]!r} is not a number", "Use digits and a full stop.")
    if number and number.adjusted() < SMALLEST_POWER:
        raise FactError(
            path, f"{str(value)[:40]} is smaller than anything counted here", "Write 0 if it is nothing."
        )
    if len(number.as_tuple().digits) > DIGITS or not low <= number <= high:
        raise FactError(path, f"{str(value)[:40]} is out of bounds", f"Use a value from {low} to {high}.")
    return number if number else Decimal(0)

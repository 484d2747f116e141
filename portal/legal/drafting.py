"""Changes to the text of a pack, as legal staff make them: another value, another reading. Pure.

The text stays TOML that a person can read: `tomlkit` keeps comments and the order of what is not changed.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from portal.law import checking, statute
from portal.law.facts import LawError
from portal.law.packs import SPANS
from portal.law.statute import Pack

_LONGEST = 10**6
"""A span of time with more digits than this is a slip of the hand, and dates end before it."""


class DraftError(LawError):
    """A change that cannot be made; `field` is the name of the answer that is wrong, if one is."""

    def __init__(self, field: str, what: str, fix: str = "") -> None:
        super().__init__(what, "", fix)
        self.field = field
        self.words = f"{what} {fix}".strip()


@dataclass(frozen=True)
class NewValue:
    """A value as it is from a day on. ``value`` is as typed; its unit stays that of the value before."""

    key: str
    valid_from: date
    value: str
    citation: str
    source: str
    status: str
    verified: bool
    note: str = ""


@dataclass(frozen=True)
class NewReading:
    """Which option of a reading is adopted, by whom (a role or an office, not a name), when and why."""

    key: str
    adopted: str
    by: str
    on: date
    why: str


def with_value(text: str, new: NewValue) -> str:
    """The text with a value that holds from a day on; the one before ends the day before.

    A value that begins on the very day of the last one takes its place: so a draft is corrected.

    Raises:
        DraftError: when there is no such value, its day lies before the last one's, or it does not fit.
    """
    document = _document(text)
    rows = [row for row in document.get("value", ()) if row["key"] == new.key]
    if not rows:
        raise DraftError("key", f"The pack has no value {new.key!r}.", "Choose one of the list.")
    last = max(rows, key=lambda row: row["from"])
    begins = _plain(last["from"])
    if new.valid_from < begins:
        words = f"The last value of {new.key} begins on {begins.isoformat()}, after that day."
        raise DraftError("valid_from", words, "Give a later day, or change the text.")
    if new.valid_from == begins:
        _fill(last, new)
    else:
        row = tomlkit.table()
        for key in ("key", "from", "value", "unit"):
            row[key] = last[key]
        row["from"] = new.valid_from
        _fill(row, new)
        last["to"] = new.valid_from - timedelta(days=1)
        document["value"].append(row)
    return tomlkit.dumps(document)


def with_reading(text: str, new: NewReading) -> str:
    """The text with another option adopted. Raises `DraftError` for an unknown reading or option."""
    document = _document(text)
    row = next((row for row in document.get("reading", ()) if row["key"] == new.key), None)
    if row is None:
        raise DraftError("key", f"The pack has no reading {new.key!r}.", "Choose one of the list.")
    if new.adopted not in {option["name"] for option in row["option"]}:
        raise DraftError("adopted", f"{new.adopted!r} is no option of that reading.", "Choose one of them.")
    row["adopted"], row["by"], row["on"], row["why"] = new.adopted, new.by, new.on, new.why
    return tomlkit.dumps(document)


def sound(text: str, pack_id: str) -> Pack:
    """The pack of a text that was held against everything a pack must be.

    Raises:
        DraftError: saying what is wrong, for a person who changes the text.
    """
    try:
        pack = statute.parse(text, pack_id)
        checking.check(pack)
    except LawError as error:
        raise DraftError("text", str(error), "Correct it; nothing was kept.") from error
    except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        # A text of any kind can be pasted here: what our own checks do not name is still no pack.
        raise DraftError("text", f"The text is no pack: {type(error).__name__}: {error}.") from error
    if pack.id != pack_id:
        raise DraftError("text", f"The text is of {pack.id}, not of {pack_id}.", "Draft it there.")
    return pack


def _document(text: str) -> MutableMapping[str, Any]:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise DraftError("text", f"The text is not TOML: {error}.") from error


def _fill(row: MutableMapping[str, Any], new: NewValue) -> None:
    row["value"] = _typed(new.value, row["unit"])
    row["citation"], row["source"] = new.citation, new.source
    row["status"], row["verified"] = new.status, new.verified
    if new.note:
        row["note"] = new.note
    elif "note" in row:
        del row["note"]


def _typed(value: str, unit: str) -> Any:
    stripped = value.strip()
    if unit == "list":
        return [part.strip() for part in stripped.split(",") if part.strip()]
    if unit not in SPANS:
        return stripped
    if not (stripped.isascii() and stripped.isdigit() and int(stripped[:9]) <= _LONGEST):
        raise DraftError("value", f"A number of {unit} is written in digits, for example 15.")
    return int(stripped)


def _plain(value: Any) -> date:
    return date(value.year, value.month, value.day)

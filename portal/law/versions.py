"""Versions of a pack: what differs between two, and how a staged one goes live at its date.

Pure. Whoever stores versions keeps the TOML text of each under its digest and hands the texts in; a result
names the digests it was made with, and `statute.version` finds the packs again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from portal.law import checking, statute
from portal.law.facts import LawError
from portal.law.statute import Pack

# What tells the rows of a table apart, so that a change is shown at its row wherever the row stands.
_NAMES = {
    "value": ("key", "from"),
    "reading": ("key",),
    "option": ("name",),
    "rule": ("name",),
    "provision": ("code",),
    "factor": ("code",),
    "gravity": ("level",),
    "clock": ("duty", "trigger", "kind"),
    "periodic": ("duty", "after"),
    "duty": ("duty", "after"),
}


class StagedError(LawError):
    """A staged version cannot be approved, or cannot follow the version it is held against."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the table of old and new values; None where the row is not there on that side.

    `applies_from` is the first day of a changed value of the law, None for anything without dates.
    """

    row: str
    field: str
    old: str | None
    new: str | None
    applies_from: date | None

    @property
    def kind(self) -> str:
        """`added`, `removed` or `changed`."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"

    def reaches_back(self, live_from: date) -> bool:
        """Whether the change alters the law of days before the version goes live."""
        return self.applies_from is not None and self.applies_from < live_from


@dataclass(frozen=True, slots=True)
class Staged:
    """A version with a future date: drafted by one person, approved by another, live from `live_from`.

    `base` is the digest of the version that it was drafted from.
    """

    text: str
    base: str
    live_from: date
    drafted_by: str
    why: str
    approved_by: str = ""
    approved_on: date | None = None

    @property
    def approved(self) -> bool:
        """Whether a second person has approved it."""
        return bool(self.approved_by)


def diff(old: Pack, new: Pack) -> tuple[Change, ...]:
    """Every field that differs, as rows of old and new values, in the order of rows and fields."""
    before, after = dict(_fields(raw(old.text))), dict(_fields(raw(new.text)))
    return tuple(
        Change(row, name, before.get((row, name)), after.get((row, name)), _day(row))
        for row, name in sorted({**before, **after})
        if before.get((row, name)) != after.get((row, name))
    )


@lru_cache(maxsize=8)
def raw(text: str) -> Mapping[str, Any]:
    """The tables of a text as they are written, for reading only: a comparison reads both sides twice."""
    return MappingProxyType(tomllib.loads(text))


def _fields(raw: Mapping[str, Any], row: str = "") -> Iterator[tuple[tuple[str, str], str]]:
    """Every scalar of a table with the row it belongs to; rows of lists are named by what they say."""
    for key, value in raw.items():
        if isinstance(value, Mapping) and key not in ("covered", "large", "rule"):
            yield from _fields(value, f"{row}/{key}" if row else key)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for item in value:
                yield from _fields(item, f"{row}/{_name(key, item)}" if row else _name(key, item))
        else:
            yield (row or "pack", key), shown(value)


def _name(table: str, item: Mapping[str, Any]) -> str:
    told = [str(item[key]) for key in _NAMES[table] if key in item]
    return f"{table} {' '.join(told)}"


def shown(value: Any) -> str:
    """A field of a pack as the table of changes says it."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)


def _day(row: str) -> date | None:
    table, _, told = row.partition(" ")
    return date.fromisoformat(told.rpartition(" ")[2]) if table == "value" else None


def approve(staged: Staged, *, by: str, on: date) -> Staged:
    """The staged version with its second person's approval.

    Raises:
        StagedError: when drafter and approver are one person, or its date has passed.
    """
    if by == staged.drafted_by:
        raise StagedError("Who drafted a change cannot approve it.", "", "Ask a second person.")
    if on > staged.live_from:
        why = f"It was to go live on {staged.live_from.isoformat()}, which has passed."
        raise StagedError("The change cannot be approved any more.", why, "Draft it with a later date.")
    return replace(staged, approved_by=by, approved_on=on)


def supersede(pack: Pack, staged: Staged, on: date) -> Pack:
    """The version that holds on a day: the staged one from its date if it is approved, else the pack.

    Raises:
        StagedError: when the staged text is of another pack, changes nothing, or follows another version.
        PackError: when the staged text is not a sound pack.
    """
    new = statute.parse(staged.text, f"staged {pack.id}")
    checking.check(new)
    if new.id != pack.id:
        raise StagedError(f"The staged text is of {new.id}, not of {pack.id}.", "", "Stage it there.")
    if new.digest == pack.digest:
        raise StagedError("The staged text changes nothing.", "", "Withdraw it, or change a value.")
    if staged.base != pack.digest:
        why = f"It was drafted from {staged.base[:19]}, and {pack.digest[:19]} holds now."
        raise StagedError("Another change went live in between.", why, "Draft it again from what holds.")
    return new if staged.approved and on >= staged.live_from else pack


def live(pack: Pack, stagings: Iterable[Staged], on: date) -> Pack:
    """The version that holds on a day, when several were staged in turn; unapproved ones are passed over.

    Raises:
        StagedError: as `supersede`.
    """
    for staged in sorted(stagings, key=lambda one: one.live_from):
        if staged.approved and staged.live_from <= on:
            pack = supersede(pack, staged, on)
    return pack

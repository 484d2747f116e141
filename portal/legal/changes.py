"""Old and new values as a lawyer reads them: a new value stands beside the one that it follows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from portal.law import versions
from portal.law.statute import Pack
from portal.law.versions import Change

_NAMED = ("key", "from", "to", "unit")
"""What names a value in time or cannot differ from the value before it."""

Rows = Mapping[tuple[str, date], Mapping[str, Any]]


def between(old: Pack, new: Pack) -> tuple[Change, ...]:
    """Every change from one version to another.

    `versions.diff` gives a new value of the law as a row without an old side, and the end of the one before
    as a change of its own. Here each field of it stands beside that of the value it follows, once.
    """
    before, after = _values(old), _values(new)
    added = {place: row for place, row in after.items() if place not in before and _previous(after, place)}
    rest = [change for change in versions.diff(old, new) if not _told(change, before, added)]
    following = [change for place in added for change in _following(after, place)]
    return tuple(sorted([*rest, *following], key=lambda change: (change.row, change.field)))


def _values(pack: Pack) -> Rows:
    return {(row["key"], row["from"]): row for row in versions.raw(pack.text)["value"]}


def _previous(rows: Rows, place: tuple[str, date]) -> Mapping[str, Any] | None:
    key, day = place
    earlier = [start for name, start in rows if name == key and start < day]
    return rows[key, max(earlier)] if earlier else None


def _told(change: Change, before: Rows, added: Rows) -> bool:
    """Whether a following value says it already: its own row, or the end of the row before it."""
    if change.applies_from is None:
        return False
    key = change.row.removeprefix("value ").rpartition(" ")[0]
    if (key, change.applies_from) in added:
        return True
    ends = change.field == "to" and change.new is not None and (key, change.applies_from) in before
    return ends and (key, date.fromisoformat(str(change.new)) + timedelta(days=1)) in added


def _following(rows: Rows, place: tuple[str, date]) -> Iterator[Change]:
    row, previous = rows[place], _previous(rows, place) or {}
    for field in sorted({*row, *previous} - set(_NAMED)):
        was, now = (versions.shown(one[field]) if field in one else None for one in (previous, row))
        if was != now:
            yield Change(f"value {place[0]} {place[1]}", field, was, now, place[1])


def told(change: Change, pack: Pack) -> str:
    """The row of a change for a person: the key of a value without its day, the question of a reading."""
    kind, _, name = change.row.partition(" ")
    if kind == "value" and change.applies_from is not None:
        return name.rpartition(" ")[0]
    if kind == "reading" and name in pack.readings:
        return f"Reading: {pack.readings[name].question}"
    return change.row

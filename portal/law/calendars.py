"""Business days per jurisdiction: weekends, the `holidays` library, and a pack's own corrections.

The edition of the library is kept with the calendar, because its lists grow; what the pack adds or takes away
(`closed`, `open`) goes before the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version

import holidays

from portal.law.packs import PackError
from portal.law.statute import Pack

PERIOD_END, NEXT_OPEN = "period.end", "next working day"
EDITION = f"holidays {version('holidays')}"
_MARKET = "market:"
_ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days count as business days somewhere; `library` names are `US-NY`, `BE` or `market:XECB`."""

    name: str
    library: tuple[str, ...]
    weekend: frozenset[int]
    citation: str
    verified: bool
    note: str = ""
    closed: Mapping[date, str] = field(default_factory=dict)
    opened: frozenset[date] = frozenset()
    edition: str = EDITION

    def closed_because(self, day: date) -> str:
        """Why nobody works on a day: the holiday's or the weekday's name; empty for a business day."""
        if day in self.closed:
            return self.closed[day]
        if day in self.opened:
            return ""
        for name in self.library:
            if day in (found := _holidays(name, day.year)):
                return found[day]
        return f"{day:%A}" if day.isoweekday() in self.weekend else ""

    def next_open(self, day: date) -> date:
        """The day itself, or the next business day."""
        while self.closed_because(day):
            day += _ONE
        return day

    def add(self, day: date, business_days: int) -> tuple[date, tuple[str, ...]]:
        """The last of so many business days after a day, and each day passed over with the reason.

        A negative number counts back.
        """
        passed: list[str] = []
        step, left = (_ONE if business_days > 0 else -_ONE), abs(business_days)
        while left:
            day += step
            if because := self.closed_because(day):
                passed.append(f"{day.isoformat()} ({because})")
            else:
                left -= 1
        return day, tuple(passed)


@cache
def _holidays(name: str, year: int) -> dict[date, str]:
    try:
        if name.startswith(_MARKET):
            found = holidays.financial_holidays(name.removeprefix(_MARKET), years=year, expand=False)
        else:
            country, _, part = name.partition("-")
            found = holidays.country_holidays(
                country, subdiv=part or None, years=year, expand=False, language="en_US"
            )
    except NotImplementedError as error:
        raise PackError(f"The holidays library knows no calendar {name!r}.") from error
    return {day: str(label) for day, label in found.items() if day.year == year}


def of(pack: Pack) -> Calendar:
    """The calendar of a pack; without one, weekends alone are no business days, and its note says so.

    Raises:
        PackError: when the library does not have a calendar that the pack names.
    """
    raw = pack.calendar
    if not raw:
        note = "No calendar is named; Saturdays and Sundays are passed over, holidays are not."
        return Calendar(f"Weekends ({pack.short})", (), frozenset({6, 7}), pack.citation, False, note)
    for name in raw["library"]:
        try:
            _holidays(name, pack.starts.year)
        except PackError as error:
            raise PackError(f"{pack.path}: calendar: {error}") from error
    return Calendar(
        name=raw["name"],
        library=tuple(raw["library"]),
        weekend=frozenset(raw["weekend"]),
        citation=raw["citation"],
        verified=raw["verified"],
        note=raw.get("note", ""),
        closed=dict.fromkeys(raw.get("closed", ()), "closed by the office"),
        opened=frozenset(raw.get("open", ())),
    )


def period_end(pack: Pack, last: date) -> tuple[date, date | None, tuple[str, ...]]:
    """The last day of a period by the adopted reading of its end, by the other one if it differs, and why."""
    reading, calendar = pack.readings.get(PERIOD_END), of(pack)
    moved = calendar.next_open(last)
    if reading is None or moved == last:
        return last, None, ()
    because = f"{last.isoformat()} is no business day ({calendar.closed_because(last)}; {calendar.edition})"
    label = reading.option(NEXT_OPEN).label
    if reading.adopted == NEXT_OPEN:
        return moved, last, (f"{because}, so {moved.isoformat()}: {label} ({reading.citation})",)
    return last, moved, (f"{because}; not moved, under the other reading {moved.isoformat()}: {label}",)

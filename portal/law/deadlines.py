"""Clocks and duties: when something is due, by which rule, and why; worked out from events, never stored.

Instants are aware UTC datetimes. A period of days counts legal days in the pack's time zone and ends at
23:59:59 of its last day there; a period of hours runs exactly.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portal.law import calendars, statute
from portal.law.facts import LawError
from portal.law.packs import PackError
from portal.law.statute import Pack, Value

END_OF_DAY = time(23, 59, 59)
TRIGGERS = ("discovered", "determined", "reasonable_belief", "aware", "resolved")
KINDS = ("critical_infrastructure", "cybersecurity", "death", "serious_harm")


class WrongTime(LawError):
    """An instant without a zone, or events that cannot follow each other."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One duty with its due instant (UTC). `governs` is False for the later of two starts of one duty.

    `otherwise_due_at` is when it would be due under the reading of the end of periods that was not adopted.
    """

    regime: str
    duty: str
    label: str
    starts_at: datetime
    due_at: datetime
    rule: str
    citation: str
    why: tuple[str, ...]
    zone: str
    status: str
    verified: bool
    recipient: str = ""
    governs: bool = True
    statute_digest: str = ""
    otherwise_due_at: datetime | None = None

    def left(self, now: datetime) -> timedelta:
        """Time left; negative once it is overdue."""
        return self.due_at - aware(now)


@dataclass(frozen=True, slots=True)
class Timeliness:
    """Whether an act was in time; `late_by` is zero when it was."""

    on_time: bool
    late_by: timedelta

    @property
    def late_days(self) -> int:
        """Days late, a begun day counted in full."""
        return -(-self.late_by // timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Incident:
    """When a developer came to know what; only what is evidenced is stated.

    Args:
        discovered_at: it discovered the incident.
        determined_at: it determined that an incident occurred.
        believed_at: it learned facts enough for a reasonable belief.
        aware_at: it became aware of its model's involvement.
        resolved_at: the incident was resolved.
        kinds: the EU kinds, out of `KINDS`.
        imminent: an imminent risk of death or serious injury.
    """

    discovered_at: datetime | None = None
    determined_at: datetime | None = None
    believed_at: datetime | None = None
    aware_at: datetime | None = None
    resolved_at: datetime | None = None
    kinds: frozenset[str] = frozenset()
    imminent: bool = False

    def at(self, trigger: str) -> datetime | None:
        """The instant of a trigger, None where it is not stated."""
        found = {
            "discovered": self.discovered_at,
            "determined": self.determined_at,
            "reasonable_belief": self.believed_at,
            "aware": self.aware_at,
            "resolved": self.resolved_at,
        }
        return found[trigger]


def aware(at: datetime) -> datetime:
    """The instant in UTC.

    Raises:
        WrongTime: when it has no zone.
    """
    if at.tzinfo is None:
        raise WrongTime(f"{at.isoformat()} has no time zone.", "", "State it in UTC.")
    return at.astimezone(UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last second of a legal day, in UTC; right also on days when the clocks change."""
    return datetime.combine(day, END_OF_DAY, zone).astimezone(UTC)


def legal_day(at: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant in a zone."""
    return aware(at).astimezone(zone).date()


def moment(at: datetime, zone: ZoneInfo) -> str:
    """An instant in words in a zone; in the hour that comes twice, with which of the two it is."""
    local = aware(at).astimezone(zone)
    twice = local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
    return f"{local:%Y-%m-%d %H:%M:%S} {zone.key}{f' ({local:%Z})' if twice else ''}"


def dated(day: date) -> str:
    """A day as people read it: "1 Oct 2027"."""
    return f"{day.day} {day:%b %Y}"


def counted(number: int, unit: str) -> str:
    """A number of units in words: "1 month", "3 months"."""
    return f"{number} {unit.removesuffix('s') if number == 1 else unit}"


def add_months(day: date, months: int) -> date:
    """The same day some months later; the last of the month where that day does not exist."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def add_period(day: date, value: Value) -> date:
    """A day plus a period of the law in days, weeks or months."""
    number = int(value.number)
    if value.unit == "months":
        return add_months(day, number)
    return day + timedelta(days=number * 7 if value.unit == "weeks" else number)


def open_day(day: date, office: Pack) -> date:
    """The day itself, or the next one on which the office is open."""
    weekend = office.value("weekend", day).value
    closed = office.value("closed_days", day).value
    assert isinstance(weekend, tuple)
    assert isinstance(closed, tuple)
    while str(day.isoweekday()) in weekend or day.isoformat() in closed:
        day += timedelta(days=1)
    return day


def incident_clocks(incident: Incident, regimes: Iterable[str] | None = None) -> tuple[Clock, ...]:
    """Every clock that an incident starts, regime by regime, in the order of their due instants.

    Where a law has two starts both clocks are given; the earlier one governs unless the pack's adopted
    reading says otherwise. A law not in force at the start gives no clock; a proposal does, with its status.

    Raises:
        WrongTime: when a stated instant has no zone.
    """
    found: list[Clock] = []
    for pack in [statute.load(name) for name in regimes] if regimes else statute.regimes():
        rows = [row for row in pack.clocks if _applies(row, incident)]
        found += _governing(pack, [clock for row in rows if (clock := _incident_clock(pack, row, incident))])
    return tuple(sorted(found, key=lambda clock: (clock.due_at, clock.regime, clock.duty)))


def _applies(row: Mapping[str, Any], incident: Incident) -> bool:
    if row.get("imminent") and not incident.imminent:
        return False
    return "kind" not in row or row["kind"] in incident.kinds


def _incident_clock(pack: Pack, row: Mapping[str, Any], incident: Incident) -> Clock | None:
    stated = incident.at(row["trigger"])
    if stated is None:
        return None
    day = legal_day(stated, pack.zone)
    return _clock(pack, row, aware(stated), pack.value(row["value"], day)) if pack.in_force(day) else None


def _clock(pack: Pack, row: Mapping[str, Any], starts: datetime, value: Value) -> Clock:
    words, zone = row["trigger"].replace("_", " "), pack.zone.key
    otherwise: datetime | None = None
    local = starts.astimezone(pack.zone)
    why = [f"{words.capitalize()} at {moment(starts, pack.zone)}"]
    period = counted(int(value.number), value.unit)
    if value.unit == "hours":
        due = starts + timedelta(hours=int(value.number))
        why += [f"plus {period}, every hour counted", f"so until {moment(due, pack.zone)}"]
    else:
        last = add_period(local.date(), value)
        why.append(f"{local.date().isoformat()} plus {period} = {last.isoformat()}")
        if row.get("rolls") and (moved := open_day(last, pack)) != last:
            why.append(f"{last.isoformat()} is a {last:%A} or a closed day, so {moved.isoformat()}")
            last = moved
        last, other, told = calendars.period_end(pack, last)
        otherwise = None if other is None else end_of(other, pack.zone)
        why += told
        due = end_of(last, pack.zone)
        why.append(f"to the end of that day, 23:59:59 {zone}")
    if value.note:
        why.append(value.note)
    return Clock(
        regime=pack.id,
        duty=row["duty"],
        label=row["label"],
        starts_at=starts,
        due_at=due,
        rule=f"{period} from {words}",
        citation=value.citation,
        why=tuple(why),
        zone=zone,
        status=value.status,
        verified=value.verified,
        recipient=row.get("recipient", ""),
        statute_digest=pack.digest,
        otherwise_due_at=otherwise,
    )


def _governing(pack: Pack, clocks: list[Clock]) -> list[Clock]:
    """Of two starts of one duty mark the one that does not govern, by the pack's adopted reading."""
    reading = pack.readings.get("incident.start")
    if reading is None:
        return clocks
    found = []
    for clock in clocks:
        same = [other for other in clocks if other.duty == clock.duty]
        if reading.adopted == "determining":
            chosen = next((other for other in same if other.rule.endswith("determined")), same[0])
        else:
            chosen = min(same, key=lambda other: other.due_at)
        governs = clock is chosen
        note = "this start governs" if governs else "another start governs"
        why = (*clock.why, f"{note}: {reading.option(reading.adopted).label}") if len(same) > 1 else clock.why
        found.append(replace(clock, governs=governs, why=why))
    return found


def office_clock(duty: str, starts_at: datetime, *, due_on: date | None = None) -> Clock:
    """A period of the office's own practice, moved off weekends and closed days.

    Args:
        duty: `information_request.answer`, `findings.reply`, `assessment.submit` or `review.decide`.
        starts_at: service of the request or findings, appointment, or start of the review.
        due_on: a date named in the request itself; it takes the place of the period and is not moved.

    Raises:
        PackError: for a duty that the office's pack does not have.
        WrongTime: when the date named is before the start.
    """
    office = statute.load(statute.OFFICE)
    row = next((row for row in office.clocks if row["duty"] == duty), None)
    if row is None:
        raise PackError(f"{office.path}: no clock {duty!r}.")
    starts = aware(starts_at)
    day = legal_day(starts, office.zone)
    clock = _clock(office, row, starts, office.value(row["value"], day))
    if due_on is None:
        return clock
    if due_on < day:
        raise WrongTime(f"{due_on} is before the start, {day}.", "", "Name a later date.")
    why = (
        clock.why[0],
        f"the request itself names {due_on}",
        f"to the end of that day, 23:59:59 {clock.zone}",
    )
    return replace(clock, due_at=end_of(due_on, office.zone), rule=f"by {due_on}, as named", why=why)


def timeliness(clock: Clock, done_at: datetime) -> Timeliness:
    """Whether an act was in time; the last second still is."""
    late = aware(done_at) - clock.due_at
    return Timeliness(late <= timedelta(0), max(late, timedelta(0)))

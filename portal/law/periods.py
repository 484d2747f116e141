"""The arithmetic of one period of the law: from an instant to its due instant, with each step in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from portal.law import calendars
from portal.law.deadlines import add_months, aware, counted, end_of, legal_day, moment
from portal.law.statute import Pack, Value


@dataclass(frozen=True, slots=True)
class Reckoned:
    """When a period ends, and when under the other reading of its end (None where both agree)."""

    due_at: datetime
    why: tuple[str, ...]
    otherwise: datetime | None = None


def reckon(pack: Pack, value: Value, start: datetime, *, times: int = 1, before: bool = False) -> Reckoned:
    """Count a period from an instant, in the pack's zone, to the end of its last day; hours run exactly.

    Args:
        pack: whose zone, calendar and reading of the end of periods apply.
        value: hours, days, business days, weeks or months.
        start: the trigger; its own legal day is not counted.
        times: so many periods one after the other, counted from the start (31 January plus twice a month is
            31 March).
        before: count back from the start instead, to an act that must come before it.

    Raises:
        WrongTime: when the start has no zone.
    """
    number = int(value.number) * times
    sign = "minus" if before else "plus"
    if value.unit == "hours":
        due = aware(start) + timedelta(hours=-number if before else number)
        line = f"{sign} {counted(number, value.unit)}, every hour counted"
        return Reckoned(due, (line, f"so until {moment(due, pack.zone)}"))
    day = legal_day(start, pack.zone)
    last, passed = _last(pack, value, day, -number if before else number)
    why = [f"{day.isoformat()} {sign} {counted(number, value.unit)} = {last.isoformat()}"]
    if passed:
        calendar = calendars.of(pack)
        why.append(f"not counted: {', '.join(passed)}; {calendar.name} ({calendar.edition})")
    other = None
    if value.unit != "business days" and not before:
        last, other, told = calendars.period_end(pack, last)
        why += told
    why.append(f"to the end of that day, 23:59:59 {pack.zone.key}")
    return Reckoned(end_of(last, pack.zone), tuple(why), None if other is None else end_of(other, pack.zone))


def _last(pack: Pack, value: Value, day: date, number: int) -> tuple[date, tuple[str, ...]]:
    if value.unit == "business days":
        return calendars.of(pack).add(day, number)
    if value.unit == "months":
        return add_months(day, number), ()
    return day + timedelta(days=number * 7 if value.unit == "weeks" else number), ()

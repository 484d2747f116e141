"""Axes: time that falls on days people know, and money from zero in round steps."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

When = date | datetime

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_STEPS = (_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 600)


def instant(value: When) -> datetime:
    """A time on the axis: a date is the start of its day in UTC. ValueError for a time without a zone."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if value.tzinfo is None:
        raise ValueError("a time on a chart has a zone")
    return value.astimezone(UTC)


class Tick(NamedTuple):
    """A line of the grid and its words."""

    at: datetime
    words: str


@dataclass(frozen=True)
class TimeAxis:
    """A stretch of time laid over px `left` to `right`, with at most `most` ticks."""

    start: datetime
    end: datetime
    left: float
    right: float
    most: int = 7

    @classmethod
    def over(cls, times: list[datetime], left: float, right: float, most: int) -> "TimeAxis":
        """An axis that holds all `times`, begun at a tick; an empty list gives one day of the year 2000."""
        first, last = (min(times), max(times)) if times else (datetime(2000, 1, 1, tzinfo=UTC),) * 2
        last = max(last, first + _HOUR)
        margin = (last - first) / 40
        axis = cls(first, last + margin, left, right, most)
        while axis.floor(axis.start) != axis.start:  # an earlier start may need a longer step
            axis = cls(axis.floor(axis.start), axis.end, left, right, most)
        return axis

    def x(self, value: When) -> float:
        """Where a time stands, in px; times outside stand at the edge."""
        share = (instant(value) - self.start) / (self.end - self.start)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def floor(self, value: datetime) -> datetime:
        """The last tick at or before a time."""
        months = self._months()
        if months:
            index = (value.year * 12 + value.month - 1) // months * months
            return datetime(max(index // 12, 1), index % 12 + 1, 1, tzinfo=UTC)
        step = self._step()
        midnight = value.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight if step >= _DAY else midnight + (value - midnight) // step * step

    def ticks(self) -> list[Tick]:
        """The ticks from the start on, in order."""
        found: list[Tick] = []
        at = self.start
        while at <= self.end:
            found.append(Tick(at, self._words(at, first=not found)))
            at = self._next(at)
        return found

    def _next(self, at: datetime) -> datetime:
        months = self._months()
        if not months:
            return at + self._step()
        index = at.year * 12 + at.month - 1 + months
        return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)

    def _step(self) -> timedelta:
        """The shortest step that gives no more than `most` ticks, or the longest there is."""
        span = self.end - self.start
        return next((step for step in _STEPS if span / step <= self.most), _STEPS[-1])

    def _months(self) -> int:
        """Months between ticks, or 0 where days and hours are enough."""
        span = (self.end - self.start) / _DAY
        if span > 45 or span / 14 > self.most:
            return next((m for m in _MONTHS if span / 30.5 / m <= self.most), _MONTHS[-1])
        return 0

    def _words(self, at: datetime, first: bool) -> str:
        if self._months():
            return f"{at:%b %Y}" if first or at.month == 1 else f"{at:%b}"
        if self._step() >= _DAY or at.hour == 0 or first:
            words = f"{at.day} {at:%b}"
            return words if self._step() >= _DAY or at.hour == 0 else f"{words}, {at:%H:%M}"
        return f"{at:%H:%M}"


@dataclass(frozen=True)
class MoneyAxis:
    """Amounts from zero (or below) to `top` over px `left` to `right`, linear and never broken."""

    bottom: Decimal
    top: Decimal
    left: float
    right: float

    @classmethod
    def over(cls, amounts: list[Decimal], left: float, right: float) -> "MoneyAxis":
        """An axis from zero that holds all amounts with a little room."""
        top, bottom = max([Decimal(0), *amounts]), min([Decimal(0), *amounts])
        span = top - bottom or Decimal(1)
        return cls(bottom, top + span / 25, left, right)

    def x(self, value: Decimal) -> float:
        """Where an amount stands, in px."""
        share = (value - self.bottom) / (self.top - self.bottom)
        return self.left + (self.right - self.left) * float(share)

    @property
    def unit(self) -> tuple[Decimal, str]:
        """What the ticks count, and its name: (1000000, "million")."""
        size = max(self.top, -self.bottom)
        names = ((12, "trillion"), (9, "billion"), (6, "million"), (3, "thousand"))
        power, name = next(((p, n) for p, n in names if size >= Decimal(10) ** p), (0, ""))
        return Decimal(10) ** power, name

    def ticks(self) -> list[tuple[Decimal, str]]:
        """Round amounts and their words in units, from three to six of them."""
        span = self.top - self.bottom
        power = Decimal(10) ** (span.adjusted() - 1)
        step = next(power * m for m in (1, 2, 5, 10, 20, 25) if span / (power * m) < 5)
        unit = self.unit[0]
        first = (self.bottom / step).to_integral_value(rounding="ROUND_CEILING")
        last = (self.top / step).to_integral_value(rounding="ROUND_FLOOR")
        values = [step * n for n in range(int(first), int(last) + 1)]
        return [(value, _short(value / unit)) for value in values]


def _short(value: Decimal) -> str:
    words = f"{abs(value):,f}"
    words = words.rstrip("0").rstrip(".") if "." in words else words
    return f"\N{MINUS SIGN}{words}" if value < 0 else words

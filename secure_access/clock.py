"""One injectable clock. Law runs on it; leases, sessions and codes use the machine's own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time of record."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class MovedClock:
    """Runs at the machine's pace with a fixed shift, so that a practice instance lives at another date.

    ``shift`` is measured once per instance (not per process), or every restart would turn time back.
    """

    def __init__(self, shift: timedelta) -> None:
        self.shift = shift

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


class FixedClock:
    """Stands still until told otherwise. For tests and for the demonstration's history."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware instant")
        self.at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self.at

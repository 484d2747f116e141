"""The review clock: a fold over events: started, stopped at service of a request, held, resumed, extended.

Day 0 is the legal day on which the review starts. Days on which the clock stands still do not count. The due
date is moved off weekends and closed days; the count of days is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from portal.law import statute
from portal.law.deadlines import WrongTime, aware, dated, end_of, legal_day, open_day
from portal.law.deadlines import counted as in_words
from portal.law.statute import Pack

Kind = Literal["started", "stopped", "resumed", "ended", "extended", "held", "released"]


@dataclass(frozen=True, slots=True)
class ReviewEvent:
    """One event; `reference` names the request or hold that stops the clock: several may be open at once.

    `days` is by how much the period is extended, `by` and `reason` who did so and why.
    """

    kind: Kind
    at: datetime
    reference: str = ""
    days: int = 0
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch in which the clock ran or stood still; `ends` is None for the one that lasts."""

    running: bool
    starts: date
    ends: date | None
    days: int
    cause: str


@dataclass(frozen=True, slots=True)
class ReviewClock:
    """The clock as of a moment. `due_at` is None while it stands still or has ended."""

    state: Literal["not started", "running", "stopped", "ended"]
    day: int
    period: int
    due_at: datetime | None
    segments: tuple[Segment, ...]
    citation: str
    why: tuple[str, ...]
    zone: str
    extended_by: int = 0

    @property
    def left(self) -> int:
        """Days left of the period; negative once it is over."""
        return self.period - self.day


@dataclass
class _Fold:
    """The state while events are folded."""

    state: Literal["not started", "running", "stopped", "ended"] = "not started"
    since: date | None = None
    cause: str = ""
    counted: int = 0
    open: set[str] = field(default_factory=set)
    segments: list[Segment] = field(default_factory=list)
    extended: list[ReviewEvent] = field(default_factory=list)

    def close(self, day: date) -> None:
        """End the stretch that lasts, on a day."""
        if self.since is not None:
            days = (day - self.since).days
            running = self.state == "running"
            self.counted += days if running else 0
            self.segments.append(Segment(running, self.since, day, days, self.cause))

    def turn(self, state: Literal["running", "stopped", "ended"], day: date, cause: str) -> None:
        """Begin another stretch."""
        self.close(day)
        self.state, self.since, self.cause = state, (None if state == "ended" else day), cause


def review_clock(events: Iterable[ReviewEvent], *, now: datetime) -> ReviewClock:
    """Fold the events of a review up to `now`.

    Raises:
        WrongTime: for an instant without a zone, or an event that cannot follow the ones before it.
    """
    office, fold = statute.load(statute.OFFICE), _Fold()
    today = legal_day(now, office.zone)
    ordered = sorted(events, key=lambda event: aware(event.at))
    first = next((legal_day(event.at, office.zone) for event in ordered), today)
    for event in ordered:
        if aware(event.at) <= aware(now):
            _take(fold, event, legal_day(event.at, office.zone))
    return _result(fold, office, today, first)


_STOPS = {"stopped": "information request {} served", "held": "held: {}"}
_GOES_ON = {"resumed": "information request {} answered", "released": "hold {} released"}


def _take(fold: _Fold, event: ReviewEvent, day: date) -> None:
    if event.kind == "started" and fold.state == "not started":
        fold.turn("running", day, "review started")
    elif event.kind in _STOPS and fold.state in ("running", "stopped") and _open(event) not in fold.open:
        fold.open.add(_open(event))
        if fold.state == "running":
            fold.turn("stopped", day, _said(_STOPS, event))
    elif event.kind in _GOES_ON and _open(event) in fold.open:
        fold.open.remove(_open(event))
        if not fold.open:
            fold.turn("running", day, _said(_GOES_ON, event))
    elif event.kind == "extended" and fold.state in ("running", "stopped") and event.days > 0:
        fold.extended.append(event)
    elif event.kind == "ended" and fold.state in ("running", "stopped"):
        fold.open.clear()
        fold.turn("ended", day, "decided")
    else:
        raise WrongTime(
            f"The review cannot be {event.kind} at {event.at.isoformat()}.",
            f"It is {fold.state}{_standing(fold, event)}.",
            "Check the events of the case.",
        )


def _standing(fold: _Fold, event: ReviewEvent) -> str:
    """How the request or hold that an event names stands, for a refusal."""
    if not event.reference:
        return ""
    return f", and {event.reference} is {'open already' if _open(event) in fold.open else 'not open'}"


def _open(event: ReviewEvent) -> str:
    """What stands in the way: a request and a hold of one reference are two things."""
    return f"{'hold' if event.kind in ('held', 'released') else 'request'} {event.reference}"


def _said(words: dict[str, str], event: ReviewEvent) -> str:
    return words[event.kind].format(event.reference).replace("  ", " ").strip()


def _told(segment: Segment) -> str:
    until = f"to {dated(segment.ends)}" if segment.ends else "until today"
    ran = "run" if segment.running else "stopped"
    return f"{dated(segment.starts)} {until}: {in_words(segment.days, 'days')} {ran}, {segment.cause}"


def _result(fold: _Fold, office: Pack, today: date, first: date) -> ReviewClock:
    value = office.value("review.period", first)
    extended = sum(event.days for event in fold.extended)
    period, counted, segments = int(value.number) + extended, fold.counted, list(fold.segments)
    why = [_told(segment) for segment in segments]
    for event in fold.extended:
        who = f" by {event.by}" if event.by else ""
        reason = f", {event.reason}" if event.reason else ""
        on, more = dated(legal_day(event.at, office.zone)), in_words(event.days, "days")
        why.append(f"extended on {on} by {more}{who}{reason}")
    due = None
    if fold.since is not None:
        days = (today - fold.since).days
        running = fold.state == "running"
        segments.append(Segment(running, fold.since, None, days, fold.cause))
        why.append(_told(segments[-1]))
        if running:
            last = date.fromordinal(fold.since.toordinal() + period - counted)
            moved = open_day(last, office)
            why.append(f"day {period} is {last}" + (f", moved to {moved}" if moved != last else ""))
            due, counted = end_of(moved, office.zone), counted + days
    return ReviewClock(
        state=fold.state,
        day=counted,
        period=period,
        due_at=due,
        segments=tuple(segments),
        citation=value.citation,
        why=tuple(why),
        zone=office.zone.key,
        extended_by=extended,
    )

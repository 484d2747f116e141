"""What moves a duty or closes it: agreed schedules, holds, extensions, planned updates, excuses, ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property

from portal.law.deadlines import add_months, aware, counted, end_of, legal_day
from portal.law.duty_rules import (
    EXCUSED,
    EXTENDED,
    HELD,
    LEFT,
    RELEASED,
    SCHEDULE,
    Event,
    Owed,
    Rule,
    Status,
)
from portal.law.statute import Pack


@dataclass(frozen=True)
class Moves:
    """The events that may move a duty of one law, in order, as of a moment."""

    pack: Pack
    events: tuple[Event, ...]
    now: datetime

    @cached_property
    def _about(self) -> dict[str, list[Event]]:
        """The events about each model or incident, those about everything among them, in order."""
        found: dict[str, list[Event]] = {event.about: [] for event in self.events}
        for event in self.events:
            for about in [event.about] if event.about else found:
                found[about].append(event)
        return found

    def concerning(self, about: str) -> list[Event]:
        """The events about a model or incident, and about everything, in order."""
        found = self._about.get(about)
        return self._about.get("", []) if found is None else found

    def judged(self, rule: Rule, duty: Owed, met: Event | None, taken: date = date.min) -> Owed:
        """The duty after schedules, holds, extensions and exceptions, and as it stands at the moment.

        `met` is the act that meets it; days of an agreed schedule up to `taken` were met before.
        """
        planned = ""
        if duty.due_at is not None and not rule.may:
            duty = self._scheduled(rule, duty, taken)
            duty = self._moved(rule, duty, met)
        if duty.due_at is not None:
            duty, planned = self._planned(rule, duty)
        ending = self._closing(rule, duty, met, planned)
        if ending is not None:
            return ending
        if planned and met is None and duty.due_at is not None and self.now <= duty.due_at:
            return closed(duty, "excused", planned)
        if rule.may and met is None:
            assert duty.due_at is not None
            return replace(duty, status="upcoming" if self.now < duty.due_at else "open")
        if rule.may and met is not None:
            return replace(duty, status="met", met_at=aware(met.at), met_by=met.id or met.kind)
        return self._stood(duty, met)

    def _stood(self, duty: Owed, met: Event | None) -> Owed:
        due = duty.due_at
        if met is not None:
            in_time = due is None or aware(met.at) <= due
            status: Status = "met" if in_time else "late"
            return replace(duty, status=status, met_at=aware(met.at), met_by=met.id or met.kind)
        if duty.status == "held" or due is None:
            return replace(duty, status="held" if duty.status == "held" else "due")
        if self.now > due:
            return replace(duty, status="overdue")
        today = legal_day(self.now, self.pack.zone) == legal_day(due, self.pack.zone)
        return replace(duty, status="due" if today else "upcoming")

    def _for(self, kind: str, duty: Owed) -> list[Event]:
        """The events of a kind that are for this duty, from its trigger on."""
        return [
            event
            for event in self.concerning(duty.about)
            if event.kind == kind and event.duty in ("", duty.duty)
        ]

    def _scheduled(self, rule: Rule, duty: Owed, taken: date) -> Owed:
        """An agreed schedule that was told before the law's own day takes its place."""
        agreed = [e for e in self._for(SCHEDULE, duty) if duty.due_at and aware(e.at) <= duty.due_at]
        if not rule.schedule or not agreed or not (agreed[-1].months or agreed[-1].dates):
            return duty
        event, start = agreed[-1], legal_day(duty.triggered_at, self.pack.zone)
        later = [day for day in sorted(event.dates) if day > max(start, taken)]
        if event.dates and len(later) < duty.number:
            return duty
        last = later[duty.number - 1] if event.dates else add_months(start, event.months * duty.number)
        line = f"{event.named()} on {legal_day(event.at, self.pack.zone)}: {last.isoformat()} instead"
        return _redated(duty, last, line, self.pack, rule=f"schedule agreed, law: {duty.rule}")

    def _moved(self, rule: Rule, duty: Owed, met: Event | None) -> Owed:
        """Holds and extensions in the order in which they came, until the duty is met.

        Stretches in which the clock stood still are added; while it stands there is no due instant.
        """
        since: Event | None = None
        stood_from = duty.triggered_at
        for event in self._acts(duty, met):
            at = aware(event.at)
            assert duty.due_at is not None
            if event.kind == HELD and since is None and at <= duty.due_at:
                since, stood_from = event, max(at, duty.triggered_at)
            elif event.kind == RELEASED and since is not None:
                duty = self._later(rule, duty, since, stood_from, at)
                since = None
            elif event.kind == EXTENDED and at >= duty.triggered_at:
                stands = duty if since is None else self._later(rule, duty, since, stood_from, at)
                extended = self._extended(stands, event, inside=since is not None)
                if extended is not stands:
                    duty, stood_from = extended, at
        if since is None:
            return duty
        line = f"{since.named()}: the clock stands still since {legal_day(since.at, self.pack.zone)}"
        return replace(duty, due_at=None, otherwise_due_at=None, status="held", why=(*duty.why, line))

    def _acts(self, duty: Owed, met: Event | None) -> list[Event]:
        """Holds, releases and extensions for a duty in order; what comes after it was met moves nothing."""
        acts = [event for kind in (HELD, RELEASED, EXTENDED) for event in self._for(kind, duty)]
        before = [event for event in acts if met is None or aware(event.at) <= aware(met.at)]
        return sorted(before, key=lambda event: aware(event.at))

    def _later(self, rule: Rule, duty: Owed, since: Event, start: datetime, end: datetime) -> Owed:
        """The duty with a stretch added in which the clock stood still."""
        zone = self.pack.zone
        if end <= start:
            return duty
        assert duty.due_at is not None
        if rule.value and self._hours(rule):
            due = duty.due_at + (end - start)
            line = f"{since.named()}: {end - start} in which the clock stood still are added"
            return replace(duty, due_at=due, otherwise_due_at=None, why=(*duty.why, line))
        days = (legal_day(end, zone) - legal_day(start, zone)).days
        last = legal_day(duty.due_at, zone) + timedelta(days=days)
        line = f"{since.named()}: {days} days in which the clock stood still are added, {last.isoformat()}"
        return _redated(duty, last, line, self.pack)

    def _hours(self, rule: Rule) -> bool:
        return self.pack.history(rule.value)[0].unit == "hours"

    def _extended(self, duty: Owed, event: Event, *, inside: bool) -> Owed:
        """An extension given before the duty ran out; a later day counts, an earlier one never does."""
        assert duty.due_at is not None
        in_time = inside or aware(event.at) <= duty.due_at
        if in_time and event.on and end_of(event.on, self.pack.zone) > duty.due_at:
            return _redated(duty, event.on, f"{event.named()} to {event.on.isoformat()}", self.pack)
        return duty

    def _planned(self, rule: Rule, duty: Owed) -> tuple[Owed, str]:
        """The exception for an update planned near the trigger point, if its intention was filed in time."""
        if not rule.within or duty.due_at is None:
            return duty, ""
        point = legal_day(duty.due_at, self.pack.zone)
        value = self.pack.value(rule.within, legal_day(duty.triggered_at, self.pack.zone))
        months = int(value.number)
        window = (add_months(point, -months), add_months(point, months))
        for event in self._for(rule.plan[0], duty):
            filed = duty.triggered_at <= aware(event.at) <= duty.due_at
            if filed and event.on and window[0] <= event.on <= window[1]:
                line = (
                    f"{event.named()} for {event.on.isoformat()}, within {counted(months, value.unit)} of"
                    f" {point.isoformat()} ({value.citation}); owed if it has not come by"
                    f" {window[1].isoformat()}"
                )
                return _redated(duty, window[1], line, self.pack), line
        return duty, ""

    def _closing(self, rule: Rule, duty: Owed, met: Event | None, planned: str) -> Owed | None:
        """The duty closed with its reason: excused, ended with its matter, out of scope before it was due."""
        last = duty.due_at
        if met is not None and (last is None or aware(met.at) <= last):
            return None
        for event in self._for(EXCUSED, duty):
            named = event.on is None or (last is not None and event.on == legal_day(last, self.pack.zone))
            if named and duty.triggered_at <= aware(event.at):
                return closed(duty, "excused", event.named())
        for event in self.concerning(duty.about):
            inside = duty.triggered_at <= aware(event.at) and (last is None or aware(event.at) <= last)
            ending = self._ending(rule, event, planned) if inside else None
            if ending is not None:
                return closed(duty, *ending)
        return None

    def _ending(self, rule: Rule, event: Event, planned: str) -> tuple[Status, str] | None:
        """How an event before the due instant closes a duty of a rule, and why."""
        said = f"{event.named()} on {legal_day(event.at, self.pack.zone).isoformat()}"
        if event.kind in rule.ends:
            return "ended", said
        if event.kind in rule.unless:
            return "excused", said
        if event.kind == LEFT and not rule.start:
            return "ended", f"{said}, before it was due"
        if event.kind == rule.plan[1] and planned:
            return "excused", f"{said}, as planned"
        return None


def _redated(duty: Owed, last: date, line: str, pack: Pack, rule: str = "") -> Owed:
    due = end_of(last, pack.zone)
    return replace(duty, due_at=due, otherwise_due_at=None, why=(*duty.why, line), rule=rule or duty.rule)


def closed(duty: Owed, status: Status, because: str) -> Owed:
    """The duty closed with its reason, which is told once."""
    why = duty.why if because in duty.why else (*duty.why, because)
    return replace(duty, status=status, closed_because=because, why=why)

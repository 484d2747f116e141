"""Duties: a fold of rules over events. What is owed under a law, until when, met or not, and why.

Nothing is stored: the same events give the same duties, in whatever order they are given and however often.
Nothing disappears either: a duty that was re-dated, excused or ended stays in the list with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from portal.law import statute
from portal.law.deadlines import WrongTime, aware, counted, end_of, legal_day, moment
from portal.law.duty_moves import Moves, closed
from portal.law.duty_rules import (
    ENTERED,
    LAW_STARTED,
    LEFT,
    SCHEDULE,
    Event,
    Owed,
    Rule,
    rules,
)
from portal.law.explained_words import event as named_event
from portal.law.periods import reckon
from portal.law.statute import NotInForce, Pack, Value

_Corrected = tuple[tuple[Event, Event], ...]


def owed(regime: str, events: Iterable[Event], *, now: datetime, until: date) -> tuple[Owed, ...]:
    """Every duty under a law that the events known at a moment give rise to, in the order of due instants.

    Args:
        regime: a pack.
        events: what happened, in any order; the same event twice counts once.
        now: the moment of the question; what became known later does not count.
        until: the last day to list of a duty that repeats.

    Raises:
        WrongTime: for an instant without a zone, a correction or dispute of an event that is not there, or an
            agreed schedule where the law allows none.
    """
    pack = statute.load(regime)
    known, corrected = _known(pack, events, now)
    fold = _Fold(pack, known, corrected, aware(now), until, Moves(pack, known, aware(now)))
    found = [duty for rule in rules(pack) for duty in fold.of(rule)]
    found = _governing(pack, found)
    return tuple(sorted(found, key=lambda duty: (duty.due_at or duty.triggered_at, duty.key)))


def _known(pack: Pack, events: Iterable[Event], now: datetime) -> tuple[tuple[Event, ...], _Corrected]:
    """What is known at a moment, each once and in order; apart what was corrected, with its correction."""
    found = {event for event in events if max(aware(event.at), aware(event.known_at)) <= aware(now)}
    ids = {event.id for event in found if event.id}
    for event in found:
        for named in (event.corrects, event.disputes):
            if named and named not in ids:
                raise WrongTime(f"{event.named()} names the event {named!r}, which is not there.")
    started = datetime.combine(pack.starts, time(0), pack.zone)
    if started <= aware(now):
        found.add(Event(LAW_STARTED, started))
    ordered = sorted(found, key=lambda event: (aware(event.at), event.kind, event.id, repr(event)))
    by = {event.corrects: event for event in ordered if event.corrects}
    valid = tuple(event for event in ordered if not event.id or event.id not in by)
    return valid, tuple((event, by[event.id]) for event in ordered if event.id and event.id in by)


def _triggers(rule: Rule, event: Event) -> bool:
    return event.kind == rule.after and (not rule.tag or rule.tag in event.tags)


@dataclass(frozen=True)
class _Fold:
    """The events of one entity under one law, as of a moment."""

    pack: Pack
    events: tuple[Event, ...]
    corrected: tuple[tuple[Event, Event], ...]
    now: datetime
    until: date
    moves: Moves

    def of(self, rule: Rule) -> Iterator[Owed]:
        """The duties of one rule."""
        self._no_wrong_schedule(rule)
        for event, by in self.corrected:
            if _triggers(rule, event):
                yield from self._superseded(rule, event, by)
        current = [event for event in self.events if _triggers(rule, event)]
        if rule.repeats:
            for about in sorted({event.about for event in current}):
                yield from self._repeating(rule, about, [e for e in current if e.about == about])
        else:
            for event in current:
                yield from self._once(rule, event)

    def _no_wrong_schedule(self, rule: Rule) -> None:
        if not rule.schedule and any(e.kind == SCHEDULE and e.duty == rule.duty for e in self.events):
            why = f"{self.pack.short} allows no other schedule for it."
            raise WrongTime(f"A schedule is agreed for {rule.duty}.", why, "Take the schedule out.")

    def _once(self, rule: Rule, event: Event) -> Iterator[Owed]:
        duty = self._begun(rule, event, 1)
        if duty is not None:
            met = self._meeting(rule, event, not_before=duty.due_at if rule.may else None)
            yield self.moves.judged(rule, duty, met)

    def _repeating(self, rule: Rule, about: str, current: list[Event]) -> Iterator[Owed]:
        """From each report to the next; after the last one again and again until the last day to list."""
        told = self.moves.concerning(about)
        answers = [event for event in told if event.kind in rule.met_by and event.about == about]
        first = aware(current[0].at)
        ended = [aware(event.at) for event in told if event.kind in rule.ends and event.about == about]
        if ended and ended[-1] <= first:
            return  # the matter was over before it was told: nothing begins
        over = min((at for at in ended if at >= aware(current[-1].at)), default=self.now)
        later = [e for e in answers if first <= aware(e.at) <= over]
        chain = sorted({*current, *later}, key=lambda e: aware(e.at))
        taken = date.min
        for event, following in pairwise(chain):
            duty = self._begun(rule, event, 1)
            if duty is not None and duty.triggered_at <= aware(following.at):
                judged = self.moves.judged(rule, duty, following, taken)
                taken = taken if judged.due_at is None else legal_day(judged.due_at, self.pack.zone)
                yield judged
        number = 0
        while True:
            number += 1
            duty = self._begun(rule, chain[-1], number)
            if duty is None:
                return
            judged = self.moves.judged(rule, duty, None, taken)
            if judged.due_at is not None and legal_day(judged.due_at, self.pack.zone) > self.until:
                return
            yield judged
            if judged.status == "ended" or judged.due_at is None:
                return

    def _meeting(self, rule: Rule, event: Event, not_before: datetime | None) -> Event | None:
        """The first act that meets a duty; one that must come before its trigger may come earlier."""
        since = not_before or aware(event.at)
        for other in self.moves.concerning(event.about) if event.about else self.events:
            if other.kind in rule.met_by and (rule.before or aware(other.at) >= since):
                return other
        return None

    def _superseded(self, rule: Rule, event: Event, by: Event) -> Iterator[Owed]:
        duty = self._begun(rule, event, 1)
        if duty is not None:
            because = f"the trigger was corrected to {aware(by.at):%Y-%m-%d %H:%M:%S} UTC: {by.named()}"
            yield closed(duty, "superseded", because)

    def _begun(self, rule: Rule, event: Event, number: int) -> Owed | None:
        """The duty that an event begins, with its due instant by the law alone; None where none begins."""
        start = self._start(rule, event)
        day = _named_day(rule, event) or legal_day(start, self.pack.zone)
        value = self._value(rule, day)
        without = bool(rule.value) and value is None
        if without or start > self.now or not self.pack.in_force(day) or self._left(rule, event, start):
            return None
        since = aware(event.at)
        why = [f"{event.named()} at {moment(since, self.pack.zone)}"]
        if start > since:
            why.append(f"so already when the rule began: counted from {day.isoformat()}")
        plain: dict[str, Any] = {"citation": rule.citation, "rule": rule.promptly}
        status, verified = rule.status, rule.verified
        if value is not None:
            plain |= {"citation": value.citation, **self._counted(rule, event, value, start, number)}
            status, verified = value.status, value.verified
        else:
            plain |= self._prompt(rule, event, start)
        return Owed(
            regime=self.pack.id,
            duty=rule.duty,
            label=rule.label,
            about=event.about,
            number=number,
            trigger=event.kind,
            trigger_id=event.id,
            triggered_at=start,
            status="upcoming",
            why=(*why, *plain.pop("why")),
            zone=self.pack.zone.key,
            law_status=status,
            verified=verified,
            statute_digest=self.pack.digest,
            recipient=rule.recipient,
            breach=rule.breach,
            disputed=self._disputed(event),
            disputes=event.disputes,
            tag=rule.tag,
            **plain,
        )

    def _start(self, rule: Rule, event: Event) -> datetime:
        """When a duty begins: with its trigger; where that lasts, not before the first day of its rule."""
        at = aware(event.at)
        if not (rule.standing or event.kind == LAW_STARTED):
            return at
        first = self.pack.starts
        if rule.value:
            first = max(first, self.pack.history(rule.value)[0].valid_from)
        return max(at, datetime.combine(first, time(0), self.pack.zone).astimezone(UTC))

    def _value(self, rule: Rule, day: date) -> Value | None:
        """The period in force on a day."""
        if not rule.value:
            return None
        try:
            return self.pack.value(rule.value, day)
        except NotInForce:
            return None

    def _counted(
        self, rule: Rule, event: Event, value: Value, start: datetime, number: int
    ) -> dict[str, Any]:
        """Due instant, rule and working of a period; a right begins with its day, a duty ends with it."""
        named = _named_day(rule, event)
        point = datetime.combine(named, time(0), self.pack.zone) if named else start
        found = reckon(self.pack, value, point, times=number, before=rule.before)
        turn = f"{'before' if rule.before else 'after'} {named_event(rule.start or rule.after)}"
        due, why = found.due_at, found.why
        if rule.may:
            day = legal_day(due, self.pack.zone)
            due = datetime.combine(day, time(0), self.pack.zone).astimezone(UTC)
            why = (*why[:-1], f"from the beginning of that day, 00:00:00 {self.pack.zone.key}")
        return {
            "due_at": due,
            "otherwise_due_at": found.otherwise,
            "rule": f"{counted(int(value.number), value.unit)} {turn}",
            "why": (*why, *([value.note] if value.note else [])),
        }

    def _prompt(self, rule: Rule, event: Event, start: datetime) -> dict[str, Any]:
        """Due instant and working where the law states no period; none where it states no time at all."""
        if not rule.at_once:
            return {"due_at": None, "why": (rule.promptly,)}
        named = _named_day(rule, event)
        if rule.strict and named is None:
            return {"due_at": start, "why": (f"{rule.promptly}, so until then",)}
        day = named or legal_day(start, self.pack.zone)
        if rule.strict:
            day -= timedelta(days=1)
        line = f"{rule.promptly}, so by the end of {day.isoformat()}, 23:59:59 {self.pack.zone.key}"
        return {"due_at": end_of(day, self.pack.zone), "why": (line,)}

    @cached_property
    def _disputing(self) -> list[Event]:
        return [event for event in self.events if event.disputes]

    def _disputed(self, event: Event) -> str:
        said = [f"disputes {event.disputes}: {event.named()}"] if event.disputes else []
        said += [
            f"{other.named()} says {aware(other.at):%Y-%m-%d %H:%M:%S} UTC"
            for other in self._disputing
            if other.disputes == event.id
        ]
        return "; ".join(said)

    def _left(self, rule: Rule, event: Event, at: datetime) -> bool:
        """Whether the entity was out of scope at an instant; what an incident asks for stays."""
        turns = [e for e in self.moves.concerning(event.about) if e.kind in (LEFT, ENTERED)]
        before = [turn for turn in turns if aware(turn.at) <= at]
        return bool(before) and before[-1].kind == LEFT and not rule.start


def _named_day(rule: Rule, event: Event) -> date | None:
    """The day that a trigger names, where the act must come before it."""
    return event.on if rule.before else None


def _governing(pack: Pack, found: list[Owed]) -> list[Owed]:
    """Of two starts of one duty the earlier one governs, unless the adopted reading says otherwise."""
    reading = pack.readings.get("incident.start")
    if reading is None:
        return found
    starts = {rule.after for rule in rules(pack) if rule.start}
    same: dict[tuple[str, str], list[Owed]] = defaultdict(list)
    for duty in found:
        if duty.trigger in starts and duty.status != "superseded":
            same[duty.duty, duty.about].append(duty)
    result = []
    for duty in found:
        pool = same.get((duty.duty, duty.about), [])
        if len(pool) < 2 or duty.status == "superseded":
            result.append(duty)
            continue
        determined = [other for other in pool if other.trigger == "incident_determined"]
        chosen = _chosen(determined if reading.adopted == "determining" and determined else pool)
        note = "this start governs" if duty.key in chosen else "another start governs"
        line = f"{note}: {reading.option(reading.adopted).label} ({reading.citation})"
        result.append(replace(duty, governs=duty.key in chosen, why=(*duty.why, line)))
    return result


def _chosen(pool: list[Owed]) -> set[str]:
    """The start that governs; where starts are disputed, one with and one without what is disputed."""
    disputed = {duty.disputes for duty in pool if duty.disputes}
    said = [duty for duty in pool if not duty.disputes] or pool
    disputing = [duty for duty in pool if duty.trigger_id not in disputed] or pool
    return {min(each, key=lambda duty: (duty.triggered_at, duty.key)).key for each in (said, disputing)}

"""Duties at the very instant: the last second is in time, what comes with the trigger counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from portal.law import statute
from portal.law.duties import owed
from portal.law.duty_rules import Event, Owed

START = datetime(2027, 6, 1, 20, tzinfo=UTC)
DUE = datetime(2027, 7, 2, 6, 59, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LATER = datetime(2027, 10, 1, tzinfo=UTC)
CHANGED = Event("framework_changed", START, id="e1")


def one(*events: Event, now: datetime = LATER) -> Owed:
    """The only duty to publish a change of the framework."""
    found = owed("ca-tfaia", (CHANGED, *events), now=now, until=date(2028, 1, 31))
    (duty,) = (duty for duty in found if duty.duty == "framework.publish_change")
    return duty


def at(kind: str, when: datetime, **rest: Any) -> Event:
    return Event(kind, when, duty="" if kind.startswith("framework") else "framework.publish_change", **rest)


@pytest.mark.parametrize(("when", "status"), [(DUE, "met"), (DUE + SECOND, "late"), (START, "met")])
def test_an_act_in_the_last_second_is_in_time(when: datetime, status: str) -> None:
    assert one().due_at == DUE
    assert one(at("framework_change_published", when)).status == status


def test_what_was_done_before_the_trigger_does_not_meet_it() -> None:
    assert one(at("framework_change_published", START - SECOND)).status == "overdue"


@pytest.mark.parametrize(
    ("now", "status"),
    [(DUE + SECOND, "overdue"), (DUE, "due"), (DUE - timedelta(hours=24), "upcoming"), (START, "upcoming")],
)
def test_as_of_a_moment(now: datetime, status: str) -> None:
    assert one(now=now).status == status


def test_the_day_of_the_law_decides_what_is_due_today() -> None:
    """At 03:00 UTC on the day after, it is still the last evening in California."""
    morning = datetime(2027, 7, 1, 6, 59, 59, tzinfo=UTC)
    assert one(now=morning).status == "upcoming"
    assert one(now=morning + SECOND).status == "due"
    assert one(now=datetime(2027, 7, 2, 3, tzinfo=UTC)).status == "due"


@pytest.mark.parametrize(
    ("when", "moved"), [(START - SECOND, False), (START, True), (DUE, True), (DUE + SECOND, False)]
)
def test_an_extension_counts_from_the_trigger_to_the_last_second(when: datetime, moved: bool) -> None:
    duty = one(at("extended", when, on=date(2027, 7, 15)))
    assert (duty.due_at != DUE) is moved
    assert one(at("extended", when, on=date(2027, 7, 1))).due_at == DUE


@pytest.mark.parametrize(
    ("when", "status"), [(START - SECOND, "overdue"), (START, "excused"), (LATER, "excused")]
)
def test_an_excuse_counts_from_the_trigger(when: datetime, status: str) -> None:
    assert one(at("excused", when)).status == status
    assert one(at("excused", when, on=date(2027, 7, 2))).status == "overdue"


@pytest.mark.parametrize(
    ("when", "status"), [(START + SECOND, "ended"), (DUE, "ended"), (DUE + SECOND, "overdue")]
)
def test_who_leaves_the_scope_before_it_was_due(when: datetime, status: str) -> None:
    assert one(Event("left_scope", when)).status == status


@pytest.mark.parametrize("early", [timedelta(0), SECOND])
def test_who_was_out_of_scope_at_the_trigger_owes_nothing(early: timedelta) -> None:
    out = Event("left_scope", START - early)
    assert owed("ca-tfaia", (CHANGED, out), now=LATER, until=date(2028, 1, 31)) == ()
    back = Event("entered_scope", START)
    found = owed(
        "ca-tfaia", (CHANGED, Event("left_scope", START - SECOND), back), now=LATER, until=DUE.date()
    )
    assert [duty.status for duty in found] == ["overdue"]


@pytest.mark.parametrize(("when", "held"), [(DUE, True), (DUE + SECOND, False)])
def test_a_hold_counts_to_the_last_second(when: datetime, held: bool) -> None:
    assert (one(at("held", when)).status == "held") is held


def test_a_hold_that_ends_with_the_trigger_adds_nothing() -> None:
    held, released = at("held", START - timedelta(days=9)), at("released", START)
    duty = one(held, released)
    assert (duty.due_at, duty.why) == (DUE, one().why)
    assert one(held, at("released", START + timedelta(days=1))).due_at == DUE + timedelta(days=1)


@pytest.mark.parametrize(("now", "begun"), [(-SECOND, False), (timedelta(0), True)])
def test_the_law_s_own_duty_begins_with_its_first_second(now: timedelta, begun: bool) -> None:
    pack = statute.load("il-sb315")
    (rule,) = (row for row in pack.duties if row["duty"] == "audit.first")
    first = datetime.combine(pack.history(rule["value"])[0].valid_from, time(0), pack.zone)
    found = owed("il-sb315", (), now=first + now, until=date(2031, 1, 1))
    assert ("audit.first" in {duty.duty for duty in found}) is begun


def test_what_becomes_known_now_is_known() -> None:
    late = Event("framework_changed", START, recorded_at=LATER)
    assert owed("ca-tfaia", (late,), now=LATER - SECOND, until=DUE.date()) == ()
    assert len(owed("ca-tfaia", (late,), now=LATER, until=DUE.date())) == 1


@pytest.mark.parametrize(
    ("day", "excused"),
    [
        (date(2027, 9, 14), False),
        (date(2027, 9, 15), True),
        (date(2027, 11, 15), True),
        (date(2027, 11, 16), False),
    ],
)
def test_an_update_is_planned_within_a_month_of_the_trigger_point(day: date, excused: bool) -> None:
    events = (
        Event("evaluation_done", datetime(2027, 1, 15, 10, tzinfo=UTC), about="m"),
        Event("update_planned", datetime(2027, 10, 1, tzinfo=UTC), about="m", on=day),
    )
    now = datetime(2027, 10, 20, tzinfo=UTC)
    found = owed("eu-ai-act", events, now=now, until=date(2027, 12, 31))
    (duty,) = (duty for duty in found if duty.duty == "evaluation.light" and duty.number == 1)
    assert (duty.status == "excused") is excused


def test_a_schedule_told_in_the_last_second_takes_its_place() -> None:
    sent = Event("internal_use_summary", datetime(2027, 1, 10, 20, tzinfo=UTC))
    due = datetime(2027, 4, 11, 6, 59, 59, tzinfo=UTC)

    def first(when: datetime, *dates: date) -> Owed:
        agreed = Event("schedule_agreed", when, duty="internal_use.summary", dates=dates)
        found = owed("ca-tfaia", (sent, agreed), now=LATER, until=date(2027, 12, 31))
        return next(duty for duty in found if duty.duty == "internal_use.summary")

    assert first(due, date(2027, 6, 30)).due_at == datetime(2027, 7, 1, 6, 59, 59, tzinfo=UTC)
    assert first(due + SECOND, date(2027, 6, 30)).due_at == due
    assert first(due, date(2027, 1, 10)).due_at == due
    assert first(due, date(2027, 1, 11)).due_at == datetime(2027, 1, 12, 7, 59, 59, tzinfo=UTC)


def test_a_day_named_by_the_trigger_counts_only_where_an_act_must_come_before_it() -> None:
    found = owed("ca-tfaia", (replace(CHANGED, on=date(2027, 9, 1)),), now=LATER, until=date(2028, 1, 31))
    assert [duty.due_at for duty in found if duty.duty == "framework.publish_change"] == [DUE]

"""Duties worked out by hand, what closes those without a stated time, and packs in which no duty can be."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portal.law import calendars, checking, statute
from portal.law.deadlines import add_period, legal_day
from portal.law.duties import owed
from portal.law.duty_rules import Event
from portal.law.packs import PackError
from portal.law.periods import reckon
from tests.law.test_law_duties import at, days, event, of, value

WORKED = tomllib.loads((Path(__file__).parent / "cases" / "worked-duties.toml").read_text())["case"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in WORKED])
def test_what_was_worked_out_by_hand(case: dict[str, Any]) -> None:
    kinds = {"tags": frozenset, "dates": tuple}
    events = [
        Event(**{key: kinds.get(key, lambda item: item)(item) for key, item in row.items()})
        for row in case["events"]
    ]
    found = owed(case["regime"], events, now=case["now"], until=case["until"])
    got = {}
    for one in found:
        due = one.due_at.astimezone(ZoneInfo(one.zone)) if one.due_at else None
        got[(one.duty, f"{due:%Y-%m-%d %H:%M:%S}" if due else "")] = one
        assert one.rule
        assert one.citation
        assert one.trigger.replace("_", " ") in one.why[0]
    wanted = {(row["duty"], row["due"]): row for row in case["expect"]}
    assert {key: one.status for key, one in got.items()} == {
        key: row["status"] for key, row in wanted.items()
    }
    assert len(found) == len({one.key for one in found}) == len(wanted)
    for key, row in wanted.items():
        assert row.get("why", got[key].why[0]) in got[key].why
        assert got[key].governs is row.get("governs", True)


def test_periods_are_counted_back_too() -> None:
    pack = statute.load("eu-ai-act")
    back = reckon(pack, value("hours", 24), at("2027-08-10 12:00"), before=True)
    assert (back.due_at, back.why[0]) == (at("2027-08-09 12:00"), "minus 24 hours, every hour counted")
    days_back = reckon(pack, value("business days", 3), at("2027-03-31 12:00"), before=True)
    assert legal_day(days_back.due_at, pack.zone) == date(2027, 3, 24)
    assert "2027-03-29 (Easter Monday)" in days_back.why[1]
    assert calendars.of(pack).add(date(2027, 3, 31), 0) == (date(2027, 3, 31), ())


def test_a_day_plus_a_period() -> None:
    day = date(2027, 8, 31)
    assert add_period(day, value("months", 6)) == date(2028, 2, 29)
    assert add_period(day, value("weeks", 2)) == date(2027, 9, 14)
    assert add_period(day, value("days", 2)) == date(2027, 9, 2)


def test_an_excuse_reaches_a_duty_without_a_stated_time() -> None:
    doubted = event("framework_doubted", "2027-03-02")
    excuse = event("excused", "2027-03-05", by="AI Office")
    (found,) = of("framework.grounds", "eu-ai-act", doubted, excuse)
    assert (found.status, found.closed_because) == ("excused", "excused by AI Office")
    dated = event("excused", "2027-03-05", on=date(2027, 3, 2))
    assert of("framework.grounds", "eu-ai-act", doubted, dated)[0].status == "due"


def test_a_held_duty_is_excused_or_ends_and_is_listed_once() -> None:
    sent, held = event("framework_published", "2027-01-10"), event("held", "2027-02-01")
    for closing, status in (("excused", "excused"), ("left_scope", "ended")):
        found = of("framework.review", "ca-tfaia", sent, held, event(closing, "2027-03-01"))
        assert [one.status for one in found] == [status]


def test_what_lasted_before_the_rule_is_owed_once() -> None:
    """Two frameworks from before the law: the year runs from its first day, and from the next one on."""
    old = [event("framework_published", day) for day in ("2025-03-01", "2025-06-01")]
    new = event("framework_published", "2026-05-01 20:00")
    found = of("framework.review", "ca-tfaia", *old, new, now="2026-06-01", until=date(2027, 12, 31))
    assert days(found) == ["2027-01-01", "2027-05-01"]
    assert [one.status for one in found] == ["met", "upcoming"]
    assert of("framework.review", "ca-tfaia", *old, now="2025-12-31") == []


DUTY = '[[duty]]\nduty = "x"\nlabel = "x"\nafter = "x"\nmet_by = ["x"]\n'
PROMPT = DUTY + 'promptly = "x"\ncitation = "x"\nsource = "x"\nverified = true\n'
PERIOD = DUTY + 'value = "framework.review"\n'
CLOCK = '[[clock]]\nduty = "x"\nlabel = "x"\nvalue = "incident.report"\n'


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (PROMPT + "may = true\n", "may without a period"),
        (PROMPT + 'within = "framework.review"\n', "within without a period"),
        (PROMPT + "strict = true\n", "no act must come before"),
        (PROMPT + "strict = true\nat_once = true\n", "no act must come before"),
        (PERIOD + 'plan = ["a", "b"]\n', "a plan is what is planned"),
        (PERIOD + 'within = "framework.review"\nplan = ["a"]\n', "a plan is what is planned"),
        (DUTY + 'value = "compute.threshold"\n', "compute.threshold is no span of time"),
        (CLOCK + 'trigger = "tea"\n', "starts with nothing that an incident has"),
        (CLOCK + 'trigger = "aware"\nkind = "tea"\n', "starts with nothing that an incident has"),
    ],
)
def test_a_pack_with_a_duty_that_cannot_be(row: str, why: str) -> None:
    text = statute.load("ca-tfaia").text
    with pytest.raises(PackError, match=why):
        checking.check(statute.parse(f"{text}\n{row}", "x"))


@pytest.mark.parametrize(
    ("regime", "old", "new", "why"),
    [
        ("ca-tfaia", "value = 12\n", "value = 0\n", "framework.review is no span of time"),
        ("ca-tfaia", "weekend = [6, 7]", "weekend = [1, 2, 3, 4, 5, 6, 7]", "every day is a weekend"),
        (
            "office",
            'value = ["6", "7"]',
            'value = ["1", "2", "3", "4", "5", "6", "7"]',
            "every day is a weekend",
        ),
    ],
)
def test_a_pack_in_which_no_time_passes(regime: str, old: str, new: str, why: str) -> None:
    text = statute.load(regime).text
    assert text.count(old) == 1
    with pytest.raises(PackError, match=why):
        checking.check(statute.parse(text.replace(old, new), "x"))

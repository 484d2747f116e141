"""Worksheets, answers and clocks to the last word: the same facts and packs say the same for ever."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal.law import cli, coverage, deadlines, duties, explained, ical, penalties, statute
from portal.law.deadlines import Incident
from portal.law.duty_rules import Event
from portal.law.review_clock import ReviewEvent, review_clock
from tests.law import records

CASES = Path(__file__).parent / "cases"
NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)


def read(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((CASES / f"{name}.toml").read_text(encoding="utf-8"))["case"]
    return found


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in read(name)]


def worksheet(facts: dict[str, Any]) -> dict[str, Any]:
    """A penalty without the words of the regime, which stand in its pack."""
    return {key: value for key, value in penalties.compute(facts).as_json().items() if key != "words"}


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """Coverage under the regimes that a case is about."""
    found = coverage.assess(case["facts"]).as_json()
    about = {name: found["regimes"][name] for name in case["expect"]}
    return {"training_flop": found["training_flop"], "regimes": about}


def events(case: dict[str, Any]) -> list[Event]:
    """The events of a case, with lists as what an event holds."""
    kinds = {"tags": frozenset, "dates": tuple}
    return [
        Event(**{key: kinds.get(key, lambda item: item)(item) for key, item in row.items()})
        for row in case["events"]
    ]


@pytest.mark.parametrize("case", cases("penalty"))
def test_a_penalty_in_full(case: dict[str, Any]) -> None:
    records.matches("penalty.txt", case["name"], worksheet(case["facts"]))


@pytest.mark.parametrize("case", cases("methods"))
def test_a_method_in_full(case: dict[str, Any]) -> None:
    records.matches("methods.txt", case["name"], worksheet(case["facts"]))


@pytest.mark.parametrize("case", cases("coverage"))
def test_an_answer_of_coverage_in_full(case: dict[str, Any]) -> None:
    records.matches("coverage.txt", case["name"], answer(case))


@pytest.mark.parametrize("case", cases("duties"))
def test_duties_in_full(case: dict[str, Any]) -> None:
    found = duties.owed(case["regime"], events(case), now=case["now"], until=case["until"])
    records.matches("duties.txt", case["name"], {"duties": found})


@pytest.mark.parametrize("case", cases("incidents"))
def test_the_clocks_of_an_incident_in_full(case: dict[str, Any]) -> None:
    incident = Incident(**{**case["incident"], "kinds": frozenset(case["incident"].get("kinds", ()))})
    records.matches("incidents.txt", case["name"], {"clocks": deadlines.incident_clocks(incident)})


@pytest.mark.parametrize("case", cases("reviews"))
def test_the_clock_of_a_review_in_full(case: dict[str, Any]) -> None:
    clock = review_clock([ReviewEvent(**row) for row in case["events"]], now=case["now"])
    records.matches("reviews.txt", case["name"], clock)


def test_the_clocks_of_the_office_in_full() -> None:
    start = datetime(2027, 8, 6, 12, tzinfo=UTC)
    office = statute.load(statute.OFFICE)
    found = [deadlines.office_clock(row["duty"], start) for row in office.clocks]
    found.append(deadlines.office_clock(office.clocks[0]["duty"], start, due_on=date(2027, 8, 14)))
    records.matches("office.txt", "a start on a Friday", {"clocks": found})


def test_a_calendar_in_full() -> None:
    case = next(case for case in read("duties") if case["name"] == "a change of the framework, extended")
    found = duties.owed(
        case["regime"], [Event(**row) for row in case["events"]], now=NOW, until=case["until"]
    )
    records.matches("office.txt", "a calendar", {"lines": ical.feed(found, name="x", now=NOW).split("\r\n")})


@pytest.mark.parametrize("regime", ["ny-raise", "eu-ai-act"])
def test_a_regime_as_it_is_told(regime: str) -> None:
    found = explained.explain(statute.load(regime))
    told = explained.as_text(found, None)
    early = explained.as_text(found, date(2026, 6, 1))
    records.matches("told.txt", regime, {"always": told.split("\n"), "in June 2026": early.split("\n")})


PRINTED = {
    "the worked case: late answer to an information request": ("penalty", "penalty"),
    "EC: mitigation of more than everything is nothing, also without a maximum": ("penalty", "methods"),
    "USSG: of several points of one letter the greatest counts, and a statutory maximum clamps": (
        "penalty",
        "methods",
    ),
    "exactly the threshold is not more than it": ("coverage", "coverage"),
    "an estimate within its own error of the line": ("coverage", "coverage"),
    "chips without their hours": ("coverage", "coverage"),
}


@pytest.mark.parametrize("name", PRINTED)
def test_what_is_printed_in_full(name: str) -> None:
    command, table = PRINTED[name]
    facts = [case["facts"] for case in read(table) if case["name"] == name]
    presented = {"currency": "JPY", "rate": "150", "rate_quote": "presented currency per penalty currency"}
    if command == "penalty":
        facts.append({**facts[0], "present_in": presented})
    answer = CliRunner().invoke(cli.law, [command, "-"], input=json.dumps(facts))
    assert answer.exit_code == 0
    records.matches("printed.txt", name, {"lines": answer.stdout.split("\n")})


@pytest.mark.parametrize("table", ["penalty", "methods", "coverage", "duties", "incidents", "reviews"])
def test_a_record_holds_its_cases_and_nothing_else(table: str) -> None:
    assert set(records.kept(f"{table}.txt")) == {case["name"] for case in read(table)}

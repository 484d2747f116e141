"""At the very line: thresholds, priors, years and calendars one step before, on and after where they turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from portal.law import calendars, coverage, penalties, revenue, risk, statute
from portal.law.compute import Estimate, scientific
from portal.law.deadlines import Incident, add_months, incident_clocks, office_clock, timeliness
from portal.law.duties import owed
from portal.law.facts import Facts
from portal.law.money import Money, half_up
from portal.law.penalty_priors import months_before

LINE = Decimal(100)


@pytest.mark.parametrize(
    ("low", "value", "high", "side", "middle"),
    [
        (100, 100, 100, "no", "no"),
        (101, 101, 101, "yes", "yes"),
        (100, 110, 120, "maybe", "yes"),
        (101, 110, 120, "yes", "yes"),
        (80, 90, 100, "no", "no"),
        (80, 100, 101, "maybe", "no"),
        (80, None, 101, "maybe", "maybe"),
    ],
)
def test_the_side_of_an_estimate(low: int, value: int | None, high: int, side: str, middle: str) -> None:
    found = Estimate("m", None if value is None else Decimal(value), Decimal(low), Decimal(high), ())
    assert (found.side(LINE), found.middle_side(LINE)) == (side, middle)


def test_estimates_that_stand_on_both_sides_of_the_line() -> None:
    def flags(given: str) -> tuple[str, ...]:
        model = {"training_flop": given, "parameters": "1e12", "tokens": "2e12"}
        facts = {"on": "2027-10-01", "regimes": ["eu-ai-act"], "model": model}
        return coverage.assess(facts).regimes["eu-ai-act"].flags

    assert flags("1e25") == ("Two estimates disagree (given and 6ND) about 1e25 FLOP.",)
    assert flags("1.0001e25") == ()


@pytest.mark.parametrize(
    ("value", "shown"),
    [("0", "0"), ("1e25", "1e25"), ("12345e20", "1.234e24"), ("3.79149e25", "3.791e25"), ("1200", "1.2e3")],
)
def test_flop_as_people_write_it(value: str, shown: str) -> None:
    assert scientific(Decimal(value)) == shown


YEAR = {"period_start": "2026-01-01", "period_end": "2026-12-31"}


def judged(
    amounts: Any, *, period: str = revenue.PRECEDING, affiliates: bool = False, on: str = "2027-10-01"
) -> Any:
    facts = Facts({"gross_revenue": amounts}, "organisation", ("gross_revenue",))
    return revenue.judge(
        facts,
        "gross_revenue",
        Money(LINE, "USD"),
        on=date.fromisoformat(on),
        period=period,
        affiliates=affiliates,
    )


@pytest.mark.parametrize(("amount", "outcome"), [("99.99", "no"), ("100", "no"), ("100.01", "yes")])
def test_revenue_on_the_line_is_not_over_it(amount: str, outcome: str) -> None:
    assert judged({**YEAR, "amount": amount}).outcome == outcome


@pytest.mark.parametrize(
    ("start", "end", "right"),
    [
        ("2026-01-01", "2026-12-31", True),
        ("2026-10-01", "2027-09-30", True),
        ("2026-10-02", "2027-10-01", False),
        ("2026-01-01", "2026-12-16", True),
        ("2026-01-01", "2026-12-15", False),
        ("2026-01-01", "2027-01-15", True),
        ("2026-01-01", "2027-01-16", False),
    ],
)
def test_twelve_months_that_have_ended(start: str, end: str, right: bool) -> None:
    found = judged({"amount": "101", "period_start": start, "period_end": end}, period="year")
    assert (found.outcome == "yes") is right
    assert right or found.missing == ("organisation.gross_revenue: twelve months that have ended",)


@pytest.mark.parametrize("wrong", [{"period_start": "2026-01-02"}, {"period_end": "2026-12-30"}])
def test_the_preceding_calendar_year_is_whole(wrong: dict[str, str]) -> None:
    found = judged({**YEAR, "amount": "101", **wrong})
    assert (found.outcome, found.missing) == ("unknown", ("organisation.gross_revenue: calendar year 2026",))
    assert "another period than the law asks for" in found.text


def test_affiliates_that_are_not_included_leave_it_open() -> None:
    quarter = {
        "amount": "20",
        "with_affiliates": True,
        "period_start": "2026-01-01",
        "period_end": "2026-06-30",
    }
    rest = {**quarter, "period_start": "2026-07-01", "period_end": "2026-12-31"}
    assert judged([rest, quarter], affiliates=True).outcome == "no"
    open_ = judged([rest, {**quarter, "with_affiliates": False}], affiliates=True)
    assert (open_.outcome, open_.text) == ("unknown", "USD 40.00, affiliates not included")
    assert open_.missing == ("organisation.gross_revenue.with_affiliates",)
    assert open_.working[-1] == "sum of 2 periods = USD 40.00"
    assert (
        judged([{**rest, "amount": "90"}, {**quarter, "with_affiliates": False}], affiliates=True).outcome
        == "yes"
    )


def test_a_rate_without_direction_is_held_both_ways() -> None:
    other = {**YEAR, "currency": "EUR", "rate": "1.25"}
    assert judged({**other, "amount": "126"}).outcome == "yes"
    assert judged({**other, "amount": "125"}).outcome == "unknown"
    low = judged({**other, "amount": "80"})
    assert (low.outcome, low.text) == ("no", "USD 64.00 to USD 100.00")
    assert low.missing == ("organisation.gross_revenue.rate_quote",)
    none = judged({**YEAR, "currency": "EUR", "amount": "1"})
    assert none.text == "EUR 1.00 for 1 Jan 2026 to 31 Dec 2026: no rate to USD"
    assert none.missing == ("organisation.gross_revenue.rate",)


def penalty(regime: str, **rest: Any) -> penalties.Result:
    facts = {
        "regime": regime,
        "on": "2027-09-01",
        "decided_on": "2027-10-01",
        "currency": "USD",
        "inputs": {
            "violations": [{"provision": "1422", "severity_percent": "10", "occurred_on": "2027-06-01"}]
        },
        **rest,
    }
    return penalties.compute(facts)


@pytest.mark.parametrize(("amount", "shown"), [("500000000", False), ("500000000.01", True)])
def test_who_can_be_penalised_has_more_than_the_threshold(amount: str, shown: bool) -> None:
    found = penalty("ny-raise", revenue=[{"entity": "A", "amount": amount}])
    assert any("Not shown: that the respondent" in line for line in found.warnings) is not shown
    assert "Revenue does not change this maximum; it only shows who can be penalised." in found.warnings


@pytest.mark.parametrize(
    ("prior", "why"),
    [
        ({"status": "final", "final_on": "2027-05-31"}, ""),
        ({"status": "final", "final_on": "2027-06-01"}, "it became final after the conduct"),
        ({"status": "under_appeal", "conduct_from": "2027-05-31"}, "it is under appeal"),
        ({"status": "pending"}, "it is pending"),
        ({"status": "set_aside"}, "it was set aside"),
        ({"status": "settled_no_admission"}, "it was settled without admission"),
    ],
)
def test_a_prior_counts_when_it_was_final_before_the_conduct(prior: dict[str, str], why: str) -> None:
    found = penalty("ny-raise", priors=[{"id": "P", "regime": "ny-raise", **prior}])
    said = [line for line in found.warnings if line.startswith("Prior P is not counted")]
    assert [line.rpartition(": ")[2] for line in said] == ([f"{why}."] if why else [])
    assert found.as_json()["priors_counted"] == ([] if why else ["P"])


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2027, 3, 31), 1, date(2027, 2, 28)),
        (date(2028, 3, 31), 1, date(2028, 2, 29)),
        (date(2100, 3, 31), 1, date(2100, 2, 28)),
        (date(2000, 3, 31), 1, date(2000, 2, 29)),
        (date(2027, 1, 15), 1, date(2026, 12, 15)),
        (date(2027, 12, 31), 13, date(2026, 11, 30)),
        (date(2, 1, 1), 12, date(1, 1, 1)),
        (date(1, 1, 1), 1, date.min),
    ],
)
def test_months_before_a_day(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before


@pytest.mark.parametrize(
    ("day", "months", "after"),
    [
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2027, 11, 30), 1, date(2027, 12, 30)),
        (date(2027, 12, 1), 1, date(2028, 1, 1)),
        (date(2027, 12, 31), -1, date(2027, 11, 30)),
        (date(2027, 1, 31), -11, date(2026, 2, 28)),
    ],
)
def test_the_same_day_some_months_later(day: date, months: int, after: date) -> None:
    assert add_months(day, months) == after


def test_half_is_rounded_away_from_nothing() -> None:
    assert [half_up(Decimal(x), Decimal(10)) for x in ("4.999", "5", "-5", "-4.999")] == [0, 10, -10, 0]


def test_late_by_a_second_is_late_by_a_day() -> None:
    clock = office_clock("findings.reply", datetime(2027, 9, 1, 12, tzinfo=UTC))
    late = [timeliness(clock, clock.due_at + timedelta(seconds=n)) for n in (-1, 0, 1, 86400, 86401)]
    assert [one.on_time for one in late] == [True, True, False, False, False]
    assert [one.late_days for one in late] == [0, 0, 1, 1, 2]
    assert late[0].late_by == timedelta(0)
    assert clock.left(clock.due_at - timedelta(hours=3)) == timedelta(hours=3)


def test_one_start_of_two_says_nothing_of_another() -> None:
    at = datetime(2027, 8, 10, 12, tzinfo=UTC)
    (alone,) = (
        c for c in incident_clocks(Incident(believed_at=at), ["ny-raise"]) if c.duty == "incident.report"
    )
    assert alone.governs
    assert not any("governs" in line for line in alone.why)


def test_a_pack_without_a_calendar_passes_over_weekends_alone() -> None:
    pack = replace(statute.load("ny-raise"), calendar={})
    found = calendars.of(pack)
    assert (found.name, found.library, found.verified) == (f"Weekends ({pack.short})", (), False)
    assert found.note == "No calendar is named; Saturdays and Sundays are passed over, holidays are not."
    assert found.closed_because(date(2027, 12, 25)) == "Saturday"
    assert found.closed_because(date(2028, 12, 25)) == ""
    assert found.add(date(2027, 12, 23), 2) == (
        date(2027, 12, 27),
        ("2027-12-25 (Saturday)", "2027-12-26 (Sunday)"),
    )
    assert found.add(date(2027, 12, 23), 0) == (date(2027, 12, 23), ())


def test_the_office_s_own_days_go_before_the_library() -> None:
    pack = statute.load("ny-raise")
    raw = {**pack.calendar, "closed": [date(2027, 12, 28)], "open": [date(2027, 12, 24)]}
    raw.pop("note", None)
    found = calendars.of(replace(pack, calendar=raw))
    assert found.closed_because(date(2027, 12, 28)) == "closed by the office"
    assert found.closed_because(date(2027, 12, 24)) == ""
    assert (found.note, found.name, found.citation) == ("", raw["name"], raw["citation"])
    assert calendars.of(replace(pack, calendar={**raw, "note": "as told"})).note == "as told"
    assert calendars.of(pack).next_open(date(2027, 12, 27)) == date(2027, 12, 27)


@pytest.mark.parametrize(("own", "covered"), [("1e26", "no"), ("1.01e26", "yes")])
def test_a_modifier_s_own_compute_on_the_line_is_not_over_it(own: str, covered: str) -> None:
    model = {"modifier_flop": own, "base_model_flop": "1"}
    found = coverage.assess({"on": "2027-10-01", "regimes": ["ca-tfaia"], "model": model})
    reason = next(one for one in found.regimes["ca-tfaia"].because if one.rule == "compute")
    assert (reason.outcome, reason.input) == (covered, f"{own} FLOP used by the modifier itself")


def test_the_categories_of_a_taxonomy_are_those_of_its_day() -> None:
    for one in risk.taxonomies():
        assert risk.categories(one.id, one.valid_from) == one.categories
        with pytest.raises(risk.UnknownTaxonomy, match="did not exist"):
            risk.categories(one.id, one.valid_from - timedelta(days=1))


def test_the_law_s_own_duty_is_begun_by_the_first_second_of_the_law() -> None:
    pack = statute.load("il-sb315")
    first = datetime.combine(pack.starts, time(0), pack.zone)
    kinds = [
        {duty.trigger for duty in owed("il-sb315", (), now=first + late, until=date(2031, 1, 1))}
        for late in (timedelta(seconds=-1), timedelta(days=800))
    ]
    assert kinds == [set(), {"law_started"}]

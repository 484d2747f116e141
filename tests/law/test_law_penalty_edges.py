"""Penalties and packs where a rule turns: the first day of the power, conduct, what has no effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.law import coverage, inflation, penalties, risk, statute, versions
from portal.law.facts import FactError, load_json
from portal.law.methods import Adoption
from portal.law.packs import PackError

EU: dict[str, Any] = {
    "regime": "eu-ai-act",
    "on": "2027-09-01",
    "decided_on": "2027-10-01",
    "currency": "EUR",
    "revenue": [{"entity": "undertaking", "amount": "1000"}],
}
POWER = date(2026, 8, 2)


def eu(**violation: Any) -> penalties.Result:
    items = [{"provision": "101(1)(a)", "severity_percent": "10", **violation}]
    return penalties.compute({**EU, "inputs": {"violations": items}})


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-08-01", "2026-08-02", "2 Aug 2026 to 2 Aug 2026, 1 day"),
        ("2026-08-02", "2026-08-02", None),
        ("2026-08-02", "2026-08-03", None),
    ],
)
def test_conduct_is_split_only_where_it_reaches_over_the_first_day_of_the_power(
    start: str, end: str, days: str | None
) -> None:
    found = eu(start=start, end=end)
    counted = [line.how for line in found.lines if line.label.startswith("Conduct that counts")]
    assert counted == ([days] if days else [])


def test_conduct_that_ended_before_the_power_is_not_in_force() -> None:
    with pytest.raises(statute.NotInForce, match="2026-08-01"):
        eu(start="2026-07-01", end="2026-08-01")


ANY = "after any earlier violation"


@pytest.mark.parametrize(
    ("prior", "why"),
    [
        ({"conduct_from": "2027-05-31", "conduct_to": "2027-07-01"}, ""),
        ({"conduct_from": "2027-06-01"}, "its conduct was not earlier"),
        ({"conduct_to": "2027-05-31"}, ""),
        ({"conduct_to": "2027-06-01"}, "its conduct was not earlier"),
        ({"final_on": "2027-05-31", "status": "final"}, ""),
        ({"conduct_to": "2027-05-31", "final_on": "2027-08-01", "status": "final"}, ""),
        ({}, "the day of its conduct is not stated"),
        ({"conduct_from": "2027-05-31", "status": "set_aside"}, "it was set aside"),
    ],
)
def test_any_earlier_violation_is_earlier_by_its_conduct(prior: dict[str, str], why: str) -> None:
    text = statute.load("ny-raise").text.replace('adopted = "after a final penalty"', f'adopted = "{ANY}"')
    violation = {"provision": "1422", "severity_percent": "10", "occurred_on": "2027-06-01"}
    facts = {
        "regime": "ny-raise",
        "on": "2027-09-01",
        "currency": "USD",
        "priors": [{"id": "P", "regime": "ny-raise", "status": "pending", **prior}],
        "inputs": {"violations": [violation]},
    }
    with statute.using(statute.parse(text, "x")):
        found = penalties.compute(facts)
    said = [line for line in found.warnings if "is not counted" in line]
    assert said == ([f"Prior P is not counted against 1422: {why}."] if why else [])


def test_an_earlier_violation_of_the_same_case_counts_under_that_reading_alone() -> None:
    first = {"provision": "1422", "severity_percent": "10", "occurred_on": "2027-06-01"}
    for day, total in (("2027-06-01", 200_000), ("2027-06-02", 400_000)):
        items = [first, {**first, "occurred_on": day}]
        facts = {"regime": "ny-raise", "on": "2027-09-01", "currency": "USD", "inputs": {"violations": items}}
        found = penalties.compute(facts)
        assert found.total == 200_000
        (other,) = (one for one in found.readings if one.name == ANY)
        assert other.total == total


def test_what_has_no_effect_in_a_method_is_said() -> None:
    facts = {
        "method": "fec-111-43",
        "currency": "USD",
        "inputs": {
            "base": "1",
            "per_day": "1",
            "days": "1",
            "priors": "1",
            "violations": [{"severity_percent": "1", "severity": "high", "fault": "negligent"}],
        },
    }
    said = [line for line in penalties.compute(facts).warnings if "has no effect" in line]
    assert said == [
        f"inputs.violations[0].{key} has no effect under fec-111-43."
        for key in ("severity_percent", "severity", "fault")
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"occurred_on": "2027-06-01", "start": "2027-06-01"},
            "inputs.violations[0].start: the days of conduct are stated twice."
            " Keep occurred_on, or start and end.",
        ),
        (
            {"severity": "high"},
            "inputs.violations[0].severity: this method asks for severity_percent. State severity_percent.",
        ),
        ({"items": "0"}, "inputs.violations[0].items: 0 is out of bounds. Use a value from 1 to 10000."),
        (
            {"items": "10001"},
            "inputs.violations[0].items: 10001 is out of bounds. Use a value from 1 to 10000.",
        ),
    ],
)
def test_a_violation_is_refused_in_these_words(change: dict[str, str], said: str) -> None:
    with pytest.raises(FactError) as caught:
        eu(**change)
    assert str(caught.value) == said
    assert caught.value.path == said.partition(":")[0]


def test_a_prior_whose_conduct_ends_before_it_starts() -> None:
    prior = {
        "id": "P",
        "regime": "x",
        "status": "pending",
        "conduct_from": "2027-02-02",
        "conduct_to": "2027-02-01",
    }
    facts = {**EU, "inputs": {"violations": [{"provision": "101(1)(a)", "severity_percent": "1"}]}}
    said = r"^priors\[0\]\.conduct_from: the conduct ends before it starts\. Swap the two dates\.$"
    with pytest.raises(FactError, match=said):
        penalties.compute({**facts, "priors": [prior]})
    penalties.compute({**facts, "priors": [{**prior, "conduct_to": "2027-02-02"}]})


def test_days_are_counted_and_severity_is_not_said() -> None:
    violation = {"provision": "1428", "severity_percent": "1", "start": "2027-03-01", "end": "2027-03-02"}
    facts = {
        "regime": "ny-raise",
        "on": "2027-09-01",
        "currency": "USD",
        "inputs": {"violations": [violation]},
    }
    said = r"severity_percent: this provision counts days, not severity\. Leave it out\.$"
    with pytest.raises(FactError, match=said):
        penalties.compute(facts)
    del violation["severity_percent"]
    assert penalties.compute(facts).total == 2000


def test_the_factors_of_the_office_each_cite_something() -> None:
    office = statute.load(statute.OFFICE)
    found = penalties.factor_codes(date(2027, 9, 1))
    assert [(one.code, one.label, one.citation) for one in found] == [
        (row["code"], row["label"], row["citation"]) for row in office.factors
    ]
    assert [one.percent for one in found] == [
        office.value(row["value"], date(2027, 9, 1)).number if "value" in row else None
        for row in office.factors
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"b": NaN, "a": [1]}', "b"),
        ('{"b": NaN, "a": {"c": 1}}', "b"),
        ('[[1], {"a": [NaN]}, [2]]', "[1].a[0]"),
    ],
)
def test_what_is_no_number_is_found_wherever_it_stands(text: str, path: str) -> None:
    with pytest.raises(FactError) as caught:
        load_json(text)
    assert caught.value.path == path


def test_an_adjustment_that_nobody_checked_says_so() -> None:
    text = inflation.TABLE.read_text(encoding="utf-8").replace("verified = true", "verified = false", 1)
    table = inflation.parse(text, "t")
    assert [year.verified for year in table.years].count(False) == 1 + sum(
        not year.verified for year in inflation.load().years
    )
    with pytest.raises(FactError, match=r"is not known\. Add the published multiplier to the table\.$"):
        table.steps(Decimal(1), date(2024, 1, 15), date(2099, 1, 1))


def test_a_tier_that_is_not_there() -> None:
    category = risk.taxonomies()[0].categories[0]
    one = risk.Tier(1, "first", "d", "e")
    with pytest.raises(risk.UnknownTaxonomy) as caught:
        replace(category, name="C", tiers=()).tier(1)
    assert str(caught.value) == "C has no tier 1. Tiers: it has no tiers yet."
    tiered = replace(category, name="C", tiers=(one, replace(one, number=2)))
    assert tiered.tier(2).number == 2
    with pytest.raises(risk.UnknownTaxonomy, match=r"^C has no tier 3\. Tiers: 1, 2\.$"):
        tiered.tier(3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"periodic": ({"duty": "d", "value": "none"},)}, "periodic d names the value 'none'"),
        ({"gravity": ({"level": "high", "value": "none"},)}, "gravity high names the value 'none'"),
        ({"provisions": ({"code": "1", "per_day": "none"},)}, "provision 1 names the value 'none'"),
        ({"coverage": {"rule": [{"name": "n", "threshold": "none"}]}}, "rule n names the value 'none'"),
        ({"coverage": {"rule": [{"name": "n", "modifier": "none"}]}}, "rule n names the value 'none'"),
    ],
)
def test_a_row_that_names_no_value_is_a_fault_of_the_pack(rows: dict[str, Any], message: str) -> None:
    pack = replace(statute.load("ny-raise"), **rows)
    with pytest.raises(PackError) as caught:
        statute.check(pack)
    assert str(caught.value) == f"{pack.path}: {message}, which does not exist."


def test_a_rule_of_coverage_is_one_field_of_a_change() -> None:
    old = statute.load("ny-raise")
    text = old.text.replace('large = { all = ["covered", "gross_revenue"] }', 'large = { all = ["covered"] }')
    text = text.replace('covered = { rule = "compute" }', 'covered = { all = ["compute"] }')
    found = versions.diff(old, statute.parse(text, "new"))
    assert [(one.row, one.field) for one in found] == [("coverage", "covered"), ("coverage", "large")]
    assert found[1].old == "{'all': ['covered', 'gross_revenue']}"


def test_a_modifier_is_held_against_the_original_and_not_against_the_sum() -> None:
    """A third of the original's 9e25 is 3e25; the training stated beside it is not the original's."""

    def outcome(modifier: str) -> str:
        model = {"training_flop": "3e25", "base_model_flop": "9e25", "modifier_flop": modifier}
        found = coverage.assess({"on": "2027-10-01", "regimes": ["eu-ai-act"], "model": model})
        (reason,) = (one for one in found.regimes["eu-ai-act"].because if one.rule == "compute")
        return reason.outcome

    assert [outcome("3e25"), outcome("3.01e25")] == ["no", "yes"]


def test_the_provision_that_penalises_may_count_days_where_the_one_broken_does_not() -> None:
    days = {"provision": "1422", "penalty_provision": "1428", "start": "2027-03-01", "end": "2027-03-03"}
    facts = {"regime": "ny-raise", "on": "2027-09-01", "currency": "USD", "inputs": {"violations": [days]}}
    found = penalties.compute(facts)
    assert found.total == found.maximum == 3000
    assert [line.operand for line in found.lines if line.operation == "days"] == ["3"]


@pytest.mark.parametrize(
    ("base", "total"), [("provider", 1_500_000), ("undertaking", 3_000_000), (None, 3_000_000)]
)
def test_whose_turnover_is_taken(base: str | None, total: int) -> None:
    facts = {
        **EU,
        "base": base,
        "revenue": [
            {"entity": "provider", "amount": "100000000"},
            {"entity": "undertaking", "amount": "1000000000"},
        ],
        "inputs": {"violations": [{"provision": "101(1)(a)", "severity_percent": "10"}]},
    }
    assert penalties.compute(facts).total == total
    with pytest.raises(FactError, match="Use one of: provider, undertaking"):
        penalties.compute({**facts, "base": "group"})


def test_a_period_of_one_day_is_a_period() -> None:
    day = {"period_start": "2026-12-31", "period_end": "2026-12-31"}
    found = penalties.compute(
        {
            **EU,
            "revenue": [{"entity": "undertaking", "amount": "1", **day}],
            "inputs": {"violations": [{"provision": "101(1)(a)", "severity_percent": "10"}]},
        }
    )
    assert any("the period has 1 days" in line for line in found.warnings)


@pytest.mark.parametrize(
    ("maximum", "said"),
    [
        ({"percent": "100.1"}, "maximum.percent: 100.1 is out of bounds. Use a value from 0 to 100."),
        (
            {"fixed": "1", "percent": "100.1"},
            "maximum.percent: 100.1 is out of bounds. Use a value from 0 to 100.",
        ),
        (
            {"amount": "1", "take": "higher"},
            "maximum: an amount and a formula are both stated. Keep one of the two.",
        ),
        (
            {"amount": "1", "fixed": "1"},
            "maximum: an amount and a formula are both stated. Keep one of the two.",
        ),
    ],
)
def test_a_maximum_is_refused_in_these_words(maximum: dict[str, str], said: str) -> None:
    facts = {
        "method": "ec-2006",
        "currency": "EUR",
        "maximum": maximum,
        "revenue": [{"entity": "A", "amount": "1"}],
        "inputs": {"basic_amount": "1"},
    }
    with pytest.raises(FactError) as caught:
        penalties.compute(facts)
    assert str(caught.value) == said


@pytest.mark.parametrize(("since", "adopted"), [("2027-10-01", True), ("2027-10-02", False)])
def test_a_method_is_adopted_from_its_day_on(since: str, adopted: bool) -> None:
    choice = Adoption(
        "eu-ai-act", "edpb-2023", date.fromisoformat(since), "T. Reyl", "entry 12", "one for both"
    )
    facts = {**EU, "inputs": {"violations": [{"provision": "101(1)(a)", "severity_percent": "10"}]}}
    if adopted:
        with pytest.raises(FactError, match=r"inputs\.seriousness: the value is missing"):
            penalties.compute(facts, adoptions=(choice,))
    else:
        assert penalties.compute(facts, adoptions=(choice,)).method == "share-of-maximum"


def test_another_currency_needs_its_name_and_its_direction() -> None:
    facts = {**EU, "inputs": {"violations": [{"provision": "101(1)(a)", "severity_percent": "10"}]}}
    for shown, said in (
        ({"rate": "2", "rate_quote": "presented currency per penalty currency"}, "present_in.currency"),
        (
            {"currency": "JPY", "rate": "2", "rate_quote": "up"},
            "present_in.rate_quote: 'up' is not known here",
        ),
    ):
        with pytest.raises(FactError, match=said):
            penalties.compute({**facts, "present_in": shown})
    for quote, amount in (
        ("presented currency per penalty currency", Decimal(3_000_000)),
        ("penalty currency per presented currency", Decimal(750_000)),
    ):
        shown = {"currency": "JPY", "rate": "2", "rate_quote": quote}
        found = penalties.compute({**facts, "present_in": shown}).converted
        assert found is not None
        assert (found.amount, found.currency) == (amount, "JPY")


@pytest.mark.parametrize(
    ("rule", "year"), [("before the decision", "2027"), ("before the conduct ended", "2026"), (None, "2027")]
)
def test_the_pack_says_which_financial_year_counts(rule: str | None, year: str) -> None:
    text = statute.load("eu-ai-act").text
    assert '"before the decision"' in text
    text = text.replace('"before the decision"', f'"{rule}"') if rule else _without(text, "penalty.year")
    years = [
        {"period_start": f"{y}-01-01", "period_end": f"{y}-12-31", "entity": "A", "amount": f"{y}000000"}
        for y in (2026, 2027)
    ]
    facts = {
        "regime": "eu-ai-act",
        "on": "2027-06-01",
        "decided_on": "2028-02-01",
        "currency": "EUR",
        "revenue": years,
        "inputs": {
            "violations": [{"provision": "101(1)(b)", "severity_percent": "20", "fault": "negligent"}]
        },
    }
    with statute.using(statute.parse(text, "changed")):
        lines = penalties.compute(facts).lines
    assert next(line.amount for line in lines if line.operation == "given") == Decimal(f"{year}000000")


def _without(text: str, key: str) -> str:
    """The text of a pack without the values of a key."""
    tables = text.split("\n[[value]]\n")
    return "\n[[value]]\n".join(table for table in tables if not table.startswith(f'key = "{key}"'))


def test_a_violation_before_the_power_is_told_and_left_out() -> None:
    early = {"provision": "101(1)(a)", "severity_percent": "40", "occurred_on": "2026-07-01"}
    late = {"provision": "101(1)(b)", "severity_percent": "10", "occurred_on": "2026-10-01"}
    both = penalties.compute({**EU, "inputs": {"violations": [early, late]}})
    alone = penalties.compute({**EU, "inputs": {"violations": [late]}})
    assert both.total == alone.total
    [split] = [line for line in both.lines if line.operation == "split"]
    assert (split.label, split.how, split.violation) == (
        "Under the duty, before the power to penalise, 101(1)(a)",
        "1 Jul 2026 to 1 Jul 2026, 1 day",
        0,
    )
    assert [line.violation for line in both.lines if line.operation == "start"] == [1]
    assert any("inputs.violations[0]: only conduct from 2 Aug 2026" in words for words in both.warnings)


def test_where_nothing_is_left_the_violation_is_named() -> None:
    early = {"provision": "101(1)(a)", "severity_percent": "40", "occurred_on": "2025-07-01"}
    with pytest.raises(statute.NotInForce) as caught:
        penalties.compute({**EU, "inputs": {"violations": [early, {**early, "occurred_on": "2026-07-01"}]}})
    assert str(caught.value).startswith(
        "inputs.violations[0]: eu-ai-act: penalty.maximum_per is not in force"
    )
    assert (caught.value.path, caught.value.starts) == ("inputs.violations[0]", POWER)


def test_a_violation_of_a_law_that_counts_each_keeps_its_place() -> None:
    early = {"provision": "22757.12", "severity_percent": "10", "occurred_on": "2025-12-01"}
    late = {"provision": "22757.13(c)(1)", "severity_percent": "60", "occurred_on": "2026-12-01"}
    facts = {"regime": "ca-tfaia", "on": "2027-01-01", "currency": "USD"}
    result = penalties.compute({**facts, "inputs": {"violations": [early, late]}})
    assert (result.maximum, result.total) == (Decimal(1_000_000), Decimal(600_000))
    assert [(line.operation, line.violation) for line in result.lines if line.violation is not None] == [
        ("split", 0),
        ("maximum", 1),
        ("start", 1),
        ("ceiling", 1),
    ]


@pytest.mark.parametrize(
    ("base", "consolidated", "turnover"),
    [(None, None, 900), ("provider", None, 10), (None, False, 1800)],
)
def test_a_company_within_the_undertaking_is_not_added(
    base: str | None, consolidated: bool | None, turnover: int
) -> None:
    whole = {"entity": "undertaking", "amount": "900000000", "consolidated": consolidated}
    figures = [whole, {"entity": "Sub", "amount": "900000000"}]
    figures += [{"entity": "provider", "amount": "10000000"}]
    violations = [{"provision": "101(1)(a)", "severity_percent": "10"}]
    facts = {**EU, "revenue": figures, "base": base, "inputs": {"violations": violations}}
    found = penalties.compute(facts)
    share = next(line for line in found.lines if line.operation == "percent")
    assert share.amount == Decimal(turnover * 1_000_000) * 3 / 100
    told = "revenue[1] is not added: revenue[0] is the turnover of the whole undertaking."
    assert (told in found.warnings) is (consolidated is None)

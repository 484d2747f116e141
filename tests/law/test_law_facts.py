"""Reading facts: each wrong value is one clear error that names its key."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from portal.law import coverage, penalties
from portal.law.compute import scientific
from portal.law.facts import FactError, Facts, LawError, load_json, read_number
from portal.law.statute import NotInForce, UnknownRegime

REVENUE = {"entity": "A", "amount": "1000"}
EU: dict[str, Any] = {
    "regime": "eu-ai-act",
    "on": "2027-09-01",
    "currency": "EUR",
    "revenue": [REVENUE],
    "inputs": {"violations": [{"provision": "101(1)(a)", "severity_percent": "20"}]},
}
NY: dict[str, Any] = {
    "regime": "ny-raise",
    "on": "2027-09-01",
    "currency": "USD",
    "inputs": {"violations": [{"provision": "1422", "severity_percent": "20"}]},
}


def changed(facts: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of facts with the value at a dotted path replaced; `None` removes the key."""
    found = copy.deepcopy(facts)
    *steps, last = path.split(".")
    place: Any = found
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[last]
    else:
        place[int(last) if last.isdigit() else last] = value
    return found


VIOLATION = "inputs.violations.0"
WRONG_PENALTIES: list[tuple[dict[str, Any], str, Any, str]] = [
    (EU, "surprise", 1, "surprise: unknown key"),
    (EU, "regime", "atlantis", "'atlantis' is not known"),
    (EU, "regime", None, "regime: neither a regime nor a method"),
    (EU, "method", "ec-2006", "inputs.value_of_sales: the value is missing"),
    (NY, "method", "ec-2006", "inputs.value_of_sales: the value is missing"),
    (EU, "method", "guess", "method: 'guess' is not known here"),
    (EU, "on", None, "on: the date whose law applies"),
    (EU, "on", "1 May", "on: '1 May' is not a date"),
    (EU, "on", 20270901, "on: 20270901 is not a date"),
    (EU, "on", "2026-08-01", "penalty.maximum_per is not in force on 2026-08-01"),
    (EU, "currency", None, "currency: the currency of the penalty is missing"),
    (EU, "currency", "XXX", "currency: 'XXX' is no currency of ISO 4217"),
    (EU, "currency", "USD", "eu-ai-act states its maximum in EUR"),
    (EU, "maximum", {"amount": "1"}, "maximum: the regime states the maximum"),
    (EU, "revenue", None, "revenue: the maximum is the higher"),
    (EU, "revenue", "many", "revenue: a list is expected"),
    (EU, "revenue.0.amount", "NaN", "revenue[0].amount: 'NaN' is not a finite number"),
    (EU, "revenue.0.amount", "1e400", "revenue[0].amount: 1e400 is out of bounds"),
    (EU, "revenue.0.amount", "-1", "revenue[0].amount: -1 is out of bounds"),
    (EU, "revenue.0.amount", 1.5, "revenue[0].amount: a decimal string is expected"),
    (EU, "revenue.0.amount", True, "revenue[0].amount: a decimal string is expected"),
    (EU, "revenue.0.amount", "much", "revenue[0].amount: 'much' is not a number"),
    (EU, "revenue.0.amount", "1" * 61, "revenue[0].amount"),
    (EU, "revenue.0.amount", None, "revenue[0].amount: the value is missing"),
    (EU, "revenue.0.amount", "1e-31", "revenue[0].amount: 1e-31 is smaller than anything counted"),
    (EU, "revenue.0.entity", "\ud800", "revenue[0].entity: a text is expected"),
    (EU, "revenue.0.entity", "", "revenue[0].entity: a text is expected"),
    (EU, "revenue.0.entity", None, "revenue[0].entity: the value is missing"),
    (EU, "revenue.0.currency", "USD", "revenue[0].rate: revenue in USD needs it"),
    (EU, "revenue.0.rate", "1.1", "revenue[0].rate: the revenue is in EUR already"),
    (EU, "revenue.0", {**REVENUE, "currency": "USD", "rate": "1.1"}, "revenue[0].rate_quote: revenue in USD"),
    (EU, "revenue.0.consolidated", "yes", "revenue[0].consolidated: true or false"),
    (
        EU,
        "revenue.0",
        {**REVENUE, "period_start": "2026-12-31", "period_end": "2026-01-01"},
        "revenue[0].period_start: the period ends before it starts",
    ),
    (EU, "revenue.0.period_end", "2027-09-01", "revenue[0].period_end: the year had not ended"),
    (EU, "revenue", [REVENUE, REVENUE], "two figures for A without their years"),
    (EU, "revenue", [{**REVENUE, "period_end": "2026-12-31"}] * 2, "two figures of A for one year"),
    (
        EU,
        "revenue",
        [{**REVENUE, "consolidated": True}, {"entity": "B", "amount": "1"}],
        "B is listed beside the consolidated figure of A",
    ),
    (EU, "priors", [{"id": "P", "regime": "eu-ai-act", "status": "final"}], "priors[0].final_on"),
    (EU, "priors", [{"id": "P", "regime": "eu-ai-act", "status": "odd"}], "priors[0].status: 'odd'"),
    (EU, "inputs", None, "inputs.violations: no violation is stated"),
    (EU, f"{VIOLATION}.fault", "careless", "inputs.violations[0].fault: 'careless'"),
    (EU, f"{VIOLATION}.severity_percent", "101", "severity_percent: 101 is out of bounds"),
    (
        EU,
        f"{VIOLATION}.severity_percent",
        None,
        "inputs.violations[0].severity_percent: the value is missing",
    ),
    (EU, f"{VIOLATION}.items", "1.5", "items: a whole number"),
    (EU, f"{VIOLATION}.start", "2027-01-01", "end: one end of the conduct is missing"),
    (EU, f"{VIOLATION}.end", "2027-01-01", "start: one end of the conduct is missing"),
    (EU, f"{VIOLATION}.occurred_on", {"start": "2027-02-01", "end": "2027-01-01"}, "ends before it starts"),
    (EU, "inputs.factors", [{"code": "duration", "reason": "r"}], "factors[0].percent: the days"),
    (EU, "inputs.factors", [{"code": "other_aggravating"}], "inputs.factors[0].reason: the value is missing"),
    (EU, "inputs.factors", ["x"], "inputs.factors[0]: an object is expected"),
    (EU, "present_in", {"currency": "JPY", "rate": "0"}, "present_in.rate: 0 is out of bounds"),
    (EU, "present_in", {"currency": "JPY", "rate": "1"}, "present_in.rate_quote: the value is missing"),
    (NY, f"{VIOLATION}.provision", "1428", "start: this provision counts days"),
    (NY, "regime", "aaif-proposal", "revenue: a maximum with a percentage needs turnover"),
    (NY, "regime", "office", "Not built: a penalty under office"),
    (NY, "on", "2026-12-31", "is not in force on 2026-12-31"),
]


@pytest.mark.parametrize(("facts", "path", "value", "message"), WRONG_PENALTIES)
def test_wrong_penalty_facts(facts: dict[str, Any], path: str, value: Any, message: str) -> None:
    penalties.compute(facts)
    with pytest.raises(LawError) as caught:
        penalties.compute(changed(facts, path, value))
    assert message in str(caught.value)


def test_days_and_severity_exclude_each_other() -> None:
    violation = {"provision": "1428", "severity_percent": "1", "occurred_on": "2027-03-01"}
    with pytest.raises(FactError, match="counts days, not severity"):
        penalties.compute(changed(NY, VIOLATION, violation))
    twice = {"provision": "1422", "severity_percent": "1", "occurred_on": "2027-03-01", "start": "2027-03-01"}
    with pytest.raises(FactError, match="stated twice"):
        penalties.compute(changed(NY, VIOLATION, twice))


def test_method_without_regime_needs_a_maximum() -> None:
    facts: dict[str, Any] = {**EU, "method": "share-of-maximum", "maximum": {"amount": "1", "percent": "2"}}
    del facts["regime"]
    with pytest.raises(FactError, match="an amount and a formula"):
        penalties.compute(facts)
    with pytest.raises(FactError, match=r"maximum\.fixed: the value is missing"):
        penalties.compute({**facts, "maximum": None})
    formula = {"fixed": "1", "percent": "2", "take": "higher"}
    with pytest.raises(FactError, match="revenue: a maximum with a percentage"):
        penalties.compute({**facts, "maximum": formula, "revenue": []})


WRONG_COVERAGE: list[tuple[dict[str, Any], str]] = [
    ({}, "on: the date whose law applies is missing"),
    ({"on": "2027-10-01", "regimes": ["nowhere"]}, "'nowhere' is not known"),
    ({"on": "2027-10-01", "regimes": ["office"]}, "office practice is not a regime"),
    ({"on": "2027-10-01", "regimes": [7]}, "regimes[0]: a text is expected"),
    ({"on": "2027-10-01", "model": {"flop": "1"}}, "model.flop: unknown key"),
    ({"on": "2027-10-01", "model": {"training_flop": 3e25}}, "model.training_flop: a decimal string"),
    ({"on": "2027-10-01", "model": {"training_flop": {"low": "2", "high": "1"}}}, "low is above high"),
    ({"on": "2027-10-01", "model": {"training_flop": {"low": "2"}}}, "model.training_flop.high: the value"),
    (
        {"on": "2027-10-01", "model": {"parameters": "1", "active_parameters": "2", "tokens": "1"}},
        "more active parameters",
    ),
    (
        {
            "on": "2027-10-01",
            "model": {"chips": [{"name": "NVIDIA A100", "count": "1", "hours": "1", "utilisation": "2"}]},
        },
        "model.chips[0].utilisation: 2 is out of bounds",
    ),
    (
        {
            "on": "2027-10-01",
            "organisation": {
                "ai_rd": {"amount": "1", "period_start": "2026-12-31", "period_end": "2026-01-01"},
            },
        },
        "organisation.ai_rd.period_start: the period ends before it starts",
    ),
]


@pytest.mark.parametrize(("facts", "message"), WRONG_COVERAGE)
def test_wrong_coverage_facts(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(LawError) as caught:
        coverage.assess({"regimes": ["aaif-proposal"], **facts} if "regimes" not in facts else facts)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"a": NaN}', "a: nan is not a finite number"),
        ('[{"b": [1, -Infinity]}]', "[0].b[1]: -inf is not a finite number"),
        ('{"a": {"b": 1e99999999999999999999}}', "a.b: inf is not a finite number"),
        ('{"a": 1, "a": 2}', "there twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_wrong_json(text: str, message: str) -> None:
    with pytest.raises(LawError) as caught:
        load_json(text)
    assert message in str(caught.value)


def test_numbers_of_json_never_become_floats() -> None:
    assert str(load_json('{"a": 3.80}')["a"]) == "3.80"
    long = load_json('{"a": 1' + "0" * 400 + ', "b": 1e400}')
    for key in long:
        with pytest.raises(FactError, match=f"^{key}: 1.* is out of bounds"):
            read_number(long[key], key)
    with pytest.raises(FactError, match="a: a text is expected here"):
        Facts({"a": load_json("5.5")}, "", ("a",)).text("a")
    for text in ("1_000", "２", "0x10", "1,0", "--1", "1e", ".", "snan"):
        with pytest.raises(FactError, match=r"^a: "):
            read_number(text, "a")
    assert [read_number(text, "a") for text in (" 5 ", "5.", ".5", "+5e-1")] == [
        5,
        5,
        Decimal("0.5"),
        Decimal("0.5"),
    ]
    assert read_number(7, "a") == 7
    assert str(read_number("-0", "a")) == "0"


def test_errors_say_what_why_and_fix() -> None:
    error = LawError("What.", "Why.", "Fix.")
    assert (error.what, error.why, error.fix) == ("What.", "Why.", "Fix.")
    assert str(error) == "What. Why. Fix."
    assert isinstance(UnknownRegime("x"), LawError)
    assert FactError("", "why").path == ""


def test_null_counts_as_left_out() -> None:
    facts = Facts({"a": None, "b": []}, "", ("a", "b", "c"))
    assert not facts.has("a")
    assert facts.items("a") == ()
    assert facts.texts("b") == ()
    assert (facts.text("a"), facts.flag("a"), facts.day("c"), facts.number("c")) == (None, None, None, None)


def test_not_in_force_carries_its_date() -> None:
    compute: Callable[[], object] = lambda: penalties.compute(changed(EU, "on", "2026-08-01"))  # noqa: E731
    with pytest.raises(NotInForce) as caught:
        compute()
    assert caught.value.starts.isoformat() == "2026-08-02"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0"),
        ("3.791e25", "3.791e25"),
        ("1e26", "1e26"),
        ("1.0004e26", "1.0004e26"),
        ("1.00000001e26", "1.00000001e26"),
        ("9.9999e25", "9.9999e25"),
        ("2.00004e25", "2e25"),
    ],
)
def test_compute_near_a_power_of_ten_is_not_shown_as_it(value: str, shown: str) -> None:
    assert scientific(Decimal(value)) == shown


def test_a_number_too_small_to_count_says_so() -> None:
    with pytest.raises(FactError, match="smaller than anything counted"):
        read_number("1e-31", "amount")

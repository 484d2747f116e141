"""What must hold for every penalty and every coverage, whatever the facts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.law import coverage, penalties
from portal.law.money import rounded
from portal.law.penalty_lines import COUNTING

PERCENT = st.decimals(0, 100, places=2).map(str)
FACTORS = st.lists(
    st.fixed_dictionaries(
        {
            "code": st.sampled_from(["other_aggravating", "other_mitigating", "bespoke"]),
            "reason": st.just("r"),
            "percent": st.decimals(-60, 200, places=1).map(str),
        }
    ),
    max_size=4,
)
SINCE = st.dates(date(2027, 1, 1), date(2027, 12, 31)).map(str)


def eu(turnover: int, severities: list[str], factors: list[dict[str, str]]) -> dict[str, Any]:
    violations = [{"provision": "101(1)(a)", "severity_percent": s, "fault": "negligent"} for s in severities]
    return {
        "regime": "eu-ai-act",
        "on": "2027-09-01",
        "currency": "EUR",
        "revenue": [{"entity": "undertaking", "amount": str(turnover)}],
        "inputs": {"violations": violations, "factors": factors},
    }


def ny(days: list[str], severities: list[str], factors: list[dict[str, str]]) -> dict[str, Any]:
    pairs = zip(days, severities, strict=False)
    violations = [{"provision": "1422", "severity_percent": s, "occurred_on": day} for day, s in pairs]
    prior = {"id": "P", "regime": "ny-raise", "status": "final", "final_on": "2027-06-01"}
    return {
        "regime": "ny-raise",
        "on": "2027-12-31",
        "currency": "USD",
        "priors": [prior],
        "inputs": {"violations": violations, "factors": factors},
    }


EU = st.builds(eu, st.integers(0, 10**13), st.lists(PERCENT, min_size=1, max_size=4), FACTORS)
NY = st.builds(
    ny, st.lists(SINCE, min_size=1, max_size=3), st.lists(PERCENT, min_size=3, max_size=3), FACTORS
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(EU, NY))
def test_between_nothing_and_the_maximum_and_the_lines_add(facts: dict[str, Any]) -> None:
    result = penalties.compute(facts)
    assert 0 <= result.total <= result.maximum
    counted = [line.amount for line in result.lines if line.operation in COUNTING]
    assert sum((amount for amount in counted if amount is not None), Decimal(0)) == result.total
    assert rounded(result.total, result.currency) == result.total
    assert result.lines[-1].amount == result.total
    for reading in result.readings:
        assert 0 <= reading.total <= reading.maximum
        if reading.adopted:
            assert (reading.total, reading.maximum) == (result.total, result.maximum)


@settings(max_examples=50, deadline=None)
@given(st.one_of(EU, NY))
def test_the_same_facts_give_the_same_cents(facts: dict[str, Any]) -> None:
    assert penalties.compute(facts).as_json() == penalties.compute(facts).as_json()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**12), PERCENT, PERCENT, FACTORS)
def test_never_less_for_a_graver_violation(
    turnover: int, one: str, other: str, factors: list[dict[str, str]]
) -> None:
    low, high = sorted((one, other), key=Decimal)
    positive = [{**factor, "percent": factor["percent"].lstrip("-")} for factor in factors]
    for used in (positive, factors[:1]):
        less = penalties.compute(eu(turnover, [low], used)).total
        assert less <= penalties.compute(eu(turnover, [high], used)).total


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 10**12), PERCENT)
def test_never_less_for_more_turnover(one: int, other: int, severity: str) -> None:
    low, high = sorted((one, other))
    less = penalties.compute(eu(low, [severity], [])).total
    assert less <= penalties.compute(eu(high, [severity], [])).total


@settings(max_examples=50, deadline=None)
@given(NY)
def test_never_less_for_a_prior_and_the_order_does_not_matter(facts: dict[str, Any]) -> None:
    with_prior = penalties.compute(facts)
    assert penalties.compute({**facts, "priors": []}).total <= with_prior.total
    turned = {**facts, "inputs": {**facts["inputs"], "violations": facts["inputs"]["violations"][::-1]}}
    assert penalties.compute(turned).total == with_prior.total


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**28), st.one_of(st.none(), st.integers(0, 10**12)))
def test_unknown_is_never_false(flop: int, revenue: int | None) -> None:
    organisation: dict[str, Any] = {}
    if revenue is not None:
        period = {"period_start": "2026-01-01", "period_end": "2026-12-31"}
        organisation["gross_revenue"] = {"amount": str(revenue), **period}
    facts = {"on": "2027-10-01", "model": {"training_flop": str(flop)}, "organisation": organisation}
    found = coverage.assess(facts).regimes
    assert found["ca-tfaia"].covered == ("yes" if flop > 10**26 else "no")
    assert found["eu-ai-act"].covered == ("yes" if flop > 10**25 else "no")
    assert found["aaif-proposal"].covered == ("unknown" if flop > 10**25 else "no")
    large = "no" if flop <= 10**26 else "yes" if (revenue or 0) > 500_000_000 else "unknown"
    assert found["ca-tfaia"].large == large
    assert "proposed" in found["aaif-proposal"].wording

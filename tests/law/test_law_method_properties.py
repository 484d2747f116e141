"""What must hold for every method, whatever the facts: bounds, sums, direction, order, the same cents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.law import penalties
from portal.law.money import rounded
from portal.law.penalty_lines import COUNTING

MONEY = st.decimals(0, 10**10, places=2).map(str)
PERCENT = st.decimals(0, 100, places=2).map(str)
LABELLED = st.lists(st.builds(lambda percent: {"label": "l", "percent": percent}, PERCENT), max_size=3)
BANDS = {"low": (0, 10), "medium": (10, 20), "high": (20, 100)}
FINALS = {
    "final": 1,
    "reduced": 1,
    "pending": 0,
    "under_appeal": 0,
    "set_aside": 0,
    "settled_no_admission": 0,
}


def prior(number: int, status: str, uplift: str) -> dict[str, str]:
    final = {"final_on": "2024-05-01"} if FINALS[status] else {}
    return {"id": f"P{number}", "regime": "x", "status": status, "uplift_percent": uplift, **final}


PRIORS = st.lists(st.tuples(st.sampled_from(list(FINALS)), PERCENT), max_size=4).map(
    lambda found: [prior(number, *item) for number, item in enumerate(found)]
)


@st.composite
def gdpr(draw: st.DrawFn, method: str, currency: str) -> dict[str, Any]:
    band = draw(st.sampled_from(list(BANDS)))
    inputs: dict[str, Any] = {
        "seriousness": {"band": band, "percent": str(draw(st.integers(*BANDS[band])))},
        "adjust_percent": str(draw(st.integers(-100, 300))),
    }
    if draw(st.booleans()):
        inputs["final"] = {"percent": str(draw(st.integers(-100, 300))), "reason": "r"}
    return {
        "method": method,
        "currency": currency,
        "on": "2025-01-01",
        "maximum": {"fixed": draw(MONEY), "percent": draw(PERCENT), "take": "higher"},
        "revenue": [{"entity": "undertaking", "amount": draw(MONEY)}],
        "inputs": inputs,
    }


@st.composite
def ec(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "method": "ec-2006",
        "currency": "EUR",
        "on": "2025-01-01",
        "maximum": {"percent": "10"},
        "revenue": [{"entity": "undertaking", "amount": draw(MONEY)}],
        "priors": draw(PRIORS),
        "inputs": {
            "value_of_sales": draw(MONEY),
            "gravity_percent": str(draw(st.integers(0, 30))),
            "years": draw(st.decimals(0, 20, places=2).map(str)),
            "entry_fee_percent": str(draw(st.integers(15, 25))),
            "aggravating": draw(LABELLED),
            "mitigating": draw(LABELLED),
            "leniency_percent": str(draw(st.integers(0, 50))),
            "settlement_percent": "10",
        },
    }


@st.composite
def fec(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "method": "fec-111-43",
        "currency": "USD",
        "on": "2025-01-01",
        "maximum": {"amount": draw(MONEY)},
        "priors": draw(PRIORS),
        "inputs": {
            "base": draw(MONEY),
            "per_day": draw(MONEY),
            "days": draw(st.integers(0, 400)),
        },
    }


@st.composite
def ussg(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "method": "ussg-ch8",
        "currency": "USD",
        "on": draw(st.sampled_from(["2015-10-31", "2015-11-01"])),
        "maximum": {"amount": draw(MONEY)},
        "inputs": {
            "offense_level": draw(st.integers(0, 50)),
            "culpability_score": draw(st.integers(-5, 15)),
            "chosen": {"amount": draw(MONEY), "reason": "r"},
        },
    }


@st.composite
def nl(draw: st.DrawFn) -> dict[str, Any]:
    amounts = draw(st.lists(st.integers(-(10**6), 10**6), max_size=4))
    return {
        "method": "nl-2019",
        "currency": "EUR",
        "maximum": {"amount": draw(MONEY)},
        "inputs": {
            "category": draw(st.sampled_from(["I", "II", "III", "IV"])),
            "amounts": [{"label": "l", "amount": str(amount)} for amount in amounts],
        },
    }


@st.composite
def aaif(draw: st.DrawFn) -> dict[str, Any]:
    levels = draw(st.lists(st.sampled_from(["low", "medium", "high", "very_high"]), min_size=1, max_size=4))
    return {
        "regime": "aaif-proposal",
        "currency": "USD",
        "on": "2027-01-01",
        "revenue": [{"entity": "undertaking", "amount": draw(MONEY)}],
        "priors": [{**item, "regime": "aaif-proposal"} for item in draw(PRIORS)],
        "inputs": {"violations": [{"provision": "x", "severity": level} for level in levels]},
    }


ANY = st.one_of(gdpr("edpb-2023", "EUR"), gdpr("ico-2024", "GBP"), ec(), fec(), ussg(), nl(), aaif())


def with_inputs(facts: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    return {**facts, "inputs": {**facts["inputs"], **inputs}}


@settings(max_examples=250, deadline=None)
@given(ANY)
def test_between_nothing_and_the_maximum_and_the_lines_add(facts: dict[str, Any]) -> None:
    result = penalties.compute(facts)
    assert 0 <= result.total <= result.maximum
    counted = [line.amount for line in result.lines if line.operation in COUNTING]
    assert sum((amount for amount in counted if amount is not None), Decimal(0)) == result.total
    assert rounded(result.total, result.currency) == result.total
    assert result.lines[-1].amount == result.total
    assert [line.step for line in result.lines] == list(range(1, len(result.lines) + 1))
    assert all(line.citation for line in result.lines)
    if result.limits is not None:
        assert result.limits[0] <= result.limits[1] <= result.maximum
        assert result.outside_range == (not result.limits[0] <= result.total <= result.limits[1])
    for reading in result.readings:
        assert 0 <= reading.total <= reading.maximum


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_the_same_facts_give_the_same_cents_and_a_grid_too(facts: dict[str, Any]) -> None:
    first = penalties.compute(facts)
    assert penalties.compute(facts) == first
    bare = penalties.compute(facts, readings=False)
    assert (bare.total, bare.lines, bare.readings) == (first.total, first.lines, ())


@settings(max_examples=60, deadline=None)
@given(gdpr("edpb-2023", "EUR"), st.integers(20, 100), st.integers(20, 100), MONEY)
def test_never_less_for_graver_or_larger(facts: dict[str, Any], one: int, other: int, turnover: str) -> None:
    low, high = sorted((one, other))
    totals = [
        penalties.compute(with_inputs(facts, seriousness={"band": "high", "percent": str(p)})).total
        for p in (low, high)
    ]
    assert totals[0] <= totals[1]
    more = Decimal(facts["revenue"][0]["amount"]) + Decimal(turnover)
    larger = {**facts, "revenue": [{"entity": "undertaking", "amount": str(more)}]}
    assert penalties.compute(facts).total <= penalties.compute(larger).total


@settings(max_examples=80, deadline=None)
@given(st.one_of(ec(), fec(), aaif()))
def test_never_less_for_a_prior_and_its_order_does_not_matter(facts: dict[str, Any]) -> None:
    total = penalties.compute(facts).total
    assert penalties.compute({**facts, "priors": []}).total <= total
    assert penalties.compute({**facts, "priors": facts["priors"][::-1]}).total == total
    uncounted = [item for item in facts["priors"] if FINALS[item["status"]]]
    assert penalties.compute({**facts, "priors": uncounted}).total == total
    counted = penalties.compute(facts).counted
    assert sorted(counted) == [item["id"] for item in facts["priors"] if FINALS[item["status"]]]


@settings(max_examples=60, deadline=None)
@given(ec())
def test_the_order_of_circumstances_does_not_matter(facts: dict[str, Any]) -> None:
    inputs = facts["inputs"]
    turned = {key: inputs[key][::-1] for key in ("aggravating", "mitigating")}
    assert penalties.compute(with_inputs(facts, **turned)).total == penalties.compute(facts).total


@settings(max_examples=60, deadline=None)
@given(ussg(), st.integers(0, 50), st.integers(-5, 15))
def test_never_less_for_a_higher_level_or_score(facts: dict[str, Any], level: int, score: int) -> None:
    facts = {**facts, "maximum": {"amount": "1e12"}}
    base = penalties.compute(facts).limits
    inputs = facts["inputs"]
    higher = penalties.compute(
        with_inputs(
            facts,
            offense_level=max(level, inputs["offense_level"]),
            culpability_score=max(score, inputs["culpability_score"]),
        )
    ).limits
    assert base is not None
    assert higher is not None
    assert base[0] <= higher[0]
    assert base[1] <= higher[1]


@settings(max_examples=60, deadline=None)
@given(aaif())
def test_a_proposal_is_never_more_than_an_illustration(facts: dict[str, Any]) -> None:
    result = penalties.compute(facts)
    assert result.illustration
    assert {line.status for line in result.lines} == {"proposed"}
    assert "never served" in result.as_json()["illustration"]

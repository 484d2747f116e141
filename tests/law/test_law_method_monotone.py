"""Every method: never less for more, and the order of independent facts changes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.law import penalties

MONEY = st.integers(0, 10**13).map(lambda cents: str(Decimal(cents) / 100))
PERCENT = st.integers(0, 10_000).map(lambda basis: str(Decimal(basis) / 100))
LEVELS = ["low", "medium", "high", "very_high"]
CATEGORIES = ["I", "II", "III", "IV"]
POINTS = {"b": (0, 5), "c": (0, 2), "d": (0, 2), "e": (0, 3), "f": (-3, 0), "g": (-5, 0)}
MANY = settings(max_examples=60, deadline=None)


def total(facts: dict[str, Any]) -> Decimal:
    return penalties.compute(facts, readings=False).total


def ec(turnover: str, sales: str, gravity: int, years: str) -> dict[str, Any]:
    return {
        "method": "ec-2006",
        "currency": "EUR",
        "on": "2025-01-01",
        "maximum": {"percent": "10"},
        "revenue": [{"entity": "undertaking", "amount": turnover}],
        "inputs": {
            "value_of_sales": sales,
            "gravity_percent": str(gravity),
            "years": years,
            "entry_fee_percent": "17",
            "aggravating": [{"label": "leader", "percent": "30"}],
            "mitigating": [{"label": "early end", "percent": "12.5"}],
            "deterrence_multiplier": "1.1",
            "leniency_percent": "20",
            "round_down_to": "1000",
        },
    }


@MANY
@given(st.lists(MONEY, min_size=4, max_size=4), st.lists(st.integers(0, 30), min_size=2, max_size=2), PERCENT)
def test_antitrust(money: list[str], gravity: list[int], years: str) -> None:
    turnovers, sales = sorted(money[:2], key=Decimal), sorted(money[2:], key=Decimal)
    low, high = sorted(gravity)
    less = total(ec(turnovers[0], sales[0], low, years))
    assert less <= total(ec(turnovers[1], sales[0], low, years))
    assert less <= total(ec(turnovers[0], sales[1], low, years))
    assert less <= total(ec(turnovers[0], sales[0], high, years))
    longer = str(min(Decimal(years) + 1, Decimal(100)))
    assert less <= total(ec(turnovers[0], sales[0], low, longer))


def aaif(turnover: str, levels: list[str]) -> dict[str, Any]:
    violations = [{"provision": str(n), "severity": level} for n, level in enumerate(levels)]
    return {
        "regime": "aaif-proposal",
        "on": "2027-01-01",
        "currency": "USD",
        "revenue": [{"entity": "undertaking", "amount": turnover}],
        "inputs": {"violations": violations},
    }


@MANY
@given(MONEY, MONEY, st.lists(st.sampled_from(LEVELS), min_size=1, max_size=4), st.sampled_from(LEVELS))
def test_illustration(one: str, other: str, levels: list[str], level: str) -> None:
    low, high = sorted((one, other), key=Decimal)
    less = total(aaif(low, levels))
    assert less <= total(aaif(high, levels))
    assert less <= total(aaif(low, [*levels, level]))
    assert less == total(aaif(low, levels[::-1]))
    graver = max(levels[0], level, key=LEVELS.index)
    assert less <= total(aaif(low, [graver, *levels[1:]]))


def nl(category: str, amounts: list[int], maximum: str) -> dict[str, Any]:
    labelled = [{"label": str(n), "amount": str(amount)} for n, amount in enumerate(amounts)]
    return {
        "method": "nl-2019",
        "currency": "EUR",
        "maximum": {"amount": maximum},
        "inputs": {"category": category, "amounts": labelled},
    }


@MANY
@given(
    st.lists(st.sampled_from(CATEGORIES), min_size=2, max_size=2),
    st.lists(st.integers(-(10**6), 10**6), max_size=4),
    st.integers(0, 10**6),
    MONEY,
)
def test_dutch_categories(found: list[str], amounts: list[int], more: int, maximum: str) -> None:
    low, high = sorted(found, key=CATEGORIES.index)
    less = total(nl(low, amounts, maximum))
    assert less <= total(nl(high, amounts, maximum))
    assert less <= total(nl(low, [*amounts, more], maximum))
    assert less == total(nl(low, amounts[::-1], maximum))


def fec(base: str, per_day: str, days: int, priors: int) -> dict[str, Any]:
    inputs = {"base": base, "per_day": per_day, "days": days, "priors": priors}
    return {"method": "fec-111-43", "currency": "USD", "on": "2025-01-01", "inputs": inputs}


@MANY
@given(MONEY, MONEY, st.integers(0, 400), st.integers(0, 20), st.integers(1, 50))
def test_late_reports(base: str, per_day: str, days: int, priors: int, more: int) -> None:
    less = total(fec(base, per_day, days, priors))
    assert less <= total(fec(base, per_day, days + more, priors))
    assert less <= total(fec(base, per_day, days, priors + more))
    assert less <= total(fec(str(Decimal(base) + more), per_day, days, priors))
    assert less <= total(fec(base, str(Decimal(per_day) + more), days, priors))


@st.composite
def culpability(draw: st.DrawFn) -> list[dict[str, Any]]:
    codes = draw(st.lists(st.sampled_from(list(POINTS)), max_size=8))
    found = [{"code": code, "points": draw(st.integers(*POINTS[code]))} for code in codes]
    return [{"code": "start", "points": 5}, *found]


@MANY
@given(culpability(), MONEY, MONEY, st.randoms())
def test_guideline_ranges(points: list[dict[str, Any]], gain: str, loss: str, random: Any) -> None:
    inputs: dict[str, Any] = {"gain": gain, "loss": loss, "culpability": points}
    facts = {"method": "ussg-ch8", "currency": "USD", "on": "2025-01-01", "inputs": inputs}
    found = penalties.compute(facts).limits
    mixed = points[:]
    random.shuffle(mixed)
    assert penalties.compute({**facts, "inputs": {**inputs, "culpability": mixed}}).limits == found
    higher = penalties.compute({**facts, "inputs": {**inputs, "loss": str(Decimal(loss) + 1)}}).limits
    assert found is not None
    assert higher is not None
    assert found[0] <= higher[0]
    assert found[1] <= higher[1]


@MANY
@given(st.lists(MONEY, min_size=1, max_size=4), PERCENT, st.lists(PERCENT, max_size=4))
def test_companies_and_factors_in_any_order(amounts: list[str], severity: str, percents: list[str]) -> None:
    revenue = [{"entity": f"company {n}", "amount": amount} for n, amount in enumerate(amounts)]
    factors = [{"code": "own", "reason": str(n), "percent": percent} for n, percent in enumerate(percents)]
    violations = [{"provision": "101(1)(a)", "severity_percent": severity, "fault": "negligent"}]
    facts = {"regime": "eu-ai-act", "on": "2027-01-01", "currency": "EUR", "revenue": revenue}
    first = penalties.compute({**facts, "inputs": {"violations": violations, "factors": factors}})
    turned = penalties.compute(
        {
            **facts,
            "revenue": revenue[::-1],
            "inputs": {"violations": violations, "factors": factors[::-1]},
        }
    )
    assert (first.maximum, first.total) == (turned.maximum, turned.total)
    assert first.maximum == max(
        Decimal(15_000_000), (sum(map(Decimal, amounts)) * 3 / 100).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    )

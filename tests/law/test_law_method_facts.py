"""Wrong facts of the methods: each is one clear error that names the field, and exit status 2."""

from __future__ import annotations

import contextlib
import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.law import cli, methods, penalties
from portal.law.facts import LawError
from portal.law.statute import NotInForce

EDPB: dict[str, Any] = {
    "method": "edpb-2023",
    "currency": "EUR",
    "maximum": {"fixed": "10000000", "percent": "2", "take": "higher"},
    "revenue": [{"entity": "undertaking", "amount": "60000000"}],
    "inputs": {
        "seriousness": {"band": "medium", "percent": "15"},
        "size": {"percent": "10"},
        "adjust_percent": "5",
        "final": {"percent": "-5", "reason": "r"},
    },
}
EC: dict[str, Any] = {
    "method": "ec-2006",
    "currency": "EUR",
    "on": "2020-01-01",
    "priors": [
        {"id": "P", "regime": "x", "status": "final", "final_on": "2019-01-01", "uplift_percent": "50"}
    ],
    "inputs": {
        "value_of_sales": "100",
        "gravity_percent": "10",
        "years": "2",
        "entry_fee_percent": "15",
        "aggravating": [{"label": "a", "percent": "10"}],
        "mitigating": [{"label": "m", "percent": "10"}],
        "deterrence_multiplier": "1.1",
        "leniency_percent": "20",
        "settlement_percent": "10",
        "round_down_to": "1",
    },
}
USSG: dict[str, Any] = {
    "method": "ussg-ch8",
    "currency": "USD",
    "on": "2020-01-01",
    "inputs": {
        "offense_level": 20,
        "culpability": [{"code": "start", "points": 5}, {"code": "g", "points": -2}],
        "chosen": {"amount": "5", "reason": "r"},
    },
}
NL: dict[str, Any] = {
    "method": "nl-2019",
    "currency": "EUR",
    "inputs": {
        "category": "I",
        "next_category": {"because": "b"},
        "amounts": [{"label": "l", "amount": "1"}],
    },
}
FEC: dict[str, Any] = {
    "method": "fec-111-43",
    "currency": "USD",
    "inputs": {"base": "1", "per_day": "1", "days": "1", "priors": "1"},
}
AAIF: dict[str, Any] = {
    "method": "aaif-proposal",
    "currency": "USD",
    "on": "2027-10-01",
    "revenue": [{"entity": "A", "amount": "100"}],
    "priors": [{"id": "P", "regime": "aaif-proposal", "status": "final", "final_on": "2027-01-01"}],
    "inputs": {"violations": [{"provision": "x", "severity": "high", "occurred_on": "2027-09-01"}]},
}
ALL = (EDPB, EC, USSG, NL, FEC, AAIF)


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
        place[last] = value
    return found


WRONG: list[tuple[dict[str, Any], str, Any, str]] = [
    (EDPB, "maximum", None, "maximum.fixed: the value is missing"),
    (EDPB, "maximum.take", None, "maximum.take: the value is missing"),
    (EDPB, "maximum.take", "middle", "maximum.take: 'middle' is not known here"),
    (EDPB, "maximum.percent", "101", "maximum.percent: 101 is out of bounds"),
    (EDPB, "inputs.seriousness", None, "inputs.seriousness: the value is missing"),
    (EDPB, "inputs.seriousness.band", None, "inputs.seriousness.band: the value is missing"),
    (EDPB, "inputs.seriousness.band", "grave", "inputs.seriousness.band: 'grave' is not known here"),
    (EDPB, "inputs.seriousness.percent", "20.01", "inputs.seriousness.percent: 20.01 is outside medium"),
    (EDPB, "inputs.seriousness.percent", "9", "inputs.seriousness.percent: 9 is outside medium"),
    (EDPB, "inputs.seriousness.percent", "NaN", "inputs.seriousness.percent: 'NaN' is not a finite number"),
    (EDPB, "inputs.seriousness.percent", 15.5, "inputs.seriousness.percent: a decimal string"),
    (EDPB, "inputs.seriousness.share", "1", "inputs.seriousness.share: unknown key"),
    (EDPB, "inputs.size.percent", "7.9", "inputs.size.percent: 7.9 is outside 50m-100m"),
    (EDPB, "inputs.size.percent", "20.1", "inputs.size.percent: 20.1 is outside 50m-100m"),
    (EDPB, "inputs.size.percent", None, "inputs.size.percent: the value is missing"),
    (EDPB, "inputs.size.tier", "tiny", "inputs.size.tier: 'tiny' is not known here"),
    (EDPB, "inputs.size.tier", "10m-50m", "inputs.size.tier: turnover lies in 50m-100m"),
    (EDPB, "revenue.0.amount", "600000000", "inputs.size: there is no adjustment for size above-500m"),
    (EDPB, "revenue.0.amount", "1e400", "revenue[0].amount: 1e400 is out of bounds"),
    (EDPB, "revenue.0.currency", "PLN", "revenue[0].rate: revenue in PLN needs it"),
    (EDPB, "revenue", None, "revenue: a maximum with a percentage needs turnover"),
    (EDPB, "inputs.adjust_percent", "-101", "inputs.adjust_percent: -101 is out of bounds"),
    (EDPB, "inputs.final.reason", None, "inputs.final.reason: the value is missing"),
    (EDPB, "inputs.final.percent", None, "inputs.final: a percentage or an amount is needed"),
    (EDPB, "inputs.final.amount", "1", "inputs.final: a percentage or an amount is needed"),
    (EDPB, "inputs.final", "30", "inputs.final: an object is expected"),
    (EDPB, "inputs.gravity", "1", "inputs.gravity: unknown key"),
    (EDPB, "inputs.violations", 1, "inputs.violations: a list is expected here"),
    (
        EDPB,
        "inputs.violations",
        [{"occured_on": "2024-01-01"}],
        "inputs.violations[0].occured_on: unknown key",
    ),
    (EDPB, "inputs.adjust_percent", [], "inputs.adjust_percent: a decimal string is expected here"),
    (EDPB, "inputs.final", [], "inputs.final: an object is expected here"),
    (EC, "inputs.gravity_percent", "30.1", "inputs.gravity_percent: 30.1 is out of bounds"),
    (EC, "inputs.gravity_percent", None, "inputs.gravity_percent: the value is missing"),
    (EC, "inputs.years", None, "inputs.years: the value is missing"),
    (EC, "inputs.years", "-1", "inputs.years: -1 is out of bounds"),
    (EC, "inputs.entry_fee_percent", "14", "inputs.entry_fee_percent: 14 is out of bounds"),
    (EC, "inputs.entry_fee_percent", "26", "inputs.entry_fee_percent: 26 is out of bounds"),
    (EC, "inputs.basic_amount", "1", "inputs.value_of_sales: it is stated beside basic_amount"),
    (EC, "inputs.value_of_sales", None, "inputs.value_of_sales: the value is missing"),
    (EC, "inputs.aggravating.0.label", None, "inputs.aggravating[0].label: the value is missing"),
    (EC, "inputs.aggravating.0.percent", "-1", "inputs.aggravating[0].percent: -1 is out of bounds"),
    (EC, "inputs.aggravating.0.amount", "1", "inputs.aggravating[0].amount: unknown key"),
    (EC, "inputs.mitigating.0.percent", "101", "inputs.mitigating[0].percent: 101 is out of bounds"),
    (EC, "inputs.deterrence_multiplier", "0.9", "inputs.deterrence_multiplier: 0.9 is out of bounds"),
    (EC, "inputs.leniency_percent", "101", "inputs.leniency_percent: 101 is out of bounds"),
    (EC, "inputs.leniency_percent", "95", "inputs.settlement_percent: the discounts add to more than 100 %"),
    (EC, "inputs.round_down_to", "0", "inputs.round_down_to: 0 is out of bounds"),
    (EC, "priors.0.uplift_percent", None, "priors[0].uplift_percent: ec-2006 asks for it"),
    (EC, "priors.0.uplift_percent", "101", "priors[0].uplift_percent: 101 is out of bounds"),
    (EC, "maximum", {"percent": "10", "take": "higher"}, "maximum.take: there is nothing to choose from"),
    (EC, "maximum", {"percent": "10"}, "revenue: a maximum with a percentage needs turnover"),
    (USSG, "inputs.base_fine", "1", "inputs.base_fine: it is stated beside offense_level"),
    (USSG, "inputs.offense_level", None, "inputs: no base is stated"),
    (USSG, "inputs.offense_level", "20.5", "inputs.offense_level: a whole number"),
    (USSG, "inputs.offense_level", 101, "inputs.offense_level: 101 is out of bounds"),
    (USSG, "inputs.culpability", None, "inputs.culpability_score: neither it nor culpability is stated"),
    (USSG, "inputs.culpability_score", 5, "inputs.culpability_score: it is stated beside culpability"),
    (USSG, "inputs.culpability.0.points", 4, "inputs.culpability[0].points: 4 is out of bounds for start"),
    (USSG, "inputs.culpability.1.points", 1, "inputs.culpability[1].points: 1 is out of bounds for g"),
    (USSG, "inputs.culpability.1.code", None, "inputs.culpability[1].code: the value is missing"),
    (USSG, "inputs.chosen.reason", None, "inputs.chosen.reason: the value is missing"),
    (USSG, "inputs.chosen.amount", "-1", "inputs.chosen.amount: -1 is out of bounds"),
    (USSG, "on", None, "on: the table fine of ussg-ch8 depends on the date"),
    (USSG, "on", "1990-01-01", "on: ussg-ch8: the method is not in force on 1990-01-01"),
    (NL, "inputs.category", "V", "inputs.category: 'V' is not known here"),
    (NL, "inputs.category", "IV", "inputs.next_category: there is no class after IV"),
    (NL, "inputs.category", None, "inputs.category: the value is missing"),
    (NL, "inputs.next_category.because", None, "inputs.next_category.because: the value is missing"),
    (FEC, "inputs.days", "1.5", "inputs.days: a whole number"),
    (FEC, "inputs.days", None, "inputs.days: the value is missing"),
    (FEC, "inputs.base", None, "inputs.base: the value is missing"),
    (
        FEC,
        "priors",
        [{"id": "P", "regime": "x", "status": "pending"}],
        "inputs.priors: priors are listed too",
    ),
    (
        FEC,
        "priors",
        [{"id": "P", "regime": "x", "status": "pending"}] * 2,
        "priors[1].id: 'P' is there twice",
    ),
    (AAIF, "inputs.violations.0.severity", None, "inputs.violations[0].severity: the value is missing"),
    (AAIF, "inputs.violations.0.severity", "mild", "inputs.violations[0].severity: 'mild' is not known"),
    (AAIF, "inputs.violations.0.severity_percent", "1", "severity_percent: this method asks for severity"),
    (AAIF, "inputs.violations", None, "inputs.violations: no violation is stated"),
    (AAIF, "revenue", None, "revenue: a maximum with a percentage needs turnover"),
]


@pytest.mark.parametrize(("facts", "path", "value", "message"), WRONG)
def test_wrong_facts_of_a_method(facts: dict[str, Any], path: str, value: Any, message: str) -> None:
    penalties.compute(facts)
    wrong = json.dumps(changed(facts, path, value))
    result = CliRunner().invoke(cli.law, ["penalty", "-", "--format", "json"], input=wrong)
    if "15.5" in wrong:  # a number of JSON is read exactly, so only a float in memory is refused
        with pytest.raises(LawError) as caught:
            penalties.compute(changed(facts, path, value))
        assert message in str(caught.value)
        return
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_share_asks_for_a_percentage() -> None:
    facts = {
        "regime": "ny-raise",
        "on": "2027-09-01",
        "currency": "USD",
        "inputs": {"violations": [{"provision": "1422", "severity": "high"}]},
    }
    with pytest.raises(LawError, match=r"violations\[0\]\.severity: this method asks for severity_percent"):
        penalties.compute(facts)


def test_years_have_no_meaning_without_sales() -> None:
    facts = {"method": "ec-2006", "currency": "EUR", "inputs": {"basic_amount": "1", "years": "2"}}
    with pytest.raises(LawError, match=r"inputs\.years: it has no meaning without value_of_sales"):
        penalties.compute(facts)


def test_more_priors_than_a_schedule_can_carry() -> None:
    prior = AAIF["priors"][0]
    many = [{**prior, "id": f"P{number}"} for number in range(101)]
    with pytest.raises(LawError, match="priors: more than 100 count"):
        penalties.compute({**AAIF, "priors": many})


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["-0", "1e400", "0.5", "1e40", "9999-12-31", "0001-01-01", "KWD", "100", "III", "high"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside facts."""
    found = [path] if path else []
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found += places(value[key], (*path, key))
    return found


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """Facts of some method with one or two values replaced by something odd."""
    found: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(ALL)))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(places(found)))
        place: Any = found
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = draw(ODD)
    return found


@settings(max_examples=500, deadline=None)
@given(spoiled())
def test_a_method_refuses_or_computes(facts: dict[str, Any]) -> None:
    with contextlib.suppress(LawError):
        json.dumps(penalties.compute(facts).as_json()).encode()


ALONE: list[dict[str, Any]] = [
    {"method": "nl-2019", "currency": "EUR", "inputs": {"category": "II"}},
    {"method": "fec-111-43", "currency": "USD", "inputs": {"base": "1", "per_day": "1", "days": 1}},
    {"method": "ec-2006", "currency": "EUR", "inputs": {"basic_amount": "100"}},
]


@pytest.mark.parametrize("facts", ALONE, ids=lambda facts: str(facts["method"]))
def test_a_method_before_its_first_day_gives_no_amount(facts: dict[str, Any]) -> None:
    starts = methods.load(facts["method"]).valid_from
    before = (starts - timedelta(days=1)).isoformat()
    with pytest.raises(NotInForce, match=f"on: {facts['method']}: the method is not in force on {before}"):
        penalties.compute({**facts, "on": before})
    with pytest.raises(NotInForce):
        penalties.compute({**facts, "on": "1999-01-01", "decided_on": before})
    assert penalties.compute({**facts, "on": starts.isoformat()}).total > 0
    assert penalties.compute({**facts, "on": before, "decided_on": starts.isoformat()}).total > 0
    assert penalties.compute(facts).total > 0

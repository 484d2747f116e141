"""Amounts that a law adjusts each year: published pairs are met, and the day of assessment picks them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.law import checking, inflation, penalties, statute
from portal.law.facts import FactError
from portal.law.packs import PackError
from portal.law.statute import Pack

SET = date(2024, 1, 15)
# Amounts of 2024 and of 2025 as the agencies published them: HIPAA tiers, then SEC tiers.
PUBLISHED = [
    ("141", "145"),
    ("1424", "1461"),
    ("14232", "14602"),
    ("71162", "73011"),
    ("2134831", "2190294"),
    ("11524", "11823"),
    ("115231", "118225"),
    ("230464", "236451"),
    ("576158", "591127"),
    ("1152314", "1182251"),
]


@pytest.mark.parametrize(("before", "after"), PUBLISHED)
def test_published_amounts(before: str, after: str) -> None:
    [step] = inflation.load().steps(Decimal(before), SET, date(2025, 1, 15))
    assert step.amount == Decimal(after)
    later = inflation.load().steps(Decimal(before), SET, date(2026, 12, 31))
    assert [found.amount for found in later] == [Decimal(after)] * 2
    assert later[1].year.multiplier is None


def test_an_adjustment_starts_on_its_day_and_is_never_taken_across_an_unknown_year() -> None:
    table = inflation.load()
    assert table.steps(Decimal(100), SET, date(2025, 1, 14)) == ()
    assert table.steps(Decimal(100), date(2025, 1, 15), date(2025, 12, 31)) == ()
    [step] = table.steps(Decimal(1000), date(2018, 3, 1), date(2019, 6, 1))
    assert step.amount == 1025
    for since, assessed, year in (("2018-01-01", "2025-06-01", 2020), ("2024-01-15", "2027-01-01", 2027)):
        with pytest.raises(FactError, match=f"^assessed_on: the adjustment of {year} ") as caught:
            table.steps(Decimal(100), date.fromisoformat(since), date.fromisoformat(assessed))
        assert caught.value.path == "assessed_on"


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_higher_amount_stays_the_higher(one: int, other: int) -> None:
    low, high = sorted((one, other))
    steps = [inflation.load().steps(Decimal(x), SET, date(2025, 6, 1))[-1].amount for x in (low, high)]
    assert low <= steps[0] <= steps[1]
    assert steps[0] == int(steps[0])


def test_a_wrong_table() -> None:
    text = inflation.TABLE.read_text(encoding="utf-8")
    for old, new, message in (
        ("year = 2019", "year = 2018", "a year starts in another"),
        ("year = 2026\nfrom = 2026", "year = 2025\nfrom = 2025", "not in order, each once"),
        ('multiplier = "1.02522"', 'multiplier = "many"', "'many' is not a number"),
        ('round_to = "1"\n', "", "round_to is missing"),
        ("verified = true", "verified = 1", "verified has the wrong type"),
    ):
        assert old in text
        with pytest.raises(PackError, match=message):
            inflation.parse(text.replace(old, new, 1), "t")


def federal(*, named: str = "us-2015-act", fixed: bool = False) -> Pack:
    """New York's pack with amounts of 2024 that an act adjusts, for one maximum a violation or a decision."""
    text = statute.load("ny-raise").text.replace("2027-01-01", "2024-01-01")
    text = text.replace('value = "1000000"', 'value = "71162"').replace('value = "1000"', 'value = "141"')
    more = f'[[value]]\nkey = "penalty.inflation"\nfrom = 2024-01-01\nvalue = "{named}"\nunit = "text"\n'
    more += 'citation = "28 U.S.C. 2461 note"\nsource = "89 FR 105674"\nverified = true\n'
    if fixed:
        text = text.replace('value = "violation"', 'value = "decision"').replace(
            "penalty.cap_later", "penalty.x"
        )
        text = text.replace('key = "penalty.cap"', 'key = "penalty.fixed"')
    return statute.parse(f"{text}\n{more}", "federal.toml")


FACTS: dict[str, Any] = {
    "regime": "ny-raise",
    "on": "2024-06-01",
    "decided_on": "2024-12-01",
    "assessed_on": "2025-03-01",
    "currency": "USD",
    "inputs": {
        "violations": [
            {"provision": "1422", "severity_percent": "50"},
            {"provision": "1428", "start": "2024-05-01", "end": "2024-05-10"},
        ]
    },
}


def test_the_day_of_assessment_picks_the_adjusted_amounts() -> None:
    pack = federal()
    checking.check(pack)
    with statute.using(pack):
        result = penalties.compute(FACTS)
        assert result.maximum == 73011 + 1450
        assert result.total == Decimal("36505.50") + 1450
        told = [line for line in result.lines if line.operation == "inflate"]
        assert result.as_json()["inflation_digest"] == inflation.load().digest
        assert [(line.operand, line.amount) for line in told] == [("1.02598", 73011), ("1.02598", 145)]
        assert told[0].citation == "OMB M-25-02"
        assert "The adjustment of 2025 (OMB M-25-02) is not verified." in result.warnings
        unadjusted = penalties.compute({**FACTS, "assessed_on": "2025-01-14"})
        assert unadjusted.maximum == 71162 + 1410
        # without a day of assessment, that of the decision
        decided = penalties.compute({**FACTS, "assessed_on": None})
        assert decided.maximum == unadjusted.maximum
        year = penalties.compute({**FACTS, "assessed_on": "2026-06-01"})
        assert year.maximum == result.maximum
        assert [line.how for line in year.lines if line.operand == "none"] == ["No adjustment in 2026"] * 2
        with pytest.raises(FactError, match="assessed_on: the adjustment of 2027"):
            penalties.compute({**FACTS, "assessed_on": "2027-06-01"})


def test_one_maximum_for_the_decision_is_adjusted_too() -> None:
    violation = FACTS["inputs"]["violations"][:1]
    with statute.using(federal(fixed=True)):
        assert penalties.compute({**FACTS, "inputs": {"violations": violation}}).maximum == 73011


def test_a_table_that_does_not_exist() -> None:
    with statute.using(federal(named="uk")), pytest.raises(PackError, match="names no table for USD: uk"):
        penalties.compute(FACTS)

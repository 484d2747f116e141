"""A regime as a person reads it, on pages and on the command line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from click.testing import CliRunner

from portal.law import cli, explained, statute
from portal.law.explained import explain


def words(pack: str, *arguments: str) -> str:
    answer = CliRunner().invoke(cli.law, ["explain", pack, *arguments])
    assert answer.exit_code == 0, answer.output
    return " ".join(answer.output.split())


@pytest.mark.parametrize("regime", statute.REGIMES)
def test_every_value_of_a_regime_is_read_with_its_citation(regime: str) -> None:
    pack, text = statute.load(regime), words(regime)
    for value in pack.values:
        assert explained.said(value) in text, value.key
        assert value.citation in text, value.key
    for row in (*pack.duties, *pack.clocks, *pack.periodic):
        assert row["label"] in text
    for reading in pack.readings.values():
        assert all(" ".join(option.label.split()) in text for option in reading.options)
        assert f"adopted {reading.option(reading.adopted).label}" in text
    assert pack.digest in text
    assert "not legal advice" in text


@pytest.mark.parametrize("regime", statute.REGIMES)
def test_a_value_that_is_not_verified_says_so(regime: str) -> None:
    found = explain(statute.load(regime))
    text = words(regime)
    rows = (*found.thresholds, *found.duties, *found.penalties)
    assert text.count("NOT VERIFIED") == sum(not row.verified for row in rows) >= found.unverified
    assert f"{found.unverified} values not verified" in text


def test_some_regime_has_unverified_values() -> None:
    assert any(explain(pack).unverified for pack in statute.regimes())


def test_on_a_day_only_what_applies_then() -> None:
    before = words("eu-ai-act", "--on", "2026-08-01")
    assert "in force" in before
    assert "EUR 15,000,000.00" not in before
    assert "EUR 15,000,000.00" in words("eu-ai-act", "--on", "2026-08-02")
    early = words("ny-raise", "--on", "2026-12-31")
    assert "On 2026-12-31 not in force" in early
    assert "Penalties nothing on that day" in early


def test_power_to_penalise_begins_apart_from_the_law() -> None:
    found = explain(statute.load("eu-ai-act"))
    assert (found.pack.starts, found.penalised_from) == (date(2025, 8, 2), date(2026, 8, 2))


def test_an_unknown_regime_and_a_wrong_day_are_refused() -> None:
    answer = CliRunner().invoke(cli.law, ["explain", "mars"])
    assert answer.exit_code == 2
    assert "Regime 'mars' is not known" in answer.output
    assert CliRunner().invoke(cli.law, ["explain", "ca-tfaia", "--on", "soon"]).exit_code == 2


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (Decimal("3.8e25"), "FLOP", "3.8 × 10^25 FLOP"),
        (Decimal("1e26"), "FLOP", "10^26 FLOP"),
        (Decimal("1000"), "USD", "USD 1,000.00"),
        (1, "months", "1 month"),
        (5, "business days", "5 business days"),
        (Decimal("0.5"), "percent", "0.5 %"),
        (("intentional", "negligent"), "list", "intentional, negligent"),
        ("average_of_fiscal_year", "text", "average of fiscal year"),
    ],
)
def test_a_value_in_words(value: Decimal | int | str | tuple[str, ...], unit: str, said: str) -> None:
    day = date(2026, 1, 1)
    one = statute.Value("k", day, None, value, unit, "c", "s", "enacted", verified=True)
    assert explained.said(one) == said


def test_a_regime_without_duties_says_nothing_there() -> None:
    found = explain(statute.load("office"))
    bare = explained.Explained(found.pack, (), (), (), found.penalised_from, ())
    assert "Duties\n  nothing\n" in explained.as_text(bare)

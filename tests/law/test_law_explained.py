"""A regime as a person reads it, on pages and on the command line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from click.testing import CliRunner

from portal.law import cli, explained, explained_words, methods, risk, statute
from portal.law.explained import explain

REGIMES = [pack.id for pack in statute.regimes()]


def words(pack: str, *arguments: str) -> str:
    answer = CliRunner().invoke(cli.law, ["explain", pack, *arguments])
    assert answer.exit_code == 0, answer.output
    return " ".join(answer.output.split())


@pytest.mark.parametrize("regime", REGIMES)
def test_every_value_of_a_regime_is_read_with_its_citation(regime: str) -> None:
    pack, text = statute.load(regime), words(regime)
    for value in pack.values:
        assert explained_words.said(value) in text, value.key
        assert value.citation in text, value.key
    for row in (*pack.duties, *pack.clocks, *pack.periodic):
        assert row["label"] in text
    for reading in pack.readings.values():
        assert all(" ".join(option.label.split()) in text for option in reading.options)
        assert f"adopted {reading.option(reading.adopted).label}" in text
    assert pack.digest in text
    assert "not legal advice" in text


@pytest.mark.parametrize("regime", REGIMES)
def test_a_value_that_is_not_verified_says_so(regime: str) -> None:
    found = explain(statute.load(regime))
    text = words(regime)
    rows = (*found.thresholds, *found.duties, *found.penalties)
    marked = sum(not one.verified for one in (*rows, *found.readings))
    calendar = text.count("(calendar not verified)")
    assert text.count("NOT VERIFIED") == marked
    assert marked + calendar >= found.unverified
    assert f"{found.unverified} of {found.stated} values, readings and calendars not verified" in text


def test_some_regime_has_unverified_values() -> None:
    assert any(explain(pack).unverified for pack in statute.regimes())


def test_on_a_day_only_what_applies_then() -> None:
    before = words("eu-ai-act", "--on", "2026-08-01")
    assert "in force" in before
    assert "EUR 15,000,000.00" not in before
    assert "EUR 15,000,000.00" in words("eu-ai-act", "--on", "2026-08-02")
    early = words("ny-raise", "--on", "2026-12-31")
    assert "On 2026-12-31 not in force" in early
    assert "PENALTIES nothing on that day" in early


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
    assert explained_words.said(one) == said


def test_a_regime_without_duties_says_nothing_there() -> None:
    found = explain(statute.load("office"))
    bare = explained.Explained(found.pack, (), (), (), found.penalised_from, ())
    assert "DUTIES AND CLOCKS\n  nothing\n" in explained.as_text(bare)


@pytest.mark.parametrize("pack", [*REGIMES, "office"])
@pytest.mark.parametrize("on", [(), ("--on", "2026-08-02")])
def test_it_fits_into_a_terminal_of_80_columns(pack: str, on: tuple[str, ...]) -> None:
    printed = CliRunner().invoke(cli.law, ["explain", pack, *on]).output
    assert [line for line in printed.splitlines() if len(line) > 79 or line != line.rstrip()] == []


def test_who_is_covered_is_a_condition_with_the_figures_of_the_day() -> None:
    on = date(2027, 10, 1)
    assert explain(statute.load("aaif-proposal")).covered(on) == (
        (
            "developer",
            "training compute over 10^25 FLOP and (yearly AI-derived revenue over USD 500,000,000.00 or "
            "yearly AI research and development over USD 1,000,000,000.00)",
        ),
    )
    assert (
        explain(statute.load("eu-ai-act")).covered(on)[0][1].startswith("designation by the Commission or ")
    )
    large = explain(statute.load("ca-tfaia")).covered(on)[1]
    assert large[1].startswith(
        "frontier developer and gross revenue with affiliates, preceding calendar year "
    )
    assert explain(statute.load("office")).covered(on) == ()


@pytest.mark.parametrize("pack", [*REGIMES, "office"])
def test_no_event_and_no_key_is_shown_as_code(pack: str) -> None:
    found = explain(statute.load(pack))
    for row in (*found.thresholds, *found.duties, *found.penalties):
        assert "_" not in f"{row.label}{row.said}{row.when}{row.to}"
    for row in found.duties:
        assert row.when.partition(" ")[0] in ("from", "before", "on", "of", "")
        assert row.when or row.said.startswith(("by ", "before ", "from ", "with ")), row


def test_every_event_of_a_pack_has_words() -> None:
    for pack in statute.packs():
        for row in (*pack.clocks, *pack.periodic, *pack.duties):
            code = str(row.get("trigger") or row["after"])
            assert explained_words.event(code) != code.replace("_", " "), f"{pack.id}: {code}"
    assert explained_words.event("moon_risen") == "moon risen"


def test_a_duty_without_a_period_says_on_what_it_falls() -> None:
    duties = explain(statute.load("ca-tfaia")).duties
    report = next(row for row in duties if row.label == "Publish the transparency report")
    assert (report.said, report.when) == ("before or with deployment", "on deploying the model")
    before = next(row for row in explain(statute.load("eu-ai-act")).duties if row.when.startswith("before"))
    assert before.said == "2 weeks"


def test_figures_of_days_stand_in_the_order_of_days() -> None:
    rows = explain(statute.load("office")).thresholds
    days = [row.label for row in rows if row.label.startswith("Duration")]
    assert days == [f"Duration, from day {day} on" for day in (1, 8, 15, 31, 91)]
    assert rows[0].label == "Severity “low”, share of the maximum"


def test_penalties_begin_with_the_maximum_and_end_with_the_method() -> None:
    rows = [row.label for row in explain(statute.load("eu-ai-act")).penalties]
    assert rows[:2] == ["Maximum, fixed amount", "Maximum, share of turnover"]
    assert rows[-1] == "Method of reaching an amount"


def test_each_row_names_its_source_by_number() -> None:
    found = explain(statute.load("eu-ai-act"))
    text = explained.as_text(found)
    assert f"[1] {found.sources[0]}" in text
    assert "EU AI Act Art. 51(2) [1]; since 2025-08-02; enacted" in text
    assert len(set(found.sources)) == len(found.sources) > 1


CHANGED = """
[[value]]
key = "penalty.fixed"
from = 2026-08-02
to = 2027-12-31
value = "15000000"
"""


def test_a_value_that_changed_shows_old_and_new_with_dates() -> None:
    shipped = statute.load("eu-ai-act").text
    start = shipped.index('[[value]]\nkey = "penalty.fixed"')
    rest = shipped[start:].partition('value = "15000000"')[2]
    row = rest.partition("[[")[0]
    after = '\n[[value]]\nkey = "penalty.fixed"\nfrom = 2028-01-01\nvalue = "20000000"'
    text = f"{shipped[:start]}{CHANGED.lstrip().rstrip()}{row}{after}{rest}"
    found = explain(statute.parse(text, "changed"))
    ((label, old, new),) = [(one.label, one.old, one.new) for one in found.changed]
    assert (label, old.said, new.said) == ("Maximum, fixed amount", "EUR 15,000,000.00", "EUR 20,000,000.00")
    assert (old.valid_to, new.valid_from) == (date(2027, 12, 31), date(2028, 1, 1))
    told = " ".join(explained.as_text(found).split())
    assert "WHAT CHANGED Maximum, fixed amount until 2027-12-31: EUR 15,000,000.00; from 2028-01-01: " in told
    assert "since 2026-08-02 to 2027-12-31; enacted" in told
    assert explain(statute.load("eu-ai-act")).changed == ()
    assert "WHAT CHANGED" not in words("eu-ai-act")


def row_of(regime: str, words: str) -> explained.Row:
    return next(row for row in explain(statute.load(regime)).duties if words in row.label)


def test_a_duty_says_what_it_runs_from_and_says_it_once() -> None:
    aware = "from becoming aware that the model was involved"
    assert row_of("eu-ai-act", "First report: death").when == aware
    within = row_of("eu-ai-act", "lighter evaluation: unless an update is planned")
    assert (within.said, within.when) == ("within 1 month", "of the day it falls due")
    report = row_of("eu-ai-act", "File the model report")
    assert (report.said, report.when) == ("by placing on the market", "")


def test_what_is_no_law_is_not_called_enacted() -> None:
    pack = statute.load("eu-ai-act")
    for row in (*explain(pack).thresholds, *explain(pack).duties):
        assert (row.status == "enacted") is row.citation.startswith("EU AI Act"), row
    assert {row["duty"] for row in (*pack.duties, *pack.periodic) if "breach" in row} == {"notify.threshold"}
    found = {method.id: method.status for method in methods.methods()}
    guidance = {"edpb-2023", "ico-2024", "ec-2006", "nl-2019"}
    assert {name for name, status in found.items() if status == "guidance"} == guidance
    assert [one.status for one in risk.taxonomies() if one.id == "eu-code-2025"] == ["code of practice"]


@pytest.mark.parametrize("regime", REGIMES)
def test_readings_and_calendars_count_as_what_is_verified_or_not(regime: str) -> None:
    pack = statute.load(regime)
    found = explain(pack)
    values = sum(not value.verified for value in pack.values)
    values += sum(not row["verified"] for row in pack.duties if "value" not in row)
    memory = [reading for reading in found.readings if "from memory" in reading.citation]
    assert not any(reading.verified for reading in memory)
    assert found.unverified == values + len(memory) + (not pack.calendar["verified"])
    assert found.stated >= len(pack.values) + len(found.readings) + 1
    assert words(regime).count("NOT VERIFIED") >= len(memory)
    told = CliRunner().invoke(cli.law, ["check"]).output
    assert f"{pack.path}: {found.stated} values, readings and calendars, {found.unverified} not" in told

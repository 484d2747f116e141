"""Coverage under each reading, what is assumed, and estimates held against published values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench import coverage as bench
from portal.law import accelerators, compute, coverage, penalties, statute
from portal.law.facts import FactError, Facts, LawError
from portal.law.packs import PackError


def assess(regime: str, **model: Any) -> dict[str, Any]:
    facts = {"on": "2027-10-01", "regimes": [regime], "model": model}
    result: dict[str, Any] = coverage.assess(facts).as_json()
    return result


def readings(found: dict[str, Any], regime: str) -> dict[str, dict[str, Any]]:
    return {reading["name"]: reading for reading in found["regimes"][regime]["readings"]}


def test_the_proposal_under_each_reading() -> None:
    figures = {"period_start": "2026-01-01", "period_end": "2026-12-31", "currency": "USD"}
    facts = {
        "on": "2027-10-01",
        "regimes": ["aaif-proposal"],
        "model": {"training_flop": "1e24"},
        "organisation": {"ai_revenue": {"amount": "600000000", **figures}},
    }
    found = coverage.assess(facts).as_json()
    assert found["regimes"]["aaif-proposal"]["covered"] == "no"
    both = readings(found, "aaif-proposal")
    assert both["compute and money"]["covered"] == "no"
    assert both["any one"]["covered"] == "yes"
    assert both["any one"]["wording"] == "would be covered (proposed)"
    assert [both[name]["adopted"] for name in ("compute and money", "any one")] == [True, False]
    adopted = both["compute and money"]
    assert adopted["adopted_by"].startswith("Default shipped")
    assert adopted["adopted_on"] == "2026-11-02"
    assert adopted["adopted_because"]
    assert "large" not in adopted


def test_another_adopted_reading_decides() -> None:
    text = statute.load("aaif-proposal").text
    other = statute.parse(text.replace('adopted = "compute and money"', 'adopted = "any one"'), "x")
    with statute.using(other):
        assert assess("aaif-proposal", training_flop="3e25")["regimes"]["aaif-proposal"]["covered"] == "yes"
    assert assess("aaif-proposal", training_flop="3e25")["regimes"]["aaif-proposal"]["covered"] == "unknown"


def test_a_modification_alone_or_with_the_original() -> None:
    found = assess("ca-tfaia", base_model_flop="0.9e26", modifier_flop="0.2e26")
    both = readings(found, "ca-tfaia")
    assert found["regimes"]["ca-tfaia"]["covered"] == both["own compute"]["covered"] == "no"
    other = both["with the original"]
    assert (other["covered"], other["large"]) == ("yes", "unknown")
    (reason,) = other["because"]
    assert reason["working"][-1] == "= 1.1e26 FLOP with the original"
    assert [row["rule"] for row in found["regimes"]["ca-tfaia"]["because"]] == [
        "compute",
        "gross_revenue",
        "territory",
    ]
    without = readings(assess("ca-tfaia", modifier_flop="0.2e26"), "ca-tfaia")["with the original"]
    assert without["covered"] == "unknown"
    led = readings(assess("ca-tfaia", training_flop="0.9e26", modifier_flop="0.2e26"), "ca-tfaia")
    assert led["with the original"]["covered"] == "yes"
    plain = readings(assess("ca-tfaia", training_flop="2e26"), "ca-tfaia")
    assert {reading["covered"] for reading in plain.values()} == {"yes"}


def test_no_reading_before_the_law() -> None:
    facts = {"on": "2025-01-01", "regimes": ["ca-tfaia"], "model": {"training_flop": "2e26"}}
    assert coverage.assess(facts).regimes["ca-tfaia"].readings == ()


@pytest.mark.parametrize(
    ("rebuttal", "message"),
    [
        ({"status": "pending"}, "model.rebuttals[0].regime: the value is missing"),
        ({"regime": "eu-ai-act"}, "model.rebuttals[0].status: the value is missing"),
        ({"regime": "eu-ai-act", "status": "lost"}, "model.rebuttals[0].status: 'lost'"),
        ({"regime": "eu-ai-act", "why": "x"}, "model.rebuttals[0].why: unknown key"),
    ],
)
def test_wrong_rebuttals(rebuttal: dict[str, str], message: str) -> None:
    with pytest.raises(FactError) as caught:
        assess("eu-ai-act", training_flop="3e25", rebuttals=[rebuttal])
    assert message in str(caught.value)


def test_what_is_assumed_is_said() -> None:
    chip = {"name": "NVIDIA H100 SXM5 80GB", "count": "1000", "hours": "100"}
    found = assess("eu-ai-act", parameters="7e9", tokens="1e12", chips=[chip])["training_flop"]
    assert found["method"] == "6ND"
    assert [estimate["method"] for estimate in found["estimates"]] == ["6ND", "chips"]
    six, chips = found["estimates"]
    assert (six["value"], six["low"], six["high"]) == ("4.2e22", "2.1e22", "8.4e22")
    assert Decimal(chips["low"]) < Decimal(chips["value"]) < Decimal(chips["high"])
    assert "not verified" in six["working"][-1]
    note = "(Practice note 1, section 3: error of estimates, not verified)"
    assert found["assumed"] == [
        f"6ND is within a factor of 2 of what was used {note}",
        f"chips is within a factor of 2 of what was used {note}",
        "utilisation of NVIDIA H100 SXM5 80GB is 0.3 (0.2 to 0.6, not verified)",
    ]
    assert found["accelerators_digest"].startswith("sha256:")
    given = assess("eu-ai-act", training_flop="1e24")["training_flop"]
    assert given["assumed"] == given["estimates"][0]["assumed"] == []
    interval = assess("eu-ai-act", training_flop={"low": "1", "high": "2"})["training_flop"]
    assert interval["estimates"][0]["value"] is None


def test_additions_keep_what_was_assumed() -> None:
    model = {"parameters": "7e9", "tokens": "1e12", "fine_tuning_flop": "1e21"}
    lead = compute.read(Facts(model, "model", compute.MODEL_KEYS)).leading
    assert lead is not None
    assert lead.assumed
    assert lead.working[-1] == "= 4.3e22 FLOP in all"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    path = bench.MODELS
    if not path.exists():
        pytest.skip(f"no {path}")
    return bench.read(path)


def test_six_nd_against_published_values(shared: Path, rows: list[dict[str, str]]) -> None:
    found = bench.by_operations(rows)
    assert len(found) >= 150
    assert sum(one.near for one in found) >= 0.8 * len(found)
    assert all(bench.reason(one) for one in found if not one.near)


def test_chips_against_published_values(shared: Path, rows: list[dict[str, str]]) -> None:
    found = bench.by_chips(rows)
    assert len(found) >= 150
    assert sum(one.near for one in found) >= 0.7 * len(found)
    assert all(bench.reason(one) for one in found if not one.near)


def test_published_values_stand_as_they_are(shared: Path, rows: list[dict[str, str]]) -> None:
    found = bench.sides(rows)
    for line, answers in found.items():
        above = sum(Decimal(row[bench.PUBLISHED]) > Decimal(line) for row in rows)
        assert answers == {"yes": above, "no": len(rows) - above}
    assert (found["1e25"]["yes"], found["1e26"]["yes"]) == (16, 2)


def test_the_bench_prints_its_table(
    shared: Path, rows: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main() == 0
    printed = capsys.readouterr().out
    assert "6ND: 127 of 155" in printed
    assert "mixture of experts" in printed
    assert "Assumed, not verified" in printed


TWO: dict[str, Any] = {
    "regime": "eu-ai-act",
    "on": "2027-09-01",
    "decided_on": "2027-10-01",
    "currency": "EUR",
    "revenue": [{"entity": "undertaking", "amount": "1000000000"}],
    "inputs": {
        "violations": [
            {"provision": "101(1)(a)", "severity_percent": "60", "fault": "negligent"},
            {"provision": "101(1)(b)", "severity_percent": "80", "fault": "negligent"},
        ]
    },
}


def test_one_maximum_for_a_decision_is_a_reading_with_the_other_outcome_beside_it() -> None:
    result = penalties.compute(TWO)
    found = {one.name: one for one in result.readings if one.question.startswith("Is there one maximum")}
    assert (result.maximum, result.total) == (Decimal(30_000_000), Decimal(30_000_000))
    assert (found["decision"].maximum, found["decision"].total) == (result.maximum, result.total)
    assert (found["violation"].maximum, found["violation"].total) == (
        Decimal(60_000_000),
        Decimal(42_000_000),
    )
    assert [one.adopted for one in found.values()] == [True, False]
    alone = {**TWO, "inputs": {"violations": TWO["inputs"]["violations"][:1]}}
    assert not any(one.question.startswith("Is there one") for one in penalties.compute(alone).readings)


def test_the_other_reading_can_be_adopted() -> None:
    text = statute.load("eu-ai-act").text.replace('adopted = "decision"', 'adopted = "violation"')
    with statute.using(statute.parse(text, "changed")):
        assert penalties.compute(TWO).total == Decimal(42_000_000)
        with pytest.raises(LawError, match="no violation is stated"):
            penalties.compute({**TWO, "method": "nl-2019", "inputs": {"category": "II"}})
        with pytest.raises(LawError, match="each with its own maximum"):
            penalties.compute({**TWO, "method": "nl-2019", "inputs": {"category": "II", **TWO["inputs"]}})


CHIPS = {"chips": [{"name": "NVIDIA H100 SXM5 80GB", "count": 8, "hours": "100", "utilisation": "0.4"}]}


def test_an_estimate_is_worked_out_again_from_the_table_that_it_used() -> None:
    before = assess("eu-ai-act", **CHIPS)["training_flop"]
    text = accelerators.TABLE.read_text(encoding="utf-8")
    other = accelerators.parse(text.replace('chips_factor = "', 'chips_factor = "1', 1))
    with accelerators.using(other):
        after = assess("eu-ai-act", **CHIPS)["training_flop"]
        assert after["accelerators_digest"] == other.digest != before["accelerators_digest"]
        assert after["high"] != before["high"]
        with accelerators.using(accelerators.version(before["accelerators_digest"])):
            assert assess("eu-ai-act", **CHIPS)["training_flop"] == before
    changed = text.replace('chips_factor = "', 'chips_factor = "1', 1)
    assert accelerators.version(other.digest, {other.digest: changed}) == other
    with pytest.raises(statute.UnknownVersion, match="Bring the text"):
        accelerators.version(other.digest)
    with pytest.raises(PackError, match="it was changed"):
        accelerators.version(other.digest, {other.digest: text})


def test_a_table_that_an_earlier_release_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = accelerators.TABLE.read_text(encoding="utf-8") + "\n# as it was\n"
    accelerators.load()
    (tmp_path / "past").mkdir()
    (tmp_path / "past" / "accelerators-2026.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(accelerators, "TABLE", tmp_path / "accelerators.toml")
    accelerators._past.cache_clear()
    try:
        wanted = accelerators.parse(text).digest
        assert accelerators.version(wanted).digest == wanted
    finally:
        accelerators._past.cache_clear()

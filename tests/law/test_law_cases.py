"""Tables of cases: ours in TOML, and the published ones where the folder of real inputs is at hand."""

from __future__ import annotations

import csv
import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portal.law import accelerators, coverage, penalties

CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[Any]:
    found = tomllib.loads((CASES / name).read_text(encoding="utf-8"))["case"]
    return [pytest.param(case, id=case["name"]) for case in found]


PUBLISHED = [case for name in ("eu", "us", "regimes") for case in cases(f"published-{name}.toml")]


@pytest.mark.parametrize("case", cases("coverage.toml"))
def test_coverage_case(case: dict[str, Any]) -> None:
    result = coverage.assess(case["facts"]).as_json()["regimes"]
    assert {name: result[name]["covered"] for name in case["expect"]} == case["expect"]
    for name, large in case.get("expect_large", {}).items():
        assert result[name]["large"] == large
    first = result[next(iter(case["expect"]))]
    assert case.get("wording", first["wording"]) == first["wording"]
    assert set(case.get("missing", ())) <= set(first["missing"])
    assert case.get("flags", len(first["flags"])) == len(first["flags"])


@pytest.mark.parametrize("case", [*cases("penalty.toml"), *cases("methods.toml"), *PUBLISHED])
def test_penalty_case(case: dict[str, Any]) -> None:
    result = penalties.compute(case["facts"]).as_json()
    wanted = {key: None if value == "none" else value for key, value in case["expect"].items()}
    assert {key: result[key] for key in wanted} == wanted
    readings = {reading["name"]: reading["total"] for reading in result["readings"]}
    assert {name: readings[name] for name in case.get("readings", {})} == case.get("readings", {})
    assert case.get("lines", len(result["lines"])) == len(result["lines"])
    assert case.get("warnings", len(result["warnings"])) == len(result["warnings"])
    assert any(case.get("warned", "") in warning for warning in [*result["warnings"], ""])


def test_the_worked_case_says_each_step() -> None:
    case = tomllib.loads((CASES / "penalty.toml").read_text(encoding="utf-8"))["case"][0]
    lines = penalties.compute(case["facts"]).lines
    assert [line.amount for line in lines] == [
        None,
        None,
        Decimal("477580260.02"),
        Decimal("14327407.80"),
        Decimal(15_000_000),
        Decimal(3_000_000),
        Decimal(450_000),
        Decimal(600_000),
        Decimal(-300_000),
        Decimal(0),
        Decimal(0),
        Decimal(3_750_000),
    ]
    assert lines[6].label == "Duration, 19 days: + 15 %"
    assert lines[8].how == "10 % of 3,000,000.00"
    assert lines[5].status == "office method"
    assert lines[4].how == "The higher of line 4 and 15,000,000.00"


def test_published_coverage_cases(shared: Path) -> None:
    published = json.loads((shared / "data/coverage_examples/cases.json").read_text())
    assert published
    for case in published:
        result = coverage.assess(case["facts"]).as_json()["regimes"]
        got = {name: result[name]["covered"] for name in case["expect"]}
        assert got == case["expect"], case["id"]
        large = {name: result[name]["large"] for name in case.get("expect_large", {})}
        assert large == case.get("expect_large", {}), case["id"]


def test_published_penalty_cases(shared: Path) -> None:
    paths = sorted((shared / "data/penalty_examples").glob("*.json"))
    assert len(paths) >= 11
    for path in paths:
        case = json.loads(path.read_text())
        result = penalties.compute(case["facts"]).as_json()
        assert {key: result[key] for key in case["expect"]} == case["expect"], case["id"]


COLUMNS = {
    "fp64": "FP64 (double precision) performance (FLOP/s)",
    "fp32": "FP32 (single precision) performance (FLOP/s)",
    "fp16": "FP16 (half precision) performance (FLOP/s)",
    "tf32": "TF32 (TensorFloat-32) performance (FLOP/s)",
    "tensor_fp16_bf16": "Tensor-FP16/BF16 performance (FLOP/s)",
    "fp8": "FP8 performance (FLOP/s)",
    "fp4": "FP4 performance (FLOP/s)",
    "int8": "INT8 performance (OP/s)",
}


def test_accelerators_agree_with_their_source(shared: Path) -> None:
    with (shared / "data/compute/epoch_ml_hardware.csv").open(encoding="utf-8") as file:
        rows = {row["Hardware name"]: row for row in csv.DictReader(file)}
    chips = accelerators.load().chips
    assert len(chips) >= 25
    for chip in chips.values():
        for form, peak in chip.peak.items():
            assert Decimal(rows[chip.name][COLUMNS[form]]) == peak, (chip.name, form)


def test_estimates_against_published_compute(shared: Path) -> None:
    """6ND is within its stated error of the published value for most language models with the inputs."""
    with (shared / "data/compute/epoch_models_half_a.csv").open(encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["Parameters"]
            and row["Training dataset size (datapoints)"]
            and row["Training compute (FLOP)"]
            and "Language" in row["Domain"]
            and not row["Base model"]
            and "Operation counting" in row["Training compute estimation method"]
        ]
    near = 0
    for row in rows:
        model = {"parameters": row["Parameters"], "tokens": row["Training dataset size (datapoints)"]}
        if row["Epochs"]:
            model["epochs"] = row["Epochs"]
        lead = coverage.assess({"on": "2027-10-01", "model": model}).training_flop.leading
        assert lead is not None
        near += lead.low <= Decimal(row["Training compute (FLOP)"]) <= lead.high
    assert len(rows) > 20
    assert near / len(rows) >= 0.8, f"{near} of {len(rows)}"

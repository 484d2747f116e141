"""Estimates of training compute against published values: how many come near, and why others do not.

Reads Epoch AI's table of models (CC BY 4.0) where the folder of real inputs lies beside the checkout:

    python -m bench.coverage [PATH]
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from portal.law import accelerators, coverage
from portal.law.compute import Compute, Estimate, scientific

MODELS = Path(__file__).parents[2] / "shared/data/compute/epoch_models_half_a.csv"
FACTOR = 2
PUBLISHED, SIZE, TOKENS = "Training compute (FLOP)", "Parameters", "Training dataset size (datapoints)"
HARDWARE, COUNT, HOURS, CHIP_HOURS = (
    "Training hardware",
    "Hardware quantity",
    "Training time (hours)",
    "Training chip-hours",
)
USE, METHOD = "Hardware utilization (MFU)", "Training compute estimation method"
FORMATS = {
    "FP32": "fp32",
    "TF32": "tf32",
    "FP16": "tensor_fp16_bf16",
    "BF16": "tensor_fp16_bf16",
    "FP8": "fp8",
}
LINES = ("1e25", "1e26")

Row = Mapping[str, str]


@dataclass(frozen=True)
class Compared:
    """One model: the published value and an estimate of ours, None where the inputs do not allow one."""

    row: Row
    estimate: Estimate | None
    missing: tuple[str, ...] = ()

    @property
    def published(self) -> Decimal:
        return Decimal(self.row[PUBLISHED])

    @property
    def near(self) -> bool:
        """Whether the estimate is within the factor of the published value."""
        value = self.estimate.value if self.estimate else None
        return value is not None and value / FACTOR <= self.published <= value * FACTOR


def read(path: Path) -> list[dict[str, str]]:
    """The rows with a published value."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row[PUBLISHED]]


def counts_operations(row: Row) -> bool:
    """A language model without a base model whose published estimate counts operations, with N and D."""
    return bool(
        "Language" in row["Domain"]
        and not row["Base model"]
        and "Operation counting" in row[METHOD]
        and row[SIZE]
        and row[TOKENS]
    )


def states_chips(row: Row) -> bool:
    """A model whose hardware and hours are stated."""
    return bool(row[HARDWARE] and (row[CHIP_HOURS] or (row[COUNT] and row[HOURS])))


def _compute(model: Mapping[str, object]) -> Compute:
    return coverage.assess({"on": "2026-10-01", "regimes": ["eu-ai-act"], "model": model}).training_flop


def by_operations(rows: Iterable[Row]) -> list[Compared]:
    """6 x N x D for each row that counts operations; the dataset is passed over as often as stated."""
    found = []
    for row in filter(counts_operations, rows):
        model = {"parameters": row[SIZE], "tokens": row[TOKENS]}
        if row["Epochs"]:
            model["epochs"] = row["Epochs"]
        found.append(Compared(row, _compute(model).leading))
    return found


def by_chips(rows: Iterable[Row]) -> list[Compared]:
    """Chips x peak x hours x utilisation for each row that states them."""
    found = []
    for row in filter(states_chips, rows):
        whole = row[COUNT] and row[HOURS]
        count, hours = (row[COUNT], row[HOURS]) if whole else ("1", row[CHIP_HOURS])
        chip = {"name": row[HARDWARE], "count": count, "hours": hours}
        if row[USE]:
            chip["utilisation"] = row[USE]
        form = FORMATS.get(row["Numerical format"].partition(",")[0].strip())
        if form and accelerators.load().peak(chip["name"], form):
            chip["number_format"] = form
        compute = _compute({"chips": [chip]})
        found.append(Compared(row, compute.leading, compute.missing))
    return found


def sides(rows: Iterable[Row]) -> dict[str, Counter[str]]:
    """How many published values, as they stand, are above each line of the law."""
    found: dict[str, Counter[str]] = {line: Counter() for line in LINES}
    for row in rows:
        facts = {"on": "2026-10-01", "model": {"training_flop": row[PUBLISHED]}}
        regimes = coverage.assess({**facts, "regimes": ["eu-ai-act", "ca-tfaia"]}).regimes
        for line, regime in zip(LINES, ("eu-ai-act", "ca-tfaia"), strict=True):
            found[line][regimes[regime].covered] += 1
    return found


def reason(one: Compared) -> str:
    """Why an estimate is far off, as far as the row itself tells."""
    if one.estimate is None or one.estimate.value is None:
        return "no peak in the table: " + one.row[HARDWARE]
    more = one.estimate.value > one.published
    return _operations(one.row, more=more) if one.estimate.method == "6ND" else _chips(one.row, more=more)


def _operations(row: Row, *, more: bool) -> str:
    notes = row["Training compute notes"] + row["Parameters notes"] + row["Model"]
    if more and re.search(r"activ|mixture|MoE|expert|sparse", notes, re.IGNORECASE):
        return "mixture of experts: every parameter counted, the active ones are not stated apart"
    if not more and not row["Epochs"]:
        return "passes over the data not stated, so one is counted"
    return "the data set or its passes are counted another way (batches x steps, subset)"


def _chips(row: Row, *, more: bool) -> str:
    if row["Base model"] and not more:
        return "published value holds the base model's training too"
    if "Hardware" not in row[METHOD]:
        return "published value rests on another method than hardware"
    if more:
        return "slower than the assumed format or utilisation, or not the whole time"
    return "more hardware or time than the row states, or a lower number format than assumed"


def _print(name: str, found: list[Compared], aim: int) -> bool:
    near = sum(one.near for one in found)
    share = 100 * near // len(found)
    print(f"{name}: {near} of {len(found)} within a factor of {FACTOR} ({share} %, aim {aim} %)")
    for one in sorted((one for one in found if not one.near), key=lambda one: one.row["Model"]):
        value = one.estimate.value if one.estimate else None
        ours = scientific(value) if value is not None else "none"
        both = f"published {scientific(one.published):>9} ours {ours:>9}"
        print(f"  {one.row['Model'][:40]:40} {both}  {reason(one)}")
    print()
    return share >= aim


def main(path: Path = MODELS) -> int:
    """Print the tables; 0 when both aims hold."""
    rows = read(path)
    held = [_print("6ND", by_operations(rows), 80), _print("Chips", by_chips(rows), 70)]
    for line, answers in sides(rows).items():
        print(f"Published values against {line}: {answers['yes']} above, {answers['no']} not, of {len(rows)}")
    method = accelerators.load()
    print(f"Assumed, not verified: factors {method.six_nd_factor} and {method.chips_factor},", end=" ")
    print(f"utilisation {method.utilisation[1]} where none is stated.")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))

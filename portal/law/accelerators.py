"""Accelerators: peak operations per second per number format, as facts with their source."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "statute" / "tables" / "accelerators.toml"


@dataclass(frozen=True, slots=True)
class Chip:
    """One accelerator; `peak` is operations per second by number format."""

    name: str
    maker: str
    peak: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Accelerators:
    """The table, with the order of default formats and the errors the office allows for."""

    chips: dict[str, Chip]
    default: tuple[str, ...]
    formats: dict[str, tuple[str, ...]]
    source: str
    six_nd_factor: Decimal
    chips_factor: Decimal
    utilisation: tuple[Decimal, Decimal, Decimal]
    citation: str
    verified: bool
    digest: str

    def peak(self, name: str, number_format: str | None) -> tuple[str, Decimal] | None:
        """The format used and the peak of a chip, None where the table has none; case does not count."""
        wanted = name.casefold()
        chip = self.chips.get(name) or next(
            (c for n, c in self.chips.items() if n.casefold() == wanted), None
        )
        if chip is None:
            return None
        stated = (number_format or "").casefold()
        for form in self.formats.get(stated, (stated,)) if stated else self.default:
            if form in chip.peak:
                return form, chip.peak[form]
        return None


@cache
def load() -> Accelerators:
    """The shipped table, read once."""
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    method = raw["method"]
    low, middle, high = (Decimal(value) for value in method["utilisation"])
    chips = [
        Chip(item["name"], item["maker"], {form: Decimal(peak) for form, peak in item["peak"].items()})
        for item in raw["chip"]
    ]
    return Accelerators(
        chips={chip.name: chip for chip in chips},
        default=tuple(raw["default"]),
        formats={name: tuple(forms) for name, forms in raw["formats"].items()},
        source=raw["source"],
        six_nd_factor=Decimal(method["six_nd_factor"]),
        chips_factor=Decimal(method["chips_factor"]),
        utilisation=(low, middle, high),
        citation=method["citation"],
        verified=method["verified"],
        digest="sha256:" + hashlib.sha256(TABLE.read_bytes()).hexdigest(),
    )

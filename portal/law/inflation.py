"""Amounts that a law adjusts each year: the published multipliers as dated data, each step rounded and shown.

A year without a multiplier is known to have none. A year that the table does not hold is unknown, and no
amount is brought across it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from portal.law.facts import FactError
from portal.law.method_forms import NUMBER, Form
from portal.law.money import exact, exponent, half_up
from portal.law.packs import PackError, check_table, parse_value
from portal.law.statute import digest

TABLE = Path(__file__).parent / "statute" / "tables" / "inflation.toml"
_TABLE: Form = {
    **dict.fromkeys(("id", "name", "unit", "round_to", "citation", "source"), (str, True)),
    "note": (str, False),
    "year": (list, True),
}
_YEAR: Form = {
    "year": (int, True),
    "from": (date, True),
    "multiplier": (NUMBER, False),
    "citation": (str, True),
    "verified": (bool, True),
    "note": (str, False),
}


@dataclass(frozen=True, slots=True)
class Year:
    """One year's adjustment, for what is assessed from a day on; `multiplier` is None where there is none."""

    year: int
    starts: date
    multiplier: Decimal | None
    citation: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One adjustment as applied: the year, and the amount after it."""

    year: Year
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Inflation:
    """The multipliers of one act, oldest first; amounts are in `unit`, rounded to `round_to` at each step."""

    id: str
    unit: str
    round_to: Decimal
    years: tuple[Year, ...]
    digest: str

    def steps(self, amount: Decimal, since: date, assessed: date) -> tuple[Step, ...]:
        """The adjustments of an amount that was set on one day and is assessed on another.

        Raises:
            FactError: naming `assessed_on`, when a year between them is not in the table.
        """
        due = [year for year in self.years if since < year.starts <= assessed]
        held = {year.year for year in self.years}
        lacking = [year for year in range(since.year + 1, assessed.year + 1) if year not in held]
        if lacking:
            why = f"the adjustment of {lacking[0]} under {self.id} is not known"
            raise FactError("assessed_on", why, "Add the published multiplier to the table.")
        found: list[Step] = []
        for year in due:
            if year.multiplier is not None:
                with exact():
                    amount = half_up(amount * year.multiplier, self.round_to)
            found.append(Step(year, amount))
        return tuple(found)


def parse(text: str, path: str) -> Inflation:
    """Read a table of multipliers.

    Raises:
        PackError: for anything that is missing, unknown, of the wrong type or out of order.
    """
    raw = tomllib.loads(text)
    check_table(raw, _TABLE, path)
    exponent(raw["unit"])
    years = []
    for index, item in enumerate(raw["year"]):
        at = f"{path}: year[{index}]"
        check_table(item, _YEAR, at)
        factor = parse_value(item["multiplier"], "times", at) if "multiplier" in item else None
        multiplier = factor if isinstance(factor, Decimal) else None
        years.append(Year(item["year"], item["from"], multiplier, item["citation"], item["verified"]))
    if any(year.starts.year != year.year for year in years):
        raise PackError(f"{path}: a year starts in another.")
    if [year.year for year in years] != sorted({year.year for year in years}):
        raise PackError(f"{path}: the years are not in order, each once.")
    return Inflation(raw["id"], raw["unit"], Decimal(raw["round_to"]), tuple(years), digest(raw))


@cache
def load() -> Inflation:
    """The shipped table, read once."""
    return parse(TABLE.read_text(encoding="utf-8"), TABLE.name)

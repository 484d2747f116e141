"""Which day's amount of the law counts: of the conduct, of the assessment, or adjusted to the assessment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from portal.law import inflation
from portal.law.money import plain
from portal.law.packs import PackError
from portal.law.penalty_part import Part
from portal.law.statute import Pack, Value

INFLATION = "penalty.inflation"


def amount_day(part: Part, pack: Pack, conduct: date) -> date:
    """The day that picks an amount of the law: of the conduct, or of assessment where the pack says so."""
    history = pack.history("penalty.amounts_by")
    if history and pack.value("penalty.amounts_by", conduct).value == "assessed_on":
        return assessed(part)
    return conduct


def assessed(part: Part) -> date:
    """The day of assessment; the day of the decision or of the law where it is not stated."""
    case = part.case
    return case.assessed_on or case.decided_on or case.day


def amount_of(part: Part, pack: Pack, key: str, conduct: date) -> Value:
    """An amount of the law for conduct on a day, adjusted to the assessment where the pack names an act."""
    value = part.sheet.value(pack, key, amount_day(part, pack, conduct))
    if not pack.history(INFLATION):
        return value
    named, table = part.sheet.value(pack, INFLATION, conduct), inflation.load()
    if (named.value, value.unit) != (table.id, table.unit):
        raise PackError(f"{pack.path}: {INFLATION} names no table for {value.unit}: {named.value}.")
    part.sheet.inflation_digest = table.digest
    found = value.number
    for step in table.steps(found, value.valid_from, assessed(part)):
        factor = "none" if step.year.multiplier is None else plain(step.year.multiplier)
        how = f"{part.sheet.money(found)} × {factor}, to the nearest {plain(table.round_to)}"
        if step.year.multiplier is None:
            how = f"No adjustment in {step.year.year}"
        if not step.year.verified:
            part.sheet.warn(f"The adjustment of {step.year.year} ({step.year.citation}) is not verified.")
        label = f"Adjusted for inflation, {step.year.year}"
        part.sheet.add(label, step.year.citation, "inflate", factor, amount=step.amount, how=how)
        found = step.amount
    return replace(value, value=found)

"""Penalties: facts in, ordered and cited lines out, with the amount under every reading of the text.

The regime (a statute pack) gives the maximum, the repeat rule and the readings; the method `share-of-maximum`
is the office's own, and its lines say so. All arithmetic is exact, rounded half up where a line says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.law import penalty_facts, statute
from portal.law.facts import FactError
from portal.law.money import TO_PER_FROM, Money, exact, half_up, plain
from portal.law.penalty_facts import SHARE, NotBuilt, PenaltyFacts, Presented
from portal.law.penalty_lines import Line
from portal.law.penalty_maximum import ALTERNATIVES
from portal.law.penalty_share import BASE, COUNT, FACTORS, SUBSEQUENT, Rules, outcome
from portal.law.statute import Pack, Reading


@dataclass(frozen=True, slots=True)
class Under:
    """The amount under one reading of one question; `name` is the option, `label` its words on screen."""

    question: str
    name: str
    label: str
    why: str
    adopted: bool
    maximum: Decimal
    total: Decimal

    def as_json(self) -> dict[str, Any]:
        """The reading as plain values."""
        return {
            "question": self.question,
            "name": self.name,
            "label": self.label,
            "why": self.why,
            "adopted": self.adopted,
            "maximum": plain(self.maximum),
            "total": plain(self.total),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """A computed penalty. `statute_digest` is the regime's pack (the office's where no regime applies)."""

    regime: str | None
    method: str
    currency: str
    maximum: Decimal
    total: Decimal
    converted: Money | None
    lines: tuple[Line, ...]
    readings: tuple[Under, ...]
    warnings: tuple[str, ...]
    words: Mapping[str, str]
    penalised_by: str
    statute_digest: str
    office_digest: str

    def as_json(self) -> dict[str, Any]:
        """The result in the published form."""
        found: dict[str, Any] = {
            "regime": self.regime,
            "method": self.method,
            "currency": self.currency,
            "maximum": plain(self.maximum),
            "total": plain(self.total),
            "lines": [line.as_json() for line in self.lines],
            "readings": [reading.as_json() for reading in self.readings],
            "warnings": list(self.warnings),
            "words": dict(self.words),
            "penalised_by": self.penalised_by,
            "statute_digest": self.statute_digest,
            "office_digest": self.office_digest,
        }
        if self.converted is not None:
            found["converted"] = plain(self.converted.amount)
            found["converted_currency"] = self.converted.currency
        return found


def compute(facts: Mapping[str, Any]) -> Result:
    """Compute a penalty from facts in the published form.

    Raises:
        FactError: for an unknown key, or a value that is missing or wrong, naming its path.
        NotBuilt: for a method or regime without a calculation.
        NotInForce: when the conduct was before the law.
    """
    case = penalty_facts.read(facts)
    pack, office = _pack(case), statute.load(statute.OFFICE)
    asked = _asked(case, pack, office)
    choices = {reading.key: reading.adopted for reading in asked}
    if case.base is not None:
        choices[BASE] = case.base
    with exact():
        main = outcome(case, Rules(pack, office, choices))
        readings = [
            _under(case, Rules(pack, office, choices), reading, option.name)
            for reading in asked
            for option in reading.options
        ]
        converted = _converted(main.total, case.currency, case.presented)
    return Result(
        regime=pack.id if pack else None,
        method=SHARE,
        currency=case.currency,
        maximum=main.maximum,
        total=main.total,
        converted=converted,
        lines=tuple(main.sheet.lines),
        readings=tuple(readings),
        warnings=tuple(main.sheet.warnings),
        words=(pack or office).labels,
        penalised_by=(pack or office).authorities["penalises"],
        statute_digest=(pack or office).digest,
        office_digest=office.digest,
    )


def _pack(case: PenaltyFacts) -> Pack | None:
    if case.regime is None:
        return None
    pack = statute.load(case.regime)
    if not pack.history("penalty.maximum_per"):
        raise NotBuilt(f"a penalty under {pack.id}")
    key = "penalty.fixed" if pack.history("penalty.fixed") else "penalty.cap"
    unit = pack.history(key)[0].unit
    if case.currency != unit:
        raise FactError(
            "currency", f"{pack.id} states its maximum in {unit}", f"Use {unit}, and present_in for others."
        )
    return pack


def _asked(case: PenaltyFacts, pack: Pack | None, office: Pack) -> list[Reading]:
    """The questions of reading that these facts raise; one that changes nothing is not printed."""
    readings = dict(pack.readings) if pack else {}
    entities = {figure.entity for figure in case.revenue}
    asked = []
    if BASE in readings and entities.issuperset(ALTERNATIVES):
        asked.append(readings[BASE])
    if COUNT in readings and any(violation.items > 1 for violation in case.violations):
        asked.append(readings[COUNT])
    if SUBSEQUENT in readings:
        asked.append(readings[SUBSEQUENT])
    if case.factors:
        asked.append(office.readings[FACTORS])
    return asked


def _under(case: PenaltyFacts, rules: Rules, reading: Reading, name: str) -> Under:
    choices = {**rules.choices, reading.key: name}
    found = outcome(case, Rules(rules.pack, rules.office, choices))
    option = reading.option(name)
    return Under(
        question=reading.question,
        name=option.name,
        label=option.label,
        why=option.why,
        adopted=rules.choices[reading.key] == name,
        maximum=found.maximum,
        total=found.total,
    )


def _converted(total: Decimal, currency: str, presented: Presented | None) -> Money | None:
    if presented is None:
        return None
    if presented.round_to is None:
        return Money(total, currency).converted(presented.currency, presented.rate, presented.quote)
    rate = presented.rate if presented.quote == TO_PER_FROM else 1 / presented.rate
    return Money(half_up(total * rate, presented.round_to), presented.currency)


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry for a form: a code, its words, and the office's percentage if any."""

    code: str
    label: str
    percent: Decimal | None
    citation: str


def gravity_levels(on: date) -> tuple[Choice, ...]:
    """The office's levels of gravity with the share of the maximum each stands for."""
    office = statute.load(statute.OFFICE)
    found = []
    for row in office.gravity:
        value = office.value(row["value"], on)
        found.append(Choice(row["level"], row["label"], value.number, value.citation))
    return tuple(found)


def factor_codes(on: date) -> tuple[Choice, ...]:
    """The office's factors; `percent` is None where the worksheet or the days of the breach give it."""
    office = statute.load(statute.OFFICE)
    return tuple(
        Choice(
            row["code"],
            row["label"],
            office.value(row["value"], on).number if "value" in row else None,
            row["citation"],
        )
        for row in office.factors
    )


def provisions(regime: str) -> tuple[Choice, ...]:
    """The provisions of a regime that a worksheet can allege."""
    return tuple(
        Choice(row["code"], row["label"], None, row["citation"]) for row in statute.load(regime).provisions
    )

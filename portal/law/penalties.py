"""Penalties: facts in, ordered and cited lines out, with the amount under every reading of the text.

The regime (a statute pack) gives who, for what, the maximum, the repeat rule and the readings; the method
(`methods`) says how an amount is reached. All arithmetic is exact, rounded half up where a line says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.law import penalty_read, statute
from portal.law.facts import FactError, LawError
from portal.law.methods import Adoption
from portal.law.money import TO_PER_FROM, Money, exact, half_up, plain
from portal.law.penalty_facts import PER, NotBuilt, PenaltyFacts, Presented
from portal.law.penalty_lines import Line
from portal.law.penalty_maximum import BASE, SUBSEQUENT
from portal.law.penalty_part import Rules
from portal.law.penalty_run import PROPOSED, Outcome, outcome
from portal.law.penalty_share import COUNT, FACTORS
from portal.law.penalty_turnover import ALTERNATIVES
from portal.law.statute import Pack, Reading

__all__ = ["Adoption", "Choice", "NoAmount", "NotBuilt", "Result", "Under", "compute"]


class NoAmount(LawError):
    """The method gave a range without an amount, or no maximum was stated."""


@dataclass(frozen=True, slots=True)
class Under:
    """The amount under one reading of one question; `name` is the option, `label` its words on screen."""

    question: str
    name: str
    label: str
    why: str
    adopted: bool
    legal_maximum: Decimal | None
    amount: Decimal | None

    @property
    def maximum(self) -> Decimal:
        """The legal maximum under this reading. Raises `NoAmount` where none is stated."""
        return _there(self.legal_maximum, "maximum")

    @property
    def total(self) -> Decimal:
        """The amount under this reading. Raises `NoAmount` where only a range was found."""
        return _there(self.amount, "amount")

    def as_json(self) -> dict[str, Any]:
        """The reading as plain values."""
        return {
            "question": self.question,
            "name": self.name,
            "label": self.label,
            "why": self.why,
            "adopted": self.adopted,
            "maximum": _plain(self.legal_maximum),
            "total": _plain(self.amount),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """A computed penalty. `statute_digest` is the regime's pack, the method's where no regime applies.

    `amount` is None where the method gives a range and nobody chose; `legal_maximum` where none is stated.
    `counted` are the ids of the priors that the calculation relied on; `inflation_digest` names the
    table that adjusted an amount of the law, empty where none did.
    """

    regime: str | None
    method: str
    currency: str
    legal_maximum: Decimal | None
    amount: Decimal | None
    limits: tuple[Decimal, Decimal] | None
    outside_range: bool | None
    converted: Money | None
    lines: tuple[Line, ...]
    readings: tuple[Under, ...]
    warnings: tuple[str, ...]
    counted: tuple[str, ...]
    words: Mapping[str, str]
    penalised_by: str
    statute_digest: str
    office_digest: str
    method_digest: str
    inflation_digest: str = ""

    @property
    def maximum(self) -> Decimal:
        """The legal maximum. Raises `NoAmount` where none is stated."""
        return _there(self.legal_maximum, "maximum")

    @property
    def total(self) -> Decimal:
        """The amount. Raises `NoAmount` where the method gave only a range."""
        return _there(self.amount, "amount")

    @property
    def illustration(self) -> bool:
        """Whether a line rests on what is no law: such an amount is shown and never served."""
        return any(line.status == PROPOSED for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """The result in the published form."""
        found: dict[str, Any] = {
            "regime": self.regime,
            "method": self.method,
            "currency": self.currency,
            "maximum": _plain(self.legal_maximum),
            "total": _plain(self.amount),
            "lines": [line.as_json() for line in self.lines],
            "readings": [reading.as_json() for reading in self.readings],
            "warnings": list(self.warnings),
            "words": dict(self.words),
            "penalised_by": self.penalised_by,
            "statute_digest": self.statute_digest,
            "office_digest": self.office_digest,
            "method_digest": self.method_digest,
            "priors_counted": list(self.counted),
        }
        if self.limits is not None:
            found["range"] = [plain(limit) for limit in self.limits]
            found["outside_range"] = self.outside_range
        if self.converted is not None:
            found["converted"] = plain(self.converted.amount)
            found["converted_currency"] = self.converted.currency
        if self.inflation_digest:
            found["inflation_digest"] = self.inflation_digest
        if self.illustration:
            found["illustration"] = "Proposed: shown as an illustration, never served."
        return found


def _there(amount: Decimal | None, what: str) -> Decimal:
    if amount is None:
        raise NoAmount(f"There is no {what}.", "The facts give none.", "State what the warnings name.")
    return amount


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def compute(
    facts: Mapping[str, Any], *, adoptions: tuple[Adoption, ...] = (), readings: bool = True
) -> Result:
    """Compute a penalty from facts in the published form.

    Args:
        facts: see the published form; amounts are decimal strings.
        adoptions: the agency's signed choices of a method for a regime; the newest that had begun is used.
        readings: whether to work out the amount under every reading; a grid of many points leaves it out.

    Raises:
        FactError: for an unknown key, or a value that is missing or wrong, naming its path.
        NotBuilt: for a regime without a penalty, or a method that does not fit it.
        NotInForce: when the conduct was before the law.
    """
    with exact():
        return _compute(penalty_read.read(facts, adoptions), readings=readings)


def _compute(read: penalty_read.Read, *, readings: bool) -> Result:
    case, pack, method = read.case, read.pack, read.case.method
    _currency(case, pack)
    office = statute.load(statute.OFFICE)
    asked = _asked(case, pack, office)
    choices = {reading.key: reading.adopted for reading in asked}
    if pack is not None and PER in pack.readings:
        choices[PER] = pack.readings[PER].adopted
    if case.base is not None:
        choices[BASE] = case.base
    elif pack is not None and BASE in pack.readings:
        choices[BASE] = pack.readings[BASE].adopted
    rules = Rules(pack, office, method, choices, adopted=read.adoption is not None)
    main = outcome(case, rules)
    named = pack or office
    return Result(
        regime=pack.id if pack else None,
        method=method.id,
        currency=case.currency,
        legal_maximum=main.maximum,
        amount=main.total,
        limits=main.limits,
        outside_range=main.outside,
        converted=_converted(main.total, case.currency, case.presented),
        lines=tuple(main.sheet.lines),
        readings=tuple(
            _under(case, rules, r, option.name) for r in (asked if readings else ()) for option in r.options
        ),
        warnings=(*read.warnings, *main.sheet.warnings),
        counted=main.counted,
        words=named.labels,
        penalised_by=named.authorities["penalises"],
        statute_digest=(pack or method).digest,
        office_digest=office.digest,
        method_digest=method.digest,
        inflation_digest=main.sheet.inflation_digest,
    )


def _currency(case: PenaltyFacts, pack: Pack | None) -> None:
    stated = pack.history("penalty.fixed") or pack.history("penalty.cap") if pack else ()
    if pack is not None and stated and case.currency != stated[0].unit:
        unit = stated[0].unit
        raise FactError(
            "currency", f"{pack.id} states its maximum in {unit}", f"Use {unit}, and present_in for others."
        )


def _asked(case: PenaltyFacts, pack: Pack | None, office: Pack) -> list[Reading]:
    """The questions of reading that these facts raise; one that changes nothing is not printed."""
    readings = dict(pack.readings) if pack else {}
    entities = {figure.entity for figure in case.revenue}
    asked = []
    if BASE in readings and entities.issuperset(ALTERNATIVES):
        asked.append(readings[BASE])
    if COUNT in readings and any(violation.items > 1 for violation in case.violations):
        asked.append(readings[COUNT])
    if PER in readings and len(case.violations) > 1 and "violations" in case.method.inputs:
        asked.append(readings[PER])
    if SUBSEQUENT in readings:
        asked.append(readings[SUBSEQUENT])
    if case.factors:
        asked.append(office.readings[FACTORS])
    for step in case.method.steps:
        several = sum(case.inputs.has(key) for key in step.texts("inputs")) > 1 or len(case.priors) > 1
        if step.text("reading") and several:
            asked.append(case.method.readings[step.text("reading")])
    return asked


def _under(case: PenaltyFacts, rules: Rules, reading: Reading, name: str) -> Under:
    choices = {**rules.choices, reading.key: name}
    found: Outcome = outcome(case, Rules(rules.pack, rules.office, rules.method, choices, rules.adopted))
    option = reading.option(name)
    return Under(
        question=reading.question,
        name=option.name,
        label=option.label,
        why=option.why,
        adopted=rules.choices[reading.key] == name,
        legal_maximum=found.maximum,
        amount=found.total,
    )


def _converted(total: Decimal | None, currency: str, presented: Presented | None) -> Money | None:
    if presented is None or total is None:
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

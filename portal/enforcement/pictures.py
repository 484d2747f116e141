"""A worksheet as people see it: the picture of its lines, its readings, the priors that count. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from portal.enforcement.choices import PROVISIONAL
from portal.enforcement.tables import Worksheet
from portal.law import statute
from portal.law.money import Money, half_up, plain
from portal.law.penalty_lines import COUNTING
from portal.ui.charts import OtherReading, Step, Waterfall
from portal.ui.formats import amount, date_only, money

_PATH = re.compile(r"^(?:inputs\.)?(revenue|violation|factor|prior)s?\[\d+\]")
_ENTITY = {
    "same": "It hit the same company.",
    "predecessor": "It hit a predecessor, whose penalties follow the economic entity.",
    "parent": "It hit the parent, which is one economic entity with the developer.",
}
_BUILDS = COUNTING - {"ceiling"} | {"none"}


@dataclass(frozen=True)
class ReadingCard:
    """A reading of the text with the amount it gives; ``beside`` says how much more or less that is."""

    name: str
    amount: str
    used: bool
    beside: str
    why: str


@dataclass(frozen=True)
class PriorStanding:
    """An earlier penalty of the facts, whether it counts, and why."""

    facts: Mapping[str, Any]
    counted: bool
    why: str


def total(worksheet: Worksheet) -> Money:
    """The amount of a version."""
    return Money.from_minor(worksheet.total_minor, worksheet.currency)


def maximum(worksheet: Worksheet) -> Money:
    """The legal maximum of a version."""
    return Money.from_minor(worksheet.maximum_minor, worksheet.currency)


def share(worksheet: Worksheet) -> str:
    """How much of the legal maximum the amount is, in words."""
    if not worksheet.maximum_minor:
        return "The legal maximum is nothing."
    part = Decimal(worksheet.total_minor) * 100 / Decimal(worksheet.maximum_minor)
    return f"{plain(half_up(part, Decimal('0.01')))} % of the legal maximum."


def decimal(text: str | None) -> Decimal | None:
    """An amount of a result."""
    return None if text is None else Decimal(text)


def waterfall(worksheet: Worksheet) -> Waterfall:
    """The lines that build the amount of a version, the ceiling, and what other readings give."""
    return waterfall_of(worksheet.result, worksheet.currency)


def waterfall_of(result: Mapping[str, Any], currency: str) -> Waterfall:
    """The same picture of a result with an amount, in the published form."""
    lines = result["lines"]
    whole = Money(Decimal(result["total"]), currency)
    limit = None if result["maximum"] is None else Money(Decimal(result["maximum"]), currency)
    steps = _steps(lines)
    top = next((line for line in reversed(lines) if line["operation"] in ("maximum", "days")), None)
    other = tuple(
        OtherReading(reading["label"], Decimal(reading["total"]))
        for reading in result["readings"]
        if not reading["adopted"]
    )
    said = [f"{step.label} {amount(step.amount, currency)}" for step in steps[:-1] if step.amount]
    ceiling = f"; the ceiling is {money(limit)}" if limit else ""
    finding = f"{'; '.join(said)}. Together {money(whole)}{ceiling}."
    if other:
        finding += f" Other readings give {', '.join(amount(o.amount, currency) for o in other)}."
    return Waterfall(
        title="From the starting amount to the amount as calculated, with the ceiling",
        finding=finding,
        currency=currency,
        steps=steps,
        ceiling=limit.amount if limit else None,
        ceiling_source=f"{top['citation']}. {top['how']}" if top else "",
        readings=other,
    )


def _steps(lines: list[dict[str, Any]]) -> tuple[Step, ...]:
    found: list[Step] = []
    for line in lines:
        held = line["operation"] == "ceiling" and Decimal(line["amount"])
        if line["operation"] not in _BUILDS and not held:
            continue
        kind: Literal["change", "start"] = "change" if found else "start"
        found.append(Step(line["step"], _short(line), kind, Decimal(line["amount"]), line["citation"]))
    last = lines[-1]
    found.append(Step(last["step"], last["label"], "total", Decimal(last["amount"]), last["citation"]))
    return tuple(found)


def _short(line: Mapping[str, Any]) -> str:
    if line["operation"] == "start" and ": gravity " in line["label"]:
        return f"Legal maximum × {str(line['label']).rpartition(': ')[2]}"
    return f"{line['label']}, no effect" if line["operation"] == "none" else str(line["label"])


def readings(worksheet: Worksheet) -> list[ReadingCard]:
    """The reading that is used, and every other with its amount."""
    found = worksheet.result["readings"]
    if not found:
        return []
    used = [reading for reading in found if reading["adopted"]]
    here = total(worksheet)
    cards = [
        ReadingCard(
            name="; ".join(r["label"] if n == 0 else _lower(r["label"]) for n, r in enumerate(used)),
            amount=money(here),
            used=True,
            beside="",
            why=" ".join(r["why"] for r in used),
        )
    ]
    for reading in found:
        if not reading["adopted"]:
            value = Decimal(reading["total"])
            beside = _beside(value - here.amount, worksheet.currency)
            text = f"{reading['why']} Not used here."
            cards.append(ReadingCard(reading["label"], money(value, worksheet.currency), False, beside, text))
    return cards


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def _beside(difference: Decimal, currency: str) -> str:
    if not difference:
        return "The same amount"
    return f"{amount(abs(difference), currency)} {'more' if difference > 0 else 'less'}"


def uncertain(worksheet: Worksheet) -> list[str]:
    """What the result warns of, in words for a reader; earlier penalties and gaps are said elsewhere."""
    said = [
        _PATH.sub(lambda found: found[1].capitalize(), warning)
        for warning in worksheet.result["warnings"]
        if not warning.startswith("Prior ") and "is not stated" not in warning
    ]
    return [*said, *provisional(worksheet)]


def provisional(worksheet: Worksheet) -> list[str]:
    """The figures of a version that were not audited when it was calculated."""
    return [
        f"The revenue of the year to {_day(stated['period_end'])} is provisional: not audited. It is "
        "trued up by a new version when the audited figure is on file."
        for stated in worksheet.facts.get("revenue", ())
        if PROVISIONAL in stated["source"]
    ]


def _day(stated: str) -> str:
    return date_only(date.fromisoformat(stated))


def priors(worksheet: Worksheet) -> list[PriorStanding]:
    """The earlier penalties on record, each with whether it counts and why, as the law's result says."""
    pack = statute.load(worksheet.regime)
    step = bool(pack.history("penalty.cap_later"))
    effect = "it raises the maximum" if step else "the law gives it no percentage"
    counted = worksheet.result.get("priors_counted", ())
    found = []
    for prior in worksheet.facts.get("priors", ()):
        start = f"Prior {prior['id']} is not counted against "
        warned = next((w for w in worksheet.result["warnings"] if w.startswith(start)), None)
        if prior["id"] in counted:
            why = f"{_ENTITY[prior['link']]} Final before the conduct; {effect}."
        elif warned is not None:
            why = warned.partition(": ")[2]
            why = why[:1].upper() + why[1:]
        else:
            why = "This law has no step for repetition."
        found.append(PriorStanding(prior, prior["id"] in counted, why))
    return found

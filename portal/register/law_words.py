"""What the pages of the law say in sentences: a law in short, and what each step of a method does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.law.explained import Explained
from portal.law.methods import Method, Row, Step, Table
from portal.law.money import EXPONENTS, grouped, plain
from portal.ui.formats import date_only

_COSTS = ("penalty.fixed", "penalty.percent", "penalty.cap", "penalty.cap_later", "penalty.per_day")
_FIRST_DUTIES = 2


def in_short(found: Explained, on: date) -> list[tuple[str, str]]:
    """Four sentences on a law as of a day: who, what, at what cost, by whom."""
    return [
        ("Who is covered", _covered(found, on)),
        ("What is due", _due(found, on)),
        ("What a breach can cost", _cost(found, on)),
        ("Who imposes it", f"{capital(found.pack.authorities['penalises'])}."),
    ]


def _covered(found: Explained, on: date) -> str:
    told = [f"{capital(name)}: {condition}." for name, condition in found.covered(on)]
    if found.pack.status == "proposed":
        return " ".join(["Nobody: this is a proposal. It would cover:", *told])
    return " ".join(told)


def _due(found: Explained, on: date) -> str:
    rows = list(dict.fromkeys(f"{row.label}: {row.said}." for row in found.duties if row.holds(on)))
    if not rows:
        return "Nothing on this day."
    more = len(rows) - _FIRST_DUTIES
    return " ".join([*rows[:_FIRST_DUTIES], *([f"And {more} more."] if more > 0 else [])])


def _cost(found: Explained, on: date) -> str:
    rows = {row.key: row for row in found.penalties if row.key in _COSTS and row.holds(on)}
    if on < found.penalised_from:
        return f"Nothing yet: conduct can be penalised from {date_only(found.penalised_from)} on."
    if not rows:
        return "The text states no amount."
    both = {"penalty.fixed", "penalty.percent"} <= set(rows)
    told = [f"{row.label}: {row.said}." for row in rows.values()]
    return " ".join([*told, *(["The higher of the two holds."] if both else [])])


def capital(words: str) -> str:
    """The words with a capital first letter and the rest as it is."""
    return words[:1].upper() + words[1:]


@dataclass(frozen=True)
class StepWords:
    """A step of a method as a person reads it; `also` are its conditions and limits, one a sentence."""

    label: str
    does: str
    also: tuple[str, ...]
    citation: str
    verified: bool


_LABELS = {
    "maximum": "Legal maximum",
    "share": "Share of the maximum by severity",
    "factors": "Factors",
    "earlier": "Earlier breaches",
    "cap": "Ceiling",
}
_DOES = {
    "given": "Takes {input} from the facts; it is not an amount yet.",
    "band": "Takes a share of the maximum within the band of the class that the facts name.",
    "size": "Multiplies by a share within the bracket that turnover falls into.",
    "lookup": "Takes the amount of the class that the facts name, with its range.",
    "rate": "Takes, for each violation, the share of {of} that its severity names, and adds the shares.",
    "per_day": "Adds {input} for each of the days that the facts count.",
    "tell_priors": "Shows earlier penalties. The method weighs them without a figure of its own.",
    "greatest": "Takes the greatest of the figures that the facts state.",
    "points": "Adds the points that the facts state to those of the start, or takes the score as stated.",
    "range": "Gives a range: {of} times the lowest and the highest multiplier of the score.",
    "cap": "Holds the amount to the legal maximum.",
    "discount": "Takes away the percentages that the facts state for {inputs}.",
    "final": "Sets the percentage or amount that a person gives with a reason, beside the formula’s result.",
    "choose": "Takes the amount that a person chooses in the range, with a reason.",
    "share": "Takes, for each violation, a share of the maximum by its severity, and adds the shares.",
    "factors": "Adds or takes away the percentage of each factor that the facts name with a reason.",
    "earlier": "Shows earlier final penalties. They raise the amount only where the law raises its maximum.",
}
_ADDS = {
    "amount": "the amount {input}",
    "amounts": "each of the stated amounts",
    "percent": "{input}, a percentage of {of}",
    "percents": "each of the stated percentages of {of}",
}
_MULTIPLIES = {
    "factor": "Multiplies by {input}.",
    "share": "Multiplies by the percentage {input}.",
    "change": "Raises or lowers the amount by {input}, a percentage.",
}


def steps(method: Method) -> list[StepWords]:
    """The steps of a method in their order."""
    return [
        StepWords(
            label=step.text("label") or _LABELS.get(step.do, capital(step.do.replace("_", " "))),
            does=_does(step),
            also=tuple(_also(step)),
            citation=step.text("citation") or method.citation,
            verified=_verified(method, step),
        )
        for step in method.steps
    ]


def _verified(method: Method, step: Step) -> bool:
    """Whether the step and the newest table that it reads were held against a source."""
    read = [table for table in method.tables if table.key == step.text("table")]
    newest = max(read, key=lambda table: table.valid_from, default=None)
    return bool(step.raw.get("verified", True)) and (newest is None or newest.verified)


def _does(step: Step) -> str:
    named = {key: _quoted(step.text(key)) for key in ("input", "of")}
    named["inputs"] = " and ".join(_quoted(key) for key in step.texts("inputs"))
    match step.do:
        case "maximum":
            percent = step.number("percent")
            own = "The maximum of the law that the method is used for, or the one that the facts state"
            return f"{own}; else {plain(percent)} % of turnover." if percent is not None else f"{own}."
        case "add":
            verb = "Takes away" if step.text("sign") == "-" else "Adds"
            return f"{verb} {_ADDS[step.text('as')]}.".format(**named)
        case "multiply":
            return _MULTIPLIES[step.text("as")].format(**named)
        case "per_prior":
            return _per_prior(step, named["of"])
        case "round":
            return f"Rounds {step.text('direction')} to a multiple of what the facts state."
    return _DOES[step.do].format(**named)


def _per_prior(step: Step, of: str) -> str:
    percent = step.number("percent")
    if percent is None:
        return f"Adds, for each earlier penalty that counts, its own percentage of {of}."
    together = "one after the other" if step.text("combine") == "in turn" else "added up"
    return f"Raises the amount by {plain(percent)} % for each earlier penalty that counts, {together}."


def _also(step: Step) -> Iterator[str]:
    if step.flag("needed"):
        yield "Needed: without it there is no amount."
    if step.text("with"):
        yield f"Only where {_quoted(step.text('with'))} is stated."
    if step.text("without"):
        yield f"Only where {_quoted(step.text('without'))} is not stated."
    if step.do == "cap" and step.text("only"):
        yield "Only where the step before raised the amount."
    low, high = step.number("low"), step.number("high")
    if low is not None and high is not None:
        yield f"From {plain(low)} to {plain(high)}."
    elif high is not None:
        yield f"At most {plain(high)}."
    for item in step.raw.get("candidate", ()):
        yield f"{item['label']}."
    yield from _window(step)
    if step.text("save"):
        yield f"Kept as {_quoted(step.text('save'))} for later steps."
    if step.text("note"):
        yield step.text("note")


def _window(step: Step) -> Iterator[str]:
    if "months" in step.raw:
        yield f"Looks back {step.raw['months']} months."
    if "cycle_years" in step.raw:
        yield f"Looks back over {step.raw.get('cycles', 1)} cycles of {step.raw['cycle_years']} years."
    if step.texts("regimes"):
        yield f"Counts penalties under {', '.join(step.texts('regimes'))} only."


def _name(key: str) -> str:
    return key.replace("_", " ")


def _quoted(key: str) -> str:
    """What the facts or an earlier step call a figure."""
    return f"“{_name(key.removesuffix('_percent'))}”"


@dataclass(frozen=True)
class TableWords:
    """A table of a method: a row for each class, a column for each version by its first day."""

    name: str
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    citation: str
    source: str
    edges: str
    unverified: tuple[str, ...]


def tables(method: Method) -> list[TableWords]:
    """The tables of a method, the versions of one beside each other, oldest first."""
    grouped_: dict[str, list[Table]] = {}
    for table in sorted(method.tables, key=lambda one: one.valid_from):
        grouped_.setdefault(table.key, []).append(table)
    return [_table(found) for found in grouped_.values()]


def _table(found: list[Table]) -> TableWords:
    newest = found[-1]
    held = [{_class(row, one.unit): _figure(row, one.unit) for row in one.rows} for one in found]
    names = list(dict.fromkeys(name for rows in held for name in rows))
    unverified = [f"the version from {date_only(one.valid_from)}" for one in found if not one.verified]
    unverified += [f"the first day, {date_only(one.valid_from)}" for one in found if not one.from_verified]
    unverified += [
        _class(row, one.unit) for one in found if one.verified for row in one.rows if not row.verified
    ]
    return TableWords(
        name=capital(_name(newest.key)),
        columns=("Class", *(f"From {date_only(one.valid_from)}" for one in found)),
        cells=tuple((name, *(rows.get(name, "") for rows in held)) for name in names),
        citation=newest.citation,
        source=newest.source,
        edges=_edges(newest),
        unverified=tuple(unverified),
    )


def _edges(table: Table) -> str:
    if all(row.over is None for row in table.rows):
        return ""
    belongs = {"both": "both brackets", "lower": "the bracket above it", "upper": "the bracket below it"}
    return f"A turnover on the edge of two brackets belongs to {belongs[table.edges]}."


def _class(row: Row, unit: str) -> str:
    if row.over is not None or row.up_to is not None:
        money: Any = unit if unit in EXPONENTS else ""
        over = f"over {_amount(row.over, money)}" if row.over is not None else ""
        up_to = f"up to {_amount(row.up_to, money)}" if row.up_to is not None else ""
        return capital(f"{over} {up_to}".strip())
    return capital(_name(row.name)) if row.name else str(row.at)


def _figure(row: Row, unit: str) -> str:
    # The brackets of a size table are money; what stands beside them are shares.
    shown = "percent" if row.over is not None or row.up_to is not None else unit
    span = ""
    if row.low is not None and row.high is not None:
        same = row.low == row.high
        span = _amount(row.low, shown) if same else f"{_amount(row.low, '')} to {_amount(row.high, shown)}"
        if shown in EXPONENTS and not same:
            span = f"{_amount(row.low, shown)} to {_amount(row.high, shown)}"
    if row.amount is None:
        return span or "no share of its own"
    return f"{_amount(row.amount, shown)} ({span})" if span else _amount(row.amount, shown)


def _amount(number: Decimal | None, unit: str) -> str:
    assert number is not None
    if unit in EXPONENTS:
        return grouped(number, unit)
    words = {"percent": " %", "times": " times", "points": " points"}.get(unit, "")
    return f"{plain(number)}{words}"

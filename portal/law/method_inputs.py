"""What a method asks of whoever works with it, read off its steps: unit, bounds, classes, and the source.

A method's file states each input once, in the step that takes it. A form is built from this, so that a new
method of known steps needs neither Python nor a form of its own. Gravity and factors of the office
(`share`, `factors`) and the severity of a violation (`rate`) belong to the violation and are not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from portal.law.methods import Method, Row, Step, Table

Kind = Literal["number", "whole", "text", "choice"]
PERCENT = "%"
_FIGURES = {"percent": "Percentage", "amount": "Amount"}


@dataclass(frozen=True, slots=True)
class Part:
    """One field of an input. `name` is empty where the input is the field itself.

    Args:
        name: its key in the facts.
        label: its words.
        kind: a number (a decimal), a whole number, a text, or one of `options`.
        unit: a currency, `%`, `days`, ...; empty for what has none.
        options: the values that are allowed, with their words.
    """

    name: str
    label: str
    kind: Kind = "number"
    unit: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One input of a method. `several`: a list of such; `needed`: whatever else is stated; `help`: bounds,
    what it goes with, and the source.
    """

    name: str
    label: str
    parts: tuple[Part, ...]
    several: bool = False
    needed: bool = False
    help: str = ""


def asked(method: Method, on: date | None = None) -> tuple[Asked, ...]:
    """The inputs of a method, in the order of its steps.

    Args:
        method: the method.
        on: the day whose tables are asked for; the newest where it is not stated.
    """
    return tuple(one for step in method.steps for one in _STEPS.get(step.do, _none)(method, step, on))


def takes_gravity(method: Method) -> bool:
    """Whether a method takes a share of the maximum for the gravity of each violation."""
    return any(step.do == "share" for step in method.steps)


def asks_uplift(method: Method) -> bool:
    """Whether a method takes a percentage of its own for each prior that counts."""
    return any(step.do == "per_prior" and step.raw.get("percent") is None for step in method.steps)


def _none(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    yield from ()


def _one(method: Method, step: Step, *parts: Part, key: str = "", several: bool = False) -> Asked:
    name = key or step.text("input")
    label = step.text("label") if name == step.text("input") else _words(name)
    needed = step.flag("needed") and not (step.text("with") or step.text("without"))
    return Asked(name, label, parts, several, needed, _help(method, step))


def _given(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    yield _one(method, step, Part("", "", unit=method.currency))


def _add(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    form = step.text("as")
    unit = PERCENT if form.startswith("percent") else method.currency
    if form in ("percents", "amounts"):
        figure = form.removesuffix("s")
        parts = (Part("label", "What for", "text"), Part(figure, _FIGURES[figure], unit=unit))
        yield _one(method, step, *parts, several=True)
    else:
        yield _one(method, step, Part("", "", unit=unit))


def _multiply(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    yield _one(method, step, Part("", "", unit="" if step.text("as") == "factor" else PERCENT))


def _band(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    options = _options(_table(method, step.text("table"), on), PERCENT)
    yield _one(
        method, step, Part("band", "Class", "choice", options=options), Part("percent", "Share", unit=PERCENT)
    )


def _size(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    options = _options(_table(method, step.text("table"), on), PERCENT)
    tier = Part("tier", "Bracket, where turnover is not on file", "choice", options=options)
    yield _one(method, step, Part("percent", "Share", unit=PERCENT), tier)


def _lookup(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    table = _table(method, step.text("table"), on)
    yield _one(method, step, Part("", "", "choice", options=_options(table, table.unit)))
    for key in step.texts("inputs"):
        because = Part("because", "Why the next class applies", "text")
        yield replace(_one(method, step, because, key=key), needed=False)


def _per_day(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    yield replace(_one(method, step, Part("", "", unit=method.currency)), label="Amount for each day")
    yield _one(method, step, Part("", "", "whole", "days"), key=step.text("days"))


def _per_prior(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    if step.text("input"):
        found = _one(method, step, Part("", "", "whole"))
        yield replace(
            found, help=f"How many count. Leave it empty where earlier penalties are on file. {found.help}"
        )


def _greatest(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    for candidate in step.raw["candidate"]:
        part = Part("", "", "whole") if "table" in candidate else Part("", "", unit=method.currency)
        found = _one(method, step, part, key=candidate["input"])
        share = f" It counts with {candidate['percent']} %." if "percent" in candidate else ""
        words = f"State at least one of these; the greatest counts.{share} {found.help}"
        yield replace(found, label=_words(candidate["input"]), needed=False, help=words)


def _points(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    listed, score = step.texts("inputs")
    options = _options(_table(method, step.text("table"), on), "points")
    parts = (
        Part("code", "Code", "choice", options=options),
        Part("points", "Points", "whole"),
        Part("reason", "Why", "text"),
    )
    points = _one(method, step, *parts, key=listed, several=True)
    yield replace(points, needed=False, help=f"Or state the score as a whole below. {points.help}")
    whole = _one(method, step, Part("", "", "whole"), key=score)
    yield replace(whole, needed=False, help=f"Only where no points are listed. {whole.help}")


def _discount(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    for key in step.texts("inputs"):
        yield _one(method, step, Part("", "", unit=PERCENT), key=key)


def _final(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    percent = Part("percent", "Change", unit=PERCENT)
    amount = Part("amount", "Or the amount itself", unit=method.currency)
    yield _one(method, step, percent, amount, Part("reason", "Why", "text"))


def _choose(method: Method, step: Step, on: date | None) -> Iterator[Asked]:
    found = _one(method, step, Part("amount", "Amount", unit=method.currency), Part("reason", "Why", "text"))
    # A range is no amount: without this one a worksheet has none.
    yield replace(found, needed=True)


_STEPS: dict[str, Callable[[Method, Step, date | None], Iterator[Asked]]] = {
    "given": _given,
    "add": _add,
    "multiply": _multiply,
    "band": _band,
    "size": _size,
    "lookup": _lookup,
    "per_day": _per_day,
    "per_prior": _per_prior,
    "greatest": _greatest,
    "points": _points,
    "discount": _discount,
    "round": _given,
    "final": _final,
    "choose": _choose,
}


def _table(method: Method, key: str, on: date | None) -> Table:
    """The version of a table on a day; the first one for an earlier day, whose facts the law then refuses."""
    versions = sorted((one for one in method.tables if one.key == key), key=lambda one: one.valid_from)
    begun = [one for one in versions if on is None or one.valid_from <= on]
    return begun[-1] if begun else versions[0]


def _options(table: Table, unit: str) -> tuple[tuple[str, str], ...]:
    """The named rows of a table, each with the range that it allows."""
    return tuple((row.name, f"{row.name}{_range(row, unit)}") for row in table.rows if row.name)


def _range(row: Row, unit: str) -> str:
    if row.low is None or row.high is None:
        return ""
    span = f"{row.low:,f}" if row.low == row.high else f"{row.low:,f} to {row.high:,f}"
    return f": {span} {unit}"


def _help(method: Method, step: Step) -> str:
    """Bounds, what it goes with, the note and the source of a step, as sentences."""
    low, high = step.raw.get("low"), step.raw.get("high")
    said = []
    if low is not None or high is not None:
        bounds = f"{low} to {high}" if low is not None and high is not None else f"at most {high}"
        said.append(bounds)
    needed, beside, instead = step.flag("needed"), step.text("with"), step.text("without")
    if beside:
        said.append(f"{'Needed' if needed else 'Only'} with {_words(beside).lower()}.")
    if instead:
        said.append(f"{'Needed' if needed else 'Only'} where {_words(instead).lower()} is not stated.")
    said += [text for text in (step.text("note"), step.text("citation") or method.citation) if text]
    return " ".join(f"{text[:1].upper()}{text[1:].rstrip('.')}." for text in said)


def _words(name: str) -> str:
    words = name.removesuffix("_percent").replace("_", " ")
    return words[:1].upper() + words[1:]

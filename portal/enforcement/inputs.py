"""What an adopted method asks, as fields of the worksheet's form: shown, read, and told again. Pure.

The fields follow from `portal.law.method_inputs`; no method has a form of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.law.method_inputs import PERCENT, Asked, Part, asked
from portal.law.methods import Method
from portal.law.money import plain
from portal.ui.fields import exact_number

UPLIFT = "uplift-"
"""What the field of an earlier penalty begins with; its decision follows."""
FEWEST, SPARE = 3, 2
"""Rows of a list on the form: at least so many, one for each class of its table, and so many to spare."""


@dataclass(frozen=True)
class Shown:
    """A field on the form, with what was typed."""

    id: str
    label: str
    kind: str
    value: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Group:
    """An input on the form: its fields, row by row where it is a list."""

    asked: Asked
    rows: tuple[tuple[Shown, ...], ...]


def groups(method: Method, on: date, typed: Mapping[str, str]) -> list[Group]:
    """The inputs of a method as they stand on the form on a day of conduct, with what was typed."""
    found = []
    for one in asked(method, on):
        rows = tuple(
            tuple(_shown(one, part, prefix, typed) for part in one.parts) for prefix in _prefixes(one, typed)
        )
        found.append(Group(one, rows))
    return found


def stated(method: Method, on: date, submitted: Mapping[str, str]) -> dict[str, Any]:
    """The inputs of a submitted form in the published form of the facts; what is empty is left out.

    Raises ``ValueError`` with words for what is no number.
    """
    found: dict[str, Any] = {}
    for one in asked(method, on):
        rows = [_read(one, prefix, submitted) for prefix in _prefixes(one, submitted)]
        filled = [row for row in rows if row not in ("", {})]
        if filled:
            found[one.name] = filled if one.several else filled[0]
    return found


def typed(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Inputs as the fields that would send them again."""
    return {f"input-{name}{tail}": text for name, value in inputs.items() for tail, text in _flat(value)}


def told(method: Method, on: date, inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Inputs as a page tells them: words and value, in the order of the method's steps."""
    found = []
    for one in asked(method, on):
        if one.name in inputs:
            kept = inputs[one.name]
            rows = kept if one.several else [kept]
            found.append((one.label, "; ".join(_told(one, row) for row in rows)))
    return found


def uplifts(submitted: Mapping[str, str]) -> dict[str, str]:
    """The percentages for earlier penalties of a submitted form, by their decision.

    Raises ``ValueError`` with words for what is no number.
    """
    part = Part("percent", "", unit=PERCENT)
    return {
        decision: _number(Asked("", decision, (part,)), part, text)
        for key, text in submitted.items()
        if text.strip() and (decision := key.removeprefix(UPLIFT)) != key
    }


def named(method: Method, words: str) -> str:
    """A refusal of the law with the words of the form in place of the paths of the facts."""
    labels = {one.name: one.label for one in asked(method)}
    # A name without an underscore is a word of English too: it is one of these only behind `inputs.`.
    return re.sub(r"\binputs\.(\w+)|\b(\w+_\w+)\b", lambda m: _label(labels, m[1] or m[2], m[0]), words)


def _label(labels: Mapping[str, str], name: str, otherwise: str) -> str:
    return f"“{labels[name]}”" if name in labels else otherwise


def _prefixes(one: Asked, typed: Mapping[str, str]) -> Iterable[str]:
    """What the fields of an input begin with: one, or one for each row of a list."""
    start = f"input-{one.name}"
    if not one.several:
        return (start,)
    row = re.compile(rf"{re.escape(start)}-(\d{{1,3}})-")
    filled = [int(found[1]) for key, text in typed.items() if text.strip() and (found := row.match(key))]
    classes = max(len(part.options) for part in one.parts)
    rows = max(FEWEST, classes, max(filled, default=-1) + 1 + SPARE)
    return [f"{start}-{number}" for number in range(rows)]


def _id(prefix: str, part: Part) -> str:
    return f"{prefix}-{part.name}" if part.name else prefix


def _shown(one: Asked, part: Part, prefix: str, typed: Mapping[str, str]) -> Shown:
    label = part.label or one.label
    named = f"{label} ({part.unit})" if part.unit else label
    return Shown(_id(prefix, part), named, part.kind, typed.get(_id(prefix, part), ""), part.options)


def _read(one: Asked, prefix: str, submitted: Mapping[str, str]) -> Any:
    """The value of one row: a text for one field, a mapping for several; empty where nothing is typed."""
    values = {}
    for part in one.parts:
        text = submitted.get(_id(prefix, part), "").strip()
        if text:
            values[part.name] = _number(one, part, text) if part.kind in ("number", "whole") else text
    return values if one.parts[0].name else values.get("", "")


def _number(one: Asked, part: Part, text: str) -> str:
    """A number as the facts have it: `540,000.00` becomes `540000.00`, `− 5 %` becomes `-5`."""
    bare = text.replace("−", "-").removesuffix("%").replace("- ", "-").strip()
    try:
        return plain(exact_number(bare))
    except ValueError:
        what = f"“{one.label}”" if not part.label else f"“{one.label}: {part.label}”"
        raise ValueError(f"Write {what} in digits, for example 12.5.") from None


def _flat(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        yield from ((f"-{key}{tail}", text) for key, inner in value.items() for tail, text in _flat(inner))
    elif isinstance(value, list):
        yield from ((f"-{n}{tail}", text) for n, inner in enumerate(value) for tail, text in _flat(inner))
    else:
        yield "", str(value)


def _told(one: Asked, row: Any) -> str:
    values = row if isinstance(row, Mapping) else {"": row}
    return ", ".join(_words(part, values[part.name]) for part in one.parts if part.name in values)


def _words(part: Part, value: str) -> str:
    if part.kind not in ("number", "whole"):
        return value
    return f"{Decimal(value):,f} {part.unit}".strip()

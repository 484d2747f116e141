"""A regime as a person reads it: who is covered, duties and clocks, penalties, readings, each value as a row.

Pages and the command line print the same rows, so that neither says of the law what the other does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from textwrap import wrap
from typing import Any

from portal.law.explained_words import PENALTY, event, in_order, label, lower, place, said
from portal.law.penalty_run import power_from
from portal.law.statute import OFFICE, Pack, Reading, Value

NO_ADVICE = "Research of the authority on the text of the law, not legal advice."
WIDTH = 79
"""Characters of a line in a terminal of 80 columns."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value in one span of time, in words; `valid_to` is the last day, None while it lasts.

    `key` is the value's in the pack, a duty's own where it has no period. `when` says what a duty runs from
    and `to` who is told; both are empty for what is no duty.
    """

    key: str
    label: str
    said: str
    when: str
    to: str
    citation: str
    source: str
    valid_from: date
    valid_to: date | None
    status: str
    verified: bool
    note: str = ""

    def holds(self, on: date) -> bool:
        """Whether the value applies on a day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Changed:
    """A value that was followed by another: the old one with its last day, the new one with its first."""

    label: str
    old: Row
    new: Row


@dataclass(frozen=True, slots=True)
class Explained:
    """A regime in the order in which it is read. `penalised_from` is the first day that can be penalised."""

    pack: Pack
    thresholds: tuple[Row, ...]
    duties: tuple[Row, ...]
    penalties: tuple[Row, ...]
    penalised_from: date
    readings: tuple[Reading, ...]

    @property
    def figures(self) -> str:
        """What the first group of values is called: the office has figures, a law has thresholds."""
        return "Figures" if self.pack.id == OFFICE else "Thresholds"

    @property
    def sources(self) -> tuple[str, ...]:
        """Each source once, in the order in which the rows name them; rows refer to it by place, from 1."""
        return tuple(dict.fromkeys(row.source for row in self._rows()))

    @property
    def changed(self) -> tuple[Changed, ...]:
        """Values that were followed by another, oldest first."""
        spans: dict[tuple[str, str, str], list[Row]] = {}
        for row in self._rows():
            spans.setdefault((row.label, row.when, row.to), []).append(row)
        found = [Changed(old.label, old, new) for rows in spans.values() for old, new in pairwise(rows)]
        return tuple(sorted(found, key=lambda one: one.new.valid_from))

    @property
    def unverified(self) -> int:
        """How many values, readings and calendars nobody has held against a source.

        One that two duties share counts once.
        """
        return sum(not verified for verified in self._verified())

    @property
    def stated(self) -> int:
        """How many there are, counted in the same way."""
        return len(self._verified())

    def covered(self, on: date) -> tuple[tuple[str, str], ...]:
        """Who is covered, and who is covered as large, as conditions in words with the figures of a day."""
        rules = self.pack.coverage
        return tuple(
            (self.pack.labels[name], _condition(self.pack, rules[kind], on))
            for kind, name in (("covered", "developer"), ("large", "large"))
            if kind in rules
        )

    def _rows(self) -> Iterator[Row]:
        yield from (*self.thresholds, *self.duties, *self.penalties)

    def _verified(self) -> list[bool]:
        own = [bool(row["verified"]) for row in self.pack.duties if "value" not in row]
        own += [bool(self.pack.calendar["verified"])] if self.pack.calendar else []
        own += [reading.verified for reading in self.readings]
        return [*(value.verified for value in self.pack.values), *own]


def explain(pack: Pack) -> Explained:
    """Lay a pack out in rows, with every value that it has or had."""
    periods = set(_periods(pack))
    penalties = [value for value in pack.values if value.key.startswith(PENALTY)]
    penalties.sort(key=lambda value: place(value.key))
    rest = [value for value in pack.values if value not in penalties and value.key not in periods]
    labels = _rule_labels(pack)
    order = list(labels)
    rest.sort(key=lambda value: order.index(value.key) if value.key in order else len(order))
    return Explained(
        pack=pack,
        thresholds=tuple(_row(value, labels.get(value.key) or label(value.key)) for value in rest),
        duties=tuple(_duties(pack)),
        penalties=tuple(_row(value, label(value.key)) for value in penalties),
        penalised_from=power_from(pack)[0],
        readings=tuple(pack.readings.values()),
    )


def _row(value: Value, words: str, when: str = "", to: str = "", every: str = "") -> Row:
    return Row(
        key=value.key,
        label=words,
        said=f"{every}{said(value)}",
        when=when,
        to=to,
        citation=value.citation,
        source=value.source,
        valid_from=value.valid_from,
        valid_to=value.valid_to,
        status=value.status,
        verified=value.verified,
        note=value.note,
    )


def _rule_labels(pack: Pack) -> dict[str, str]:
    """What each value is for, in the order of the rules; one that several share has all their names."""
    found: dict[str, str] = {}
    for rule in pack.coverage.get("rule", ()):
        key, words = rule["threshold"], str(rule["label"])
        found[key] = f"{found[key]}; {lower(words)}" if key in found else words
    found |= {row["value"]: f"Severity “{lower(row['label'])}”, share of the maximum" for row in pack.gravity}
    found |= {row["value"]: f"Factor: {lower(row['label'])}" for row in pack.factors if "value" in row}
    rest = sorted((value.key for value in pack.values if value.key not in found), key=in_order)
    return {**found, **{key: label(key) for key in rest}}


def _condition(pack: Pack, rule: Any, on: date) -> str:
    """A boolean rule of a pack in words, each input with its threshold of that day."""
    if isinstance(rule, str):
        return _input(pack, rule, on)
    ((word, parts),) = rule.items()
    if word == "rule":
        return _condition(pack, parts, on)
    told = [
        _condition(pack, part, on) if isinstance(part, str) else f"({_condition(pack, part, on)})"
        for part in parts
    ]
    return (" and " if word == "all" else " or ").join(told)


def _input(pack: Pack, name: str, on: date) -> str:
    row = next((row for row in pack.coverage["rule"] if row["name"] == name), None)
    if row is None:
        return pack.labels["developer"]
    history = pack.history(row["threshold"])
    value = next((one for one in reversed(history) if one.valid_from <= on), history[0])
    over = f" over {said(value)}" if value.unit != "text" else ""
    return f"{lower(row['label'])}{over}"


def _periods(pack: Pack) -> Iterator[str]:
    for row in (*pack.clocks, *pack.periodic, *pack.duties):
        yield from (row[key] for key in ("value", "within") if key in row)


def _duties(pack: Pack) -> Iterator[Row]:
    for row in (*pack.clocks, *pack.periodic, *pack.duties):
        if "value" not in row:
            yield _prompt(pack, row)
            continue
        when, to = _when(row), row.get("recipient", "")
        every = "every " if row.get("repeats") else ""
        for value in pack.history(row["value"]):
            yield _row(value, row["label"], when, to, every)
        for value in pack.history(row.get("within", "")):
            plan = event(row["plan"][0]) if "plan" in row else "an update is planned"
            yield _row(value, f"{row['label']}: unless {plan}", "of the day it falls due", to, "within ")


def _when(row: Mapping[str, Any]) -> str:
    side = "before" if row.get("before") else "from"
    return f"{side} {event(str(row.get('trigger') or row['after']))}"


def _prompt(pack: Pack, row: Mapping[str, Any]) -> Row:
    """A duty without a period: its own row carries citation and status."""
    return Row(
        key=row["duty"],
        label=row["label"],
        said=row["promptly"],
        when="" if event(row["after"]) in row["promptly"] else f"on {event(row['after'])}",
        to=row.get("recipient", ""),
        citation=row["citation"],
        source=row["source"],
        valid_from=pack.starts,
        valid_to=None,
        status=row.get("status", pack.status),
        verified=row["verified"],
    )


AUTHORITIES = (
    ("Receives", "receives"),
    ("Assesses", "assesses"),
    ("Decides", "decides"),
    ("Penalises", "penalises"),
    ("Hears appeals", "hears_appeals"),
)
"""What an authority does, with its key in the pack."""


def as_text(found: Explained, on: date | None = None) -> str:
    """The regime for a terminal of 80 columns; with a date, only what applies on it."""
    lines = [*wrap(found.pack.name, WIDTH), *wrap(NO_ADVICE, WIDTH), "", *_facts(found, on)]
    for title, rows in (
        (found.figures, found.thresholds),
        ("Duties and clocks", found.duties),
        ("Penalties", found.penalties),
    ):
        lines += ["", title.upper(), *_rows_text(found, rows, on)]
    for title, part in (
        ("What can be penalised", _provisions(found.pack)),
        ("Readings of ambiguous words", _readings(found.readings)),
        ("What changed", _changed(found.changed)),
        ("Sources", _sources(found.sources)),
    ):
        told = list(part)
        lines += ["", title.upper(), *told] if told else []
    count = f"{found.unverified} of {found.stated} values, readings and calendars not verified."
    return "\n".join([*lines, "", count, f"Version of {found.pack.id}:", found.pack.digest])


def _facts(found: Explained, on: date | None) -> Iterator[str]:
    pack = found.pack
    yield from _fact("Status", pack.status)
    yield from _fact("Begins", str(pack.starts))
    yield from _fact("Citation", pack.citation)
    if on is not None:
        yield from _fact(f"On {on}", "in force" if pack.in_force(on) else "not in force")
    for name, condition in found.covered(on or pack.starts):
        yield from _fact("Covers", f"{name}: {condition}")
    for title, key in AUTHORITIES:
        yield from _fact(title, pack.authorities[key])
    yield from _fact("A breach", f"{pack.labels['breach']}; what follows is a {pack.labels['penalty']}")
    yield from _fact("Penalised", f"conduct from {found.penalised_from} on")
    if pack.calendar:
        mark = "" if pack.calendar["verified"] else " (calendar not verified)"
        yield from _fact("Business days", f"{pack.calendar['name']}{mark}")
    yield from _fact("Days end in", str(pack.zone))


def _fact(title: str, words: str) -> list[str]:
    # A date as title is longer than the column and keeps its two spaces.
    return _hung(f"{title:15} " if len(title) < 15 else f"{title}  ", words, 16)


def _hung(first: str, words: str, indent: int) -> list[str]:
    """Words behind `first`, their later lines indented. Words are never broken, digests and addresses too."""
    rest = " " * indent
    return wrap(
        words,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(words: str, indent: int) -> list[str]:
    return _hung(" " * indent, words, indent)


def _rows_text(found: Explained, rows: Iterable[Row], on: date | None) -> Iterator[str]:
    rows = tuple(rows)
    shown = [row for row in rows if on is None or row.holds(on)]
    if not shown:
        yield "  nothing" if not rows else "  nothing on that day"
    for row in shown:
        yield from _hung("  ", row.label, 2)
        told = ", ".join(part for part in (row.said, row.when, f"to {row.to}" if row.to else "") if part)
        yield from _indented(told, 6)
        until = f" to {row.valid_to}" if row.valid_to else ""
        mark = "" if row.verified else ", NOT VERIFIED"
        number = found.sources.index(row.source) + 1
        basis = f"{row.citation} [{number}]; since {row.valid_from}{until}; {row.status}{mark}"
        yield from _indented(basis, 6)
        if row.note:
            yield from _indented(row.note, 6)


def _provisions(pack: Pack) -> Iterator[str]:
    for row in pack.provisions:
        yield from _hung("  ", f"{row['code']}: {row['label']} ({row['citation']})", 6)


def _readings(readings: Iterable[Reading]) -> Iterator[str]:
    for reading in readings:
        mark = "" if reading.verified else ", NOT VERIFIED"
        yield from _hung("  ", f"{reading.question} ({reading.citation}{mark})", 2)
        for option in reading.options:
            first = f"      {'adopted' if option.name == reading.adopted else 'other':8}"
            yield from _hung(first, f"{option.label}. {option.why}", 14)
        yield from _indented(f"Adopted on {reading.on} because: {reading.why} By: {reading.by}.", 6)


def _changed(changes: Iterable[Changed]) -> Iterator[str]:
    for one in changes:
        yield from _hung("  ", one.label, 2)
        until = one.old.valid_to
        yield from _indented(f"until {until}: {one.old.said}; from {one.new.valid_from}: {one.new.said}", 6)


def _sources(sources: Iterable[str]) -> Iterator[str]:
    for number, source in enumerate(sources, 1):
        yield from _hung(f"  [{number}] ", source, 6)

"""A regime as a person reads it: thresholds, duties and penalties as rows, each with span and citation.

Pages and the command line print the same rows, so that neither says of the law what the other does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.law.money import EXPONENTS, grouped, plain
from portal.law.packs import SPANS
from portal.law.penalty_run import power_from
from portal.law.statute import Pack, Reading, Value

NO_ADVICE = "Research of the authority on the text of the law, not legal advice."
PENALTY = "penalty."
_LABELS = {
    "penalty.addressee": "Who can be penalised",
    "penalty.cap": "Maximum",
    "penalty.cap_later": "Maximum of a later violation",
    "penalty.fault": "Fault that the text asks for",
    "penalty.fixed": "Maximum, fixed amount",
    "penalty.look_back": "How far back earlier violations count",
    "penalty.maximum_per": "What the maximum is for",
    "penalty.method": "Method of reaching an amount",
    "penalty.per_day": "Amount a day",
    "penalty.percent": "Maximum, share of turnover",
    "penalty.rate_basis": "Exchange rate of turnover",
    "compute.modifier": "Share of the original's compute that makes a modifier a provider",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One value in one span of time, in words; `valid_to` is the last day, None while it lasts.

    `when` says what a duty runs from; it is empty for what is no duty.
    """

    label: str
    said: str
    when: str
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
class Explained:
    """A regime in the order in which it is read. `penalised_from` is the first day that can be penalised."""

    pack: Pack
    thresholds: tuple[Row, ...]
    duties: tuple[Row, ...]
    penalties: tuple[Row, ...]
    penalised_from: date
    readings: tuple[Reading, ...]

    @property
    def unverified(self) -> int:
        """How many values nobody has held against a source; one that two duties share counts once."""
        return sum(not verified for verified in self._verified())

    @property
    def stated(self) -> int:
        """How many values there are, counted in the same way."""
        return len(self._verified())

    def _verified(self) -> list[bool]:
        own = [bool(row["verified"]) for row in self.pack.duties if "value" not in row]
        return [*(value.verified for value in self.pack.values), *own]


def explain(pack: Pack) -> Explained:
    """Lay a pack out in rows, with every value that it has or had."""
    duties = tuple(_duties(pack))
    periods = set(_periods(pack))
    penalties = [value for value in pack.values if value.key.startswith(PENALTY)]
    rest = [value for value in pack.values if value not in penalties and value.key not in periods]
    labels = _rule_labels(pack)
    return Explained(
        pack=pack,
        thresholds=tuple(_row(value, labels.get(value.key) or label(value.key)) for value in rest),
        duties=duties,
        penalties=tuple(_row(value, label(value.key)) for value in penalties),
        penalised_from=power_from(pack)[0],
        readings=tuple(pack.readings.values()),
    )


def said(value: Value) -> str:
    """A value with its unit in words: `15 days`, `USD 1,000,000.00`, `10^25 FLOP`, `3 %`."""
    if isinstance(value.value, tuple):
        return ", ".join(value.value)
    if value.unit == "FLOP":
        return f"{_power(value.number)} FLOP"
    if value.unit in EXPONENTS:
        return grouped(value.number, value.unit)
    if value.unit in SPANS:
        number = int(value.number)
        return f"{number} {value.unit.removesuffix('s') if number == 1 else value.unit}"
    if value.unit == "percent":
        return f"{plain(value.number)} %"
    return str(value.value).replace("_", " ")


def label(key: str) -> str:
    """A key in words, for values that no rule or duty names."""
    words = _LABELS.get(key) or key.removeprefix(PENALTY).replace(".", ", ").replace("_", " ")
    return words[:1].upper() + words[1:]


def _power(number: Decimal) -> str:
    digits = number.normalize()
    whole = plain(digits.scaleb(-digits.adjusted()))
    power = f"10^{digits.adjusted()}"
    return power if whole == "1" else f"{whole} × {power}"


def _row(value: Value, words: str, when: str = "", every: str = "") -> Row:
    return Row(
        label=words,
        said=f"{every}{said(value)}",
        when=when,
        citation=value.citation,
        source=value.source,
        valid_from=value.valid_from,
        valid_to=value.valid_to,
        status=value.status,
        verified=value.verified,
        note=value.note,
    )


def _rule_labels(pack: Pack) -> dict[str, str]:
    """What each threshold is for; one that several rules share has all their names."""
    found: dict[str, str] = {}
    for rule in pack.coverage.get("rule", ()):
        key, words = rule["threshold"], str(rule["label"])
        found[key] = f"{found[key]}; {words[:1].lower()}{words[1:]}" if key in found else words
    return found


def _periods(pack: Pack) -> Iterator[str]:
    for row in (*pack.clocks, *pack.periodic, *pack.duties):
        yield from (row[key] for key in ("value", "within") if key in row)


def _duties(pack: Pack) -> Iterator[Row]:
    for row in (*pack.clocks, *pack.periodic, *pack.duties):
        when = _when(row)
        if "value" not in row:
            yield _prompt(pack, row, when)
            continue
        every = "every " if row.get("repeats") else ""
        for value in pack.history(row["value"]):
            yield _row(value, row["label"], when, every)
        for value in pack.history(row.get("within", "")):
            yield _row(value, f"{row['label']}: unless an update is planned", when, "within ")


def _when(row: Mapping[str, Any]) -> str:
    side = "before" if row.get("before") and "value" in row else "from"
    words = str(row.get("trigger") or row["after"]).replace("_", " ")
    recipient = f", to {row['recipient']}" if row.get("recipient") else ""
    return f"{side}: {words}{recipient}"


def _prompt(pack: Pack, row: Mapping[str, Any], when: str) -> Row:
    """A duty without a period: its own row carries citation and status."""
    return Row(
        label=row["label"],
        said=row["promptly"],
        when=when,
        citation=row["citation"],
        source=row["source"],
        valid_from=pack.starts,
        valid_to=None,
        status=row.get("status", pack.status),
        verified=row["verified"],
    )


def as_text(found: Explained, on: date | None = None) -> str:
    """The regime for a terminal; with a date, only what applies on it."""
    pack = found.pack
    lines = [pack.name, NO_ADVICE, ""]
    lines += [
        f"Status          {pack.status}",
        f"Begins          {pack.starts}",
        f"Citation        {pack.citation}",
    ]
    if on is not None:
        lines.append(f"On {on}   {'in force' if pack.in_force(on) else 'not in force'}")
    lines += [f"{title:15} {pack.authorities[key]}" for title, key in AUTHORITIES]
    lines.append(f"Penalised       {pack.labels['penalty']}, for conduct from {found.penalised_from}")
    for title, rows in (
        ("Thresholds", found.thresholds),
        ("Duties", found.duties),
        ("Penalties", found.penalties),
    ):
        lines += ["", title, *_lines(rows, on)]
    for reading in found.readings:
        lines += ["", f"Reading: {reading.question} ({reading.citation})"]
        lines += [
            f"  {'adopted' if option.name == reading.adopted else 'other':8}{option.label}: {option.why}"
            for option in reading.options
        ]
        lines.append(f"  by {reading.by}, {reading.on}: {reading.why}")
    lines += ["", f"{found.unverified} values not verified. {pack.id} {pack.digest}"]
    return "\n".join(lines)


AUTHORITIES = (
    ("Receives", "receives"),
    ("Assesses", "assesses"),
    ("Decides", "decides"),
    ("Penalises", "penalises"),
    ("Hears appeals", "hears_appeals"),
)
"""What an authority does, with its key in the pack."""


def _lines(rows: tuple[Row, ...], on: date | None) -> Iterator[str]:
    shown = [row for row in rows if on is None or row.holds(on)]
    if not shown:
        yield "  nothing" if not rows else "  nothing on that day"
    for row in shown:
        yield f"  {row.label}: {row.said}{f' ({row.when})' if row.when else ''}"
        until = f" to {row.valid_to}" if row.valid_to else ""
        mark = "" if row.verified else ", NOT VERIFIED"
        yield f"      {row.citation}; from {row.valid_from}{until}; {row.status}{mark}"
        if row.note:
            yield f"      {row.note}"

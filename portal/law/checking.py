"""The whole check of a pack, for `assay law check` and for staged versions: what a parse alone cannot see.

`statute.check` holds names against values. Here: every value is used, no provision is there twice, every row
that states no value cites something, duties name what exists, and a reading changes a rule that is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from portal.law import calendars, coverage, statute
from portal.law.deadlines import KINDS, TRIGGERS
from portal.law.packs import SPANS, PackError
from portal.law.statute import Pack

READ_BY_CODE = frozenset(
    {
        *("penalty.addressee", "penalty.amounts_by", "penalty.cap", "penalty.cap_later", "penalty.factors"),
        *("penalty.fault", "penalty.fixed", "penalty.inflation", "penalty.look_back", "penalty.maximum_per"),
        *("penalty.method", "penalty.percent", "penalty.period", "penalty.prior_links"),
        *("penalty.prior_regimes", "penalty.prior_statuses", "penalty.rate_basis", "penalty.take"),
        "penalty.year",
        *("weekend", "closed_days", "findings.send_within", "comparison.older_than"),
    }
)
"""Keys of values that the code asks for by name, not through a row; a test finds each in the code."""
STEPPED = re.compile(r"duration\.from_day\.\d+")
"""Keys that the code finds by their beginning: a table of steps, one value a step."""

_POINTERS = ("value", "within", "per_day", "threshold", "modifier")


def check(pack: Pack) -> None:
    """Hold a pack against itself in full.

    Raises:
        PackError: naming the file and the row.
    """
    statute.check(pack)
    _duties(pack)
    _periods(pack)
    _used(pack)
    _readings(pack)
    calendars.of(pack)


def rows(pack: Pack) -> Iterator[Mapping[str, Any]]:
    """Every row that may name a value."""
    for group in (pack.provisions, pack.clocks, pack.periodic, pack.duties, pack.factors, pack.gravity):
        yield from group
    yield from pack.coverage.get("rule", ())


def _used(pack: Pack) -> None:
    named = {row[word] for row in rows(pack) for word in _POINTERS if word in row}
    for key in sorted({value.key for value in pack.values} - named):
        if key not in READ_BY_CODE and not STEPPED.fullmatch(key):
            raise PackError(f"{pack.path}: no rule uses the value {key!r}.")
    codes = [row["code"] for row in pack.provisions]
    if len(set(codes)) != len(codes):
        raise PackError(f"{pack.path}: two provisions have one code.")


def _duties(pack: Pack) -> None:
    keys = {value.key for value in pack.values}
    codes = {row["code"] for row in pack.provisions}
    for row in pack.duties:
        at = f"{pack.path}: duty {row['duty']}"
        if ("value" in row) == ("promptly" in row):
            raise PackError(f"{at} states either a value or, as words, when it is due.")
        if "promptly" in row and not all(row.get(word, "").strip() for word in ("citation", "source")):
            raise PackError(f"{at} cites nothing.")
        if row.get("status", pack.status) not in statute.STATUSES:
            raise PackError(f"{at}: status {row['status']!r} is not one of {', '.join(statute.STATUSES)}.")
        _form(row, at)
        for word in ("value", "within"):
            if word in row and row[word] not in keys:
                raise PackError(f"{at} names the value {row[word]!r}, which does not exist.")
        if "breach" in row and row["breach"] not in codes:
            raise PackError(f"{at} names the provision {row['breach']!r}, which does not exist.")


def _form(row: Mapping[str, Any], at: str) -> None:
    """What one key of a duty asks of the others."""
    for word in ("repeats", "may", "within"):
        if row.get(word) and "value" not in row:
            raise PackError(f"{at} has {word} without a period.")
    if row.get("strict") and not (row.get("at_once") and row.get("before")):
        raise PackError(f"{at} is strict, and no act must come before its trigger.")
    if "plan" in row and ("within" not in row or len(row["plan"]) != 2):
        raise PackError(f"{at}: a plan is what is planned within a period, and what it is when it comes.")


def _periods(pack: Pack) -> None:
    """Clocks start and periods pass: each is a span of time of at least one, and some day is no weekend."""
    for row in (*pack.clocks, *pack.periodic, *pack.duties):
        for word in ("value", "within"):
            for value in pack.history(row.get(word, "")):
                if value.unit not in SPANS or value.number < 1:
                    raise PackError(f"{pack.path}: {row['duty']}: {value.key} is no span of time.")
    for row in pack.clocks if pack.id != statute.OFFICE else ():
        if row["trigger"] not in TRIGGERS or row.get("kind", KINDS[0]) not in KINDS:
            raise PackError(f"{pack.path}: clock {row['duty']} starts with nothing that an incident has.")
    weekends = [pack.calendar["weekend"]] if pack.calendar else []
    weekends += [value.value for value in pack.history("weekend")]
    if any({str(day) for day in weekend} >= set("1234567") for weekend in weekends):
        raise PackError(f"{pack.path}: every day is a weekend.")


def _readings(pack: Pack) -> None:
    names = {rule["name"] for rule in pack.coverage.get("rule", ())}
    for reading in pack.readings.values():
        if len({option.name for option in reading.options}) < max(2, len(reading.options)):
            raise PackError(f"{pack.path}: reading {reading.key} needs two options of different names.")
        for option in reading.options:
            if option.rule is not None and not coverage.names_of(option.rule) <= names:
                raise PackError(f"{pack.path}: reading {reading.key}: {option.name} names an unknown rule.")

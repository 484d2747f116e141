"""The whole check of a pack, for `assay law check` and for staged versions: what a parse alone cannot see.

`statute.check` holds names against values. Here: every value is used, no provision is there twice, every row
that states no value cites something, duties name what exists, and a reading changes a rule that is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from portal.law import calendars, coverage, statute
from portal.law.packs import PackError
from portal.law.statute import Pack

READ_BY_CODE = (
    r"penalty\..+",
    r"duration\.from_day\.\d+",
    r"weekend|closed_days",
    r"findings\.send_within",
    r"comparison\.older_than",
)
"""Keys of values that the code asks for by name, not through a row; a test finds each in the code."""

_POINTERS = ("value", "within", "per_day", "threshold", "modifier")


def check(pack: Pack) -> None:
    """Hold a pack against itself in full.

    Raises:
        PackError: naming the file and the row.
    """
    statute.check(pack)
    _duties(pack)
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
        if not any(re.fullmatch(pattern, key) for pattern in READ_BY_CODE):
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
        if row.get("repeats") and "value" not in row:
            raise PackError(f"{at} repeats without a period.")
        for word in ("value", "within"):
            if word in row and row[word] not in keys:
                raise PackError(f"{at} names the value {row[word]!r}, which does not exist.")
        if "breach" in row and row["breach"] not in codes:
            raise PackError(f"{at} names the provision {row['breach']!r}, which does not exist.")


def _readings(pack: Pack) -> None:
    names = {rule["name"] for rule in pack.coverage.get("rule", ())}
    for reading in pack.readings.values():
        if len({option.name for option in reading.options}) < max(2, len(reading.options)):
            raise PackError(f"{pack.path}: reading {reading.key} needs two options of different names.")
        for option in reading.options:
            if option.rule is not None and not coverage.names_of(option.rule) <= names:
                raise PackError(f"{pack.path}: reading {reading.key}: {option.name} names an unknown rule.")

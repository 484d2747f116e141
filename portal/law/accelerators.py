"""Accelerators: peak operations per second per number format, as facts with their source."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from portal.law.packs import PackError
from portal.law.statute import UnknownVersion

TABLE = Path(__file__).parent / "statute" / "tables" / "accelerators.toml"


@dataclass(frozen=True, slots=True)
class Chip:
    """One accelerator; `peak` is operations per second by number format."""

    name: str
    maker: str
    peak: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Accelerators:
    """The table, with the order of default formats and the errors the office allows for."""

    chips: dict[str, Chip]
    default: tuple[str, ...]
    formats: dict[str, tuple[str, ...]]
    source: str
    six_nd_factor: Decimal
    chips_factor: Decimal
    utilisation: tuple[Decimal, Decimal, Decimal]
    citation: str
    verified: bool
    digest: str

    def peak(self, name: str, number_format: str | None) -> tuple[str, Decimal] | None:
        """The format used and the peak of a chip, None where the table has none; case does not count."""
        wanted = name.casefold()
        chip = self.chips.get(name) or next(
            (c for n, c in self.chips.items() if n.casefold() == wanted), None
        )
        if chip is None:
            return None
        stated = (number_format or "").casefold()
        for form in self.formats.get(stated, (stated,)) if stated else self.default:
            if form in chip.peak:
                return form, chip.peak[form]
        return None


_CHOSEN: ContextVar[Accelerators | None] = ContextVar("accelerators", default=None)


@contextmanager
def using(table: Accelerators) -> Iterator[None]:
    """Work with this table in place of the shipped one until the block ends."""
    token = _CHOSEN.set(table)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def load() -> Accelerators:
    """The table of `using`, else the shipped one."""
    return _CHOSEN.get() or _shipped()


def version(wanted: str, stored: Mapping[str, str] | None = None) -> Accelerators:
    """The table of a digest, so that an estimate of compute is worked out again from the peaks it used.

    Args:
        wanted: a digest as results of coverage carry it.
        stored: TOML texts by digest, for tables that neither this release nor its folder `past` holds.

    Raises:
        UnknownVersion: when none has that digest.
        PackError: when the stored text is not what its digest says.
    """
    for table in (_shipped(), *_past()):
        if table.digest == wanted:
            return table
    text = (stored or {}).get(wanted)
    if text is None:
        why = "It is neither shipped with this release nor stored here."
        what = f"No table of accelerators {wanted[:80]!r} is known."
        raise UnknownVersion(what, why, "Bring the text it was made from.")
    table = parse(text)
    if table.digest != wanted:
        raise PackError(f"stored {wanted[:19]}: the text has the digest {table.digest}; it was changed.")
    return table


@cache
def _shipped() -> Accelerators:
    return parse(TABLE.read_text(encoding="utf-8"))


@cache
def _past() -> tuple[Accelerators, ...]:
    """Tables that an earlier release shipped; a release that changes the table moves the old file there."""
    found = sorted((TABLE.parent / "past").glob("accelerators*.toml"))
    return tuple(parse(path.read_text(encoding="utf-8")) for path in found)


def parse(text: str) -> Accelerators:
    """Read a table; its digest is over the text as it stands."""
    raw = tomllib.loads(text)
    method = raw["method"]
    low, middle, high = (Decimal(value) for value in method["utilisation"])
    chips = [
        Chip(item["name"], item["maker"], {form: Decimal(peak) for form, peak in item["peak"].items()})
        for item in raw["chip"]
    ]
    return Accelerators(
        chips={chip.name: chip for chip in chips},
        default=tuple(raw["default"]),
        formats={name: tuple(forms) for name, forms in raw["formats"].items()},
        source=raw["source"],
        six_nd_factor=Decimal(method["six_nd_factor"]),
        chips_factor=Decimal(method["chips_factor"]),
        utilisation=(low, middle, high),
        citation=method["citation"],
        verified=method["verified"],
        digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
    )

"""Methods: how the amount of a penalty is reached, as an ordered list of known steps in TOML.

The regime says who, for what and up to how much; a method says how an amount is found. Order of steps,
whether percentages add or follow in turn, where the cap stands and whether the edges of a bracket belong to
it are data of the method's file, so that a new method of known steps needs no Python.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from portal.law.facts import FactError, LawError, read_number
from portal.law.method_forms import CANDIDATE, COMMON, METHOD, ROW, STEPS, TABLE, comparable
from portal.law.packs import PackError, check_table
from portal.law.statute import LAST, NotInForce, Reading, UnknownVersion, digest, read_readings

FOLDER = Path(__file__).parent / "statute" / "methods"
STATUSES = ("enacted", "guidance", "proposed", "office method")
"""`guidance`: what an authority published on how it sets penalties, which is no law."""
EDGES = ("both", "lower", "upper")


class UnknownMethod(LawError):
    """No method has that id."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: found by `name`, by the number `at`, or as the bracket above `over` up to `up_to`."""

    name: str
    aliases: tuple[str, ...]
    at: int | None
    over: Decimal | None
    up_to: Decimal | None
    low: Decimal | None
    high: Decimal | None
    amount: Decimal | None
    verified: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its aliases as they are compared."""
        return tuple(comparable(name) for name in (self.name, *self.aliases))

    @property
    def figures(self) -> tuple[Decimal, Decimal]:
        """Lowest and highest figure; a row that lacks them is a fault of the method, found by `check`."""
        if self.low is None or self.high is None:
            raise PackError(f"The row {self.name or self.at} has no range.")
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Table:
    """One version of a table, in use from a day on; `edges`: which ends of a bracket belong to it.

    `verified` is about its figures, `from_verified` about its first day.
    """

    key: str
    valid_from: date
    unit: str
    edges: str
    citation: str
    source: str
    verified: bool
    rows: tuple[Row, ...]
    from_verified: bool = True

    def named(self, name: str) -> Row | None:
        """The row of that name or alias."""
        wanted = comparable(name)
        return next((row for row in self.rows if wanted in row.names), None)

    def at(self, number: int) -> Row:
        """The row of a whole number; the first row serves for less, the last for more."""
        listed = [row for row in self.rows if row.at is not None and row.at <= number]
        return listed[-1] if listed else self.rows[0]

    def around(self, amount: Decimal) -> tuple[Row, ...]:
        """The brackets that an amount falls into: two where an edge belongs to both."""
        return tuple(row for row in self.rows if self._holds(row, amount))

    def _holds(self, row: Row, amount: Decimal) -> bool:
        low, high = self.edges in ("both", "lower"), self.edges in ("both", "upper")
        above = row.over is None or amount > row.over or (low and amount == row.over)
        below = row.up_to is None or amount < row.up_to or (high and amount == row.up_to)
        return above and below


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a method: which of the known steps (`do`), with its parameters as written."""

    do: str
    path: str
    raw: Mapping[str, Any]

    def text(self, key: str) -> str:
        """A text of the step, empty where it is not written."""
        return str(self.raw.get(key, ""))

    def flag(self, key: str) -> bool:
        """Whether the step says so."""
        return bool(self.raw.get(key, False))

    def number(self, key: str) -> Decimal | None:
        """A number of the step."""
        value = self.raw.get(key)
        return None if value is None else _number(value, f"{self.path}.{key}")

    def bound(self, key: str, otherwise: Decimal) -> Decimal:
        """A bound of an input, or what holds without one."""
        value = self.number(key)
        return otherwise if value is None else value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(str(item) for item in self.raw.get(key, ()))


@dataclass(frozen=True)
class Method:
    """One version of a method; `text` is the TOML that it was read from."""

    id: str
    name: str
    status: str
    valid_from: date
    citation: str
    source: str
    currency: str
    digest: str
    path: str
    inputs: tuple[str, ...]
    maximum: tuple[str, ...]
    needs_maximum: bool
    tables: tuple[Table, ...]
    steps: tuple[Step, ...]
    readings: Mapping[str, Reading]
    text: str = field(default="", repr=False, compare=False)
    lists: frozenset[str] = frozenset()
    order: int = LAST

    def table(self, key: str, on: date | None) -> Table:
        """The version of a table on a day, the only one where there is one.

        Raises:
            FactError: when the version depends on a date that is not stated.
            NotInForce: before the first of several versions.
        """
        versions = sorted((t for t in self.tables if t.key == key), key=lambda t: t.valid_from)
        if len(versions) == 1:
            return versions[0]
        if on is None:
            raise FactError("on", f"the table {key} of {self.id} depends on the date", "State on.")
        if on < versions[0].valid_from:
            raise NotInForce(self.id, key, on, versions[0].valid_from)
        return next(table for table in reversed(versions) if table.valid_from <= on)


@dataclass(frozen=True, slots=True)
class Adoption:
    """An agency's dated, signed choice of a method for a regime; `signed` says where that is kept."""

    regime: str
    method: str
    since: date
    by: str
    signed: str
    why: str


def _number(value: Any, path: str) -> Decimal:
    try:
        return read_number(value, path, low=Decimal("-1e9"))
    except FactError as error:
        raise PackError(str(error)) from error


def _row(raw: Mapping[str, Any], path: str) -> Row:
    check_table(raw, ROW, path)
    figures = {
        key: _number(raw[key], f"{path}.{key}") if key in raw else None
        for key in ("over", "up_to", "low", "high", "amount")
    }
    return Row(
        name=raw.get("name", ""),
        aliases=tuple(raw.get("aliases", ())),
        at=raw.get("at"),
        verified=raw.get("verified", True),
        **figures,
    )


def _table(raw: Mapping[str, Any], path: str) -> Table:
    check_table(raw, TABLE, path)
    edges = raw.get("edges", "both")
    if edges not in EDGES:
        raise PackError(f"{path}: edges {edges!r} is not one of {', '.join(EDGES)}.")
    return Table(
        key=raw["key"],
        valid_from=raw["from"],
        unit=raw["unit"],
        edges=edges,
        citation=raw["citation"],
        source=raw["source"],
        verified=raw["verified"],
        rows=tuple(_row(row, f"{path} rows[{index}]") for index, row in enumerate(raw["rows"])),
        from_verified=raw.get("from_verified", True),
    )


def _step(raw: Mapping[str, Any], path: str) -> Step:
    do = raw.get("do")
    if do not in STEPS:
        raise PackError(f"{path}: do {do!r} is not a known step: {', '.join(STEPS)}.")
    check_table(raw, {**COMMON, **STEPS[do]}, path)
    for index, item in enumerate(raw.get("candidate", ())):
        check_table(item, CANDIDATE, f"{path} candidate[{index}]")
    for key in ("low", "high", "percent", "least"):
        if key in raw:
            _number(raw[key], f"{path}.{key}")
    return Step(do, path, raw)


def parse(text: str, path: str) -> Method:
    """Read one method.

    Raises:
        PackError: for anything that is missing, unknown or of the wrong type, with file and path.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{path}: {error}.") from error
    check_table(raw, METHOD, path)
    if raw["status"] not in STATUSES:
        raise PackError(f"{path}: status {raw['status']!r} is not one of {', '.join(STATUSES)}.")
    method = Method(
        id=raw["id"],
        name=raw["name"],
        status=raw["status"],
        valid_from=raw["from"],
        citation=raw["citation"],
        source=raw["source"],
        currency=raw.get("currency", ""),
        digest=digest(raw),
        path=path,
        inputs=tuple(raw["inputs"]),
        maximum=tuple(raw["maximum"]),
        needs_maximum=raw.get("needs_maximum", False),
        tables=tuple(_table(t, f"{path}: table[{n}]") for n, t in enumerate(raw.get("table", ()))),
        steps=tuple(_step(s, f"{path}: step[{n}]") for n, s in enumerate(raw["step"])),
        readings=read_readings(raw, path),
        text=text,
        lists=frozenset(_lists(raw["step"])),
        order=raw.get("order", LAST),
    )
    check(method)
    return method


def _lists(steps: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The inputs that are lists; an empty one is as good as none."""
    for step in steps:
        if step["do"] in ("share", "factors", "rate") or step.get("as") in ("amounts", "percents"):
            yield step["input"]
        elif step["do"] == "points":
            yield step["inputs"][0]


def check(method: Method) -> None:
    """Hold a method against itself: each input and table that a step names exists, and none is idle.

    Raises:
        PackError: naming the file and the step.
    """
    asked: set[str] = set()
    used: set[str] = set()
    tables = {table.key for table in method.tables}
    for step in method.steps:
        asked |= {word for word in (step.text("input"), step.text("days"), *step.texts("inputs")) if word}
        for item in step.raw.get("candidate", ()):
            asked.add(item["input"])
            used |= {item["table"]} if "table" in item else set()
        used |= {word for word in (step.text("table"),) if word}
        reading = step.text("reading")
        if reading and reading not in method.readings:
            raise PackError(f"{step.path}: reading {reading!r} is not in the method.")
    for name, known, wanted in (
        ("input", set(method.inputs), asked),
        ("table", tables, used),
    ):
        for word in sorted(known ^ wanted):
            where = "named by a step but not listed" if word in wanted else "listed but used by no step"
            raise PackError(f"{method.path}: {name} {word!r} is {where}.")


@cache
def _shipped() -> Mapping[str, Method]:
    """The methods of the folder `methods` in the order that each names: a file there is a method."""
    found = [parse(path.read_text(encoding="utf-8"), path.name) for path in FOLDER.glob("*.toml")]
    found.sort(key=lambda one: (one.order, one.id))
    if len({method.id for method in found}) != len(found):
        raise PackError(f"{FOLDER.name}: two methods have one id.")
    return MappingProxyType({method.id: method for method in found})


_NONE: Mapping[str, Method] = MappingProxyType({})
_CHOSEN: ContextVar[Mapping[str, Method]] = ContextVar("methods", default=_NONE)


@contextmanager
def using(*versions: Method) -> Iterator[None]:
    """Work with these methods, each in place of the shipped one of its id, until the block ends."""
    token = _CHOSEN.set(MappingProxyType({**_CHOSEN.get(), **{method.id: method for method in versions}}))
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def methods() -> tuple[Method, ...]:
    """Every method, the shipped ones in their order, then those that only `using` brought."""
    return tuple({**_shipped(), **_CHOSEN.get()}.values())


def load(name: str) -> Method:
    """The method of an id.

    Raises:
        UnknownMethod: when there is none.
    """
    found = next((method for method in methods() if method.id == name), None)
    if found is None:
        known = ", ".join(method.id for method in methods())
        raise UnknownMethod(f"Method {name[:60]!r} is not known.", "", f"Use one of: {known}.")
    return found


def version(wanted: str, stored: Mapping[str, str] | None = None) -> Method:
    """The method of a digest: shipped now, or stored.

    Args:
        wanted: a digest as results carry it.
        stored: TOML texts by digest, for versions that this release no longer ships.

    Raises:
        UnknownVersion: when none has that digest.
        PackError: when the stored text is not what its digest says.
    """
    for method in _shipped().values():
        if method.digest == wanted:
            return method
    text = (stored or {}).get(wanted)
    if text is None:
        why = "It is neither shipped with this release nor stored here."
        raise UnknownVersion(f"No method {wanted[:80]!r} is known.", why, "Bring the text it was made from.")
    method = parse(text, f"stored {wanted[:19]}")
    if method.digest != wanted:
        raise PackError(f"{method.path}: the text has the digest {method.digest}; it was changed.")
    return method

"""Statute packs: the law as TOML, each value dated, cited and with a status.

A pack answers `value(key, on)`. Before the first value a law is not in force, and that is an answer with a
date; a hole inside its life is a fault of the pack and raises. Unknown keys raise with file and path.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.law.facts import FactError, LawError
from portal.law.packs import KINDS, PackError, check_keys, parse_value

FOLDER = Path(__file__).parent / "statute"
OFFICE = "office"
LAST = 1000
"""Where a pack or a method stands that names no order of its own."""
STATUSES = ("enacted", "proposed", "code of practice", "guidance", "office practice", "promised")
"""A `code of practice` may show that a law is complied with and is no law.

`guidance` is what an authority says of a law. `promised` is what a developer's own framework undertakes; some
laws make breaking it a violation.
"""


class UnknownRegime(LawError):
    """No pack has that id or alias."""


class UnknownVersion(LawError):
    """No shipped, past or stored pack has that digest."""


class NotInForce(LawError):
    """The law has no value yet on that day; `starts` is its first day, `path` the fact that names the day."""

    def __init__(self, pack: str, key: str, on: date, starts: date, path: str = "") -> None:
        super().__init__(
            f"{path}{': ' if path else ''}{pack}: {key} is not in force on {on.isoformat()}.",
            f"It starts on {starts.isoformat()}.",
            "Use a later date, or the law that applied then.",
        )
        self.pack, self.key, self.on, self.starts, self.path = pack, key, on, starts, path


class Gap(PackError):
    """A hole in the life of a value: nothing applies on a day after its first."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the law in one span of time; `valid_to` is the last day, None while it lasts."""

    key: str
    valid_from: date
    valid_to: date | None
    value: Decimal | int | str | tuple[str, ...] | Fraction
    unit: str
    citation: str
    source: str
    status: str
    verified: bool
    note: str = ""

    @property
    def number(self) -> Decimal:
        """The value as a number; a pack check has made sure that its unit is one."""
        if not isinstance(self.value, Decimal | int):
            raise PackError(f"{self.key}: {self.unit} is not a number.")
        return Decimal(self.value)


@dataclass(frozen=True, slots=True)
class Option:
    """One way to read an ambiguous text; `rule` is the rule of coverage under it, where it changes that."""

    name: str
    label: str
    why: str
    rule: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """An ambiguous text, the ways to read it, and the one the office adopted: by whom, when and why.

    `verified`: somebody held the texts that it cites against their source.
    """

    key: str
    question: str
    citation: str
    adopted: str
    by: str
    on: date
    why: str
    options: tuple[Option, ...]
    verified: bool = True

    def option(self, name: str) -> Option:
        """The option of that name."""
        return next(option for option in self.options if option.name == name)


@dataclass(frozen=True)
class Pack:
    """One version of a statute, proposal or office practice; `text` is the TOML that it was read from."""

    id: str
    name: str
    short: str
    status: str
    zone: ZoneInfo
    starts: date
    citation: str
    source: str
    digest: str
    path: str
    authorities: Mapping[str, str]
    labels: Mapping[str, str]
    values: tuple[Value, ...]
    readings: Mapping[str, Reading] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    order: int = LAST
    coverage: Mapping[str, Any] = field(default_factory=dict)
    provisions: tuple[Mapping[str, Any], ...] = ()
    clocks: tuple[Mapping[str, Any], ...] = ()
    periodic: tuple[Mapping[str, Any], ...] = ()
    factors: tuple[Mapping[str, Any], ...] = ()
    gravity: tuple[Mapping[str, Any], ...] = ()
    duties: tuple[Mapping[str, Any], ...] = ()
    calendar: Mapping[str, Any] = field(default_factory=dict)
    text: str = field(default="", repr=False, compare=False)
    by_key: Mapping[str, tuple[Value, ...]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        found: dict[str, tuple[Value, ...]] = {}
        for value in self.values:
            found[value.key] = (*found.get(value.key, ()), value)
        object.__setattr__(self, "by_key", found)

    def in_force(self, on: date) -> bool:
        """Whether the law has begun on that day."""
        return on >= self.starts

    def history(self, key: str) -> tuple[Value, ...]:
        """Every value of a key, oldest first."""
        return self.by_key.get(key, ())

    def value(self, key: str, on: date) -> Value:
        """The value that applies on a day.

        Raises:
            PackError: when the pack has no such key.
            NotInForce: before the first value.
            Gap: on a day inside its life for which no value is given.
        """
        history = self.history(key)
        if not history:
            raise PackError(f"{self.path}: no value {key!r}.")
        if on < history[0].valid_from:
            raise NotInForce(self.id, key, on, history[0].valid_from)
        for value in reversed(history):
            if value.valid_from <= on and (value.valid_to is None or on <= value.valid_to):
                return value
        raise Gap(f"{self.path}: {key} has no value on {on.isoformat()}.")


def read_values(raw: Mapping[str, Any], path: str) -> tuple[Value, ...]:
    """The values of a pack or of a law of access, by key and first day.

    Raises:
        PackError: for a value that is not of the form, or spans that overlap or leave a hole.
    """
    found: list[Value] = []
    for index, item in enumerate(raw.get("value", ())):
        at = f"{path}: value[{index}] {item.get('key', '')}".rstrip()
        check_keys(item, "value", at)
        status = item.get("status", raw["status"])
        if status not in STATUSES:
            raise PackError(f"{at}: status {status!r} is not one of {', '.join(STATUSES)}.")
        found.append(
            Value(
                key=item["key"],
                valid_from=item["from"],
                valid_to=item.get("to"),
                value=parse_value(item["value"], item["unit"], at),
                unit=item["unit"],
                citation=item["citation"],
                source=item["source"],
                status=status,
                verified=item["verified"],
                note=item.get("note", ""),
            )
        )
    found.sort(key=lambda value: (value.key, value.valid_from))
    _check_time(found, path)
    return tuple(found)


def _check_time(values: list[Value], path: str) -> None:
    """Spans of one key follow each other: no overlap, no hole, no end without a successor."""
    for value, following in zip(values, [*values[1:], None], strict=True):
        if following is None or following.key != value.key:
            if value.valid_to is not None:
                raise Gap(f"{path}: {value.key} ends on {value.valid_to} without a successor.")
        elif value.valid_to is None or value.valid_to + timedelta(days=1) != following.valid_from:
            raise Gap(f"{path}: {value.key} has a hole or an overlap before {following.valid_from}.")


def read_readings(raw: Mapping[str, Any], path: str) -> dict[str, Reading]:
    """The readings of a pack or a method, by key."""
    found: dict[str, Reading] = {}
    for index, item in enumerate(raw.get("reading", ())):
        at = f"{path}: reading[{index}] {item.get('key', '')}".rstrip()
        check_keys(item, "reading", at)
        for number, option in enumerate(item["option"]):
            check_keys(option, "option", f"{at} option[{number}]")
        options = tuple(Option(**option) for option in item["option"])
        if item["adopted"] not in {option.name for option in options}:
            raise PackError(f"{at}: adopted {item['adopted']!r} is not one of its options.")
        plain = {key: value for key, value in item.items() if key != "option"}
        found[item["key"]] = Reading(**plain, options=options)
    return found


def digest(raw: Mapping[str, Any]) -> str:
    """SHA-256 over the pack's canonical content (sorted keys, ISO dates); comments do not count."""
    canonical = json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def parse(text: str, path: str) -> Pack:
    """Read one pack.

    Raises:
        PackError: for anything that is missing, unknown or of the wrong type, with file and path.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{path}: {error}.") from error
    check_keys(raw, "pack", path)
    if raw["status"] not in STATUSES:
        raise PackError(f"{path}: status {raw['status']!r} is not one of {', '.join(STATUSES)}.")
    for kind in ("authorities", "labels", "coverage", "calendar"):
        if kind in raw:
            check_keys(raw[kind], kind, f"{path}: {kind}")
    for kind in KINDS:
        for index, item in enumerate(raw.get(kind, ())):
            check_keys(item, kind, f"{path}: {kind}[{index}]")
    for index, rule in enumerate(raw.get("coverage", {}).get("rule", ())):
        check_keys(rule, "rule", f"{path}: coverage.rule[{index}]")
    rows: dict[str, Any] = {KINDS[kind]: tuple(raw.get(kind, ())) for kind in KINDS}
    return Pack(
        id=raw["id"],
        name=raw["name"],
        short=raw["short"],
        status=raw["status"],
        zone=read_zone(raw["zone"], path),
        starts=raw["from"],
        citation=raw["citation"],
        source=raw["source"],
        digest=digest(raw),
        path=path,
        authorities=raw["authorities"],
        labels=raw["labels"],
        values=read_values(raw, path),
        readings=read_readings(raw, path),
        aliases=tuple(raw.get("aliases", ())),
        order=raw.get("order", LAST),
        coverage=raw.get("coverage", {}),
        calendar=raw.get("calendar", {}),
        text=text,
        **rows,
    )


def read_zone(name: str, path: str) -> ZoneInfo:
    """The time zone of that name. Raises `PackError` where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PackError(f"{path}: no time zone has the name {name!r}.") from error


_CHOSEN: ContextVar[Mapping[str, Pack]] = ContextVar("statute versions", default=MappingProxyType({}))


@contextmanager
def using(*versions: Pack) -> Iterator[None]:
    """Work under these versions, each in place of the shipped pack of its id, until the block ends.

    So a result is computed again from the versions it names: `with using(*(version(d) for d in digests)):`.
    """
    token = _CHOSEN.set(MappingProxyType({**_CHOSEN.get(), **{pack.id: pack for pack in versions}}))
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def load(name: str) -> Pack:
    """The pack of an id or alias: the version of `using`, else the shipped one.

    Raises:
        UnknownRegime: when there is none.
    """
    for pack in packs():
        if name == pack.id or name in pack.aliases:
            return pack
    known = ", ".join(pack.id for pack in packs())
    raise UnknownRegime(f"Regime {name[:60]!r} is not known.", "", f"Use one of: {known}.")


def named(name: str, path: str) -> Pack:
    """The pack that facts name at a path.

    Raises:
        FactError: when there is none, naming the path.
    """
    try:
        return load(name)
    except UnknownRegime as error:
        raise FactError(path, f"regime {name[:60]!r} is not known", error.fix) from error


def packs() -> tuple[Pack, ...]:
    """Every pack: the regimes in their order, the office's own, and any that only `using` brought."""
    chosen = _CHOSEN.get()
    came = {pack.id: pack for pack in shipped()}
    return tuple({**came, **chosen}.values())


@cache
def shipped() -> tuple[Pack, ...]:
    """The packs of the folder `statute`, whatever `using` put in their place: a file there is a regime.

    They stand in the order that each names, the office's own last.

    Raises:
        PackError: when two files have one id or alias.
    """
    found = sorted(map(_read, FOLDER.glob("*.toml")), key=lambda one: (one.id == OFFICE, one.order, one.id))
    named: dict[str, str] = {}
    for pack in found:
        for name in (pack.id, *pack.aliases):
            if name in named:
                raise PackError(f"{pack.path}: {name!r} is the name of {named[name]} already.")
            named[name] = pack.path
    return tuple(found)


@cache
def _past() -> tuple[Pack, ...]:
    """Versions that an earlier release shipped; a release that changes a pack moves the old file there."""
    return tuple(_read(path) for path in sorted((FOLDER / "past").glob("*.toml")))


def version(wanted: str, stored: Mapping[str, str] | None = None) -> Pack:
    """The pack of a digest: shipped now, shipped once, or stored.

    Args:
        wanted: a digest as results carry it.
        stored: TOML texts by digest, for versions that went live without a release.

    Raises:
        UnknownVersion: when none has that digest.
        PackError: when the stored text is not what its digest says.
    """
    for pack in (*shipped(), *_past()):
        if pack.digest == wanted:
            return pack
    text = (stored or {}).get(wanted)
    if text is None:
        why = "It is neither shipped with this release nor stored here."
        raise UnknownVersion(f"No version {wanted[:80]!r} is known.", why, "Bring the text it was made from.")
    pack = parse(text, f"stored {wanted[:19]}")
    if pack.digest != wanted:
        raise PackError(f"{pack.path}: the text has the digest {pack.digest}; it was changed.")
    return pack


def _read(path: Path) -> Pack:
    return parse(path.read_text(encoding="utf-8"), path.name)


def regimes() -> tuple[Pack, ...]:
    """The packs of law, without the office's practice."""
    return tuple(pack for pack in packs() if pack.id != OFFICE)


def check(pack: Pack) -> None:
    """Hold a parsed pack against itself: every value that a row names exists, every text cites something.

    Raises:
        PackError: naming the file and the row.
    """
    keys = {value.key for value in pack.values}
    named = [(f"clock {row['duty']}", row["value"]) for row in pack.clocks]
    named += [(f"periodic {row['duty']}", row["value"]) for row in pack.periodic]
    named += [(f"gravity {row['level']}", row["value"]) for row in pack.gravity]
    named += [(f"factor {row['code']}", row["value"]) for row in pack.factors if "value" in row]
    named += [(f"provision {row['code']}", row["per_day"]) for row in pack.provisions if "per_day" in row]
    for rule in pack.coverage.get("rule", ()):
        named += [(f"rule {rule['name']}", rule[word]) for word in ("threshold", "modifier") if word in rule]
    for row, key in named:
        if key not in keys:
            raise PackError(f"{pack.path}: {row} names the value {key!r}, which does not exist.")
    for value in pack.values:
        if not value.citation.strip() or not value.source.strip():
            raise PackError(f"{pack.path}: {value.key} cites nothing.")

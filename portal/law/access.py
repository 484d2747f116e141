"""Access requests by law: which law answers them, its exemptions, and its clocks. Pure.

A law of access is a file of ``statute/access``: the form of a pack's values and calendar, with the exemptions
by which something is withheld and the review that a requester can ask for. The office's own pack names the
law of this place. A period counts from the legal day of its start and ends at 23:59:59 of its last day there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from portal.law import calendars, statute
from portal.law.deadlines import aware, counted, end_of, legal_day, moment
from portal.law.packs import PackError, check_keys, check_table
from portal.law.statute import Pack

FOLDER = Path(__file__).parent / "statute" / "access"
CHOSEN = "access.law"
"""The value of the office's pack that names the law of this place."""
ANSWER, EXTENSION, OBJECT, RELEASE, REVIEW = "answer", "extension", "object", "release", "review"
"""The periods that every law of access has: to answer; by how much that is extended, once; to object, from
the notice; until a release to which somebody objected, from being told; to ask for a review."""

_TEXT: tuple[type, bool] = (str, True)
_LAW: dict[str, tuple[type | tuple[type, ...], bool]] = {
    **dict.fromkeys(("id", "name", "short", "status", "zone", "citation", "source"), _TEXT),
    "from": (date, True),
    "order": (int, True),
    "review": (dict, True),
    "calendar": (dict, True),
    "value": (list, True),
    "exemption": (list, True),
}
_REVIEW: dict[str, tuple[type | tuple[type, ...], bool]] = dict.fromkeys(("label", "how", "citation"), _TEXT)
_EXEMPTION: dict[str, tuple[type | tuple[type, ...], bool]] = {
    **dict.fromkeys(("code", "label", "citation", "words"), _TEXT),
    "verified": (bool, True),
}


@dataclass(frozen=True, slots=True)
class Exemption:
    """A ground of the law on which something is withheld. `verified`: somebody read it in a source."""

    code: str
    label: str
    citation: str
    words: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Review:
    """What a requester can ask for who does not accept an answer."""

    label: str
    how: str
    citation: str


@dataclass(frozen=True)
class AccessLaw:
    """A law by which the public can ask for documents. `pack` has its values, calendar, zone and digest."""

    pack: Pack
    exemptions: tuple[Exemption, ...]
    review: Review

    @property
    def id(self) -> str:
        """What a request keeps of the law it is answered by."""
        return self.pack.id

    def exemption(self, code: str) -> Exemption | None:
        """The exemption of that code, or `None`."""
        return next((one for one in self.exemptions if one.code == code), None)


@dataclass(frozen=True, slots=True)
class Period:
    """A period of the law as it runs: its last instant (UTC), where it is written, and its arithmetic."""

    due_at: datetime
    citation: str
    why: tuple[str, ...]
    verified: bool
    zone: str


def run(law: AccessLaw, key: str, starts_at: datetime) -> Period:
    """One period of a law from an instant.

    Raises:
        WrongTime: for an instant without a zone.
        NotInForce: before the law has the value.
    """
    start = aware(starts_at)
    first = legal_day(start, law.pack.zone)
    last, told = _add(law, key, first, first)
    value = law.pack.value(key, first)
    note = (value.note,) if value.note else ()
    why = (f"From {moment(start, law.pack.zone)}", *told, *note)
    return Period(end_of(last, law.pack.zone), value.citation, why, value.verified, law.pack.zone.key)


def answer(law: AccessLaw, received_at: datetime, *, extended: bool = False) -> Period:
    """By when a request is answered, with the one extension where it was given. Raises as `run`."""
    plain = run(law, ANSWER, received_at)
    if not extended:
        return plain
    first = legal_day(received_at, law.pack.zone)
    last, told = _add(law, EXTENSION, legal_day(plain.due_at, law.pack.zone), first)
    value = law.pack.value(EXTENSION, first)
    return Period(
        end_of(last, law.pack.zone),
        f"{plain.citation}; {value.citation}",
        (*plain.why, "extended once", *told),
        plain.verified and value.verified,
        law.pack.zone.key,
    )


def begins(law: AccessLaw, due_at: datetime) -> datetime:
    """The first instant after a period: only then may something be done that the period holds back."""
    return aware(due_at) + timedelta(seconds=1)


def of_place(on: date) -> AccessLaw:
    """The law under which the authority of this place answers on a day, as the office's pack names it.

    Raises:
        PackError: where the office names none that is shipped.
        NotInForce: before the office has named one.
    """
    return load(str(statute.load(statute.OFFICE).value(CHOSEN, on).value))


def load(name: str) -> AccessLaw:
    """The law of that id. Raises `PackError` where there is none."""
    for law in laws():
        if law.id == name:
            return law
    known = ", ".join(law.id for law in laws())
    raise PackError(f"No law of access {name[:60]!r} is shipped: {known}.")


@cache
def laws() -> tuple[AccessLaw, ...]:
    """Every law of access that is shipped, in the order that each names."""
    found = [parse(path.read_text(encoding="utf-8"), path.name) for path in sorted(FOLDER.glob("*.toml"))]
    return tuple(sorted(found, key=lambda law: law.pack.order))


def parse(text: str, path: str) -> AccessLaw:
    """Read one law of access.

    Raises:
        PackError: for anything that is missing, unknown, twice or of the wrong type, with file and path.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PackError(f"{path}: {error}.") from error
    check_table(raw, _LAW, path)
    check_table(raw["review"], _REVIEW, f"{path}: review")
    check_keys(raw["calendar"], "calendar", f"{path}: calendar")
    for index, item in enumerate(raw["exemption"]):
        check_table(item, _EXEMPTION, f"{path}: exemption[{index}]")
    law = AccessLaw(
        _pack(raw, path, text), tuple(Exemption(**one) for one in raw["exemption"]), Review(**raw["review"])
    )
    _check(law, path)
    return law


def _pack(raw: Mapping[str, Any], path: str, text: str) -> Pack:
    if raw["status"] not in statute.STATUSES:
        raise PackError(f"{path}: status {raw['status']!r} is not one of {', '.join(statute.STATUSES)}.")
    return Pack(
        id=raw["id"],
        name=raw["name"],
        short=raw["short"],
        status=raw["status"],
        zone=statute.read_zone(raw["zone"], path),
        starts=raw["from"],
        citation=raw["citation"],
        source=raw["source"],
        digest=statute.digest(raw),
        path=path,
        authorities={},
        labels={},
        values=statute.read_values(raw, path),
        order=raw["order"],
        calendar=raw["calendar"],
        text=text,
    )


def _check(law: AccessLaw, path: str) -> None:
    calendars.of(law.pack)
    for key in (ANSWER, EXTENSION, OBJECT, RELEASE, REVIEW):
        if not law.pack.history(key):
            raise PackError(f"{path}: no value {key!r}.")
        for value in law.pack.history(key):
            if value.unit not in ("days", "business days"):
                raise PackError(f"{path}: {key} counts days or business days, not {value.unit}.")
    codes = [one.code for one in law.exemptions]
    if len(set(codes)) < len(codes) or not codes:
        raise PackError(f"{path}: an exemption is missing, or stands twice.")


def _add(law: AccessLaw, key: str, day: date, on: date) -> tuple[date, tuple[str, ...]]:
    """A day plus a period as it was on another day, and how that was counted."""
    value = law.pack.value(key, on)
    number = int(value.number)
    period = counted(number, value.unit)
    if value.unit == "days":
        last = day + timedelta(days=number)
        return last, (f"{day.isoformat()} plus {period} = {last.isoformat()}",)
    last, passed = calendars.of(law.pack).add(day, number)
    over = f"; passed over: {', '.join(passed)}" if passed else ""
    return last, (f"{day.isoformat()} plus {period} = {last.isoformat()}{over}",)

"""Names of places and of kinds of organisation as facts write them: compared without case, and never guessed.

A name that nobody knows is no answer: it may be a misspelt place that a law covers, so it is told apart from
a place that is known to lie elsewhere. Known are the places that a pack names, the codes of countries and
their parts (ISO 3166, as the `holidays` library lists them), and `elsewhere`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import holidays

from portal.law import statute
from portal.law.statute import Pack

ELSEWHERE = "elsewhere"
PLAIN_KINDS = ("company", "non_profit", "public_body", "university")
"""Kinds of organisation that no law of ours exempts. A university is one that nobody called accredited."""


def folded(name: str) -> str:
    """A place as it is compared: `U.S.`, `us ` and `US` are one."""
    return " ".join(name.replace(".", "").split()).casefold()


def folded_kind(kind: str) -> str:
    """A kind of organisation as it is compared: `Accredited university` is `accredited_university`."""
    return folded(kind).replace(" ", "_").replace("-", "_")


def meet(places: Iterable[str], named: Iterable[str], *, parts: bool = False) -> bool:
    """Whether a place is one of those that a pack names; with `parts`, also as a part of it (US-CA of US)."""
    wanted = {folded(name) for name in named}
    found = {folded(place) for place in places}
    if parts:
        found |= {place.partition("-")[0] for place in found if place in _codes()}
    return bool(found & wanted)


def unknown(places: Iterable[str]) -> tuple[str, ...]:
    """The places whose names nobody knows, in order."""
    known = {folded(name) for pack in statute.packs() for name in _named(pack)}
    return tuple(sorted(p for p in places if folded(p) not in known and folded(p) not in _codes()))


def kinds() -> frozenset[str]:
    """Every kind of organisation that is known: those that a pack exempts, and `PLAIN_KINDS`."""
    exempt = (kind for pack in statute.packs() for kind in pack.coverage.get("exempt_kinds", ()))
    return frozenset((*exempt, *PLAIN_KINDS))


def _named(pack: Pack) -> tuple[str, ...]:
    return (*pack.coverage.get("territories", ()), *pack.coverage.get("wider", ()))


@cache
def _codes() -> frozenset[str]:
    listed = holidays.list_supported_countries(include_aliases=False).items()
    parts = (f"{country}-{part}" for country, within in listed for part in within)
    return frozenset(folded(code) for code in (ELSEWHERE, *(country for country, _ in listed), *parts))

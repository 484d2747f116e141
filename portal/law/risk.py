"""Risk taxonomies: categories and tiers as dated facts, and how the categories of one set relate to another.

There is no one list of risks and none is an enum: the compliance framework, the policy text and the EU Code
each have their own, and a category may have no tiers yet.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from portal.law.facts import LawError
from portal.law.packs import PackError

TABLE = Path(__file__).parent / "statute" / "tables" / "taxonomies.toml"
RELATIONS = ("same", "wider", "narrower")


class UnknownTaxonomy(LawError):
    """No taxonomy, or no category of it, has that id."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A risk tier: `number` orders it within its category."""

    number: int
    name: str
    description: str
    examples: str


@dataclass(frozen=True, slots=True)
class Category:
    """A risk category; `tiers` is empty while none are written, and then it is answered as narrative."""

    id: str
    name: str
    summary: str
    tiers: tuple[Tier, ...]
    citation: str

    def tier(self, number: int) -> Tier:
        """The tier of that number.

        Raises:
            UnknownTaxonomy: when the category has none.
        """
        for tier in self.tiers:
            if tier.number == number:
                return tier
        known = ", ".join(str(tier.number) for tier in self.tiers) or "it has no tiers yet"
        raise UnknownTaxonomy(f"{self.name} has no tier {number}.", "", f"Tiers: {known}.")


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """A dated set of categories."""

    id: str
    name: str
    valid_from: date
    citation: str
    status: str
    verified: bool
    categories: tuple[Category, ...]
    digest: str

    def category(self, name: str) -> Category:
        """The category of that id.

        Raises:
            UnknownTaxonomy: when the set has none.
        """
        for category in self.categories:
            if category.id == name:
                return category
        known = ", ".join(category.id for category in self.categories)
        raise UnknownTaxonomy(f"{self.name} has no category {name!r}.", "", f"Use one of: {known}.")


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A category that has no counterpart in another set, with the reason."""

    category: str
    other: str
    why: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a category stands to one of another set: the first is same, wider or narrower."""

    first: str
    second: str
    relation: str


@cache
def _raw() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


@cache
def taxonomies() -> tuple[Taxonomy, ...]:
    """Every shipped taxonomy."""
    digest = "sha256:" + hashlib.sha256(TABLE.read_bytes()).hexdigest()
    return tuple(
        Taxonomy(
            id=item["id"],
            name=item["name"],
            valid_from=item["from"],
            citation=item["citation"],
            status=item["status"],
            verified=item["verified"],
            categories=tuple(_category(row, item["citation"]) for row in item["category"]),
            digest=digest,
        )
        for item in _raw()["taxonomy"]
    )


def _category(row: dict[str, Any], citation: str) -> Category:
    tiers = tuple(Tier(**tier) for tier in row.get("tier", ()))
    return Category(row["id"], row["name"], row["summary"], tiers, citation)


def taxonomy(name: str, on: date | None = None) -> Taxonomy:
    """The taxonomy of an id, and if a date is given only when it was published by then.

    Raises:
        UnknownTaxonomy: when there is none, or not yet.
    """
    for found in taxonomies():
        if found.id == name:
            if on is not None and on < found.valid_from:
                why = f"It was published on {found.valid_from.isoformat()}."
                raise UnknownTaxonomy(f"{found.name} did not exist on {on.isoformat()}.", why)
            return found
    known = ", ".join(found.id for found in taxonomies())
    raise UnknownTaxonomy(f"Taxonomy {name!r} is not known.", "", f"Use one of: {known}.")


def categories(name: str, on: date | None = None) -> tuple[Category, ...]:
    """The categories of a taxonomy, for a form."""
    return taxonomy(name, on).categories


@cache
def mappings() -> tuple[Mapping, ...]:
    """The mapping table between the sets; ids are `taxonomy/category`."""
    return tuple(Mapping(**row) for row in _raw()["mapping"])


@cache
def unmapped() -> tuple[Unmapped, ...]:
    """The categories that stand alone against another set, each said with its reason."""
    return tuple(Unmapped(**row) for row in _raw()["unmapped"])


def check() -> None:
    """Hold the mapping against the sets: each pair of sets answers for each category, in both directions.

    A category may have no tiers; one without counterpart must say so under `unmapped`.

    Raises:
        PackError: naming the category and the set.
    """
    path, alone = TABLE.name, {(row.category, row.other) for row in unmapped()}
    for row in mappings():
        if row.relation not in RELATIONS:
            raise PackError(f"{path}: {row.first} to {row.second}: relation {row.relation!r} is not known.")
    for ours in taxonomies():
        _check_tiers(ours, path)
        for other in taxonomies():
            for category in ours.categories if other.id != ours.id else ():
                name = f"{ours.id}/{category.id}"
                if bool(counterparts(ours.id, category.id, other.id)) == ((name, other.id) in alone):
                    raise PackError(
                        f"{path}: {name} is mapped to {other.id} and said to be alone, or neither."
                    )


def _check_tiers(taxonomy: Taxonomy, path: str) -> None:
    for category in taxonomy.categories:
        numbers = [tier.number for tier in category.tiers]
        if numbers != list(range(1, len(numbers) + 1)):
            raise PackError(f"{path}: {taxonomy.id}/{category.id}: tiers are not numbered 1, 2, 3 in order.")


def counterparts(name: str, category: str, other: str) -> tuple[tuple[Category, str], ...]:
    """The categories of another taxonomy that correspond, each with how ours stands to it."""
    ours, found = f"{name}/{category}", []
    turned = {"same": "same", "wider": "narrower", "narrower": "wider"}
    for row in mappings():
        for first, second, relation in (
            (row.first, row.second, row.relation),
            (row.second, row.first, turned[row.relation]),
        ):
            if first == ours and second.startswith(f"{other}/"):
                found.append((taxonomy(other).category(second.partition("/")[2]), relation))
    return tuple(found)

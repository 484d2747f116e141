"""The versions of a pack that people may read, each with what it changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from portal.law import versions
from portal.law.statute import Pack
from portal.law.versions import Change


@dataclass(frozen=True)
class Version:
    """A version of a pack. `live_from` is its first day here, None for the one that came with the release."""

    pack: Pack
    live_from: date | None
    how: str

    def holds(self, on: date) -> bool:
        """Whether its day has come; the last version of which that is true is the law of the day."""
        return self.live_from is None or self.live_from <= on


@dataclass(frozen=True)
class Step:
    """A version with what it changed of the one before, and how it stands on a day."""

    version: Version
    changes: tuple[Change, ...]
    standing: str


def versions_of(pack: Pack) -> tuple[Version, ...]:
    """Every version of a pack that is public, oldest first: the one place where the pages ask for them.

    A staged version with a future date is told here, and then stands on the page of its law.
    """
    return (Version(pack, None, "Came with this release"),)


def history(found: tuple[Version, ...], on: date) -> list[Step]:
    """The versions, newest first, as they stand on a day."""
    holding = next((one for one in reversed(found) if one.holds(on)), None)
    told = []
    for before, version in pairwise((None, *found)):
        assert version is not None
        changes = versions.diff(before.pack, version.pack) if before else ()
        standing = (
            "Holds now" if version is holding else "Held before" if version.holds(on) else "Not live yet"
        )
        told.append(Step(version, changes, standing))
    return told[::-1]

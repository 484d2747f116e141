"""The versions of a pack that people may read, each with what it changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from portal.law.statute import Pack
from portal.law.versions import Change
from portal.legal import versions as legal
from portal.legal.changes import between
from secure_access.db import Session


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


def versions_of(session: Session, pack: Pack) -> tuple[Version, ...]:
    """Every version of a pack that is public, oldest first: the shipped one, then the approved ones.

    An approved version is public before its day: who has to keep to the law reads it in time.
    """
    here = legal.approved(session, pack.id)
    approved = (Version(legal.text_of(row), row.live_from, f"Approved as {row.reference}") for row in here)
    return (Version(legal.shipped(pack.id), None, "Came with this release"), *approved)


def history(found: tuple[Version, ...], on: date) -> list[Step]:
    """The versions, newest first, as they stand on a day."""
    holding = next((one for one in reversed(found) if one.holds(on)), None)
    told = []
    for before, version in pairwise((None, *found)):
        assert version is not None
        changes = between(before.pack, version.pack) if before else ()
        standing = (
            "Holds now" if version is holding else "Held before" if version.holds(on) else "Not live yet"
        )
        told.append(Step(version, changes, standing))
    return told[::-1]

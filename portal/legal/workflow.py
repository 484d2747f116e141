"""The workflow of a version of a statute pack. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from secure_access.workflow import Role, Step, Workflow


class VersionState(StrEnum):
    """Where a version stands. Whether an approved one is in force follows from its date alone."""

    DRAFT = "draft"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Standing:
    """A version with what stands against acting on it.

    ``authors`` wrote in it; ``gaps`` are what stands against approving it as it is; ``live`` says that its
    date has come.
    """

    state: VersionState
    authors: frozenset[uuid.UUID] = frozenset()
    gaps: tuple[str, ...] = ()
    live: bool = False


def wrote_it(version: Standing, by: Any) -> str | None:
    """One drafts, another approves."""
    if by.person_id in version.authors:
        return "You wrote in this version, so you cannot approve it. Ask another legal officer."
    return None


def has_gaps(version: Standing, _by: Any) -> str | None:
    """What is not sound, changes nothing, or follows another version than the one it was drafted from."""
    return " ".join(version.gaps) if version.gaps else None


def is_live(version: Standing, _by: Any) -> str | None:
    """What has gone live was the law that results were made with."""
    if version.live:
        return "It has gone live, and results were made with it. Draft a version that follows it."
    return None


STATUTE_VERSION = Workflow(
    "version of a statute pack",
    start=VersionState.DRAFT,
    steps=(
        Step("amend", by=Role.LEGAL_OFFICER, frm={VersionState.DRAFT}, to=None),
        Step(
            "approve",
            by=Role.LEGAL_OFFICER,
            frm={VersionState.DRAFT},
            to=VersionState.APPROVED,
            unless=(wrote_it, has_gaps),
        ),
        Step(
            "withdraw",
            by=Role.LEGAL_OFFICER,
            frm={VersionState.DRAFT, VersionState.APPROVED},
            to=VersionState.WITHDRAWN,
            unless=(is_live,),
        ),
    ),
)

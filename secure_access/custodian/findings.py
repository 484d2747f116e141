"""What a drift report says, as types alone: the sandbox shows one with nothing of the ledger loaded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secure_access.custodian.oscal.schemas import SchemaState

REGISTER, REPORT = "threat-actors", "drift-report"
"""Keys of the two sections that a delivery may have beside those of the outline."""


class FindingKind(StrEnum):
    """What does not agree."""

    SECTION_WITHOUT_DETAIL = "section without detail"
    SECTION_NOT_IN_OUTLINE = "section not in the outline"
    CONTROL_ABSENT = "control absent"
    CONTROL_NOT_IN_PLACE = "control not in place"
    CONTROL_WITHOUT_STATUS = "control without status"
    CONTROL_UNKNOWN = "control unknown"
    CONTROL_WITHDRAWN = "control withdrawn"
    CONTROLS_NOT_COMPARED = "controls not compared"
    NO_REGISTER = "no register"
    ACTOR_WITHOUT_CONTROL = "actor without control"
    ACTOR_CONTROL_ABSENT = "actor's control absent"
    ACTOR_CONTROL_NOT_IN_PLACE = "actor's control not in place"
    TIER_UNKNOWN = "tier unknown"


@dataclass(frozen=True)
class OutlineSection:
    """A heading of the public outline: key, name, and the text filed below it."""

    key: str
    title: str
    text: str


@dataclass(frozen=True)
class Finding:
    """One thing that does not agree: of which section, control or actor, and the words for a person."""

    kind: FindingKind
    about: str
    words: str


@dataclass(frozen=True)
class DriftReport:
    """Findings, with what was compared: the outline by digest, sections by key, how much of the rest."""

    outline: str
    sections: tuple[str, ...]
    controls: int
    actors: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Told:
    """All that leaves the custodian about a section before anybody may read it.

    ``schema`` is None for a section that is no OSCAL plan; a schema that is not installed makes nothing
    valid.
    """

    openable: bool
    pages: int
    schema: SchemaState | None

    @property
    def schema_valid(self) -> bool:
        """Whether the section is a plan and valid by the official schema of its version."""
        return self.schema is SchemaState.VALID

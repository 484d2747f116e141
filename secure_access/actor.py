"""Who acts: the `Actor` that every verb takes as ``by``, with the roles held at this moment."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

from secure_access.workflow import Role


class OrganisationKind(StrEnum):
    """What an organisation is to the authority."""

    REGULATOR = "regulator"
    DEVELOPER = "developer"
    EVALUATOR = "evaluator"
    AGENT = "agent"


@dataclass(frozen=True)
class Agency:
    """Under which delegation somebody acts for another organisation, and whose person that is."""

    delegation_id: uuid.UUID
    organisation_id: uuid.UUID
    organisation_name: str


@dataclass(frozen=True)
class Actor:
    """Who acts, with the roles held at this moment. Read anew on every request.

    ``organisation_id`` is the organisation for which the person acts: with ``agency``, the developer who
    delegated. ``conflicts`` are developers whose matters this person may neither read nor touch.
    """

    person_id: uuid.UUID
    name: str
    organisation_id: uuid.UUID
    organisation_kind: OrganisationKind
    organisation_name: str
    roles: frozenset[Role]
    team: str = ""
    title: str = ""
    conflicts: frozenset[uuid.UUID] = frozenset()
    agency: Agency | None = None

    def holds(self, *roles: Role) -> bool:
        """Whether the actor holds any of ``roles``."""
        return bool(self.roles & set(roles))

    @property
    def for_whom(self) -> str:
        """What stands beside the name of somebody who acts for another organisation; else empty."""
        return f"{self.agency.organisation_name}, for {self.organisation_name}" if self.agency else ""

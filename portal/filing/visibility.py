"""Who sees what was filed. A draft is its developer's alone: no role of the authority opens one.

A draft of named people is there for those people alone; once it is submitted it is of record, and open to
everyone who files for the developer. The page, lists, exports and links of attachments share this condition.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing, FilingPerson, Incident
from portal.filing.workflow import DRAFTS, FILERS, FilingState, PlaceState
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import col, select
from secure_access.visibility import Sight, Visibility
from secure_access.workflow import Role

READERS = frozenset({Role.CASE_OFFICER, Role.DECIDER})
"""Who of the authority reads what was submitted."""

OF_RECORD = [state for state in FilingState if state not in DRAFTS]


def is_open_to(by: Actor) -> ColumnElement[bool]:
    """It is open to everyone who files, or names this person."""
    named = select(FilingPerson.filing_id).where(
        FilingPerson.person_id == by.person_id, FilingPerson.state == PlaceState.NAMED
    )
    return or_(col(Filing.named_only).is_(False), col(Filing.id).in_(named))


def is_own_or_beside(by: Actor) -> ColumnElement[bool]:
    """It is this person's, or of a draft that names this person."""
    beside = select(FilingPerson.filing_id).where(
        FilingPerson.person_id == by.person_id, FilingPerson.state == PlaceState.NAMED
    )
    return or_(col(FilingPerson.person_id) == by.person_id, col(FilingPerson.filing_id).in_(beside))


_OWN = Sight(OrganisationKind.DEVELOPER, own="developer_id")
_OFFICIALS = Sight(OrganisationKind.REGULATOR, roles=READERS)

FILINGS = Visibility(
    Filing,
    Sight(OrganisationKind.DEVELOPER, own="developer_id", states=OF_RECORD),
    Sight(OrganisationKind.DEVELOPER, own="developer_id", states=DRAFTS, besides=is_open_to),
    Sight(OrganisationKind.REGULATOR, roles=READERS, states=OF_RECORD),
)
PLACES = Visibility(
    FilingPerson,
    Sight(
        OrganisationKind.DEVELOPER,
        roles={Role.ORGANISATION_ADMINISTRATOR},
        own="developer_id",
        agents=False,
    ),
    Sight(OrganisationKind.DEVELOPER, roles=FILERS, own="developer_id", besides=is_own_or_beside),
)
INCIDENTS = Visibility(Incident, _OWN, _OFFICIALS)
MODEL_VERSIONS = Visibility(ModelVersion, _OWN, _OFFICIALS)

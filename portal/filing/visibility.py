"""Who sees what was filed. A draft is its developer's alone: no role of the authority opens one."""

from __future__ import annotations

from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing, Incident
from portal.filing.workflow import FilingState
from secure_access.actor import OrganisationKind
from secure_access.visibility import Sight, Visibility
from secure_access.workflow import Role

DRAFTS = (FilingState.DRAFT, FilingState.IN_CERTIFICATION)
READERS = frozenset({Role.CASE_OFFICER, Role.DECIDER})
"""Who of the authority reads what was submitted."""

_OWN = Sight(OrganisationKind.DEVELOPER, own="developer_id")
_OFFICIALS = Sight(OrganisationKind.REGULATOR, roles=READERS)

FILINGS = Visibility(
    Filing,
    _OWN,
    Sight(
        OrganisationKind.REGULATOR,
        roles=READERS,
        states=[state for state in FilingState if state not in DRAFTS],
    ),
)
INCIDENTS = Visibility(Incident, _OWN, _OFFICIALS)
MODEL_VERSIONS = Visibility(ModelVersion, _OWN, _OFFICIALS)

"""Who sees a notice: its developer from the day it is served, and who reviews.

The request itself is for everybody who reviews; who asked is told to no developer. Blocks follow their
notice: an official who has a conflict with a developer sees none of hers.
"""

from __future__ import annotations

from portal.disclosure.tables import AccessNotice
from portal.filing.visibility import READERS
from secure_access.actor import OrganisationKind
from secure_access.visibility import Sight, Visibility

ACCESS_NOTICES = Visibility(
    AccessNotice,
    Sight(OrganisationKind.DEVELOPER, own="developer_id"),
    Sight(OrganisationKind.REGULATOR, roles=READERS),
)

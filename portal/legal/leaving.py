"""What a legal officer leaves behind: drafts of versions of the law."""

from __future__ import annotations

from collections.abc import Iterator

from portal.legal.tables import StatuteVersion
from portal.legal.workflow import VersionState
from secure_access.db import Session, select
from secure_access.identity import OrganisationKind, Person, leaving
from secure_access.identity.leaving import Holding


def drafts(session: Session, person: Person) -> Iterator[Holding]:
    """Versions that this person drafted and nobody has approved or withdrawn. Any legal officer goes on."""
    query = select(StatuteVersion).where(
        StatuteVersion.drafted_by == person.id, StatuteVersion.state == VersionState.DRAFT
    )
    for row in session.exec(query):
        who = "Another legal officer approves it or withdraws it."
        yield Holding(f"law:{row.reference}", f"draft of the law {row.reference}", who=who)


leaving.declare("law", drafts, of=OrganisationKind.REGULATOR)

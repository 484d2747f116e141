"""What an official leaves behind: answers that wait for a decider. They are not handed over: another prepares
them anew once they are sent back.
"""

from __future__ import annotations

from collections.abc import Iterator

from portal.disclosure.tables import AccessRequest
from portal.disclosure.workflow import AccessState
from secure_access.db import Session, col, select
from secure_access.identity import OrganisationKind, Person, leaving
from secure_access.identity.leaving import Holding


def answers(session: Session, person: Person) -> Iterator[Holding]:
    """Answers that this person prepared and nobody has decided."""
    query = select(AccessRequest).where(
        AccessRequest.prepared_by == person.id, AccessRequest.state == AccessState.PREPARED
    )
    for row in session.exec(query.order_by(col(AccessRequest.reference))):
        who = "A decider decides it, or sends it back to another case officer."
        yield Holding(f"access_answer:{row.id}", f"prepared answer to {row.reference}", who=who)


leaving.declare("access_answer", answers, of=OrganisationKind.REGULATOR)

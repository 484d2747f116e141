"""What somebody of enforcement leaves behind: worksheets that wait for a colleague, and proposed methods.

None of it is handed over: a signature and a proposal stay those of whoever made them. A colleague takes the
next step, and then it is the colleague's.
"""

from __future__ import annotations

from collections.abc import Iterator

from portal.enforcement.tables import MethodAdoption, Worksheet
from portal.enforcement.workflow import AdoptionState, WorksheetState
from secure_access.db import Session, col, select
from secure_access.identity import OrganisationKind, Person, leaving
from secure_access.identity.leaving import Holding

_NEXT = {
    WorksheetState.DRAFT: "A colleague of enforcement prepares it, or changes it first.",
    WorksheetState.PREPARED: "A head of enforcement approves it or sends it back.",
    WorksheetState.SENT_BACK: "A colleague of enforcement changes it.",
}


def worksheets(session: Session, person: Person) -> Iterator[Holding]:
    """Worksheets that this person wrote last or prepared, and that nobody has approved or replaced."""
    query = select(Worksheet).where(col(Worksheet.state).in_(_NEXT))
    for row in session.exec(query.order_by(col(Worksheet.reference))):
        if person.id == (row.prepared_by or row.drafted_by):
            what = f"worksheet {row.reference}, {row.state.replace('_', ' ')}"
            yield Holding(f"worksheet:{row.reference}", what, who=_NEXT[row.state])


def methods(session: Session, person: Person) -> Iterator[Holding]:
    """Methods that this person proposed and nobody has adopted or withdrawn."""
    query = select(MethodAdoption).where(
        MethodAdoption.proposed_by == person.id, MethodAdoption.state == AdoptionState.PROPOSED
    )
    for row in session.exec(query):
        who = "A head of enforcement adopts it or withdraws it."
        yield Holding(f"method:{row.reference}", f"proposed method {row.reference}", who=who)


leaving.declare("worksheet", worksheets, of=OrganisationKind.REGULATOR)
leaving.declare("method", methods, of=OrganisationKind.REGULATOR)

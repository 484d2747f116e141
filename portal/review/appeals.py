"""Notes of appeal: a developer says that it appeals a decision. The court or board decides elsewhere."""

from __future__ import annotations

from datetime import datetime

from portal.review import decisions
from portal.review.tables import AppealNote, Case, Decision
from secure_access import ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor
from secure_access.workflow import Denied, NotFound, Role


def note(
    session: Session, *, decision: Decision, body: str, grounds: str, by: Actor, now: datetime
) -> AppealNote:
    """Record that a developer appeals, before whom and why.

    Raises `Denied`, `NotFound` for another's decision, ``ValueError`` when something is blank.
    """
    if decision.developer_id != by.organisation_id:
        raise NotFound
    if not by.holds(Role.CERTIFYING_OFFICER):
        raise Denied("Only a certifying officer can note an appeal.", "Ask a certifying officer.")
    if not body.strip() or not grounds.strip():
        raise ValueError("Name the court or board, and say on what grounds you appeal.")
    case = session.get_one(Case, decision.case_id)
    row = AppealNote(
        reference=next_reference(session, "AN", now),
        decision_id=decision.id,
        developer_id=decision.developer_id,
        body=body.strip(),
        grounds=grounds.strip(),
        noted_by=by.person_id,
        noted_at=now,
    )
    session.add(row)
    fields = {"reference": row.reference, "decision": decision.reference}
    ledger.append(
        session, "appeal.noted", fields, by=by, now=now, about=decisions.about(case, decision), records=(row,)
    )
    return row


def of_decision(session: Session, decision: Decision) -> list[AppealNote]:
    """The notes of appeal against a decision, newest first."""
    query = select(AppealNote).where(AppealNote.decision_id == decision.id)
    return list(session.exec(query.order_by(col(AppealNote.noted_at).desc())))

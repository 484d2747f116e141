"""Conflicts of officials with developers: declared or given, dated, ended with a reason."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from secure_access import ledger
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import Session, col, select
from secure_access.identity.people import (
    Organisation,
    Person,
    conflicts_of,
    organisation_subject,
    person_subject,
)
from secure_access.identity.roles import oversees
from secure_access.identity.tables import Recusal
from secure_access.identity.workflow import RECUSAL, StandingState
from secure_access.workflow import Denied, NotFound


def declare(
    session: Session, *, person_id: uuid.UUID, developer_id: uuid.UUID, reason: str, by: Actor, now: datetime
) -> Recusal:
    """Declare one's own conflict, or give one as an administrator. It counts from the next request.

    Raises `Denied` without a reason or for a second one, `NotFound` for whoever may not.
    """
    person, developer = session.get(Person, person_id), session.get(Organisation, developer_id)
    if person is None or developer is None or developer.kind is not OrganisationKind.DEVELOPER:
        raise NotFound
    official = by.organisation_kind is OrganisationKind.REGULATOR
    if not official or person.organisation_id != by.organisation_id:
        raise NotFound
    if person.id != by.person_id and not oversees(by):
        raise NotFound
    if not reason.strip():
        raise Denied("The reason is missing.", "Say in a sentence what the conflict is.")
    if developer_id in conflicts_of(session, person_id):
        raise Denied("That conflict stands already.", "Nothing more is needed.")
    row = Recusal(
        person_id=person_id,
        developer_id=developer_id,
        reason=reason.strip(),
        declared_by=by.person_id,
        declared_at=now,
    )
    session.add(row)
    session.flush()
    ledger.append(session, "recusal.declared", _named(row), by=by, now=now, about=_about(row), records=(row,))
    return row


def end(session: Session, *, recusal: Recusal, reason: str, by: Actor, now: datetime) -> None:
    """End a conflict, with the reason. Raises `Denied`; nobody ends their own."""
    state = RECUSAL.take("end", by, recusal)
    if recusal.person_id == by.person_id:
        raise Denied("This conflict is your own.", "Ask another administrator to end it.")
    if not reason.strip():
        raise Denied("The reason is missing.", "Say why the conflict is no more.")
    recusal.state, recusal.end_reason = state, reason.strip()
    recusal.ended_by, recusal.ended_at = by.person_id, now
    session.add(recusal)
    ledger.append(
        session, "recusal.ended", _named(recusal), by=by, now=now, about=_about(recusal), records=(recusal,)
    )


def load(session: Session, recusal_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> Recusal:
    """A conflict, for the authority's administrators. Raises `NotFound`."""
    query = select(Recusal).where(Recusal.id == recusal_id)
    found = session.exec(query.with_for_update() if for_update else query).first()
    if found is None or not oversees(by):
        raise NotFound
    return found


def every(session: Session, *, by: Actor) -> list[Recusal]:
    """Every conflict, the standing ones first, for the authority's administrators."""
    if not oversees(by):
        raise NotFound
    query = select(Recusal).order_by(col(Recusal.state).desc(), col(Recusal.declared_at).desc())
    return list(session.exec(query))


def own(session: Session, *, by: Actor) -> list[Recusal]:
    """The actor's own conflicts, the latest first."""
    query = select(Recusal).where(Recusal.person_id == by.person_id)
    return list(session.exec(query.order_by(col(Recusal.declared_at).desc())))


def open_to(by: Actor, developer_id: Any) -> ColumnElement[bool]:
    """The condition of every list, count and search: ``developer_id`` is no developer kept apart from ``by``.

    ``developer_id`` is the column that says whose a row is.
    """
    return col(developer_id).not_in(by.conflicts)


def hide(by: Actor, developer_id: uuid.UUID) -> None:
    """Raises `NotFound` where a developer's matters are not there for somebody with a conflict."""
    if developer_id in by.conflicts:
        raise NotFound


def refuse_assignment(session: Session, *, person_id: uuid.UUID, developer_id: uuid.UUID) -> None:
    """Raises `Denied` for naming somebody in a matter of a developer with whom they have a conflict."""
    query = select(Recusal).where(
        Recusal.person_id == person_id,
        Recusal.developer_id == developer_id,
        Recusal.state == StandingState.STANDING,
    )
    row = session.exec(query).first()
    if row is not None:
        name = session.get_one(Person, person_id).name
        raise Denied(
            f"{name} has a conflict with this developer, recorded on {row.declared_at:%-d %B %Y}.",
            "Name somebody else. An administrator can end a conflict that is no more.",
        )


def _named(row: Recusal) -> dict[str, str]:
    return {"recusal": str(row.id), "developer": str(row.developer_id)}


def _about(row: Recusal) -> tuple[str, str]:
    return person_subject(row.person_id), organisation_subject(row.developer_id)

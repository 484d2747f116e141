"""Delegation: counsel or an agent acts for a developer, within a scope, from a day until a day."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from secure_access import ledger
from secure_access.actor import Actor, Agency, OrganisationKind
from secure_access.db import Session, col, select
from secure_access.identity.authority import stands
from secure_access.identity.people import Organisation, actor, organisation_subject
from secure_access.identity.roles import administers
from secure_access.identity.tables import Delegation
from secure_access.identity.workflow import DELEGATION
from secure_access.workflow import Denied, NotFound, Role

SCOPE: dict[str, tuple[Role, str]] = {
    "draft": (Role.DRAFTING_AGENT, "Prepare filings and keep the registry of models"),
    "report_incidents": (Role.REPORTING_AGENT, "Report incidents and add to them"),
    "answer_requests": (Role.ANSWERING_AGENT, "Answer information requests"),
}
"""What can be delegated: the role held while acting, and words. Signing is not among it."""


@dataclass(frozen=True)
class NewDelegation:
    """What an agent may do for a developer, and when. Both days are inside."""

    agent_id: uuid.UUID
    scope: Sequence[str]
    from_on: date
    until_on: date


def every(session: Session, organisation_id: uuid.UUID) -> list[Delegation]:
    """What a developer delegated and what was delegated to an agent, the latest first."""
    query = select(Delegation).where(
        (col(Delegation.organisation_id) == organisation_id) | (col(Delegation.agent_id) == organisation_id)
    )
    return list(session.exec(query.order_by(col(Delegation.granted_at).desc())))


def grant(session: Session, *, new: NewDelegation, by: Actor, now: datetime) -> Delegation:
    """Let an agent's people act for the actor's organisation. Raises `Denied`, `NotFound` for whoever does
    not run it."""
    if by.organisation_kind is not OrganisationKind.DEVELOPER or not administers(by, by.organisation_id):
        raise NotFound
    agent = session.get(Organisation, new.agent_id)
    if agent is None or agent.kind is not OrganisationKind.AGENT:
        raise Denied("That is not an agent known to the authority.", "Choose one from the list.")
    if not new.scope or not set(new.scope) <= set(SCOPE):
        raise Denied(
            "Nothing that can be delegated is chosen.",
            "Choose one or more of the list; signing is not in it.",
        )
    if new.until_on < max(new.from_on, now.date()):
        raise Denied("The delegation would be over before it begins.", "Give a later last day.")
    row = Delegation(
        organisation_id=by.organisation_id,
        agent_id=agent.id,
        scope=sorted(set(new.scope)),
        from_on=new.from_on,
        until_on=new.until_on,
        granted_by=by.person_id,
        granted_at=now,
    )
    session.add(row)
    session.flush()
    fields = {
        "delegation": str(row.id),
        "agent": str(row.agent_id),
        "scope": row.scope,
        "from": row.from_on.isoformat(),
        "until": row.until_on.isoformat(),
    }
    ledger.append(session, "delegation.granted", fields, by=by, now=now, about=_both(row), records=(row,))
    return row


def revoke(session: Session, *, delegation: Delegation, reason: str, by: Actor, now: datetime) -> None:
    """Revoke a delegation: the agent's next request is refused.

    Raises `Denied` without a reason, `NotFound` for whoever does not run the developer that gave it.
    """
    if not administers(by, delegation.organisation_id):
        raise NotFound
    state = DELEGATION.take("revoke", by, delegation)
    if not reason.strip():
        raise Denied("The reason is missing.", "Say why the delegation ends; the agent reads it.")
    delegation.state, delegation.reason = state, reason.strip()
    delegation.revoked_by, delegation.revoked_at = by.person_id, now
    session.add(delegation)
    fields = {"delegation": str(delegation.id), "agent": str(delegation.agent_id)}
    ledger.append(
        session, "delegation.revoked", fields, by=by, now=now, about=_both(delegation), records=(delegation,)
    )


def load(session: Session, delegation_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> Delegation:
    """A delegation that an organisation gave which ``by`` runs. Raises `NotFound` for any other."""
    query = select(Delegation).where(Delegation.id == delegation_id)
    found = session.exec(query.with_for_update() if for_update else query).first()
    if found is None or not administers(by, found.organisation_id):
        raise NotFound
    return found


def offered(session: Session, person_id: uuid.UUID, *, now: datetime) -> list[Delegation]:
    """Under which delegations an agent's person may act now."""
    by = actor(session, person_id)
    if not by.holds(Role.AGENT):
        return []
    found = session.exec(select(Delegation).where(Delegation.agent_id == by.organisation_id))
    return [row for row in found if stands(row, now)]


def acting(
    session: Session, person_id: uuid.UUID, delegation_id: uuid.UUID | None, *, now: datetime
) -> Actor:
    """The actor that a person is now: their own organisation's, or a developer's under a standing delegation.

    Raises `NotFound` for nobody. A delegation that does not stand gives back the person alone.
    """
    own = actor(session, person_id)
    row = session.get(Delegation, delegation_id) if delegation_id else None
    if (
        row is None
        or row.agent_id != own.organisation_id
        or not own.holds(Role.AGENT)
        or not stands(row, now)
    ):
        return own
    developer = session.get_one(Organisation, row.organisation_id)
    return Actor(
        person_id=own.person_id,
        name=own.name,
        organisation_id=developer.id,
        organisation_kind=OrganisationKind.DEVELOPER,
        organisation_name=developer.name,
        roles=frozenset(SCOPE[name][0] for name in row.scope),
        title=own.title,
        agency=Agency(row.id, own.organisation_id, own.organisation_name),
    )


def _both(row: Delegation) -> tuple[str, str]:
    return organisation_subject(row.organisation_id), organisation_subject(row.agent_id)

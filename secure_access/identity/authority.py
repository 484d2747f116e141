"""Authority to sign, asked at the moment of signing; and delegation: who acts for a developer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from secure_access import ledger
from secure_access.actor import Actor, Agency, OrganisationKind
from secure_access.db import Session, col, select
from secure_access.identity.people import (
    Organisation,
    Person,
    actor,
    organisation_subject,
    person_subject,
    roles_of,
)
from secure_access.identity.roles import administers, administrators, oversees
from secure_access.identity.tables import Delegation, SigningAuthority
from secure_access.identity.workflow import AUTHORITY_TO_SIGN, DELEGATION, StandingState
from secure_access.workflow import Denied, NotFound, Role

SCOPE: dict[str, tuple[Role, str]] = {
    "draft": (Role.DRAFTING_AGENT, "Prepare filings and keep the registry of models"),
    "report_incidents": (Role.REPORTING_AGENT, "Report incidents and add to them"),
    "answer_requests": (Role.ANSWERING_AGENT, "Answer information requests"),
}
"""What can be delegated: the role held while acting, and words. Signing is not among it."""


@dataclass(frozen=True)
class NewAuthority:
    """That an officer may sign: who appointed them and on what evidence."""

    officer_id: uuid.UUID
    title: str
    appointed_by: str
    evidence: str
    from_on: date
    until_on: date | None = None
    document_id: uuid.UUID | None = None


@dataclass(frozen=True)
class NewDelegation:
    """What an agent may do for a developer, and when. Both days are inside."""

    agent_id: uuid.UUID
    scope: Sequence[str]
    from_on: date
    until_on: date


def authorities(session: Session, organisation_id: uuid.UUID) -> list[SigningAuthority]:
    """Every authority that an organisation ever recorded, the latest first."""
    query = select(SigningAuthority).where(SigningAuthority.organisation_id == organisation_id)
    return list(session.exec(query.order_by(col(SigningAuthority.recorded_at).desc())))


def record(
    session: Session, *, organisation_id: uuid.UUID, new: NewAuthority, by: Actor | None, now: datetime
) -> SigningAuthority:
    """Record that an officer may sign. ``by`` is ``None`` for the machine's operator.

    Raises `Denied` for somebody who is no certifying officer there, or where something is missing;
    `NotFound` for whoever does not run that organisation.
    """
    if by is not None and not administers(by, organisation_id):
        raise NotFound
    officer = session.get(Person, new.officer_id)
    if officer is None or officer.organisation_id != organisation_id:
        raise NotFound
    if by is not None and by.person_id == officer.id:
        raise Denied(
            "You cannot record your own authority to sign.", "Ask another administrator to record it."
        )
    if Role.CERTIFYING_OFFICER not in roles_of(session, officer.id):
        raise Denied(f"{officer.name} is not a certifying officer.", "Give the role first.")
    missing = [
        words
        for words, said in (
            ("a title", new.title),
            ("who appointed", new.appointed_by),
            ("the evidence", new.evidence),
        )
        if not said.strip()
    ]
    if missing:
        raise Denied(f"Not said: {', '.join(missing)}.", "Write it as the appointment has it.")
    if new.until_on is not None and new.until_on < new.from_on:
        raise Denied("The end lies before the beginning.", "Correct one of the dates.")
    row = SigningAuthority(
        organisation_id=organisation_id,
        officer_id=officer.id,
        title=new.title.strip(),
        appointed_by=new.appointed_by.strip(),
        evidence=new.evidence.strip(),
        document_id=new.document_id,
        from_on=new.from_on,
        until_on=new.until_on,
        recorded_by=by.person_id if by else None,
        recorded_at=now,
    )
    session.add(row)
    session.flush()
    fields = {**_named(row), "from": row.from_on.isoformat(), "until": _iso(row.until_on)}
    ledger.append(session, "authority.recorded", fields, by=by, now=now, about=_about(row), records=(row,))
    return row


def revoke(session: Session, *, authority: SigningAuthority, reason: str, by: Actor, now: datetime) -> None:
    """End an authority at once; what was signed under it stands. Raises `Denied` without a reason."""
    if not administers(by, authority.organisation_id):
        raise NotFound
    state = AUTHORITY_TO_SIGN.take("revoke", by, authority)
    if not reason.strip():
        raise Denied("The reason is missing.", "Say why the authority ends.")
    authority.state, authority.reason = state, reason.strip()
    authority.revoked_by, authority.revoked_at = by.person_id, now
    session.add(authority)
    ledger.append(
        session, "authority.revoked", _named(authority), by=by, now=now, about=_about(authority),
        records=(authority,),
    )  # fmt: skip


def signing_refusal(session: Session, by: Actor, *, required: bool, now: datetime) -> Denied | None:
    """Why somebody may not sign for the organisation now for want of an authority, or ``None``.

    ``required`` demands an authority also of an organisation that has never recorded one.
    """
    known = authorities(session, by.organisation_id)
    if not known and not required:
        return None
    today = now.date()
    mine = [row for row in known if row.officer_id == by.person_id]
    if any(_stands(row, today) for row in mine):
        return None
    who = " or ".join(person.name for person in administrators(
        session, session.get_one(Organisation, by.organisation_id)
    )) or "an administrator of your organisation"  # fmt: skip
    return Denied(
        f"You cannot sign because {_why(mine, today)}.",
        f"Ask {who} to record an authority to sign for you under Organisation.",
    )


def load(
    session: Session, authority_id: uuid.UUID, *, by: Actor, for_update: bool = False
) -> SigningAuthority:
    """An authority of an organisation that ``by`` runs. Raises `NotFound` for any other."""
    query = select(SigningAuthority).where(SigningAuthority.id == authority_id)
    found = session.exec(query.with_for_update() if for_update else query).first()
    if found is None or not administers(by, found.organisation_id):
        raise NotFound
    return found


def _why(mine: list[SigningAuthority], today: date) -> str:
    if not mine:
        return "no authority to sign is recorded for you"
    last = mine[0]
    if last.state is StandingState.ENDED:
        return f"your authority to sign as {last.title} was revoked"
    if last.from_on > today:
        return f"your authority to sign as {last.title} begins on {last.from_on:%-d %B %Y}"
    assert last.until_on is not None
    return f"your authority to sign as {last.title} ended on {last.until_on:%-d %B %Y}"


def _stands(row: SigningAuthority | Delegation, today: date) -> bool:
    begun = row.state is StandingState.STANDING and row.from_on <= today
    return begun and (row.until_on is None or today <= row.until_on)


def stands(row: SigningAuthority | Delegation, now: datetime) -> bool:
    """Whether an authority or a delegation counts now: neither revoked, nor before or after its days."""
    return _stands(row, now.date())


def _named(row: SigningAuthority) -> dict[str, str]:
    return {"authority": str(row.id), "officer": str(row.officer_id)}


def _about(row: SigningAuthority) -> tuple[str, str]:
    return organisation_subject(row.organisation_id), person_subject(row.officer_id)


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


# Delegation


def delegations(session: Session, organisation_id: uuid.UUID) -> list[Delegation]:
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


def end_delegation(
    session: Session, *, delegation: Delegation, reason: str, by: Actor, now: datetime
) -> None:
    """Revoke a delegation: the agent's next request is refused. Raises `Denied` without a reason."""
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


def delegation(
    session: Session, delegation_id: uuid.UUID, *, by: Actor, for_update: bool = False
) -> Delegation:
    """A delegation that the actor's own organisation gave, or the authority oversees. Raises `NotFound`."""
    query = select(Delegation).where(Delegation.id == delegation_id)
    found = session.exec(query.with_for_update() if for_update else query).first()
    own = found is not None and found.organisation_id == by.organisation_id and by.agency is None
    if found is None or not (own or oversees(by)):
        raise NotFound
    return found


def offered(session: Session, person_id: uuid.UUID, *, now: datetime) -> list[Delegation]:
    """Under which delegations an agent's person may act now."""
    by = actor(session, person_id)
    if not by.holds(Role.AGENT):
        return []
    found = session.exec(select(Delegation).where(Delegation.agent_id == by.organisation_id))
    return [row for row in found if _stands(row, now.date())]


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
        or not _stands(row, now.date())
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

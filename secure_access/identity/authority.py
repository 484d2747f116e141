"""Authority to sign: recorded by an organisation for its officers, and asked at the moment of signing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from secure_access import ledger
from secure_access.actor import Actor
from secure_access.db import Session, col, select
from secure_access.identity import organisations
from secure_access.identity.people import (
    Organisation,
    Person,
    organisation_subject,
    person_subject,
    roles_of,
)
from secure_access.identity.roles import administers, administrators
from secure_access.identity.tables import Delegation, SigningAuthority
from secure_access.identity.workflow import AUTHORITY_TO_SIGN, StandingState
from secure_access.workflow import Denied, NotFound, Role


@dataclass(frozen=True)
class NewAuthority:
    """That an officer may sign: who appointed them and on what evidence.

    ``entity_id`` limits it to one legal entity of the organisation.
    """

    officer_id: uuid.UUID
    title: str
    appointed_by: str
    evidence: str
    from_on: date
    until_on: date | None = None
    document_id: uuid.UUID | None = None
    entity_id: uuid.UUID | None = None


def authorities(session: Session, organisation_id: uuid.UUID) -> list[SigningAuthority]:
    """Every authority that an organisation ever recorded, the latest first."""
    query = select(SigningAuthority).where(SigningAuthority.organisation_id == organisation_id)
    return list(session.exec(query.order_by(col(SigningAuthority.recorded_at).desc())))


def record(
    session: Session, *, organisation_id: uuid.UUID, new: NewAuthority, by: Actor | None, now: datetime
) -> SigningAuthority:
    """Record that an officer may sign. ``by`` is ``None`` for the machine's operator.

    Raises `Denied` for somebody who is no certifying officer there, or where something is missing;
    `NotFound` for whoever does not run that organisation, and for a legal entity that is not its own.
    """
    if by is not None and not administers(by, organisation_id):
        raise NotFound
    if new.entity_id is not None:
        organisations.of(session, new.entity_id, organisation_id=organisation_id)
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
        entity_id=new.entity_id,
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


def signing_refusal(
    session: Session, by: Actor, *, entity_id: uuid.UUID | None, required: bool, now: datetime
) -> Denied | None:
    """Why somebody may not sign for a legal entity now for want of an authority, or ``None``.

    ``required`` demands an authority also of an organisation that has never recorded one.
    """
    known = authorities(session, by.organisation_id)
    if not known and not required:
        return None
    mine = [row for row in known if row.officer_id == by.person_id]
    standing = [row for row in mine if stands(row, now)]
    if any(row.entity_id in (None, entity_id) for row in standing):
        return None
    why = "your authority to sign is for another legal entity" if standing else _why(mine, now.date())
    who = " or ".join(person.name for person in administrators(
        session, session.get_one(Organisation, by.organisation_id)
    )) or "an administrator of your organisation"  # fmt: skip
    return Denied(
        f"You cannot sign because {why}.",
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


def stands(row: SigningAuthority | Delegation, now: datetime) -> bool:
    """Whether an authority or a delegation counts now: neither revoked, nor before or after its days."""
    today = now.date()
    begun = row.state is StandingState.STANDING and row.from_on <= today
    return begun and (row.until_on is None or today <= row.until_on)


def _named(row: SigningAuthority) -> dict[str, str]:
    return {"authority": str(row.id), "officer": str(row.officer_id)}


def _about(row: SigningAuthority) -> tuple[str, str]:
    return organisation_subject(row.organisation_id), person_subject(row.officer_id)


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""

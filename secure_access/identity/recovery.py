"""The first administrator, made on the machine; and what gets round the administrators later, which everybody
is told of: another administrator, or another sign-in policy where nobody gets in any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secure_access import jobs, ledger
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import Session, Table, col, select
from secure_access.identity import invitations, policies
from secure_access.identity.invitations import Wanted
from secure_access.identity.people import (
    Organisation,
    Person,
    PersonRole,
    add_organisation,
    organisation_subject,
)
from secure_access.identity.policy import Policy
from secure_access.identity.roles import administrators, oversees
from secure_access.identity.tables import (
    Delegation,
    Invitation,
    LegalEntity,
    OrganisationRelation,
    PeopleConfirmation,
    ProposedAct,
    Recovery,
    Recusal,
    SigningAuthority,
    SignInPolicy,
)
from secure_access.ledger import security_log
from secure_access.ledger.tables import LedgerEntry
from secure_access.workflow import Denied, NotFound, Role

RECOVERED = "mail.recovered"
"""The job that tells every administrator, and the second contact, of a recovery, with its identifier."""

_TABLES: tuple[type[Table], ...] = (
    Organisation,
    Person,
    PersonRole,
    LegalEntity,
    OrganisationRelation,
    Invitation,
    SigningAuthority,
    Delegation,
    Recusal,
    PeopleConfirmation,
    ProposedAct,
    Recovery,
)


@dataclass(frozen=True)
class Newcomer:
    """Who is to be an administrator."""

    email: str
    name: str


def authority_of(session: Session, name: str, *, now: datetime) -> Organisation:
    """The authority's own organisation, which is made where it is missing."""
    query = select(Organisation).where(Organisation.kind == OrganisationKind.REGULATOR)
    found = session.exec(query.order_by(col(Organisation.created_at))).first()
    return found or add_organisation(session, kind=OrganisationKind.REGULATOR, name=name, now=now)


def create(
    session: Session, *, authority: Organisation, new: Newcomer, key: bytes, now: datetime
) -> Invitation:
    """Invite the first administrator, and nobody else: an earlier link of this kind leads nowhere from now
    on. Raises `Denied` once there is one."""
    if administrators(session, authority):
        raise Denied(
            "There is an administrator already.",
            "Ask one to invite you. If nobody can sign in any more, use --recover and say why.",
        )
    # Two runs at the same moment wait for one another here, and the later one withdraws the other's link.
    session.get_one(Organisation, authority.id, with_for_update=True)
    for earlier in invitations.open_invitations(session, authority.id):
        if earlier.invited_by is None and Role.ADMINISTRATOR in earlier.roles:
            invitations.withdraw(session, invitation=earlier, by=None, now=now)
    invitation = _invited(session, authority, new, key, now)
    about = (organisation_subject(authority.id),)
    ledger.append(session, "administrator.created", {}, by=None, now=now, about=about)
    return invitation


def recover(
    session: Session, *, authority: Organisation, new: Newcomer, reason: str, key: bytes, now: datetime
) -> Invitation:
    """Invite another administrator from the machine: an entry, a row of the security log, a mail to every
    administrator and the second contact, and a banner that administrators see until one of them says that it
    was seen. Raises `Denied` without a reason."""
    _refuse_no_reason(reason)
    invitation = _invited(session, authority, new, key, now)
    row = Recovery(invitation_id=invitation.id, reason=reason.strip(), at=now)
    _record(session, "administrator.recovered", row, authority, now)
    return invitation


def set_policy(
    session: Session, *, authority: Organisation, new: Policy, name: str, reason: str, now: datetime
) -> SignInPolicy:
    """Put a sign-in policy in force from the machine, told of as `recover` is. Raises `Denied` without a
    reason, and for the policy that is in force."""
    _refuse_no_reason(reason)
    session.get_one(Organisation, authority.id, with_for_update=True)
    row = Recovery(reason=reason.strip(), at=now)
    _record(session, "sign_in_policy.recovered", row, authority, now)
    came = policies.Came(recovery_id=row.id, name=name.rpartition("/")[2])
    return policies.change(session, new, came=came, by=None, now=now)


def _refuse_no_reason(reason: str) -> None:
    if not reason.strip():
        raise Denied("The reason is missing.", "Say why with --reason; every administrator reads it.")


def _record(session: Session, event: str, row: Recovery, authority: Organisation, now: datetime) -> None:
    """On record, in the security log, on its way by mail, and from now on the banner of administrators."""
    session.add(row)
    session.flush()
    about = (organisation_subject(authority.id),)
    ledger.append(session, event, {"reason_given": True}, by=None, now=now, about=about, records=(row,))
    security_log.note(session, event, by=None, now=now, subject=f"recovery:{row.id}")
    jobs.add(session, RECOVERED, str(row.id))


def unseen(session: Session, *, by: Actor) -> list[Recovery]:
    """Recoveries that no administrator has acknowledged, for the banner; nothing for anybody else."""
    if not oversees(by):
        return []
    query = select(Recovery).where(col(Recovery.seen_at).is_(None))
    return list(session.exec(query.order_by(col(Recovery.at))))


def acknowledge(session: Session, *, recovery: Recovery, by: Actor, now: datetime) -> None:
    """Say that it was seen; who said so first stays named. Load it with ``for_update=True`` first.

    Raises `Denied` for the administrator who came by it, where another is there.
    """
    if not oversees(by):
        raise NotFound
    if recovery.seen_at is not None:
        return
    came = session.get(Invitation, recovery.invitation_id) if recovery.invitation_id else None
    authority = session.get_one(Organisation, by.organisation_id)
    if came is not None and came.person_id == by.person_id and len(administrators(session, authority)) > 1:
        raise Denied("You came in by this recovery.", "Another administrator acknowledges it.")
    recovery.seen_by, recovery.seen_at = by.person_id, now
    session.add(recovery)
    about = (organisation_subject(authority.id),)
    ledger.append(
        session, "administrator.recovery_seen", {}, by=by, now=now, about=about, records=(recovery,)
    )


def adopt(session: Session, *, now: datetime) -> int:
    """Name in one entry every account, role and organisation that is older than their being of record.

    How many rows it named. Once: an instance whose accounts have entries is left alone, so that a row that
    somebody slipped in is never adopted.
    """
    known = select(LedgerEntry.number).where(
        col(LedgerEntry.type).in_(("organisation.registered", "person.added", "people.adopted"))
    )
    if session.exec(known.limit(1)).first() is not None:
        return 0
    rows = [row for kind in _TABLES for row in session.exec(select(kind))]
    if rows:
        fields = {"rows": len(rows)}
        ledger.append(session, "people.adopted", fields, by=None, now=now, records=rows)
    return len(rows)


def _invited(
    session: Session, authority: Organisation, new: Newcomer, key: bytes, now: datetime
) -> Invitation:
    roles = [Role.ADMINISTRATOR]
    wanted = Wanted(organisation_id=authority.id, email=new.email, name=new.name, roles=roles)
    return invitations.send(session, wanted=wanted, key=key, by=None, now=now)

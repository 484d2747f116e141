"""Invitations: a single-use link by mail, bound to an address, an organisation and roles.

The token of a link is computed from a key of the instance, so that the job that writes the mail can compute
it again and the database holds nothing but its digest. An address that has an account already is invited all
the same: that account accepts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from secure_access import jobs, ledger
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import Session, col, select
from secure_access.identity.people import (
    NewPerson,
    Organisation,
    Person,
    about,
    add_person,
    by_email,
    organisation_subject,
)
from secure_access.identity.roles import (
    LEAST_ADMINISTRATORS,
    OF_TWO,
    OF_TWO_WORDS,
    ROLES_OF,
    administers,
    administrator_role,
    administrators,
    may_see,
    oversees,
    put,
    refuse_oneself,
)
from secure_access.identity.tables import Invitation, InvitationPurpose
from secure_access.identity.workflow import INVITATION, InvitationState
from secure_access.workflow import Denied, NotFound, Role

LASTS = timedelta(days=7)
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\\\[\]]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
SEND = "mail.invitation"
"""The job that writes the mail, with the invitation's identifier."""


@dataclass(frozen=True)
class _Operator:
    """Who acts on the machine itself, as the table of steps asks."""

    roles: frozenset[Role] = frozenset({Role.ADMINISTRATOR})


_MACHINE = _Operator()


@dataclass(frozen=True)
class Wanted:
    """Who is invited, to which organisation, with which roles."""

    organisation_id: uuid.UUID
    email: str
    name: str
    roles: Collection[Role]
    title: str = ""
    team: str = ""


def token_of(key: bytes, invitation_id: uuid.UUID) -> str:
    """The token of an invitation's link. ``key`` is the instance's own, 32 bytes."""
    mac = hmac.new(key, b"assay.invitation/v1|" + invitation_id.bytes, hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).decode().rstrip("=")


def invite(session: Session, *, wanted: Wanted, key: bytes, by: Actor, now: datetime) -> Invitation:
    """Invite somebody. Raises `Denied` for another mail domain, or roles that cannot be given so.

    The authority's administrators invite the first two administrators of another organisation; after that it
    invites its own people. Raises `NotFound` for whoever may do neither.
    """
    organisation = session.get(Organisation, wanted.organisation_id)
    if organisation is None:
        raise NotFound
    _refuse_inviter(session, organisation, wanted, by)
    if takes_two(session, organisation, wanted.roles):
        raise Denied(
            f"{OF_TWO_WORDS} are invited by two administrators.",
            "Propose the invitation, so that another administrator can approve it.",
        )
    return send(session, wanted=wanted, key=key, by=by, now=now)


def takes_two(session: Session, organisation: Organisation, roles: Collection[Role]) -> bool:
    """Whether an invitation with these roles takes two administrators.

    One alone invites the second, as an administrator and nothing else: other roles wait until there are two.
    """
    second = set(roles) == {administrator_role(OrganisationKind(organisation.kind))}
    return bool(OF_TWO & set(roles)) and not (second and _alone(session, organisation))


def send(session: Session, *, wanted: Wanted, key: bytes, by: Actor | None, now: datetime) -> Invitation:
    """Send an invitation that has been decided on. Raises `Denied` for what no invitation can hold, and for
    one to oneself."""
    organisation = session.get_one(Organisation, wanted.organisation_id)
    email = _address(organisation, wanted)
    refuse_oneself(by_email(session, email), by)
    row = _row(organisation, InvitationPurpose.JOIN, key, now)
    row.email, row.name = email, " ".join(wanted.name.split())
    row.title, row.team = wanted.title.strip(), wanted.team.strip()
    row.roles = sorted(wanted.roles)
    return _sent(session, row, by, now)


def check(session: Session, wanted: Wanted) -> None:
    """Raises `Denied` for what no invitation can hold."""
    _address(session.get_one(Organisation, wanted.organisation_id), wanted)


def reset(session: Session, *, person: Person, key: bytes, by: Actor | None, now: datetime) -> Invitation:
    """Send the person a link with which to choose a new credential; the old one is worth nothing now."""
    organisation = session.get_one(Organisation, person.organisation_id)
    row = _row(organisation, InvitationPurpose.RESET, key, now)
    row.email, row.name, row.person_id = person.email, person.name, person.id
    person.password_hash = ""
    session.add(person)
    return _sent(session, row, by, now)


def withdraw(session: Session, *, invitation: Invitation, by: Actor | None, now: datetime) -> None:
    """Withdraw an invitation that nobody has accepted. Raises `Denied`.

    ``by`` is ``None`` on the machine, which answers for the role of an administrator and not for the state.
    """
    invitation.state = INVITATION.take("withdraw", by or _MACHINE, invitation)
    invitation.settled_at = now
    session.add(invitation)
    fields = {"invitation": str(invitation.id)}
    where = (organisation_subject(invitation.organisation_id),)
    ledger.append(session, "invitation.withdrawn", fields, by=by, now=now, about=where, records=(invitation,))


def load(session: Session, invitation_id: uuid.UUID, *, by: Actor, for_update: bool = False) -> Invitation:
    """An invitation to an organisation that ``by`` runs or oversees. Raises `NotFound` for any other."""
    query = select(Invitation).where(Invitation.id == invitation_id)
    found = session.exec(query.with_for_update() if for_update else query).first()
    if found is None or not may_see(by, found.organisation_id):
        raise NotFound
    return found


def open_invitations(session: Session, organisation_id: uuid.UUID | None = None) -> list[Invitation]:
    """Invitations that nobody has accepted or withdrawn, the latest first; expired ones among them."""
    query = select(Invitation).where(Invitation.state == InvitationState.SENT)
    if organisation_id is not None:
        query = query.where(Invitation.organisation_id == organisation_id)
    return list(session.exec(query.order_by(col(Invitation.invited_at).desc())))


@dataclass(frozen=True)
class Opened:
    """An invitation as whoever holds its link sees it. ``account`` is there for this address already."""

    invitation: Invitation
    organisation: Organisation
    account: Person | None

    @property
    def needs_password(self) -> bool:
        """Whether a credential is chosen here: there is none yet, or the old one is worth nothing."""
        fresh = self.account is None or self.account.ended_at is not None
        return fresh or self.invitation.purpose is InvitationPurpose.RESET


def opened(session: Session, token: str, *, now: datetime, for_update: bool = False) -> Opened:
    """What a link leads to. Raises `NotFound` for no link of ours, `Denied` for a used or old one."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    query = select(Invitation).where(Invitation.token_digest == digest)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.exec(query).first()
    if row is None:
        raise NotFound
    organisation = session.get_one(Organisation, row.organisation_id)
    whom = f"Ask {_whom(session, row, organisation)} for a new one."
    if row.state is InvitationState.ACCEPTED:
        raise Denied(
            "This link was used already; it works once.", "Sign in. If that was not you, tell us now."
        )
    if row.state is InvitationState.WITHDRAWN:
        raise Denied("This invitation was withdrawn.", whom)
    if now >= row.expires_at:
        raise Denied(f"This invitation was open until {row.expires_at:%-d %B %Y, %H:%M} UTC.", whom)
    return Opened(row, organisation, by_email(session, row.email))


def accept(session: Session, *, found: Opened, by: Actor | None, password_hash: str, now: datetime) -> Person:
    """Use the link, once. ``by`` is who is signed in; ``password_hash`` counts where a credential is chosen.

    Raises `Denied` for another person's invitation, and for an account that cannot take it.
    """
    row, organisation = found.invitation, found.organisation
    if by is not None and by.person_id != (found.account.id if found.account else None):
        raise Denied(
            "This invitation is for another person than the one who is signed in.",
            "Sign out, then open the link again.",
        )
    if found.account is None:
        person = _join(session, row, organisation, password_hash, now)
    elif found.needs_password:
        person = _reopen(session, found, password_hash, now)
    elif by is None:
        raise Denied("There is an account for this address.", "Sign in, then open the link again.")
    else:
        person = _add_to(session, found, now)
    row.state, row.settled_at, row.person_id = InvitationState.ACCEPTED, now, person.id
    session.add(row)
    fields = {"invitation": str(row.id), "purpose": row.purpose, "roles": list(row.roles)}
    ledger.append(session, "invitation.accepted", fields, by=by, now=now, about=about(person), records=(row,))
    return person


def _join(
    session: Session, row: Invitation, organisation: Organisation, password_hash: str, now: datetime
) -> Person:
    roles = frozenset(Role(role) for role in row.roles)
    new = NewPerson(row.email, row.name, roles, row.title, row.team)
    return add_person(session, organisation=organisation, new=new, password_hash=password_hash, now=now)


def _reopen(session: Session, found: Opened, password_hash: str, now: datetime) -> Person:
    """An account that ended comes back, where it is invited to; a reset credential is chosen anew."""
    person, row = found.account, found.invitation
    assert person is not None
    person.password_hash = password_hash
    session.add(person)
    if row.purpose is InvitationPurpose.RESET:
        return person
    before, person.organisation_id, person.ended_at = person.organisation_id, row.organisation_id, None
    fields = {"from_organisation": str(before)}
    ledger.append(session, "person.moved", fields, by=None, now=now, about=about(person), records=(person,))
    return _add_to(session, found, now)


def _add_to(session: Session, found: Opened, now: datetime) -> Person:
    person, row = found.account, found.invitation
    assert person is not None
    if person.suspended:
        raise Denied("Your account is suspended.", "Ask an administrator of your organisation.")
    if person.organisation_id != row.organisation_id:
        raise Denied(
            "Your account belongs to another organisation, and an account belongs to one.",
            "Have it ended there first, or ask to be invited under another address.",
        )
    for role in row.roles:
        put(session, person=person, role=Role(role), by=None, now=now)
    return person


def _refuse_inviter(session: Session, organisation: Organisation, wanted: Wanted, by: Actor) -> None:
    if administers(by, organisation.id):
        return
    if not oversees(by):
        raise NotFound
    first = administrator_role(OrganisationKind(organisation.kind))
    if set(wanted.roles) != {first} or not _alone(session, organisation):
        raise Denied(
            f"The authority invites only the first two administrators of {organisation.name}.",
            "Its own administrators invite everybody else.",
        )


def _alone(session: Session, organisation: Organisation) -> bool:
    """Whether nobody could be the second of two: then one administrator may invite the next."""
    return len(administrators(session, organisation)) < LEAST_ADMINISTRATORS


def _address(organisation: Organisation, wanted: Wanted) -> str:
    email = wanted.email.strip().lower()
    domain = email.rpartition("@")[2]
    if len(email) > 254 or not _ADDRESS.fullmatch(email):
        raise Denied("That is not an e-mail address.", "Write it like name@organisation.example.")
    if not wanted.name.strip():
        raise Denied("The name is missing.", "Write the person's full name.")
    if organisation.mail_domains and domain not in organisation.mail_domains:
        allowed = " or ".join(organisation.mail_domains)
        raise Denied(
            f"{organisation.name} invites addresses of {allowed} only.",
            "Use such an address, or change the mail domains of the organisation first.",
        )
    unknown = set(wanted.roles) - ROLES_OF[OrganisationKind(organisation.kind)]
    if unknown or not wanted.roles:
        raise Denied("No role is chosen that can be given there.", "Choose at least one from the list.")
    return email


def _row(organisation: Organisation, purpose: InvitationPurpose, key: bytes, now: datetime) -> Invitation:
    row = Invitation(
        organisation_id=organisation.id,
        purpose=purpose,
        email="",
        name="",
        token_digest="",
        invited_at=now,
        expires_at=now + LASTS,
    )
    row.token_digest = hashlib.sha256(token_of(key, row.id).encode()).hexdigest()
    return row


def _sent(session: Session, row: Invitation, by: Actor | None, now: datetime) -> Invitation:
    row.invited_by = by.person_id if by else None
    session.add(row)
    session.flush()
    fields = {"invitation": str(row.id), "purpose": row.purpose, "roles": list(row.roles)}
    where = (organisation_subject(row.organisation_id),)
    ledger.append(session, "invitation.sent", fields, by=by, now=now, about=where, records=(row,))
    jobs.add(session, SEND, str(row.id))
    return row


def _whom(session: Session, row: Invitation, organisation: Organisation) -> str:
    inviter = session.get(Person, row.invited_by) if row.invited_by else None
    if inviter is not None and not inviter.suspended and inviter.ended_at is None:
        return inviter.name
    names = [person.name for person in administrators(session, organisation)]
    return " or ".join(names) or "the operator of this instance"

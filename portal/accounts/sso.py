"""Single sign-on: who comes in by a linked account, how an account is linked, and the code for a first key.

What a provider says opens an account and carries nothing further: acts of record are confirmed with a key,
and the first key needs a code that somebody hands over by another way than the provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.accounts import told
from portal.accounts.service import Door, first_key_digest, takes_code
from portal.web import ZONE_OF
from secure_access import identity
from secure_access.db import Session
from secure_access.identity import (
    Actor,
    Entered,
    LinkedAccount,
    Method,
    Person,
    SignInSession,
    challenges,
    credentials,
    federation,
    invitations,
    totp,
)
from secure_access.identity.challenges import Bound, Purpose
from secure_access.identity.id_tokens import Logout, Said
from secure_access.identity.invitations import Opened
from secure_access.ledger import security_log
from secure_access.workflow import Denied, NotFound, Role


@dataclass(frozen=True)
class Arrival:
    """Somebody who comes back from a provider: what it says, with which browser, at which door, when."""

    said: Said
    agent: str
    door: Door
    now: datetime


def enter(session: Session, arrival: Arrival) -> str | None:
    """A fresh session token for the person of a linked account, or ``None``.

    Not linked, of another zone, suspended, left, and not let in so by the policy are told apart nowhere.
    """
    zone, said = arrival.door.party.zone, arrival.said
    link = federation.find(session, issuer=said.issuer, subject=said.subject)
    by = _known(session, link)
    if link is None or by is None or not _lets_in(arrival.door, by):
        security_log.note(session, "sign_in.failed", by=None, zone=zone, subject="", now=arrival.now)
        return None
    return _begin(session, link, arrival, by)


def join(session: Session, *, found: Opened, arrival: Arrival) -> str:
    """Accept an invitation with an identity at the provider, which is linked; a fresh session token.

    Raises `Denied`.
    """
    refuse_invitation(session, found, arrival.door)
    person = invitations.accept(session, found=found, by=None, password_hash="", now=arrival.now)
    by = identity.actor(session, person.id)
    row = link(session, arrival, by=by)
    return _begin(session, row, arrival, by)


def refuse_invitation(session: Session, found: Opened, door: Door) -> None:
    """Raises `Denied` where the account or its roles do not take single sign-on by invitation."""
    if not found.needs_password:
        raise Denied(
            "There is an account for this address.",
            "Sign in with it, then open the link again. Link it to single sign-on under “Your account”.",
        )
    if not offered(session, found, door):
        raise Denied(
            "The roles of this invitation do not sign in with single sign-on.",
            "Go back and choose a password.",
        )


def offered(session: Session, found: Opened, door: Door) -> bool:
    """Whether an invitation can be accepted by single sign-on, under the policy of the roles it is about."""
    roles = [Role(role) for role in found.invitation.roles]
    if not roles and found.account is not None:
        roles = identity.roles_of(session, found.account.id)
    return found.needs_password and Method.SSO in door.policy.rule(roles).methods


def link(session: Session, arrival: Arrival, *, by: Actor) -> LinkedAccount:
    """Link an identity to a person, on record. Raises `Denied`."""
    refuse_link(arrival.door, by)
    row = federation.link(session, person_id=by.person_id, said=arrival.said)
    change = told.Change(by.person_id, "linked", "linked_account", row.digest)
    told.credential_changed(session, change, by=by, now=arrival.now, zone=arrival.door.party.zone)
    return row


def refuse_link(door: Door, by: Actor) -> None:
    """Raises `Denied` for somebody whom the policy does not let in by single sign-on."""
    if not _lets_in(door, by):
        raise Denied(
            "Your roles do not sign in with single sign-on, so a link would open nothing.",
            "Sign in as you do now.",
        )


def unlink(session: Session, row: LinkedAccount, *, door: Door, by: Actor, now: datetime) -> None:
    """Let a linked account open nothing any more; its sessions end. Raises `Denied`."""
    refusal = not_unlinkable(session, row, door=door, by=by)
    if refusal is not None:
        raise refusal
    change = told.Change(by.person_id, "unlinked", "linked_account", row.digest)
    federation.unlink(session, row)
    told.credential_changed(session, change, by=by, now=now, zone=door.party.zone)


def not_unlinkable(session: Session, row: LinkedAccount, *, door: Door, by: Actor) -> Denied | None:
    """Why a linked account has to stay: it would be the last way in."""
    rule = door.policy.rule(by.roles)
    keys = credentials.of_person(session, person_id=by.person_id, zone=door.party.zone)
    by_key = Method.PASSKEY in rule.methods and credentials.usable(keys, device_bound=rule.device_bound)
    by_link = len(federation.of_person(session, by.person_id)) > 1
    if by_key or by_link or _by_password(session, by, door):
        return None
    return Denied("This linked account is your only way to sign in.", "Add a key first, then unlink it.")


def needs_code(session: Session, *, row: SignInSession, by: Actor, door: Door) -> bool:
    """Whether a person who came by single sign-on has no key yet, so that the first one needs a code."""
    if row.method is not Method.SSO:
        return False
    keys = credentials.of_person(session, person_id=by.person_id, zone=row.zone)
    return not credentials.usable(keys, device_bound=door.policy.rule(by.roles).device_bound)


NEEDS_CODE = Denied(
    "You came by single sign-on, which alone adds no key and no app: whoever took over your account there "
    "could add one of their own.",
    "Ask an administrator of your organisation for a code for a first key, and type it in under "
    "“Your account”.",
)


def use_code(session: Session, *, code: str, row: SignInSession, by: Actor, now: datetime) -> bool:
    """Take a code for a first key; whether it was right. From then on the session adds keys, and no more."""
    bound = Bound(Purpose.FIRST_KEY, row.zone, by.person_id)
    if challenges.take(session, bound, first_key_digest("".join(code.split()))) is None:
        security_log.note(session, "sign_in.failed", by=by, zone=row.zone, subject="", now=now)
        return False
    fresh = session.get_one(SignInSession, row.id)
    fresh.method = Method.FIRST_KEY
    session.add(fresh)
    return True


def refuse_app(session: Session, *, door: Door, by: Actor) -> None:
    """Raises `Denied` for an app of somebody without a password, beside which its code would be asked for."""
    if not takes_code(session, by=by, rule=door.policy.rule(by.roles)):
        raise Denied(
            "The code of an app is asked for beside a password, and your account has none.",
            "Add a key instead.",
        )


def log_out(session: Session, logout: Logout, *, zone: str, now: datetime) -> int:
    """End the sessions that a provider ends; how many. Raises `Denied` for a token that was used before."""
    ended = federation.end_sessions(session, logout, zone=zone)
    security_log.note(session, "session.ended_by_provider", by=None, zone=zone, now=now, sessions=ended)
    return ended


def _known(session: Session, link: LinkedAccount | None) -> Actor | None:
    try:
        return identity.actor(session, link.person_id) if link is not None else None
    except NotFound:
        return None


def _lets_in(door: Door, by: Actor) -> bool:
    here = ZONE_OF[by.organisation_kind] == door.party.zone
    return here and Method.SSO in door.policy.rule(by.roles).methods


def _begin(session: Session, link: LinkedAccount, arrival: Arrival, by: Actor) -> str:
    zone = arrival.door.party.zone
    federation.used(session, link)
    security_log.note(session, "sign_in.succeeded", by=by, zone=zone, subject="", now=arrival.now)
    entered = Entered(
        Method.SSO, arrival.agent, link_id=link.id, provider_session=arrival.said.provider_session
    )
    person = session.get_one(Person, by.person_id)
    return identity.start_session(session, person=person, zone=zone, entered=entered)


def _by_password(session: Session, by: Actor, door: Door) -> bool:
    methods = door.policy.rule(by.roles).methods
    if not session.get_one(Person, by.person_id).password_hash:
        return False
    app = totp.enrolled(session, by.person_id) is not None
    return Method.PASSWORD in methods or (app and Method.PASSWORD_AND_CODE in methods)

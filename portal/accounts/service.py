"""Signing in: by password, by password and a code, by passkey; and when somebody has too few keys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from portal.accounts import attempts, told
from portal.web import ZONE_OF
from secure_access import identity
from secure_access.db import Session
from secure_access.identity import (
    Actor,
    Entered,
    Method,
    OrganisationKind,
    PasswordHasher,
    Person,
    SignInSession,
    challenges,
    credentials,
    passkeys,
    totp,
)
from secure_access.identity.challenges import Bound, Purpose
from secure_access.identity.credentials import Credential
from secure_access.identity.passkeys import Party
from secure_access.identity.policy import Policy, Rule
from secure_access.keys import KeyProvider
from secure_access.ledger import security_log
from secure_access.workflow import Denied, NotFound


@dataclass(frozen=True)
class Attempt:
    """What somebody typed, and where: ``source`` is the address it came from, ``agent`` the browser."""

    email: str
    password: str = field(repr=False)
    zone: str
    source: str
    code: str = field(default="", repr=False)
    agent: str = ""


@dataclass(frozen=True)
class Door:
    """What a zone opens with: its policy, itself as relying party, and what checks secrets."""

    policy: Policy
    party: Party
    hasher: PasswordHasher
    keys: KeyProvider


def sign_in(session: Session, *, attempt: Attempt, door: Door, now: datetime) -> str | None:
    """A fresh session token, or ``None``.

    Unknown, wrong, wrong zone, and a way that the policy does not open to that person are told apart nowhere.

    Raises `Denied` after too many failures: `portal.accounts.attempts`.
    """
    attempts.refuse_too_many(session, email=attempt.email, source=attempt.source)
    person = identity.check_password(
        session, email=attempt.email, password=attempt.password, hasher=door.hasher
    )
    if person is not None and ZONE_OF[_kind(session, person)] == attempt.zone:
        by = identity.actor(session, person.id)
        method = _method(session, by, attempt, door)
        if method is not None:
            security_log.note(session, "sign_in.succeeded", by=by, zone=attempt.zone, subject="", now=now)
            entered = Entered(method, attempt.agent)
            return identity.start_session(session, person=person, zone=attempt.zone, entered=entered)
    attempts.note(session, email=attempt.email, source=attempt.source)
    security_log.note(session, "sign_in.failed", by=None, zone=attempt.zone, subject="", now=now)
    return None


def _method(session: Session, by: Actor, attempt: Attempt, door: Door) -> Method | None:
    """How the policy lets somebody in whose password was right; ``None`` if it does not.

    Whoever has an app is asked for its code, also where a password would do.
    """
    allowed = door.policy.rule(by.roles).methods
    code, app = "".join(attempt.code.split()), totp.enrolled(session, by.person_id)
    if app is None and Method.PASSWORD in allowed and not code:
        return Method.PASSWORD
    by_code = app is not None and Method.PASSWORD_AND_CODE in allowed
    if by_code and totp.accept(session, person_id=by.person_id, code=code, keys=door.keys):
        return Method.PASSWORD_AND_CODE
    bound = Bound(Purpose.FIRST_KEY, attempt.zone, by.person_id)
    return Method.FIRST_KEY if code and challenges.take(session, bound, first_key_digest(code)) else None


def first_key_digest(code: str) -> bytes:
    """What is kept of a code for a first key: capitals and hyphens do not matter."""
    return hashlib.sha256(code.replace("-", "").upper().encode()).digest()


_A_CODE = "ask an administrator of your organisation for a code for a first key."
_INSTEAD = f"Use another key, and remove this one from your account. Without another, {_A_CODE}"
SUSPENDED = {
    credentials.COUNTER_FELL: Denied(
        "This key is suspended: its counter fell back, so somebody may have copied it. Nothing was done.",
        f"{_INSTEAD} Tell your administrator: your account was perhaps attacked.",
    ),
    credentials.LOST: Denied("This key is suspended: it was reported as lost. Nothing was done.", _INSTEAD),
}
SYNCED = Denied(
    "This key can be copied between devices; your role takes only keys that stay on their device.",
    f"Sign in with a key that stays on its device, or {_A_CODE}",
)


def key_challenge(session: Session, *, source: str, door: Door) -> bytes:
    """A challenge for somebody who is not known yet. Raises `Denied` after too many from one source."""
    attempts.refuse_too_many_keys(session, source=source)
    attempts.note_key(session, source=source)
    return challenges.issue(session, Bound(Purpose.SIGN_IN, door.party.zone))


def sign_in_with_key(
    session: Session, *, text: str, source: str, agent: str, door: Door, now: datetime
) -> str | Denied | None:
    """A fresh session token for the owner of a passkey; ``None`` for anything that opens nothing here.

    Only the owner of a key learns why it is refused. A key whose counter falls is suspended, and its
    sign-in is a `Denied`, given and not raised: what is written then has to be committed. Raises `Denied`
    after too many wrong answers from one source.
    """
    attempts.refuse_too_many_keys(session, source=source)
    try:
        answer = passkeys.read(text)
        bound = Bound(Purpose.SIGN_IN, door.party.zone)
        live = challenges.take(session, bound, answer.challenge) is not None
        key = credentials.find(session, zone=door.party.zone, key_id=answer.key_id, for_update=True)
        if key is not None and live:
            said = passkeys.check_use(door.party, answer, key)
            return _entered(session, key, said, (agent, door, now))
    except (passkeys.BadAnswer, NotFound):
        pass  # answered below, in the same way for every reason
    attempts.note_key(session, source=source)
    security_log.note(session, "sign_in.failed", by=None, zone=door.party.zone, subject="", now=now)
    return None


def _entered(
    session: Session, key: Credential, said: passkeys.Used, where: tuple[str, Door, datetime]
) -> str | Denied | None:
    agent, door, now = where
    by = identity.actor(session, key.person_id)
    if key.suspended_at is not None or not counted(session, key, said, by=by, now=now):
        return SUSPENDED[key.suspended_reason]
    rule = door.policy.rule(by.roles)
    if not credentials.usable([key], device_bound=rule.device_bound):
        return SYNCED
    if Method.PASSKEY not in rule.methods:
        return None
    security_log.note(session, "sign_in.succeeded", by=by, zone=key.zone, subject="", now=now)
    person = session.get_one(Person, key.person_id)
    entered = Entered(Method.PASSKEY, agent, key.id)
    return identity.start_session(session, person=person, zone=key.zone, entered=entered)


def counted(session: Session, key: Credential, said: passkeys.Used, *, by: Actor, now: datetime) -> bool:
    """Note that a key was used. ``False``: its counter fell, it is suspended, and that is on record."""
    if credentials.used(session, key, sign_count=said.sign_count, backed_up=said.backed_up):
        return True
    change = told.Change(key.person_id, "suspended", "passkey", key.digest)
    told.credential_changed(session, change, by=by, now=now, zone=key.zone)
    return False


def lacking(session: Session, by: Actor, row: SignInSession, *, policy: Policy) -> str:
    """What a person still has to add before they reach more than their account; empty when nothing."""
    rule = policy.rule(by.roles)
    keys = credentials.of_person(session, person_id=by.person_id, zone=row.zone)
    have = len(credentials.usable(keys, device_bound=rule.device_bound))
    if have < rule.keys and not (rule.code and totp.enrolled(session, by.person_id)):
        what = "key" if rule.keys == 1 else "keys"
        if rule.device_bound:
            what += " that stays on its device" if rule.keys == 1 else " that stay on their device"
        return f"Your role asks for at least {rule.keys} {what}; you have {have}." + (
            " Or add a code of an app." if takes_code(session, by=by, rule=rule) else ""
        )
    if row.method == Method.FIRST_KEY and Method.PASSWORD not in rule.methods:
        return "You signed in with a code for a first key. Sign out, and sign in with what you added."
    return ""


def takes_code(session: Session, *, by: Actor, rule: Rule) -> bool:
    """Whether a code of an app opens anything to a person: it is asked for beside a password."""
    return rule.code and bool(session.get_one(Person, by.person_id).password_hash)


def _kind(session: Session, person: Person) -> OrganisationKind:
    return OrganisationKind(session.get_one(identity.Organisation, person.organisation_id).kind)

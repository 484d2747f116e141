"""A person's own credentials: passkeys, and the app with codes."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from datetime import datetime

from portal.accounts import told
from portal.accounts.service import Door
from secure_access.db import Session
from secure_access.identity import Actor, Person, challenges, credentials, passkeys, totp
from secure_access.identity.challenges import Bound, Purpose
from secure_access.identity.credentials import Credential
from secure_access.identity.passkeys import Models, Owner
from secure_access.workflow import Denied, NotFound


@dataclass(frozen=True)
class Making:
    """A key that is being added: by whom, in which session, under which door and models."""

    by: Actor
    session_id: uuid.UUID
    door: Door
    models: Models

    @property
    def bound(self) -> Bound:
        """Where the challenge of this ceremony is valid."""
        return Bound(Purpose.ADD_KEY, self.door.party.zone, self.by.person_id, self.session_id)


def options(session: Session, making: Making) -> dict[str, object]:
    """Options with which a browser makes a key for this person."""
    person = session.get_one(Person, making.by.person_id)
    zone = making.door.party.zone
    return passkeys.options_for_new(
        making.door.party,
        Owner(person.id, person.email, person.name),
        challenge=challenges.issue(session, making.bound),
        known=credentials.of_person(session, person_id=person.id, zone=zone),
        models=making.models,
    )


def add(session: Session, making: Making, *, text: str, name: str, now: datetime) -> Credential:
    """Keep a key that a browser made. Raises `Denied` with what was wrong with it."""
    again = "Go back to your account and add the key again."
    try:
        answer = passkeys.read(text)
        if challenges.take(session, making.bound, answer.challenge) is None:
            raise Denied(
                "The browser took too long, or this answer was used before. No key was added.", again
            )
        new = passkeys.check_new(making.door.party, answer, making.models)
    except passkeys.BadAnswer:
        listed = " Your authority takes listed models of authenticators only." if making.models.listed else ""
        raise Denied(
            f"The key did not prove itself and did not verify you.{listed} No key was added.", again
        ) from None
    rule = making.door.policy.rule(making.by.roles)
    if rule.device_bound and new.synced:
        raise Denied(
            "This key can be copied between devices; your role takes only keys that stay on their device.",
            "Use a security key, or a passkey that your device does not synchronise.",
        )
    row = credentials.add(
        session,
        person_id=making.by.person_id,
        zone=making.door.party.zone,
        new=new,
        name=name,
        wait=making.door.policy.wait,
    )
    change = told.Change(row.person_id, "added", "passkey", row.digest)
    told.credential_changed(session, change, by=making.by, now=now, zone=row.zone)
    return row


def rename(session: Session, key: Credential, *, name: str, by: Actor, now: datetime) -> None:
    """Give a key another name."""
    key.name = credentials.named(name)
    session.add(key)
    change = told.Change(key.person_id, "renamed", "passkey", key.digest)
    told.credential_changed(session, change, by=by, now=now, zone=key.zone)


def remove(session: Session, key: Credential, *, door: Door, by: Actor, now: datetime) -> None:
    """Remove a key. Raises `Denied` where fewer would be left than the policy asks for."""
    refusal = not_removable(session, key, door=door, by=by)
    if refusal is not None:
        raise refusal
    change = told.Change(key.person_id, "removed", "passkey", key.digest)
    session.delete(key)
    told.credential_changed(session, change, by=by, now=now, zone=key.zone)


def not_removable(session: Session, key: Credential, *, door: Door, by: Actor) -> Denied | None:
    """Why a key cannot be removed; a key that opens nothing always can."""
    rule = door.policy.rule(by.roles)
    keys = credentials.of_person(session, person_id=by.person_id, zone=key.zone)
    usable = credentials.usable(keys, device_bound=rule.device_bound)
    app = rule.code and totp.enrolled(session, by.person_id) is not None
    if key not in usable or app or len(usable) > rule.keys:
        return None
    return Denied(
        f"Your role asks for at least {rule.keys} keys, and this is one of {len(usable)}.",
        "Add another key first, then remove this one.",
    )


def add_app(session: Session, *, secret: str, code: str, door: Door, by: Actor, now: datetime) -> bool:
    """Keep an app whose code is right; whether it was. Raises `Denied` where the policy takes no codes."""
    refuse_code(door, by)
    if not is_secret(secret):
        return False
    if totp.enrol(session, person_id=by.person_id, secret=secret, code=code, keys=door.keys) is None:
        return False
    change = told.Change(by.person_id, "added", "code")
    told.credential_changed(session, change, by=by, now=now, zone=door.party.zone)
    return True


def refuse_code(door: Door, by: Actor) -> None:
    """Raises `Denied` for somebody whose policy takes no code of an app."""
    if not door.policy.rule(by.roles).code:
        raise Denied("Your role signs in with keys only, not with codes of an app.", "Add a key instead.")


def remove_app(session: Session, *, door: Door, by: Actor, now: datetime) -> None:
    """Forget the app. Raises `Denied` for somebody who would then lack a way in."""
    rule = door.policy.rule(by.roles)
    keys = credentials.of_person(session, person_id=by.person_id, zone=door.party.zone)
    if len(credentials.usable(keys, device_bound=rule.device_bound)) < rule.keys:
        raise Denied("The code of the app is your only way to sign in.", "Add a key first.")
    if not totp.remove(session, by.person_id):
        raise NotFound
    change = told.Change(by.person_id, "removed", "code")
    told.credential_changed(session, change, by=by, now=now, zone=door.party.zone)


def is_secret(secret: str) -> bool:
    """Whether a text has the form of the secrets that are given out."""
    try:
        return len(base64.b32decode(secret)) == totp.SECRET_BYTES
    except ValueError:
        return False

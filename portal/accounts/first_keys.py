"""The code for a first key: who gives it to whom, by another way than the person's mail.

An organisation's administrator gives it to a colleague who has no key yet. For whoever holds a role of two,
and for the first administrator of another organisation, it takes two administrators of the authority. Whoever
has keys and lost them goes by the reset of two. The operator has `assay first-key` for when nobody gets in.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.accounts import told
from portal.accounts.service import first_key_digest
from portal.accounts.standing import standing
from portal.web import ZONE_OF
from secure_access import identity
from secure_access.db import Session, select
from secure_access.identity import (
    Actor,
    Credential,
    Organisation,
    Person,
    challenges,
    credentials,
    policies,
    proposals,
    roles,
    sessions,
)
from secure_access.identity.challenges import Bound, Purpose
from secure_access.identity.policy import Policy
from secure_access.identity.proposals import Doing, Kind, NewProposal
from secure_access.workflow import Denied, NotFound, Role

LIFE = timedelta(days=3)
GIVE = "first_key.give"
_CODE_BYTES = 15


def takes_two(session: Session, person: Person, *, by: Actor) -> bool:
    """Whether a code for this person is an act of two administrators of the authority."""
    if person.organisation_id != by.organisation_id:
        return True
    return bool(roles.OF_TWO & set(identity.roles_of(session, person.id)))


def refusal(session: Session, person: Person, *, begins_with: Policy, by: Actor) -> Denied | None:
    """Why ``by`` gives this person no code, nor proposes one. Raises `NotFound` for anybody else's people."""
    own = roles.administers(by, person.organisation_id)
    if not own and not roles.oversees(by):
        raise NotFound
    if person.id == by.person_id:
        return _ONESELF
    found = _not_for(session, person)
    if found is not None or own:
        return found
    return _not_by_the_authority(session, person, policies.in_force(session, begins_with))


_ONESELF = Denied("You cannot give yourself a code.", "Ask another administrator.")


def _not_for(session: Session, person: Person) -> Denied | None:
    """Why nobody gives this person a code: the account, or keys that are there."""
    if person.suspended or person.ended_at is not None:
        return Denied(f"{person.name} cannot sign in.", "Restore the account first.")
    held = session.exec(select(Credential).where(Credential.person_id == person.id))
    # Keys that a reset suspended are gone, and the reset was an act of two itself.
    if any(key.suspended_reason != credentials.LOST for key in held):
        return Denied(
            f"{person.name} has a key already, and adds further ones with it.",
            "Where the keys are lost, two administrators of the authority reset the credentials.",
        )
    return None


def _not_by_the_authority(session: Session, person: Person, counts: Policy) -> Denied | None:
    """The authority gives a code only where nobody of the organisation itself can."""
    organisation = session.get_one(Organisation, person.organisation_id)
    known = [one for one in roles.administrators(session, organisation) if one.id != person.id]
    able = [one.name for one in known if standing(session, one.id, counts).works]
    if able:
        return Denied(
            f"{organisation.name} gives its own people their codes.",
            f"{able[0]} administers it, and does this on the page of {person.name}.",
        )
    if Role.ORGANISATION_ADMINISTRATOR not in identity.roles_of(session, person.id):
        return Denied(
            f"The authority gives codes to administrators of {organisation.name}, and to nobody else there.",
            "Once one of its administrators has keys, they give codes to their colleagues.",
        )
    return None


def give(session: Session, *, person: Person, begins_with: Policy, by: Actor, now: datetime) -> str:
    """A code for a colleague's first key, on record. Raises `NotFound`, and `Denied` as `refusal` says and
    for somebody whose code takes two administrators."""
    refused = refusal(session, person, begins_with=begins_with, by=by)
    if refused is not None:
        raise refused
    if takes_two(session, person, by=by):
        raise Denied(
            f"A code for {person.name} takes two administrators of the authority.",
            "Propose it, so that another administrator can approve it.",
        )
    return _code(session, person, by=by, now=now)


def proposal(person: Person, *, reason: str) -> NewProposal:
    """What is proposed where a code takes two."""
    return NewProposal(GIVE, {"person": str(person.id)}, reason, person.id)


def propose(
    session: Session, *, person: Person, reason: str, begins_with: Policy, by: Actor, now: datetime
) -> object:
    """Propose a code. Raises `NotFound`, and `Denied` as `refusal` says."""
    refused = refusal(session, person, begins_with=begins_with, by=by)
    if refused is not None:
        raise refused
    return proposals.propose(session, new=proposal(person, reason=reason), by=by, now=now)


def give_on_the_machine(session: Session, *, email: str, lost: bool, now: datetime) -> str:
    """A code that the operator gives, for when no administrator gets in.

    ``lost``: the person's keys are suspended, the app is forgotten and every session ends. Raises `NotFound`
    for an unknown address. The caller hands the code over by a way that is not the person's e-mail.
    """
    person = identity.by_email(session, email)
    if person is None:
        raise NotFound
    identity.actor(session, person.id)
    gone: list[told.Change] = []
    if lost:
        found = credentials.lose(session, person.id)
        gone += [told.Change(person.id, "suspended", "passkey", key.digest) for key in found.keys]
        gone += [told.Change(person.id, "removed", "code")] if found.app else []
        sessions.end_sessions(session, sessions.of_person(session, person_id=person.id))
    return _code(session, person, *gone, by=None, now=now)


def _code(session: Session, person: Person, *changes: told.Change, by: Actor | None, now: datetime) -> str:
    """A fresh code in the place of every earlier one. It works once, within `LIFE`, beside the password or
    after single sign-on; person and second contact are told that it was given, never what it is."""
    zone = ZONE_OF[identity.actor(session, person.id).organisation_kind]
    bound = Bound(Purpose.FIRST_KEY, zone, person.id)
    code = base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode()
    challenges.withdraw(session, bound)
    challenges.keep(session, bound, first_key_digest(code), expires_at=datetime.now(UTC) + LIFE)
    given = told.Change(person.id, "given", "first_key_code")
    told.credential_changed(session, given, *changes, by=by, now=now, zone=zone)
    return "-".join(code[start : start + 6] for start in range(0, len(code), 6))


# The act of two


def _check(session: Session, content: Mapping[str, Any]) -> Person:
    person = session.get(Person, uuid.UUID(content["person"]), with_for_update=True)
    if person is None:
        raise NotFound
    refused = _not_for(session, person)
    if refused is not None:
        raise refused
    return person


def _perform(session: Session, content: Mapping[str, Any], doing: Doing) -> str:
    person = _check(session, content)
    if person.id in (doing.by.person_id, doing.proposal.proposed_by):  # whoever stands beside the act's bytes
        raise _ONESELF
    if person.organisation_id != doing.by.organisation_id:
        refused = _not_by_the_authority(session, person, policies.in_force(session, doing.terms.counts))
        if refused is not None:
            raise refused
    return _code(session, person, by=doing.by, now=doing.now)


proposals.declare(GIVE, Kind("Give a code for a first key", _perform, _check))

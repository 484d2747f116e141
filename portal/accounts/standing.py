"""How somebody stands under a sign-in policy: whether they get in, and what they would still have to add."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from portal.web import ZONE_OF
from secure_access import identity
from secure_access.db import Session
from secure_access.identity import Method, Person, credentials, federation, totp
from secure_access.identity.policy import Policy, Rule
from secure_access.workflow import Role


@dataclass(frozen=True)
class Standing:
    """``gets_in``: one of the ways that the rule opens is theirs. ``lacks``: how many more keys they need
    before they reach more than their own account. ``confirms``: a key of theirs can confirm acts."""

    gets_in: bool
    lacks: int
    confirms: bool

    @property
    def works(self) -> bool:
        """Whether they come in and reach their pages, and confirm acts where the rule asks for it."""
        return self.gets_in and not self.lacks and self.confirms


def standing(session: Session, person_id: uuid.UUID, found: Policy, *, plus: Role | None = None) -> Standing:
    """How a person stands, with their roles and ``plus``. Raises `NotFound` for who cannot sign in at all."""
    by = identity.actor(session, person_id)
    rule = found.rule(by.roles | {plus} if plus else by.roles)
    known = credentials.of_person(session, person_id=person_id, zone=ZONE_OF[by.organisation_kind])
    usable = len(credentials.usable(known, device_bound=rule.device_bound))
    app = rule.code and totp.enrolled(session, person_id) is not None
    lacks = 0 if app else max(rule.keys - usable, 0)
    ways = _ways(session, person_id, rule, usable=usable, app=app)
    return Standing(bool(ways & rule.methods), lacks, bool(usable) or not rule.step_up)


def _ways(session: Session, person_id: uuid.UUID, rule: Rule, *, usable: int, app: bool) -> set[Method]:
    """The ways to sign in that a person has, whatever the rule opens."""
    found: set[Method] = {Method.PASSKEY} if usable else set()
    if session.get_one(Person, person_id).password_hash:
        # Whoever has an app is asked for its code, also where a password would do.
        found.add(Method.PASSWORD_AND_CODE if app else Method.PASSWORD)
    if Method.SSO in rule.methods and federation.of_person(session, person_id):
        found.add(Method.SSO)
    return found

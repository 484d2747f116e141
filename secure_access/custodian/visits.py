"""Visits: who has entered the custodian's pages with a passkey. A visit only shows pages.

What a visitor may not see answers like what does not exist. Visits live in memory, for at most 15 minutes.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from secure_access.custodian import access_grants
from secure_access.custodian.access_grants import NotGranted
from secure_access.custodian.acts import Act, Statement
from secure_access.custodian.custody import Custody, Refused, Why
from secure_access.custodian.enrolment import Person, Role, officer_of
from secure_access.custodian.state import Given, Plan, Standing
from secure_access.workflow import NotFound

LONGEST = timedelta(minutes=15)
MOST_VISITS = 4096
CLOSED = "These pages are closed. Enter with your passkey: they stay open for 15 minutes."


@dataclass(frozen=True)
class Visit:
    """An open visit. ``token`` is its secret: whoever has it sees what this person may, until ``until``."""

    token: str = field(repr=False)
    person: Person
    until: datetime


class Visits:
    """The visits of a core. Each method that takes a token raises `Refused` (`Why.NOT_ENTERED`) for none."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody
        self._visits: dict[str, tuple[str, datetime, bytes]] = {}

    def ask(self) -> Statement:
        """What a passkey confirms to enter. It names nobody: who is enrolled is not told to strangers."""
        custody = self._custody
        _ = custody.enrolment  # before the first list nobody enters
        return custody.entries.ask(custody.now())

    def enter(self, nonce: str, answer: str) -> Visit:
        """Open a visit, after its line is on disk. Raises `NotConfirmed`, `Refused`."""
        custody = self._custody
        with custody.lock:
            done = custody.confirmed(nonce, answer, Act.ENTER)
            now = custody.now()
            made = Visit(secrets.token_urlsafe(32), done.person, now + LONGEST)
            custody.write("visit.opened", "", custody.by(done))
            still = {token: one for token, one in self._visits.items() if one[1] > now}
            while len(still) >= MOST_VISITS:
                del still[next(iter(still))]
            self._visits = {**still, made.token: (made.person.person, made.until, done.credential.id)}
            return made

    def leave(self, token: str) -> None:
        """The visitor leaves. A token that is none is no error: it says nothing."""
        with self._custody.lock:
            self._visits.pop(token, None)

    def of(self, token: str) -> Visit:
        """The visit of a token, of a person who is enrolled now with that passkey. Raises `Refused`."""
        custody = self._custody
        with custody.lock:
            now = custody.now()
            person, until, passkey = self._visits.get(token, ("", now, b""))
            found = custody.enrolment.person(person, now)
            if found is None or found.key(passkey) is None or not until - LONGEST <= now < until:
                raise Refused(Why.NOT_ENTERED, CLOSED)
            return Visit(token, found, until)

    def confirm(self, token: str, act: Act, about: str) -> tuple[Statement, tuple[bytes, ...]]:
        """What the visitor's passkeys confirm for an act, and which they are: of a sitting, the grant's."""
        custody = self._custody
        with custody.lock:
            person = self.of(token).person
            held = tuple(key.id for key in person.credentials)
            given = custody.state.grants.get(about)
            if act is Act.OPEN and given is not None and sees(given, person):
                held = tuple(key for key in held if key in given.grant.credentials) or held
            return custody.nonces.ask(act, about, person.person, custody.now()), held

    def grants(self, visit: Visit) -> Sequence[Given]:
        """The grants that this visitor may see, the newest first."""
        with self._custody.lock:
            return [one for one in self._custody.state.grants.values() if sees(one, visit.person)][::-1]

    def plans(self, visit: Visit) -> Sequence[Plan]:
        """Every plan to approvers, who keep and destroy them; to a developer's officer, the own ones."""
        every = Role.APPROVER in visit.person.roles
        with self._custody.lock:
            return [
                one
                for one in self._custody.state.plans.values()
                if every or officer_of(one.developer, visit.person)
            ]

    def plan(self, visit: Visit, fingerprint: str) -> Plan:
        """One of them. Raises `NotFound`."""
        found = next((one for one in self.plans(visit) if one.fingerprint == fingerprint), None)
        if found is None:
            raise NotFound
        return found

    def grant(self, visit: Visit, digest: str) -> Given:
        """A grant that this visitor may see. Raises `NotFound`."""
        found = next((one for one in self.grants(visit) if one.grant.digest == digest), None)
        if found is None:
            raise NotFound
        return found

    def obstacle(self, visit: Visit, given: Given) -> str:
        """Why this visitor's approval would be refused now, in words; empty when it would not be."""
        custody = self._custody
        with custody.lock:
            now, manifest = custody.now(), custody.state.delivery_of(given)
            listed, grant = custody.enrolment, given.grant
            try:
                earlier = [
                    person
                    for one in given.approvals
                    for person in access_grants.still_approves(grant, listed, one.person, one.team, now)
                ]
                access_grants.check_offered(given.grant, custody.enrolment, manifest, now)
                access_grants.check_approver(
                    given.grant, visit.person, earlier, now=now, break_glass=custody.rules.break_glass
                )
            except NotGranted as problem:
                return str(problem)
            return ""


def acts_of(given: Given, person: Person) -> tuple[Act, ...]:
    """The acts on a grant that are this person's, if nothing stands against them."""
    found: list[Act] = []
    decides = Role.APPROVER in person.roles
    if given.standing is Standing.WAITING and (decides or given.grant.break_glass):
        found += [Act.BREAK_GLASS if given.grant.break_glass else Act.APPROVE] * (
            Role.DEVELOPER_OFFICER not in person.roles
        )
    if given.standing is Standing.WAITING and decides:
        found.append(Act.REFUSE)
    if given.over is None and (decides or officer_of(given.grant.developer, person)):
        found.append(Act.REVOKE)
    if given.standing is Standing.APPROVED and given.grant.reader == person.person:
        found.append(Act.OPEN)
    return tuple(found)


def sees(given: Given, person: Person) -> bool:
    """Approvers see every grant, and readers of the authority break-glass; others only their own."""
    if Role.APPROVER in person.roles or officer_of(given.grant.developer, person):
        return True
    return person.person == given.grant.reader or (given.grant.break_glass and Role.READER in person.roles)

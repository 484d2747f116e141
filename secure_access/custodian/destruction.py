"""The end of a plan's key: two approvers of different teams destroy it; a legal hold stops them.

A hold is one approver's, with a reason, and so is its end: two still have to agree before anything is gone.
"""

from __future__ import annotations

from collections.abc import Callable

from secure_access.custodian import access_grants
from secure_access.custodian.acts import Act, Confirmed
from secure_access.custodian.custody import Custody, Why
from secure_access.custodian.enrolment import Person, Role
from secure_access.custodian.grant_words import minute
from secure_access.custodian.state import APPROVAL_LASTS, Approval, Plan
from secure_access.workflow import NotFound


class Destructions:
    """The verbs by which a plan's key ends. They raise as the verbs of `core.Core`.

    ``wipe`` removes what else was sealed to the key of that fingerprint.
    """

    def __init__(self, custody: Custody, wipe: Callable[[str], object]) -> None:
        self._custody, self._wipe = custody, wipe

    def approve(self, nonce: str, answer: str) -> bytes:
        """Two approvers of different teams destroy a plan's key. The certificate, empty after the first."""
        custody = self._custody
        with custody.lock:
            done = custody.confirmed(nonce, answer, Act.DESTROY)
            plan = self._plan(done)
            obstacle = self.obstacle(plan, done.person)
            if obstacle:
                raise custody.denied(done, Why.HELD if plan.hold else Why.NOT_ALLOWED, obstacle)
            earlier = self.approvers(plan)
            custody.write("plan.destruction_approved", plan.fingerprint, custody.by(done))
            if len(earlier) + 1 < access_grants.APPROVERS:
                return b""
            custody.write("plan.destroying", plan.fingerprint, {})
            return self._destroy(plan)

    def obstacle(self, plan: Plan, person: Person) -> str:
        """Why this approver's approval would be refused now, in words; empty when it would not be."""
        if plan.hold:
            since = minute(plan.hold.by.at)
            return f"A legal hold stands since {since}: nothing of this plan is destroyed until it is lifted."
        conflict = person.conflicted_with(plan.developer)
        if conflict:
            return f"Somebody else approves this: you are a person who {conflict}."
        if any(
            one.person == person.person
            or any(access_grants.same_team(person.team, name) for name in (one.team, team))
            for one, team in self.approvers(plan)
        ):
            return "The second approval is another person's, of another team than the first."
        return ""

    def hold(self, nonce: str, answer: str, reason: str) -> None:
        """An approver keeps a plan from being destroyed, and says why."""
        with self._custody.lock:
            done, plan = self._keeping(nonce, answer, Act.HOLD)
            if plan.hold:
                raise self._custody.denied(done, Why.WRONG_STATE, "A legal hold stands already.")
            self._write("plan.held", done, plan, reason)

    def release_hold(self, nonce: str, answer: str, reason: str) -> None:
        """An approver lifts the hold, and says why. Approvals of destruction from before it count no more."""
        with self._custody.lock:
            done, plan = self._keeping(nonce, answer, Act.RELEASE_HOLD)
            if plan.hold is None:
                raise self._custody.denied(done, Why.WRONG_STATE, "There is no legal hold to lift.")
            self._write("plan.hold_released", done, plan, reason)

    def _keeping(self, nonce: str, answer: str, act: Act) -> tuple[Confirmed, Plan]:
        done = self._custody.confirmed(nonce, answer, act)
        plan = self._plan(done)
        conflict = done.person.conflicted_with(plan.developer)
        if conflict:
            words = f"Somebody else decides this: you are a person who {conflict}."
            raise self._custody.denied(done, Why.NOT_ALLOWED, words)
        return done, plan

    def _write(self, kind: str, done: Confirmed, plan: Plan, reason: str) -> None:
        kept = self._custody.parts.kept.put(reason.encode())
        self._custody.write(kind, plan.fingerprint, {**self._custody.by(done), "reason": kept})

    def finish(self) -> None:
        """Destroy what was to be destroyed when a crash or a fault came between."""
        for plan in list(self._custody.state.plans.values()):
            if plan.destroying and not plan.destroyed:
                self._destroy(plan)

    def approvers(self, plan: Plan) -> list[tuple[Person, str]]:
        """Who approved the destruction lately and could today, each with the team of that time."""
        return [(person, one.team) for person, one in self.counted(plan)]

    def counted(self, plan: Plan) -> list[tuple[Person, Approval]]:
        """The approvals that count now, each with who gave it."""
        now, listed = self._custody.now(), self._custody.enrolment
        found = [
            (listed.person(one.person, now), one) for one in plan.destruction if now < one.at + APPROVAL_LASTS
        ]
        return [
            (person, one)
            for person, one in found
            if person and Role.APPROVER in person.roles and not person.conflicted_with(plan.developer)
        ]

    def _plan(self, done: Confirmed) -> Plan:
        """The plan that an act of an approver is about, while its key is there. Raises `NotFound`."""
        plan = self._custody.state.plans.get(done.statement.object)
        if plan is None or plan.destroying or Role.APPROVER not in done.person.roles:
            self._custody.act_refused(done.statement, Why.UNKNOWN)
            raise NotFound
        return plan

    def _destroy(self, plan: Plan) -> bytes:
        custody = self._custody
        certificate = custody.parts.keys.destroy(plan.fingerprint, custody.now())
        digest = custody.parts.kept.put(certificate)
        self._wipe(plan.fingerprint)
        custody.write("plan.destroyed", plan.fingerprint, {"certificate": digest})
        return certificate

"""Destruction of a plan's key: two approvers of different teams, within a week of each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from secure_access.custodian import access_grants
from secure_access.custodian.acts import Act, Confirmed
from secure_access.custodian.custody import Custody, Why
from secure_access.custodian.enrolment import Person, Role
from secure_access.custodian.state import Plan
from secure_access.workflow import NotFound

APPROVAL_LASTS = timedelta(days=7)
"""After that the first approval counts no more: whoever comes then is the first again."""


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
            earlier = self.approvers(plan)
            if done.person.conflicted_with(plan.developer) or any(
                one.person == done.person.person
                or any(access_grants.same_team(done.person.team, name) for name in (one.team, team))
                for one, team in earlier
            ):
                words = "The second is another person of another team, without a conflict of interest."
                raise custody.denied(done, Why.NOT_ALLOWED, words)
            custody.write("plan.destruction_approved", plan.fingerprint, custody.by(done))
            if len(earlier) + 1 < access_grants.APPROVERS:
                return b""
            custody.write("plan.destroying", plan.fingerprint, {})
            return self._destroy(plan)

    def finish(self) -> None:
        """Destroy what was to be destroyed when a crash or a fault came between."""
        for plan in list(self._custody.state.plans.values()):
            if plan.destroying and not plan.destroyed:
                self._destroy(plan)

    def approvers(self, plan: Plan) -> list[tuple[Person, str]]:
        """Who approved the destruction lately and could today, each with the team of that time."""
        now, listed = self._custody.now(), self._custody.enrolment
        found = [
            (listed.person(one.person, now), one.team)
            for one in plan.destruction
            if now < one.at + APPROVAL_LASTS
        ]
        return [
            (one, team)
            for one, team in found
            if one and Role.APPROVER in one.roles and not one.conflicted_with(plan.developer)
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

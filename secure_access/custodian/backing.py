"""Whether a line of the log is backed by what it names: officers' signatures, or the passkey of who acted.

The log is chained and not signed by those whom it names, so whoever writes the core's disk could add a line.
At each start a line that lets somebody read is believed only with the evidence that it names, once.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import timedelta

from secure_access.custodian import access_grants, enrolment, forms, recertification
from secure_access.custodian.acts import LONGEST_LIFE, Act, NotConfirmed, Statement, confirm
from secure_access.custodian.custody_log import Damaged, Line
from secure_access.custodian.enrolment import NotEnrolled, Person, Role, officer_of
from secure_access.custodian.forms import Malformed
from secure_access.custodian.state import APPROVAL_LASTS, Plan, State

ACTS: dict[str, tuple[frozenset[Act], str]] = {
    "plan.delivered": (frozenset({Act.DELIVER}), "manifest"),
    "grant.approved": (frozenset({Act.APPROVE, Act.BREAK_GLASS}), "grant"),
    "grant.refused": (frozenset({Act.REFUSE}), "grant"),
    "grant.revoked": (frozenset({Act.REVOKE}), "grant"),
    "access.paused": (frozenset({Act.PAUSE}), ""),
    "access.resumed": (frozenset({Act.RESUME}), ""),
    "plan.destruction_approved": (frozenset({Act.DESTROY}), ""),
    "plan.held": (frozenset({Act.HOLD}), ""),
    "plan.hold_released": (frozenset({Act.RELEASE_HOLD}), ""),
    "reader.recertified": (frozenset({Act.RECERTIFY}), "statement"),
}
"""Lines that somebody confirmed, of what may be read by whom or is kept: the act, and which field names its
object; without a field that is the plan. A sitting is not among them: it ends with the process.
"""
_OFFICERS = frozenset({Act.DELIVER, Act.PAUSE, Act.RESUME})
_APPROVERS = frozenset({Act.APPROVE, Act.DESTROY, Act.HOLD, Act.RELEASE_HOLD, Act.RECERTIFY})
_SLACK = timedelta(hours=1)
"""How long after its end a statement may stand in a line: a disk may have been slow."""


class Backing:
    """Looks at the lines of a log in their order. ``document`` gives the bytes of a digest."""

    def __init__(self, document: Callable[[str], bytes], pinned: str) -> None:
        self._document, self._pinned = document, pinned
        self._used: set[str] = set()

    def check(self, line: Line, state: State) -> None:
        """Look at the next line; ``state`` is that before it. Raises `Damaged`; `UnsafeFile` of a file."""
        try:
            if line.type == "enrolment.accepted":
                self._enrolled(line, state)
            elif line.type in ACTS:
                self._acted(line, state)
            elif line.type in _FOLLOWS:
                _FOLLOWS[line.type](line, state)
        except (NotEnrolled, NotConfirmed, Malformed, ValueError, LookupError, TypeError) as problem:
            words = f"line {line.number} ({line.type}) is not backed by what it names: {problem}"
            raise Damaged(words) from None

    def _enrolled(self, line: Line, state: State) -> None:
        signed = enrolment.read_signed(self._document(str(line.fields["signed"])))
        before = state.enrolment
        new = enrolment.follow(signed, before) if before else enrolment.first(signed, self._pinned)
        if new.digest != line.fields["list"]:
            raise NotEnrolled("the list is another one")

    def _acted(self, line: Line, state: State) -> None:
        acts, place = ACTS[line.type]
        kept = json.loads(self._document(str(line.fields["evidence"])))
        said = _statement(str(kept["statement"]).encode())
        about = line.fields[place] if place else line.plan
        if said.act not in acts or said.object != about or said.by != line.fields["by"]:
            raise ValueError("the evidence is of another act")
        if not said.not_after - LONGEST_LIFE <= line.at <= said.not_after + _SLACK:
            raise ValueError("the evidence is of another time")
        if said.nonce in self._used:
            raise ValueError("the evidence was used before")
        self._used.add(said.nonce)
        if state.enrolment is None:
            raise ValueError("there is no enrolment list before it")
        person = confirm(said, str(kept["assertion"]), state.enrolment, line.at).person
        if person.team != line.fields["team"]:
            raise ValueError("the person is of another team")
        _in_role(said.act, person, state.plans.get(line.plan))
        if line.type == "grant.approved":
            _second(line, said.act, person, state)
        elif line.type == "reader.recertified":
            self._stated(line, said.object)

    def _stated(self, line: Line, statement: str) -> None:
        stated = recertification.parse(self._document(statement))
        if (stated.reader, stated.month) != (line.fields["reader"], line.fields["month"]):
            raise ValueError("the statement is about another reader or month")


def _in_role(act: Act, person: Person, plan: Plan | None) -> None:
    if act in _APPROVERS and Role.APPROVER not in person.roles:
        raise ValueError("the person is no approver")
    if act in _OFFICERS and (plan is None or not officer_of(plan.developer, person)):
        raise ValueError("the person is no officer of the developer")


def _second(line: Line, act: Act, person: Person, state: State) -> None:
    """Two approvals are of two people, of two teams but for break-glass; and each of its kind of grant."""
    given = state.grants[str(line.fields["grant"])]
    if given.grant.break_glass != (act is Act.BREAK_GLASS) or person.person == given.grant.reader:
        raise ValueError("nobody could approve this grant so")
    for one in given.approvals:
        same = access_grants.same_team(one.team, person.team) and not given.grant.break_glass
        if one.person == person.person or same:
            raise ValueError("it is no second approval")


def _once(known: Callable[[State], Mapping[str, object]], field: str) -> Callable[[Line, State], None]:
    def check(line: Line, state: State) -> None:
        if (line.fields[field] if field else line.plan) in known(state):
            raise ValueError("it is here already, and a second one would forget what was decided about it")

    return check


def _destroying(line: Line, state: State) -> None:
    """Two approvers of two teams stand behind the end of a key, and no legal hold."""
    plan = state.plans[line.plan]
    if plan.hold is not None:
        raise ValueError("a legal hold stands")
    counted = [one for one in plan.destruction if line.at < one.at + APPROVAL_LASTS + _SLACK]
    if not any(
        one.person != other.person and not access_grants.same_team(one.team, other.team)
        for one, other in itertools.combinations(counted, 2)
    ):
        raise ValueError("no two approvers of two teams approved it")


_FOLLOWS: dict[str, Callable[[Line, State], None]] = {
    "plan.key_made": _once(lambda state: state.plans, ""),
    "grant.offered": _once(lambda state: state.grants, "grant"),
    "plan.destroying": _destroying,
}
"""Lines that nobody confirms, of the portal and of the core itself: they hold to what stood before them."""


def _statement(encoded: bytes) -> Statement:
    form = forms.plain(encoded, ("act", "object", "by", "nonce", "not_after"))
    return Statement(
        Act(form.text("act")),
        form.hexadecimal("object", 32),
        form.identifier("by"),
        form.hexadecimal("nonce", 16),
        form.instant("not_after"),
    )

"""Changes of the sign-in policy: an act of two administrators, with what it would do to whom.

What is proposed is the whole policy, as `secure_access.identity.policy.Policy.stated` states it, and the
digest of the one that it takes the place of: what was proposed on another one than is in force is not done.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from portal.accounts.standing import standing
from portal.settings import PUBLIC, Settings, SettingsError
from portal.web import Wired
from secure_access import identity
from secure_access.db import Session, col, select
from secure_access.identity import (
    Actor,
    Method,
    Organisation,
    SignInSession,
    policies,
    policy,
    proposals,
    sessions,
)
from secure_access.identity.policies import Came
from secure_access.identity.policy import Policy, Rule
from secure_access.identity.proposals import Doing, Kind, NewProposal, Terms
from secure_access.identity.tables import ProposedAct
from secure_access.ledger import canonical, security_log
from secure_access.workflow import Denied, NotFound, Role

log = structlog.get_logger(__name__)

CHANGE = "sign_in_policy.change"
MOST_KEYS = 5
LONGEST_WAIT = timedelta(days=30)
LONGEST_LAPSE = timedelta(days=90)
_DELEGATED = (Role.DRAFTING_AGENT, Role.REPORTING_AGENT, Role.ANSWERING_AGENT)


@dataclass(frozen=True)
class Shift:
    """What a change does to one role: ``people`` hold it; how many of them would not get in any more, and how
    many would need another key, who need none now."""

    role: Role
    before: Rule
    after: Rule
    people: int
    shut_out: int
    need_keys: int


def begin_policy(wired: Wired) -> None:
    """As a web process starts: record the policy with which an instance begins, and say where the machine
    names another one than counts. Raises `SettingsError` where the one in force is not for this profile."""
    settings, now = wired.settings, wired.clock.now()
    if settings.zone in ("", "government"):  # no other zone's role adds a policy
        with wired.database.write() as session:
            policies.begin(session, settings.first_policy, name=settings.sign_in, now=now)
    if settings.zone == PUBLIC:
        return
    with wired.database.read() as session:
        counts = policies.in_force(session, settings.first_policy)
    if counts.entry_by_password and not settings.demonstration:
        raise SettingsError(
            "The sign-in policy on record lets people in by password alone; a production instance refuses "
            "that. Set another on the machine: assay admin sign-in-policy --policy standard --reason ..."
        )
    if differs(settings, counts):
        log.warning("sign_in_policy.on_record_rules", named=settings.sign_in, on_record=counts.digest)


def differs(settings: Settings, counts: Policy) -> bool:
    """Whether the machine names another policy (`ASSAY_SIGN_IN`) than the one that counts."""
    return settings.first_policy.digest != counts.digest


def with_rule(before: Policy, roles: list[Role], rule: Rule) -> Policy:
    """A policy with another rule for some roles. Raises `Denied` for a rule that nobody can work under."""
    if not rule.methods or not rule.methods <= set(policy.METHODS):
        raise Denied("A role needs at least one way to sign in.", "Choose one.")
    if not 0 <= rule.keys <= MOST_KEYS:
        raise Denied(f"Nobody can be asked for {rule.keys} keys.", f"Write a number from 0 to {MOST_KEYS}.")
    if not rule.keys and (rule.step_up or rule.methods == {Method.PASSKEY}):
        raise Denied(
            "Whoever signs in with a key alone, or confirms every act with one, needs at least one key.",
            "Ask for one key or more.",
        )
    return _made(before, rules={**before.rules, **dict.fromkeys(roles, rule)})


def with_times(before: Policy, *, wait: timedelta, lapse: timedelta) -> Policy:
    """A policy with other times. Raises `Denied` for times that cannot be meant."""
    if not timedelta() <= wait <= LONGEST_WAIT:
        words = f"Write hours from 0 to {int(LONGEST_WAIT.total_seconds()) // 3600}."
        raise Denied("A new key cannot wait that long.", words)
    if not timedelta(days=1) <= lapse <= LONGEST_LAPSE:
        raise Denied("A proposal cannot be open that long.", f"Write days from 1 to {LONGEST_LAPSE.days}.")
    return _made(replace(before, wait=wait, lapse=lapse), rules=before.rules)


def _made(before: Policy, *, rules: Mapping[Role, Rule]) -> Policy:
    words = "" if before.words == policy.BY_PASSWORD else before.words
    return policy.of_rules(rules, wait=before.wait, lapse=before.lapse, words=words)


def proposal(before: Policy, after: Policy, *, reason: str) -> NewProposal:
    """What is proposed when one policy is to take the place of another."""
    content = {"policy": json.loads(after.stated), "words": after.words, "instead_of": before.digest}
    return NewProposal(CHANGE, content, reason)


def propose(
    session: Session, new: NewProposal, *, settings: Settings, by: Actor, now: datetime
) -> ProposedAct:
    """Propose a policy. Raises `Denied` for one that could not be put in force now; `NotFound` as
    `secure_access.identity.proposals.propose`."""
    after = stated(new.content)
    before = policies.in_force(session, settings.first_policy)
    if after.digest == before.digest:
        raise Denied("This is the policy that is in force.", "Change something, or leave it as it is.")
    if new.content["instead_of"] != before.digest:
        raise _OUTDATED
    refuse_by_password(after, allowed=settings.demonstration)
    refuse_lock_out(session, after, [by.person_id])
    return proposals.propose(session, new=new, by=by, now=now)


def stated(content: Mapping[str, Any]) -> Policy:
    """The policy that a proposal is about."""
    return policy.read(canonical.encode(content["policy"]).decode(), content["words"])


def refuse_by_password(after: Policy, *, allowed: bool) -> None:
    """Raises `Denied` for a policy that lets people in by password alone, or whose acts of record take no key
    where those of the built-in ``standard`` do, where the instance takes neither."""
    if after.entry_by_password and not allowed:
        raise Denied(
            "It lets people in by password alone. Only a demonstration takes that.",
            "Choose a password with a code, a passkey or single sign-on.",
        )
    floor = policy.load("standard")
    weaker = [role.label for role, rule in floor.rules.items() if rule.step_up and _weaker(after.rules[role])]
    if weaker and not allowed:
        raise Denied(
            f"Acts of {', '.join(sorted(weaker))} would be confirmed with no key.",
            "Ask for at least one key, and for a key with each act.",
        )


def _weaker(rule: Rule) -> bool:
    return not rule.step_up or rule.keys < 1


def refuse_lock_out(session: Session, after: Policy, administrators: list[uuid.UUID]) -> None:
    """Raises `Denied` where one of the administrators who stand behind a policy would be kept out by it."""
    for person_id in administrators:
        found = standing(session, person_id, after)
        if found.works:
            continue
        name = session.get_one(identity.Person, person_id).name
        why = (
            f"need {found.lacks} more of the keys it asks for"
            if found.lacks
            else "have no way in that it opens"
        )
        raise Denied(
            f"Under this policy {name} could not sign in and administer: they would {why}.",
            "First add the keys that it asks for, under “Your account”. Then propose it.",
        )


def shifts(session: Session, before: Policy, after: Policy) -> list[Shift]:
    """What a change does, role by role, for every role whose rule changes."""
    changed = [role for role in sorted(after.rules) if before.rules[role] != after.rules[role]]
    return [_shift(session, role, before, after) for role in changed]


def _shift(session: Session, role: Role, before: Policy, after: Policy) -> Shift:
    # What an agent may do for a developer is held through the delegation of each, by people with that role.
    people = identity.people_with(session, Role.AGENT if role in _DELEGATED else role)
    shut_out = need_keys = 0
    for person in people:
        old = standing(session, person.id, before, plus=role)
        new = standing(session, person.id, after, plus=role)
        shut_out += old.gets_in and not new.gets_in
        need_keys += new.lacks > old.lacks
    return Shift(role, before.rules[role], after.rules[role], len(people), shut_out, need_keys)


def loosened(before: Policy, after: Policy) -> list[str]:
    """Where a policy asks less than the one before it, in words; empty where it does not."""
    found = []
    for role in sorted(after.rules):
        words = _looser(before.rules[role], after.rules[role])
        if words:
            found.append(f"{role.label.capitalize()}: {', '.join(words)}")
    if after.wait < before.wait:
        found.append("A new key waits less long before it signs, approves and serves")
    if after.lapse > before.lapse:
        found.append("An act of two stays open longer")
    return found


def _looser(before: Rule, after: Rule) -> list[str]:
    weaker = sorted(after.methods - before.methods - {Method.PASSKEY})
    return [
        *(f"{way.label} opens" for way in weaker),
        *(["fewer keys"] if after.keys < before.keys else []),
        *(["keys that can be copied count"] if before.device_bound and not after.device_bound else []),
        *(["acts are not always confirmed with a key"] if before.step_up and not after.step_up else []),
    ]


# The act


_OUTDATED = Denied(
    "The sign-in policy was changed after this was put together, so it would undo that change unseen.",
    "Open the policy again and propose the change on what stands there now.",
)


def refusal(
    session: Session, content: Mapping[str, Any], *, proposed_by: uuid.UUID, by: Actor, terms: Terms
) -> Denied | None:
    """Why a proposed policy cannot be put in force by ``by`` now, or ``None``."""
    after = stated(content)
    try:
        if content["instead_of"] != policies.in_force(session, terms.counts).digest:
            raise _OUTDATED
        refuse_by_password(after, allowed=terms.by_password)
        refuse_lock_out(session, after, [proposed_by, by.person_id])
    except Denied as refused:
        return refused
    return None


def _perform(session: Session, content: Mapping[str, Any], doing: Doing) -> None:
    # Two approvals at the same moment wait for one another here.
    session.get_one(Organisation, doing.by.organisation_id, with_for_update=True)
    refused = refusal(
        session, content, proposed_by=doing.proposal.proposed_by, by=doing.by, terms=doing.terms
    )
    if refused is not None:
        raise refused
    after = stated(content)
    policies.change(session, after, came=Came(act_id=doing.proposal.id), by=doing.by, now=doing.now)
    ended = end_shut(session, after)
    security_log.note(
        session,
        "session.ended_by_policy",
        by=doing.by,
        now=doing.now,
        subject=policies.SUBJECT,
        sessions=ended,
    )


def end_shut(session: Session, after: Policy) -> int:
    """End every session that began in a way which the new policy does not open to its person; how many."""
    live = select(SignInSession).where(
        col(SignInSession.ended_at).is_(None),
        col(SignInSession.started_at) > datetime.now(UTC) - identity.ABSOLUTE_LIMIT,
    )
    found = session.exec(live).all()
    return sessions.end_sessions(session, [row for row in found if _is_shut(session, row, after)])


def _is_shut(session: Session, row: SignInSession, after: Policy) -> bool:
    try:
        rule = after.rule(identity.actor(session, row.person_id).roles)
    except NotFound:
        return True
    return row.method is not Method.FIRST_KEY and row.method not in rule.methods


proposals.declare(
    CHANGE, Kind("Change the sign-in policy", _perform, lambda _session, content: stated(content))
)

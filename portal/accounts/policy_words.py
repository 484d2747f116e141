"""What a change of the sign-in policy does, in words that two administrators read before they confirm it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from portal.accounts import policy_changes
from portal.accounts.policy_changes import Shift
from portal.ui.formats import plural
from secure_access.db import Session
from secure_access.identity.policy import Policy, Rule


@dataclass(frozen=True)
class Effect:
    """Rows (role, ways, keys, acts confirmed, for whom), sentences on times, and where the policy asks less
    than the one in force."""

    rows: list[list[str]]
    times: list[str]
    looser: list[str]


def effect(session: Session, before: Policy, after: Policy) -> Effect:
    """What changes for whom."""
    found = policy_changes.shifts(session, before, after)
    return Effect(
        [_row(one) for one in found], list(_times(before, after)), policy_changes.loosened(before, after)
    )


def summary(before: Policy, after: Policy) -> str:
    """A change in one line, for the page on which it is confirmed with a key."""
    changed = [role.label for role in sorted(after.rules) if before.rules.get(role) != after.rules[role]]
    said = [f"Rule of {', '.join(changed)}"] if changed else []
    looser = policy_changes.loosened(before, after)
    return ". ".join(
        [*said, *_times(before, after), *([f"Asks less: {'; '.join(looser)}"] if looser else [])]
    )


def _row(shift: Shift) -> list[str]:
    return [
        shift.role.label.capitalize(),
        _change(ways(shift.before), ways(shift.after)),
        _change(keys(shift.before), keys(shift.after)),
        _change(confirms(shift.before), confirms(shift.after)),
        _whom(shift),
    ]


def _change(before: str, after: str) -> str:
    return after if before == after else f"{before} → {after}"


def _whom(shift: Shift) -> str:
    """How many people hold the role, and what the change asks of them."""
    said = [plural(shift.people, "person", "people")]
    if shift.shut_out:
        said.append(f"{shift.shut_out} would no longer get in")
    if shift.need_keys:
        said.append(f"{shift.need_keys} would need another key")
    return "; ".join(said if len(said) > 1 or not shift.people else [*said, "nobody has to add anything"])


def _times(before: Policy, after: Policy) -> Iterator[str]:
    if before.wait != after.wait:
        hours = [plural(int(one.wait.total_seconds()) // 3600, "hour") for one in (before, after)]
        yield (
            f"A new key waits {hours[1]} before it signs, approves and serves, not {hours[0]}; "
            "keys that are there are not touched"
        )
    if before.lapse != after.lapse:
        days = [plural(one.lapse.days, "day") for one in (before, after)]
        yield f"An act of two can be approved for {days[1]}, not {days[0]}; also those that wait now"


def ways(rule: Rule) -> str:
    """The ways to sign in that a rule opens."""
    said = ", or ".join(way.label for way in sorted(rule.methods))
    return said[0].upper() + said[1:]


def keys(rule: Rule) -> str:
    """How many keys a rule asks for, and of which kind."""
    return f"{rule.keys}{' of one device' if rule.device_bound else ''}" if rule.keys else "None"


def confirms(rule: Rule) -> str:
    """Whether acts are confirmed with a key."""
    return "Always" if rule.step_up else "Whoever has a key"

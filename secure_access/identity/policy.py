"""Who may sign in how, by role: read from data, see ``sign_in_policies.toml`` beside this file."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from secure_access.identity.sessions import Method
from secure_access.ledger import canonical
from secure_access.workflow import Role

BUILT_IN = Path(__file__).with_name("sign_in_policies.toml")
BY_PASSWORD = "Entry by password: demonstration only"  # noqa: S105 - words for the page
_METHODS = (Method.PASSWORD, Method.PASSWORD_AND_CODE, Method.PASSKEY, Method.SSO)
_ENTRIES = {"words", "entry_by_password", "wait_hours", "lapse_days", "rule"}
_RULE = {"roles", "methods", "keys", "device_bound", "step_up"}


class PolicyError(ValueError):
    """A policy that cannot be used; the message says why."""


@dataclass(frozen=True)
class Rule:
    """What a person is held to: ways to sign in, number and kind of keys, whether acts ask for a key."""

    methods: frozenset[Method]
    keys: int
    device_bound: bool
    step_up: bool

    @property
    def code(self) -> bool:
        """Whether a code of an app can stand in for a passkey."""
        return Method.PASSWORD_AND_CODE in self.methods


@dataclass(frozen=True)
class Policy:
    """One policy: ``words`` for every page; before ``wait`` is over a new key carries no sensitive right.

    ``lapse``: how long after it was proposed an act that takes two administrators can be approved.
    """

    words: str
    entry_by_password: bool
    wait: timedelta
    lapse: timedelta
    rules: Mapping[Role, Rule]

    @property
    def digest(self) -> str:
        """SHA-256 in hex of the canonical JSON of what the policy says; its words on screen are not in it."""
        stated = {
            role: {
                "methods": sorted(rule.methods),
                "keys": rule.keys,
                "device_bound": rule.device_bound,
                "step_up": rule.step_up,
            }
            for role, rule in self.rules.items()
        }
        wait = int(self.wait.total_seconds())
        said = {"rules": stated, "wait_seconds": wait, "lapse_days": self.lapse.days}
        return hashlib.sha256(canonical.encode(said)).hexdigest()

    def rule(self, roles: Iterable[Role]) -> Rule:
        """The rule of somebody with these roles: all of theirs at once. Nobody's is nothing at all."""
        found = [self.rules[role] for role in roles]
        if not found:
            return Rule(frozenset(), 0, device_bound=True, step_up=True)
        return Rule(
            frozenset.intersection(*(rule.methods for rule in found)),
            max(rule.keys for rule in found),
            device_bound=any(rule.device_bound for rule in found),
            step_up=any(rule.step_up for rule in found),
        )


@lru_cache
def load(name: str) -> Policy:
    """The policy of that name, or in the file of that path. Raises `PolicyError`."""
    try:
        if name.endswith(".toml"):
            return _policy(tomllib.loads(Path(name).read_text()))
        return _policy(_built_in()[name])
    except KeyError:
        raise PolicyError(
            f"there is no such policy; use {' or '.join(_built_in())}, or the path of a .toml file"
        ) from None
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise PolicyError(f"the file cannot be read: {problem}") from None


@lru_cache
def _built_in() -> dict[str, Any]:
    return tomllib.loads(BUILT_IN.read_text())


def _policy(said: Mapping[str, Any]) -> Policy:
    if set(said) != _ENTRIES:
        raise PolicyError(f"a policy has exactly the entries {', '.join(sorted(_ENTRIES))}")
    rules: dict[Role, Rule] = {}
    for one in said["rule"]:
        roles, rule = _rule(one)
        rules |= dict.fromkeys(roles, rule)
    left = sorted(set(Role) - set(rules))
    if left:
        raise PolicyError(f"no rule names {', '.join(left)}")
    by_password = any(Method.PASSWORD in rule.methods for rule in rules.values())
    if by_password and said["entry_by_password"] is not True:
        raise PolicyError("a rule lets people in by password alone; then entry_by_password is true")
    return Policy(
        words=str(said["words"]) or (BY_PASSWORD if by_password else ""),
        entry_by_password=by_password,
        wait=timedelta(hours=int(said["wait_hours"])),
        lapse=timedelta(days=int(said["lapse_days"])),
        rules=rules,
    )


def _rule(said: Mapping[str, Any]) -> tuple[list[Role], Rule]:
    if set(said) != _RULE:
        raise PolicyError(f"a rule has exactly the entries {', '.join(sorted(_RULE))}")
    try:
        roles = list(Role) if said["roles"] == ["*"] else [Role(name) for name in said["roles"]]
        methods = frozenset(Method(name) for name in said["methods"])
    except ValueError as problem:
        raise PolicyError(str(problem)) from None
    if not methods or not methods <= set(_METHODS):
        raise PolicyError(f"methods are some of {', '.join(_METHODS)}")
    device_bound, step_up = said["device_bound"] is True, said["step_up"] is True
    return roles, Rule(methods, int(said["keys"]), device_bound=device_bound, step_up=step_up)

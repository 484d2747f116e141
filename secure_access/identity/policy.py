"""Who may sign in how, by role: read from data, see ``sign_in_policies.toml`` beside this file."""

from __future__ import annotations

import hashlib
import json
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
METHODS = (Method.PASSWORD, Method.PASSWORD_AND_CODE, Method.PASSKEY, Method.SSO)
"""The ways to sign in that a rule may open."""
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
    def stated(self) -> bytes:
        """What the policy says, as canonical JSON (seconds and days); its words on screen are not in it."""
        rules = {
            role.value: {
                "methods": sorted(rule.methods),
                "keys": rule.keys,
                "device_bound": rule.device_bound,
                "step_up": rule.step_up,
            }
            for role, rule in self.rules.items()
        }
        wait = int(self.wait.total_seconds())
        return canonical.encode({"rules": rules, "wait_seconds": wait, "lapse_days": self.lapse.days})

    @property
    def digest(self) -> str:
        """SHA-256 in hex of `stated`."""
        return hashlib.sha256(self.stated).hexdigest()

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
    made = of_rules(
        rules,
        wait=timedelta(hours=int(said["wait_hours"])),
        lapse=timedelta(days=int(said["lapse_days"])),
        words=str(said["words"]),
    )
    if made.entry_by_password and said["entry_by_password"] is not True:
        raise PolicyError("a rule lets people in by password alone; then entry_by_password is true")
    return made


def of_rules(rules: Mapping[Role, Rule], *, wait: timedelta, lapse: timedelta, words: str = "") -> Policy:
    """The policy of these rules. Where anybody comes in by password alone, its words say so."""
    by_password = any(Method.PASSWORD in rule.methods for rule in rules.values())
    said = words or (BY_PASSWORD if by_password else "")
    return Policy(words=said, entry_by_password=by_password, wait=wait, lapse=lapse, rules=rules)


@lru_cache(maxsize=64)
def read(stated: str, words: str = "") -> Policy:
    """The policy that `Policy.stated` states: of the roles that this release has, where it names them."""
    said, known = json.loads(stated), {role.value for role in Role}
    rules = {
        Role(name): Rule(
            frozenset(Method(way) for way in one["methods"]),
            one["keys"],
            device_bound=one["device_bound"],
            step_up=one["step_up"],
        )
        for name, one in said["rules"].items()
        if name in known
    }
    wait, lapse = timedelta(seconds=said["wait_seconds"]), timedelta(days=said["lapse_days"])
    return of_rules(rules, wait=wait, lapse=lapse, words=words)


def _rule(said: Mapping[str, Any]) -> tuple[list[Role], Rule]:
    if set(said) != _RULE:
        raise PolicyError(f"a rule has exactly the entries {', '.join(sorted(_RULE))}")
    try:
        roles = list(Role) if said["roles"] == ["*"] else [Role(name) for name in said["roles"]]
        methods = frozenset(Method(name) for name in said["methods"])
    except ValueError as problem:
        raise PolicyError(str(problem)) from None
    if not methods or not methods <= set(METHODS):
        raise PolicyError(f"methods are some of {', '.join(METHODS)}")
    device_bound, step_up = said["device_bound"] is True, said["step_up"] is True
    return roles, Rule(methods, int(said["keys"]), device_bound=device_bound, step_up=step_up)

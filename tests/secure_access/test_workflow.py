"""The step table: who, from where, to where, and what stands against it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pytest

from docs.generate import workflows
from secure_access.workflow import Denied, Role, Step, Workflow


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"


@dataclass
class Thing:
    state: Door = Door.OPEN
    bolted: bool = False


@dataclass
class Somebody:
    roles: frozenset[Role]
    person_id: str = "somebody"


OFFICER = Somebody(frozenset({Role.CASE_OFFICER}))
OTHER = Somebody(frozenset({Role.PREPARER}))


def is_bolted(thing: Thing, _by: Somebody) -> str | None:
    return "The bolt is drawn." if thing.bolted else None


FLOW = Workflow(
    "door",
    start=Door.OPEN,
    steps=(
        Step("shut", by=Role.CASE_OFFICER, frm={Door.OPEN}, to=Door.SHUT),
        Step("open_again", by=(Role.CASE_OFFICER,), frm={Door.SHUT}, to=Door.OPEN, unless=(is_bolted,)),
        Step("knock", by=(Role.CASE_OFFICER, Role.PREPARER), frm={Door.OPEN, Door.SHUT}, to=None),
    ),
)


def test_a_step_leads_to_its_state_and_an_act_without_one_leaves_it() -> None:
    assert FLOW.take("shut", OFFICER, Thing()) is Door.SHUT
    assert FLOW.take("knock", OTHER, Thing(Door.SHUT)) is Door.SHUT


@pytest.mark.parametrize(
    ("action", "by", "thing", "words"),
    [
        ("shut", OTHER, Thing(), "Only a case officer can shut."),
        ("shut", OFFICER, Thing(Door.SHUT), "This door is shut; “shut” is not possible then."),
        ("open_again", OFFICER, Thing(Door.SHUT, bolted=True), "The bolt is drawn."),
        ("paint", OFFICER, Thing(), "door has no act “paint”."),
    ],
)
def test_a_refusal_says_why(action: str, by: Somebody, thing: Thing, words: str) -> None:
    with pytest.raises(Denied) as refused:
        FLOW.take(action, by, thing)
    assert refused.value.reason == words


def test_buttons_follow_the_table() -> None:
    assert FLOW.allowed(OFFICER, Thing()) == ["shut", "knock"]
    assert FLOW.allowed(OFFICER, Thing(Door.SHUT)) == ["open_again", "knock"]
    assert FLOW.allowed(OTHER, Thing()) == ["knock"]


def test_an_ambiguous_table_is_refused() -> None:
    twice = (
        Step("shut", by=Role.CASE_OFFICER, frm={Door.OPEN}, to=Door.SHUT),
        Step("shut", by=Role.DECIDER, frm={Door.OPEN}, to=Door.SHUT),
    )
    with pytest.raises(ValueError, match="two steps"):
        Workflow("door", start=Door.OPEN, steps=twice)


@pytest.mark.parametrize("flow", workflows(), ids=lambda flow: flow.name)
def test_every_state_can_be_reached_from_the_start(flow: Workflow) -> None:
    reached = {flow.start}
    while True:
        onward = {s.to for s in flow.steps if s.to is not None and set(s.frm) & reached}
        if onward <= reached:
            break
        reached |= onward
    assert reached == set(flow.states)


@pytest.mark.parametrize("flow", workflows(), ids=lambda flow: flow.name)
def test_every_state_of_the_enum_is_in_the_table(flow: Workflow) -> None:
    assert set(type(flow.start)) == set(flow.states)


def test_every_role_is_used_or_only_administers() -> None:
    steps = [step for flow in workflows() for step in flow.steps if step.roles != set(Role)]
    used = {role for step in steps for role in step.roles}
    # An agent acts only in the roles that a delegation lends; a reader is named here and reads elsewhere.
    assert set(Role) - used == {Role.AGENT, Role.PLAN_READER}


@pytest.mark.parametrize("flow", workflows(), ids=lambda flow: flow.name)
def test_every_role_and_state_may_what_the_table_lists_and_nothing_else(flow: Workflow) -> None:
    """Each cell twice: as it is, where nothing that is not listed is allowed, and without the objections."""
    bare = [Step(one.action, one.by, one.frm, one.to) for one in flow.steps]
    open_to_all = Workflow(flow.name, start=flow.start, steps=tuple(bare))
    for role in Role:
        by = Somebody(frozenset({role}))
        for state in flow.states:
            listed = {one.action for one in flow.steps if state in one.frm and role in one.roles}
            subject = type("Subject", (), {"state": state, "__getattr__": lambda _self, _name: ""})()
            assert set(open_to_all.allowed(by, subject)) == listed, f"{role} in {state}"
            assert set(flow.allowed(by, subject)) <= listed, f"{role} in {state}"

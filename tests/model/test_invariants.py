"""Every table keeps every invariant, and an invariant notices when a table is made weaker.

A matrix that is generated from a wrong table finds nothing wrong with it. These are written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from docs.generate import workflows
from secure_access.workflow import Role, Step, Workflow
from tests.model import explorer
from tests.model.explorer import Model
from tests.model.invariants import EVERY, INVARIANTS, KINDS, MAX_INVARIANTS, SIDES
from tests.model.models import MODELS


def broken(model: Model) -> list[str]:
    """The invariants that some act of a model does not keep."""
    mine = [one for one in INVARIANTS if one.of in (EVERY, model.flow.name)]
    return sorted({one.words for took in explorer.walk(model) for one in mine if not one.holds(took)})


def breaks(model: Model) -> bool:
    """Whether some act does not keep an invariant; the first one found is enough."""
    mine = [one for one in INVARIANTS if one.of in (EVERY, model.flow.name)]
    return any(not one.holds(took) for took in explorer.walk(model) for one in mine)


def weaker(model: Model) -> Iterator[tuple[str, Workflow]]:
    """The table without one objection, and with one step opened to people of another kind, in every way."""
    for step in model.flow.steps:
        for objection in step.unless:
            yield f"{step.action} unless {objection.__name__}", explorer.without(model.flow, step, objection)
        for kind, roles in KINDS.items():
            if not step.roles & roles:
                yield f"{step.action} by {kind}", explorer.opened_to(model.flow, step, KINDS, kind)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.flow.name)
def test_no_act_breaks_an_invariant(model: Model) -> None:
    assert broken(model) == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.flow.name)
def test_every_weaker_table_is_noticed(model: Model) -> None:
    unnoticed = [how for how, flow in weaker(model) if not breaks(replace(model, flow=flow))]
    assert unnoticed == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.flow.name)
def test_every_state_and_act_is_reached(model: Model) -> None:
    """An invariant over what is never reached would hold of anything."""
    took = list(explorer.walk(model))
    assert {str(one.after.state) for one in took} | {str(start.state) for start in model.starts} == {
        str(state) for state in model.flow.states
    }
    assert {one.action for one in took} == {step.action for step in model.flow.steps}


def test_every_workflow_has_a_model_and_every_invariant_a_workflow() -> None:
    assert {model.flow.name for model in MODELS} == {flow.name for flow in workflows()}
    assert {one.of for one in INVARIANTS} <= {EVERY, *SIDES}
    assert len(INVARIANTS) <= MAX_INVARIANTS
    assert len({(one.of, one.words) for one in INVARIANTS}) == len(INVARIANTS)


def test_the_sides_name_every_act_of_every_workflow_once() -> None:
    acts = {flow.name: sorted({step.action for step in flow.steps}) for flow in workflows()}
    assert {of: sorted(" ".join(named.values()).split()) for of, named in SIDES.items()} == acts


def test_every_role_is_of_one_kind() -> None:
    assert sorted(role for roles in KINDS.values() for role in roles) == sorted(Role)


def test_a_state_that_should_be_final_is_noticed_when_it_is_not() -> None:
    for model in MODELS:
        for one in model.flow.steps:
            if one.to is None or any(one.to in step.frm for step in model.flow.steps):
                continue
            back = Step("reopen", one.roles, {one.to}, model.flow.start)
            opened = Workflow(model.flow.name, start=model.flow.start, steps=(*model.flow.steps, back))
            assert broken(replace(model, flow=opened)), f"{model.flow.name}: out of {one.to}"

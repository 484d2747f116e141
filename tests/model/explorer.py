"""A small model checker: everything that people can do with one thing, however many roles they hold.

A *thing* is what a workflow acts on, as plain facts. Every act that the table allows is taken, by everybody,
from every thing that can be reached, up to a number of acts. What an act does to the facts is written in the
models anew, not taken from the verbs, so that a wrong table is found and not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secure_access.workflow import Role, Step, Workflow

DEPTH = 4
"""Acts in a row. Every rule about people concerns at most three of them."""


@dataclass(frozen=True)
class Person:
    """Somebody with roles; ``person_id`` is a letter."""

    person_id: str
    roles: frozenset[Role]


EVERYTHING = frozenset(Role)
ANNA, BRAM = Person("anna", EVERYTHING), Person("bram", EVERYTHING)
"""Two people who hold every role there is: what they cannot do alone, nobody can."""
ELSEWHERE = Person("elsewhere", frozenset())
"""What nobody does here: it happens, and is recorded."""
ALONE = tuple(Person(f"only {role.label}", frozenset({role})) for role in Role)
"""One person a role, and no other: they show which role an act needs."""


class Thing:
    """The facts that a workflow looks at. Equal facts are the same thing."""

    def __init__(self, **facts: Any) -> None:
        self._facts = facts

    def __getattr__(self, name: str) -> Any:
        try:
            return self._facts[name]
        except KeyError:
            raise AttributeError(name) from None

    def but(self, **facts: Any) -> Thing:
        """The same with some facts changed."""
        return Thing(**{**self._facts, **facts})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and self._facts == other._facts

    def __hash__(self) -> int:
        return hash(frozenset(self._facts.items()))

    def __repr__(self) -> str:
        return f"Thing({', '.join(f'{key}={value!r}' for key, value in self._facts.items())})"


Effect = Callable[[Thing, str, str], Thing]
"""``(thing, action, person_id) -> thing``, without its state: the table moves that."""


def no_effect(thing: Thing, _action: str, _by: str) -> Thing:
    """An act that changes nothing but the state."""
    return thing


@dataclass(frozen=True)
class Model:
    """A workflow, the things it can begin with, and what its acts do to their facts.

    ``forgotten`` are acts that change no fact and that no invariant looks back at: who took them is not told.
    """

    flow: Workflow
    starts: tuple[Thing, ...]
    effect: Effect = no_effect
    forgotten: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Took:
    """One act that a workflow allowed, and who did what before it: pairs of action and person."""

    of: str
    before: Thing
    action: str
    by: Person
    after: Thing
    history: frozenset[tuple[str, str]]

    def did(self, action: str) -> set[str]:
        """Who took an action before."""
        return {person for taken, person in self.history if taken == action}


def walk(model: Model, depth: int = DEPTH) -> Iterator[Took]:
    """Every act that can be taken, from everything that can be reached by Anna and Bram."""
    reached = {(start, frozenset[tuple[str, str]]()) for start in model.starts}
    fringe = set(reached)
    for _ in range(depth):
        following = set()
        for thing, history in sorted(fringe, key=repr):
            for person in (ANNA, BRAM, ELSEWHERE, *ALONE):
                for took in _acts(model, thing, history, person):
                    yield took
                    told = (
                        frozenset() if took.action in model.forgotten else {(took.action, person.person_id)}
                    )
                    onward = (took.after, history | told)
                    if person in (ANNA, BRAM, ELSEWHERE) and onward not in reached:
                        following.add(onward)
        reached |= following
        fringe = following


def _acts(model: Model, thing: Thing, history: frozenset[tuple[str, str]], person: Person) -> Iterator[Took]:
    for action, state in _moves(model.flow, thing, person):
        after = model.effect(thing, action, person.person_id).but(state=state)
        yield Took(model.flow.name, thing, action, person, after, history)


def _moves(flow: Workflow, thing: Thing, person: Person) -> Iterator[tuple[str, Any]]:
    """Actions that this person may take, or that happen elsewhere, each with the state after it."""
    if person is not ELSEWHERE:
        for action in flow.allowed(person, thing):
            yield action, flow.take(action, person, thing)
        return
    for action in dict.fromkeys(step.action for step in flow.steps):
        state = flow.happened(action, thing)
        if state is not None:
            yield action, state


def without(flow: Workflow, step: Step, objection: Any) -> Workflow:
    """The table with one objection of one step taken out."""
    weaker = Step(
        step.action, step.by, step.frm, step.to, tuple(o for o in step.unless if o is not objection)
    )
    return Workflow(flow.name, start=flow.start, steps=tuple(weaker if s is step else s for s in flow.steps))


def opened_to(flow: Workflow, step: Step, roles: Mapping[str, frozenset[Role]], kind: str) -> Workflow:
    """The table with one step opened to every role of another kind of organisation."""
    wider = Step(step.action, step.roles | roles[kind], step.frm, step.to, step.unless)
    return Workflow(flow.name, start=flow.start, steps=tuple(wider if s is step else s for s in flow.steps))

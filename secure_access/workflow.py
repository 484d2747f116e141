"""A workflow is one table of steps: the state machine and the permission policy at once.

Pure: no Flask, no session, no clock. The diagrams and the role × state matrix in ``docs/reference``
are generated from the tables that use this module.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Role(StrEnum):
    """What a person may be trusted with. A person holds roles in one organisation."""

    CASE_OFFICER = "case_officer"
    DECIDER = "decider"
    PLAN_APPROVER = "plan_approver"
    PLAN_READER = "plan_reader"
    ACCREDITATION_OFFICER = "accreditation_officer"
    ENFORCEMENT_OFFICER = "enforcement_officer"
    HEAD_OF_ENFORCEMENT = "head_of_enforcement"
    LEGAL_OFFICER = "legal_officer"
    ADMINISTRATOR = "administrator"
    PREPARER = "preparer"
    CERTIFYING_OFFICER = "certifying_officer"
    ASSESSOR = "assessor"
    EVALUATION_OFFICER = "evaluation_officer"
    ORGANISATION_ADMINISTRATOR = "organisation_administrator"
    AGENT = "agent"
    # Held only through a delegation, never given: what somebody may do for another organisation.
    DRAFTING_AGENT = "drafting_agent"
    REPORTING_AGENT = "reporting_agent"
    ANSWERING_AGENT = "answering_agent"

    @property
    def label(self) -> str:
        """The role as the screen says it."""
        return self.value.replace("_", " ")


class Holder(Protocol):
    """Whoever acts: anything that holds roles."""

    @property
    def roles(self) -> frozenset[Role]: ...


class Stateful(Protocol):
    """Whatever is acted on: anything with a state."""

    @property
    def state(self) -> Any: ...


class Denied(Exception):
    """The act is refused. ``reason`` says why, ``fix`` who or what can change it; both are for people."""

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix

    @property
    def words(self) -> str:
        """Reason and fix in a row, for a page or a terminal that has one place for both."""
        return f"{self.reason} {self.fix}".strip()


class NotFound(Exception):
    """There is no such thing, or it is not yours: the two are told apart nowhere."""


Objection = Callable[[Any, Any], str | None]
"""``(subject, by) -> reason`` or ``None``. A reason is a sentence that a person can act on."""


@dataclass(frozen=True)
class Step:
    """One act: who may do it, from which states, to which state, and what stands against it.

    ``to`` is ``None`` where the act leaves the state as it is. ``by`` is empty for what nobody does here: it
    happens elsewhere, and is recorded with `Workflow.happened`.
    """

    action: str
    by: Role | Collection[Role]
    frm: Collection[StrEnum]
    to: StrEnum | None
    unless: tuple[Objection, ...] = ()

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that may take the step, as a set."""
        return frozenset({self.by}) if isinstance(self.by, Role) else frozenset(self.by)


class Workflow:
    """A named table of steps from a start state.

    Raises ``ValueError`` when two steps share an action and a state: the table would be ambiguous.
    """

    def __init__(self, name: str, *, start: StrEnum, steps: tuple[Step, ...]) -> None:
        self.name = name
        self.start = start
        self.steps = steps
        self._table: Mapping[tuple[str, Any], Step] = _index(name, steps)

    @property
    def states(self) -> list[StrEnum]:
        """Every state the table names, in the order of their class."""
        named = {self.start}
        for step in self.steps:
            named.update(step.frm if step.to is None else (*step.frm, step.to))
        return [state for state in type(self.start) if state in named]

    def refusal(self, action: str, by: Holder, subject: Stateful) -> Denied | None:
        """Why ``by`` may not take ``action`` on ``subject`` now, or ``None`` if nothing stands against it."""
        step = self._table.get((action, subject.state))
        if step is None:
            return Denied(self._wrong_state(action, subject.state), "Reload the page to see where it stands.")
        if not step.roles:
            return Denied(f"Nobody can {_words(action)} here: it happens elsewhere, and is recorded here.")
        if not step.roles & by.roles:
            wanted = " or ".join(sorted(role.label for role in step.roles))
            article = "an" if wanted[0] in "aeiou" else "a"
            return Denied(f"Only {article} {wanted} can {_words(action)}.", f"Ask {article} {wanted}.")
        for objection in step.unless:
            reason = objection(subject, by)
            if reason:
                return Denied(reason)
        return None

    def take(self, action: str, by: Holder, subject: Stateful) -> Any:
        """The state after ``action``. Raises `Denied` with the reason when it may not be taken."""
        refusal = self.refusal(action, by, subject)
        if refusal is not None:
            raise refusal
        to = self._table[action, subject.state].to
        return subject.state if to is None else to

    def happened(self, action: str, subject: Stateful) -> Any:
        """The state after what happened elsewhere, or ``None`` where nothing follows from it here."""
        step = self._table.get((action, subject.state))
        return None if step is None or step.roles else step.to

    def allowed(self, by: Holder, subject: Stateful) -> list[str]:
        """The actions that ``by`` may take on ``subject`` now, in the order of the table. Drives buttons."""
        actions = dict.fromkeys(step.action for step in self.steps)
        return [action for action in actions if self.refusal(action, by, subject) is None]

    def _wrong_state(self, action: str, state: Any) -> str:
        if not any(step.action == action for step in self.steps):
            return f"{self.name} has no act “{_words(action)}”."
        return f"This {self.name} is {_words(str(state))}; “{_words(action)}” is not possible then."


def _index(name: str, steps: tuple[Step, ...]) -> dict[tuple[str, Any], Step]:
    table: dict[tuple[str, Any], Step] = {}
    for step in steps:
        for state in step.frm:
            if (step.action, state) in table:
                raise ValueError(f"{name}: two steps {step.action!r} from {state!r}")
            table[step.action, state] = step
    return table


def _words(name: str) -> str:
    return name.replace("_", " ")

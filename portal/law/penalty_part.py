"""The state of a calculation while the steps of a method run: one part is one maximum with its amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from portal.law.facts import FactError
from portal.law.methods import Method, Step
from portal.law.money import rounded
from portal.law.penalty_facts import PenaltyFacts, Violation
from portal.law.penalty_lines import Sheet
from portal.law.statute import Pack

ADOPTED = "adopted method"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the calculation looks up: the regime's pack, the office's, the method, and the readings chosen."""

    pack: Pack | None
    office: Pack
    method: Method
    choices: Mapping[str, str]
    adopted: bool = False

    @property
    def status(self) -> str:
        """The status of the method's lines."""
        return ADOPTED if self.adopted else self.method.status


@dataclass
class Part:
    """A sheet in the making for the whole decision, or for violation `number` where each has a maximum.

    `exact` is the amount so far, not rounded; each line carries the rounded change that it makes, so that the
    lines add up to the rounded amount.
    """

    sheet: Sheet
    case: PenaltyFacts
    rules: Rules
    number: int | None = None
    maximum: Decimal | None = None
    citation: str = ""
    exact: Decimal = Decimal(0)
    settled: bool = False
    named: dict[str, Decimal] = field(default_factory=dict)
    limits: tuple[Decimal, Decimal] | None = None
    outside: bool | None = None
    score: int | None = None
    raised: bool = False
    counted: tuple[str, ...] = ()

    @property
    def violations(self) -> tuple[tuple[int, Violation], ...]:
        """The violations of this part with their places in the facts."""
        every = tuple((violation.place, violation) for violation in self.case.violations)
        return every if self.number is None else (every[self.number],)

    @property
    def place(self) -> int | None:
        """Where the violation of this part stands in the facts, None for the whole decision."""
        return None if self.number is None else self.case.violations[self.number].place

    @property
    def amount(self) -> Decimal:
        """The amount so far, to the minor unit."""
        return rounded(self.exact, self.sheet.currency)

    def figure(self, name: str) -> Decimal:
        """A figure that an earlier step saved; the maximum and the amount so far have names too.

        Raises:
            FactError: when no step could save it.
        """
        known = {**self.named, "amount": self.exact}
        if self.maximum is not None:
            known["maximum"] = self.maximum
        if name not in known:
            at = "revenue" if name == "turnover" else name
            raise FactError(at, f"{self.rules.method.id} needs the {name.replace('_', ' ')}", f"State {at}.")
        return known[name]

    def move(self, to: Decimal, step: Step, operation: str, operand: str, **rest: Any) -> None:
        """Bring the amount to a new value; the line's amount is the change. `label` overrides the step's."""
        before = self.amount
        self.exact, self.settled = to, True
        self.tell(step, operation, operand, amount=self.amount - before, **rest)

    def tell(self, step: Step, operation: str, operand: str, **rest: Any) -> None:
        """Append a line of a step without a change of the amount."""
        label = rest.pop("label", step.text("label"))
        citation = step.text("citation") or self.citation or self.rules.method.citation
        if step.raw.get("verified") is False:
            self.sheet.warn(f"{self.rules.method.id}: {label} ({citation}) is not verified in a source.")
        rest = {"status": self.rules.status, "violation": self.place, **rest}
        self.sheet.add(label, citation, operation, operand, **rest)

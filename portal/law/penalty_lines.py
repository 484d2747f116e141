"""The ordered lines of a penalty, and the values of the law that they used."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from portal.law.money import grouped, plain
from portal.law.statute import Pack, Value

OFFICE_METHOD = "office method"
# The amounts of these operations add up to the total; the others lead to the maximum, or only tell.
COUNTING = frozenset(
    {"start", "days", "factor", "ceiling", "add", "multiply", "prior", "discount", "round", "final", "choose"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """One step: what it is, by which text, what was done (`how`), and the amount."""

    step: int
    label: str
    citation: str
    operation: str
    operand: str
    amount: Decimal | None
    status: str
    how: str
    violation: int | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """The line as plain values."""
        return {
            "step": self.step,
            "label": self.label,
            "citation": self.citation,
            "operation": self.operation,
            "operand": self.operand,
            "amount": None if self.amount is None else plain(self.amount),
            "status": self.status,
            "how": self.how,
            "violation": self.violation,
            "reason": self.reason,
        }


@dataclass
class Sheet:
    """Lines in the making, with the warnings and the legal values used on the way."""

    currency: str
    status: str = "enacted"
    lines: list[Line] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    used: dict[tuple[str, str], Value] = field(default_factory=dict)
    inflation_digest: str = ""
    _said: set[str] = field(default_factory=set)

    def add(self, label: str, citation: str, operation: str, operand: str, **rest: Any) -> None:
        """Append a line; it takes the next step."""
        rest = {"amount": None, "status": self.status, "how": "", **rest}
        self.lines.append(Line(len(self.lines) + 1, label, citation, operation, operand, **rest))

    def warn(self, text: str) -> None:
        """Append a warning once."""
        if text not in self._said:
            self._said.add(text)
            self.warnings.append(text)

    def value(self, pack: Pack, key: str, on: date) -> Value:
        """A value of the law, remembered; one that is not verified is warned of."""
        value = pack.value(key, on)
        self.used[(pack.id, key)] = value
        if not value.verified:
            self.warn(f"{pack.id} {key} ({value.citation}) is not verified in a source.")
        return value

    def money(self, amount: Decimal) -> str:
        """An amount of the penalty's currency as a person reads it, without the code."""
        return grouped(amount, self.currency).removeprefix(f"{self.currency} ")

    def total(self) -> Decimal:
        """The sum of the lines that count."""
        return sum(
            (line.amount or Decimal(0) for line in self.lines if line.operation in COUNTING), Decimal(0)
        )

"""A penalty as text: its lines, the figures, the amount under each reading, and what is uncertain."""

from __future__ import annotations

from decimal import Decimal

from portal.law.money import grouped
from portal.law.penalties import Result
from portal.law.penalty_lines import Line


def as_text(result: Result) -> str:
    """The result for a terminal, one line of working after the other."""
    currency = result.currency
    lines = []
    for line in result.lines:
        lines.append(f"{line.step:3}  {line.label:58} {_of_line(line, currency):>24}")
        reason = f"; {line.reason}" if line.reason else ""
        lines.append(f"     {line.how}{reason} ({line.citation}; {line.status})")
    lines += ["", f"Legal maximum {_amount(result.legal_maximum, currency, 'not stated')}"]
    if result.limits is not None:
        low, high = (grouped(limit, currency) for limit in result.limits)
        lines.append(f"Range {low} to {high}")
    penalty = result.words["penalty"].capitalize()
    lines.append(f"{penalty} {_amount(result.amount, currency, 'not chosen')}")
    if result.converted is not None:
        lines.append(f"Shown as {grouped(result.converted.amount, result.converted.currency)}")
    if result.illustration:
        lines.append("Proposed: an illustration, never served.")
    lines.append(f"Penalised by: {result.penalised_by} ({result.words['document']})")
    for reading in result.readings:
        used = "used here" if reading.adopted else "not used"
        lines.append(f"Reading: {reading.label}: {_amount(reading.amount, currency, 'a range')} ({used})")
    lines += [f"Warning: {warning}" for warning in result.warnings]
    return "\n".join(lines)


def _of_line(line: Line, currency: str) -> str:
    """The amount of a line; a ceiling that takes nothing off changes nothing, which is no amount of zero."""
    if line.operation == "ceiling" and line.amount == 0:
        return "no change"
    return _amount(line.amount, currency, "")


def _amount(amount: Decimal | None, currency: str, otherwise: str) -> str:
    return otherwise if amount is None else grouped(amount, currency)

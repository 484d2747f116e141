"""Reading a method's inputs as its steps ask for them: bounds and needs come from the step."""

from __future__ import annotations

from decimal import Decimal

from portal.law.facts import LARGEST, FactError, Facts, read_number
from portal.law.methods import Step
from portal.law.penalty_part import Part


def stated(part: Part, key: str) -> bool:
    """Whether the facts state an input; of a list that is empty they do not."""
    value = part.case.inputs.raw(key)
    if key in part.rules.method.lists and value in ([], ()):
        return False
    return value is not None


def absent(part: Part, step: Step) -> bool:
    """Whether a step has nothing to do, because its input is not stated.

    Raises:
        FactError: for an input that is needed, or that contradicts another.
    """
    key, inputs = step.text("input"), part.case.inputs
    beside, instead = step.text("with"), step.text("without")
    if instead and stated(part, instead):
        if stated(part, key):
            raise FactError(inputs.at(key), f"it is stated beside {instead}", "Keep one of the two.")
        return True
    if beside and not stated(part, beside):
        if stated(part, key):
            raise FactError(inputs.at(key), f"it has no meaning without {beside}", f"State {beside}.")
        return True
    if stated(part, key):
        return False
    if step.flag("needed"):
        raise FactError(inputs.at(key), "the value is missing", f"State {inputs.at(key)}.")
    return True


def number(part: Part, step: Step, key: str, *, low: Decimal = Decimal(0)) -> Decimal:
    """A number of the inputs within the bounds of the step."""
    return part.case.inputs.needed(key, step.bound("low", low), step.bound("high", LARGEST))


def listed(part: Part, step: Step, key: str) -> list[tuple[str, Decimal]]:
    """The labels and figures of a list `{label, percent}` or `{label, amount}`."""
    figure = "percent" if step.text("as") == "percents" else "amount"
    low = Decimal(0) if figure == "percent" else -LARGEST
    found = []
    for item in part.case.inputs.children(key, ("label", figure)):
        value = item.needed(figure, step.bound("low", low), step.bound("high", LARGEST))
        found.append((needed_text(item, "label"), value))
    return found


def needed_text(item: Facts, key: str) -> str:
    """A text that has to be there."""
    value = item.text(key)
    if value is None:
        raise FactError(item.at(key), "the value is missing", f"State {item.at(key)}.")
    return value


def whole(value: object, path: str, low: int, high: int) -> int:
    """A whole number within bounds."""
    found = read_number(value, path, Decimal(low), Decimal(high))
    if found != int(found):
        raise FactError(path, "a whole number is expected here")
    return int(found)

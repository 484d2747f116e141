"""Training compute: the given value, 6 x N x D, and chips x peak x time x utilisation, with their arithmetic.

Of several estimates a given value leads, then 6ND, then chips. A given value counts as it stands; an estimate
carries the error of its method, so that near a threshold the answer is "maybe" and never a false yes or no.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from portal.law import accelerators
from portal.law.facts import DIGITS, FactError, Facts
from portal.law.money import exact

MODEL_KEYS = (
    "training_flop",
    "planned_training_flop",
    "parameters",
    "active_parameters",
    "tokens",
    "epochs",
    "chips",
    "base_model_flop",
    "fine_tuning_flop",
    "modifier_flop",
    "designated",
    "rebuttals",
    "placed_on_market",
)
CHIP_KEYS = ("name", "count", "hours", "utilisation", "number_format")
SECONDS_PER_HOUR = 3600


def scientific(value: Decimal) -> str:
    """FLOP as people write it, `3.791e25`: four digits, no trailing zeros.

    More digits where four would show a round power of ten that the value only comes near: thresholds are
    such powers, and `1e26` beside "more than 1e26" would read as a mistake.
    """
    if value == 0:
        return "0"
    for places in range(3, DIGITS):
        digits, _, power = f"{value:.{places}e}".partition("e")
        shown = digits.rstrip("0").rstrip(".")
        if shown != "1" or Decimal(f"1e{power}") == value:
            break
    return f"{shown}e{int(power)}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """FLOP by one method: `value` (None for a bare interval), `low` to `high`, and the arithmetic."""

    method: str
    value: Decimal | None
    low: Decimal
    high: Decimal
    working: tuple[str, ...]
    assumed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The estimate as plain values; `assumed` names what nobody stated and no source confirms."""
        return {
            "method": self.method,
            "value": None if self.value is None else scientific(self.value),
            "low": scientific(self.low),
            "high": scientific(self.high),
            "working": list(self.working),
            "assumed": list(self.assumed),
        }

    def side(self, threshold: Decimal) -> str:
        """`yes` when more than the threshold, `no` when not, `maybe` when the interval straddles it."""
        if self.low > threshold:
            return "yes"
        return "no" if self.high <= threshold else "maybe"

    def middle_side(self, threshold: Decimal) -> str:
        """On which side the value itself lies; for a bare interval as `side`."""
        if self.value is None:
            return self.side(threshold)
        return "yes" if self.value > threshold else "no"


@dataclass(frozen=True, slots=True)
class Compute:
    """What the facts say about a model's training compute; `estimates` in order of precedence."""

    estimates: tuple[Estimate, ...] = ()
    planned: Decimal | None = None
    base: Decimal | None = None
    modifier: Decimal | None = None
    missing: tuple[str, ...] = ()

    @property
    def leading(self) -> Estimate | None:
        """The estimate that counts."""
        return self.estimates[0] if self.estimates else None

    @property
    def working(self) -> tuple[str, ...]:
        """The arithmetic of every estimate, line by line."""
        return tuple(line for estimate in self.estimates for line in estimate.working)

    def as_json(self) -> dict[str, object]:
        """The `training_flop` of a result."""
        lead = self.leading
        return {
            "value": scientific(lead.value) if lead and lead.value is not None else None,
            "low": scientific(lead.low) if lead else None,
            "high": scientific(lead.high) if lead else None,
            "method": lead.method if lead else None,
            "working": list(self.working),
            "estimates": [estimate.as_json() for estimate in self.estimates],
            "assumed": [line for estimate in self.estimates for line in estimate.assumed],
            "accelerators_digest": accelerators.load().digest,
        }

    def with_original(self) -> Compute:
        """The same facts with what a modifier used counted together with the original model's compute."""
        if self.modifier is None:
            return self
        original = self.base if self.base is not None else (self.leading.value if self.leading else None)
        if original is None:
            return Compute(missing=("model.base_model_flop",))
        total = original + self.modifier
        lines = (
            f"original {scientific(original)} FLOP",
            f"+ {scientific(self.modifier)} FLOP of modification",
            f"= {scientific(total)} FLOP with the original",
        )
        return Compute((Estimate("with the original", total, total, total, lines),))


def read(model: Facts) -> Compute:
    """Every estimate that the facts of a model allow.

    Raises:
        FactError: for a value that cannot be read, with its path.
    """
    with exact():
        added, lines = _additions(model)
        missing: list[str] = []
        found = [
            estimate
            for estimate in (_given(model), _six_nd(model), _chips(model, missing))
            if estimate is not None
        ]
        if not found and added:
            found, added, lines = [_parts(added, lines)], Decimal(0), []
        if not found:
            missing.append("model.training_flop")
        return Compute(
            estimates=tuple(_plus(estimate, added, lines) for estimate in found),
            planned=model.number("planned_training_flop"),
            base=model.number("base_model_flop"),
            modifier=model.number("modifier_flop"),
            missing=tuple(missing),
        )


def _additions(model: Facts) -> tuple[Decimal, list[str]]:
    total, lines = Decimal(0), []
    for key, label in (("base_model_flop", "base model"), ("fine_tuning_flop", "fine-tuning")):
        value = model.number(key)
        if value is not None:
            total += value
            lines.append(f"+ {scientific(value)} FLOP {label}")
    return total, lines


def _parts(added: Decimal, lines: list[str]) -> Estimate:
    working = (*lines, f"= {scientific(added)} FLOP stated in parts")
    return Estimate("stated in parts", added, added, added, working)


def _plus(estimate: Estimate, added: Decimal, lines: list[str]) -> Estimate:
    if not lines:
        return estimate
    value = None if estimate.value is None else estimate.value + added
    low, high = estimate.low + added, estimate.high + added
    last = f"= {scientific(low)} to {scientific(high)}" if value is None else f"= {scientific(value)}"
    working = (*estimate.working, *lines, f"{last} FLOP in all")
    return replace(estimate, value=value, low=low, high=high, working=working)


def _given(model: Facts) -> Estimate | None:
    raw = model.raw("training_flop")
    if isinstance(raw, dict):
        span = model.child("training_flop", ("low", "high"))
        low, high = span.needed("low"), span.needed("high")
        if low > high:
            raise FactError(span.at("low"), "low is above high", "Swap the two.")
        text = f"given: between {scientific(low)} and {scientific(high)} FLOP"
        return Estimate("given", None, low, high, (text,))
    value = model.number("training_flop")
    if value is None:
        return None
    return Estimate("given", value, value, value, (f"given: {scientific(value)} FLOP",))


def _six_nd(model: Facts) -> Estimate | None:
    total, active = model.number("parameters"), model.number("active_parameters")
    tokens, epochs = model.number("tokens"), model.number("epochs")
    size = total if active is None else active
    if size is None or tokens is None:
        return None
    if total is not None and active is not None and active > total:
        raise FactError(
            model.at("active_parameters"), "more active parameters than parameters", "Check both."
        )
    times = Decimal(1) if epochs is None else epochs
    value = 6 * size * tokens * times
    factor = accelerators.load().six_nd_factor
    kind = "active parameters" if active is not None else "parameters"
    passes = "" if epochs is None else f" x {epochs.normalize():f} epochs"
    line = f"6 x {scientific(size)} {kind} x {scientific(tokens)} tokens{passes} = {scientific(value)} FLOP"
    return _with_error("6ND", value, factor, [line])


def _with_error(method: str, value: Decimal, factor: Decimal, lines: list[str]) -> Estimate:
    low, high = value / factor, value * factor
    table = accelerators.load()
    sign = "" if table.verified else ", not verified"
    error = f"error of {method}: a factor of {factor}{sign}, so {scientific(low)} to {scientific(high)} FLOP"
    assumed = f"{method} is within a factor of {factor} of what was used ({table.citation}{sign})"
    return Estimate(method, value, low, high, (*lines, error), (assumed,))


def _chips(model: Facts, missing: list[str]) -> Estimate | None:
    table = accelerators.load()
    low = value = high = Decimal(0)
    lines: list[str] = []
    guesses: list[str] = []
    for chip in model.children("chips", CHIP_KEYS):
        name = chip.text("name") or ""
        found = table.peak(name, chip.text("number_format"))
        if found is None:
            missing.append(f"{chip.path}: peak of {name or 'a chip without a name'} in that number format")
            return None
        count, hours = chip.number("count"), chip.number("hours")
        if count is None or hours is None:
            missing.append(chip.at("count" if count is None else "hours"))
            return None
        share = chip.number("utilisation", high=Decimal(1))
        spread = table.utilisation if share is None else (share, share, share)
        if share is None:
            missing.append(chip.at("utilisation"))
        peak = count * found[1] * hours * SECONDS_PER_HOUR
        low, value, high = low + peak * spread[0], value + peak * spread[1], high + peak * spread[2]
        assumed = ""
        if share is None:
            assumed = f" (assumed, {spread[0]} to {spread[2]}{'' if table.verified else ', not verified'})"
            guesses.append(f"utilisation of {name} is {spread[1]}{assumed}".replace("(assumed, ", "("))
        lines.append(
            f"{count.normalize():f} x {name} x {scientific(found[1])} FLOP/s ({found[0]})"
            f" x {hours.normalize():f} h x 3600 s x utilisation {spread[1]}{assumed}"
            f" = {scientific(peak * spread[1])} FLOP"
        )
    if not lines:
        return None
    factor = table.chips_factor
    estimate = _with_error("chips", value, factor, lines)
    low, high = min(low, estimate.low), max(high, estimate.high)
    if guesses:
        working = f"with the assumed utilisation {scientific(low)} to {scientific(high)} FLOP"
        estimate = replace(estimate, working=(*estimate.working, working))
    return replace(estimate, low=low, high=high, assumed=(*estimate.assumed, *guesses))

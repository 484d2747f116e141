"""The steps that work on an amount: add, multiply, per day, per prior, cap, discount, round, last step."""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from portal.law.deadlines import counted as in_words
from portal.law.facts import LARGEST, FactError, Facts
from portal.law.methods import Step
from portal.law.money import half_up, plain, rounded
from portal.law.penalty_facts import HUNDRED, Prior
from portal.law.penalty_inputs import absent, listed, needed_text, number, stated, whole
from portal.law.penalty_part import Part
from portal.law.penalty_priors import counted, rule_of_step

ADDED, IN_TURN = "added", "in turn"
DOWN = {"down": ROUND_FLOOR, "nearest": ROUND_HALF_UP}
MOST = 1_000_000
MOST_PRIORS = 100


def given(part: Part, step: Step) -> None:
    """A figure of the facts that later steps take shares of."""
    if absent(part, step):
        return
    key = step.text("input")
    value = number(part, step, key)
    part.named[key] = value
    part.tell(step, "given", plain(value), amount=rounded(value, part.sheet.currency), how="As stated")


def add(part: Part, step: Step) -> None:
    """An amount, a percentage of a saved figure, or a list of either, added or taken away."""
    if absent(part, step):
        return
    key, form = step.text("input"), step.text("as")
    sign = Decimal(-1) if step.text("sign") == "-" else Decimal(1)
    items = listed(part, step, key) if form in ("percents", "amounts") else [("", number(part, step, key))]
    for name, value in items:
        label = f"{step.text('label')}: {name}" if name else step.text("label")
        if form in ("percent", "percents"):
            base = part.figure(step.text("of"))
            change = base * value / HUNDRED * sign
            of = step.text("of").replace("_", " ")
            how = f"{plain(value)} % of {of} {part.sheet.money(rounded(base, part.sheet.currency))}"
        else:
            change, how = value * sign, "As stated"
        part.move(part.exact + change, step, "add", plain(value * sign), label=label, how=how)


def multiply(part: Part, step: Step) -> None:
    """Times a factor, by a share of the amount, or by a change of it."""
    if absent(part, step):
        return
    value, form = number(part, step, step.text("input")), step.text("as")
    before = part.sheet.money(part.amount)
    if form == "factor":
        factor, how = value, f"{before} × {plain(value)}"
    else:
        factor = value / HUNDRED if form == "share" else 1 + value / HUNDRED
        how = f"{before} × {plain(factor)}"
    part.move(part.exact * factor, step, "multiply", plain(value), how=how)


def per_day(part: Part, step: Step) -> None:
    """So much for each day."""
    if absent(part, step):
        return
    days = step.text("days")
    if not stated(part, days):
        path = part.case.inputs.at(days)
        raise FactError(path, "the value is missing", f"State {path}.")
    count = whole(part.case.inputs.raw(days), part.case.inputs.at(days), 0, MOST)
    daily = number(part, step, step.text("input"))
    how = f"{part.sheet.money(daily)} × {in_words(count, 'days')}"
    part.move(part.exact + daily * count, step, "days", str(count), how=how)


def per_prior(part: Part, step: Step) -> None:
    """More for each prior that counts."""
    key = step.text("input")
    if key and stated(part, key):
        if part.case.priors:
            raise FactError(part.case.inputs.at(key), "priors are listed too", "Keep one of the two.")
        count = whole(part.case.inputs.raw(key), part.case.inputs.at(key), 0, 1000)
        _times(part, step, count, f"{count} as stated")
        return
    priors = _counted(part, step)
    if step.raw.get("percent") is not None:
        _times(part, step, len(priors), ", ".join(part.counted) or "none counts")
        return
    base = part.figure(step.text("of")) if priors else Decimal(0)
    high = step.bound("high", LARGEST)
    for prior in priors:
        path = f"{prior.path}.uplift_percent"
        if prior.uplift is None:
            raise FactError(path, f"{part.rules.method.id} asks for it", f"State {path}.")
        if prior.uplift > high:
            raise FactError(path, f"{plain(prior.uplift)} is out of bounds", f"Use at most {plain(high)}.")
        how = f"{plain(prior.uplift)} % of {part.sheet.money(rounded(base, part.sheet.currency))}"
        label = f"{step.text('label')}: {prior.id}, {prior.decision or 'decision not stated'}"
        part.move(
            part.exact + base * prior.uplift / HUNDRED,
            step,
            "prior",
            plain(prior.uplift),
            label=label,
            how=how,
            reason=prior.reason or "",
        )


def _counted(part: Part, step: Step) -> list[Prior]:
    """The priors that count, held against the first day of conduct, or its last where the step says so."""
    case = part.case
    day = case.conduct_last if step.text("against") == "last day" else case.conduct_start
    priors = counted(part.sheet, case, day, rule_of_step(step))
    part.counted = tuple(prior.id for prior in priors)
    return priors


def _times(part: Part, step: Step, count: int, named: str) -> None:
    percent = step.bound("percent", Decimal(0))
    combine = part.rules.choices.get(step.text("reading"), step.text("combine"))
    if combine == IN_TURN and count > MOST_PRIORS:
        raise FactError("priors", f"more than {MOST_PRIORS} count", "State those that are relied on.")
    factor = (1 + percent / HUNDRED) ** count if combine == IN_TURN else 1 + percent * count / HUNDRED
    how = f"{part.sheet.money(part.amount)} × {plain(factor)}: {named}"
    part.move(part.exact * factor, step, "prior", str(count), how=how)


def tell_priors(part: Part, step: Step) -> None:
    """Priors that the method weighs without a figure: told, without effect on the amount."""
    if not part.case.priors:
        return
    priors = _counted(part, step)
    names = ", ".join(part.counted)
    how = f"{names}: no figure of its own in this method" if names else "None counts. No effect"
    part.tell(step, "none", str(len(priors)), amount=Decimal(0), how=how)


def cap(part: Part, step: Step) -> None:
    """Hold the amount between nothing and the maximum; the line's amount is what that takes away or adds."""
    maximum, sheet = part.maximum, part.sheet
    if part.limits is not None and maximum is not None:
        part.limits = (min(part.limits[0], maximum), min(part.limits[1], maximum))
    if not part.settled or (step.text("only") == "raised" and not part.raised):
        return
    if maximum is None and part.exact >= 0:
        return
    amount = part.amount
    if maximum is None:
        maximum = amount
    word = "below" if amount < maximum else "at" if amount == maximum else "above"
    how = f"{sheet.money(amount)} is {word} {sheet.money(maximum)}"
    if amount < 0:
        how = f"{sheet.money(amount)} is below nothing"
    held = min(max(part.exact, Decimal(0)), max(maximum, Decimal(0)))
    label = step.text("label") or "Ceiling"
    part.move(held, step, "ceiling", plain(maximum), label=label, how=how, status=sheet.status)


def discount(part: Part, step: Step) -> None:
    """Percentages taken off, added together or in turn as the reading has it."""
    named = [key for key in step.texts("inputs") if stated(part, key)]
    combine = part.rules.choices.get(step.text("reading"), step.text("combine"))
    start, taken = part.exact, Decimal(0)
    for key in named:
        percent = part.case.inputs.needed(key, Decimal(0), HUNDRED)
        taken += percent
        if taken > HUNDRED and combine != IN_TURN:
            raise FactError(part.case.inputs.at(key), "the discounts add to more than 100 %", "State less.")
        base = part.exact if combine == IN_TURN else start
        label = key.removesuffix("_percent").replace("_", " ").capitalize()
        how = f"{plain(percent)} % of {part.sheet.money(rounded(base, part.sheet.currency))}"
        part.move(
            part.exact - base * percent / HUNDRED, step, "discount", plain(-percent), label=label, how=how
        )


def round_to(part: Part, step: Step) -> None:
    """Round to a multiple of what the facts state."""
    if absent(part, step):
        return
    unit = part.case.inputs.needed(step.text("input"), Decimal("0.001"))
    if step.text("direction") == "down":
        to = (part.exact / unit).to_integral_value(rounding=ROUND_FLOOR) * unit
    else:
        to = half_up(part.exact, unit)
    how = f"{part.sheet.money(part.amount)} {step.text('direction')} to a multiple of {plain(unit)}"
    part.move(to, step, "round", plain(unit), how=how)


def final(part: Part, step: Step) -> None:
    """The reasoned last step; the result of the formula stays visible beside it."""
    if absent(part, step):
        return
    item = part.case.inputs.child(step.text("input"), ("percent", "amount", "reason"))
    reason = needed_text(item, "reason")
    if item.has("percent") == item.has("amount"):
        raise FactError(item.path, "a percentage or an amount is needed, and not both", "State one of them.")
    part.tell(
        step, "formula", "", label="Result of the formula", amount=part.amount, how="Before the last step"
    )
    if item.has("percent"):
        percent = item.needed("percent", -HUNDRED, HUNDRED * 10)
        to, operand = part.exact * (1 + percent / HUNDRED), plain(percent)
        how = f"{part.sheet.money(part.amount)} × {plain(1 + percent / HUNDRED)}"
    else:
        to = item.needed("amount")
        operand, how = plain(to), "Amount set with a reason"
    part.raised = to > part.exact
    part.move(to, step, "final", operand, how=how, reason=reason)


def choose(part: Part, step: Step) -> None:
    """An amount chosen in the range, or outside it, with a reason."""
    if absent(part, step):
        part.sheet.warn(
            f"inputs.{step.text('input')} is not stated; the method gives a range, not an amount."
        )
        return
    item: Facts = part.case.inputs.child(step.text("input"), ("amount", "reason"))
    amount, reason = item.needed("amount"), needed_text(item, "reason")
    part.move(amount, step, "choose", plain(amount), how="Chosen with a reason", reason=reason)

"""Running a method: conduct is split at the start of duty and power, parts take their steps and add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal.law import penalty_share, penalty_steps, penalty_tables
from portal.law.deadlines import counted, dated
from portal.law.methods import Method, Step
from portal.law.money import half_up, plain
from portal.law.penalty_facts import AS_READ, DECISION, HUNDRED, PER, PenaltyFacts, Violation
from portal.law.penalty_lines import Sheet
from portal.law.penalty_maximum import listed, maximum, provision
from portal.law.penalty_part import Part, Rules
from portal.law.statute import NotInForce, Pack

PROPOSED = "proposed"
ONE_DAY = timedelta(days=1)
STEPS: dict[str, Callable[[Part, Step], None]] = {
    "maximum": maximum,
    "given": penalty_steps.given,
    "add": penalty_steps.add,
    "multiply": penalty_steps.multiply,
    "band": penalty_tables.band,
    "size": penalty_tables.size,
    "lookup": penalty_tables.lookup,
    "rate": penalty_tables.rate,
    "per_day": penalty_steps.per_day,
    "per_prior": penalty_steps.per_prior,
    "tell_priors": penalty_steps.tell_priors,
    "greatest": penalty_tables.greatest,
    "points": penalty_tables.points,
    "range": penalty_tables.multiplied,
    "cap": penalty_steps.cap,
    "discount": penalty_steps.discount,
    "round": penalty_steps.round_to,
    "final": penalty_steps.final,
    "choose": penalty_steps.choose,
    "share": penalty_share.share,
    "factors": penalty_share.factors,
    "earlier": penalty_share.earlier,
}
W_KEYS = ("period_start", "period_end", "source", "consolidated", "restated")
W_RATE_KEYS = ("rate_basis", "rate_source")
SAVING = ("add", "multiply", "lookup")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished sheet. `maximum` is None where none is stated, `total` where only a range is found."""

    sheet: Sheet
    maximum: Decimal | None
    total: Decimal | None
    limits: tuple[Decimal, Decimal] | None
    outside: bool | None
    counted: tuple[str, ...]


def outcome(case: PenaltyFacts, rules: Rules) -> Outcome:
    """Work the facts out under one choice of readings; call inside `money.exact()`."""
    pack = rules.pack
    proposed = PROPOSED in (rules.method.status, pack.status if pack else "")
    sheet = Sheet(case.currency, PROPOSED if proposed else "enacted")
    _warn_absent(sheet, case, pack)
    if pack is not None:
        case = _split(sheet, case, pack)
    parts = [_run(Part(sheet, case, rules, number)) for number in _numbers(sheet, case, rules)]
    limit = _sum([part.maximum for part in parts])
    total = sheet.total() if all(part.settled for part in parts) else None
    if total is not None:
        _total(sheet, rules, total, limit)
    first = parts[0]
    if first.outside:
        sheet.warn("The amount lies outside the range of the method.")
    counted = tuple(dict.fromkeys(name for part in parts for name in part.counted))
    return Outcome(sheet, limit, total, first.limits, first.outside, counted)


def _numbers(sheet: Sheet, case: PenaltyFacts, rules: Rules) -> list[int | None]:
    """One part for the whole decision, or one for each violation, as the pack or the reading of it says."""
    pack = rules.pack
    if pack is None or not pack.history(PER):
        return [None]
    per = sheet.value(pack, PER, case.conduct_end).value
    if (rules.choices[PER] if per == AS_READ else per) == DECISION:
        return [None]
    return list(range(len(case.violations)))


def _sum(maxima: list[Decimal | None]) -> Decimal | None:
    known = [found for found in maxima if found is not None]
    return sum(known, Decimal(0)) if len(known) == len(maxima) else None


def _run(part: Part) -> Part:
    pack, number = part.rules.pack, part.number
    if pack is not None and number is not None:
        violation = part.case.violations[number]
        row = provision(part.sheet, pack, violation.provision, violation.path)
        if "per_day" not in row:
            row = listed(pack, violation.penalty_provision or "") or row
        if "per_day" in row:
            penalty_share.counts_days(part, row, pack)
            return part
    for step in part.rules.method.steps:
        STEPS[step.do](part, step)
        if step.text("save") and step.do in SAVING:
            part.named[step.text("save")] = part.exact
    if part.limits is not None and part.settled:
        part.outside = not part.limits[0] <= part.amount <= part.limits[1]
    return part


def _total(sheet: Sheet, rules: Rules, total: Decimal, limit: Decimal | None) -> None:
    share = plain(half_up(total / limit * HUNDRED, Decimal("0.01")) if limit else Decimal(0))
    how = f"{share} % of the legal maximum" if limit is not None else "No maximum is stated"
    label = f"{(rules.pack or rules.office).labels['penalty'].capitalize()} as calculated"
    rest: dict[str, Any] = {"amount": total, "status": rules.status, "how": how}
    sheet.add(label, "Sum of the lines that count", "total", share, **rest)


def _warn_absent(sheet: Sheet, case: PenaltyFacts, pack: Pack | None) -> None:
    if case.on is None:
        sheet.warn("on is not stated; the newest figures of the method are used.")
    if case.decided_on is None:
        sheet.warn(
            "decided_on is not stated; the date of the law is used, and it is needed before finalising."
        )
    _warn_revenue(sheet, case)
    if not case.violations:
        sheet.warn("inputs.violations[].occurred_on is not stated; the date of the law is used.")
    for violation in case.violations:
        for key in idle(case.method, violation):
            sheet.warn(f"{violation.path}.{key} has no effect under {case.method.id}.")
        if not violation.stated:
            sheet.warn(f"{violation.path}.occurred_on is not stated; the date of the law is used.")
        if pack is not None and violation.start < pack.starts:
            sheet.warn(
                f"{violation.path}: the law starts on {pack.starts}; conduct before it does not count."
            )


def _warn_revenue(sheet: Sheet, case: PenaltyFacts) -> None:
    for figure in case.revenue:
        for key in W_KEYS if figure.rate is None else (*W_KEYS, *W_RATE_KEYS):
            if getattr(figure, key) is None:
                sheet.warn(f"{figure.path}.{key} is not stated; it is needed before finalising.")


def idle(method: Method, violation: Violation) -> tuple[str, ...]:
    """What the facts say of a violation in a method that takes only its days."""
    if "violations" in method.inputs:
        return ()
    said = {"severity_percent": violation.severity, "severity": violation.level, "fault": violation.fault}
    return tuple(key for key, value in said.items() if value is not None)


def power_from(pack: Pack) -> tuple[date, str]:
    """The first day of conduct that can be penalised, with its citation: when the pack's penalty starts.

    It is the first `from` of `penalty.maximum_per`; the duties run from the start of the pack (`duty_from`).
    """
    first = next(iter(pack.history(PER)), None)
    return (first.valid_from, first.citation) if first else (pack.starts, pack.citation)


def _split(sheet: Sheet, case: PenaltyFacts, pack: Pack) -> PenaltyFacts:
    """Conduct from the power on; what lies before it is told and does not count.

    Raises:
        NotInForce: when all of it lies before, naming the first violation.
    """
    power, citation = power_from(pack)
    kept = []
    for violation in case.violations:
        if violation.start >= power:
            kept.append(violation)
            continue
        sheet.warn(
            f"{violation.path}: only conduct from {dated(power)} on can be penalised under {citation}."
        )
        for label, start, end in _stretches(violation, pack.starts, power):
            days = (end - start).days + 1
            how = f"{dated(start)} to {dated(end)}, {counted(days, 'days')}"
            rest: dict[str, Any] = {"how": how, "violation": violation.place}
            sheet.add(f"{label}, {violation.provision}", citation, "split", str(days), **rest)
        if violation.end >= power:
            kept.append(replace(violation, start=power))
    if case.violations and not kept:
        first = case.violations[0]
        key = PER if pack.history(PER) else "the law"
        raise NotInForce(pack.id, key, first.end, power, first.path if first.stated else "on")
    return replace(case, violations=tuple(kept))


def _stretches(violation: Violation, duty: date, power: date) -> list[tuple[str, date, date]]:
    spans = [
        ("Before the duty began", violation.start, min(duty - ONE_DAY, power - ONE_DAY, violation.end)),
        (
            "Under the duty, before the power to penalise",
            max(violation.start, duty),
            min(power - ONE_DAY, violation.end),
        ),
        ("Conduct that counts", power, violation.end),
    ]
    return [span for span in spans if span[1] <= span[2]]

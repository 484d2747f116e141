"""The method `share-of-maximum`: a share of the legal maximum by gravity, factors on it, held to the maximum.

It is a method of the office, so its lines have the status "office method". A pack says what the maximum is
for: the whole decision (EU: parts add, the sum is held to it) or each violation (New York: the sum).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.law.facts import FactError
from portal.law.money import half_up, plain, rounded
from portal.law.penalty_facts import HUNDRED, Factor, Maximum, PenaltyFacts, Violation
from portal.law.penalty_lines import OFFICE_METHOD, Sheet
from portal.law.penalty_maximum import formula_maximum, turnover_maximum
from portal.law.penalty_priors import AFTER_FINAL, counted, earlier_in_case
from portal.law.statute import Pack

BASE, COUNT, FACTORS, SUBSEQUENT = "penalty.base", "penalty.count", "penalty.factors", "penalty.subsequent"
EACH_ITEM, MULTIPLIED = "each item a breach", "multiplied"
DURATION_STEP = "duration.from_day."
STATED = "maximum as stated"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the calculation looks up: the regime's pack, the office's, and the readings chosen."""

    pack: Pack | None
    office: Pack
    choices: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished sheet with its maximum and total."""

    sheet: Sheet
    maximum: Decimal
    total: Decimal


def outcome(case: PenaltyFacts, rules: Rules) -> Outcome:
    """Work the facts out under one choice of readings; call inside `money.exact()`."""
    sheet, pack = Sheet(case.currency), rules.pack
    _warn_absent(sheet, case, pack)
    if pack is None:
        maximum = _stated(sheet, case, rules)
    elif sheet.value(pack, "penalty.maximum_per", case.conduct_end).value == "decision":
        maximum = _decision(sheet, case, rules, pack)
    else:
        maximum = sum(
            (_violation(sheet, case, rules, pack, number) for number in range(len(case.violations))),
            Decimal(0),
        )
    total = sheet.total()
    share = plain(half_up(total / maximum * HUNDRED, Decimal("0.01")) if maximum else Decimal(0))
    label = f"{(pack or rules.office).labels['penalty'].capitalize()} as calculated"
    rest: dict[str, Any] = {
        "amount": total,
        "status": OFFICE_METHOD,
        "how": f"{share} % of the legal maximum",
    }
    sheet.add(label, "Sum of the lines that count", "total", share, **rest)
    return Outcome(sheet, maximum, total)


def _warn_absent(sheet: Sheet, case: PenaltyFacts, pack: Pack | None) -> None:
    if case.decided_on is None:
        sheet.warn(
            "decided_on is not stated; the date of the law is used, and it is needed before finalising."
        )
    for violation in case.violations:
        if not violation.stated:
            sheet.warn(f"{violation.path}.occurred_on is not stated; the date of the law is used.")
        if pack is not None and violation.start < pack.starts:
            sheet.warn(
                f"{violation.path}: the law starts on {pack.starts}; conduct before it does not count."
            )


def _stated(sheet: Sheet, case: PenaltyFacts, rules: Rules) -> Decimal:
    stated = case.maximum or Maximum(Decimal(0), None, higher=True)
    base = case.base or "undertaking"
    maximum = formula_maximum(sheet, stated, case, base=base, citation=STATED, basis="period_end")
    _parts(sheet, case, rules, maximum, STATED)
    return maximum


def _decision(sheet: Sheet, case: PenaltyFacts, rules: Rules, pack: Pack) -> Decimal:
    """One maximum for the whole decision."""
    power = sheet.value(pack, "penalty.fixed", case.conduct_end)
    for violation in case.violations:
        sheet.value(pack, "penalty.fixed", violation.end)
        _provision(sheet, pack, violation)
        first = pack.history("penalty.fixed")[0].valid_from
        if violation.start < first:
            sheet.warn(
                f"{violation.path}: only conduct from {first} on can be penalised under {power.citation}."
            )
    _faults(sheet, case, pack)
    base = rules.choices.get(BASE, pack.readings[BASE].adopted)
    maximum = turnover_maximum(sheet, pack, case, base, case.conduct_end)
    _parts(sheet, case, rules, maximum, power.citation)
    return maximum


def _parts(sheet: Sheet, case: PenaltyFacts, rules: Rules, maximum: Decimal, citation: str) -> None:
    """The parts of one decision: they add, factors apply to the sum, and the ceiling comes last."""
    for number, violation in enumerate(case.violations):
        _start(sheet, rules, violation, maximum, number)
    start = sheet.total()
    _factors(sheet, case, rules, start, None)
    _earlier(sheet, case, rules)
    _ceiling(sheet, maximum, sheet.total(), citation, None)


def _faults(sheet: Sheet, case: PenaltyFacts, pack: Pack) -> None:
    value = sheet.value(pack, "penalty.fault", case.conduct_end)
    known = tuple(str(item) for item in value.value) if isinstance(value.value, tuple) else ()
    for violation in case.violations:
        if violation.fault is None:
            sheet.warn(
                f"{violation.path}.fault is not stated; {value.citation} asks for {' or '.join(known)}."
            )
        elif violation.fault not in known:
            fix = f"Use one of: {', '.join(known)}."
            raise FactError(f"{violation.path}.fault", f"{violation.fault!r} is not known here", fix)


def _provision(sheet: Sheet, pack: Pack, violation: Violation) -> Mapping[str, Any]:
    for row in pack.provisions:
        if row["code"] == violation.provision:
            return row
    sheet.warn(f"{violation.path}: {pack.id} lists no provision {violation.provision}; check the citation.")
    return {"code": violation.provision, "label": violation.provision, "citation": violation.provision}


def _violation(sheet: Sheet, case: PenaltyFacts, rules: Rules, pack: Pack, number: int) -> Decimal:
    """One violation with a maximum of its own; gives that maximum."""
    violation = case.violations[number]
    row = _provision(sheet, pack, violation)
    if "per_day" in row:
        return _per_day(sheet, pack, violation, row, number)
    _addressee(sheet, case, pack)
    if violation.items > 1:
        sheet.warn(f"{violation.path}.items has no effect under {pack.id}.")
    maximum, citation = _own_maximum(sheet, case, rules, pack, number)
    before = sheet.total()
    _start(sheet, rules, violation, maximum, number)
    _factors(sheet, case, rules, sheet.total() - before, number)
    _ceiling(sheet, maximum, sheet.total() - before, citation, number)
    return maximum


def _addressee(sheet: Sheet, case: PenaltyFacts, pack: Pack) -> None:
    threshold = sheet.value(pack, "revenue.threshold", case.conduct_end)
    if case.revenue:
        sheet.warn("Revenue does not change this maximum; it only shows who can be penalised.")
    if not any(
        figure.currency == threshold.unit and figure.amount > threshold.number for figure in case.revenue
    ):
        addressee = sheet.value(pack, "penalty.addressee", case.conduct_end).value
        sheet.warn(f"Not shown: that the respondent is a {addressee}; only such a one can be penalised.")


def _own_maximum(
    sheet: Sheet, case: PenaltyFacts, rules: Rules, pack: Pack, number: int
) -> tuple[Decimal, str]:
    violation = case.violations[number]
    cap, how = sheet.value(pack, "penalty.cap", violation.end), "No step for repetition in this law"
    if pack.history("penalty.cap_later"):
        reading = rules.choices[SUBSEQUENT]
        priors = counted(sheet, case, violation, pack.id, reading)
        how = "First violation: no earlier one counts"
        if priors or earlier_in_case(case, violation, reading):
            cap = sheet.value(pack, "penalty.cap_later", violation.end)
            named = [f"{prior.id}, {prior.decision or 'decision not stated'}" for prior in priors]
            how = f"Later violation, {reading}: {'; '.join(named) or 'an earlier violation in this case'}"
    maximum = rounded(cap.number, sheet.currency)
    label = f"Legal maximum, {violation.provision}"
    rest: dict[str, Any] = {"amount": maximum, "how": how, "violation": number, "status": cap.status}
    sheet.add(label, cap.citation, "maximum", plain(cap.number), **rest)
    return maximum, cap.citation


def _per_day(sheet: Sheet, pack: Pack, violation: Violation, row: Mapping[str, Any], number: int) -> Decimal:
    """A law that counts days: the amount for each day, both ends counted, is amount and maximum at once."""
    if not violation.stated:
        raise FactError(f"{violation.path}.start", "this provision counts days", "State start and end.")
    if violation.severity is not None:
        fix = "Leave it out."
        raise FactError(f"{violation.path}.severity_percent", "this provision counts days, not severity", fix)
    daily = sheet.value(pack, row["per_day"], violation.start)
    amount = rounded(daily.number * violation.days, sheet.currency)
    label = f"{row['label']}, {violation.days} days"
    how = f"{sheet.money(daily.number)} × {violation.days} days, {violation.start} to {violation.end}"
    rest: dict[str, Any] = {"amount": amount, "how": how, "violation": number, "status": daily.status}
    sheet.add(label, daily.citation, "days", str(violation.days), **rest)
    return amount


def _start(sheet: Sheet, rules: Rules, violation: Violation, maximum: Decimal, number: int) -> None:
    severity = violation.severity
    if severity is None:
        raise FactError(
            f"{violation.path}.severity_percent", "the value is missing", "State the share of the maximum."
        )
    times = violation.items if rules.choices.get(COUNT) == EACH_ITEM else 1
    amount = rounded(maximum * severity / HUNDRED, sheet.currency) * times
    how = f"{sheet.money(maximum)} × {plain(severity / HUNDRED)}{f' × {times} items' if times > 1 else ''}"
    fault = f", {violation.fault}" if violation.fault else ""
    label = f"Starting amount, {violation.provision}{fault}: gravity {plain(severity)} %"
    citation = rules.office.value("gravity.low", max(violation.end, rules.office.starts)).citation
    rest: dict[str, Any] = {"amount": amount, "how": how, "violation": number, "status": OFFICE_METHOD}
    sheet.add(label, citation, "start", plain(severity), **rest)


def _factors(sheet: Sheet, case: PenaltyFacts, rules: Rules, start: Decimal, number: int | None) -> None:
    """Each factor's line is the step from the amount before it, so that the lines add to the cent."""
    multiplied = rules.choices.get(FACTORS) == MULTIPLIED
    share, so_far = Decimal(1), start
    for factor in case.factors:
        percent, label, citation = _percent(sheet, case, rules, factor, number)
        share = share * (1 + percent / HUNDRED) if multiplied else share + percent / HUNDRED
        amount = rounded(start * share, sheet.currency)
        sign = "+" if percent >= 0 else "−"
        of = "of the amount so far" if multiplied else f"of {sheet.money(start)}"
        rest: dict[str, Any] = {
            "amount": amount - so_far,
            "status": OFFICE_METHOD,
            "how": f"{plain(abs(percent))} % {of}",
            "violation": number,
            "reason": factor.reason,
        }
        sheet.add(f"{label}: {sign} {plain(abs(percent))} %", citation, "factor", plain(percent), **rest)
        so_far = amount


def _percent(
    sheet: Sheet, case: PenaltyFacts, rules: Rules, factor: Factor, number: int | None
) -> tuple[Decimal, str, str]:
    """The percentage of a factor with its label and citation: stated, from the office's table, or none."""
    office = rules.office
    on = max(case.conduct_end, office.starts)
    row = next((row for row in office.factors if row["code"] == factor.code), None)
    label = row["label"] if row else factor.code.replace("_", " ").capitalize()
    citation = row["citation"] if row else "reason stated"
    if row and row.get("by_days"):
        days = _days(case, factor, number, needed=factor.percent is None)
        label = f"{label}, {days} days" if days else label
        if factor.percent is None:
            return _by_days(sheet, office, days, case), label, citation
    if factor.percent is not None:
        return factor.percent, label, citation
    if row and "value" in row:
        return sheet.value(office, row["value"], on).number, label, citation
    sheet.warn(
        f"{factor.path}: no percentage is stated and none is adopted for {factor.code}; it has no effect."
    )
    return Decimal(0), label, citation


def _days(case: PenaltyFacts, factor: Factor, number: int | None, *, needed: bool) -> int:
    violations = case.violations if number is None else (case.violations[number],)
    days = [violation.days for violation in violations if violation.stated]
    if not days and needed:
        raise FactError(
            f"{factor.path}.percent", "the days of the conduct are not stated", "State occurred_on."
        )
    return max(days, default=0)


def _by_days(sheet: Sheet, office: Pack, days: int, case: PenaltyFacts) -> Decimal:
    steps = {
        int(value.key.removeprefix(DURATION_STEP)) for value in office.values if DURATION_STEP in value.key
    }
    step = max(first for first in steps if first <= days)
    return sheet.value(office, f"{DURATION_STEP}{step}", max(case.conduct_end, office.starts)).number


def _earlier(sheet: Sheet, case: PenaltyFacts, rules: Rules) -> None:
    """Earlier breaches where the law gives them no step: told, without effect on the amount."""
    regime = rules.pack.id if rules.pack else ""
    found = {
        prior.id: prior
        for violation in case.violations
        for prior in counted(sheet, case, violation, regime, AFTER_FINAL)
    }
    row = next(row for row in rules.office.factors if row["code"] == "earlier_breaches")
    how = (
        f"{', '.join(found)}: no percentage in the law"
        if found
        else "None final before the conduct. No effect"
    )
    rest: dict[str, Any] = {"amount": Decimal(0), "how": how, "status": OFFICE_METHOD}
    sheet.add(row["label"], row["citation"], "none", str(len(found)), **rest)


def _ceiling(sheet: Sheet, maximum: Decimal, amount: Decimal, citation: str, number: int | None) -> None:
    """Hold an amount between nothing and the maximum; the line's amount is what that takes away or adds."""
    held = min(max(amount, Decimal(0)), maximum)
    word = "below" if amount < maximum else "at" if amount == maximum else "above"
    how = f"{sheet.money(amount)} is {word} {sheet.money(maximum)}"
    if amount < 0:
        how = f"{sheet.money(amount)} is below nothing"
    rest: dict[str, Any] = {"amount": held - amount, "how": how, "violation": number}
    sheet.add("Ceiling", citation, "ceiling", plain(maximum), **rest)

"""The office's method `share-of-maximum`: a share of the maximum by gravity, and factors on it.

It is a method of the office, so its lines have the status "office method" until an authority adopts it. A law
that counts days gives the amount by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from portal.law.deadlines import counted as in_words
from portal.law.deadlines import dated
from portal.law.facts import FactError
from portal.law.methods import Step
from portal.law.money import plain, rounded
from portal.law.penalty_amounts import amount_of
from portal.law.penalty_facts import HUNDRED, Factor, PenaltyFacts
from portal.law.penalty_lines import Sheet
from portal.law.penalty_part import Part
from portal.law.penalty_priors import PriorRule, counted, rule_of_pack
from portal.law.statute import Pack

COUNT, FACTORS = "penalty.count", "penalty.factors"
EACH_ITEM, MULTIPLIED = "each item a breach", "multiplied"
ONE_DAY = timedelta(days=1)
DURATION_STEP = "duration.from_day."


def counts_days(part: Part, row: Mapping[str, Any], pack: Pack) -> None:
    """A law that counts days: the amount for each day, both ends counted, is amount and maximum at once.

    Where the daily amount changes during the conduct, each stretch is a line of its own.
    """
    ((number, violation),) = part.violations
    sheet = part.sheet
    if not violation.stated:
        raise FactError(f"{violation.path}.start", "this provision counts days", "State start and end.")
    if violation.severity is not None:
        fix = "Leave it out."
        raise FactError(f"{violation.path}.severity_percent", "this provision counts days, not severity", fix)
    total, day = Decimal(0), violation.start
    while day <= violation.end:
        daily = amount_of(part, pack, row["per_day"], day)
        following = pack.value(row["per_day"], day).valid_to
        end = min(violation.end, following) if following else violation.end
        days = (end - day).days + 1
        due = rounded(daily.number * days, sheet.currency)
        span = in_words(days, "days")
        how = f"{sheet.money(daily.number)} × {span}, {dated(day)} to {dated(end)}"
        rest: dict[str, Any] = {"amount": due, "how": how, "violation": number, "status": daily.status}
        sheet.add(f"{row['label']}, {span}", daily.citation, "days", str(days), **rest)
        total += due
        day = end + ONE_DAY
    part.exact = part.maximum = total
    part.settled = True


def share(part: Part, step: Step) -> None:
    """A share of the maximum for each violation."""
    rules, sheet = part.rules, part.sheet
    maximum = part.figure("maximum")
    for number, violation in part.violations:
        severity = violation.severity
        if violation.level is not None:
            raise FactError(
                f"{violation.path}.severity",
                "this method asks for severity_percent",
                "State severity_percent.",
            )
        if severity is None:
            raise FactError(
                f"{violation.path}.severity_percent",
                "the value is missing",
                "State the share of the maximum.",
            )
        times = violation.items if rules.choices.get(COUNT) == EACH_ITEM else 1
        amount = rounded(maximum * severity / HUNDRED, sheet.currency) * times
        how = (
            f"{sheet.money(maximum)} × {plain(severity / HUNDRED)}{f' × {times} items' if times > 1 else ''}"
        )
        fault = f", {violation.fault}" if violation.fault else ""
        label = f"Starting amount, {violation.provision}{fault}: gravity {plain(severity)} %"
        citation = rules.office.value("gravity.low", max(violation.end, rules.office.starts)).citation
        part.exact += amount
        part.settled = True
        rest: dict[str, Any] = {"amount": amount, "how": how, "violation": number, "status": rules.status}
        sheet.add(label, citation, "start", plain(severity), **rest)


def factors(part: Part, step: Step) -> None:
    """Each factor's line is the step from the amount before it, so that the lines add to the cent."""
    sheet, start = part.sheet, part.amount
    multiplied = part.rules.choices.get(FACTORS) == MULTIPLIED
    times, so_far = Decimal(1), start
    for factor in part.case.factors:
        percent, label, citation = _percent(part, factor)
        times = times * (1 + percent / HUNDRED) if multiplied else times + percent / HUNDRED
        amount = rounded(start * times, sheet.currency)
        sign = "+" if percent >= 0 else "−"
        of = "of the amount so far" if multiplied else f"of {sheet.money(start)}"
        rest: dict[str, Any] = {
            "amount": amount - so_far,
            "status": part.rules.status,
            "how": f"{plain(abs(percent))} % {of}",
            "violation": part.place,
            "reason": factor.reason,
        }
        sheet.add(f"{label}: {sign} {plain(abs(percent))} %", citation, "factor", plain(percent), **rest)
        so_far = amount
    part.exact = so_far


def _percent(part: Part, factor: Factor) -> tuple[Decimal, str, str]:
    """The percentage of a factor with its label and citation: stated, from the office's table, or none."""
    office, sheet, case = part.rules.office, part.sheet, part.case
    on = max(case.conduct_end, office.starts)
    row = next((row for row in office.factors if row["code"] == factor.code), None)
    label = row["label"] if row else factor.code.replace("_", " ").capitalize()
    citation = row["citation"] if row else "reason stated"
    if row and row.get("by_days"):
        days = _days(part, factor, needed=factor.percent is None)
        label = f"{label}, {in_words(days, 'days')}" if days else label
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


def _days(part: Part, factor: Factor, *, needed: bool) -> int:
    days = [violation.days for _, violation in part.violations if violation.stated]
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


def earlier(part: Part, step: Step) -> None:
    """Earlier breaches where the law gives them no step: told, without effect on the amount."""
    if part.number is not None:
        return
    case, pack = part.case, part.rules.pack
    rule = rule_of_pack(pack, case.conduct_end) if pack else PriorRule()
    found: dict[str, str] = {}
    for _, violation in part.violations:
        for prior in counted(part.sheet, case, violation.start, rule, against=violation.provision):
            found[prior.id] = prior.id
    part.counted = tuple(found)
    row = next(row for row in part.rules.office.factors if row["code"] == "earlier_breaches")
    how = (
        f"{', '.join(found)}: no percentage in the law"
        if found
        else "None final before the conduct. No effect"
    )
    rest: dict[str, Any] = {"amount": Decimal(0), "how": how, "status": part.rules.status}
    part.sheet.add(row["label"], row["citation"], "none", str(len(found)), **rest)

"""The legal maximum: flat, for a later violation, or by turnover; each step is a line.

A pack says what its maximum is for (`penalty.maximum_per`): the whole decision, or each violation. It may be
an amount, a share of turnover, or the higher or lower of both; where no regime applies the facts state it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from portal.law.facts import FactError
from portal.law.methods import Step
from portal.law.money import plain, rounded
from portal.law.penalty_amounts import amount_day, amount_of
from portal.law.penalty_facts import HUNDRED, Maximum, PenaltyFacts
from portal.law.penalty_lines import Sheet
from portal.law.penalty_part import Part
from portal.law.penalty_priors import counted, earlier_in_case, rule_of_pack
from portal.law.penalty_turnover import turnover
from portal.law.statute import Pack, Value

BASE, SUBSEQUENT = "penalty.base", "penalty.subsequent"
FIXED, PERCENT, CAP, LATER = "penalty.fixed", "penalty.percent", "penalty.cap", "penalty.cap_later"
STATED = "maximum as stated"
TAKES = ("higher", "lower")
"""Which of an amount and a share of turnover is the maximum; without a value in the pack the higher."""


def maximum(part: Part, step: Step) -> None:
    """The first step of a method: find the maximum and remember it with its citation."""
    pack = part.rules.pack
    if pack is None or not pack.history("penalty.maximum_per"):
        _stated(part, step)
    elif part.number is None or not pack.history(CAP):
        _formula(part, pack)
    else:
        _own(part, pack, part.number)


def _stated(part: Part, step: Step) -> None:
    case, stated, citation = part.case, part.case.maximum, STATED
    share = step.number("percent")
    if stated is None and share is not None and (case.revenue or step.flag("needed")):
        stated, citation = Maximum(None, share, higher=True), step.text("citation")
        if step.raw.get("verified") is False:
            part.sheet.warn(
                f"{part.rules.method.id}: {citation} ({plain(share)} %) is not verified in a source."
            )
    if stated is None:
        part.sheet.warn("maximum is not stated; the amount is not held to any.")
        return
    base = part.rules.choices.get(BASE, "undertaking")
    part.maximum, part.citation = formula_maximum(part, stated, base, citation, usual_basis(part)), citation


def usual_basis(part: Part) -> str:
    """The rate that converts turnover where no regime says which: in the EU the average of the year."""
    return "average_of_fiscal_year" if part.rules.method.currency == "EUR" else "period_end"


def _formula(part: Part, pack: Pack) -> None:
    """A maximum by amount and turnover, for the whole decision or for one violation of it."""
    sheet, case = part.sheet, part.case
    conduct = max((violation.end for _, violation in part.violations), default=case.conduct_end)
    day = amount_day(part, pack, conduct)
    values = {FIXED: amount_of(part, pack, FIXED, conduct)} if pack.history(FIXED) else {}
    if pack.history(PERCENT):
        values[PERCENT] = sheet.value(pack, PERCENT, day)
    for _, violation in part.violations:
        sheet.value(pack, next(iter(values)), violation.end)
        provision(sheet, pack, violation.provision, violation.path)
    _faults(sheet, case, pack)
    percent = values[PERCENT].number if PERCENT in values else None
    if percent is not None and not case.revenue:
        raise FactError(
            "revenue",
            f"the maximum is the higher of {percent} % of turnover and a fixed amount"
            if FIXED in values
            else f"the maximum is {percent} % of turnover",
            "State the worldwide turnover of the preceding financial year.",
        )
    take = pack.history("penalty.take")
    higher = not take or sheet.value(pack, "penalty.take", day).value == TAKES[0]
    basis = (
        str(sheet.value(pack, "penalty.rate_basis", day).value) if pack.history("penalty.rate_basis") else ""
    )
    formula = Maximum(values[FIXED].number if FIXED in values else None, percent, higher)
    base = part.rules.choices.get(BASE, "undertaking")
    part.citation = next(iter(values.values())).citation
    part.maximum = formula_maximum(part, formula, base, part.citation, basis or "period_end")


def provision(sheet: Sheet, pack: Pack, code: str, path: str) -> dict[str, Any]:
    """The pack's row of a provision; one that it does not list is warned of and stands for itself."""
    row = listed(pack, code)
    if row is None:
        sheet.warn(f"{path}: {pack.id} lists no provision {code}; check the citation.")
    return row or {"code": code, "label": code, "citation": code}


def listed(pack: Pack, code: str) -> dict[str, Any] | None:
    """The pack's row of a provision, or of the one that it is a subdivision of, as 1428(2) is of 1428."""
    found: Mapping[str, Any] | None = None
    for row in pack.provisions:
        if row["code"] == code:
            return dict(row)
        if code.startswith(f"{row['code']}(") and (found is None or len(row["code"]) > len(found["code"])):
            found = row
    return None if found is None else dict(found)


def _faults(sheet: Sheet, case: PenaltyFacts, pack: Pack) -> None:
    if not pack.history("penalty.fault"):
        return
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


def _own(part: Part, pack: Pack, number: int) -> None:
    """The maximum of one violation."""
    sheet, case = part.sheet, part.case
    violation = case.violations[number]
    provision(sheet, pack, violation.provision, violation.path)
    _addressee(sheet, case, pack)
    if violation.items > 1:
        sheet.warn(f"{violation.path}.items has no effect under {pack.id}.")
    cap, how = _cap(part, pack, number)
    part.maximum, part.citation = rounded(cap.number, sheet.currency), cap.citation
    rest: dict[str, Any] = {
        "amount": part.maximum,
        "how": how,
        "violation": violation.place,
        "status": cap.status,
    }
    label = f"Legal maximum, {violation.provision}"
    sheet.add(label, cap.citation, "maximum", plain(cap.number), **rest)


def _addressee(sheet: Sheet, case: PenaltyFacts, pack: Pack) -> None:
    if case.revenue:
        sheet.warn("Revenue does not change this maximum; it only shows who can be penalised.")
    if not pack.history("penalty.addressee") or not pack.history("revenue.threshold"):
        return
    threshold = sheet.value(pack, "revenue.threshold", case.conduct_end)
    if not any(
        figure.currency == threshold.unit and figure.amount > threshold.number for figure in case.revenue
    ):
        addressee = sheet.value(pack, "penalty.addressee", case.conduct_end).value
        sheet.warn(f"Not shown: that the respondent is a {addressee}; only such a one can be penalised.")


def _cap(part: Part, pack: Pack, number: int) -> tuple[Value, str]:
    violation = part.case.violations[number]
    if not pack.history(LATER):
        return amount_of(part, pack, CAP, violation.end), "No step for repetition in this law"
    reading = part.rules.choices.get(SUBSEQUENT, "")
    rule = rule_of_pack(pack, violation.end, reading)
    priors = counted(part.sheet, part.case, violation.start, rule, against=violation.provision)
    part.counted = tuple(prior.id for prior in priors)
    if not priors and not earlier_in_case(part.case, violation, reading):
        return amount_of(part, pack, CAP, violation.end), "First violation: no earlier one counts"
    named = [f"{prior.id}, {prior.decision or 'decision not stated'}" for prior in priors]
    how = f"Later violation, {reading}: {'; '.join(named) or 'an earlier violation in this case'}"
    return amount_of(part, pack, LATER, violation.end), how


def formula_maximum(part: Part, maximum: Maximum, base: str, citation: str, basis: str) -> Decimal:
    """A maximum from its parts; the amount alone where no percentage is stated."""
    sheet = part.sheet
    fixed = None if maximum.fixed is None else rounded(maximum.fixed, sheet.currency)
    if maximum.percent is None:
        flat = fixed or Decimal(0)
        sheet.add("Legal maximum", citation, "maximum", sheet.money(flat), amount=flat, how="As stated")
        return flat
    if not part.case.revenue:
        raise FactError("revenue", "a maximum with a percentage needs turnover", "State revenue.")
    total = turnover(part, base, citation, basis)
    share = rounded(total * maximum.percent / HUNDRED, sheet.currency)
    text = f"{sheet.money(total)} × {maximum.percent / HUNDRED}"
    sheet.add(
        f"{maximum.percent} % of turnover", citation, "percent", str(maximum.percent), amount=share, how=text
    )
    if fixed is None:
        sheet.add(
            "Legal maximum", citation, "maximum", str(maximum.percent), amount=share, how="The share itself"
        )
        return share
    result = max(share, fixed) if maximum.higher else min(share, fixed)
    word = "higher" if maximum.higher else "lower"
    how = f"The {word} of line {len(sheet.lines)} and {sheet.money(fixed)}"
    sheet.add("Legal maximum", citation, "maximum", sheet.money(fixed), amount=result, how=how)
    return result

"""The legal maximum: flat, for a later violation, or by turnover; each step is a line.

A pack says what its maximum is for (`penalty.maximum_per`): the whole decision, or each violation. It may be
an amount, a share of turnover, or the higher or lower of both; where no regime applies the facts state it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal.law.deadlines import dated
from portal.law.facts import FactError
from portal.law.methods import Step
from portal.law.money import Money, grouped, plain, rounded
from portal.law.penalty_amounts import amount_day, amount_of
from portal.law.penalty_facts import HUNDRED, Maximum, PenaltyFacts, Turnover
from portal.law.penalty_lines import Sheet
from portal.law.penalty_part import Part
from portal.law.penalty_priors import counted, earlier_in_case, rule_of_pack
from portal.law.statute import Pack, Value

ALTERNATIVES = ("undertaking", "provider")
BASE, SUBSEQUENT = "penalty.base", "penalty.subsequent"
FIXED, PERCENT, CAP, LATER = "penalty.fixed", "penalty.percent", "penalty.cap", "penalty.cap_later"
STATED = "maximum as stated"
PERIOD, SCALED = "penalty.period", "scaled to 12 months"
SHORTEST_YEAR, LONGEST_YEAR, DAYS = 350, 380, 365
LATER_YEAR_ENDED = timedelta(days=366)


def maximum(part: Part, step: Step) -> None:
    """The first step of a method: find the maximum and remember it with its citation."""
    pack = part.rules.pack
    if pack is None or not pack.history("penalty.maximum_per"):
        _stated(part, step)
    elif part.number is None:
        _decision(part, pack)
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


def _decision(part: Part, pack: Pack) -> None:
    """One maximum for the whole decision."""
    sheet, case = part.sheet, part.case
    day = amount_day(part, pack, case.conduct_end)
    values = {FIXED: amount_of(part, pack, FIXED, case.conduct_end)} if pack.history(FIXED) else {}
    if pack.history(PERCENT):
        values[PERCENT] = sheet.value(pack, PERCENT, day)
    for violation in case.violations:
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
    higher = not take or sheet.value(pack, "penalty.take", day).value == "higher"
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
    rest: dict[str, Any] = {"amount": part.maximum, "how": how, "violation": number, "status": cap.status}
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


def turnover(part: Part, base: str, citation: str, basis: str) -> Decimal:
    """The turnover in the penalty's currency, told once; the sum where several entities make it up."""
    if "turnover" in part.named:
        return part.named["turnover"]
    sheet, pack = part.sheet, part.rules.pack
    chosen = choose(sheet, part.case, base)
    period = sheet.value(pack, PERIOD, part.case.conduct_end) if pack and pack.history(PERIOD) else None
    for figure in chosen:
        if pack and figure.rate_basis not in (None, basis):
            sheet.warn(f"{figure.path}.rate_basis is {figure.rate_basis}; {pack.id} asks for {basis}.")
    amounts = [_scaled(sheet, f, _figure(sheet, f, citation, basis), period) for f in chosen]
    total = sum(amounts, Decimal(0))
    if len(amounts) > 1:
        how = " + ".join(sheet.money(amount) for amount in amounts)
        sheet.add("Turnover in all", citation, "sum", str(len(amounts)), amount=total, how=how)
    part.named["turnover"] = total
    return total


def _scaled(sheet: Sheet, figure: Turnover, amount: Decimal, period: Value | None) -> Decimal:
    """A figure of an odd-length year, brought to twelve months where the law says so."""
    start, end = figure.period_start, figure.period_end
    if start is None or end is None:
        return amount
    days = (end - start).days + 1
    if SHORTEST_YEAR <= days <= LONGEST_YEAR:
        return amount
    if period is None or period.value != SCALED:
        sheet.warn(f"{figure.path}: the period has {days} days; the law states no scaling to a year.")
        return amount
    following = end + timedelta(days=1)
    months = (following.year - start.year) * 12 + following.month - start.month
    whole = start.day == 1 and following.day == 1
    share = Decimal(12) / months if whole else Decimal(DAYS) / days
    result = rounded(amount * share, sheet.currency)
    how = f"{sheet.money(amount)} × {f'12 ÷ {months} months' if whole else f'{DAYS} ÷ {days} days'}"
    operand = str(months if whole else days)
    sheet.add("Turnover scaled to twelve months", period.citation, "scale", operand, amount=result, how=how)
    return result


def _figure(sheet: Sheet, figure: Turnover, citation: str, basis: str) -> Decimal:
    amount = rounded(figure.amount, figure.currency)
    period = f", year to {dated(figure.period_end)}" if figure.period_end else ""
    source = figure.source or citation
    text = grouped(amount, figure.currency)
    how = f"{text}; {figure.entity}"
    own = amount if figure.rate is None else None
    sheet.add(f"Worldwide turnover{period}", source, "given", text, amount=own, how=how)
    if figure.rate is None or figure.quote is None:
        return amount
    used = figure.rate_basis or basis
    sign = "÷" if figure.quote == "from per to" else "×"
    pair = (sheet.currency, figure.currency) if sign == "÷" else (figure.currency, sheet.currency)
    quote = f"1 {pair[0]} = {figure.rate} {pair[1]}, {used.replace('_', ' ')}"
    sheet.add("Exchange rate", figure.rate_source or "source not stated", "rate", str(figure.rate), how=quote)
    result = Money(amount, figure.currency).converted(sheet.currency, figure.rate, figure.quote).amount
    plain = text.removeprefix(f"{figure.currency} ")
    how = f"{plain} {sign} {figure.rate}, to the minor unit, half up"
    lines = f"Lines {len(sheet.lines) - 1}, {len(sheet.lines)}"
    sheet.add(f"Turnover in {sheet.currency}", lines, "convert", str(figure.rate), amount=result, how=how)
    return result


def choose(sheet: Sheet, case: PenaltyFacts, base: str) -> list[Turnover]:
    """The figures that make up the turnover: of the right base and year, none counted twice.

    Raises:
        FactError: for a subsidiary listed beside a consolidated parent, two figures for one year, or a
            year that had not ended at the decision.
    """
    entities = list(dict.fromkeys(figure.entity for figure in case.revenue))
    if all(name in entities for name in ALTERNATIVES):
        entities = [name for name in entities if name == base or name not in ALTERNATIVES]
    elif base not in entities and any(name in entities for name in ALTERNATIVES):
        other = next(name for name in ALTERNATIVES if name in entities)
        sheet.warn(f"Turnover of the {base} is not stated; that of the {other} is used.")
    chosen = [_of_year(sheet, case, entity) for entity in entities]
    parent = next((figure for figure in chosen if figure.consolidated), None)
    for figure in chosen:
        if parent is not None and figure is not parent:
            raise FactError(
                figure.path,
                f"{figure.entity} is listed beside the consolidated figure of {parent.entity}",
                "Keep the consolidated figure alone, or list each company without consolidation.",
            )
    return chosen


def _of_year(sheet: Sheet, case: PenaltyFacts, entity: str) -> Turnover:
    decided = case.decided_on or case.day
    figures = [figure for figure in case.revenue if figure.entity == entity]
    ended = [f for f in figures if f.period_end is None or f.period_end < decided]
    if not ended:
        raise FactError(
            f"{figures[0].path}.period_end",
            f"the year had not ended on {dated(decided)}; the law asks for the preceding financial year",
            "State the year before.",
        )
    if len(figures) > 1 and any(figure.period_end is None for figure in figures):
        raise FactError(
            figures[0].path, f"two figures for {entity} without their years", "State period_end for each."
        )
    latest = max(f.period_end or date.min for f in ended)
    chosen = _one([f for f in ended if (f.period_end or date.min) == latest], entity)
    for figure in figures:
        if figure is not chosen:
            sheet.warn(f"{figure.path} is not used: another year, or restated later.")
    if case.on and chosen.period_end and decided - chosen.period_end > LATER_YEAR_ENDED:
        sheet.warn(f"{chosen.path}: a later financial year had ended before {dated(decided)}.")
    return chosen


def _one(same: Sequence[Turnover], entity: str) -> Turnover:
    restated = [figure for figure in same if figure.restated]
    candidates = restated or same
    if len(candidates) > 1:
        raise FactError(
            candidates[1].path,
            f"two figures of {entity} for one year, {_named(candidates[0])} and {_named(candidates[1])}",
            "Keep the one relied on, or mark the later one as restated.",
        )
    return candidates[0]


def _named(figure: Turnover) -> str:
    amount = grouped(figure.amount, figure.currency)
    return f"{amount} ({figure.source})" if figure.source else amount

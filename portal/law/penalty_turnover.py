"""The turnover that a maximum is a share of: whose, of which year, in which currency; none twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from portal.law.deadlines import add_months, dated
from portal.law.facts import FactError
from portal.law.money import Money, grouped, rounded
from portal.law.penalty_facts import PenaltyFacts, Turnover
from portal.law.penalty_lines import Sheet
from portal.law.penalty_part import Part
from portal.law.statute import Value

ALTERNATIVES = ("undertaking", "provider")
PERIOD, SCALED = "penalty.period", "scaled to 12 months"
PERIODS = (SCALED, "as stated")
"""What becomes of an odd-length year; without a value in the pack it stays as stated."""
SHORTEST_YEAR, LONGEST_YEAR, DAYS = 350, 380, 365
YEAR, BEFORE_CONDUCT_ENDED = "penalty.year", "before the conduct ended"
YEARS = ("before the decision", BEFORE_CONDUCT_ENDED)
"""Before what the financial year must have ended; without a value in the pack, before the decision."""
LATER_ENDED = "a later financial year had ended"
YEAR_MONTHS = 12


def turnover(part: Part, base: str, citation: str, basis: str) -> Decimal:
    """The turnover in the penalty's currency, told once; the sum where several entities make it up."""
    if "turnover" in part.named:
        return part.named["turnover"]
    sheet, pack = part.sheet, part.rules.pack
    chosen = choose(sheet, part.case, base, _year_by(part))
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


def _year_by(part: Part) -> date:
    """The day before which the financial year of the turnover has ended, as the pack says."""
    case, pack = part.case, part.rules.pack
    rule = part.sheet.value(pack, YEAR, case.conduct_end).value if pack and pack.history(YEAR) else YEARS[0]
    return case.conduct_end if rule == BEFORE_CONDUCT_ENDED else case.decided_on or case.day


def choose(sheet: Sheet, case: PenaltyFacts, base: str, by: date) -> list[Turnover]:
    """The figures that make up the turnover: of the right base and year, none counted twice.

    Args:
        sheet: where warnings go.
        case: the facts.
        base: whose turnover, one of `ALTERNATIVES`.
        by: the day before which the financial year has ended.

    Raises:
        FactError: for a subsidiary listed beside a consolidated parent, two figures for one year, or a
            year that had not ended by then.
    """
    entities = list(dict.fromkeys(figure.entity for figure in case.revenue))
    if all(name in entities for name in ALTERNATIVES):
        entities = [name for name in entities if name == base or name not in ALTERNATIVES]
    elif base not in entities and any(name in entities for name in ALTERNATIVES):
        other = next(name for name in ALTERNATIVES if name in entities)
        sheet.warn(f"Turnover of the {base} is not stated; that of the {other} is used.")
    entities = _without_parts(sheet, case, entities)
    chosen = [_of_year(sheet, case, entity, by) for entity in entities]
    parent = next((figure for figure in chosen if figure.consolidated), None)
    for figure in chosen:
        if parent is not None and figure is not parent:
            raise FactError(
                figure.path,
                f"{figure.entity} is listed beside the consolidated figure of {parent.entity}",
                "Keep the consolidated figure alone, or list each company without consolidation.",
            )
    return chosen


def _without_parts(sheet: Sheet, case: PenaltyFacts, entities: list[str]) -> list[str]:
    """Without the companies that the figure of the undertaking holds already, unless it says it does not."""
    whole = next((f for f in case.revenue if f.entity == ALTERNATIVES[0] and f.consolidated is None), None)
    if whole is None:
        return entities
    for figure in case.revenue:
        if figure.entity not in ALTERNATIVES:
            sheet.warn(f"{figure.path} is not added: {whole.path} is the turnover of the whole undertaking.")
    return [name for name in entities if name in ALTERNATIVES]


def _of_year(sheet: Sheet, case: PenaltyFacts, entity: str, by: date) -> Turnover:
    figures = [figure for figure in case.revenue if figure.entity == entity]
    ended = [f for f in figures if f.period_end is None or f.period_end < by]
    if not ended:
        raise FactError(
            f"{figures[0].path}.period_end",
            f"the year had not ended on {dated(by)}; the law asks for the preceding financial year",
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
    if case.on and chosen.period_end and add_months(chosen.period_end, YEAR_MONTHS) < by:
        sheet.warn(f"{chosen.path}: {LATER_ENDED} before {dated(by)}.")
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

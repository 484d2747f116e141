"""The legal maximum: flat, or the higher of a fixed amount and a share of turnover, each step a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from portal.law.facts import FactError
from portal.law.money import Money, exact, grouped, rounded
from portal.law.penalty_facts import HUNDRED, Maximum, PenaltyFacts, Turnover
from portal.law.penalty_lines import Sheet
from portal.law.statute import Pack

ALTERNATIVES = ("undertaking", "provider")
LATER_YEAR_ENDED = timedelta(days=366)
W_KEYS = ("period_start", "period_end", "source", "consolidated", "restated")


def turnover_maximum(sheet: Sheet, pack: Pack, case: PenaltyFacts, base: str, on: date) -> Decimal:
    """The higher of a share of worldwide turnover and a fixed amount.

    Args:
        base: whose turnover, `undertaking` or `provider`.
        on: the day of the conduct, which picks the law.
    """
    fixed = sheet.value(pack, "penalty.fixed", on)
    percent = sheet.value(pack, "penalty.percent", on)
    basis = str(sheet.value(pack, "penalty.rate_basis", on).value)
    formula = Maximum(fixed.number, percent.number, higher=True)
    if not case.revenue:
        raise FactError(
            "revenue",
            f"the maximum is the higher of {percent.number} % of turnover and a fixed amount",
            "State the worldwide turnover of the preceding financial year.",
        )
    return formula_maximum(sheet, formula, case, base=base, citation=fixed.citation, basis=basis)


def formula_maximum(
    sheet: Sheet, maximum: Maximum, case: PenaltyFacts, *, base: str, citation: str, basis: str
) -> Decimal:
    """A maximum from its parts; the amount alone where no percentage is stated."""
    with exact():
        fixed = rounded(maximum.fixed, sheet.currency)
        if maximum.percent is None:
            sheet.add("Legal maximum", citation, "maximum", sheet.money(fixed), amount=fixed, how="As stated")
            return fixed
        if not case.revenue:
            raise FactError("revenue", "a maximum with a percentage needs turnover", "State revenue.")
        turnover = _turnover(sheet, case, base, citation, basis)
        share = rounded(turnover * maximum.percent / HUNDRED, sheet.currency)
        text = f"{sheet.money(turnover)} × {maximum.percent / HUNDRED}"
        label = f"{maximum.percent} % of turnover"
        sheet.add(label, citation, "percent", str(maximum.percent), amount=share, how=text)
        result = max(share, fixed) if maximum.higher else min(share, fixed)
        word = "higher" if maximum.higher else "lower"
        how = f"The {word} of line {len(sheet.lines)} and {sheet.money(fixed)}"
        sheet.add("Legal maximum", citation, "maximum", sheet.money(fixed), amount=result, how=how)
        return result


def _turnover(sheet: Sheet, case: PenaltyFacts, base: str, citation: str, basis: str) -> Decimal:
    chosen = choose(sheet, case, base)
    amounts = [_figure(sheet, figure, citation, basis) for figure in chosen]
    total = sum(amounts, Decimal(0))
    if len(amounts) > 1:
        how = " + ".join(sheet.money(amount) for amount in amounts)
        sheet.add("Turnover in all", citation, "sum", str(len(amounts)), amount=total, how=how)
    return total


def _figure(sheet: Sheet, figure: Turnover, citation: str, basis: str) -> Decimal:
    keys = W_KEYS if figure.rate is None else (*W_KEYS, "rate_basis", "rate_source")
    for key in keys:
        if getattr(figure, key) is None:
            sheet.warn(f"{figure.path}.{key} is not stated; it is needed before the worksheet is finalised.")
    amount = rounded(figure.amount, figure.currency)
    period = f", year to {figure.period_end.isoformat()}" if figure.period_end else ""
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
    decided = case.decided_on or case.on
    figures = [figure for figure in case.revenue if figure.entity == entity]
    ended = [f for f in figures if f.period_end is None or f.period_end < decided]
    if not ended:
        raise FactError(
            f"{figures[0].path}.period_end",
            f"the year had not ended on {decided.isoformat()}; the law asks for the preceding financial year",
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
    if chosen.period_end and decided - chosen.period_end > LATER_YEAR_ENDED:
        sheet.warn(f"{chosen.path}: a later financial year had ended before {decided.isoformat()}.")
    return chosen


def _one(same: Sequence[Turnover], entity: str) -> Turnover:
    restated = [figure for figure in same if figure.restated]
    candidates = restated or same
    if len(candidates) > 1:
        raise FactError(
            candidates[1].path, f"two figures of {entity} for one year", "Keep the one relied on."
        )
    return candidates[0]

"""The pictures of the penalty explorer: how the amount moves with each fact, and the laws side by side."""

from __future__ import annotations

from decimal import Decimal

from portal.law import penalties
from portal.law.money import plain
from portal.register.explorer import Beside, WhatIf
from portal.register.explorer_form import LARGEST_REVENUE, MOST_DAYS, MOST_PRIORS
from portal.ui.charts import AmountRow, Amounts, Column, Columns, Curve, CurvePoint
from portal.ui.formats import amount, money

POINTS = 40
_LEAST_PRIORS, _LEAST_DAYS = 5, 30
_LEAST_REVENUE = Decimal(10) ** 9


def sensitivity(what: WhatIf) -> list[tuple[str, Curve | Columns]]:
    """How the amount moves with each fact of the form while the others stay, each under a name of its own."""
    found: list[tuple[str, Curve | Columns]] = []
    if what.counts_days:
        found.append(("days", _over_days(what)))
    found.append(("severity", _over_levels(what) if what.scheduled else _over_share(what)))
    found.append(("revenue", _over_revenue(what)))
    found.append(("priors", _over_priors(what)))
    if what.currency != what.money:
        found.append(("rate", _over_rate(what)))
    return found


def _amounts(what: WhatIf) -> tuple[Decimal, Decimal | None]:
    found = penalties.compute(what.facts(), readings=False)
    return found.total, found.legal_maximum


def _over_revenue(what: WhatIf) -> Curve:
    top = min(max(what.revenue * 2, _LEAST_REVENUE), LARGEST_REVENUE)
    points = [_money_point(what, (top * n / POINTS).quantize(Decimal(1))) for n in range(POINTS + 1)]
    here = _money_point(what, what.revenue)
    return _curve(what, ("revenue", f"Revenue in {what.currency}"), points, here)


def _money_point(what: WhatIf, revenue: Decimal) -> CurvePoint:
    return _point(what.but(revenue=revenue), revenue, amount(revenue, what.currency))


def _over_share(what: WhatIf) -> Curve:
    shares = [Decimal(100) * n / POINTS for n in range(POINTS + 1)]
    points = [_point(what.but(percent=share), share, f"{plain(share)} %") for share in shares]
    here = _point(what, what.percent, f"{plain(what.percent)} %")
    return _curve(what, ("severity", "Severity, % of the maximum"), points, here)


def _over_days(what: WhatIf) -> Curve:
    top = min(max(what.days * 2, _LEAST_DAYS), MOST_DAYS)
    days = sorted({max(1, top * n // POINTS) for n in range(POINTS + 1)})
    points = [_point(what.but(days=day), Decimal(day), str(day)) for day in days]
    here = _point(what, Decimal(what.days), str(what.days))
    return _curve(what, ("days", "Days of the conduct"), points, here)


def _over_rate(what: WhatIf) -> Curve:
    # From half to double, in steps of a hundredth of the rate stated.
    shares = [Decimal(50 + 150 * n // POINTS) / 100 for n in range(POINTS + 1)]
    rates = [what.rate * share for share in shares]
    points = [_point(what.but(rate=rate), rate, plain(rate)) for rate in rates]
    return _curve(
        what, ("rate", "US dollars for one euro"), points, _point(what, what.rate, plain(what.rate))
    )


def _point(what: WhatIf, at: Decimal, words: str) -> CurvePoint:
    total, limit = _amounts(what)
    return CurvePoint(at, words, total, limit)


def _curve(what: WhatIf, named: tuple[str, str], points: list[CurvePoint], here: CurvePoint) -> Curve:
    name, across = named
    low, high = points[0], points[-1]
    return Curve(
        title=f"Amount over {_FACTS[name]}",
        finding=_finding(
            what, (low.amount, high.amount), f"{_FACTS[name]} goes from {low.words} to {high.words}"
        ),
        currency=what.money,
        across=across,
        points=tuple(points),
        here=here,
        in_units=name == "revenue",
    )


_FACTS = {
    "revenue": "revenue",
    "severity": "severity",
    "priors": "earlier penalties",
    "days": "days",
    "rate": "the rate of the dollar",
}


def _finding(what: WhatIf, ends: tuple[Decimal, Decimal], moves: str) -> str:
    low, high = (money(end, what.money) for end in ends)
    if ends[0] == ends[1]:
        return f"The amount is {low} at both ends, as {moves}."
    return f"The amount goes from {low} to {high}, as {moves}."


def _over_priors(what: WhatIf) -> Columns:
    most = min(max(_LEAST_PRIORS, what.priors + 1), MOST_PRIORS)
    rows = [_column(what.but(priors=n), str(n), n == what.priors) for n in range(most + 1)]
    return _columns(what, ("priors", "Earlier final penalties"), rows)


def _over_levels(what: WhatIf) -> Columns:
    levels = penalties.gravity_levels(what.on)
    rows = [_column(what.but(level=one.code), one.label, one.code == what.level) for one in levels]
    return _columns(what, ("severity", "Severity"), rows)


def _column(what: WhatIf, words: str, here: bool) -> Column:
    total, limit = _amounts(what)
    return Column(words, total, limit, here)


def _columns(what: WhatIf, named: tuple[str, str], rows: list[Column]) -> Columns:
    name, across = named
    low, high = rows[0], rows[-1]
    moves = (
        f"{_FACTS[name]} go from {low.words} to {high.words}"
        if name == "priors"
        else f"{_FACTS[name]} goes from {low.words.lower()} to {high.words.lower()}"
    )
    return Columns(
        title=f"Amount over {_FACTS[name]}",
        finding=_finding(what, (low.amount, high.amount), moves),
        currency=what.money,
        across=across,
        rows=tuple(rows),
    )


def compared(what: WhatIf, beside: list[Beside]) -> Amounts:
    """The laws on one axis, in the currency of the revenue."""
    rows = [
        AmountRow(
            name=one.pack.short,
            note=one.provision,
            amount=one.total,
            maximum=one.maximum,
            proposed=one.result is not None and one.result.illustration,
            why=one.why,
        )
        for one in beside
    ]
    told = [(one.total, one.pack.short) for one in beside if one.total is not None]
    finding = "No law has a penalty on that day."
    if told:
        (low, least), (high, most) = min(told), max(told)
        finding = f"From {money(low, what.currency)} ({least}) to {money(high, what.currency)} ({most})."
    return Amounts("The same facts under each law", finding, what.currency, tuple(rows))

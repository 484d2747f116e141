"""Revenue for coverage: the right year and currency, with affiliates or without; unknown stays unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from portal.law.deadlines import dated
from portal.law.facts import FactError, Facts
from portal.law.money import FROM_PER_TO, TO_PER_FROM, Money, Quote, exact, grouped, read_currency

AMOUNT_KEYS = (
    "amount",
    "currency",
    "rate",
    "rate_quote",
    "rate_basis",
    "period_start",
    "period_end",
    "with_affiliates",
)
PRECEDING = "preceding calendar year"
YEARS = (PRECEDING, "year")
"""Which twelve months a rule of coverage asks for; `year` are any that ended."""
SHORTEST_YEAR, LONGEST_YEAR = 350, 380
QUOTES: dict[str, Quote] = {
    "revenue currency per threshold currency": FROM_PER_TO,
    "threshold currency per revenue currency": TO_PER_FROM,
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure against a threshold: `outcome` yes, no or unknown, what was used, and what is missing."""

    outcome: str
    text: str
    missing: tuple[str, ...] = ()
    working: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    facts: Facts
    start: date
    end: date


def judge(
    organisation: Facts, key: str, threshold: Money, *, on: date, period: str, affiliates: bool
) -> Figure:
    """Hold a stated figure against a threshold.

    Args:
        organisation: the facts about the organisation.
        key: `gross_revenue`, `ai_revenue` or `ai_rd`; one amount, or a list of amounts of adjoining periods.
        threshold: more than this is `yes`.
        on: the date whose law applies; it picks the year.
        period: `preceding calendar year`, or `year` (any twelve months that ended).
        affiliates: whether the law counts affiliates; then a lower figure without them is `unknown`.

    Raises:
        FactError: for a value that cannot be read, with its path.
    """
    path = organisation.at(key)
    if not organisation.has(key):
        return Figure("unknown", "not stated", (path,))
    spans = _spans(organisation, key)
    wrong = _wrong_period(spans, on, period)
    if wrong:
        return Figure("unknown", wrong, (f"{path}: {_wanted(on, period)}",))
    with exact():
        return _judge(spans, path, threshold, affiliates)


def _judge(spans: list[_Span], path: str, threshold: Money, affiliates: bool) -> Figure:
    low = high = Decimal(0)
    working: list[str] = []
    missing: list[str] = []
    for span in spans:
        amounts, line = _amount(span, threshold.currency)
        if not amounts:
            return Figure("unknown", line, (span.facts.at("rate"),))
        if len(amounts) > 1:
            missing.append(span.facts.at("rate_quote"))
        low, high = low + min(amounts), high + max(amounts)
        working.append(line)
    text = grouped(low, threshold.currency)
    if low != high:
        text += f" to {grouped(high, threshold.currency)}"
    if len(spans) > 1:
        working.append(f"sum of {len(spans)} periods = {text}")
    if low > threshold.amount:
        return Figure("yes", text, tuple(missing), tuple(working))
    if high > threshold.amount:
        return Figure("unknown", text, tuple(missing), tuple(working))
    if affiliates and not all(span.facts.flag("with_affiliates") for span in spans):
        return Figure(
            "unknown", f"{text}, affiliates not included", (f"{path}.with_affiliates",), tuple(working)
        )
    return Figure("no", text, tuple(missing), tuple(working))


def _spans(organisation: Facts, key: str) -> list[_Span]:
    """The stated periods in order; empty where one of them is not stated."""
    if isinstance(organisation.raw(key), list):
        parts = list(organisation.children(key, AMOUNT_KEYS))
    else:
        parts = [organisation.child(key, AMOUNT_KEYS)]
    spans = []
    for part in parts:
        part.needed("amount")
        start, end = part.day("period_start"), part.day("period_end")
        if start is None or end is None:
            return []
        if start > end:
            raise FactError(
                part.at("period_start"), "the period ends before it starts", "Swap the two dates."
            )
        spans.append(_Span(part, start, end))
    return sorted(spans, key=lambda span: (span.start, span.end))


def _wanted(on: date, period: str) -> str:
    return f"calendar year {on.year - 1}" if period == PRECEDING else "twelve months that have ended"


def _wrong_period(spans: list[_Span], on: date, period: str) -> str:
    """Why the periods are not the ones the law asks for; empty when they are."""
    if not spans:
        return "the period of the figure is not stated"
    if any(b.start != a.end + timedelta(days=1) for a, b in pairwise(spans)):
        return "the periods do not adjoin"
    start, end = spans[0].start, spans[-1].end
    if period == PRECEDING:
        right = (start, end) == (date(on.year - 1, 1, 1), date(on.year - 1, 12, 31))
    else:
        right = end < on and SHORTEST_YEAR <= (end - start).days + 1 <= LONGEST_YEAR
    if right:
        return ""
    return f"the figure is for {dated(start)} to {dated(end)}, another period than the law asks for"


def _amount(span: _Span, currency: str) -> tuple[list[Decimal], str]:
    """The amount in the threshold's currency (two where the direction of the rate is open), and a line."""
    facts = span.facts
    amount, own = facts.needed("amount"), read_currency(facts, "currency") or currency
    text = f"{grouped(amount, own)} for {dated(span.start)} to {dated(span.end)}"
    if own == currency:
        return [amount], text
    rate = facts.number("rate", low=Decimal("1e-12"))
    if rate is None:
        return [], f"{text}: no rate to {currency}"
    money, quote = Money(amount, own), facts.text("rate_quote", tuple(QUOTES))
    basis = facts.text("rate_basis") or "basis not stated"
    quotes = [QUOTES[quote]] if quote else list(QUOTES.values())
    found = [money.converted(currency, rate, way).amount for way in quotes]
    results = " or ".join(grouped(value, currency) for value in found)
    return found, f"{text}, rate {rate} ({basis}{'' if quote else ', direction not stated'}) = {results}"

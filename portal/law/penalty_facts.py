"""The facts of a penalty, read strictly into types; what is needed and absent is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.law.facts import FactError, Facts, LawError
from portal.law.money import FROM_PER_TO, TO_PER_FROM, Quote, exponent

SHARE = "share-of-maximum"
METHODS = ("edpb-2023", "ico-2024", "ec-2006", "ussg-ch8", "nl-2019", "fec-111-43", SHARE)
TOP_KEYS = (
    "regime",
    "method",
    "on",
    "decided_on",
    "assessed_on",
    "currency",
    "maximum",
    "revenue",
    "base",
    "priors",
    "inputs",
    "present_in",
)
REVENUE_KEYS = (
    "entity",
    "amount",
    "currency",
    "rate",
    "rate_quote",
    "period_start",
    "period_end",
    "source",
    "consolidated",
    "restated",
    "rate_basis",
    "rate_source",
)
PRIOR_KEYS = (
    "id",
    "regime",
    "decision",
    "penalised_entity",
    "link",
    "conduct_from",
    "conduct_to",
    "final_on",
    "status",
    "reason",
    "uplift_percent",
)
VIOLATION_KEYS = (
    "provision",
    "penalty_provision",
    "severity_percent",
    "fault",
    "occurred_on",
    "start",
    "end",
    "items",
)
RATE_BASES = ("average_of_fiscal_year", "period_end", "on_date")
PRIOR_STATES = ("final", "pending", "under_appeal", "set_aside", "reduced", "settled_no_admission")
REVENUE_QUOTES: dict[str, Quote] = {
    "revenue currency per penalty currency": FROM_PER_TO,
    "penalty currency per revenue currency": TO_PER_FROM,
}
PRESENT_QUOTES: dict[str, Quote] = {
    "presented currency per penalty currency": TO_PER_FROM,
    "penalty currency per presented currency": FROM_PER_TO,
}
SMALLEST_RATE = Decimal("1e-12")
HUNDRED = Decimal(100)


class NotBuilt(LawError):
    """A method or regime whose calculation does not exist yet; a wrong number would be worse than none."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Not built yet: {what}.", "", f"Use method {SHARE} under ca-tfaia, ny-raise or eu-ai-act."
        )


@dataclass(frozen=True, slots=True)
class Turnover:
    """One revenue figure; `path` is where it stands in the facts."""

    path: str
    entity: str
    amount: Decimal
    currency: str
    rate: Decimal | None
    quote: Quote | None
    period_start: date | None
    period_end: date | None
    source: str | None
    consolidated: bool | None
    restated: bool | None
    rate_basis: str | None
    rate_source: str | None


@dataclass(frozen=True, slots=True)
class Prior:
    """An earlier penalty, in the one shape used everywhere."""

    path: str
    id: str
    regime: str
    status: str
    final_on: date | None
    conduct_from: date | None
    conduct_to: date | None
    decision: str | None
    penalised_entity: str | None
    reason: str | None
    link: str | None


@dataclass(frozen=True, slots=True)
class Violation:
    """An alleged violation; `stated`: the days were given, else they are the date of the law."""

    path: str
    provision: str
    penalty_provision: str | None
    severity: Decimal | None
    fault: str | None
    start: date
    end: date
    stated: bool
    items: int

    @property
    def days(self) -> int:
        """Length of the conduct, first and last day counted."""
        return (self.end - self.start).days + 1


@dataclass(frozen=True, slots=True)
class Factor:
    """A reason to go up or down; `percent` of the starting amount, None where the office's table gives it."""

    path: str
    code: str
    reason: str
    percent: Decimal | None


@dataclass(frozen=True, slots=True)
class Maximum:
    """A legal maximum where no regime states it."""

    fixed: Decimal
    percent: Decimal | None
    higher: bool


@dataclass(frozen=True, slots=True)
class Presented:
    """Another currency in which the total is shown."""

    currency: str
    rate: Decimal
    quote: Quote
    round_to: Decimal | None


@dataclass(frozen=True, slots=True)
class PenaltyFacts:
    """All facts of one penalty."""

    regime: str | None
    on: date
    decided_on: date | None
    currency: str
    maximum: Maximum | None
    revenue: tuple[Turnover, ...]
    base: str | None
    priors: tuple[Prior, ...]
    violations: tuple[Violation, ...]
    factors: tuple[Factor, ...]
    presented: Presented | None

    @property
    def conduct_end(self) -> date:
        """The last day of conduct; it picks the law of a decision over several violations."""
        return max(violation.end for violation in self.violations)


def read(facts: Mapping[str, Any]) -> PenaltyFacts:
    """Read the facts of a share-of-maximum penalty.

    Raises:
        NotBuilt: for a method or regime without a calculation.
        FactError: for an unknown key, or a value that is missing or wrong, naming its path.
    """
    top = Facts(facts, "", TOP_KEYS)
    regime, method = top.text("regime"), top.text("method", METHODS)
    if method not in (None, SHARE):
        raise NotBuilt(f"method {method}")
    if regime is None and method is None:
        raise FactError("regime", "neither a regime nor a method is stated", "State one of the two.")
    decided, on = top.day("decided_on"), top.day("on")
    top.day("assessed_on")
    when = on or decided
    if when is None:
        raise FactError("on", "the date whose law applies is missing", "State on, for example 2027-10-01.")
    currency = top.text("currency")
    if currency is None:
        raise FactError(
            "currency", "the currency of the penalty is missing", "State currency, for example EUR."
        )
    exponent(currency)
    inputs = top.child("inputs", ("violations", "factors"))
    return PenaltyFacts(
        regime=regime,
        on=when,
        decided_on=decided,
        currency=currency,
        maximum=_maximum(top, regime),
        revenue=tuple(_turnover(item, currency) for item in top.children("revenue", REVENUE_KEYS)),
        base=top.text("base", ("provider", "undertaking")),
        priors=tuple(_prior(item) for item in top.children("priors", PRIOR_KEYS)),
        violations=_violations(inputs, when),
        factors=tuple(_factor(item) for item in inputs.children("factors", ("code", "reason", "percent"))),
        presented=_presented(top),
    )


def _needed_text(facts: Facts, key: str, among: tuple[str, ...] = ()) -> str:
    value = facts.text(key, among)
    if value is None:
        raise FactError(facts.at(key), "the value is missing", f"State {facts.at(key)}.")
    return value


def _maximum(top: Facts, regime: str | None) -> Maximum | None:
    if regime is not None:
        if top.has("maximum"):
            raise FactError(
                "maximum", "the regime states the maximum", "Leave out maximum, or leave out regime."
            )
        return None
    stated = top.child("maximum", ("amount", "fixed", "percent", "take"))
    if stated.has("amount"):
        if stated.has("fixed") or stated.has("percent") or stated.has("take"):
            raise FactError("maximum", "an amount and a formula are both stated", "Keep one of the two.")
        return Maximum(stated.needed("amount"), None, True)
    fixed, percent = stated.needed("fixed"), stated.needed("percent", high=HUNDRED)
    return Maximum(fixed, percent, _needed_text(stated, "take", ("higher", "lower")) == "higher")


def _turnover(item: Facts, currency: str) -> Turnover:
    own = item.text("currency") or currency
    exponent(own)
    rate, quote = item.number("rate", low=SMALLEST_RATE), item.text("rate_quote", tuple(REVENUE_QUOTES))
    if own != currency and (rate is None or quote is None):
        key = "rate" if rate is None else "rate_quote"
        raise FactError(item.at(key), f"revenue in {own} needs it to become {currency}", f"State {key}.")
    if own == currency and rate is not None:
        raise FactError(
            item.at("rate"), f"the revenue is in {currency} already", "Leave out rate, or state currency."
        )
    start, end = item.day("period_start"), item.day("period_end")
    if start and end and start > end:
        raise FactError(item.at("period_start"), "the period ends before it starts", "Swap the two dates.")
    return Turnover(
        path=item.path,
        entity=_needed_text(item, "entity"),
        amount=item.needed("amount"),
        currency=own,
        rate=rate,
        quote=REVENUE_QUOTES[quote] if quote else None,
        period_start=start,
        period_end=end,
        source=item.text("source"),
        consolidated=item.flag("consolidated"),
        restated=item.flag("restated"),
        rate_basis=item.text("rate_basis", RATE_BASES),
        rate_source=item.text("rate_source"),
    )


def _prior(item: Facts) -> Prior:
    status, final_on = _needed_text(item, "status", PRIOR_STATES), item.day("final_on")
    if status in ("final", "reduced") and final_on is None:
        raise FactError(
            item.at("final_on"), f"a prior that is {status} has the day it became so", "State final_on."
        )
    item.number("uplift_percent")
    return Prior(
        path=item.path,
        id=_needed_text(item, "id"),
        regime=_needed_text(item, "regime"),
        status=status,
        final_on=final_on,
        conduct_from=item.day("conduct_from"),
        conduct_to=item.day("conduct_to"),
        decision=item.text("decision"),
        penalised_entity=item.text("penalised_entity"),
        reason=item.text("reason"),
        link=item.text("link", ("same", "predecessor", "parent")),
    )


def _violations(inputs: Facts, when: date) -> tuple[Violation, ...]:
    found = tuple(_violation(item, when) for item in inputs.children("violations", VIOLATION_KEYS))
    if not found:
        raise FactError("inputs.violations", "no violation is stated", "State at least one.")
    return found


def _violation(item: Facts, when: date) -> Violation:
    start, end = _conduct(item)
    items = item.number("items", low=Decimal(1), high=Decimal(10_000))
    if items is not None and items != int(items):
        raise FactError(item.at("items"), "a whole number is expected here")
    return Violation(
        path=item.path,
        provision=_needed_text(item, "provision"),
        penalty_provision=item.text("penalty_provision"),
        severity=item.number("severity_percent", high=HUNDRED),
        fault=item.text("fault"),
        start=start or when,
        end=end or when,
        stated=start is not None,
        items=1 if items is None else int(items),
    )


def _conduct(item: Facts) -> tuple[date | None, date | None]:
    """First and last day of the conduct: a day, `{start, end}` under it, or `start` and `end` beside it."""
    raw = item.raw("occurred_on")
    if raw is not None and (item.has("start") or item.has("end")):
        raise FactError(
            item.at("start"), "the days of conduct are stated twice", "Keep occurred_on, or start and end."
        )
    if isinstance(raw, Mapping):
        item = item.child("occurred_on", ("start", "end"))
    elif raw is not None:
        day = item.day("occurred_on")
        return day, day
    start, end = item.day("start"), item.day("end")
    if (start is None) != (end is None):
        raise FactError(
            item.at("end" if end is None else "start"), "one end of the conduct is missing", "State both."
        )
    if start and end and start > end:
        raise FactError(item.at("start"), "the conduct ends before it starts", "Swap the two dates.")
    return start, end


def _factor(item: Facts) -> Factor:
    return Factor(
        path=item.path,
        code=_needed_text(item, "code"),
        reason=_needed_text(item, "reason"),
        percent=item.number("percent", low=-HUNDRED, high=HUNDRED * 10),
    )


def _presented(top: Facts) -> Presented | None:
    if not top.has("present_in"):
        return None
    item = top.child("present_in", ("currency", "rate", "rate_quote", "round_to"))
    currency = _needed_text(item, "currency")
    exponent(currency)
    return Presented(
        currency=currency,
        rate=item.needed("rate", low=SMALLEST_RATE),
        quote=PRESENT_QUOTES[_needed_text(item, "rate_quote", tuple(PRESENT_QUOTES))],
        round_to=item.number("round_to", low=Decimal("0.001")),
    )

"""Reading the facts of a penalty strictly; what is needed and absent is an error that names its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from portal.law import methods, statute
from portal.law.facts import FactError, Facts
from portal.law.methods import Adoption, Method
from portal.law.money import read_currency
from portal.law.penalty_facts import (
    AS_READ,
    DECISION,
    HUNDRED,
    LINKS,
    PER,
    PRESENT_QUOTES,
    PRIOR_KEYS,
    PRIOR_STATES,
    RATE_BASES,
    REVENUE_KEYS,
    REVENUE_QUOTES,
    SHARE,
    SMALLEST_RATE,
    TOP_KEYS,
    VIOLATION_KEYS,
    Factor,
    Maximum,
    NotBuilt,
    PenaltyFacts,
    Presented,
    Prior,
    Turnover,
    Violation,
)
from portal.law.statute import NotInForce, Pack

METHOD_KEY = "penalty.method"
VIOLATIONS = "violations"


@dataclass(frozen=True, slots=True)
class Read:
    """The facts, the regime's pack, and the adoption of the method, if any."""

    case: PenaltyFacts
    pack: Pack | None
    adoption: Adoption | None
    warnings: tuple[str, ...]


def read(facts: Mapping[str, Any], adoptions: tuple[Adoption, ...] = ()) -> Read:
    """Read the facts of a penalty.

    Raises:
        NotBuilt: for a regime without a penalty, or a method that does not fit it.
        FactError: for an unknown key, or a value that is missing or wrong, naming its path.
    """
    top = Facts(facts, "", TOP_KEYS)
    regime = top.text("regime")
    stated = top.text("method", tuple(method.id for method in methods.methods()))
    if regime is None and stated is None:
        raise FactError("regime", "neither a regime nor a method is stated", "State one of the two.")
    decided, when, assessed = top.day("decided_on"), top.day("on"), top.day("assessed_on")
    when = when or decided
    if when is None and regime is not None:
        raise FactError("on", "the date whose law applies is missing", "State on, for example 2027-10-01.")
    pack = statute.named(regime, "regime") if regime else None
    adoption = _adopted(pack, adoptions, decided or when)
    method, warnings = _method(pack, stated, adoption, when)
    currency = _needed_currency(top)
    each = pack is not None and _each(pack)
    inputs = top.child("inputs", tuple(dict.fromkeys((*method.inputs, VIOLATIONS))))
    violations = _violations(inputs, when or date.max, needed=each or VIOLATIONS in method.inputs)
    if pack is not None and each and VIOLATIONS not in method.inputs and len(violations) > 1:
        # The method has one amount: under a maximum for each violation it serves one violation at a time.
        raise NotBuilt(
            f"method {method.id} for several violations under {pack.id}, each with its own maximum"
        )
    case = PenaltyFacts(
        regime=regime,
        method=method,
        on=when,
        decided_on=decided,
        assessed_on=assessed,
        currency=currency,
        maximum=_maximum(top, regime, method),
        revenue=tuple(_turnover(item, currency) for item in top.children("revenue", REVENUE_KEYS)),
        base=top.text("base", ("provider", "undertaking")),
        priors=_priors(top),
        inputs=inputs,
        violations=violations,
        factors=tuple(_factor(item) for item in inputs.children("factors", ("code", "reason", "percent"))),
        presented=_presented(top),
    )
    _begun(case)
    return Read(case, pack, adoption if adoption and adoption.method == method.id else None, warnings)


def _begun(case: PenaltyFacts) -> None:
    """A method by itself is used from its first day on; what is decided later may concern earlier conduct."""
    days = [day for day in (case.on, case.decided_on) if day]
    if case.regime is None and days and max(days) < case.method.valid_from:
        raise NotInForce(case.method.id, "the method", max(days), case.method.valid_from, "on")


def _adopted(pack: Pack | None, adoptions: tuple[Adoption, ...], on: date | None) -> Adoption | None:
    """The newest adoption for a regime that had begun on a day."""
    if pack is None or on is None:
        return None
    begun = [a for a in adoptions if a.regime in (pack.id, *pack.aliases) and a.since <= on]
    return max(begun, key=lambda adoption: adoption.since, default=None)


def _method(
    pack: Pack | None, stated: str | None, adoption: Adoption | None, when: date | None
) -> tuple[Method, tuple[str, ...]]:
    if pack is None:
        return methods.load(stated or SHARE), ()
    if not pack.history(PER) and not pack.history(METHOD_KEY):
        raise NotBuilt(f"a penalty under {pack.id}")
    usual = adoption.method if adoption else _of_pack(pack, when or date.max)
    method = methods.load(stated or usual)
    if method.id == usual:
        return method, ()
    return method, (f"Method {method.id} is not adopted for {pack.id}; {usual} is.",)


def _each(pack: Pack) -> bool:
    """Whether the maximum of a law is, or was, one for each violation."""
    words = (pack.readings[PER].adopted if v.value == AS_READ else v.value for v in pack.history(PER))
    return any(word != DECISION for word in words)


def _of_pack(pack: Pack, on: date) -> str:
    history = pack.history(METHOD_KEY)
    if not history:
        return SHARE
    return str(pack.value(METHOD_KEY, max(on, history[0].valid_from)).value)


def _needed_currency(top: Facts) -> str:
    currency = read_currency(top, "currency")
    if currency is None:
        raise FactError(
            "currency", "the currency of the penalty is missing", "State currency, for example EUR."
        )
    return currency


def _needed_text(facts: Facts, key: str, among: tuple[str, ...] = ()) -> str:
    value = facts.text(key, among)
    if value is None:
        raise FactError(facts.at(key), "the value is missing", f"State {facts.at(key)}.")
    return value


def _maximum(top: Facts, regime: str | None, method: Method) -> Maximum | None:
    if regime is not None:
        if top.has("maximum"):
            raise FactError(
                "maximum", "the regime states the maximum", "Leave out maximum, or leave out regime."
            )
        return None
    if not top.has("maximum") and not method.needs_maximum:
        return None
    stated = top.child("maximum", ("amount", "fixed", "percent", "take"))
    if stated.has("amount"):
        if stated.has("fixed") or stated.has("percent") or stated.has("take"):
            raise FactError("maximum", "an amount and a formula are both stated", "Keep one of the two.")
        return Maximum(stated.needed("amount"), None, True)
    if "percent" in method.maximum and not stated.has("fixed"):
        if stated.has("take"):
            raise FactError(
                "maximum.take", "there is nothing to choose from", "State fixed, or leave it out."
            )
        return Maximum(None, stated.needed("percent", high=HUNDRED), higher=True)
    fixed, percent = stated.needed("fixed"), stated.needed("percent", high=HUNDRED)
    return Maximum(fixed, percent, _needed_text(stated, "take", ("higher", "lower")) == "higher")


def _turnover(item: Facts, currency: str) -> Turnover:
    own = read_currency(item, "currency") or currency
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
    start, end = item.day("conduct_from"), item.day("conduct_to")
    if start and end and start > end:
        raise FactError(item.at("conduct_from"), "the conduct ends before it starts", "Swap the two dates.")
    if status in ("final", "reduced") and final_on is None:
        raise FactError(
            item.at("final_on"), f"a prior that is {status} has the day it became so", "State final_on."
        )
    return Prior(
        path=item.path,
        id=_needed_text(item, "id"),
        regime=_needed_text(item, "regime"),
        status=status,
        final_on=final_on,
        conduct_from=start,
        conduct_to=end,
        decision=item.text("decision"),
        penalised_entity=item.text("penalised_entity"),
        reason=item.text("reason"),
        link=item.text("link", LINKS),
        uplift=item.number("uplift_percent", high=HUNDRED * 10),
    )


def _priors(top: Facts) -> tuple[Prior, ...]:
    found = tuple(_prior(item) for item in top.children("priors", PRIOR_KEYS))
    seen: set[str] = set()
    for prior in found:
        if prior.id in seen:
            raise FactError(f"{prior.path}.id", f"{prior.id!r} is there twice", "Keep one of the two.")
        seen.add(prior.id)
    return found


def _violations(inputs: Facts, when: date, *, needed: bool) -> tuple[Violation, ...]:
    """The violations; where the method takes none, they only say when the conduct was."""
    items = inputs.children(VIOLATIONS, VIOLATION_KEYS)
    found = tuple(_violation(item, place, when, needed=needed) for place, item in enumerate(items))
    if not found and needed:
        raise FactError("inputs.violations", "no violation is stated", "State at least one.")
    return found


def _violation(item: Facts, place: int, when: date, *, needed: bool) -> Violation:
    start, end = _conduct(item)
    items = item.number("items", low=Decimal(1), high=Decimal(10_000))
    if items is not None and items != int(items):
        raise FactError(item.at("items"), "a whole number is expected here")
    return Violation(
        path=item.path,
        place=place,
        provision=_needed_text(item, "provision") if needed else item.text("provision") or "",
        penalty_provision=item.text("penalty_provision"),
        severity=item.number("severity_percent", high=HUNDRED),
        level=item.text("severity"),
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
        if not item.has("start"):
            raise FactError(item.at("start"), "the value is missing", "State start and end.")
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
    currency = read_currency(item, "currency")
    return Presented(
        currency=currency or _needed_text(item, "currency"),
        rate=item.needed("rate", low=SMALLEST_RATE),
        quote=PRESENT_QUOTES[_needed_text(item, "rate_quote", tuple(PRESENT_QUOTES))],
        round_to=item.number("round_to", low=Decimal("0.001")),
    )

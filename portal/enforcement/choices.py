"""What a person chooses on a worksheet, and the facts of the calculation that follow from it. Pure.

A gravity comes from the office's scale and a factor from its list, each with a reason. The facts have the
published form that ``assay law penalty`` reads, so that anybody can recompute them offline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from portal.enforcement.tables import AllegedViolation, PriorViolation, RevenueEvidence
from portal.law import statute
from portal.law.facts import LawError
from portal.law.method_inputs import asks_uplift, takes_gravity
from portal.law.methods import Method
from portal.law.money import Money, plain
from portal.law.statute import Pack, Value
from secure_access.workflow import Denied

PROVISIONAL = "not audited, provisional"
REVENUE_PER_PENALTY = "revenue currency per penalty currency"
FREE = {"other_aggravating": 1, "other_mitigating": -1}
"""Factors without a percentage of the office's own; a person states one, with this sign."""


class Rate(Protocol):
    """A rate of exchange: ``rate`` units of the revenue's currency for one of the penalty's."""

    @property
    def rate(self) -> Decimal: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True)
class Counted:
    """Revenue that counts: its name in the facts, and its rate on the law's basis where it needs one."""

    entity: str
    row: RevenueEvidence
    rate: Rate | None = None
    basis: str = ""


@dataclass(frozen=True)
class Factor:
    """A reason to go up or down. ``percent`` only where the office's list leaves it open."""

    code: str
    reason: str
    percent: Decimal | None = None


@dataclass(frozen=True)
class Choices:
    """What a method asks: a level of the office's scale with its reason, and factors; or inputs of its own.

    ``inputs`` are in the published form of the facts, with one reason for all of them. ``uplifts`` are
    percentages for earlier penalties, by their decision, where a method takes one for each.
    """

    gravity: str
    gravity_reason: str
    fault: str = ""
    factors: tuple[Factor, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    inputs_reason: str = ""
    uplifts: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As a worksheet keeps it."""
        own = {"inputs": self.inputs, "inputs_reason": self.inputs_reason, "uplifts": self.uplifts}
        return {
            **{name: value for name, value in own.items() if value},
            "gravity": self.gravity,
            "gravity_reason": self.gravity_reason,
            "fault": self.fault,
            "factors": [
                {
                    "code": f.code,
                    "reason": f.reason,
                    "percent": None if f.percent is None else plain(f.percent),
                }
                for f in self.factors
            ],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Choices:
        """As a worksheet kept it."""
        factors = (
            Factor(f["code"], f["reason"], None if f["percent"] is None else Decimal(f["percent"]))
            for f in kept["factors"]
        )
        return cls(
            kept["gravity"],
            kept["gravity_reason"],
            kept["fault"],
            tuple(factors),
            **{name: kept[name] for name in ("inputs", "inputs_reason", "uplifts") if name in kept},
        )


def office(on: date) -> tuple[Pack, date]:
    """The office's pack, and the day to ask it about: its own first day for older conduct."""
    pack = statute.load(statute.OFFICE)
    return pack, max(on, pack.starts)


def gravities(on: date) -> list[tuple[str, str, Value]]:
    """The office's scale on a day: level, label, and the percentage of the legal maximum."""
    pack, day = office(on)
    return [(row["level"], row["label"], pack.value(row["value"], day)) for row in pack.gravity]


def factor_rows(on: date) -> list[tuple[str, str, str]]:
    """The office's factors on a day: code, label, and what each does, in words."""
    pack, day = office(on)
    found = []
    for row in pack.factors:
        if "value" in row:
            words = f"{signed(pack.value(row['value'], day).number)} % of the starting amount"
        elif row.get("by_days"):
            words = "By the days of the conduct"
        elif row["code"] in FREE:
            low, high = bounds(on)
            words = f"You state it, up to {signed(high if FREE[row['code']] > 0 else low)} %"
        else:
            words = "No effect on the amount"
        found.append((row["code"], row["label"], f"{words}. {row['citation']}"))
    return found


def bounds(on: date) -> tuple[Decimal, Decimal]:
    """The lowest and the highest percentage that the office's list gives to a factor."""
    pack, day = office(on)
    numbers = [pack.value(row["value"], day).number for row in pack.factors if "value" in row]
    return min(numbers), max(numbers)


def signed(number: Decimal) -> str:
    """A percentage with its sign as people write it: ``+ 20``, ``− 10``."""
    return f"{'+' if number >= 0 else '−'} {plain(abs(number))}"


def check(chosen: Choices, violation: AllegedViolation, method: Method) -> None:
    """Hold choices against what the method asks, and the office's scale and list. Raises `Denied`."""
    day = violation.occurred_to
    if takes_gravity(method):
        _check_gravity(chosen, day)
    else:
        _check_inputs(chosen, method)
    faults = faults_of(violation.regime, day)
    if chosen.fault and chosen.fault not in faults:
        raise Denied(f"Choose one of: {', '.join(faults)}." if faults else "This law does not ask for fault.")
    codes = [factor.code for factor in chosen.factors]
    if len(set(codes)) != len(codes):
        raise Denied("A factor is listed twice. Put both reasons into one.")
    for factor in chosen.factors:
        _check_factor(factor, day)


def _check_gravity(chosen: Choices, on: date) -> None:
    if chosen.gravity not in {level for level, _, _ in gravities(on)}:
        raise Denied("Choose the gravity from the office's scale.")
    if not chosen.gravity_reason.strip():
        raise Denied("Say why the violation has this gravity.")
    if chosen.inputs or chosen.uplifts:
        raise Denied("The method takes gravity and factors, and no other figures.", "Choose the gravity.")


def _check_inputs(chosen: Choices, method: Method) -> None:
    if chosen.gravity or chosen.factors:
        raise Denied(f"{method.name} takes no gravity and no factors.", "Change the worksheet: it asks anew.")
    if not chosen.inputs:
        raise Denied(f"State what {method.name} asks.")
    if not chosen.inputs_reason.strip():
        raise Denied("Say what these figures rest on.")
    if chosen.uplifts and not asks_uplift(method):
        raise Denied(f"{method.name} takes no percentage for an earlier penalty.", "Leave it out.")


def _check_factor(factor: Factor, on: date) -> None:
    pack, _ = office(on)
    row = next((row for row in pack.factors if row["code"] == factor.code), None)
    if row is None:
        raise Denied(f"The office's list has no factor “{factor.code[:40]}”. Choose one from the list.")
    label = row["label"]
    if not factor.reason.strip():
        raise Denied(f"Say why “{label}” applies here.")
    if factor.code not in FREE:
        if factor.percent is not None:
            raise Denied(f"{row['citation']} fixes “{label}”. Leave its percentage empty.")
        return
    low, high = bounds(on)
    limit = high if FREE[factor.code] > 0 else -low
    if factor.percent is None or not 0 < factor.percent * FREE[factor.code] <= limit:
        sign = "+" if FREE[factor.code] > 0 else "−"
        raise Denied(f"State a percentage for “{label}” between {sign} 0 and {sign} {plain(limit)}.")


def faults_of(regime: str, on: date) -> tuple[str, ...]:
    """The degrees of fault that a law asks for, none where it asks for none."""
    pack = statute.load(regime)
    if not pack.history("penalty.fault") or on < pack.history("penalty.fault")[0].valid_from:
        return ()
    value = pack.value("penalty.fault", on).value
    return value if isinstance(value, tuple) else ()


def needs_turnover(regime: str) -> bool:
    """Whether the maximum of a law depends on turnover."""
    return bool(statute.load(regime).history("penalty.percent"))


def currency_of(regime: str) -> str:
    """The currency in which a law states its maximum."""
    pack = statute.load(regime)
    return (pack.history("penalty.fixed") or pack.history("penalty.cap"))[0].unit


def facts(
    violation: AllegedViolation,
    chosen: Choices,
    *,
    revenue: Sequence[Counted],
    priors: Iterable[PriorViolation],
    method: str,
    decided: date,
) -> dict[str, Any]:
    """The facts of the calculation, in the published form. Raises `LawError` for an unknown regime.

    ``method`` is the adopted one, empty where there is none: then the law's own pack names it.
    """
    currency = currency_of(violation.regime)
    levels = {level: value for level, _, value in gravities(violation.occurred_to)}
    alleged: dict[str, Any] = {
        "provision": violation.provision,
        "penalty_provision": violation.penalty_provision,
        **({"severity_percent": plain(levels[chosen.gravity].number)} if chosen.gravity else {}),
        "occurred_on": {
            "start": violation.occurred_from.isoformat(),
            "end": violation.occurred_to.isoformat(),
        },
    }
    if chosen.fault:
        alleged["fault"] = chosen.fault
    if violation.items > 1:
        alleged["items"] = violation.items
    return {
        "regime": violation.regime,
        **({"method": method} if method else {}),
        "on": violation.occurred_to.isoformat(),
        "decided_on": decided.isoformat(),
        "assessed_on": decided.isoformat(),
        "currency": currency,
        "revenue": [_revenue(one, currency) for one in revenue],
        "priors": [_prior(number, prior, chosen) for number, prior in enumerate(priors, 1)],
        "inputs": {
            "violations": [alleged],
            **({"factors": [_factor(factor) for factor in chosen.factors]} if chosen.gravity else {}),
            **chosen.inputs,
        },
    }


def _revenue(one: Counted, currency: str) -> dict[str, Any]:
    row = one.row
    stated = {
        "entity": one.entity,
        "amount": plain(Money.from_minor(row.amount_minor, row.currency).amount),
        "currency": row.currency,
        "period_start": row.period_start.isoformat(),
        "period_end": row.period_end.isoformat(),
        "source": f"{row.source} ({PROVISIONAL})" if row.provisional else row.source,
        "consolidated": row.consolidated,
        "restated": row.restated,
    }
    if row.currency != currency:
        if one.rate is None:
            raise LawError(
                f"No rate turns {row.currency} into {currency}.", "", "State revenue in another currency."
            )
        stated |= {
            "rate": str(one.rate.rate),
            "rate_quote": REVENUE_PER_PENALTY,
            "rate_basis": one.basis,
            "rate_source": one.rate.source,
        }
    return stated


def prior_facts(number: int, prior: PriorViolation) -> dict[str, Any]:
    """An earlier penalty in the published form; ``number`` makes its id, ``P1``."""
    stated: dict[str, Any] = {
        "id": f"P{number}",
        "regime": prior.regime,
        "decision": prior.decision,
        "penalised_entity": prior.penalised_entity,
        "link": prior.link,
        "conduct_from": prior.conduct_from.isoformat(),
        "conduct_to": prior.conduct_to.isoformat(),
        "status": prior.status,
    }
    if prior.reason:
        stated["reason"] = prior.reason
    if prior.final_on:
        stated["final_on"] = prior.final_on.isoformat()
    return stated


def _prior(number: int, prior: PriorViolation, chosen: Choices) -> dict[str, Any]:
    uplift = chosen.uplifts.get(prior.decision)
    return prior_facts(number, prior) | ({"uplift_percent": uplift} if uplift else {})


def _factor(factor: Factor) -> dict[str, Any]:
    stated = {"code": factor.code, "reason": factor.reason}
    return stated if factor.percent is None else {**stated, "percent": plain(factor.percent)}

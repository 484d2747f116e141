"""Repeat offending: which earlier penalties count, by which rule, and why the others do not.

Priors follow the economic entity: the respondent itself, a predecessor that merged into it, or its parent.
They count when they are final, lie inside the look-back window and are of the named kinds; all of it is data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from portal.law import statute
from portal.law.facts import LawError
from portal.law.methods import Step
from portal.law.packs import PackError
from portal.law.penalty_facts import LINKS, PenaltyFacts, Prior, Violation
from portal.law.penalty_lines import Sheet
from portal.law.statute import Pack

AFTER_FINAL = "after a final penalty"
AFTER_ANY = "after any earlier violation"
COUNTED = ("final", "reduced")
_WHY_NOT = {
    "final": "its kind is not counted here",
    "reduced": "it was reduced",
    "pending": "it is pending",
    "under_appeal": "it is under appeal",
    "set_aside": "it was set aside",
    "settled_no_admission": "it was settled without admission",
}
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class PriorRule:
    """Which priors count. `regimes` empty: any; `months`: the window; `any_earlier`: those not final too."""

    regimes: tuple[str, ...] = ()
    statuses: tuple[str, ...] = COUNTED
    links: tuple[str, ...] = LINKS
    months: int | None = None
    cycle_years: int | None = None
    cycles: int = 1
    any_earlier: bool = False


def rule_of_pack(pack: Pack, on: date, reading: str = AFTER_FINAL) -> PriorRule:
    """The rule of a regime on a day; without values of its own it counts final penalties under itself."""
    months = None
    if pack.history("penalty.look_back"):
        value = pack.value("penalty.look_back", on)
        if value.unit == "months":
            months = int(value.number)
        elif value.value != "none":
            raise PackError(f"{pack.path}: penalty.look_back is neither months nor none.")
    return PriorRule(
        regimes=_listed(pack, "penalty.prior_regimes", on, (pack.id,)),
        statuses=_listed(pack, "penalty.prior_statuses", on, COUNTED),
        links=_listed(pack, "penalty.prior_links", on, LINKS),
        months=months,
        any_earlier=reading == AFTER_ANY,
    )


def _listed(pack: Pack, key: str, on: date, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    if not pack.history(key):
        return otherwise
    value = pack.value(key, on).value
    if not isinstance(value, tuple):
        raise PackError(f"{pack.path}: {key} is not a list.")
    return value


def rule_of_step(step: Step) -> PriorRule:
    """The rule of a method's step."""
    return PriorRule(
        regimes=step.texts("regimes"),
        statuses=step.texts("statuses") or COUNTED,
        links=step.texts("links") or LINKS,
        months=step.raw.get("months"),
        cycle_years=step.raw.get("cycle_years"),
        cycles=step.raw.get("cycles", 1),
    )


def counted(
    sheet: Sheet, case: PenaltyFacts, conduct: date | None, rule: PriorRule, *, against: str = ""
) -> list[Prior]:
    """The priors that count against conduct from a day on; the others are warned of, each with its reason."""
    found = []
    target = f" against {against}" if against else ""
    elsewhere = _elsewhere(case, rule)
    for prior in case.priors:
        why_not = elsewhere.get(prior.regime) or _why_not(prior, conduct, rule)
        if why_not:
            sheet.warn(f"Prior {prior.id} is not counted{target}: {why_not}.")
            continue
        for key in ("decision", "penalised_entity", "reason", "link"):
            if getattr(prior, key) is None:
                sheet.warn(f"{prior.path}.{key} is not stated; a prior that is relied on needs it.")
        found.append(prior)
    if found and conduct is None:
        sheet.warn("The day of the conduct is not stated, so no prior was held against it or a window.")
    return found


def _elsewhere(case: PenaltyFacts, rule: PriorRule) -> dict[str, str]:
    """The regimes of the priors that do not count here, with the reason."""
    if not rule.regimes:
        return {}
    here = {_name(regime) for regime in rule.regimes}
    found = {prior.regime for prior in case.priors}
    return {regime: f"it was under {_short(regime)}" for regime in found if _name(regime) not in here}


def _why_not(prior: Prior, conduct: date | None, rule: PriorRule) -> str:
    if prior.link is not None and prior.link not in rule.links:
        return f"it hit a {prior.link}, which does not count here"
    if rule.any_earlier:
        return _any_earlier(prior, conduct)
    if prior.status not in rule.statuses:
        return _WHY_NOT[prior.status]
    if prior.final_on is None:
        return "the day it became final is not stated"
    return _outside(prior.final_on, conduct, rule) if conduct else ""


def _outside(final: date, conduct: date, rule: PriorRule) -> str:
    """Why a final penalty lies outside the time that counts."""
    if final >= conduct:
        return "it became final after the conduct"
    if rule.months is not None and final < months_before(conduct, rule.months):
        return f"it became final more than {rule.months} months before the conduct"
    if rule.cycle_years and _cycle(conduct, rule) - _cycle(final, rule) >= rule.cycles:
        return f"it is older than the last {rule.cycles} cycles of {rule.cycle_years} years"
    return ""


def _any_earlier(prior: Prior, conduct: date | None) -> str:
    if prior.status == "set_aside":
        return _WHY_NOT["set_aside"]
    day = prior.conduct_from or prior.conduct_to or prior.final_on
    if day is None:
        return "the day of its conduct is not stated"
    return "" if conduct is None or day < conduct else "its conduct was not earlier"


def _name(regime: str) -> str:
    """The id of a regime; one that has no pack here keeps the name it was given."""
    try:
        return statute.load(regime).id
    except LawError:
        return regime.casefold()


def _short(regime: str) -> str:
    """What a regime is called in a sentence; one that has no pack here keeps the name it was given."""
    try:
        return statute.load(regime).short
    except LawError:
        return regime


def _cycle(day: date, rule: PriorRule) -> int:
    """The number of the cycle that a day is in; cycles of two years start in odd years."""
    return (day.year - 1) // (rule.cycle_years or 1)


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, the last of the month where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if year < 1:
        return date.min
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 28 if month == 1 and not leap else _LENGTHS[month]
    return date(year, month + 1, min(day.day, last))


def earlier_in_case(case: PenaltyFacts, violation: Violation, reading: str) -> bool:
    """Whether this case itself holds an earlier violation that counts under the reading."""
    if reading != AFTER_ANY:
        return False
    return any(other.start < violation.start for other in case.violations)

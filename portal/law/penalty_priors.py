"""Repeat offending: which earlier penalties count against a violation, and why the others do not."""

from __future__ import annotations

from portal.law import statute
from portal.law.penalty_facts import PenaltyFacts, Prior, Violation
from portal.law.penalty_lines import Sheet

AFTER_FINAL = "after a final penalty"
AFTER_ANY = "after any earlier violation"
_COUNTED = ("final", "reduced")
_WHY_NOT = {
    "pending": "it is pending",
    "under_appeal": "it is under appeal",
    "set_aside": "it was set aside",
    "settled_no_admission": "it was settled without admission",
}


def counted(sheet: Sheet, case: PenaltyFacts, violation: Violation, regime: str, reading: str) -> list[Prior]:
    """The priors that count against a violation under a reading; the others are warned of."""
    found = []
    for prior in case.priors:
        why_not = _why_not(prior, violation, regime, reading)
        if why_not:
            sheet.warn(f"Prior {prior.id} is not counted against {violation.provision}: {why_not}.")
            continue
        for key in ("decision", "penalised_entity", "reason", "link"):
            if getattr(prior, key) is None:
                sheet.warn(f"{prior.path}.{key} is not stated; a prior that is relied on needs it.")
        found.append(prior)
    return found


def _why_not(prior: Prior, violation: Violation, regime: str, reading: str) -> str:
    if statute.load(prior.regime).id != regime:
        return f"it was under {prior.regime}"
    if reading == AFTER_ANY:
        if prior.status == "set_aside":
            return _WHY_NOT["set_aside"]
        conduct = prior.conduct_from or prior.conduct_to or prior.final_on
        if conduct is None:
            return "the day of its conduct is not stated"
        return "" if conduct < violation.start else "its conduct was not earlier"
    if prior.status not in _COUNTED or prior.final_on is None:
        return _WHY_NOT[prior.status]
    return "" if prior.final_on < violation.start else "it became final after the conduct"


def earlier_in_case(case: PenaltyFacts, violation: Violation, reading: str) -> bool:
    """Whether this case itself holds an earlier violation that counts under the reading."""
    return reading == AFTER_ANY and any(other.start < violation.start for other in case.violations)

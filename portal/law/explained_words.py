"""What values, keys and events are called where a person reads a pack."""

from __future__ import annotations

import re
from decimal import Decimal

from portal.law.money import EXPONENTS, grouped, plain
from portal.law.packs import SPANS
from portal.law.statute import Value

PENALTY = "penalty."
_LABELS = {
    "penalty.addressee": "Who can be penalised",
    "penalty.fixed": "Maximum, fixed amount",
    "penalty.percent": "Maximum, share of turnover",
    "penalty.cap": "Maximum",
    "penalty.cap_later": "Maximum of a later violation",
    "penalty.look_back": "How far back earlier violations count",
    "penalty.per_day": "Amount a day",
    "penalty.maximum_per": "What the maximum is for",
    "penalty.fault": "Fault that the text asks for",
    "penalty.year": "Financial year of the turnover ended",
    "penalty.rate_basis": "Exchange rate of turnover",
    "penalty.method": "Method of reaching an amount",
    "closed_days": "Days on which the office is closed",
    "comparison.older_than": "Age from which a comparison flags a report",
    "compute.modifier": "Share of the original's compute that makes a modifier a provider",
    "findings.send_within": "Preliminary findings are sent within",
    "weekend": "Days of the weekend, Monday is 1",
}
_EVENTS = {
    "access_reviewed": "the last review",
    "audit_done": "the last audit",
    "aware": "becoming aware that the model was involved",
    "became_covered": "being covered",
    "became_large": "becoming a large developer",
    "certified": "the last certification",
    "commission_notified": "notifying the Commission",
    "designated": "the designation",
    "determined": "determining that the incident occurred",
    "disclosure_filed": "filing the last disclosure statement",
    "discovered": "discovering the incident",
    "enacted": "enactment",
    "evaluation_done": "the last evaluation",
    "evaluator_appointed": "appointment of the evaluator",
    "findings_served": "service of the findings",
    "framework_changed": "the change of the framework",
    "framework_confirmed": "confirming the framework",
    "framework_doubted": "grounds for it",
    "framework_published": "publishing the framework",
    "incident_report_open": "the last report, while the incident is open",
    "internal_report_received": "receiving the internal report",
    "internal_use_summary": "the last summary",
    "justification_undermined": "the justification being undermined",
    "law_started": "the start of the law",
    "market_planned": "placing on the market, as planned",
    "model_deployed": "deploying the model",
    "model_placed": "placing on the market",
    "model_released": "release of the model",
    "model_report_filed": "the last model report",
    "model_report_updated": "updating the model report",
    "ownership_changed": "a transfer or a material change",
    "placed_with_interim_report": "placing on the market with an interim report",
    "reasonable_belief": "facts enough for a reasonable belief",
    "request_served": "service of the request",
    "resolved": "resolution of the incident",
    "review_started": "acceptance for review",
    "risk_report_filed": "the last risk report",
    "risk_tier_reached": "reaching the risk tier",
    "snapshot_available": "a snapshot being available",
    "started_in_state": "starting in the state",
    "stronger_model_planned": "a stronger model is planned",
    "threshold_known": "meeting the threshold, or knowing that it will be met",
}


def said(value: Value) -> str:
    """A value with its unit in words: `15 days`, `USD 1,000,000.00`, `10^25 FLOP`, `3 %`."""
    if isinstance(value.value, tuple):
        return ", ".join(value.value)
    if value.unit == "FLOP":
        return f"{_power(value.number)} FLOP"
    if value.unit in EXPONENTS:
        return grouped(value.number, value.unit)
    if value.unit in SPANS:
        number = int(value.number)
        return f"{number} {value.unit.removesuffix('s') if number == 1 else value.unit}"
    if value.unit == "percent":
        return f"{plain(value.number)} %"
    return str(value.value).replace("_", " ")


def label(key: str) -> str:
    """A key in words, for values that no rule or duty names."""
    plainly = key.removeprefix(PENALTY).replace("_", " ").replace(".", ", ")
    words = _LABELS.get(key) or re.sub(r"from day, (\d+)$", r"from day \1 on", plainly)
    return words[:1].upper() + words[1:]


def place(key: str) -> int:
    """Where a value stands among those that have a name of their own; the others come last."""
    return list(_LABELS).index(key) if key in _LABELS else len(_LABELS)


def lower(words: str) -> str:
    """The words with a small first letter and the rest as it is."""
    return words[:1].lower() + words[1:]


def event(code: str) -> str:
    """What happened, in words that follow "from" or "before"."""
    return _EVENTS.get(code, code.replace("_", " "))


def in_order(key: str) -> list[tuple[int, str]]:
    """A key for sorting in which day 8 stands before day 15."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in key.split(".")]


def _power(number: Decimal) -> str:
    digits = number.normalize()
    whole = plain(digits.scaleb(-digits.adjusted()))
    power = f"10^{digits.adjusted()}"
    return power if whole == "1" else f"{whole} × {power}"

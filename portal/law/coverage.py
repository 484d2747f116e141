"""Coverage: which regimes would cover a model and its developer, and why, rule by rule.

Each regime is a boolean rule over evidenced inputs, written in its pack. Unknown is never false: what is not
stated gives `unknown` and a name in `missing`; estimates on both sides of a threshold give `maybe`. A
proposal covers nobody, a presumption can be rebutted, and the wording says so. Where a text can be read in
several ways the outcome under each reading is given beside the adopted one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from portal.law import compute, places, revenue, statute
from portal.law.compute import Compute, scientific
from portal.law.coverage_result import Coverage, Reason, RegimeCoverage, UnderReading
from portal.law.facts import FactError, Facts
from portal.law.money import EXPONENTS, Money, grouped
from portal.law.packs import PackError
from portal.law.statute import Option, Pack, Reading, Value

ORGANISATION_KEYS = ("gross_revenue", "ai_revenue", "ai_rd", "kind", "operates_in")
PLACED_KEYS = ("territory", "date", "channel")
NEXUS = ("placed_on_market", "operates_in")
"""What decides whether somebody is in the territory: where a model is sold, or where its maker operates."""
REBUTTAL_KEYS = ("regime", "status", "date")
REBUTTALS = ("pending", "accepted", "rejected")
# The order in which several answers combine: the first that occurs decides.
_ALL = ("no", "unknown", "maybe", "yes")
_ANY = ("yes", "maybe", "unknown", "no")


@dataclass(frozen=True, slots=True)
class _Case:
    """The facts of one file, read."""

    on: date
    model: Facts
    organisation: Facts
    flop: Compute
    designated: frozenset[str] | None
    rebuttals: Mapping[str, str]
    territories: Mapping[str, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class _Finding:
    reason: Reason
    missing: tuple[str, ...] = ()
    flag: str = ""


def assess(facts: Mapping[str, Any]) -> Coverage:
    """Say which regimes cover the facts, and why.

    Args:
        facts: one object in the published form.

    Raises:
        FactError: for an unknown key or a value that cannot be read, naming its path.
    """
    top = Facts(facts, "", ("on", "regimes", "model", "organisation"))
    on = top.day("on")
    if on is None:
        raise FactError("on", "the date whose law applies is missing", "State on, for example 2027-10-01.")
    packs = _packs(top, "regimes") if top.has("regimes") else list(statute.regimes())
    if any(pack.id == statute.OFFICE for pack in packs):
        raise FactError("regimes", "office practice is not a regime", "Leave it out.")
    model = top.child("model", compute.MODEL_KEYS)
    case = _read(on, model, top.child("organisation", ORGANISATION_KEYS))
    return Coverage(on, case.flop, {pack.id: _regime(pack, case) for pack in packs})


def _packs(facts: Facts, key: str) -> list[Pack]:
    """The packs that a list of facts names."""
    return [statute.named(name, f"{facts.at(key)}[{n}]") for n, name in enumerate(facts.texts(key))]


def _read(on: date, model: Facts, organisation: Facts) -> _Case:
    placed = None
    if model.has("placed_on_market"):
        found = set()
        for item in model.children("placed_on_market", PLACED_KEYS):
            item.day("date")
            item.text("channel")
            found.add(item.text("territory") or "worldwide")
        placed = frozenset(found)
    operates = frozenset(organisation.texts("operates_in")) if organisation.has("operates_in") else None
    designated = None
    if model.has("designated"):
        designated = frozenset(pack.id for pack in _packs(model, "designated"))
    organisation.text("kind")
    return _Case(
        on=on,
        model=model,
        organisation=organisation,
        flop=compute.read(model),
        designated=designated,
        rebuttals=_rebuttals(model, on),
        territories={"placed_on_market": placed, "operates_in": operates},
    )


def _rebuttals(model: Facts, on: date) -> dict[str, str]:
    """How the latest rebuttal under each regime stands on a day; an undated one counts as made before it."""
    found: dict[str, tuple[date, str]] = {}
    for item in model.children("rebuttals", REBUTTAL_KEYS):
        regime, status = item.text("regime"), item.text("status", among=REBUTTALS)
        if regime is None or status is None:
            missing = item.at("status" if regime else "regime")
            raise FactError(missing, "the value is missing", f"State {missing}.")
        day = item.day("date") or date.min
        name = statute.named(regime, item.at("regime")).id
        if day <= on and day >= found.get(name, (day, ""))[0]:
            found[name] = (day, status)
    return {name: status for name, (_, status) in found.items()}


def _regime(pack: Pack, case: _Case) -> RegimeCoverage:
    if not pack.in_force(case.on):
        wording = (
            f"{pack.labels['not_in_force']} on {case.on.isoformat()}; starts on {pack.starts.isoformat()}"
        )
        return _answer(pack, _Outcome("not_in_force", wording, None), [], ())
    findings = {rule["name"]: _rule(pack, rule, case) for rule in pack.coverage["rule"]}
    extra = [finding for finding in (_exempt(pack, case), _nexus(pack, case)) if finding]
    barred = any(finding.reason.outcome == "no" for finding in extra)
    adopted = _adopted_rule(pack)
    used = names_of(adopted) | names_of(pack.coverage.get("large", []))
    counted = [finding for name, finding in findings.items() if name in used]
    outcome = _outcome(pack, case, adopted, findings, barred=barred)
    readings = tuple(
        _under(pack, reading, option, case, findings, barred)
        for reading in pack.readings.values()
        if any(option.rule for option in reading.options)
        for option in reading.options
    )
    return _answer(pack, outcome, [*counted, *extra], readings)


@dataclass(frozen=True, slots=True)
class _Outcome:
    covered: str
    wording: str
    large: str | None


def _adopted_rule(pack: Pack) -> object:
    """The rule of the adopted reading where one changes the rule, else the pack's own."""
    chosen = [reading.option(reading.adopted).rule for reading in pack.readings.values()]
    return next((rule for rule in chosen if rule), pack.coverage["covered"])


def names_of(rule: object) -> set[str]:
    """Every input that a rule names."""
    if isinstance(rule, str):
        return {rule}
    parts = rule.values() if isinstance(rule, Mapping) else rule if isinstance(rule, list) else ()
    return set().union(*(names_of(part) for part in parts))


def _outcome(
    pack: Pack, case: _Case, rule: object, findings: Mapping[str, _Finding], *, barred: bool
) -> _Outcome:
    """Covered, its wording and the second class under one rule; `barred` by an exemption or the territory."""
    outcomes = {name: finding.reason.outcome for name, finding in findings.items()}
    covered = combine(rule, outcomes)
    outcomes["covered"] = covered
    large = combine(pack.coverage["large"], outcomes) if "large" in pack.coverage else None
    if barred:
        return _Outcome("no", pack.labels["no"], None if large is None else "no")
    if covered == "yes" and outcomes.get("designation") == "yes":
        return _Outcome(covered, pack.labels["designated"], large)
    label = f"rebuttal_{case.rebuttals.get(pack.id, 'none')}"
    if covered in ("yes", "maybe") and label in pack.labels:
        covered = "no" if label == "rebuttal_accepted" else covered
        wording = (
            pack.labels[label] if covered != "maybe" else f"{pack.labels['maybe']}; {pack.labels[label]}"
        )
        return _Outcome(covered, wording, large)
    return _Outcome(covered, pack.labels[covered], large)


def _under(
    pack: Pack,
    reading: Reading,
    option: Option,
    case: _Case,
    findings: Mapping[str, _Finding],
    barred: bool,
) -> UnderReading:
    rule = option.rule or pack.coverage["covered"]
    outcome = _outcome(pack, case, rule, findings, barred=barred)
    shown = names_of(_adopted_rule(pack)) | names_of(pack.coverage.get("large", []))
    return UnderReading(
        key=reading.key,
        question=reading.question,
        citation=reading.citation,
        name=option.name,
        label=option.label,
        why=option.why,
        adopted=option.name == reading.adopted,
        by=reading.by,
        on=reading.on,
        why_adopted=reading.why,
        covered=outcome.covered,
        wording=outcome.wording,
        large=outcome.large,
        because=tuple(findings[name].reason for name in sorted(names_of(rule) - shown)),
    )


def _answer(
    pack: Pack, outcome: _Outcome, findings: list[_Finding], readings: tuple[UnderReading, ...]
) -> RegimeCoverage:
    missing = [name for finding in findings for name in finding.missing]
    return RegimeCoverage(
        regime=pack.id,
        name=pack.name,
        covered=outcome.covered,
        wording=outcome.wording,
        large=outcome.large,
        because=tuple(finding.reason for finding in findings),
        missing=tuple(dict.fromkeys(missing)),
        flags=tuple(finding.flag for finding in findings if finding.flag),
        status=pack.status,
        in_force_from=pack.starts,
        statute_digest=pack.digest,
        readings=readings,
    )


def combine(rule: object, outcomes: Mapping[str, str]) -> str:
    """Evaluate a rule of a pack: a name, or `{all = [...]}`, `{any = [...]}`, `{rule = name}`."""
    if isinstance(rule, str):
        return outcomes[rule]
    if isinstance(rule, Mapping) and len(rule) == 1:
        (word, parts) = next(iter(rule.items()))
        if word == "rule":
            return combine(parts, outcomes)
        if word in ("all", "any"):
            found = {combine(part, outcomes) for part in parts}
            return next(answer for answer in (_ALL if word == "all" else _ANY) if answer in found)
    raise PackError(f"{rule!r} is not a rule over inputs.")


def _rule(pack: Pack, rule: Mapping[str, Any], case: _Case) -> _Finding:
    value = pack.value(rule["threshold"], case.on)
    if rule["input"] == "designation":
        return _designation(pack, rule, value, case)
    if rule["input"] == "compute_with_original":
        return _compute(rule, value, case.flop.with_original())
    if rule["input"] == "compute":
        if "modifier" in rule and case.flop.modifier is not None:
            return _modifier(rule, value, pack.value(rule["modifier"], case.on), case.flop)
        return _compute(rule, value, case.flop)
    figure = revenue.judge(
        case.organisation,
        rule["input"],
        Money(value.number, value.unit),
        on=case.on,
        period=rule["period"],
        affiliates=rule.get("affiliates", False),
    )
    return _finding(rule, value, figure.outcome, figure.text, missing=figure.missing, working=figure.working)


def _finding(rule: Mapping[str, Any], value: Value, outcome: str, text: str, **rest: Any) -> _Finding:
    """A rule as applied; `rest` may hold missing, working and flag."""
    reason = Reason(
        rule=rule["name"],
        label=rule["label"],
        citation=value.citation,
        input=text,
        threshold=_threshold(value),
        outcome=outcome,
        verified=value.verified,
        working=tuple(rest.get("working", ())),
    )
    return _Finding(reason, tuple(rest.get("missing", ())), rest.get("flag", ""))


def _threshold(value: Value) -> str:
    if value.unit in EXPONENTS:
        return f"more than {grouped(value.number, value.unit)}"
    return f"more than {scientific(value.number)} FLOP" if value.unit == "FLOP" else str(value.value)


def _compute(rule: Mapping[str, Any], value: Value, flop: Compute) -> _Finding:
    threshold, lead = value.number, flop.leading
    planned = flop.planned if rule.get("planned") else None
    if planned is not None and planned > threshold:
        text = f"{scientific(planned)} FLOP intended"
        return _finding(
            rule, value, "yes", text, working=(f"intended: {text}; the text counts intended use",)
        )
    own = flop.modifier
    if own is not None:
        outcome = "yes" if own > threshold else "no"
        text = f"{scientific(own)} FLOP used by the modifier itself"
        return _finding(rule, value, outcome, text)
    if lead is None:
        return _finding(rule, value, "unknown", "training compute not stated", missing=flop.missing)
    text = f"{scientific(lead.low)} to {scientific(lead.high)} FLOP ({lead.method})"
    if lead.low == lead.high:
        text = f"{scientific(lead.low)} FLOP ({lead.method})"
    outcome, flag = lead.side(threshold), ""
    if outcome == "maybe":
        flag = f"The {lead.method} estimate lies on both sides of {scientific(threshold)} FLOP."
    sides = {estimate.middle_side(threshold) for estimate in flop.estimates} - {"maybe"}
    if len(sides) > 1:
        names = " and ".join(estimate.method for estimate in flop.estimates)
        outcome, flag = "maybe", f"Two estimates disagree ({names}) about {scientific(threshold)} FLOP."
    return _finding(rule, value, outcome, text, missing=flop.missing, flag=flag, working=flop.working)


def _modifier(rule: Mapping[str, Any], value: Value, share: Value, flop: Compute) -> _Finding:
    """A modifier becomes a provider above a share of an original over the line."""
    own, threshold = flop.modifier or Decimal(0), value.number
    original = flop.base if flop.base is not None else (flop.leading.value if flop.leading else None)
    text = f"{scientific(own)} FLOP of modification"
    if original is None:
        return _finding(rule, value, "unknown", text, missing=("model.base_model_flop",))
    part = Fraction(str(share.value))
    enough = own * part.denominator > original * part.numerator
    outcome = "yes" if enough and original > threshold else "no"
    working = (
        f"modification {scientific(own)} against {share.value} of {scientific(original)} FLOP"
        f" ({share.citation}{'' if share.verified else ', not verified'})",
    )
    return _finding(rule, value, outcome, text, working=working)


def _designation(pack: Pack, rule: Mapping[str, Any], value: Value, case: _Case) -> _Finding:
    """A designation is a published act, so none stated counts as none; it is named as missing."""
    if case.designated is None:
        return _finding(rule, value, "no", "not designated as far as stated", missing=("model.designated",))
    named = pack.id in case.designated
    return _finding(rule, value, "yes" if named else "no", "designated" if named else "not designated")


def _exempt(pack: Pack, case: _Case) -> _Finding | None:
    kind, exempt = case.organisation.text("kind"), pack.coverage.get("exempt_kinds", ())
    if kind is None or not exempt:
        return None
    named = places.folded_kind(kind)

    def reason(outcome: str) -> Reason:
        citation = pack.coverage["exempt_citation"]
        return Reason("exempt", "Exempt organisation", citation, kind, "not an exempt kind", outcome, True)

    if named in exempt:
        return _Finding(reason("no"))
    if named in places.kinds():
        return None
    path = case.organisation.at("kind")
    known = ", ".join(sorted(places.kinds()))
    return _Finding(reason("unknown"), (path,), f"{path}: {kind!r} is not known; use one of: {known}.")


def _nexus(pack: Pack, case: _Case) -> _Finding | None:
    """Operating or placing on the market there: not stated or not known, the answer stands and names it."""
    decisive = pack.coverage["decisive"]
    path = (case.model if decisive == NEXUS[0] else case.organisation).at(decisive)
    stated = case.territories[decisive]
    everywhere = frozenset().union(*(found for found in case.territories.values() if found))
    shown = ", ".join(sorted(everywhere)) or ("not stated" if stated is None else "nowhere")

    def reason(outcome: str) -> Reason:
        label, home = "Operates or places on the market there", pack.coverage["territories"][0]
        return Reason("territory", label, pack.citation, shown, home, outcome, True)

    if places.meet(everywhere, pack.coverage["territories"], parts=True):
        return _Finding(reason("yes"))
    if not_known := places.unknown(everywhere):
        names = ", ".join(repr(name) for name in not_known)
        flag = f"{path}: {names} is no known place; write its ISO code, for example DE or US-CA."
        return _Finding(reason("unknown"), (path,), flag)
    if stated is None or places.meet(everywhere, pack.coverage["wider"]):
        return _Finding(reason("unknown"), (path,))
    return _Finding(reason("no"))

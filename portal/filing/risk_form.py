"""The periodic risk report: its sections, from the chosen taxonomy, and its rows for comparison. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.filing.forms import (
    CONFIDENTIAL,
    CYBERSECURITY,
    PUBLIC_SAFETY,
    TRADE_SECRET,
    Kind,
    Need,
    Question,
    Section,
)
from portal.law import risk

DEFAULT_TAXONOMY = "fcf-2025"
NOT_TIERED = "not_tiered"
NARRATIVE = "narrative"
ONE, TWO = "one", "two"
SAFEGUARDS_ON, SAFEGUARDS_OFF = "safeguards on", "safeguards off"
ACCELERATION = "acceleration"
ACCELERATION_NAME = "AI speeding up its own development"

PROBABILITIES = (
    ("remote", "Remote (below 1 %)", ""),
    ("very_unlikely", "Very unlikely (1 to 5 %)", ""),
    ("unlikely", "Unlikely (5 to 20 %)", ""),
    ("possible", "Possible (20 to 50 %)", ""),
    ("likely", "Likely (above 50 %)", ""),
)
SEVERITIES = (
    ("limited", "Limited: few people, days to recover", ""),
    ("serious", "Serious: one sector, weeks to recover", ""),
    ("severe", "Severe: several sectors, or deaths", ""),
    ("catastrophic", "Catastrophic: more than 50 deaths, or over one billion dollars", ""),
)


@dataclass(frozen=True)
class RiskRow:
    """One answer of a risk report: a category, in one variant or in none.

    ``tier`` is ``None`` where there is none; ``answer`` then is ``not tiered`` or ``narrative``.
    """

    category: str
    name: str
    variant: str
    tier: int | None
    answer: str
    scenario: str = ""
    probability: str = ""
    severity: str = ""
    mitigations: str = ""
    residual: str = ""
    owner: str = ""


def sections(taxonomy: str) -> tuple[Section, ...]:
    """The pages of a risk report. Raises `portal.law.risk.UnknownTaxonomy`."""
    chosen = risk.taxonomy(taxonomy or DEFAULT_TAXONOMY)
    tiered = [category for category in chosen.categories if category.id != ACCELERATION]
    return (
        _SCOPE,
        _POSTURE,
        *(_category(chosen, category, place, len(tiered) + 1) for place, category in enumerate(tiered, 1)),
        _acceleration(len(tiered) + 1),
        _INITIATIVES,
    )


def category_names(taxonomy: str) -> dict[str, str]:
    """Every category that a report answers, by id, the one that is only narrative included."""
    found = {category.id: category.name for category in risk.categories(taxonomy or DEFAULT_TAXONOMY)}
    return {**found, ACCELERATION: ACCELERATION_NAME}


def taxonomy_options() -> tuple[tuple[str, str, str], ...]:
    """The taxonomies to choose from."""
    return tuple((found.id, found.name, found.status) for found in risk.taxonomies())


_SCOPE = Section(
    "scope",
    "Scope",
    (
        Question("taxonomy", "Risk taxonomy", "RR-01", Kind.CHOICE, column="taxonomy", audience="",
                 options=taxonomy_options(), missing="Choose the set of risk categories you report by.",
                 hint="Which categories and tiers. Answers to another set are kept.",
                 rule="Each report names its taxonomy"),
        Question("period_start", "First day reported on", "RR-02", Kind.DATE,
                 column="period_start", audience="", missing="Say when the period begins.",
                 rule="Periodic report", beside=True),
        Question("period_end", "Last day reported on", "RR-03", Kind.DATE, column="period_end", audience="",
                 missing="Say when the period ends.", rule="Periodic report", beside=True),
        Question("trigger", "Why now", "RR-04", Kind.CHOICE,
                 options=(
                     ("scheduled", "It is due on schedule", ""),
                     ("release", "A new or substantially changed model", ""),
                     ("undermined", "Why the risk was acceptable no longer holds", ""),
                     ("own_accord", "Of our own accord", ""),
                 ),
                 missing="Say why the report is made now.",
                 rule="Frontier Compliance Framework, section 4: trigger points"),
    ),
    lead="Who certifies is chosen in the last step.",
)  # fmt: skip

_POSTURE = Section(
    "posture",
    "Overall posture",
    (
        Question("posture.summary", "Overall risk posture", "RR-05", rows=6,
                 hint="How risk stands across all models and what has changed since the last report.",
                 missing="Sum up how risk stands.", rule="Anthropic proposal: overall risk posture"),
        Question("posture.changes", "What changed since the last report", "RR-06",
                 missing="Say what changed; “nothing” is an answer.",
                 rule="Anthropic proposal: periodic report"),
        Question("posture.internal_use", "Risk from internal use", "RR-07", audience=CONFIDENTIAL,
                 grounds=TRADE_SECRET,
                 missing="Say what risk internal use carries.", rule="B&P 22757.12(d); GBL 1422"),
    ),
)  # fmt: skip

_INITIATIVES = Section(
    "initiatives",
    "Safety initiatives",
    (
        Question("initiatives.progress", "Progress on safety initiatives", "RR-60", rows=6,
                 hint="What was promised, what was done, what is late and why.",
                 missing="Say what was done since the last report.",
                 rule="Anthropic proposal: progress on safety initiatives"),
        Question("initiatives.next", "What comes next", "RR-61", missing="Say what you will do, by when.",
                 rule="Anthropic proposal: progress on safety initiatives"),
    ),
)  # fmt: skip


def _acceleration(place: int) -> Section:
    name = ACCELERATION
    return Section(
        name,
        f"{ACCELERATION_NAME} ({place} of {place})",
        (
            Question(f"{name}.narrative", "How far models speed up your own research", "RR-50", rows=6,
                     hint="Which work they do by themselves, with what share of it, under whose eyes.",
                     missing="Say how far models speed up your own research.",
                     rule="Policy framework (June 2026): fourth risk, answered as narrative"),
            Question(f"{name}.limits", "What holds it back", "RR-51", audience=CONFIDENTIAL,
                     grounds=TRADE_SECRET,
                     hint="Gates, reviews, limits on compute, who can stop it.",
                     missing="Say what limits it.",
                     rule="Policy framework (June 2026): fourth risk, answered as narrative"),
        ),
        step="Risk categories",
        lead="No risk tiers are written for it. It is answered as narrative.",
    )  # fmt: skip


def _category(chosen: risk.Taxonomy, category: risk.Category, place: int, count: int) -> Section:
    key = category.id
    where = chosen.citation
    off = (f"{key}.variants", TWO)
    questions = (
        Question(f"{key}.scenario", "Worst credible scenario", "RR-11", audience=CONFIDENTIAL,
                 grounds=PUBLIC_SAFETY,
                 hint="Who does what to whom, with which help from the model. 50 to 300 words.",
                 missing="Describe the worst scenario that is credible.",
                 rule="Rule RR-11: each category has a scenario."),
        *_graded(key, "", category, where, None),
        Question(f"{key}.variants", "Answer safeguards on and off separately", "RR-18", Kind.CHOICE,
                 options=(
                     (ONE, "No, one answer for the model as deployed", ""),
                     (TWO, "Yes, a second answer with safeguards off", ""),
                 ),
                 need=Need.NONE, audience="",
                 hint="Evaluators often test without safeguards. Save the page to see the second questions."),
        *_graded(key, "off.", category, where, off),
        Question(f"{key}.mitigations", "Mitigations in place", "RR-13", audience=CONFIDENTIAL,
                 grounds=CYBERSECURITY, rows=3,
                 missing="Say what lowers the risk.",
                 rule="Rule RR-13: each category names its mitigations."),
        Question(f"{key}.residual", "Residual risk", "RR-14", rows=3,
                 hint="What can still happen with every mitigation working, and why you accept it.",
                 missing="Say what risk is left after mitigation. If you believe none is left, write why.",
                 rule="Rule RR-14: each category states the risk that is left."),
        Question(f"{key}.owner", "Risk owner who accepts it", "RR-21", Kind.LINE, audience=CONFIDENTIAL,
                 grounds="Name of a person",
                 missing="Name the person who accepts the risk.",
                 rule="Frontier Compliance Framework, section 2.5: documented by the risk owner"),
    )  # fmt: skip
    return Section(
        key,
        f"{category.name} ({place} of {count})",
        questions,
        step="Risk categories",
        lead=category.summary,
    )


def _graded(
    key: str, part: str, category: risk.Category, where: str, only_if: tuple[str, str] | None
) -> tuple[Question, ...]:
    """Probability, severity and risk tier, once for the model as deployed and once with safeguards off."""
    said = ", safeguards off" if part else ""
    tiers = tuple((str(tier.number), tier.name, tier.description) for tier in category.tiers)
    hint = f"{where}. Judge the model {'with safeguards off' if part else 'as deployed'}."
    return (
        Question(f"{key}.{part}probability", f"Probability, 12 months{said}", "RR-15", Kind.CHOICE,
                 options=PROBABILITIES, missing=f"Say how probable it is within 12 months{said}.",
                 rule="Rule RR-15: each scenario has a probability.", only_if=only_if, beside=True),
        Question(f"{key}.{part}severity", f"Severity if it happens{said}", "RR-16", Kind.CHOICE,
                 options=SEVERITIES, missing=f"Say how severe it would be{said}.",
                 rule="Rule RR-16: each scenario has a severity.", only_if=only_if, beside=True),
        Question(f"{key}.{part}tier", f"Risk tier{said}", "RR-12", Kind.TIER,
                 options=(*tiers, (NOT_TIERED, "Not tiered", "Explain why below")),
                 hint=hint if tiers else f"{where}: no risk tiers are written for this category yet.",
                 missing=f"Choose a risk tier{said}, or “not tiered” and say why.",
                 rule="Rule RR-12: each category has a risk tier or says why not.", only_if=only_if),
        Question(f"{key}.{part}not_tiered_why", f"Why it is not tiered{said}", "RR-17", rows=3,
                 missing=f"Say why it is not tiered{said}.",
                 rule="Rule RR-17: “not tiered” is explained.",
                 only_if=(f"{key}.{part}tier", NOT_TIERED)),
    )  # fmt: skip


def rows(taxonomy: str, content: Mapping[str, Any]) -> tuple[RiskRow, ...]:
    """The answers of a report as rows category × variant, in the taxonomy's order. For the comparison."""
    chosen = risk.taxonomy(taxonomy or DEFAULT_TAXONOMY)
    found = [
        row
        for category in chosen.categories
        if category.id != ACCELERATION
        for row in _rows_of(category, content)
    ]
    narrative = str(content.get(f"{ACCELERATION}.narrative", ""))
    return (
        *found,
        RiskRow(ACCELERATION, ACCELERATION_NAME, "", None, NARRATIVE, narrative),
    )


def _rows_of(category: risk.Category, content: Mapping[str, Any]) -> list[RiskRow]:
    two = content.get(f"{category.id}.variants") == TWO
    found = [_row(category, content, "", SAFEGUARDS_ON if two else "")]
    return [*found, _row(category, content, "off.", SAFEGUARDS_OFF)] if two else found


def _row(category: risk.Category, content: Mapping[str, Any], part: str, variant: str) -> RiskRow:
    def said(name: str) -> str:
        return str(content.get(f"{category.id}.{name}", ""))

    tier = said(f"{part}tier")
    tiered = tier.isdecimal()
    return RiskRow(
        category=category.id,
        name=category.name,
        variant=variant,
        tier=int(tier) if tiered else None,
        answer=f"tier {tier}" if tiered else "not tiered",
        scenario=said("scenario"),
        probability=said(f"{part}probability"),
        severity=said(f"{part}severity"),
        mitigations=said("mitigations"),
        residual=said("residual"),
        owner=said("owner"),
    )

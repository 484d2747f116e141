"""The forms of enforcement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from wtforms import BooleanField, StringField, TextAreaField

from portal.enforcement import choices, inputs
from portal.enforcement.adoptions import Proposal
from portal.enforcement.choices import Choices, Factor
from portal.enforcement.figures import LINKS, NewPrior, NewRevenue
from portal.enforcement.priors import ACTS, STATUSES, Changed
from portal.enforcement.service import Allegation
from portal.enforcement.tables import AllegedViolation
from portal.law import methods, statute
from portal.law.method_inputs import takes_gravity
from portal.law.methods import Method
from portal.law.money import EXPONENTS
from portal.law.penalty_facts import SHARE
from portal.ui.fields import ExactField, MemorableDateField, Needed, SelectField, SelectMultipleField
from portal.ui.forms import Form

_NUMBER = re.compile(r"\d{1,3}(\.\d{1,4})?")


class AllegeForm(Form):
    """What is alleged, on what evidence, and why."""

    facts = TextAreaField("Facts", [Needed("Say what happened.")])
    occurred_from = MemorableDateField("First day of the conduct", [Needed("State the first day.")])
    occurred_to = MemorableDateField("Last day of the conduct", [Needed("State the last day.")])
    evidence = SelectMultipleField(
        "Evidence from the case", [Needed("Choose at least one piece of evidence from the case.")]
    )
    reason = TextAreaField("Why this is alleged", [Needed("Say why this is alleged.")])

    def stated(self) -> Allegation:
        """As the service takes it, after `validate()`."""
        assert self.occurred_from.data is not None
        assert self.occurred_to.data is not None
        return Allegation(
            facts=self.facts.data or "",
            occurred_from=self.occurred_from.data,
            occurred_to=self.occurred_to.data,
            evidence=self.evidence.data or [],
            reason=self.reason.data or "",
        )


class AdoptionForm(Form):
    """A method for a law, from a day on, with the reason."""

    regime = SelectField("Law", choices=[(p.id, p.short) for p in statute.regimes()], default="eu-ai-act")
    method = SelectField(
        "Method",
        choices=[(m.id, m.name) for m in methods.methods()],
        default=SHARE,
        description="Worksheets ask what the method takes. One that does not fit the law is refused.",
    )
    since = MemorableDateField(
        "First day",
        [Needed("State the first day.")],
        description="Worksheets calculated on it or later follow the method. It cannot lie in the past.",
    )
    reason = TextAreaField("Why this method", [Needed("Say why this method is chosen.")])

    def stated(self) -> Proposal:
        """As the service takes it, after `validate()`."""
        assert self.since.data is not None
        return Proposal(self.regime.data, self.method.data, self.since.data, self.reason.data or "")


class RevenueForm(Form):
    """Revenue of one entity in one fiscal year. The file is read beside the form."""

    entity = StringField("Company", [Needed("Name the company whose revenue this is.")])
    period_start = MemorableDateField("First day of the fiscal year", [Needed("State the first day.")])
    period_end = MemorableDateField("Last day of the fiscal year", [Needed("State the last day.")])
    amount = ExactField("Revenue", [Needed("State the revenue in full, with cents where it has any.")])
    currency = SelectField("Currency", choices=[(code, code) for code in sorted(EXPONENTS)], default="EUR")
    consolidated = BooleanField("Of the whole undertaking, with everything it controls (consolidated)")
    provisional = BooleanField("Not audited yet: provisional until the audited figure is on file")
    restated = BooleanField("Restated by the company: it replaces the figure on file for the year")
    corrects = BooleanField("Corrects a mistake in our record of the year, and replaces it")
    source = StringField(
        "Source",
        [Needed("Name the source.")],
        description="The document and the page, such as Accounts 2025, p. 41.",
    )
    sample_of = StringField(
        "Sample figures of",
        description="Only in a demonstration: the company whose published figures these are. No allegation.",
    )

    def stated(self) -> NewRevenue:
        """As the service takes it, after `validate()`."""
        assert self.period_start.data is not None
        assert self.period_end.data is not None
        assert self.amount.data is not None
        return NewRevenue(
            entity=self.entity.data or "",
            period_start=self.period_start.data,
            period_end=self.period_end.data,
            amount=self.amount.data,
            currency=self.currency.data,
            source=self.source.data or "",
            consolidated=bool(self.consolidated.data),
            restated=bool(self.restated.data),
            sample_of=self.sample_of.data or "",
            provisional=bool(self.provisional.data),
            corrects=bool(self.corrects.data),
        )


class PriorForm(Form):
    """An earlier penalty."""

    regime = SelectField("Imposed under", choices=[(p.id, p.short) for p in statute.regimes()])
    decision = StringField("Decision", [Needed("Name the decision, with its number and court.")])
    penalised_entity = StringField("Company that was penalised", [Needed("Name the company.")])
    link = SelectField("To the developer it is", choices=list(LINKS.items()))
    conduct_from = MemorableDateField("First day of that conduct", [Needed("State the first day.")])
    conduct_to = MemorableDateField("Last day of that conduct", [Needed("State the last day.")])
    status = SelectField("State", choices=list(STATUSES.items()))
    final_on = MemorableDateField("Final on", description="Leave it empty while it is not final.")
    reason = StringField("What it was for", description="A prior that is relied on needs it before approval.")

    def stated(self) -> NewPrior:
        """As the service takes it, after `validate()`."""
        assert self.conduct_from.data is not None
        assert self.conduct_to.data is not None
        return NewPrior(
            regime=self.regime.data,
            decision=self.decision.data or "",
            penalised_entity=self.penalised_entity.data or "",
            link=self.link.data,
            conduct_from=self.conduct_from.data,
            conduct_to=self.conduct_to.data,
            status=self.status.data,
            final_on=self.final_on.data,
            reason=self.reason.data or "",
        )


class PriorChangeForm(Form):
    """What happened to an earlier penalty since it was recorded."""

    act = SelectField("What happened", choices=list(ACTS.items()))
    final_on = MemorableDateField("Final on", description="Where it is final, or final again as reduced.")
    about = StringField("What it was for", description="Leave it as it is, or complete it.")
    change_reason = TextAreaField(
        "How this is known",
        [Needed("Say how this is known: the decision, its number and its day.")],
        description="The decision, its number and its day.",
    )

    def stated(self) -> Changed:
        """As the service takes it, after `validate()`."""
        return Changed(
            act=self.act.data,
            reason=self.change_reason.data or "",
            final_on=self.final_on.data,
            about=self.about.data or "",
        )


@dataclass(frozen=True)
class FactorRow:
    """A factor of the office's list on the form: what it does, whether it is chosen, and what was typed."""

    code: str
    label: str
    hint: str
    free: bool
    chosen: bool
    reason: str
    percent: str


def factor_rows(on: date, submitted: Mapping[str, str]) -> list[FactorRow]:
    """Every factor of the office's list on a day, with what was typed."""
    return [
        FactorRow(
            code=code,
            label=label,
            hint=hint,
            free=code in choices.FREE,
            chosen=submitted.get(f"factor-{code}") == "yes",
            reason=submitted.get(f"factor-{code}-reason", ""),
            percent=submitted.get(f"factor-{code}-percent", ""),
        )
        for code, label, hint in choices.factor_rows(on)
    ]


def chosen(violation: AllegedViolation, method: Method, submitted: Mapping[str, str]) -> Choices:
    """The choices of a submitted form. Raises ``ValueError`` with words for what is no number."""
    if not takes_gravity(method):
        return Choices(
            gravity="",
            gravity_reason="",
            fault=submitted.get("fault", ""),
            inputs=inputs.stated(method, violation.occurred_to, submitted),
            inputs_reason=submitted.get("inputs_reason", "").strip(),
            uplifts=inputs.uplifts(submitted),
        )
    rows = factor_rows(violation.occurred_to, submitted)
    return Choices(
        gravity=submitted.get("gravity", ""),
        gravity_reason=submitted.get("gravity_reason", "").strip(),
        fault=submitted.get("fault", ""),
        factors=tuple(Factor(r.code, r.reason.strip(), _percent(r)) for r in rows if r.chosen),
    )


def typed(kept: Choices) -> dict[str, str]:
    """Choices as the fields that would send them again."""
    fields = {"gravity": kept.gravity, "gravity_reason": kept.gravity_reason, "fault": kept.fault}
    for factor in kept.factors:
        fields[f"factor-{factor.code}"] = "yes"
        fields[f"factor-{factor.code}-reason"] = factor.reason
        fields[f"factor-{factor.code}-percent"] = "" if factor.percent is None else f"{abs(factor.percent):f}"
    uplifts = {f"{inputs.UPLIFT}{decision}": percent for decision, percent in kept.uplifts.items()}
    return {**fields, "inputs_reason": kept.inputs_reason, **inputs.typed(kept.inputs), **uplifts}


def _percent(row: FactorRow) -> Decimal | None:
    """The percentage of a free factor; its sign is that of the factor, so nobody has to type one."""
    text = row.percent.strip().lstrip("+-−").strip().rstrip("%").strip()
    if not text or not row.free:
        return None
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"Write the percentage of “{row.label}” in digits, for example 10.")
    return Decimal(text) * choices.FREE[row.code]

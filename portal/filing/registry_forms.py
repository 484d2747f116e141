"""Forms of the registry: a model version with its training compute, and the organisation's figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from wtforms import StringField

from portal.filing.registration import NewFigures, NewVersion
from portal.filing.registry import Channel, ModelVersion
from portal.law import accelerators, money
from portal.ui.fields import (
    ComputeField,
    ExactField,
    MemorableDateField,
    Needed,
    RadioField,
    SelectField,
    SelectMultipleField,
)
from portal.ui.forms import Form

CHANNELS = {
    Channel.TRAINING: "In training",
    Channel.INTERNAL_USE: "Internal use",
    Channel.LIMITED_PARTNERS: "Limited partners",
    Channel.API: "API",
    Channel.CONSUMER: "Consumer products",
    Channel.OPEN_WEIGHTS: "Open weights",
}
TERRITORIES = {
    "EU": "European Union",
    "US-CA": "California",
    "US-IL": "Illinois",
    "US-NY": "New York",
    "US": "Elsewhere in the United States",
    "elsewhere": "Elsewhere in the world",
}
AFFILIATES = [("yes", "Yes"), ("no", "No"), ("not_known", "Not known")]
CURRENCIES = ("USD", "EUR", "GBP", *sorted(set(money.EXPONENTS) - {"USD", "EUR", "GBP"}))
_NUMBERS = (
    "training_flop",
    "planned_training_flop",
    "parameters",
    "active_parameters",
    "tokens",
    "epochs",
    "base_model_flop",
    "fine_tuning_flop",
)
_CHIP = {"chip_count": "count", "chip_hours": "hours", "chip_utilisation": "utilisation"}


class VersionForm(Form):
    """A model version. Training compute may be given, worked out, or both."""

    model_name = StringField(
        "Model", [Needed("Name the model.")], description="As people know it, for example Corvane 4."
    )
    name = StringField(
        "Version", [Needed("Name the version.")], description="What distinguishes it, for example 4.0."
    )
    snapshot = StringField(
        "Snapshot",
        [Needed("Name the snapshot, so that filings and tests can be held against the same weights.")],
        description="Your identifier of these weights, for example corvane-4-2027-05-12.",
    )
    training_flop = ComputeField(
        "Training compute, measured", description="In FLOP, as 3.8e25. It counts as it stands."
    )
    parameters = ComputeField("Parameters", description="All of them, as 4e11.")
    active_parameters = ComputeField(
        "Active parameters", description="Of a mixture of experts: those used for one token."
    )
    tokens = ComputeField("Training tokens", description="As 1.6e13.")
    epochs = ExactField("Epochs", description="If the tokens were seen more than once.")
    chip_name = SelectField("Chip")
    chip_count = ExactField("Number of chips")
    chip_hours = ExactField("Hours")
    chip_utilisation = ExactField("Utilisation", description="From 0 to 1, for example 0.4.")
    base_model_flop = ComputeField(
        "Compute of the base model", description="If it was trained on top of another model."
    )
    fine_tuning_flop = ComputeField(
        "Compute of later training",
        description="Fine-tuning, reinforcement learning, other material changes.",
    )
    planned_training_flop = ComputeField(
        "Planned training compute", description="If training goes on. Two laws count what is intended."
    )
    channels = SelectMultipleField(
        "Deployment channels", choices=[(c.value, words) for c, words in CHANNELS.items()]
    )
    territories = SelectMultipleField("Where it is or will be available", choices=list(TERRITORIES.items()))
    planned_release = MemorableDateField("Planned release")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chip_name.choices = [
            ("", "No chips stated"),
            *((n, n) for n in sorted(accelerators.load().chips)),
        ]

    def new_version(self, version: ModelVersion | None = None) -> NewVersion:
        """What was typed, as the verb takes it."""
        return NewVersion(
            model_name=(self.model_name.data or "").strip(),
            name=(self.name.data or "").strip(),
            snapshot=(self.snapshot.data or "").strip(),
            compute=self.compute(),
            channels=self.channels.data or [],
            planned_release=self.planned_release.data,
            model_id=version.model_id if version else None,
        )

    def compute(self) -> dict[str, Any]:
        """The ``model`` block of the coverage facts, numbers as decimal strings; what is empty is absent."""
        found: dict[str, Any] = {key: _text(self[key].data) for key in _NUMBERS if self[key].data is not None}
        if self.chip_name.data:
            chip = {
                key: _text(self[field].data) for field, key in _CHIP.items() if self[field].data is not None
            }
            found["chips"] = [{"name": self.chip_name.data, **chip}]
        if self.territories.data:
            found["placed_on_market"] = [{"territory": name} for name in _territories(self.territories.data)]
        return found

    @classmethod
    def of(cls, model_name: str, version: ModelVersion) -> VersionForm:
        """The form as a version was registered, for a correction."""
        kept = version.compute
        chip: dict[str, Any] = next(iter(kept.get("chips", ())), {})
        return cls(
            data={
                "model_name": model_name,
                "name": version.name,
                "snapshot": version.snapshot,
                "channels": version.channels,
                "planned_release": version.planned_release,
                "territories": [item["territory"] for item in kept.get("placed_on_market", ())],
                "chip_name": chip.get("name", ""),
                **{field: _number(chip.get(key)) for field, key in _CHIP.items()},
                **{key: _number(kept.get(key)) for key in _NUMBERS},
            }
        )


class FiguresForm(Form):
    """Revenue and research spending of one period, with where it is published."""

    entity = StringField(
        "Whose figures",
        [Needed("Name the company or group.")],
        description="The company or group as its accounts name it.",
    )
    period_start = MemorableDateField("First day of the period", [Needed("Say when the period begins.")])
    period_end = MemorableDateField("Last day of the period", [Needed("Say when the period ends.")])
    currency = SelectField("Currency", choices=[(code, code) for code in CURRENCIES], default="USD")
    gross_revenue = ExactField(
        "Gross revenue", description="In full, not in millions. Leave it empty if you do not know it."
    )
    ai_revenue = ExactField("Revenue from AI", description="Models, and products and services built on them.")
    ai_rd = ExactField("Spending on AI research and development")
    with_affiliates = RadioField("Are affiliates included", choices=AFFILIATES, default="not_known")
    source = StringField(
        "Source",
        [Needed("Say where the figures are published or kept.")],
        description="Document, page and date.",
    )
    sample_of = StringField(
        "Sample figures of",
        description="Only in a demonstration: the company whose published figures are borrowed.",
    )

    def new_figures(self) -> NewFigures:
        """What was typed, as the verb takes it. Call it after ``validate()``."""
        assert self.period_start.data
        assert self.period_end.data
        return NewFigures(
            entity=self.entity.data or "",
            period_start=self.period_start.data,
            period_end=self.period_end.data,
            currency=self.currency.data,
            source=self.source.data or "",
            gross_revenue=self.gross_revenue.data,
            ai_revenue=self.ai_revenue.data,
            ai_rd=self.ai_rd.data,
            with_affiliates={"yes": True, "no": False}.get(self.with_affiliates.data),
            sample_of=(self.sample_of.data or "").strip(),
        )


def _territories(chosen: list[str]) -> list[str]:
    """Each state named lies in the United States: a rule about the whole country counts them."""
    states = any(name.startswith("US-") for name in chosen)
    return [*chosen, "US"] if states and "US" not in chosen else chosen


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))

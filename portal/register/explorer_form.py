"""The form of the penalty explorer: what can be tried, read from the address, each mistake at its field.

A fact with a slider can also be written exactly: what is written counts, and empty leaves it to the slider.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import IntegerField

from portal.law import penalties, statute
from portal.law.money import plain
from portal.law.penalties import Choice
from portal.ui.fields import ExactField, MemorableDateField, PercentField, SelectField
from portal.ui.formats import plural
from portal.ui.forms import Form

LARGEST_REVENUE = Decimal(10) ** 15
MOST_PRIORS, MOST_DAYS = 20, 3660
EARLIEST, LATEST = date(2026, 1, 1), date(2049, 12, 31)
_MANTISSAS = ("1", "1.5", "2", "3", "5", "7")
_DECADES = range(6, 12)
REVENUES = (
    Decimal(0),
    *(Decimal(digits).scaleb(power) for power in _DECADES for digits in _MANTISSAS),
    Decimal(1).scaleb(_DECADES.stop),
)
"""What the slider of revenue can stand at: nothing, then round amounts from a million to a trillion."""
DEFAULTS = {
    "breach": "eu-ai-act:101(1)(b)",
    "severity": "2",
    "percent": "",
    "revenue-step": str(REVENUES.index(Decimal(10) ** 9)),
    "revenue": "",
    "currency": "USD",
    "rate": "1.10",
    "priors": "0",
    "days": "1",
}
_ANSWERS = (*DEFAULTS, "regime", "provision", "on-day", "on-month", "on-year")
_LONGEST = 80


def answers(typed: Mapping[str, str]) -> dict[str, str]:
    """What an address carries for the form, held to a length; anything else in it means nothing here."""
    return {key: typed[key][:_LONGEST] for key in _ANSWERS if key in typed}


@dataclass(frozen=True)
class Slider:
    """A native range input: what it can stand at, in words, and where it stands. `scale` is printed below."""

    name: str
    label: str
    hint: str
    words: tuple[str, ...]
    first: int
    at: int
    scale: tuple[str, ...]
    exact: str = ""
    error: str = ""

    @property
    def last(self) -> int:
        """The highest position."""
        return self.first + len(self.words) - 1

    written: str = ""

    @property
    def said(self) -> str:
        """The exact figure that counts instead, else where it stands, in words."""
        return f"{self.written}, as written below" if self.written else self.words[self.at - self.first]


class ExplorerForm(Form):
    """What can be tried: a breach of a law, its severity, revenue, earlier penalties, days."""

    breach = SelectField("Law and breach")
    severity = IntegerField("Severity", description="The office’s own scale.")
    percent = PercentField(
        "Exact share of the maximum, %", description="0 to 100. Leave empty to use the slider."
    )
    revenue_step = IntegerField(
        "Yearly worldwide revenue", name="revenue-step", description="Of the whole undertaking, year before."
    )
    revenue = ExactField("Exact revenue", description="Leave empty to use the slider.")
    currency = SelectField("Currency of the revenue", choices=(("USD", "US dollar"), ("EUR", "Euro")))
    rate = ExactField(
        "US dollars for one euro", description="Your assumption. A penalty takes the rate its law names."
    )
    priors = IntegerField("Earlier final penalties", description="Under the same law, final the day before.")
    on = MemorableDateField("First day of the conduct")
    days = IntegerField("Days of the conduct", description="Counts only for New York 1428.")

    levels: tuple[Choice, ...] = ()

    @property
    def regime(self) -> str:
        """The regime of the breach that was chosen; empty when it is none."""
        return str(self.breach.data or "").partition(":")[0]

    @property
    def provision(self) -> str | None:
        """The provision of the breach that was chosen; None for a law that lists none."""
        return str(self.breach.data or "").partition(":")[2] or None

    def check(self) -> bool:
        """Whether every answer can be used; each that cannot be has its words at the field."""
        self.validate()
        for name in ("breach", "currency"):
            if not self[name].errors and not self[name].data:
                self.refuse(name, f"Choose one of the answers for “{self[name].label.text}”.")
        levels = len(self.levels)
        self._within("severity", 1, levels, f"Choose one of the levels of severity, from 1 to {levels}.")
        self._within("revenue_step", 0, len(REVENUES) - 1, "Move the slider, or write the exact revenue.")
        self._within(
            "rate", Decimal("0.01"), Decimal(10_000), "Write how many dollars a euro is, above 0.01."
        )
        self._within("priors", 0, MOST_PRIORS, f"Write a whole number from 0 to {MOST_PRIORS}.")
        self._within("days", 1, MOST_DAYS, f"Write a whole number from 1 to {MOST_DAYS}.")
        self._within("on", EARLIEST, LATEST, f"Write a day from {EARLIEST.year} to {LATEST.year}.")
        if self.revenue.data is not None:
            self._within("revenue", Decimal(0), LARGEST_REVENUE, "Write the revenue, from 0 to 10^15.")
            self._cents("revenue")
        if self.percent.data is not None:
            self._within("percent", Decimal(0), Decimal(100), "Write a percentage from 0 to 100.")
            if self.regime == "aaif-proposal":
                self.refuse(
                    "percent", "The illustrative schedule has words only: empty this, use the slider."
                )
        return not any(field.errors for field in self)

    def _within(self, name: str, low: Any, high: Any, words: str) -> None:
        field = self[name]
        if not field.errors and (field.data is None or not low <= field.data <= high):
            self.refuse(name, words)

    def _cents(self, name: str) -> None:
        field = self[name]
        if not field.errors and field.data != field.data.quantize(Decimal("0.01")):
            self.refuse(name, "Write at most two digits after the point: a cent is the least.")

    def sliders(self) -> list[Slider]:
        """The three facts that can be slid, as they stand; one that cannot be stands at the default."""
        return [self._severity(), self._revenue(), self._priors()]

    def _severity(self) -> Slider:
        scale = tuple(one.label for one in self.levels)
        # The illustrative schedule has shares of its own for the same levels.
        shares = [plain(one.percent or Decimal(0)) for one in self.levels]
        words = tuple(
            name if self.regime == "aaif-proposal" else f"{name}, {share} % of the maximum"
            for name, share in zip(scale, shares, strict=True)
        )
        at = self._at("severity", 1, len(words), int(DEFAULTS["severity"]))
        return self._slider("severity", words, first=1, at=at, scale=scale, exact="percent")

    def _revenue(self) -> Slider:
        currency = self.currency.data if self.currency.data in ("USD", "EUR") else ""
        words = tuple(f"{currency} {round_words(amount)}".strip() for amount in REVENUES)
        at = self._at("revenue_step", 0, len(words) - 1, int(DEFAULTS["revenue-step"]))
        scale = tuple(round_words(Decimal(1).scaleb(power)) for power in (6, 8, 10, 12))
        return self._slider("revenue_step", words, first=0, at=at, scale=("0", *scale), exact="revenue")

    def _priors(self) -> Slider:
        some = (plural(count, "earlier penalty", "earlier penalties") for count in range(1, MOST_PRIORS + 1))
        words = ("No earlier penalty", *some)
        at = self._at("priors", 0, MOST_PRIORS, int(DEFAULTS["priors"]))
        scale = tuple(str(count) for count in range(0, MOST_PRIORS + 1, 5))
        return self._slider("priors", words, first=0, at=at, scale=scale)

    def _slider(self, name: str, words: tuple[str, ...], **rest: Any) -> Slider:
        field = self[name]
        error = str(field.errors[0]) if field.errors else ""
        written = self._written(rest.get("exact", ""))
        return Slider(
            field.name, field.label.text, field.description, words, error=error, written=written, **rest
        )

    def _written(self, name: str) -> str:
        """The exact figure of a field in groups of three digits; empty where it is none or cannot be read."""
        field = self[name] if name else None
        return "" if field is None or field.errors or field.data is None else f"{field.data:,f}"

    def _at(self, name: str, low: int, high: int, otherwise: int) -> int:
        data = self[name].data
        return data if isinstance(data, int) and low <= data <= high else otherwise


def round_words(amount: Decimal) -> str:
    """A round amount as people say it: `500 million`, `1.5 billion`, `0`."""
    for power, name in ((12, "trillion"), (9, "billion"), (6, "million")):
        if amount >= Decimal(10) ** power:
            return f"{plain((amount / Decimal(10) ** power).normalize())} {name}"
    return plain(amount)


def form_of(typed: Mapping[str, str], today: date) -> ExplorerForm:
    """The form with these answers; what they leave out has the values of an example."""
    day = {"on-day": str(today.day), "on-month": str(today.month), "on-year": str(today.year)}
    known = {**DEFAULTS, **day, **typed}
    levels = penalties.gravity_levels(today)
    known["breach"] = typed.get("breach") or _breach(typed)
    known["severity"] = _position(known["severity"], levels)
    form = ExplorerForm(MultiDict(known))
    form.breach.choices = [(code, label) for _, options in breaches() for code, label in options]
    form.levels = levels
    if "revenue-step" not in typed:
        _slide(form)
    return form


def _slide(form: ExplorerForm) -> None:
    """Put the slider where an address has the revenue; one at which it can stand needs no exact field."""
    revenue = form.revenue.data
    if revenue is None or revenue < 0:
        return
    form.revenue_step.data = max(at for at, amount in enumerate(REVENUES) if amount <= revenue)
    if revenue == REVENUES[form.revenue_step.data]:
        form.revenue.data, form.revenue.raw_data = None, []


def _breach(typed: Mapping[str, str]) -> str:
    """The breach of an address that names a law, and perhaps a provision, apart."""
    if "regime" not in typed:
        return "" if "breach" in typed else DEFAULTS["breach"]
    offered = [code for _, options in breaches() for code, _ in options]
    asked = f"{typed['regime']}:{typed.get('provision', '')}"
    first = next((code for code in offered if code.startswith(f"{typed['regime']}:")), asked)
    return asked if asked in offered else first


def _position(severity: str, levels: tuple[Choice, ...]) -> str:
    """Where a level stands, counted from 1; an address may carry its name instead."""
    codes = [one.code for one in levels]
    return str(codes.index(severity) + 1) if severity in codes else severity


def breaches() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What can be chosen, by law: the group's label, then code and words of each breach."""
    for pack in statute.regimes():
        listed = penalties.provisions(pack.id)
        found = [(f"{pack.id}:{one.code}", f"{pack.short} {one.code}: {one.label}") for one in listed]
        yield f"{pack.name} ({pack.status})", found or [(f"{pack.id}:", f"{pack.short}: any violation")]

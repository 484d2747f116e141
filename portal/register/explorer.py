"""The penalty explorer: what somebody typed as facts of a penalty, and what they come to. Nothing is stored.

Every figure goes through `portal.law.penalties.compute`; here are only the facts around it and rows to show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import IntegerField

from portal.law import penalties, statute
from portal.law.facts import FactError
from portal.law.money import plain
from portal.law.penalties import Result
from portal.law.statute import NotInForce, Pack
from portal.ui.charts import Curve, CurvePoint
from portal.ui.fields import ExactField, MemorableDateField, SelectField
from portal.ui.formats import amount, money
from portal.ui.forms import Form

OWN = "own"
LARGEST_REVENUE = Decimal(10) ** 15
MOST_PRIORS, MOST_DAYS = 20, 3660
EARLIEST, LATEST = date(2026, 1, 1), date(2049, 12, 31)
POINTS = 40
DEFAULTS = {
    "regime": "eu-ai-act",
    "severity": "medium",
    "percent": "",
    "revenue": "540000000",
    "currency": "USD",
    "rate": "1.10",
    "priors": "0",
    "days": "1",
}
_ANSWERS = (*DEFAULTS, "provision", "on-day", "on-month", "on-year")
_FIELDS = (
    ("rate", "rate"),
    ("revenue", "revenue"),
    ("priors", "priors"),
    ("severity_percent", "percent"),
    ("severity", "severity"),
)


def answers(typed: Mapping[str, str]) -> dict[str, str]:
    """What an address carries for the form, held to a length; anything else in it means nothing here."""
    return {key: typed[key][:80] for key in _ANSWERS if key in typed}


class ExplorerForm(Form):
    """What can be tried: a law, a severity, revenue, earlier penalties, days."""

    regime = SelectField("Law")
    provision = SelectField("Provision")
    severity = SelectField("Severity")
    percent = ExactField(
        "Own percentage of the maximum", description="0 to 100. Used with “Own percentage” alone."
    )
    revenue = ExactField("Yearly worldwide revenue", description="Of the whole undertaking, year before.")
    currency = SelectField("Currency of the revenue", choices=(("USD", "US dollar"), ("EUR", "Euro")))
    rate = ExactField(
        "US dollars for one euro", description="Your assumption. A penalty takes the rate that its law names."
    )
    priors = IntegerField(
        "Earlier final penalties", description=f"Same law, 0 to {MOST_PRIORS}, final the day before."
    )
    days = IntegerField(
        "Days of the conduct", description="Counts only where the law counts days (New York 1428)."
    )
    on = MemorableDateField("First day of the conduct")

    def check(self) -> bool:
        """Whether every answer can be used; each that cannot be has its words at the field."""
        self.validate()
        for name in ("regime", "severity", "currency"):
            if not self[name].errors and not self[name].data:
                self.refuse(name, f"Choose one of the answers for “{self[name].label.text}”.")
        self._within("revenue", Decimal(0), LARGEST_REVENUE, "Write the revenue, from 0 to 10^15.")
        self._within(
            "rate", Decimal("0.01"), Decimal(10_000), "Write how many dollars a euro is, above 0.01."
        )
        self._within("priors", 0, MOST_PRIORS, f"Write a whole number from 0 to {MOST_PRIORS}.")
        self._within("days", 1, MOST_DAYS, f"Write a whole number from 1 to {MOST_DAYS}.")
        self._within("on", EARLIEST, LATEST, f"Write a day from {EARLIEST.year} to {LATEST.year}.")
        if self.severity.data == OWN:
            self._within("percent", Decimal(0), Decimal(100), "Write a percentage from 0 to 100.")
            if self.regime.data == "aaif-proposal":
                self.refuse("severity", "The illustrative schedule has words only: choose one of the levels.")
        return not any(field.errors for field in self)

    def _within(self, name: str, low: Any, high: Any, words: str) -> None:
        field = self[name]
        if not field.errors and (field.data is None or not low <= field.data <= high):
            self.refuse(name, words)


def form_of(typed: Mapping[str, str], today: date) -> ExplorerForm:
    """The form with these answers; what they leave out has the values of an example."""
    day = {"on-day": str(today.day), "on-month": str(today.month), "on-year": str(today.year)}
    known = {**DEFAULTS, **day, **typed}
    form = ExplorerForm(MultiDict(known))
    form.regime.choices = [(pack.id, f"{pack.short} ({pack.status})") for pack in statute.regimes()]
    levels = penalties.gravity_levels(today)
    form.severity.choices = [
        *((one.code, f"{one.label}, {plain(one.percent or Decimal(0))} % of the maximum") for one in levels),
        (OWN, "Own percentage"),
    ]
    offered = _provisions(known["regime"])
    form.provision.choices = offered
    if offered and known.get("provision") not in {code for code, _ in offered}:
        form.provision.data, form.provision.raw_data = offered[0][0], []
    elif not offered:
        form.provision.data = None
    return form


def _provisions(regime: str) -> list[tuple[str, str]]:
    """The provisions of a regime; none for an unknown one, which the form refuses at its own field."""
    if regime not in statute.REGIMES:
        return []
    return [(one.code, f"{one.code}: {one.label}") for one in penalties.provisions(regime)]


@dataclass(frozen=True)
class WhatIf:
    """Facts that were checked: the answers of the form, ready for any regime."""

    regime: str
    provision: str | None
    level: str | None
    percent: Decimal
    revenue: Decimal
    currency: str
    rate: Decimal
    priors: int
    days: int
    on: date

    @classmethod
    def of(cls, form: ExplorerForm) -> WhatIf:
        """From a form that `check` has passed."""
        level = None if form.severity.data == OWN else str(form.severity.data)
        shares = {one.code: one.percent for one in penalties.gravity_levels(form.on.data or LATEST)}
        percent = form.percent.data if level is None else shares[level]
        assert form.revenue.data is not None
        assert form.rate.data is not None
        assert form.on.data is not None
        return cls(
            regime=form.regime.data,
            provision=form.provision.data,
            level=level,
            percent=percent or Decimal(0),
            revenue=form.revenue.data,
            currency=form.currency.data,
            rate=form.rate.data,
            priors=form.priors.data or 0,
            days=form.days.data or 1,
            on=form.on.data,
        )

    @property
    def pack(self) -> Pack:
        """The law."""
        return statute.load(self.regime)

    @property
    def counts_days(self) -> bool:
        """Whether the provision counts days, so that severity says nothing."""
        rows = self.pack.provisions
        return any(row["code"] == self.provision and "per_day" in row for row in rows)

    @property
    def scheduled(self) -> bool:
        """Whether the law's method has shares of its own by level."""
        return self.regime == "aaif-proposal"

    def but(self, **changes: Any) -> WhatIf:
        """The same with other answers."""
        return replace(self, **changes)

    def facts(self) -> dict[str, Any]:
        """The facts in the published form, as `assay law penalty` reads them."""
        end = self.on + timedelta(days=self.days - 1) if self.counts_days else self.on
        return {
            "regime": self.regime,
            "on": end.isoformat(),
            "decided_on": end.isoformat(),
            "currency": self.money,
            "revenue": [self._revenue()],
            "priors": [self._prior(number) for number in range(1, self.priors + 1)],
            "inputs": {"violations": [self._violation(end)]},
        }

    @property
    def money(self) -> str:
        """The currency of the penalty: the law's, or that of the revenue where the law states no amount."""
        for key in ("penalty.fixed", "penalty.cap"):
            for value in self.pack.history(key):
                return value.unit
        return self.currency

    def _revenue(self) -> dict[str, Any]:
        year = self.on.year - 1
        found: dict[str, Any] = {
            "entity": "undertaking",
            "amount": plain(self.revenue),
            "period_start": f"{year}-01-01",
            "period_end": f"{year}-12-31",
            "source": "what-if",
            "consolidated": True,
            "restated": False,
        }
        if self.currency != self.money:
            per = "penalty currency per revenue currency"
            if self.currency == "USD":
                per = "revenue currency per penalty currency"
            found |= {"currency": self.currency, "rate": plain(self.rate), "rate_quote": per}
            found |= {"rate_basis": "average_of_fiscal_year", "rate_source": "what-if"}
        return found

    def _prior(self, number: int) -> dict[str, Any]:
        day = (self.on - timedelta(days=1)).isoformat()
        return {
            "id": f"P{number}",
            "regime": self.regime,
            "decision": "what-if",
            "penalised_entity": "the same",
            "link": "same",
            "conduct_from": day,
            "conduct_to": day,
            "final_on": day,
            "status": "final",
            "reason": "what-if",
        }

    def _violation(self, end: date) -> dict[str, Any]:
        provision = self.provision or "proposal"
        if self.counts_days:
            return {"provision": provision, "start": self.on.isoformat(), "end": end.isoformat()}
        found = {"provision": provision, "occurred_on": self.on.isoformat()}
        if self.scheduled:
            return {**found, "severity": self.level or ""}
        return {**found, "severity_percent": plain(self.percent)}


def work_out(form: ExplorerForm, what: WhatIf) -> Result | None:
    """What the facts come to; None when the law refuses them, with its words at the field."""
    try:
        return penalties.compute(what.facts())
    except NotInForce as error:
        form.refuse("on", f"{what.pack.short} has no penalty on that day: it starts on {error.starts}.")
    except FactError as error:
        field = next((field for part, field in _FIELDS if part in error.path), "regime")
        form.refuse(field, f"{error.why[:1].upper()}{error.why[1:]}.")
    return None


def _amounts(what: WhatIf) -> tuple[Decimal, Decimal | None]:
    found = penalties.compute(what.facts(), readings=False)
    return found.total, found.legal_maximum


def curves(what: WhatIf) -> list[tuple[str, Curve]]:
    """How the amount moves with revenue, and with severity or days where those are numbers."""
    found = [("revenue", _over_revenue(what))]
    if what.counts_days:
        found.append(("days", _over_days(what)))
    elif not what.scheduled:
        found.append(("severity", _over_severity(what)))
    return found


def _over_revenue(what: WhatIf) -> Curve:
    top = max(what.revenue * 2, Decimal(10) ** 9)
    points = [_money_point(what, (top * n / POINTS).quantize(Decimal(1))) for n in range(POINTS + 1)]
    here = _money_point(what, what.revenue)
    return _curve(what, "revenue", f"Revenue in {what.currency}", points, here)


def _money_point(what: WhatIf, revenue: Decimal) -> CurvePoint:
    total, limit = _amounts(what.but(revenue=revenue))
    return CurvePoint(revenue, amount(revenue, what.currency), total, limit)


def _over_severity(what: WhatIf) -> Curve:
    shares = [Decimal(100) * n / POINTS for n in range(POINTS + 1)]
    points = [_point(what.but(percent=share), share, f"{plain(share)} %") for share in shares]
    here = _point(what, what.percent, f"{plain(what.percent)} %")
    return _curve(what, "severity", "Severity, % of the maximum", points, here)


def _over_days(what: WhatIf) -> Curve:
    top = max(what.days * 2, 30)
    days = sorted({max(1, top * n // POINTS) for n in range(POINTS + 1)})
    points = [_point(what.but(days=day), Decimal(day), str(day)) for day in days]
    return _curve(what, "days", "Days", points, _point(what, Decimal(what.days), str(what.days)))


def _point(what: WhatIf, at: Decimal, words: str) -> CurvePoint:
    total, limit = _amounts(what)
    return CurvePoint(at, words, total, limit)


def _curve(what: WhatIf, name: str, across: str, points: list[CurvePoint], here: CurvePoint) -> Curve:
    low, high = points[0], points[-1]
    moves = f"The amount goes from {money(low.amount, what.money)} to {money(high.amount, what.money)}"
    if low.amount == high.amount:
        moves = f"The amount stays at {money(low.amount, what.money)}"
    return Curve(
        title=f"Amount over {name}",
        finding=f"{moves} as {name} goes from {low.words} to {high.words}.",
        currency=what.money,
        across=across,
        points=tuple(points),
        here=here,
        in_units=name == "revenue",
    )


def steps(what: WhatIf) -> Iterator[tuple[str, list[list[object]]]]:
    """Tables over what comes in steps: earlier penalties, and levels where the schedule has its own."""
    most = max(5, what.priors)
    rows: list[list[object]] = [_step(what.but(priors=n), str(n), n == what.priors) for n in range(most + 1)]
    yield "Earlier final penalties", rows
    if what.scheduled:
        levels = penalties.gravity_levels(what.on)
        yield "Severity", [_step(what.but(level=o.code), o.label, o.code == what.level) for o in levels]


def _step(what: WhatIf, words: str, here: bool) -> list[object]:
    total, limit = _amounts(what)
    return [f"{words} (these facts)" if here else words, money(limit, what.money), money(total, what.money)]


@dataclass(frozen=True)
class Beside:
    """What one regime gives for the same facts; without a result, `why` says why not."""

    pack: Pack
    provision: str
    result: Result | None
    why: str = ""


def side_by_side(what: WhatIf) -> list[Beside]:
    """Every regime for the same facts, each with the provision asked for or the first that has a severity."""
    return [_beside(what, pack) for pack in statute.regimes()]


def _beside(what: WhatIf, pack: Pack) -> Beside:
    usual = next((row["code"] for row in pack.provisions if "per_day" not in row), None)
    provision = what.provision if pack.id == what.regime else usual
    if pack.id == "aaif-proposal" and what.level is None:
        return Beside(pack, "", None, "Its schedule has words, no percentages.")
    try:
        result = penalties.compute(what.but(regime=pack.id, provision=provision).facts(), readings=False)
    except NotInForce as error:
        return Beside(pack, provision or "", None, f"No penalty on that day: it starts on {error.starts}.")
    return Beside(pack, provision or "", result)


def unverified(result: Result) -> list[str]:
    """What the result rests on that nobody has held against a source."""
    return [words for words in result.warnings if words.endswith("not verified in a source.")]


def open_points(result: Result) -> list[str]:
    """What else the result warns of."""
    return [
        words.replace("inputs.violations[0]", "The violation").replace("revenue[0]", "Revenue")
        for words in result.warnings
        if not words.endswith("not verified in a source.")
    ]

"""The penalty explorer: what somebody typed as facts of a penalty, and what they come to. Nothing is stored.

Every figure goes through `portal.law.penalties.compute`; here are only the facts around it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal.law import penalties, statute
from portal.law.explained_words import label, lower
from portal.law.facts import FactError
from portal.law.methods import methods
from portal.law.money import FROM_PER_TO, TO_PER_FROM, Money, Quote, plain
from portal.law.penalties import Result
from portal.law.penalty_lines import OFFICE_METHOD
from portal.law.statute import NotInForce, Pack
from portal.register.explorer_form import REVENUES, ExplorerForm
from portal.ui.formats import date_only

_FIELDS = (
    ("rate", "rate"),
    ("revenue", "revenue"),
    ("priors", "priors"),
    ("severity_percent", "percent"),
    ("severity", "severity"),
)
_UNVERIFIED = " is not verified in a source."
_PLACES = (
    (
        re.compile(r"inputs\.violations\[0\]\.fault is not stated; (.+) asks for (.+)\."),
        r"\1 asks whether the breach was \2. Here neither is stated, and the amount is the same.",
    ),
    (re.compile(r"inputs\.violations\[0\]"), "The breach"),
    (re.compile(r"revenue\[0\]"), "The revenue"),
)


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
        level = form.levels[form.severity.data - 1]  # type: ignore[operator]
        exact_share, exact_revenue = form.percent.data, form.revenue.data
        assert form.on.data is not None
        assert form.rate.data is not None
        return cls(
            regime=form.regime,
            provision=form.provision,
            level=level.code if exact_share is None else None,
            percent=exact_share if exact_share is not None else level.percent or Decimal(0),
            revenue=exact_revenue if exact_revenue is not None else REVENUES[form.revenue_step.data or 0],
            currency=form.currency.data,
            rate=form.rate.data,
            priors=form.priors.data or 0,
            days=form.days.data or 1,
            on=form.on.data,
        )

    def address(self) -> dict[str, str]:
        """What an address carries so that it gives this what-if again."""
        share = {"severity": self.level} if self.level else {"percent": plain(self.percent)}
        return {
            "breach": f"{self.regime}:{self.provision or ''}",
            **share,
            "revenue": plain(self.revenue),
            "currency": self.currency,
            "rate": plain(self.rate),
            "priors": str(self.priors),
            "days": str(self.days),
            "on-day": str(self.on.day),
            "on-month": str(self.on.month),
            "on-year": str(self.on.year),
        }

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

    def in_revenue_currency(self, amount: Decimal, currency: str) -> Decimal:
        """An amount of a law in the currency of the revenue, at the rate of the facts."""
        if currency == self.currency:
            return amount
        quoted: Quote = TO_PER_FROM if currency == "EUR" else FROM_PER_TO
        return Money(amount, currency).converted(self.currency, self.rate, quoted).amount

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
        form.refuse(
            "on", f"{what.pack.short} has no penalty on that day: it starts on {date_only(error.starts)}."
        )
    except FactError as error:
        field = next((field for part, field in _FIELDS if part in error.path), "regime")
        form.refuse(field, f"{error.why[:1].upper()}{error.why[1:]}.")
    return None


@dataclass(frozen=True)
class Beside:
    """What one regime gives for the same facts; without a result, `why` says why not.

    `maximum` and `total` are in the currency of the revenue, at the rate of the facts.
    """

    pack: Pack
    provision: str
    result: Result | None
    maximum: Decimal | None = None
    total: Decimal | None = None
    why: str = ""


def side_by_side(what: WhatIf) -> list[Beside]:
    """Every regime for the same facts, each with the provision asked for or the first that has a severity."""
    return [_beside(what, pack) for pack in statute.regimes()]


def _beside(what: WhatIf, pack: Pack) -> Beside:
    usual = next((row["code"] for row in pack.provisions if "per_day" not in row), None)
    provision = what.provision if pack.id == what.regime else usual
    there = what.but(regime=pack.id, provision=provision)
    if there.scheduled and what.level is None:
        return Beside(pack, "", None, why="Its schedule has words, no percentages.")
    try:
        found = penalties.compute(there.facts(), readings=False)
    except NotInForce as error:
        why = f"No penalty on that day: it starts on {date_only(error.starts)}."
        return Beside(pack, provision or "", None, why=why)
    maximum, total = (what.in_revenue_currency(one, found.currency) for one in (found.maximum, found.total))
    return Beside(pack, provision or "", found, maximum, total)


def unverified(result: Result) -> list[str]:
    """What the result rests on that nobody has held against a source, in words."""
    return [
        _named(words.removesuffix(_UNVERIFIED)) for words in result.warnings if words.endswith(_UNVERIFIED)
    ]


def _named(words: str) -> str:
    """`il-sb315 penalty.method (Illinois SB 315)` as `Illinois SB 315, method of reaching an amount (…)`."""
    first, _, rest = words.partition(" ")
    short = {pack.id: pack.short for pack in statute.packs()} | {one.id: one.name for one in methods()}
    name = first.removesuffix(":")
    key, space, citation = rest.partition(" ")
    told = lower(label(key)) if "." in key else key
    return f"{short.get(name, name)}: {told}{space}{citation}"


def open_points(result: Result) -> list[str]:
    """What else the result warns of, in words for who typed the facts."""
    return [_plainly(words) for words in result.warnings if not words.endswith(_UNVERIFIED)]


def _plainly(words: str) -> str:
    for pattern, instead in _PLACES:
        words = pattern.sub(instead, words)
    return words


def of_the_office(result: Result) -> bool:
    """Whether a line rests on the office's own scale or method, which is no law."""
    return any(line.status == OFFICE_METHOD for line in result.lines)

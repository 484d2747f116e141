"""The facts of a penalty as types; `penalty_read` makes them from a file or a form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.law.facts import Facts, LawError
from portal.law.methods import Method
from portal.law.money import FROM_PER_TO, TO_PER_FROM, Quote

SHARE = "share-of-maximum"
TOP_KEYS = (
    "regime",
    "method",
    "on",
    "decided_on",
    "assessed_on",
    "currency",
    "maximum",
    "revenue",
    "base",
    "priors",
    "inputs",
    "present_in",
)
REVENUE_KEYS = (
    "entity",
    "amount",
    "currency",
    "rate",
    "rate_quote",
    "period_start",
    "period_end",
    "source",
    "consolidated",
    "restated",
    "rate_basis",
    "rate_source",
)
PRIOR_KEYS = (
    "id",
    "regime",
    "decision",
    "penalised_entity",
    "link",
    "conduct_from",
    "conduct_to",
    "final_on",
    "status",
    "reason",
    "uplift_percent",
)
VIOLATION_KEYS = (
    "provision",
    "penalty_provision",
    "severity_percent",
    "fault",
    "occurred_on",
    "start",
    "end",
    "items",
    "severity",
)
RATE_BASES = ("average_of_fiscal_year", "period_end", "on_date")
LINKS = ("same", "predecessor", "parent")
PRIOR_STATES = ("final", "pending", "under_appeal", "set_aside", "reduced", "settled_no_admission")
REVENUE_QUOTES: dict[str, Quote] = {
    "revenue currency per penalty currency": FROM_PER_TO,
    "penalty currency per revenue currency": TO_PER_FROM,
}
PRESENT_QUOTES: dict[str, Quote] = {
    "presented currency per penalty currency": TO_PER_FROM,
    "penalty currency per presented currency": FROM_PER_TO,
}
PER, DECISION, EACH, AS_READ = "penalty.maximum_per", "decision", "violation", "as read"
PER_WORDS = (DECISION, EACH, AS_READ)
"""What a maximum is for. Where the text leaves it open it is `as read`: the reading of the same key says."""
SMALLEST_RATE = Decimal("1e-12")
HUNDRED = Decimal(100)


class NotBuilt(LawError):
    """A pack without a penalty, or a method that its maximum does not fit; a wrong number would be worse."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Not built: {what}.", "", f"Use method {SHARE}, or a regime with a penalty.")


@dataclass(frozen=True, slots=True)
class Turnover:
    """One revenue figure; `path` is where it stands in the facts."""

    path: str
    entity: str
    amount: Decimal
    currency: str
    rate: Decimal | None
    quote: Quote | None
    period_start: date | None
    period_end: date | None
    source: str | None
    consolidated: bool | None
    restated: bool | None
    rate_basis: str | None
    rate_source: str | None


@dataclass(frozen=True, slots=True)
class Prior:
    """An earlier penalty, in the one shape used everywhere."""

    path: str
    id: str
    regime: str
    status: str
    final_on: date | None
    conduct_from: date | None
    conduct_to: date | None
    decision: str | None
    penalised_entity: str | None
    reason: str | None
    link: str | None
    uplift: Decimal | None


@dataclass(frozen=True, slots=True)
class Violation:
    """An alleged violation; `stated`: the days were given, else they are the date of the law.

    `place` is where it stands in the list of the facts, from 0; leaving one out moves no other.
    """

    path: str
    place: int
    provision: str
    penalty_provision: str | None
    severity: Decimal | None
    level: str | None
    fault: str | None
    start: date
    end: date
    stated: bool
    items: int

    @property
    def days(self) -> int:
        """Length of the conduct, first and last day counted."""
        return (self.end - self.start).days + 1


@dataclass(frozen=True, slots=True)
class Factor:
    """A reason to go up or down; `percent` of the starting amount, None where the office's table gives it."""

    path: str
    code: str
    reason: str
    percent: Decimal | None


@dataclass(frozen=True, slots=True)
class Maximum:
    """A maximum where no regime states it: an amount, a share of turnover, or the higher or lower of both."""

    fixed: Decimal | None
    percent: Decimal | None
    higher: bool


@dataclass(frozen=True, slots=True)
class Presented:
    """Another currency in which the total is shown."""

    currency: str
    rate: Decimal
    quote: Quote
    round_to: Decimal | None


@dataclass(frozen=True, slots=True)
class PenaltyFacts:
    """All facts of one penalty; `on` is None where a method by itself was given without a date."""

    regime: str | None
    method: Method
    on: date | None
    decided_on: date | None
    assessed_on: date | None
    currency: str
    maximum: Maximum | None
    revenue: tuple[Turnover, ...]
    base: str | None
    priors: tuple[Prior, ...]
    inputs: Facts
    violations: tuple[Violation, ...]
    factors: tuple[Factor, ...]
    presented: Presented | None

    @property
    def day(self) -> date:
        """The date whose law applies; the last of all days, so the newest law, where none is stated."""
        return self.on or date.max

    @property
    def conduct_start(self) -> date | None:
        """The first day of conduct, None where no day is stated."""
        return min((violation.start for violation in self.violations), default=self.on)

    @property
    def conduct_last(self) -> date | None:
        """The last day of conduct, None where no day is stated."""
        return max((violation.end for violation in self.violations), default=self.on)

    @property
    def conduct_end(self) -> date:
        """The last day of conduct; it picks the law of a decision over several violations."""
        return max((violation.end for violation in self.violations), default=self.day)

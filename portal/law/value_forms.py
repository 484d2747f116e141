"""What each value may be that the code asks for by name, or that a row points at: unit, words, range.

A value of another unit, a word that the code does not know, or a number out of range would change amounts and
answers without a sound, so a pack that holds one is refused before anybody approves it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from portal.law import access, inflation, methods
from portal.law.money import EXPONENTS
from portal.law.packs import SPANS, PackError
from portal.law.penalty_facts import AS_READ, DECISION, EACH, LINKS, PER, PER_WORDS, PRIOR_STATES, RATE_BASES
from portal.law.penalty_maximum import TAKES
from portal.law.penalty_turnover import PERIODS, YEARS
from portal.law.statute import Pack, Value

MONEY = frozenset(EXPONENTS)
_NONE = "none"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a value: its `units`; a number above `over` and up to `up_to`; or one of the `words`.

    `words` is asked when a pack is checked, because methods and tables come and go; None takes any word. A
    list has at least one entry, none twice, each of the form.
    """

    units: frozenset[str]
    over: Decimal | None = None
    up_to: Decimal | None = None
    words: Callable[[], tuple[str, ...]] | None = None

    def wrong(self, value: Value) -> str:
        """What is wrong with a value, in words that follow its name; empty for a sound one."""
        if value.unit not in self.units:
            return f"has the unit {value.unit}"
        if isinstance(value.value, tuple):
            return self._list(value.value)
        if isinstance(value.value, str):
            return self._word(value.value)
        number = Fraction(value.value)
        if self.over is not None and number <= Fraction(self.over):
            return f"is {value.value}, not above {self.over}"
        if self.up_to is not None and number > Fraction(self.up_to):
            return f"is {value.value}, above {self.up_to}"
        return ""

    def _list(self, items: tuple[str, ...]) -> str:
        if not items or len(set(items)) != len(items):
            return "is empty or names one entry twice"
        return next((wrong for item in items if (wrong := self._word(item))), "")

    def _word(self, word: str) -> str:
        known = self.words() if self.words else ()
        if not word.strip():
            return "is empty"
        if self.words and word not in known:
            return f"is {word!r}, not one of: {', '.join(known)}"
        return ""


def _text(*words: str) -> Form:
    return Form(frozenset({"text"}), words=(lambda: words) if words else None)


def _list(*words: str) -> Form:
    return Form(frozenset({"list"}), words=(lambda: words) if words else None)


def _access_laws() -> tuple[str, ...]:
    return tuple(law.id for law in access.laws())


def _method_ids() -> tuple[str, ...]:
    return tuple(method.id for method in methods.methods())


def _tables_of_inflation() -> tuple[str, ...]:
    return (inflation.load().id,)


_TEXT = frozenset({"text"})
_AMOUNT = Form(MONEY, over=Decimal(0))
_SHARE = Form(frozenset({"percent"}), over=Decimal(0), up_to=Decimal(100))
_CHANGE = Form(frozenset({"percent"}), over=Decimal(-100), up_to=Decimal(1000))
_PERIOD = Form(frozenset(SPANS), over=Decimal(0))

READ_BY_CODE = {
    "access.law": Form(_TEXT, words=_access_laws),
    "penalty.addressee": _text(),
    "penalty.amounts_by": _text("occurred_on", "assessed_on"),
    "penalty.cap": _AMOUNT,
    "penalty.cap_later": _AMOUNT,
    "penalty.fault": _list(),
    "penalty.fixed": _AMOUNT,
    "penalty.inflation": Form(_TEXT, words=_tables_of_inflation),
    "penalty.look_back": Form(frozenset({"text", "months"}), over=Decimal(0), words=lambda: (_NONE,)),
    "penalty.maximum_per": _text(*PER_WORDS),
    "penalty.method": Form(_TEXT, words=_method_ids),
    "penalty.percent": _SHARE,
    "penalty.period": _text(*PERIODS),
    "penalty.prior_links": _list(*LINKS),
    "penalty.prior_regimes": _list(),
    "penalty.prior_statuses": _list(*PRIOR_STATES),
    "penalty.rate_basis": _text(*RATE_BASES),
    "penalty.take": _text(*TAKES),
    "penalty.year": _text(*YEARS),
    "weekend": _list(*"1234567"),
    "closed_days": _list(),
    "findings.send_within": _PERIOD,
    "comparison.older_than": _PERIOD,
}
"""Keys of values that the code asks for by name, not through a row; a test finds each in the code."""
STEPPED = re.compile(r"duration\.from_day\.\d+")
"""Keys that the code finds by their beginning: a table of steps, one value a step."""
FLOP, DESIGNATION = "FLOP", "designation"
REVENUE = ("gross_revenue", "ai_revenue", "ai_rd")
INPUTS = {
    "compute": Form(frozenset({FLOP}), over=Decimal(0)),
    "compute_with_original": Form(frozenset({FLOP}), over=Decimal(0)),
    DESIGNATION: _text(),
    **dict.fromkeys(REVENUE, _AMOUNT),
}
"""What a rule of coverage can hold against a threshold, with the form of that threshold."""
_MODIFIER = Form(frozenset({"fraction"}), over=Decimal(0), up_to=Decimal(1))


def check(pack: Pack) -> None:
    """Hold every value of a pack against its form.

    Raises:
        PackError: naming the file, the value with its first day, and what is wrong.
    """
    for key, form in _asked(pack):
        for value in pack.history(key):
            if wrong := form.wrong(value):
                raise PackError(f"{pack.path}: {key} from {value.valid_from} {wrong}.")
    _as_read(pack)
    for value in pack.history("closed_days"):
        for day in value.value if isinstance(value.value, tuple) else ():
            _day(pack, day)


def _as_read(pack: Pack) -> None:
    """What a maximum is for stands in a value or, where that says so, in a reading; never in both."""
    reading = pack.readings.get(PER)
    if any((value.value == AS_READ) is (reading is None) for value in pack.history(PER)):
        raise PackError(f"{pack.path}: {PER} is {AS_READ!r} where a reading of that key says it, else not.")
    if reading is not None and not {option.name for option in reading.options} <= {DECISION, EACH}:
        raise PackError(f"{pack.path}: reading {PER}: the options are {DECISION} and {EACH}.")


def _asked(pack: Pack) -> Iterator[tuple[str, Form]]:
    """The keys that somebody asks for, each with the form that is expected there."""
    yield from READ_BY_CODE.items()
    yield from ((value.key, _CHANGE) for value in pack.values if STEPPED.fullmatch(value.key))
    yield from ((row["value"], _SHARE) for row in pack.gravity)
    yield from ((row["value"], _CHANGE) for row in pack.factors if "value" in row)
    yield from ((row["per_day"], _AMOUNT) for row in pack.provisions if "per_day" in row)
    yield from ((row[key], _PERIOD) for row in _timed(pack) for key in ("value", "within") if key in row)
    for rule in pack.coverage.get("rule", ()):
        yield rule["threshold"], INPUTS[rule["input"]]
        yield rule.get("modifier", ""), _MODIFIER


def _timed(pack: Pack) -> Iterator[dict[str, str]]:
    yield from (dict(row) for row in (*pack.clocks, *pack.periodic, *pack.duties))


def _day(pack: Pack, day: str) -> None:
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise PackError(f"{pack.path}: closed_days: {day!r} is no date such as 2027-12-24.") from error

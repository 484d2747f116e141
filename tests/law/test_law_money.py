"""Exact money."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.law.facts import LawError
from portal.law.money import EXPONENTS, Money, NotWhole, UnknownCurrency, grouped, half_up, plain, rounded


@pytest.mark.parametrize(
    ("amount", "currency", "result"),
    [("2.345", "EUR", "2.35"), ("2.5", "JPY", "3"), ("0.0005", "KWD", "0.001"), ("-2.345", "EUR", "-2.35")],
)
def test_half_up_at_the_minor_unit(amount: str, currency: str, result: str) -> None:
    assert rounded(Decimal(amount), currency) == Decimal(result)
    assert Money(Decimal(amount), currency).rounded() == Money(Decimal(result), currency)


@given(st.integers(-(10**18), 10**18), st.sampled_from(sorted(EXPONENTS)))
def test_minor_units_round_trip(units: int, currency: str) -> None:
    assert Money.from_minor(units, currency).to_minor() == units


def test_refusals() -> None:
    with pytest.raises(UnknownCurrency, match="'ZZZ'"):
        rounded(Decimal(1), "ZZZ")
    with pytest.raises(UnknownCurrency, match="'ZZZ'"):
        Money(Decimal(1), "ZZZ")
    with pytest.raises(NotWhole, match="too many digits"):
        Money(Decimal("0.5"), "JPY").to_minor()
    with pytest.raises(LawError, match="no finite decimal"):
        Money(Decimal("NaN"), "EUR")
    with pytest.raises(LawError, match="not above zero"):
        Money(Decimal(1), "EUR").converted("USD", Decimal(0), "to per from")


def test_conversion_in_both_directions() -> None:
    money = Money(Decimal(540_000_000), "USD")
    assert money.converted("EUR", Decimal("1.1307"), "from per to").amount == Decimal("477580260.02")
    assert Money(Decimal(1), "EUR").converted("JPY", Decimal("150.5"), "to per from").amount == Decimal(151)


def test_printing() -> None:
    assert plain(Decimal("3E+6")) == "3000000"
    assert plain(Decimal("10.50")) == "10.50"
    assert plain(Decimal("2.00")) == "2"
    assert grouped(Decimal(3_750_000), "EUR") == "EUR 3,750,000.00"
    assert grouped(Decimal(5), "JPY") == "JPY 5"
    assert grouped(Decimal(5)) == "5.00"
    assert half_up(Decimal("1055"), Decimal(10)) == 1060

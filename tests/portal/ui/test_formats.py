"""How values are written: exact amounts, times with their zone, and words that count."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from portal.ui import formats

NOON = datetime(2027, 10, 1, 12, 0, tzinfo=UTC)


def test_dates_carry_a_weekday_where_they_are_near() -> None:
    assert formats.day(date(2027, 10, 1)) == "Fri 1 Oct 2027"
    assert formats.date_only(NOON) == "1 Oct 2027"
    assert formats.day(None) == formats.date_only(None) == "–"


def test_a_right_ends_at_a_time_in_a_named_zone() -> None:
    end = datetime(2027, 11, 8, 22, 59, 59, tzinfo=UTC)
    assert formats.moment(end, "Europe/Brussels") == "8 Nov 2027, 23:59:59 Brussels"
    assert formats.due(NOON) == "Fri 1 Oct 2027, 12:00 UTC"
    assert formats.clock_time(NOON, "America/New_York") == "08:00 New York"
    assert formats.moment(None) == formats.due(None) == "–"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        formats.moment(datetime(2027, 10, 1))


@pytest.mark.parametrize(
    ("value", "currency", "written"),
    [
        (Decimal("3750000"), "EUR", "EUR 3,750,000.00"),
        (Decimal("0.1"), "EUR", "EUR 0.10"),
        (Decimal("14327407.8006"), "EUR", "EUR 14,327,407.8006"),
        (Decimal("-300000"), "USD", "USD −300,000.00"),
        (Decimal("540000000"), "JPY", "JPY 540,000,000"),
        (Decimal("1.5"), "KWD", "KWD 1.500"),
        (Decimal("1E+7"), "EUR", "EUR 10,000,000.00"),
    ],
)
def test_money_is_never_rounded(value: Decimal, currency: str, written: str) -> None:
    assert formats.money(value, currency) == written
    assert formats.money(SimpleNamespace(amount=value, currency=currency)) == written


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**15), max_value=10**15))
def test_an_amount_reads_back_as_the_same_number(value: Decimal) -> None:
    assert Decimal(formats.amount(value).replace(",", "").replace(formats.MINUS, "-")) == value


def test_money_refuses_floats_and_missing_currency() -> None:
    with pytest.raises(TypeError, match="Decimal"):
        formats.amount(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="finite"):
        formats.amount(Decimal("NaN"))
    with pytest.raises(ValueError, match="currency"):
        formats.money(Decimal(1))
    assert formats.money(None) == "–"


def test_a_change_shows_its_sign() -> None:
    assert formats.change(Decimal("450000")) == "+ 450,000.00"
    assert formats.change(Decimal("-300000")) == "− 300,000.00"
    assert formats.change(Decimal("-0.00")) == "0.00"


def test_training_compute_keeps_its_digits() -> None:
    assert formats.flop_text(Decimal("3.8e25")) == "3.8 × 10^25 FLOP"
    assert formats.flop_text(10**26) == "1 × 10^26 FLOP"
    assert formats.flop_text(Decimal("1.23456e25")) == "1.23456 × 10^25 FLOP"
    assert formats.flop_text(0) == "0 FLOP"
    assert formats.flop_text(None) == formats.flop(None) == "–"
    assert formats.flop(0) == "0 FLOP"
    assert "10<sup>25</sup>" in formats.flop(Decimal("3.8e25"))
    assert '<span class="usa-sr-only">3.8 × 10^25 FLOP</span>' in formats.flop(Decimal("3.8e25"))


def test_sizes_and_counts() -> None:
    assert formats.size(1) == "1 byte"
    assert formats.size(820) == "820 bytes"
    assert formats.size(1_503_238) == "1.5 MB"
    assert formats.size(999_999) == "1.0 MB"
    assert formats.size(5 * 10**15) == "5,000.0 TB"
    assert formats.count(4812) == "4,812"
    assert formats.plural(1, "entry", "entries") == "1 entry"
    assert formats.plural(0, "day") == "0 days"
    assert formats.plural(1200, "entry", "entries") == "1,200 entries"
    assert [formats.in_words(n) for n in (0, 2, 9, 10)] == ["No", "Two", "Nine", "10"]


@pytest.mark.parametrize(
    ("over", "words"),
    [
        (timedelta(seconds=20), "1 min late"),
        (timedelta(minutes=45), "45 min late"),
        (timedelta(hours=49, minutes=59), "49 h late"),
        (timedelta(hours=72), "3 days late"),
        (timedelta(days=19, hours=5), "19 days late"),
        (timedelta(), ""),
        (timedelta(hours=-1), ""),
    ],
)
def test_lateness_of_instants(over: timedelta, words: str) -> None:
    assert formats.late(NOON, NOON + over) == words


def test_lateness_of_days() -> None:
    assert formats.late(date(2027, 8, 9), date(2027, 8, 28)) == "19 days late"
    assert formats.late(date(2027, 8, 9), NOON.replace(month=8, day=10)) == "1 day late"
    assert formats.late(date(2027, 8, 9), date(2027, 8, 9)) == ""
    end_of_day = datetime(2027, 8, 9, 21, 59, 59, tzinfo=UTC)
    assert formats.late(end_of_day, datetime(2027, 8, 28, 15, 50, tzinfo=UTC)) == "19 days late"


def test_urgency_of_a_task() -> None:
    assert formats.urgency(NOON - timedelta(days=4), NOON) == ("stop", "4 days late")
    assert formats.urgency(NOON + timedelta(hours=5), NOON) == ("stop", "Today")
    assert formats.urgency(date(2027, 10, 8), NOON) == ("warn", "7 days")
    assert formats.urgency(date(2027, 10, 15), NOON) == ("neutral", "14 days")


def test_marks_and_references_escape_words() -> None:
    assert formats.reference("<C-1>") == Markup('<span class="ref">&lt;C-1&gt;</span>')
    assert formats.status("stop", "1 < 2") == Markup('<span class="st st--stop nowrap">1 &lt; 2</span>')
    assert formats.status("neutral", "a state of many words") == Markup(
        '<span class="st">a state of many words</span>'
    )
    assert formats.digest(bytes.fromhex("5f1da07c93")) == formats.digest("5f1da07c93") == "5f1d a07c 93"

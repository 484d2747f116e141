"""Changes to the text of a pack: only what was asked for differs, and what is no pack is not kept."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.law import checking, statute, versions
from portal.legal import changes, drafting
from portal.legal.drafting import DraftError, NewReading, NewValue

SHIPPED = {pack.id: pack for pack in statute.shipped()}
CALIFORNIA = SHIPPED["ca-tfaia"]


def new(**values: object) -> NewValue:
    stated = {
        "key": "penalty.cap",
        "valid_from": date(2029, 1, 1),
        "value": "2000000",
        "citation": "B&P 22757.15(a), as amended",
        "source": "Stats. 2028, ch. 1",
        "status": "enacted",
        "verified": True,
    }
    return NewValue(**{**stated, **values})  # type: ignore[arg-type]


def test_a_new_value_follows_the_old_one() -> None:
    pack = statute.parse(drafting.with_value(CALIFORNIA.text, new()), "new")
    checking.check(pack)
    assert pack.value("penalty.cap", date(2028, 12, 31)).number == Decimal(1_000_000)
    assert pack.value("penalty.cap", date(2029, 1, 1)).number == Decimal(2_000_000)
    found = changes.between(CALIFORNIA, pack)
    assert [(one.field, one.old, one.new) for one in found if one.field == "value"] == [
        ("value", "1000000", "2000000")
    ]
    assert {changes.told(one, pack) for one in found} == {"penalty.cap"}
    assert {one.applies_from for one in found} == {date(2029, 1, 1)}


def test_other_changes_stay_as_they_are() -> None:
    """The end of a value without a new one, a removed row, a changed rule: all of it is shown."""
    text = CALIFORNIA.text.replace("More than; counts", "Over; counts").replace("22757.15", "22757.16")
    pack = statute.parse(text, "new")
    assert changes.between(CALIFORNIA, pack) == versions.diff(CALIFORNIA, pack)
    added = drafting.with_value(CALIFORNIA.text, new())
    back = changes.between(statute.parse(added, "new"), CALIFORNIA)
    assert {(one.field, one.kind) for one in back} >= {("value", "removed"), ("to", "removed")}


def test_a_value_of_the_same_day_is_corrected_in_its_place() -> None:
    once = drafting.with_value(CALIFORNIA.text, new())
    twice = statute.parse(drafting.with_value(once, new(value="3000000", note="Corrected.")), "new")
    assert [value.number for value in twice.history("penalty.cap")] == [1_000_000, 3_000_000]
    again = statute.parse(drafting.with_value(twice.text, new(value="3000000")), "new")
    assert again.history("penalty.cap")[-1].note == ""


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"key": "penalty.nothing"}, "key", "no value"),
        ({"valid_from": date(2020, 1, 1)}, "valid_from", "begins on"),
        ({"key": "incident.report", "value": "fifteen"}, "value", "written in digits"),
        ({"key": "incident.report", "value": "²"}, "value", "written in digits"),
        ({"key": "incident.report", "value": "9" * 400}, "value", "written in digits"),
    ],
)
def test_what_cannot_be_changed_says_why(change: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(DraftError, match=words) as caught:
        drafting.with_value(CALIFORNIA.text, new(**change))
    assert caught.value.field == field


@pytest.mark.parametrize("value", ["much", "", "1e999", "NaN", "-5"])
def test_a_value_that_does_not_fit_its_unit_is_no_pack(value: str) -> None:
    with pytest.raises(DraftError):
        drafting.sound(drafting.with_value(CALIFORNIA.text, new(value=value)), "ca-tfaia")


@pytest.mark.parametrize("pack", SHIPPED.values(), ids=list(SHIPPED))
def test_every_value_of_every_pack_can_be_changed(pack: statute.Pack) -> None:
    for key in sorted({value.key for value in pack.values}):
        value = pack.history(key)[-1]
        raw = ", ".join(value.value) if isinstance(value.value, tuple) else str(value.value)
        change = new(key=key, value=raw, status=value.status, valid_from=date(2035, 5, 5))
        made = drafting.sound(drafting.with_value(pack.text, change), pack.id)
        assert made.history(key)[-1].value == value.value
        assert made.history(key)[-2].valid_to == date(2035, 5, 4)


@pytest.mark.parametrize("pack", SHIPPED.values(), ids=list(SHIPPED))
def test_every_reading_of_every_pack_can_be_adopted(pack: statute.Pack) -> None:
    for reading in pack.readings.values():
        for option in reading.options:
            change = NewReading(reading.key, option.name, "The board", date(2027, 9, 1), "Because.")
            made = drafting.sound(drafting.with_reading(pack.text, change), pack.id)
            kept = made.readings[reading.key]
            assert (kept.adopted, kept.by, kept.on, kept.why) == (
                option.name,
                "The board",
                date(2027, 9, 1),
                "Because.",
            )
            assert [one.name for one in kept.options] == [one.name for one in reading.options]


def test_an_unknown_reading_or_option_is_refused() -> None:
    york = SHIPPED["ny-raise"]
    change = NewReading("penalty.subsequent", "whenever", "The board", date(2027, 9, 1), "Because.")
    with pytest.raises(DraftError, match="no option"):
        drafting.with_reading(york.text, change)
    with pytest.raises(DraftError, match="no reading"):
        drafting.with_reading(york.text, NewReading("x", "y", "z", date(2027, 9, 1), "w"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[[", "no pack|TOML|Invalid|Expected"),
        ("", "missing"),
        (SHIPPED["ny-raise"].text, "is of ny-raise"),
        (CALIFORNIA.text.replace('"incident.report"', '"incident.retort"', 1), "."),
        (CALIFORNIA.text.replace('zone = "America/Los_Angeles"', 'zone = "Mars/Olympus"'), "no time zone"),
        (
            CALIFORNIA.text.replace('zone = "America/Los_Angeles"', 'zone = "../../etc/passwd"'),
            "no time zone",
        ),
    ],
)
def test_a_text_that_is_no_pack_is_refused_in_words(text: str, words: str) -> None:
    assert text != CALIFORNIA.text
    with pytest.raises(DraftError, match=words):
        drafting.sound(text, "ca-tfaia")


@settings(deadline=None)  # The first pack that is checked reads the calendars: a second, once.
@given(st.text(max_size=200), st.integers(0, 8000))
def test_no_text_breaks_the_check(piece: str, at: int) -> None:
    """A piece of anything put anywhere into a pack gives a pack or a refusal, never a fault."""
    text = CALIFORNIA.text[:at] + piece + CALIFORNIA.text[at:]
    with suppress(DraftError):
        drafting.sound(text, "ca-tfaia")
        drafting.with_value(text, new())

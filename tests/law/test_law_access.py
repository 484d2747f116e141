"""Laws of access: their clocks at the seams of the calendar, worked out by hand, and their form."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from portal.law import access, statute
from portal.law.access import ANSWER, OBJECT, RELEASE, REVIEW
from portal.law.deadlines import WrongTime
from portal.law.packs import PackError
from portal.law.statute import NotInForce

EU, NY = "eu-1049-2001", "ny-foil"
TABLE = (
    # law, period, start (UTC), last second (UTC): business days counted by hand
    (EU, ANSWER, "2027-11-08 12:00", "2027-11-30 22:59:59"),  # 11 November is closed
    (EU, ANSWER, "2027-11-08 22:59:59", "2027-11-30 22:59:59"),  # still the 8th in Brussels
    (EU, ANSWER, "2027-11-08 23:00", "2027-12-01 22:59:59"),  # the 9th there
    (EU, ANSWER, "2027-11-06 12:00", "2027-11-29 22:59:59"),  # a Saturday starts it too
    (EU, ANSWER, "2027-03-15 12:00", "2027-04-07 21:59:59"),  # over Easter and into summer time
    (EU, ANSWER, "2028-02-14 12:00", "2028-03-06 22:59:59"),  # over a leap day
    (EU, OBJECT, "2027-12-20 12:00", "2027-12-27 22:59:59"),
    (EU, RELEASE, "2027-12-20 12:00", "2028-01-03 22:59:59"),  # over the year
    (EU, REVIEW, "2027-11-30 12:00", "2027-12-21 22:59:59"),
    (NY, ANSWER, "2027-07-05 12:00", "2027-07-13 03:59:59"),  # Independence Day, kept on a Monday
    (NY, ANSWER, "2027-07-06 03:59:59", "2027-07-13 03:59:59"),
    (NY, ANSWER, "2027-07-06 04:00", "2027-07-14 03:59:59"),
    (NY, OBJECT, "2027-11-08 12:00", "2027-11-24 04:59:59"),  # Veterans Day
    (NY, RELEASE, "2028-02-25 12:00", "2028-03-12 04:59:59"),  # 15 days of the calendar, one a leap day
    (NY, REVIEW, "2027-10-20 12:00", "2027-11-20 04:59:59"),  # 30 days, out of summer time
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("law", "key", "start", "due"), TABLE)
def test_a_period_ends_with_its_last_day_in_the_zone_of_the_law(
    law: str, key: str, start: str, due: str
) -> None:
    found = access.run(access.load(law), key, at(start))
    assert found.due_at == at(due)
    assert found.citation
    assert found.why[0].startswith("From ")
    assert access.begins(access.load(law), found.due_at) == at(due) + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("law", "start", "due"),
    [
        (EU, "2027-11-08 12:00", "2027-12-21 22:59:59"),
        (NY, "2027-07-05 12:00", "2027-08-10 03:59:59"),
    ],
)
def test_an_extension_counts_from_the_first_end_and_says_both_citations(
    law: str, start: str, due: str
) -> None:
    found = access.answer(access.load(law), at(start), extended=True)
    assert found.due_at == at(due)
    assert found.citation.count(";") >= 1
    assert "extended once" in found.why
    plain = access.answer(access.load(law), at(start))
    assert plain == access.run(access.load(law), ANSWER, at(start))
    assert plain.due_at < found.due_at


def test_no_day_of_three_years_is_answered_before_it_came_or_after_a_later_one() -> None:
    for law in access.laws():
        last = at("2026-12-31 00:00")
        for day in range(3 * 365):
            due = access.answer(law, at("2027-01-01 12:00") + timedelta(days=day)).due_at
            assert due >= last
            assert due > at("2027-01-01 12:00") + timedelta(days=day)
            last = due


def test_an_instant_without_a_zone_and_a_day_before_the_law_are_refused() -> None:
    with pytest.raises(WrongTime):
        access.run(access.load(EU), ANSWER, datetime(2027, 1, 1))
    with pytest.raises(NotInForce):
        access.run(access.load(EU), ANSWER, at("2001-01-01 00:00"))


def test_the_office_names_the_law_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert access.of_place(date(2027, 1, 1)).id == EU
    office = statute.load(statute.OFFICE)
    other = statute.parse(office.text.replace(f'value = "{EU}"', f'value = "{NY}"'), "office")
    with statute.using(other):
        assert access.of_place(date(2027, 1, 1)).id == NY
    with pytest.raises(NotInForce):
        access.of_place(date(2025, 12, 31))
    with pytest.raises(PackError, match="No law of access"):
        access.load("nothing")


@pytest.mark.parametrize("law", access.laws(), ids=lambda law: law.id)
def test_every_shipped_law_cites_what_it_says(law: access.AccessLaw) -> None:
    assert {one.code for one in law.exemptions} >= {"trade_secret", "personal_data", "public_security"}
    for exemption in law.exemptions:
        assert law.exemption(exemption.code) is exemption
        assert exemption.citation
        assert exemption.words
    assert law.exemption("made_up") is None
    assert law.review.how
    assert law.review.citation


SOUND = (access.FOLDER / "eu-1049-2001.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('id = "eu-1049-2001"', "", "id is missing"),
        ('short = "', 'shorter = "x"\nshort = "', "unknown key"),
        ('status = "enacted"', 'status = "wished"', "not one of"),
        ('zone = "Europe/Brussels"', 'zone = "Europe/Nowhere"', "no time zone"),
        ('key = "release"', 'key = "let_go"', "no value 'release'"),
        ('value = 5\nunit = "business days"', 'value = 5\nunit = "hours"', "counts days"),
        ('code = "personal_data"', 'code = "public_security"', "stands twice"),
        ('words = "Disclosure would undermine the protection of public security."', "", "words is missing"),
        ('library = ["BE", "market:XECB"]', 'library = ["ZZ"]', "no calendar"),
        ("[review]", "[review", "^x: "),
    ],
)
def test_a_law_that_is_not_of_the_form_is_refused(old: str, new: str, words: str) -> None:
    assert old in SOUND
    with pytest.raises(PackError, match=words):
        access.parse(SOUND.replace(old, new, 1), "x")

"""Form fields: what was typed is kept, also when wrong, and the words say what to do."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import wtforms
from werkzeug.datastructures import MultiDict
from wtforms import StringField
from wtforms.fields.choices import SelectChoice

from portal.ui.fields import (
    ComputeField,
    ExactField,
    MemorableDateField,
    MemorableMomentField,
    Needed,
    SelectField,
    SelectMultipleField,
    TierField,
    audience_of,
    chosen,
    offered,
)
from portal.ui.forms import Form


class Sample(Form):
    owner = StringField("Owner", validators=[Needed("Name a risk owner.")])
    due = MemorableDateField("Due date")
    known = MemorableMomentField("When you learned of it")
    amount = ExactField("Revenue")
    compute = ComputeField("Compute")
    tier = TierField("Risk tier", choices=[("1", "Tier 1", "Little"), ("0", "Not tiered", "Say why")])
    kind = SelectField("Kind", choices=[("a", "A")])
    many = SelectMultipleField("Many", choices=[("a", "A"), ("b", "B")])


GOOD = {"owner": "Dr W.", "tier": "0", "kind": "a"}


def sent(**typed: str) -> Sample:
    form = Sample(MultiDict({**GOOD, **{name.replace("_", "-"): words for name, words in typed.items()}}))
    form.validate()
    return form


def test_a_complete_form_has_no_problems() -> None:
    form = sent(due_day="1", due_month="10", due_year="2027", amount="540 000 000.00", compute="3.8 × 10^25")
    assert form.problems() == []
    assert form.due.data == date(2027, 10, 1)
    assert form.amount.data == Decimal("540000000.00")
    assert form.compute.data == Decimal("3.8e25")
    assert form.tier.data == "0"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("31", "2", "2027"), "There is no such date"),
        (("1", "", "2027"), "Write the month too"),
        (("", "", "2027"), "Write the day and the month too"),
        (("1", "10", "27"), "four digits"),
        (("1", "ten", "2027"), "as numbers"),
        (("١", "10", "2027"), "as numbers"),
        (("1", "10", "0000"), "There is no such date"),
    ],
)
def test_a_wrong_date_keeps_what_was_typed(parts: tuple[str, str, str], words: str) -> None:
    form = sent(due_day=parts[0], due_month=parts[1], due_year=parts[2])
    assert form.due.data is None
    assert form.due.shown[:3] == parts
    assert words in form.due.errors[0]
    assert form.problems()[0] == ("due", f"Due date: {form.due.errors[0][0].lower()}{form.due.errors[0][1:]}")


def test_an_absent_date_is_none_and_a_known_one_is_shown() -> None:
    assert sent().due.data is None
    empty = Sample(data={"due": date(2027, 10, 1), "known": datetime(2027, 9, 3, 9, 5, tzinfo=UTC)})
    assert empty.due.shown == ("1", "10", "2027", None)
    assert empty.known.shown == ("3", "9", "2027", "09:05")
    assert Sample().known.shown == ("", "", "", "")


@pytest.mark.parametrize(("typed", "hour"), [("14:30", 14), ("9.05", 9)])
def test_a_moment_is_utc(typed: str, hour: int) -> None:
    form = sent(known_day="3", known_month="9", known_year="2027", known_time=typed)
    assert form.known.data is not None
    assert (form.known.data.hour, form.known.data.tzinfo) == (hour, UTC)


@pytest.mark.parametrize("typed", ["", "25:00", "noon", "14:60"])
def test_a_moment_needs_its_time(typed: str) -> None:
    form = sent(known_day="3", known_month="9", known_year="2027", known_time=typed)
    assert "for example 14:30" in form.known.errors[0]
    assert form.known.shown.time == typed


@pytest.mark.parametrize(
    ("typed", "value"),
    [("1,234,567.89", "1234567.89"), ("1'000", "1000"), ("0.1", "0.1"), ("-5", "-5"), ("", None)],
)
def test_exact_numbers(typed: str, value: str | None) -> None:
    form = sent(amount=typed)
    assert form.amount.data == (None if value is None else Decimal(value))
    assert form.amount._value() == typed


@pytest.mark.parametrize("typed", ["4,5", "1.2.3", "1e5", "NaN", "ten", "1,00,000", "9" * 50])
def test_numbers_that_could_mean_two_things_are_refused(typed: str) -> None:
    form = sent(amount=typed)
    assert form.amount.data is None
    assert "in digits" in form.amount.errors[0]
    assert form.amount._value() == typed


@pytest.mark.parametrize("typed", ["3.8e25", "3.8E+25", "3.8 x 10^25", "3.8*10^25", "38" + "0" * 24])
def test_training_compute_is_exact(typed: str) -> None:
    assert sent(compute=typed).compute.data == Decimal("3.8e25")


def test_training_compute_says_how_to_write_it() -> None:
    assert "3.8e25" in sent(compute="a lot").compute.errors[0]
    assert Sample(data={"compute": Decimal("100")}).compute._value() == "100"


def test_an_answer_that_was_not_offered() -> None:
    assert "Choose one of the answers" in sent(tier="9").tier.errors[0]
    assert "Choose one of the answers" in sent(many="z").many.errors[0]
    assert sent(kind="").kind.data is None
    assert sent(kind="").problems() == []


def test_many_answers() -> None:
    form = Sample(MultiDict([*GOOD.items(), ("many", "a"), ("many", "b")]))
    assert form.validate()
    assert form.many.data == ["a", "b"]
    assert sent().many.data == []


def test_choices_for_a_template() -> None:
    form = sent(many="b")
    assert offered(form.tier) == [("1", "Tier 1", "Little"), ("0", "Not tiered", "Say why")]
    assert (chosen(form.tier), chosen(form.many), chosen(sent(kind="").kind)) == (["0"], ["b"], [])

    class Foreign(Form):
        kind = wtforms.SelectField("Kind", choices=[SelectChoice("a", "A")])

    assert offered(Foreign().kind) == [("a", "A", "")]


def test_the_list_of_problems_can_be_read_alone() -> None:
    form = sent(owner="", kind="z")
    form.refuse("amount", "Revenue of 2026 is already filed.")
    assert form.problems() == [
        ("owner", "Name a risk owner."),
        ("amount", "Revenue of 2026 is already filed."),
        ("kind", "Choose one of the answers for “Kind”."),
    ]
    form.form_errors = ["Somebody else changed this report."]
    assert form.problems()[-1] == ("", "Somebody else changed this report.")


@pytest.mark.parametrize(
    ("typed", "audience"),
    [
        ({"a-audience": "public", "a-reason": "left over"}, ("public", "")),
        ({"a-audience": "confidential", "a-reason": " trade secret "}, ("confidential", "trade secret")),
        ({}, ("confidential", "")),
        ({"a-audience": "PUBLIC"}, ("confidential", "")),
    ],
)
def test_what_is_not_marked_public_is_confidential(typed: dict[str, Any], audience: tuple[str, str]) -> None:
    assert audience_of(typed, "a") == audience

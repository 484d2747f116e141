"""The forms of review: they keep what was typed and know no rule; rules are the verbs'."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, StringField, TextAreaField

from portal.law import statute
from portal.law.deadlines import end_of
from portal.review.workflow import HandlingClass
from portal.ui.fields import MemorableDateField, RadioField
from portal.ui.forms import Form


def end_of_day(day: date | None) -> datetime | None:
    """The last second of a day in the office's zone, or ``None``."""
    return None if day is None else end_of(day, statute.load(statute.OFFICE).zone)


def start_of_day(day: date | None) -> datetime | None:
    """The first instant of a day in the office's zone, or ``None``."""
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=statute.load("office").zone)


def numbered(form: MultiDict[str, str], prefix: str) -> list[str]:
    """The texts of ``prefix-1``, ``prefix-2`` and so on, as far as they go."""
    found: list[str] = []
    while (text := form.get(f"{prefix}-{len(found) + 1}")) is not None:
        found.append(text)
    return found


def ids(values: Sequence[str]) -> list[uuid.UUID]:
    """The identifiers among what a form sent; what is none of them names nobody."""
    found = []
    for value in values:
        try:
            found.append(uuid.UUID(value))
        except ValueError:
            continue
    return found


class QuestionsForm(Form):
    """Information request."""

    legal_basis = StringField(
        "Legal basis", description="The law that lets the authority ask, for example EU AI Act Art. 91."
    )
    purpose = TextAreaField("Purpose", description="What the answer is for. The developer reads it.")
    due = MemorableDateField("Answer due by")


class PlanForm(Form):
    """Plan request; sections and readers are lists beside it."""

    purpose = TextAreaField("Purpose", description="What the reading is for. The developer reads it.")
    legal_basis = StringField("Legal basis")
    necessity = TextAreaField("Why the public outline is not enough")
    handling = RadioField(
        "Handling class",
        choices=[(one.value, f"{one.label}. {one.meaning}") for one in HandlingClass],
        default=HandlingClass.CONFIDENTIAL.value,
    )
    pages = StringField(
        "Pages that may be read",
        description="Under each access grant. Each reader has one, and another for sections that come later.",
        default="60",
    )
    deliver_by = MemorableDateField("Delivery due by")
    read_from = MemorableDateField("Reading begins")
    read_until = MemorableDateField("Reading ends", description="The last day on which a page can be opened.")


class RecommendForm(Form):
    """Recommendation of a decision; channels, conditions, flags and evidence are lists beside it."""

    power = StringField(
        "Power", description="The law under which it is decided, for example EU AI Act Art. 93."
    )
    until = MemorableDateField("Until", description="For a delay, or where the decision ends by itself.")
    reasons = TextAreaField("Reasons", description="Published with the decision.")
    confidential_annex = TextAreaField(
        "Confidential annex", description="For the developer and the authority only. It may stay empty."
    )


class BreachForm(Form):
    """That a condition is breached: since when, and whether that can be before its due date."""

    breached_on = MemorableDateField(
        "First day on which it was not kept", description="Only for a breach. Enforcement counts from it."
    )
    forbids = BooleanField("The condition forbids something until its due date")


class AppointForm(Form):
    """Appointment of an evaluator; categories are a list beside it."""

    questions = TextAreaField("Questions", description="What the assessment is to answer.")
    window_from = MemorableDateField("First day of access")
    window_until = MemorableDateField("Last day")


def errors(form: Form, problems: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Put problems at their fields; what has no field of the form is returned by name."""
    beside: dict[str, str] = {}
    for name, words in problems:
        if name in form:
            form.refuse(name, words)
        else:
            beside.setdefault(name, words)
    return beside


def listed(form: Form, beside: dict[str, Any]) -> list[tuple[str, str]]:
    """Every problem of a page, for its summary."""
    return [*form.problems(), *beside.items()]

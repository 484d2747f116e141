"""Forms of legal staff: a version, a value, a reading, the whole text."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, StringField, TextAreaField

from portal.law import statute
from portal.law.statute import Pack, Reading, Value
from portal.legal.drafting import NewReading, NewValue
from portal.ui.fields import MemorableDateField, Needed, RadioField, SelectField
from portal.ui.forms import Form

LONGEST_TEXT = 400_000
"""Characters of a pack's text that are read from a form; the longest shipped pack has a tenth of it."""

Sent = Any


class VersionForm(Form):
    """Which pack, from which day, and why."""

    pack = SelectField("Pack", validators=[Needed("Choose the pack to change.")])
    live_from = MemorableDateField(
        "Goes live on",
        description="From the beginning of this day results are made with the version.",
        validators=[Needed("Give the day on which it goes live.")],
    )
    why = TextAreaField(
        "Why the law changes",
        description="The act, order or adoption that this follows, with its date.",
        validators=[Needed("Write why: whoever approves reads it first.")],
    )


class DateForm(Form):
    """Another day to go live."""

    live_from = MemorableDateField("Goes live on", validators=[Needed("Give the day on which it goes live.")])


class ValueForm(Form):
    """What a value is from a day on."""

    valid_from = MemorableDateField(
        "First day",
        description="The value before ends the day before. The day of the last change corrects that change.",
        validators=[Needed("Give the first day of the new value.")],
    )
    value = StringField("Value", validators=[Needed("Write the value.")])
    citation = StringField("Citation", validators=[Needed("Cite the provision.")])
    source = StringField(
        "Source", description="The text that was read.", validators=[Needed("Name the text that was read.")]
    )
    status = RadioField(
        "Status",
        choices=[(status, status.capitalize()) for status in statute.STATUSES],
        validators=[Needed("Choose a status.")],
    )
    verified = BooleanField("I have read this value in the source")
    note = TextAreaField("Note", description="What a reader should know beside the number. May stay empty.")

    def as_value(self, key: str) -> NewValue:
        """The answers, once they are valid."""
        assert self.valid_from.data is not None
        return NewValue(
            key=key,
            valid_from=self.valid_from.data,
            value=self.value.data or "",
            citation=(self.citation.data or "").strip(),
            source=(self.source.data or "").strip(),
            status=self.status.data,
            verified=bool(self.verified.data),
            note=(self.note.data or "").strip(),
        )


class ReadingForm(Form):
    """Which reading the authority adopts."""

    adopted = RadioField("Reading adopted", validators=[Needed("Choose the reading to adopt.")])
    by = StringField(
        "Adopted by",
        description="An office, not a person: this stands in the public text of the pack.",
        validators=[Needed("Name the office that adopts it.")],
    )
    on = MemorableDateField("Adopted on", validators=[Needed("Give the day of the adoption.")])
    why = TextAreaField("Why", validators=[Needed("Write why this reading is adopted.")])

    def as_reading(self, key: str) -> NewReading:
        """The answers, once they are valid."""
        assert self.on.data is not None
        by, why = (self.by.data or "").strip(), (self.why.data or "").strip()
        return NewReading(key=key, adopted=self.adopted.data, by=by, on=self.on.data, why=why)


class TextForm(Form):
    """The whole pack as TOML, for what has no form of its own."""

    text = TextAreaField("Text of the pack", validators=[Needed("The pack is empty. Nothing was kept.")])


class WithdrawForm(Form):
    """Why a version is withdrawn."""

    reason = TextAreaField("Why it is withdrawn", validators=[Needed("Write why. The version stays listed.")])


def version_form(sent: Sent = None, pack: str = "") -> VersionForm:
    """The form of a new version, with every shipped pack to choose from."""
    form = VersionForm(sent, pack=pack)
    form.pack.choices = [(one.id, one.name) for one in statute.shipped()]
    return form


def value_form(value: Value, sent: Sent = None) -> ValueForm:
    """The form of a value, filled in as it stands; the first day is left to the person."""
    return ValueForm(
        sent,
        value=as_typed(value),
        citation=value.citation,
        source=value.source,
        status=value.status,
        note=value.note,
    )


def reading_form(reading: Reading, authority: str, sent: Sent = None) -> ReadingForm:
    """The form of a reading, with its options."""
    form = ReadingForm(sent, adopted=reading.adopted, by=authority)
    form.adopted.choices = [(option.name, option.label, option.why) for option in reading.options]
    return form


def last_values(pack: Pack) -> list[Value]:
    """The value of each key that holds last, in the order of the keys."""
    return [pack.history(key)[-1] for key in sorted({value.key for value in pack.values})]


def as_typed(value: Value) -> str:
    """A value as a person types it."""
    raw = value.value
    return ", ".join(raw) if isinstance(raw, tuple) else f"{raw:f}" if hasattr(raw, "as_tuple") else str(raw)

"""Form fields that WTForms lacks: memorable dates, exact numbers, risk tiers. All keep what was typed."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, cast

from wtforms import Field
from wtforms.validators import StopValidation
from wtforms.widgets import TextInput

_TIME = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_SCIENTIFIC = re.compile(r"(\d+(?:\.\d+)?)\s*(?:[eE]|[x×*]\s*10\s*\^)\s*\+?(\d{1,3})")


Choices = Sequence[tuple[Any, str] | tuple[Any, str, str]]


class _Submitted(Protocol):
    def get(self, key: str, default: str = "") -> str | None: ...


class Typed(NamedTuple):
    """The parts of a date as they were typed; `time` is None for a date without a time of day."""

    day: str
    month: str
    year: str
    time: str | None = None


class MemorableDateField(Field):
    """A date in three inputs, `NAME-day`, `NAME-month`, `NAME-year`; `data` is a date, or None when
    nothing was typed.
    """

    data: date | None
    shown: Typed = Typed("", "", "")

    def process(
        self, formdata: Any, data: Any = None, extra_filters: Sequence[Callable[[Any], Any]] | None = None
    ) -> None:
        """Take what was typed; a date that does not exist becomes an error that names what is wrong."""
        self.process_errors = []
        self.data = self.default if data is None or not isinstance(data, date) else data
        self.shown = self._show(self.data)
        typed = None if formdata is None else self._typed(cast(_Submitted, formdata))
        if typed is None:
            return
        self.shown = typed
        self.raw_data = [part for part in typed if part]
        try:
            self.data = self._parse(typed) if self.raw_data else None
        except ValueError as wrong:
            self.data = None
            self.process_errors = [str(wrong)]

    def _typed(self, formdata: _Submitted) -> Typed | None:
        parts = [formdata.get(f"{self.name}-{part}") for part in ("day", "month", "year")]
        return (
            None if all(part is None for part in parts) else Typed(*((part or "").strip() for part in parts))
        )

    def _show(self, value: date | None) -> Typed:
        return (
            Typed("", "", "") if value is None else Typed(str(value.day), str(value.month), str(value.year))
        )

    def _parse(self, typed: Typed) -> date:
        missing = [name for name, part in zip(("day", "month", "year"), typed, strict=False) if not part]
        if missing:
            raise ValueError(f"Write the {' and the '.join(missing)} too, for example 1 10 2027.")
        if not all(part.isascii() and part.isdigit() for part in typed[:3]):
            raise ValueError("Write day, month and year as numbers, for example 1 10 2027.")
        if len(typed.year) != 4:
            raise ValueError("Write the year with four digits, for example 2027.")
        try:
            return date(int(typed.year), int(typed.month), int(typed.day))
        except (ValueError, OverflowError):
            raise ValueError("There is no such date. Check the day and the month.") from None


class MemorableMomentField(MemorableDateField):
    """A date and a time of day in UTC (`NAME-time`, as 14:30); `data` is an aware datetime or None."""

    data: datetime | None
    shown: Typed = Typed("", "", "", "")

    def _typed(self, formdata: _Submitted) -> Typed | None:
        typed = super()._typed(formdata)
        return (
            None if typed is None else typed._replace(time=(formdata.get(f"{self.name}-time") or "").strip())
        )

    def _show(self, value: date | None) -> Typed:
        if not isinstance(value, datetime):
            return Typed("", "", "", "")
        utc = value.astimezone(UTC)
        return super()._show(utc)._replace(time=f"{utc:%H:%M}")

    def _parse(self, typed: Typed) -> datetime:
        on = super()._parse(typed)
        found = _TIME.fullmatch(typed.time or "")
        if found is None:
            raise ValueError("Write the time in UTC with hours and minutes, for example 14:30.")
        return datetime(on.year, on.month, on.day, int(found[1]), int(found[2]), tzinfo=UTC)


IN_DIGITS = "Write a number in digits, with a point before cents, for example 540000000.00."


def exact_number(text: str, example: str = IN_DIGITS) -> Decimal:
    """`540,000,000.00` to Decimal; ValueError says how to write it, by an example."""
    plain = re.sub(r"(?<=\d)[,'\u2019\u00a0\u202f ](?=\d{3}(\D|$))", "", text)
    if len(plain) > 40 or not _NUMBER.fullmatch(plain):
        raise ValueError(example)
    return Decimal(plain)


class ExactField(Field):
    """A number with digits and at most one decimal point; `data` is an exact Decimal, or None when empty.

    Thousands separators (comma, space, apostrophe) are taken away where they stand between groups of three
    digits.
    """

    data: Decimal | None
    widget = TextInput()
    inputmode = "decimal"

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data:f}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Parse the text; raises ValueError with words for the person."""
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data = self.parse(text) if text else None

    example = IN_DIGITS

    def parse(self, text: str) -> Decimal:
        """`540,000,000.00` to Decimal; ValueError says how to write it."""
        return exact_number(text, self.example)


class PercentField(ExactField):
    """A percentage from 0 to 100 as typed, `12.5`; `data` is an exact Decimal."""

    example = "Write a percentage in digits, with a point before the parts of one, for example 12.5."


class ComputeField(ExactField):
    """Training compute in FLOP, as `3.8e25`, `3.8 × 10^25` or in digits; `data` is an exact Decimal."""

    inputmode = "text"

    def parse(self, text: str) -> Decimal:
        """Text to FLOP; ValueError says how to write it."""
        found = _SCIENTIFIC.fullmatch(text)
        if found:
            return Decimal(f"{found[1]}e{found[2]}")
        try:
            return super().parse(text)
        except ValueError:
            raise ValueError("Write training compute as 3.8e25 or in digits.") from None


class SelectField(Field):
    """One of a few answers, drawn as a list; `data` is its value, or None when nothing was chosen.

    `choices` are (value, words) or (value, words, one line more), and may be set later on the bound field;
    WTForms' own field of this name deprecates plain tuples. An empty answer passes; use `Needed` where one
    must be given.
    """

    data: Any
    choices: Choices

    def __init__(
        self, label: str = "", validators: Any = None, *, choices: Choices = (), **more: Any
    ) -> None:
        more.pop("validate_choice", None)
        super().__init__(label, validators, **more)
        self.choices = choices

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the answer that was sent."""
        if valuelist:
            self.data = str(valuelist[0]) or None

    def pre_validate(self, form: Any) -> None:
        """Refuse a value that was not offered, in words a person can act on."""
        sent = [] if self.data is None else self.data if isinstance(self.data, list) else [self.data]
        if any(str(one) not in {str(choice[0]) for choice in self.choices} for one in sent if one != ""):
            raise StopValidation(f"Choose one of the answers for “{self.label.text}”.")


class RadioField(SelectField):
    """One of a few answers, drawn as radios, all of them visible at once."""


class TierField(SelectField):
    """A risk tier: radios with a rule between them and the tier's text behind its name."""


class SelectMultipleField(SelectField):
    """Any number of answers, drawn as checkboxes; `data` is a list of values."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take all answers that were sent; none at all is an empty list."""
        self.data = [str(value) for value in valuelist]


class Needed:
    """Validator: something must be given. `words` say what to do, not that the field is required."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __call__(self, form: Any, field: Field) -> None:
        """Stop at the first thing that is wrong: keep a parsing error if there is one."""
        if not field.errors and (field.data is None or field.data in ("", [])):
            raise StopValidation(self.words)


def audience_of(submitted: Mapping[str, str], name: str) -> tuple[str, str]:
    """Who may read the answer `name`, as its audience radios say: (`public` or `confidential`, reason).

    Anything else than the word `public` is confidential: a cut-off form must never publish.
    """
    public = submitted.get(f"{name}-audience") == "public"
    return ("public", "") if public else ("confidential", submitted.get(f"{name}-reason", "").strip())


def offered(field: Any) -> list[tuple[str, str, str]]:
    """The choices of a field of ours or of WTForms as (value, words, one line more), for a template."""
    if isinstance(field, SelectField):
        return [(str(c[0]), c[1], c[2] if len(c) > 2 else "") for c in field.choices]
    return [(str(value), str(words), "") for value, words, *_ in field.iter_choices()]


def chosen(field: Any) -> list[str]:
    """The values of a field that are chosen now, as text, for a template."""
    data = field.data
    return [] if data is None else [str(one) for one in (data if isinstance(data, list) else [data])]

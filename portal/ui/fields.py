"""Form fields that WTForms lacks: memorable dates, exact numbers, risk tiers. All keep what was typed."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, cast

from wtforms import Field, RadioField
from wtforms.validators import StopValidation
from wtforms.widgets import TextInput

_TIME = re.compile(r"([01]?\d|2[0-3])[:.]([0-5]\d)")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_SCIENTIFIC = re.compile(r"(\d+(?:\.\d+)?)\s*(?:[eE]|[x×*]\s*10\s*\^)\s*\+?(\d{1,3})")


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
        except ValueError:
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

    def parse(self, text: str) -> Decimal:
        """`540,000,000.00` to Decimal; ValueError says how to write it."""
        plain = re.sub(r"(?<=\d)[,'\u2019\u00a0\u202f ](?=\d{3}(\D|$))", "", text)
        if len(plain) > 40 or not _NUMBER.fullmatch(plain):
            raise ValueError("Write a number in digits, with a point before cents, for example 540000000.00.")
        return Decimal(plain)


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


class TierField(RadioField):
    """Radios with a rule between them, for risk tiers; choices are (value, label, description)."""

    def iter_choices(self) -> Any:
        """WTForms knows pairs; the description is for the template only."""
        for choice in cast("Sequence[tuple[str, ...]]", self.choices or ()):
            yield choice[0], choice[1], self.coerce(choice[0]) == self.data, {}

    def pre_validate(self, form: Any) -> None:
        """Refuse a value that was not offered, in words a person can act on."""
        if self.data not in {choice[0] for choice in cast("Sequence[tuple[str, ...]]", self.choices or ())}:
            raise StopValidation(f"Choose one answer for “{self.label.text}”.")


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

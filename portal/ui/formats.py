"""How values are written on a page, in a letter and in a chart: pure functions, also template filters.

Nothing here rounds an amount of money and nothing here reads the clock. Times are UTC unless the caller
names a zone.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from markupsafe import Markup

from portal.law.deadlines import dated

MINUS = "\N{MINUS SIGN}"
# ISO 4217 currencies whose minor unit is not a hundredth.
_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}
_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_SHORT = 18
_DAY = timedelta(days=1)
_HOURS_UNTIL = timedelta(hours=72)


class Priced(Protocol):
    """Anything that is an amount of a currency: an exact amount and an ISO 4217 code."""

    @property
    def amount(self) -> Decimal: ...
    @property
    def currency(self) -> str: ...


class Urgency(NamedTuple):
    """How near a due time is: the `kind` of a status mark, and its words."""

    kind: str
    words: str


def day(value: date | datetime | None, empty: str = "–") -> str:
    """A date with its weekday: `Fri 1 Oct 2027`. A datetime is taken in its own zone."""
    return empty if value is None else f"{value:%a} {value.day} {value:%b %Y}"


def date_only(value: date | datetime | None, empty: str = "–") -> str:
    """A date without its weekday, for the past: `1 Oct 2027`."""
    return empty if value is None else dated(value)


def zone_name(zone: str) -> str:
    """What people call a zone: `Brussels` for `Europe/Brussels`."""
    return zone.rpartition("/")[2].replace("_", " ")


def clock_time(value: datetime, zone: str = "UTC") -> str:
    """The time of day with its zone: `14:32 UTC`; seconds only where they are not zero."""
    local = _aware(value).astimezone(ZoneInfo(zone))
    return f"{local:%H:%M:%S} {zone_name(zone)}" if local.second else f"{local:%H:%M} {zone_name(zone)}"


def moment(value: datetime | None, zone: str = "UTC", empty: str = "–") -> str:
    """An instant: `8 Nov 2027, 23:59:59 Brussels`. Refuses a datetime without a zone (ValueError)."""
    if value is None:
        return empty
    return f"{date_only(_aware(value).astimezone(ZoneInfo(zone)))}, {clock_time(value, zone)}"


def due(value: datetime | None, zone: str = "UTC", empty: str = "–") -> str:
    """An instant by which something must be done, with its weekday: `Fri 1 Oct 2027, 17:00 UTC`."""
    if value is None:
        return empty
    return f"{day(_aware(value).astimezone(ZoneInfo(zone)))}, {clock_time(value, zone)}"


def amount(value: Decimal, currency: str = "") -> str:
    """An exact amount without its currency: `3,750,000.00`. Pads to the currency's minor unit and never
    rounds.
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"an amount of money is a Decimal, not {type(value).__name__}")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("not an amount of money: not finite")
    digits = max(-exponent, _DIGITS.get(currency, 2))
    return f"{MINUS if value < 0 else ''}{abs(value):,.{digits}f}"


def money(value: Priced | Decimal | None, currency: str = "", empty: str = "–") -> str:
    """`EUR 3,750,000.00`, of an object with `amount` and `currency` or of a Decimal and a code."""
    if value is None:
        return empty
    exact, code = (value, currency) if isinstance(value, Decimal) else (value.amount, value.currency)
    if not code:
        raise ValueError("an amount of money has a currency")
    return f"{code} {amount(exact, code)}"


def change(value: Decimal, currency: str = "") -> str:
    """An amount that is added or taken away: `+ 450,000.00`, `− 300,000.00`, `0.00`."""
    if value == 0:
        return amount(abs(value), currency)
    return f"{'+' if value > 0 else MINUS} {amount(abs(value), currency)}"


def count(value: int) -> str:
    """A whole number with separators: `4,812`."""
    return f"{value:,}"


def flop_text(value: Decimal | int | None, empty: str = "–") -> str:
    """Training compute as plain text: `3.8 × 10^25 FLOP`, with all significant digits that were given."""
    if value is None:
        return empty
    parts = _scientific(Decimal(value))
    return "0 FLOP" if parts is None else f"{parts[0]} × 10^{parts[1]} FLOP"


def flop(value: Decimal | int | None, empty: str = "–") -> Markup:
    """Training compute for a page: a raised exponent to look at, `10^25` to hear."""
    parts = None if value is None else _scientific(Decimal(value))
    if parts is None:
        return Markup("{}").format(flop_text(value, empty))
    seen = Markup('<span aria-hidden="true">{} × 10<sup>{}</sup> FLOP</span>').format(*parts)
    return Markup('<span class="nowrap">{}<span class="usa-sr-only">{}</span></span>').format(
        seen, flop_text(value)
    )


def size(value: int) -> str:
    """A number of bytes in decimal units: `820 bytes`, `1.5 MB`."""
    if value < 1000:
        return plural(value, "byte")
    scaled = Decimal(value)
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007  the last unit is used after the loop
        scaled /= 1000
        if scaled < Decimal("999.95"):
            break
    return f"{scaled.quantize(Decimal('0.1'), ROUND_HALF_UP):,} {unit}"


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 day`, `1,200 days`, `2 entries` (`plural(2, "entry", "entries")`)."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def in_words(number: int) -> str:
    """A number that begins a sentence: `Two`; digits from ten on."""
    return _WORDS[number] if 0 <= number < len(_WORDS) else f"{number:,}"


def duration(value: timedelta) -> str:
    """A length of time in whole units, rounded down: `11 min`, `49 h`, `19 days`."""
    minutes = int(abs(value).total_seconds() // 60)
    if minutes < 60:
        return f"{max(minutes, 1)} min"
    return f"{minutes // 60} h" if abs(value) < _HOURS_UNTIL else plural(abs(value) // _DAY, "day")


def late(due_at: date | datetime, done_at: date | datetime) -> str:
    """How long after its due time something was done: `49 h late`, `19 days late`, empty when in time.

    Two datetimes are compared as instants: hours up to 72. Beyond, and for dates, calendar days are counted,
    as periods of law are: due at the end of 9 August and done on the 28th is 19 days late.
    """
    if isinstance(due_at, datetime) and isinstance(done_at, datetime):
        over = _aware(done_at) - _aware(due_at)
        if over < _HOURS_UNTIL:
            return f"{duration(over)} late" if over > timedelta() else ""
    days = (_date(done_at) - _date(due_at)).days
    return f"{plural(days, 'day')} late" if days > 0 else ""


def urgency(due_at: date | datetime, now: date | datetime) -> Urgency:
    """How a due time is marked in a list of tasks: late and today stop, less than two weeks warn, the rest
    is neutral.
    """
    over = late(due_at, now)
    if over:
        return Urgency("stop", over)
    days = (_date(due_at) - _date(now)).days
    if days <= 0:
        return Urgency("stop", "Today")
    return Urgency("warn" if days < 14 else "neutral", plural(days, "day"))


def reference(value: str) -> Markup:
    """A reference such as `C-2027-014`, which never breaks over two lines."""
    return Markup('<span class="ref">{}</span>').format(value)


def status(kind: str, words: str) -> Markup:
    """A status mark: word, shape and colour. `kind` is stop, warn, good, seal or neutral."""
    shaped = "" if kind in ("", "neutral") else f" st--{kind}"
    shaped += " nowrap" if len(words) <= _SHORT else ""
    return Markup('<span class="st{}">{}</span>').format(shaped, words)


def digest(value: str | bytes) -> str:
    """A digest in groups of four hexadecimal digits, as people read them out."""
    text = value.hex() if isinstance(value, bytes) else value
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def _scientific(value: Decimal) -> tuple[str, int] | None:
    if value == 0:
        return None
    shown = f"{value.scaleb(-value.adjusted()):f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown), value.adjusted()


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time without a zone cannot be shown")
    return value


def _date(value: date | datetime) -> date:
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value


FILTERS = {
    "day": day,
    "date_only": date_only,
    "from_iso": date.fromisoformat,
    "clock_time": clock_time,
    "moment": moment,
    "due": due,
    "amount": amount,
    "money": money,
    "change": change,
    "count_of": count,
    "flop": flop,
    "flop_text": flop_text,
    "bytes": size,
    "plural": plural,
    "in_words": in_words,
    "duration": duration,
    "late": late,
    "urgency": urgency,
    "reference": reference,
    "digest": digest,
    "status": status,
}

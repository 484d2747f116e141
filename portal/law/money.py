"""Exact money: `Decimal` amounts, ISO 4217 currencies with their minor units, half-up rounding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final, Literal

from portal.law.facts import FactError, Facts, LawError

# ISO 4217, list one: currencies whose minor unit is not a hundredth.
_NO_MINOR = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTH = "BHD IQD JOD KWD LYD OMR TND"
_HUNDREDTH = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
    "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
    "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD "
    "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS "
    "VES WST XCD YER ZAR ZMW ZWG"
)
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_HUNDREDTH.split(), 2),
    **dict.fromkeys(_NO_MINOR.split(), 0),
    **dict.fromkeys(_THOUSANDTH.split(), 3),
}

_MINOR = {currency: Decimal(1).scaleb(-places) for currency, places in EXPONENTS.items()}
_ONE = Decimal(1)
_WIDE = Context(prec=120, rounding=ROUND_HALF_UP)

Quote = Literal["from per to", "to per from"]
FROM_PER_TO: Final = "from per to"
TO_PER_FROM: Final = "to per from"


class UnknownCurrency(LawError):
    """A code that is no ISO 4217 currency in use."""


class NotWhole(LawError):
    """An amount has more digits than its currency's minor unit."""


@contextmanager
def exact() -> Iterator[None]:
    """Arithmetic wide enough that no step of a calculation rounds before the rule says so."""
    with localcontext() as context:
        context.prec = 120
        context.rounding = ROUND_HALF_UP
        yield


def exponent(currency: str) -> int:
    """How many decimal places the currency has.

    Raises:
        UnknownCurrency: when the code is not in ISO 4217.
    """
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise UnknownCurrency(
            f"Currency {currency[:12]!r} is not known.",
            "ISO 4217 does not list it.",
            "Use a code such as EUR.",
        ) from None


def read_currency(facts: Facts, key: str) -> str | None:
    """The currency that facts state; None where they state none.

    Raises:
        FactError: when the code is not in ISO 4217, naming its path.
    """
    code = facts.text(key)
    if code is not None and code not in EXPONENTS:
        why = f"{code[:12]!r} is no currency of ISO 4217"
        raise FactError(facts.at(key), why, "Use a code such as EUR.")
    return code


def half_up(amount: Decimal, step: Decimal) -> Decimal:
    """Round to the nearest multiple of `step`, half away from zero."""
    return _WIDE.multiply(_WIDE.quantize(_WIDE.divide(amount, step), _ONE), step)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Round to the currency's minor unit, half up."""
    if currency not in _MINOR:
        exponent(currency)
    return half_up(amount, _MINOR[currency])


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency; never a float, never more digits than the currency has after `rounded`."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise LawError("An amount of money is no finite decimal.", "", "Use a decimal string.")

    @classmethod
    def from_minor(cls, units: int, currency: str) -> Money:
        """Money from integer minor units, as tables keep it."""
        return cls(Decimal(units).scaleb(-exponent(currency)), currency)

    def to_minor(self) -> int:
        """Integer minor units.

        Raises:
            NotWhole: when the amount is not a whole number of minor units; it is never rounded silently.
        """
        with exact():
            units = self.amount.scaleb(exponent(self.currency))
            if units != units.to_integral_value():
                raise NotWhole(f"{self.amount} {self.currency} has too many digits.", "", "Round it first.")
        return int(units)

    def rounded(self) -> Money:
        """The same money at the currency's minor unit, half up."""
        return Money(rounded(self.amount, self.currency), self.currency)

    def converted(self, to: str, rate: Decimal, quote: Quote) -> Money:
        """Convert at a stated rate, to the minor unit of the new currency, half up.

        Args:
            to: the currency wanted.
            rate: above zero.
            quote: `from per to` (of this currency for one of the other: divide) or `to per from`.
        """
        if rate <= 0:
            raise LawError(f"The rate {rate} is not above zero.", "", "State the rate as published.")
        with exact():
            amount = self.amount / rate if quote == FROM_PER_TO else self.amount * rate
        return Money(rounded(amount, to), to)


def plain(amount: Decimal) -> str:
    """An amount as a plain decimal string: no exponent, no decimals where it is whole."""
    if amount == amount.to_integral_value():
        return str(int(amount))
    return format(amount, "f")


def grouped(amount: Decimal, currency: str = "") -> str:
    """An amount as a person reads it, `EUR 3,750,000.00`."""
    places = exponent(currency) if currency else 2
    text = f"{amount:,.{places}f}"
    return f"{currency} {text}" if currency else text

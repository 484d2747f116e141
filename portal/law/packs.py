"""The form of a statute pack: which keys each table has, which units exist, and how a value is typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from portal.law.facts import FactError, LawError, read_number
from portal.law.money import EXPONENTS


class PackError(LawError):
    """A pack is wrong; the message names file and path. It is a fault of ours, never of the facts."""


# table: key -> (type, needed)
_FORMS: dict[str, dict[str, tuple[type | tuple[type, ...], bool]]] = {
    "pack": {
        "id": (str, True),
        "name": (str, True),
        "short": (str, True),
        "status": (str, True),
        "zone": (str, True),
        "from": (date, True),
        "citation": (str, True),
        "source": (str, True),
        "aliases": (list, False),
        "order": (int, False),
        "authorities": (dict, True),
        "labels": (dict, True),
        "coverage": (dict, False),
        "value": (list, True),
        "reading": (list, False),
        "provision": (list, False),
        "clock": (list, False),
        "periodic": (list, False),
        "factor": (list, False),
        "gravity": (list, False),
        "duty": (list, False),
        "calendar": (dict, False),
    },
    "authorities": dict.fromkeys(
        ("receives", "assesses", "decides", "penalises", "hears_appeals"), (str, True)
    ),
    "labels": {
        **dict.fromkeys(("developer", "large", "model", "penalty", "breach", "document"), (str, True)),
        **dict.fromkeys(("yes", "designated", "no", "maybe", "unknown", "not_in_force"), (str, False)),
        **dict.fromkeys(("rebuttal_pending", "rebuttal_accepted", "rebuttal_rejected"), (str, False)),
    },
    "value": {
        "key": (str, True),
        "from": (date, True),
        "to": (date, False),
        "value": ((str, int, list), True),
        "unit": (str, True),
        "citation": (str, True),
        "source": (str, True),
        "status": (str, False),
        "verified": (bool, True),
        "note": (str, False),
    },
    "reading": {
        **dict.fromkeys(("key", "question", "citation", "adopted", "by", "why"), (str, True)),
        "on": (date, True),
        "verified": (bool, False),
        "option": (list, True),
    },
    "option": {
        **dict.fromkeys(("name", "label", "why"), (str, True)),
        "rule": (dict, False),
    },
    "calendar": {
        **dict.fromkeys(("name", "citation"), (str, True)),
        **dict.fromkeys(("library", "weekend"), (list, True)),
        "verified": (bool, True),
        "note": (str, False),
        "closed": (list, False),
        "open": (list, False),
    },
    "duty": {
        **dict.fromkeys(("duty", "label", "after"), (str, True)),
        **dict.fromkeys(("value", "within", "promptly", "citation", "source"), (str, False)),
        **dict.fromkeys(("breach", "recipient", "status"), (str, False)),
        **dict.fromkeys(("repeats", "before", "at_once", "schedule", "verified"), (bool, False)),
        **dict.fromkeys(("strict", "standing", "may"), (bool, False)),
        **dict.fromkeys(("met_by", "ends", "unless", "plan"), (list, False)),
    },
    "coverage": {
        "covered": (dict, True),
        "large": (dict, False),
        "rule": (list, True),
        "decisive": (str, True),
        "territories": (list, True),
        "wider": (list, True),
        "exempt_kinds": (list, False),
        "exempt_citation": (str, False),
    },
    "rule": {
        **dict.fromkeys(("name", "label", "input", "threshold"), (str, True)),
        "planned": (bool, False),
        "affiliates": (bool, False),
        "period": (str, False),
        "modifier": (str, False),
    },
    "provision": {
        **dict.fromkeys(("code", "label", "citation"), (str, True)),
        "per_day": (str, False),
        "by_hand": (bool, False),
    },
    "clock": {
        **dict.fromkeys(("duty", "label", "trigger", "value"), (str, True)),
        "kind": (str, False),
        "imminent": (bool, False),
        **dict.fromkeys(("recipient", "breach"), (str, False)),
        "rolls": (bool, False),
    },
    "periodic": {
        **dict.fromkeys(("duty", "label", "value"), (str, True)),
        "after": (str, True),
        "repeats": (bool, True),
        **dict.fromkeys(("met_by", "ends"), (list, False)),
        **dict.fromkeys(("schedule", "standing"), (bool, False)),
        "breach": (str, False),
    },
    "factor": {
        **dict.fromkeys(("code", "label", "citation"), (str, True)),
        "value": (str, False),
        "by_days": (bool, False),
    },
    "gravity": dict.fromkeys(("level", "label", "value"), (str, True)),
}

KINDS = {
    "provision": "provisions",
    "clock": "clocks",
    "periodic": "periodic",
    "factor": "factors",
    "gravity": "gravity",
    "duty": "duties",
}
SPANS = ("hours", "days", "business days", "weeks", "months")
UNITS = {"FLOP", "percent", "times", *SPANS}


def _fraction(raw: Any, path: str) -> Fraction:
    try:
        return Fraction(str(raw))
    except (ValueError, ZeroDivisionError) as error:
        raise PackError(f"{path}: {raw!r} is no fraction such as 1/3.") from error


def check_keys(raw: object, form: str, path: str) -> None:
    """Hold a table against its form.

    Raises:
        PackError: for an unknown or missing key, or a value of the wrong type, naming the path.
    """
    check_table(raw, _FORMS[form], path)


def check_table(raw: object, known: Mapping[str, tuple[type | tuple[type, ...], bool]], path: str) -> None:
    """Hold a table against a form given as key: (type, needed); raises as `check_keys`."""
    if not isinstance(raw, Mapping):
        raise PackError(f"{path}: a table is expected here.")
    for key, value in raw.items():
        if key not in known:
            raise PackError(f"{path}: unknown key {key!r}.")
        kind = known[key][0]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise PackError(f"{path}: {key} has the wrong type.")
    for key, (_, needed) in known.items():
        if needed and key not in raw:
            raise PackError(f"{path}: {key} is missing.")


def parse_value(raw: Any, unit: str, path: str) -> Decimal | int | str | tuple[str, ...] | Fraction:
    """Type a value by its unit: a currency, FLOP or percent is a Decimal, a span of time a whole number.

    Raises:
        PackError: for an unknown unit, or a value that does not fit it.
    """
    if unit == "text":
        return str(raw)
    if unit == "list":
        return tuple(str(item) for item in raw)
    if unit == "fraction":
        return _fraction(raw, path)
    if unit not in UNITS and unit not in EXPONENTS:
        raise PackError(f"{path}: unit {unit!r} is not known.")
    if unit in SPANS:
        if not isinstance(raw, int):
            raise PackError(f"{path}: {unit} is a whole number without quotes.")
        return raw
    try:
        return read_number(raw, path, low=Decimal("-100") if unit == "percent" else Decimal(0))
    except FactError as error:
        raise PackError(str(error)) from error

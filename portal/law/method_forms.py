"""The form of a method's file: which steps exist, and which keys each of them has."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

Form = dict[str, tuple[type | tuple[type, ...], bool]]
NUMBER = (str, int)

METHOD: Form = {
    **dict.fromkeys(("id", "name", "status", "citation", "source"), (str, True)),
    "from": (date, True),
    "order": (int, False),
    "currency": (str, False),
    "inputs": (list, True),
    "maximum": (list, True),
    "needs_maximum": (bool, False),
    "table": (list, False),
    "step": (list, True),
    "reading": (list, False),
}
TABLE: Form = {
    **dict.fromkeys(("key", "unit", "citation", "source"), (str, True)),
    "from": (date, True),
    "verified": (bool, True),
    "from_verified": (bool, False),
    "edges": (str, False),
    "rows": (list, True),
    "note": (str, False),
}
ROW: Form = {
    "name": (str, False),
    "aliases": (list, False),
    "at": (int, False),
    **dict.fromkeys(("over", "up_to", "low", "high", "amount"), (NUMBER, False)),
    "verified": (bool, False),
}
CANDIDATE: Form = {
    **dict.fromkeys(("input", "label"), (str, True)),
    **dict.fromkeys(("table", "percent"), (str, False)),
}
COMMON: Form = {
    "do": (str, True),
    **dict.fromkeys(("label", "citation", "note"), (str, False)),
    "verified": (bool, False),
    "needed": (bool, False),
    "save": (str, False),
}
_NAMED: Form = {"input": (str, True)}
_BOUNDS: Form = {"low": (NUMBER, False), "high": (NUMBER, False)}
_WITH: Form = {"with": (str, False), "without": (str, False)}
_PRIORS: Form = {
    **dict.fromkeys(("regimes", "statuses", "links"), (list, False)),
    **dict.fromkeys(("months", "cycle_years", "cycles"), (int, False)),
    "against": (str, False),
}
# step: its own keys
STEPS: dict[str, Form] = {
    # the legal maximum; `percent` of turnover where neither a regime nor the facts state one
    "maximum": {"percent": (NUMBER, False)},
    # a figure taken from the facts for later steps; it is not yet an amount
    "given": {**_NAMED, **_WITH},
    # an amount, a percentage of a saved figure, or a list of either, added or taken away
    "add": {**_NAMED, **_BOUNDS, **_WITH, "as": (str, True), "of": (str, False), "sign": (str, False)},
    # times a factor, by a share (x p %), by a change (x (1 + p %))
    "multiply": {**_NAMED, **_BOUNDS, **_WITH, "as": (str, True)},
    # a share of the maximum within the band of a named class
    "band": {**_NAMED, "table": (str, True)},
    # a share within the bracket that turnover gives
    "size": {**_NAMED, "table": (str, True)},
    # an amount, with a range, by the name of a class; `next` is the input that moves to the next class
    "lookup": {**_NAMED, "inputs": (list, False), "table": (str, True)},
    # a share of a saved figure for each violation, by the name of its severity
    "rate": {**_NAMED, "table": (str, True), "of": (str, True)},
    "per_day": {**_NAMED, "days": (str, True)},
    # more for each prior that counts: `percent` of the amount, or the prior's own share of a saved figure
    "per_prior": {
        **_PRIORS,
        "percent": (NUMBER, False),
        "of": (str, False),
        "high": (NUMBER, False),
        "combine": (str, False),
        "reading": (str, False),
        "input": (str, False),
    },
    # priors that the method weighs without a figure of its own
    "tell_priors": _PRIORS,
    # the greatest of several figures
    "greatest": {"candidate": (list, True), "exclusive": (list, False)},
    # points summed, or a score given
    "points": {"inputs": (list, True), "table": (str, True), "start": (str, True)},
    # a range: a saved figure times the two multipliers of the score
    "range": {"table": (str, True), "of": (str, True), "least": (NUMBER, False), "least_with": (str, False)},
    "cap": {"only": (str, False)},
    "discount": {"inputs": (list, True), "reading": (str, False), "combine": (str, False)},
    "round": {**_NAMED, "direction": (str, True)},
    # the reasoned last step: a percentage or an amount with a reason, beside the result of the formula
    "final": _NAMED,
    # an amount chosen in a range, with a reason
    "choose": _NAMED,
    # the office's share of the maximum for each violation, its factors, and earlier breaches without a step
    "share": _NAMED,
    "factors": _NAMED,
    "earlier": {},
}

# How people write the name of a class or bracket: "Up to 2m", "<2m", "2m to 10m", "over 500m", "very high".
_SPELLINGS = (
    (re.compile(r"[\s_\u2010-\u2015]+"), "-"),
    (re.compile(r"(?<=\d)m"), ""),
    (re.compile(r"(?<=\d)-to-(?=\d)"), "-"),
    (re.compile(r"^(?:<=?|\u2264|up-?to|under|below|less-than)-?(?=\d)"), "0-"),
    (re.compile(r"^(?:>=?|\u2265|over|above|more-than|from)-?(\d+)$"), r"\1+"),
)


@lru_cache(1024)
def comparable(name: str) -> str:
    """A name of a class in the one spelling in which names are compared."""
    found = name.strip().casefold()
    for pattern, instead in _SPELLINGS:
        found = pattern.sub(instead, found)
    return found

"""Whatever a file holds, the answer is a result or one clear refusal, never another exception."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.law import coverage, penalties
from portal.law.facts import LawError, load_json

PERIOD = {"period_start": "2026-01-01", "period_end": "2026-12-31"}
PENALTY: dict[str, Any] = {
    "regime": "ny-raise",
    "on": "2027-09-01",
    "decided_on": "2027-10-01",
    "currency": "USD",
    "base": "provider",
    "revenue": [{"entity": "A", "amount": "1", **PERIOD}],
    "priors": [{"id": "P", "regime": "ny-raise", "status": "final", "final_on": "2027-04-01"}],
    "inputs": {
        "violations": [
            {"provision": "1422", "severity_percent": "5", "occurred_on": "2027-03-01"},
            {"provision": "1428", "start": "2027-03-01", "end": "2027-03-02"},
        ],
        "factors": [{"code": "duration", "reason": "r"}],
    },
    "present_in": {"currency": "JPY", "rate": "1", "rate_quote": "presented currency per penalty currency"},
}
COVERAGE: dict[str, Any] = {
    "on": "2027-10-01",
    "model": {
        "training_flop": {"low": "1", "high": "2e26"},
        "parameters": "1",
        "tokens": "1",
        "chips": [{"name": "NVIDIA A100", "count": "1", "hours": "1"}],
        "modifier_flop": "1",
        "designated": ["eu-ai-act"],
        "placed_on_market": [{"territory": "EU", "date": "2027-01-01"}],
    },
    "organisation": {
        "gross_revenue": [{"amount": "1", "currency": "EUR", "rate": "1", **PERIOD}],
        "kind": "company",
        "operates_in": ["US"],
    },
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["-0", "1e400", "0.5", "9999-12-31", "0001-01-01", "eu-ai-act", "KWD", "1428", "100"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside facts."""
    found = [path] if path else []
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found += places(value[key], (*path, key))
    return found


@st.composite
def spoiled(draw: st.DrawFn, facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with one or two values replaced by something odd."""
    found = copy.deepcopy(facts)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(places(found)))
        place: Any = found
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = draw(ODD)
    return found


@settings(max_examples=300, deadline=None)
@given(spoiled(PENALTY))
def test_penalty_refuses_or_computes(facts: dict[str, Any]) -> None:
    with contextlib.suppress(LawError):
        json.dumps(penalties.compute(facts).as_json()).encode()


@settings(max_examples=300, deadline=None)
@given(spoiled(COVERAGE))
def test_coverage_refuses_or_answers(facts: dict[str, Any]) -> None:
    with contextlib.suppress(LawError):
        json.dumps(coverage.assess(facts).as_json(), ensure_ascii=False).encode()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_refused_or_read(text: str) -> None:
    with contextlib.suppress(LawError):
        load_json(text)

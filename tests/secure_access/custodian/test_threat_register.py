"""The threat-actor register: one meaning in JSON and CSV, and words for each error."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_access.custodian.register import (
    ACTORS,
    COLUMNS,
    VERSION,
    Actor,
    Capability,
    Kind,
    Register,
    RegisterRefused,
    from_csv,
    from_json,
    is_register,
)

ACTOR: dict[str, Any] = {
    "name": "Competitor's staff",
    "kind": "competitor",
    "capability": "high",
    "asset": "Weights of models in training",
    "tier": "2",
    "controls": ["AC-2(1)", "sc-7"],
}
NAME = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=20)
ACTOR_OF = st.builds(
    Actor,
    name=NAME,
    kind=st.sampled_from(Kind),
    capability=st.sampled_from(Capability),
    asset=NAME,
    tier=NAME,
    controls=st.lists(st.sampled_from(["ac-2", "ac-2.1", "sc-7", "own-1"]), unique=True).map(tuple),
)


def written(*actors: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"v": VERSION, "actors": list(actors), **more}).encode()


def table(*rows: list[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([COLUMNS, *rows])
    return out.getvalue().encode()


def test_an_actor_is_read() -> None:
    (actor,) = from_json(written(ACTOR)).actors
    assert actor == Actor(
        "Competitor's staff",
        Kind.COMPETITOR,
        Capability.HIGH,
        "Weights of models in training",
        "2",
        ("ac-2.1", "sc-7"),
    )


def test_a_register_may_be_empty_and_an_actor_without_controls() -> None:
    assert from_json(written()) == Register(())
    assert from_json(written(ACTOR | {"controls": []})).actors[0].controls == ()


@given(st.lists(ACTOR_OF, max_size=5, unique_by=lambda actor: actor.name.casefold()))
def test_json_and_csv_say_the_same(actors: list[Actor]) -> None:
    rows = [{key: getattr(actor, key) for key in COLUMNS} for actor in actors]
    lines = [[*(row[key] for key in COLUMNS[:-1]), "; ".join(row["controls"])] for row in rows]
    register = Register(tuple(actors))
    assert from_json(written(*rows)) == register
    assert from_csv(table(*lines)) == register


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "Actor 1: “name” is a text, and not empty."),
        ({"name": 7}, "Actor 1: “name” is a text, and not empty."),
        ({"asset": " "}, "Actor 1: “asset” is a text, and not empty."),
        ({"asset": "x" * 301}, "Actor 1: “asset” has more than 300 characters."),
        ({"tier": 2}, "Actor 1: “tier” is a text, and not empty."),
        ({"kind": "alien"}, "Actor 1: “kind” is one of outsider, insider,"),
        (
            {"capability": "total"},
            "Actor 1: “capability” is one of very low, low, moderate, high, very high.",
        ),
        ({"controls": "ac-2"}, "Actor 1: “controls” is a list of identifiers"),
        ({"controls": [3]}, "Actor 1: “3” is no identifier of a control"),
        ({"controls": ["AC 2"]}, "Actor 1: “AC 2” is no identifier of a control"),
        ({"controls": ["AC-2", "ac-02"]}, "Actor 1 names a control twice."),
        ({"why": "x"}, "Actor 1 has “why”, which the format has not."),
    ],
)
def test_each_error_has_its_words(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(RegisterRefused) as refused:
        from_json(written(ACTOR | changed))
    assert len(refused.value.problems) == 1
    assert refused.value.problems[0].startswith(words)


@pytest.mark.parametrize("key", COLUMNS)
def test_what_is_missing_is_named(key: str) -> None:
    with pytest.raises(RegisterRefused, match=f"^Actor 1 lacks “{key}”.$"):
        from_json(written({name: value for name, value in ACTOR.items() if name != key}))


def test_all_errors_are_told_at_once() -> None:
    other = ACTOR | {"name": "Other", "kind": "x", "tier": ""}
    with pytest.raises(RegisterRefused) as refused:
        from_json(written(ACTOR, ACTOR, other, 5))  # type: ignore[arg-type]
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "Actor 2",
        "Actor 3",
        "Actor 3",
        "Actor 4 is not an object.",
    ]
    assert "is in the register already" in refused.value.problems[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "“v” is “assay.threat-actors/v1”"),
        (b'{"v": "assay.threat-actors/v2", "actors": []}', "“v” is “assay.threat-actors/v1”"),
        (json.dumps({"v": VERSION}).encode(), "The register lacks “actors”"),
        (json.dumps({"v": VERSION, "actors": {}}).encode(), "“actors” is a list"),
        (written(more=1), "The register has “more”"),
        (b'{"v": "assay.threat-actors/v1", "actors": [], "actors": []}', "key “actors” twice"),
        (written(*[ACTOR] * (ACTORS + 1)), "more than 2,000 actors"),
    ],
)
def test_what_is_no_register_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(RegisterRefused, match=words):
        from_json(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The first line names these columns: name, kind"),
        (b"name,kind\n", "The first line names these columns"),
        (b"\xff\xfe", "not UTF-8"),
        (table(["only", "three", "cells"]), "Line 2: 3 columns in place of 6."),
        (table([]) + b'"a', "not CSV"),
        (table(["A", "alien", "high", "x", "1", "ac-2"]), "Line 2: “kind” is one of"),
        (table(["A", "insider", "high", "x", "1", "ac-2 ac-2"]), "Line 2 names a control twice"),
    ],
)
def test_a_table_that_is_no_register_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(RegisterRefused, match=words):
        from_csv(content)


def test_columns_of_a_table_may_stand_in_another_order() -> None:
    content = (
        b"\xef\xbb\xbfcontrols,tier,asset,capability,kind,name\r\nAC-2(1);sc-7,3,Weights,low,insider,A\r\n"
    )
    assert from_csv(content).actors == (
        Actor("A", Kind.INSIDER, Capability.LOW, "Weights", "3", ("ac-2.1", "sc-7")),
    )


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        ({"v": VERSION}, True),
        ({"v": "assay.threat-actors/v9"}, True),
        ({"v": 1}, False),
        ([], False),
        ({}, False),
    ],
)
def test_a_register_says_so_itself(tree: object, found: bool) -> None:
    assert is_register(tree) is found

"""Controls: NIST's titles, identifiers as people write them, mentions in text."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_access.custodian.controls import mentions, normalised, title_of, titles, written

EVERY = sorted({**titles().current, **titles().withdrawn})
LATER = {"ia-13", "ia-13.1", "ia-13.2", "ia-13.3", "sa-15.13", "sa-24", "si-2.7"}


def test_the_catalogue_is_whole() -> None:
    known = titles()
    assert (len(known.current), len(known.withdrawn)) == (1014, 182)
    assert len(known.families) == 20
    assert not known.current.keys() & known.withdrawn.keys()
    assert all(identifier.partition(".")[0] in EVERY for identifier in EVERY)


def test_the_catalogue_is_that_of_release_5_0_1_and_what_came_later(shared: Path) -> None:
    with (shared / "data/oscal/sp800-53/control_index_rev5.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    theirs = {row["control_id"]: row["title"] for row in rows}
    ours = {**titles().current, **titles().withdrawn}
    assert {name: title for name, title in ours.items() if name not in LATER} == theirs
    assert set(titles().withdrawn) == {row["control_id"] for row in rows if row["status"] == "withdrawn"}


@pytest.mark.parametrize(
    ("identifier", "title"),
    [
        ("ac-2", "Account Management"),
        ("ac-2.1", "Account Management: Automated System Account Management"),
        ("ac-2.10", "Account Management: Shared and Group Account Credential Change"),
        ("sa-24", "Design for Cyber Resiliency"),
        ("ac-99", ""),
        ("", ""),
        ("own-control", ""),
    ],
)
def test_titles(identifier: str, title: str) -> None:
    assert title_of(identifier) == title


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("AC-2", "ac-2"),
        (" ac-02 ", "ac-2"),
        ("AC-2(1)", "ac-2.1"),
        ("AC-02(01)", "ac-2.1"),
        ("AC-2 (1)", "ac-2.1"),
        ("ac-2.1", "ac-2.1"),
        ("Own-Control_7", "own-control_7"),
        ("AC-2(1) and more", "ac-2(1) and more"),
    ],
)
def test_an_identifier_has_one_form(text: str, identifier: str) -> None:
    assert normalised(text) == identifier


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("We meet AC-2, AC-2(1) and sc-7 (5).", ("ac-2", "ac-2.1", "sc-7.5")),
        ("AC-02, again AC-2; SC-7(a).", ("ac-2", "sc-7")),
        ("See AC-6.", ("ac-6",)),
        ("AC-2.1 is an enhancement.", ("ac-2.1",)),
        ("RF-14, ISO-27001, XAC-2, A-AC-2, AC-200, AC-2001 are none.", ()),
        ("SOC-2 and UTF-8", ()),
        ("", ()),
    ],
)
def test_mentions(text: str, named: tuple[str, ...]) -> None:
    assert mentions(text) == named


@given(st.sampled_from(EVERY))
def test_what_is_written_is_read_back(identifier: str) -> None:
    assert normalised(written(identifier)) == identifier
    assert mentions(f"({written(identifier)}) twice {written(identifier)}.") == (identifier,)


def test_what_is_not_nist_s_stays_as_it_is() -> None:
    assert written("own-control") == "own-control"
    assert written("zz-4") == "zz-4"

"""The deep checks themselves: what counts as killed, what is a sample, what a profile asks of a property."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deep import cold, mutants

ROOT = Path(__file__).resolve().parents[2]

PROPERTY = """
from hypothesis import given, settings
from hypothesis import strategies as st

counts = {"usual": 0, "own": 0}

@given(st.integers())
def test_usual(number):
    counts["usual"] += 1

@settings(max_examples=50)
@given(st.integers())
def test_own(number):
    counts["own"] += 1

def test_counts():
    print(counts)
"""


def test_only_a_failing_test_and_the_time_limit_kill() -> None:
    exits = {"failed": 1, "slow": -24, "passed": 0, "unused": 33, "crashed": -11, "untried": None}
    tally = mutants.tally("money", exits)
    assert (tally.killed, tally.total) == (2, 5)
    assert tally.left == ("crashed: segfault", "passed: survived", "unused: no tests")


def test_the_share_is_over_all_modules_and_nothing_tried_proves_nothing() -> None:
    tallies = [
        mutants.Tally("money", 9, ()),
        mutants.Tally("risk", 0, ("one: survived",)),
        mutants.Tally("ical", 0, ()),
    ]
    assert mutants.share(tallies) == 90
    assert mutants.share([]) == 0
    lines = mutants.table(tallies).splitlines()
    assert [line.split()[0] for line in lines] == ["money", "risk", "all"]
    assert lines[-1].split() == ["all", "9", "of", "10", "90.0", "%"]


def test_a_copy_replaces_no_folder_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("mine")
    with pytest.raises(SystemExit, match="something else"):
        mutants.copy(tmp_path)
    assert (tmp_path / "letters").read_text() == "mine"


def test_what_the_law_remembers_is_forgotten() -> None:
    from portal.law import statute

    before = statute.shipped()
    cold.forget()
    assert statute.shipped() is not before
    assert statute.shipped() == before


@pytest.mark.parametrize(
    ("profile", "usual", "own"), [("usual", 100, 50), ("brief", 20, 10), ("deep", 2000, 1000)]
)
def test_a_profile_asks_for_examples_in_proportion(
    profile: str, usual: int, own: int, tmp_path: Path
) -> None:
    (tmp_path / "test_property.py").write_text(PROPERTY)
    asked = ["-p", "tests.deep.examples", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    command = [sys.executable, "-m", "pytest", "-q", "-s", *asked]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ASSAY_HYPOTHESIS": profile, "CI": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert f"{{'usual': {usual}, 'own': {own}}}" in done.stdout

"""Places and kinds of organisation in the facts of coverage: unknown is never false."""

from __future__ import annotations

import pytest

from portal.law import coverage
from portal.law.coverage_result import RegimeCoverage


def in_europe(territory: str) -> RegimeCoverage:
    model = {"training_flop": "3e25", "placed_on_market": [{"territory": territory}]}
    return coverage.assess({"on": "2027-10-01", "regimes": ["eu-ai-act"], "model": model}).regimes[
        "eu-ai-act"
    ]


def in_the_states(regime: str, *places: str, kind: str | None = None) -> RegimeCoverage:
    organisation = {"operates_in": list(places), "kind": kind}
    model = {"training_flop": "3e26"}
    facts = {"on": "2027-10-01", "regimes": [regime], "model": model, "organisation": organisation}
    return coverage.assess(facts).regimes[regime]


def territory(found: RegimeCoverage) -> str:
    return next(reason.outcome for reason in found.because if reason.rule == "territory")


@pytest.mark.parametrize("name", ["EU", "eu", " de ", "DE", "Germany", "germany", "European  Union", "EL"])
def test_a_place_in_the_union_however_it_is_written(name: str) -> None:
    found = in_europe(name)
    assert (found.covered, territory(found), found.missing) == ("yes", "yes", ("model.designated",))


@pytest.mark.parametrize("name", ["worldwide", "Global", "Europe", "EEA", "NO", "Iceland"])
def test_a_place_that_may_hold_the_union_says_neither(name: str) -> None:
    found = in_europe(name)
    assert (found.covered, territory(found), found.flags) == ("yes", "unknown", ())
    assert "model.placed_on_market" in found.missing


@pytest.mark.parametrize("name", ["GB", "JP", "US", "us-ca", "California", "elsewhere"])
def test_a_place_known_to_lie_elsewhere_is_no(name: str) -> None:
    found = in_europe(name)
    assert (found.covered, territory(found)) == ("no", "no")


@pytest.mark.parametrize("name", ["Germani", "Deutschland", "Eurpe", "Moon", "XX"])
def test_a_name_that_nobody_knows_is_no_answer(name: str) -> None:
    found = in_europe(name)
    assert (found.covered, territory(found)) == ("yes", "unknown")
    assert "model.placed_on_market" in found.missing
    words = (
        f"model.placed_on_market: {name!r} is no known place; write its ISO code, for example DE or US-CA."
    )
    assert found.flags == (words,)


@pytest.mark.parametrize(
    ("regime", "place", "outcome"),
    [
        ("ca-tfaia", "us-ca", "yes"),
        ("ca-tfaia", "California ", "yes"),
        ("ca-tfaia", "Calif.", "yes"),
        ("ca-tfaia", "USA", "unknown"),
        ("ca-tfaia", "United States", "unknown"),
        ("ca-tfaia", "US-NY", "no"),
        ("ca-tfaia", "US-XX", "unknown"),
        ("aaif-proposal", "U.S.", "yes"),
        ("aaif-proposal", "US-CA", "yes"),
        ("aaif-proposal", "DE", "no"),
    ],
)
def test_the_states_and_their_country(regime: str, place: str, outcome: str) -> None:
    assert territory(in_the_states(regime, place)) == outcome


def test_one_unknown_name_beside_a_known_one_stays_unknown() -> None:
    assert territory(in_the_states("ca-tfaia", "JP", "Californa")) == "unknown"
    assert territory(in_the_states("ca-tfaia", "US-CA", "Moon")) == "yes"


@pytest.mark.parametrize("kind", ["accredited_university", "Accredited university", "ACCREDITED-UNIVERSITY "])
def test_an_exempt_kind_however_it_is_written(kind: str) -> None:
    assert in_the_states("ny-raise", "US-NY", kind=kind).covered == "no"


def test_a_kind_that_nobody_knows_is_flagged_and_not_taken_for_a_company() -> None:
    found = in_the_states("ny-raise", "US-NY", kind="acredited_university")
    assert next(reason.outcome for reason in found.because if reason.rule == "exempt") == "unknown"
    assert "organisation.kind" in found.missing
    assert "'acredited_university' is not known; use one of: accredited_university, company" in found.flags[0]
    assert in_the_states("ny-raise", "US-NY", kind="company").flags == ()
    assert in_the_states("ca-tfaia", "US-CA", kind="acredited_university").flags == ()

"""The pages of methods, and of a worksheet computed again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fixtures.app import World
from tests.fixtures.enforcement import CHOSEN, TODAY, Bench, make_bench
from tests.portal.enforcement.test_enforcement_pages import client, page, post, tasks_of

HOME = "/penalties/methods"


@pytest.fixture
def b(make_world: Callable[[str], World], own_sqlite_url: str) -> Bench:
    """A bench of the test's own: what is adopted here would be adopted in every other test."""
    return make_bench(make_world(own_sqlite_url))


def form(**changed: str) -> dict[str, str]:
    since = {"since-day": str(TODAY.day), "since-month": str(TODAY.month), "since-year": str(TODAY.year)}
    choice = {"regime": "eu-ai-act", "method": "share-of-maximum", "reason": "It follows practice note 4."}
    return {**since, **choice, **changed}


def test_a_method_is_proposed_signed_by_another_and_used(b: Bench) -> None:
    row = b.drafted()
    officer, head = client(b, b.officer), client(b, b.head)
    text = page(officer, HOME)
    assert "No method has been proposed" in text
    assert "Cannot be adopted" in text
    sheet = f"/penalties/worksheets/{row.reference}"
    assert "No method was adopted for this law" in page(officer, sheet)
    at = post(officer, HOME, HOME, form())
    assert "You proposed this method" not in page(officer, at)
    assert "Only a head of enforcement can adopt" in page(officer, at)
    reference = at.rpartition("/")[2]
    assert any(
        what.startswith(f"Adopt {reference}, a method for the EU AI Act") for what in tasks_of(b, b.head)
    )
    assert not any("a method for" in what for what in tasks_of(b, b.officer))
    assert "the lines will say “office method”" in page(officer, f"{sheet}/change")
    post(head, at, f"{at}/adopt", {})
    assert "adopted by <a" in page(officer, f"{sheet}/change")
    assert "Tomasz Reyl" in page(officer, at)
    assert "Practice note 4" in page(officer, sheet)
    again = b.changed(row, CHOSEN)
    text = page(officer, f"{sheet}?version={again.version}")
    assert "Adopted by" in text
    assert "Office method" not in text
    assert "Adopted" in page(officer, HOME)


def test_the_illustration_is_refused_with_the_reason_and_what_was_typed(b: Bench) -> None:
    b.world.at(TODAY)
    head = client(b, b.head)
    typed = form(regime="aaif-proposal", method="aaif-proposal", reason="To see it.")
    text = post(head, HOME, HOME, typed, 422)
    assert "is a proposal and no law" in text
    assert "To see it." in text
    assert "State the first day" in post(
        head, HOME, HOME, form(**{"since-day": "", "since-month": "", "since-year": ""}), 422
    )


def test_a_proposal_is_withdrawn_with_a_reason(b: Bench) -> None:
    b.world.at(TODAY)
    head = client(b, b.head)
    at = post(head, HOME, HOME, form())
    assert "You proposed this method, so you cannot adopt it" in page(head, at)
    assert "Say why the proposal is withdrawn" in post(head, at, f"{at}/withdraw", {"reason": ""}, 422)
    post(head, at, f"{at}/withdraw", {"reason": "Superfluous."})
    assert "Superfluous." in page(head, at)


def test_a_worksheet_is_computed_again_from_what_it_used(b: Bench) -> None:
    row = b.drafted()
    text = page(client(b, b.officer), f"/penalties/worksheets/{row.reference}/again?version=1")
    assert "Same cents: EUR 3,750,000.00" in text
    assert text.count("Still in use") == 3


@pytest.mark.parametrize("who", ["officer", "decider"])
def test_other_officials_get_the_page_for_no_such_thing(b: Bench, who: str) -> None:
    row = b.drafted()
    other = client(b, getattr(b.desk, who))
    for at in (HOME, f"{HOME}/AM-2027-001", f"/penalties/worksheets/{row.reference}/again"):
        page(other, at, 404)

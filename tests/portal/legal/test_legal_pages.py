"""Pages of legal staff: drafted, changed, approved and withdrawn in forms that say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from portal.legal.tables import StatuteVersion
from portal.legal.workflow import VersionState
from secure_access.db import select
from secure_access.identity import Actor, OrganisationKind
from secure_access.workflow import Role
from tests.fixtures.app import form_of
from tests.fixtures.legal import Chamber

DAY = {"live_from-day": "1", "live_from-month": "9", "live_from-year": "2027"}
VALUE = {
    "valid_from-day": "1",
    "valid_from-month": "9",
    "valid_from-year": "2027",
    "value": "2000000",
    "citation": "B&P 22757.15(a) as amended",
    "source": "Stats. 2027 ch. 9",
    "status": "enacted",
    "verified": "yes",
}


def get(chamber: Chamber, path: str, by: Actor | None = None) -> Any:
    return chamber.world.client("government", by or chamber.drafter).get(path)


def send(chamber: Chamber, path: str, data: dict[str, Any], by: Actor | None = None, to: str = "") -> Any:
    client = chamber.world.client("government", by or chamber.drafter)
    page = client.get(path)
    assert page.status_code == 200, page.text
    return client.post(to or path, data=form_of(page.text, to) | data)


def the_version(chamber: Chamber) -> StatuteVersion:
    with chamber.world.wired.database.read() as session:
        return session.exec(select(StatuteVersion)).one()


def test_an_empty_list_says_what_would_be_there(sqlite_chamber: Chamber) -> None:
    page = get(sqlite_chamber, "/statutes").text
    assert "No version has been drafted" in page
    assert page.count("Came with the release") == 6


def test_from_draft_to_law(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    made = send(
        chamber, "/statutes/new?pack=ca-tfaia", {"pack": "ca-tfaia", "why": "Stats. 2027 ch. 9"} | DAY
    )
    assert made.status_code == 303
    row = the_version(chamber)
    at = f"/statutes/{row.reference}"
    assert "still a copy" in get(chamber, at).text
    assert "penalty.cap" in get(chamber, f"{at}/values").text
    assert send(chamber, f"{at}/values?key=penalty.cap", VALUE).status_code == 303
    page = get(chamber, at).text
    for words in (
        "Old and new values",
        "1000000",
        "2000000",
        "Approve L-2027-001</b> is not open to you now",
    ):
        assert words in page
    assert "Approve or leave" in get(chamber, "/", chamber.approver).text
    assert "Have L-2027-001 approved" in get(chamber, "/").text
    done = send(chamber, at, {}, by=chamber.approver, to=f"{at}/approve")
    assert done.status_code == 303, done.text
    assert the_version(chamber).state is VersionState.APPROVED
    assert "Approved, from 2027-09-01" in get(chamber, "/statutes").text
    assert "usa-textarea" not in get(chamber, f"{at}/text").text, "what is approved is not edited"
    assert send(chamber, f"{at}/withdraw", {"reason": ""}).status_code == 422
    assert send(chamber, f"{at}/withdraw", {"reason": "The bill was repealed."}).status_code == 303
    assert "The bill was repealed." in get(chamber, at).text


def test_a_reading_and_a_day_are_changed(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.drafted(pack="ny-raise")
    at = f"/statutes/{row.reference}"
    assert "What makes a violation" in get(chamber, f"{at}/readings").text
    answers = {
        "adopted": "after any earlier violation",
        "by": "Board",
        "on-day": "1",
        "on-month": "6",
        "on-year": "2027",
        "why": "Deterrence.",
    }
    assert send(chamber, f"{at}/readings?key=penalty.subsequent", answers).status_code == 303
    assert "after any earlier violation" in get(chamber, at).text
    assert send(chamber, f"{at}/date", DAY | {"live_from-year": "2026"}).status_code == 422
    assert send(chamber, f"{at}/date", DAY | {"live_from-month": "12"}).status_code == 303
    assert "Wed 1 Dec 2027" in get(chamber, at).text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": ""}, "Write the value."),
        ({"value": "much"}, "much"),
        ({"value": "9" * 500}, "Correct it"),
        ({"valid_from-year": "2020"}, "begins on"),
        ({"valid_from-day": "31", "valid_from-month": "2"}, "no such date"),
        ({"status": "wished"}, "Choose one of the answers"),
        ({"citation": " "}, "cites nothing"),
    ],
)
def test_a_wrong_value_keeps_what_was_typed(
    sqlite_chamber: Chamber, change: dict[str, str], words: str
) -> None:
    chamber = sqlite_chamber
    row = chamber.drafted()
    answer = send(chamber, f"/statutes/{row.reference}/values?key=penalty.cap", VALUE | change)
    assert answer.status_code == 422
    assert words in answer.text
    assert "Stats. 2027 ch. 9" in answer.text
    assert the_version(chamber).digest == row.base


@pytest.mark.parametrize("text", ["", "[[", "id = 1", "x" * 500_000, "a.b.c = " + "[" * 2000 + "]" * 2000])
def test_a_wrong_text_is_kept_on_the_page_and_nowhere_else(sqlite_chamber: Chamber, text: str) -> None:
    chamber = sqlite_chamber
    row = chamber.drafted()
    answer = send(chamber, f"/statutes/{row.reference}/text", {"text": text})
    assert answer.status_code == 422
    assert "usa-error-message" in answer.text
    assert the_version(chamber).text == row.text


@pytest.mark.parametrize("pack", ["", "nothing"])
def test_a_draft_needs_a_pack_a_day_and_a_reason(sqlite_chamber: Chamber, pack: str) -> None:
    answer = send(sqlite_chamber, "/statutes/new", {"pack": pack, "why": ""})
    assert answer.status_code == 422
    for words in ("Give the day", "Write why"):
        assert words in answer.text
    past = send(
        sqlite_chamber, "/statutes/new", DAY | {"pack": "ny-raise", "why": "x", "live_from-year": "2020"}
    )
    assert past.status_code == 422
    assert "That day has passed." in past.text


def test_what_is_not_there_and_who_may_not_enter(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.drafted()
    for path in (
        "L-2027-999",
        f"{row.reference}/values?key=penalty.x",
        f"{row.reference}/readings?key=x",
    ):
        assert get(chamber, f"/statutes/{path}").status_code == 404
    official = chamber.world.person(chamber.world.organisation(OrganisationKind.REGULATOR), Role.DECIDER)
    for path in ("/statutes", f"/statutes/{row.reference}", f"/statutes/{row.reference}/text"):
        assert get(chamber, path, official).status_code == 404


def test_an_approval_of_something_else_than_shown_is_refused(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.capped(chamber.drafted())
    at = f"/statutes/{row.reference}"
    for changed in ({"digest": "sha256:0"}, {"live_from": "2027-09-02"}, {"digest": "", "live_from": ""}):
        answer = send(chamber, at, changed, by=chamber.approver, to=f"{at}/approve")
        assert answer.status_code == 403
        assert "changed after this page was opened" in answer.text
    assert the_version(chamber).state is VersionState.DRAFT


def test_a_thousand_versions_are_listed(sqlite_chamber: Chamber) -> None:
    chamber = sqlite_chamber
    row = chamber.drafted()
    copies = [
        row.model_dump(exclude={"id", "reference"}) | {"reference": f"L-2026-{number:04}"}
        for number in range(1000)
    ]
    with chamber.world.wired.database.write() as session:
        session.add_all(StatuteVersion(**copy) for copy in copies)
    page = get(chamber, "/statutes")
    assert page.status_code == 200
    assert page.text.count("Draft, not approved") == 1001

"""Pages of access requests: the requester's, the official's and the developer's, by their forms."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from portal.disclosure import links, requests
from portal.disclosure.tables import AccessRequest, SentRequest
from portal.settings import ZONES
from secure_access.db import select
from secure_access.identity import Actor
from tests.fixtures.access import ASKED, HELD, OUT, SECRETS, Window

SENT = {"words": ASKED.words, "name": ASKED.name, "contact": ASKED.contact}


def page(window: Window, zone: str, by: Actor | None, address: str, status: int = 200) -> str:
    """A page as somebody sees it."""
    answer = window.world.client(zone, by).get(address)
    assert answer.status_code == status, answer.text[:400]
    return unescape(answer.text)


def hidden(shown: str) -> dict[str, str]:
    """What the forms of a page carry unseen, of which one is sent."""
    found = {"form_id": str(uuid.uuid4())}
    for name in ("csrf_token", "link"):
        if said := re.search(rf'name="{name}" value="([^"]*)"', shown):
            found[name] = said[1]
    return found


def post(window: Window, zone: str, by: Actor | None, address: str, shown: str = "", **sent: Any) -> Any:
    """Send a form with the hidden fields of the page that shows it."""
    client = window.world.client(zone, by)
    return client.post(address, data={**hidden(client.get(shown or address).text), **sent})


def address_of(window: Window, row: AccessRequest) -> str:
    return f"/access-requests/{links.link_of(window.key, row.id)}"


def test_from_the_public_form_over_an_objection_to_the_answer(sqlite_window: Window) -> None:
    desk, certifier = sqlite_window.desk, sqlite_window.desk.certifier
    link = post(sqlite_window, "public", None, "/access-requests", **SENT).location
    assert "It is being entered" in page(sqlite_window, "public", None, link)
    sqlite_window.world.run_jobs()
    reference = re.search(r"AR-\d{4}-\d{3}", page(sqlite_window, "public", None, link))
    assert reference is not None
    here = f"/access-requests/{reference[0]}"
    assert reference[0] in page(sqlite_window, "government", desk.officer, "/access-requests")
    assert "Find what an access request asks for" in page(sqlite_window, "government", desk.officer, "/")
    chosen = f"filing:{sqlite_window.filing.id}"
    assert chosen in page(sqlite_window, "government", desk.officer, f"{here}?find=Quillmark")
    for do in ("affect", "leave_out", "affect", "consult"):
        sent = post(sqlite_window, "government", desk.officer, here, do=do, chosen=chosen)
        assert sent.status_code == 303, do
    assert "can still object" in page(sqlite_window, "government", desk.officer, here)
    with sqlite_window.world.wired.database.read() as session:
        row = requests.load(session, reference[0])
    first, *others = sqlite_window.blocks(row)
    notice = f"/access-notices/{sqlite_window.notice(row).reference}"
    said = {"do": "object", "blocks": str(first.id), f"reason-{first.id}": "A secret of ours."}
    assert post(sqlite_window, "developer", certifier, notice, **said).status_code == 303
    assert "A secret of ours." in page(sqlite_window, "government", desk.officer, f"{here}/answer")
    form = {"answer": "One filing.", f"outcome-{first.id}": "disclosed", f"reason-{first.id}": OUT.reason}
    for block in others:
        form |= {f"outcome-{block.id}": "withheld", f"reason-{block.id}": HELD.reason}
        form[f"exemption-{block.id}"] = HELD.exemption
    wrong = {**form, f"outcome-{others[0].id}": ""}
    refused = post(sqlite_window, "government", desk.officer, f"{here}/answer", **wrong)
    assert refused.status_code == 422
    assert "Choose what becomes of block 2" in refused.text
    assert post(sqlite_window, "government", desk.officer, f"{here}/answer", **form).status_code == 303
    assert "Decide on an access request" in page(sqlite_window, "government", desk.decider, "/")
    decided = post(sqlite_window, "government", desk.decider, f"{here}/decision", shown=here, do="decide")
    assert decided.status_code == 303
    sqlite_window.world.run_jobs()
    assert OUT.reason in page(sqlite_window, "developer", certifier, notice)
    assert "go to court" in page(sqlite_window, "government", desk.officer, here)
    before = page(sqlite_window, "public", None, link)
    assert "go to court" in before
    assert SECRETS["access-control"] not in before
    with sqlite_window.world.wired.database.read() as session:
        until = requests.load(session, reference[0]).release_from
    assert until is not None
    sqlite_window.world.at(until)
    assert post(sqlite_window, "government", desk.officer, here, do="release").status_code == 303
    sqlite_window.world.run_jobs()
    answer = page(sqlite_window, "public", None, link)
    assert SECRETS["access-control"] in answer
    assert not any(SECRETS[name] in answer for name in ("weight-protection", "insider-threat"))
    page(sqlite_window, "public", None, f"{link}/receipt.json")
    page(sqlite_window, "public", None, f"{link}/answer.json")
    page(sqlite_window, "developer", certifier, f"{notice}/decision/receipt.json")


class TestRequester:
    def test_anybody_asks_and_follows_the_request_under_a_link(self, sqlite_window: Window) -> None:
        answer = post(sqlite_window, "public", None, "/access-requests", **SENT)
        assert answer.status_code == 303
        assert "It is being entered" in page(sqlite_window, "public", None, answer.location)
        sqlite_window.world.run_jobs()
        shown = page(sqlite_window, "public", None, answer.location)
        assert re.search(r"AR-2027-\d{3}", shown)
        assert not any(said in shown for said in (ASKED.name, ASKED.contact, ASKED.words))
        receipt = sqlite_window.world.client("public").get(f"{answer.location}/receipt.json")
        assert receipt.status_code == 200
        assert not any(said in receipt.text for said in (ASKED.name, ASKED.contact, ASKED.words))
        assert sqlite_window.world.client("public").get(f"{answer.location}/receipt.pdf").status_code == 200

    def test_a_form_with_mistakes_keeps_what_was_typed(self, sqlite_window: Window) -> None:
        answer = post(sqlite_window, "public", None, "/access-requests", **{**SENT, "contact": "none"})
        assert answer.status_code == 422
        assert ASKED.words in unescape(answer.text)
        assert 'href="#contact"' in answer.text

    def test_the_same_form_sent_twice_is_one_request(self, sqlite_window: Window) -> None:
        client = sqlite_window.world.client("public")
        form = {**hidden(client.get("/access-requests").text), **SENT}
        first, second = (client.post("/access-requests", data=form).location for _ in range(2))
        assert first == second
        with sqlite_window.world.wired.database.read() as session:
            assert len(session.exec(select(SentRequest)).all()) == 1

    def test_no_token_no_link_of_ours_no_request(self, sqlite_window: Window) -> None:
        client = sqlite_window.world.client("public")
        form = {**hidden(client.get("/access-requests").text), **SENT}
        assert client.post("/access-requests", data={**form, "csrf_token": ""}).status_code == 400
        assert client.post("/access-requests", data={**form, "link": "x"}).status_code == 404
        with sqlite_window.world.wired.database.read() as session:
            assert session.exec(select(SentRequest)).all() == []

    def test_a_link_that_leads_nowhere_is_not_found(self, sqlite_window: Window) -> None:
        row = sqlite_window.sent()
        for address in (f"/access-requests/{row.reference}", address_of(sqlite_window, row)[:-1]):
            page(sqlite_window, "public", None, address, 404)

    @pytest.mark.parametrize("zone", [zone for zone in ZONES if zone != "public"])
    def test_the_form_is_of_the_public_zone_alone(self, sqlite_window: Window, zone: str) -> None:
        assert sqlite_window.world.client(zone).post("/access-requests").status_code in (303, 400, 401, 404)

    def test_the_answer_shows_what_is_disclosed_and_names_what_is_withheld(
        self, sqlite_window: Window
    ) -> None:
        row = sqlite_window.released()
        sqlite_window.world.run_jobs()
        shown = page(sqlite_window, "public", None, address_of(sqlite_window, row))
        assert SECRETS["access-control"] in shown
        assert "Commercial interests" in shown
        assert "Art. 4(2), first indent" in shown
        assert "Confirmatory application" in shown
        assert not any(SECRETS[name] in shown for name in ("weight-protection", "insider-threat"))
        assert "It is a trade secret." not in shown
        answer = sqlite_window.world.client("public").get(f"{address_of(sqlite_window, row)}/answer.json")
        assert answer.status_code == 200

    def test_a_late_answer_says_what_can_be_done(self, sqlite_window: Window) -> None:
        row = sqlite_window.sent()
        sqlite_window.world.at(row.due_at + timedelta(seconds=1))
        shown = page(sqlite_window, "public", None, address_of(sqlite_window, row))
        assert "Late" in shown
        assert "ask for a review" in shown


class TestOfficial:
    def test_a_letter_is_entered_on_its_page(self, sqlite_window: Window) -> None:
        by, form = sqlite_window.desk.officer, {"words": "A report.", "name": "", "contact": ""}
        day = sqlite_window.desk.now
        came = {"received-day": day.day, "received-month": day.month, "received-year": day.year}
        refused = post(sqlite_window, "government", by, "/access-requests/new", **form)
        assert refused.status_code == 422
        assert "Give the day on which it came" in refused.text
        entered = post(sqlite_window, "government", by, "/access-requests/new", **form, **came)
        assert entered.status_code == 303
        assert "None: answer by letter" in page(sqlite_window, "government", by, entered.location)

    def test_nobody_else_of_the_authority_sees_one(self, sqlite_window: Window) -> None:
        row = sqlite_window.sent()
        for by in (sqlite_window.desk.approver, sqlite_window.desk.reader):
            page(sqlite_window, "government", by, f"/access-requests/{row.reference}", 404)
            page(sqlite_window, "government", by, "/access-requests", 404)

    def test_a_thousand_requests_are_listed_a_page_at_a_time(self, sqlite_window: Window) -> None:
        row = sqlite_window.sent()
        with sqlite_window.world.wired.database.engine.begin() as connection:
            made = AccessRequest.__table__  # type: ignore[attr-defined]
            kept = connection.execute(made.select().where(made.c.id == row.id)).mappings().one()
            many = [
                {**kept, "id": uuid.uuid4(), "reference": f"AR-2026-{number:04d}"} for number in range(1000)
            ]
            connection.execute(made.insert(), many)
        with sqlite_window.world.wired.database.read() as session:
            assert requests.listed(session, number=99).number == 21
        shown = page(sqlite_window, "government", sqlite_window.desk.officer, "/access-requests?page=2")
        assert "Requests 51 to 100 of 1,001" in shown
        assert shown.count("AR-2026-") >= 50
        for odd in ("x", "-1", "0", "9" * 30):
            page(sqlite_window, "government", sqlite_window.desk.officer, f"/access-requests?page={odd}")


class TestDeveloper:
    def test_she_objects_on_the_page_of_her_notice(self, sqlite_window: Window) -> None:
        row = sqlite_window.consulted()
        by, notice = sqlite_window.desk.certifier, sqlite_window.notice(row)
        here = f"/access-notices/{notice.reference}"
        assert "Say whether documents of yours may be disclosed" in page(sqlite_window, "developer", by, "/")
        assert notice.reference in page(sqlite_window, "developer", by, "/access-notices")
        shown = page(sqlite_window, "developer", by, here)
        assert not any(said in shown for said in (ASKED.name, ASKED.contact, ASKED.words))
        block = sqlite_window.blocks(row)[0]
        assert post(sqlite_window, "developer", by, here, do="object").status_code == 422
        blank = post(sqlite_window, "developer", by, here, do="object", blocks=str(block.id))
        assert blank.status_code == 422
        assert f'href="#reason-{block.id}"' in blank.text
        said = {"do": "object", "blocks": str(block.id), f"reason-{block.id}": "A secret."}
        assert post(sqlite_window, "developer", by, here, **said).status_code == 303
        sqlite_window.world.run_jobs()
        shown = page(sqlite_window, "developer", by, here)
        assert "You object:" in shown
        for part, status in (("notice", 200), ("objection", 200), ("decision", 404)):
            page(sqlite_window, "developer", by, f"{here}/{part}/receipt.json", status)

    def test_she_is_told_why_she_is_not_followed_before_anything_is_out(self, sqlite_window: Window) -> None:
        row = sqlite_window.consulted()
        sqlite_window.answered(row, {1: "A secret."})
        sqlite_window.prepared(row, OUT, HELD, HELD)
        by, here = sqlite_window.desk.certifier, f"/access-notices/{sqlite_window.notice(row).reference}"
        before = page(sqlite_window, "developer", by, here)
        assert OUT.reason not in before
        sqlite_window.decided(row)
        shown = page(sqlite_window, "developer", by, here)
        assert "An objection of yours is not followed" in shown
        assert OUT.reason in shown
        assert "Read why an objection of yours is not followed" in page(sqlite_window, "developer", by, "/")

    def test_another_developer_finds_nothing(self, sqlite_window: Window) -> None:
        row = sqlite_window.consulted()
        by = sqlite_window.desk.other_developer
        page(sqlite_window, "developer", by, f"/access-notices/{sqlite_window.notice(row).reference}", 404)
        assert "Nobody has asked for documents of yours" in page(
            sqlite_window, "developer", by, "/access-notices"
        )

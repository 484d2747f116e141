"""The front: every route, what it refuses before it asks the core, and what every answer says to browsers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.test import TestResponse

from secure_access.custodian.acts import Act
from secure_access.custodian.cli import custodian
from secure_access.custodian.front import gate, phrases
from secure_access.custodian.server import CoreClient
from tests.fixtures.custodian_front import Browser, Place, entered
from tests.fixtures.enrolled import DEVELOPER, ORIGIN

UNKNOWN = "cd" * 32


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, ORIGIN)
    with made.core():
        yield made


def test_the_door_says_what_this_is_and_who_is_believed(place: Place) -> None:
    page = Browser(place).get("/").text
    for words in (
        "Enter with your passkey",
        "Demonstration custody",
        "Version 1, signed by Officer-A and Officer-C, 2 of 3 officers",
        "Fresh, 40 seconds ago",
    ):
        assert words in page
    assert "No plan is opened" not in page
    place.state |= {
        "custody": "separated custody",
        "witness": "rollback not detected",
        "serving": "no witness",
        "sandbox": "bubblewrap (bwrap) is not installed.",
    }
    page = Browser(place).get("/").text
    assert "Separated custody" in page
    assert "Rollback not detected" in page
    assert "Nothing is served" in page
    assert "No plan is opened" in page
    assert "bubblewrap (bwrap) is not installed." in page
    assert "Do not seal real plans" not in page


def test_every_answer_has_the_policy_and_is_kept_nowhere(place: Place) -> None:
    browser = Browser(place)
    for answer in (
        browser.get("/"),
        browser.get("/nothing"),
        browser.get("/static/passkey.js"),
        browser.post("/acts/x", {}),
        browser.get("/", headers={"Host": "portal.example"}),
    ):
        for name, value in gate.HEADERS.items():
            assert answer.headers[name] == value
    assert gate.HEADERS["Cache-Control"] == "no-store"
    assert "default-src 'none'" in gate.HEADERS["Content-Security-Policy"]


def test_nothing_on_a_page_comes_from_elsewhere_or_is_inline(place: Place) -> None:
    digest = place.world.granted()
    reader = entered(place, "ada")
    for path in ("/", f"/grants/{digest}", f"/read/{digest}"):
        page = reader.get(path).text
        assert "http" not in page.replace(place.origin, "")
        assert "style=" not in page
        assert "<script>" not in page


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://portal.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "portal.example"}, 421),
    ],
)
def test_a_post_of_another_origin_reaches_nothing(place: Place, headers: dict[str, str], status: int) -> None:
    assert Browser(place).post("/enter/ask", {}, **headers).status_code == status
    place.app.config["CORE"] = None
    assert Browser(place).post("/enter/ask", {}, **headers).status_code == status


def test_a_post_that_names_no_origin_reaches_nothing(place: Place) -> None:
    client = place.app.test_client()
    assert client.post("/enter/ask", base_url=ORIGIN, json={}).status_code == 403


def test_a_body_that_is_too_long_or_of_another_form_is_refused(place: Place) -> None:
    browser = entered(place, "henrike")
    assert browser.post("/enter", {"nonce": "a", "answer": "b" * gate.LARGEST_BODY}).status_code == 413
    for value in ({}, [], {"nonce": 1, "answer": "b"}, {"nonce": "a", "answer": "b", "more": "c"}):
        assert browser.post("/acts/grant.approve", value).status_code == 400
    assert browser.post("/acts/plan.steal", {"nonce": "a", "answer": "b"}).status_code == 400
    assert (
        browser.post("/sitting/page", {"sitting": "a", "section": "b", "page": "0", "zoom": ""}).status_code
        == 400
    )


def test_the_one_cookie_is_of_this_host_alone_and_ends_with_the_visit(place: Place) -> None:
    browser = Browser(place, "henrike")
    answer = browser.post("/enter", browser.confirmed("/enter/ask", {}))
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-custodian=")
    for part in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=900"):
        assert part in cookie
    assert "Domain" not in cookie
    assert "What waits for you" in browser.get("/").text
    headers = {"Origin": ORIGIN}
    left = browser.client.post("/leave", base_url=ORIGIN, headers=headers)
    assert left.status_code == 303
    assert "Enter with your passkey" in browser.get("/").text


def test_the_secret_of_a_visit_that_was_left_shows_nothing_any_more(place: Place) -> None:
    browser = entered(place, "henrike")
    cookie = browser.client.get_cookie(gate.COOKIE, "custodian.example")
    assert cookie is not None
    browser.client.post("/leave", base_url=ORIGIN, headers={"Origin": ORIGIN})
    other = Browser(place)
    other.client.set_cookie(gate.COOKIE, cookie.value, domain="custodian.example", secure=True)
    assert "Enter with your passkey" in other.get("/").text


def test_entering_names_nobody_and_a_stranger_learns_nothing(place: Place) -> None:
    browser = Browser(place, "ada")
    asked = browser.post("/enter/ask", {}).json
    assert asked is not None
    assert asked["publicKey"]["allowCredentials"] == []
    assert asked["publicKey"]["rpId"] == "custodian.example"
    assert asked["publicKey"]["userVerification"] == "required"
    words = set()
    for told in ({"verified": False}, {"origin": "https://portal.example"}, {"lies": b"x"}):
        refused = browser.post("/enter", browser.confirmed("/enter/ask", {}, **told))
        words.add((refused.status_code, refused.text))
    assert len(words) == 1
    assert words.pop()[0] == 403


def test_without_a_visit_every_address_is_the_door(place: Place) -> None:
    digest = place.world.offer()
    browser = Browser(place)
    pages = {
        browser.get(path).text for path in (f"/grants/{digest}", f"/grants/{UNKNOWN}", f"/read/{digest}")
    }
    assert len(pages) == 1
    assert "Enter with your passkey" in pages.pop()
    assert browser.post("/acts/ask", {"act": "grant.approve", "object": digest}).status_code == 401


def test_what_is_not_yours_answers_like_what_is_not_there(place: Place) -> None:
    digest = place.world.offer()
    other = entered(place, "julien")
    answers = {
        (answer.status_code, answer.text)
        for answer in (
            other.get(f"/grants/{digest}"),
            other.get(f"/grants/{UNKNOWN}"),
            other.get(f"/grants/{'x' * 64}"),
            other.get(f"/read/{digest}"),
            other.get(f"/plans/{place.world.plan}"),
        )
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 404
    assert "Demonstration custody" in other.get(f"/grants/{UNKNOWN}").text
    # An approver sees the grant and still has no reading room.
    assert entered(place, "pia").get(f"/read/{digest}").status_code == 404


def test_two_approvers_approve_and_the_same_answer_is_worth_nothing_again(place: Place) -> None:
    digest = place.world.offer()
    first = entered(place, "henrike")
    page = first.get(f"/grants/{digest}").text
    for words in (
        "you are the first approver",
        "<b>Ada Brenner</b>",
        "The developer objected to Mr Moreau.",
        phrases.grouped(digest),
        "Approve with passkey",
        "Refuse, with a reason",
        "If you do nothing",
        "Tessaly Intelligence",
    ):
        assert words in page
    answer = first.confirmed("/acts/ask", {"act": "grant.approve", "object": digest})
    assert first.post("/acts/grant.approve", answer).json == {"standing": "waiting"}
    again = first.post("/acts/grant.approve", answer)
    assert again.status_code == 403
    assert again.json == {"words": "This was already confirmed once. Open the page again.", "why": "used"}
    page = first.get(f"/grants/{digest}").text
    assert "You approved it" in page
    assert "Approve with passkey" not in page
    second = entered(place, "oskar")
    assert "you are the second approver" in second.get(f"/grants/{digest}").text
    assert second.act("grant.approve", digest).json == {"standing": "approved"}
    assert "Go to the reading room" in entered(place, "ada").get(f"/grants/{digest}").text


def test_who_may_not_approve_reads_why(place: Place) -> None:
    digest = place.world.offer(requester="pia")
    page = entered(place, "pia").get(f"/grants/{digest}").text
    assert "You asked for this access: somebody else approves it." in page
    assert "Approve with passkey" not in page
    refused = entered(place, "pia").act("grant.approve", digest)
    assert (refused.status_code, refused.json["why"]) == (409, "not_allowed")


def test_a_refusal_needs_a_reason_which_the_developer_does_not_see(place: Place) -> None:
    digest = place.world.offer()
    approver = entered(place, "henrike")
    assert approver.act("grant.refuse", digest, reason="  ").status_code == 400
    assert approver.act("grant.refuse", digest, reason="The <b>outline</b> answers it.").status_code == 200
    assert (
        "The &lt;b&gt;outline&lt;/b&gt; answers it." in entered(place, "oskar").get(f"/grants/{digest}").text
    )
    page = entered(place, "tess").get(f"/grants/{digest}").text
    assert "outline" not in page
    assert "An approver" in page
    assert "Henrike" not in page


def test_an_assertion_of_another_origin_or_act_does_nothing(place: Place) -> None:
    digest = place.world.offer()
    browser = entered(place, "henrike")
    asking = {"act": "grant.approve", "object": digest}
    stolen = browser.confirmed("/acts/ask", asking, origin="https://portal.example")
    refused = browser.post("/acts/grant.approve", stolen)
    assert (refused.status_code, refused.json["why"]) == (403, "other_origin")
    other = browser.post("/acts/grant.refuse", {**browser.confirmed("/acts/ask", asking), "reason": "No."})
    assert (other.status_code, other.json["why"]) == (409, "wrong_act")
    assert place.world.custody.state.grants[digest].approvals == []


def test_a_sitting_page_by_page(place: Place) -> None:
    digest = place.world.granted()
    reader = entered(place, "ada")
    room = reader.get(f"/read/{digest}").text
    assert 'data-section="weight_storage" data-pages="9"' in room
    opened = reader.post(
        "/sitting/open", reader.confirmed("/acts/ask", {"act": "reading.open", "object": digest})
    ).json
    assert opened is not None
    assert (opened["left"], opened["pages"]) == (900, 60)
    asking = {"sitting": opened["sitting"], "section": "weight_storage", "page": "2", "zoom": "fine"}
    page = reader.post("/sitting/page", asking)
    assert (page.status_code, page.content_type) == (200, "image/png")
    assert page.headers["Cache-Control"] == "no-store"
    assert place.world.last().type == "page.released"
    refused = reader.post("/sitting/words", {key: asking[key] for key in ("sitting", "section", "page")})
    assert (refused.status_code, refused.json["why"]) == (409, "no_text")
    assert reader.post("/sitting/page", {**asking, "page": "10"}).status_code == 404
    assert reader.post("/sitting/page", {**asking, "section": "key_ceremony"}).status_code == 404
    state = reader.post("/sitting/state", {"sitting": opened["sitting"]}).json
    assert state is not None
    assert state["pages"] == 59
    place.world.core.pause(*place.world.act(Act.PAUSE, place.world.plan, "tess"))
    refused = reader.post("/sitting/page", asking)
    assert (refused.status_code, refused.json["why"]) == (409, "paused")
    assert reader.post("/sitting/state", {"sitting": opened["sitting"]}).json["why"] == "paused"
    assert "The developer has paused access" in reader.get(f"/read/{digest}").text
    assert reader.post("/sitting/close", {"sitting": opened["sitting"]}).status_code == 204
    assert reader.post("/sitting/page", asking).status_code == 404


def test_what_is_no_picture_is_not_handed_on(place: Place) -> None:
    digest = place.world.granted()
    reader = entered(place, "ada")
    asked = reader.confirmed("/acts/ask", {"act": "reading.open", "object": digest})
    sitting = reader.post("/sitting/open", asked).json["sitting"]
    parts = place.world.custody.parts
    place.world.custody.parts = type(parts)(**{**vars(parts), "render": lambda *_: b"<script>"})
    asking = {"sitting": sitting, "section": "weight_storage", "page": "1", "zoom": ""}
    assert reader.post("/sitting/page", asking).status_code == 502


def test_the_room_of_a_grant_that_is_over_says_so(place: Place) -> None:
    digest = place.world.granted()
    reader = entered(place, "ada")
    place.world.core.end(digest)
    page = reader.get(f"/read/{digest}").text
    assert "It has ended. Nothing of it can be opened any more." in page
    assert "Open with passkey" not in page
    other = place.world.granted(reference="AG-2")
    place.world.later(days=20)
    assert "It has ended." in entered(place, "ada").get(f"/read/{other}").text


def test_an_officer_of_the_developer_pauses_resumes_and_revokes(place: Place) -> None:
    digest, plan = place.world.granted(), place.world.plan
    officer = entered(place, "tess")
    assert "Pause with passkey" in officer.get(f"/plans/{plan}").text
    assert officer.act("access.pause", plan).status_code == 200
    assert "Resume with passkey" in officer.get(f"/plans/{plan}").text
    assert officer.act("access.resume", plan).status_code == 200
    assert "Revoke with passkey" in officer.get(f"/grants/{digest}").text
    assert officer.act("grant.revoke", digest).status_code == 200
    assert "Revoked" in officer.get(f"/grants/{digest}").text
    assert entered(place, "henrike").act("access.pause", plan).status_code == 404


def test_a_core_that_is_silent_is_said_on_pages_and_to_scripts(place: Place) -> None:
    place.app.config["CORE"] = CoreClient(Path("/nowhere/core.sock"), 1)
    browser = Browser(place)
    assert browser.get("/").status_code == 503
    assert "does not answer" in browser.get("/").text
    assert browser.post("/enter/ask", {}).json["why"] == "silent"


def test_terms_are_bold_and_everything_is_escaped() -> None:
    assert phrases.marked("<i> Ada & Ada Brenner", ["Ada Brenner", "Ada", "<i>"]) == (
        "<b>&lt;i&gt;</b> <b>Ada</b> &amp; <b>Ada Brenner</b>"
    )
    assert phrases.marked("a<b", []) == "a&lt;b"
    assert phrases.marked("Adam", ["Ada"]) == "Adam"
    assert phrases.grouped("abcdef01") == "abcd ef01"


def test_the_command_serves_only_an_origin(tmp_path: Path) -> None:
    for wrong in ("custodian.example", "http://custodian.example", "https://custodian.example/x"):
        done = CliRunner().invoke(custodian, ["front", "--socket", str(tmp_path / "s"), "--origin", wrong])
        assert done.exit_code == 1
        assert "an origin" in done.output


def test_statements_are_what_the_core_made(place: Place) -> None:
    digest = place.world.offer()
    asked = entered(place, "henrike").post("/acts/ask", {"act": "grant.approve", "object": digest}).json
    assert asked is not None
    said = json.loads(asked["statement"])
    assert said["object"] == digest
    assert said["nonce"] == asked["nonce"]
    assert len(asked["publicKey"]["allowCredentials"]) == 1


def test_parts_of_a_sealed_file_pass_for_an_officer_of_the_developer_alone(place: Place) -> None:
    plan = place.world.core.make_plan_key("PR-2027-010", DEVELOPER)
    officer, other = entered(place, "tess"), entered(place, "henrike")
    begin = {"plan": plan, "section": "weight-storage", "size": "3", "sha256": UNKNOWN}
    assert other.post("/delivery/begin", begin).status_code == 404
    assert Browser(place).post("/delivery/begin", begin).status_code == 401
    begun = officer.post("/delivery/begin", begin).json
    assert begun is not None
    assert (begun["offset"], begun["whole"]) == (0, False)

    def part(who: Browser, content: bytes, offset: str = "0") -> TestResponse:
        asked = {"plan": plan, "token": begun["token"], "offset": offset}
        told = {"Origin": ORIGIN, "Content-Type": "application/octet-stream"}
        return who.client.post(
            "/delivery/part", base_url=ORIGIN, query_string=asked, data=content, headers=told
        )

    assert part(other, b"abc").status_code == 404
    assert part(officer, bytes(gate.LARGEST_PART + 1)).status_code == 413
    assert part(officer, b"abc", "-1").status_code == 400
    assert part(officer, b"ab").json == {"taken": True, "offset": 2}
    assert part(officer, b"ab").json == {"taken": False, "offset": 2}
    ended = officer.post("/delivery/end", {"plan": plan, "token": begun["token"]})
    assert (ended.status_code, ended.json["why"]) == (409, "malformed")
    page = officer.get(f"/plans/{plan}").text
    assert "Upload and deliver with passkey" in page
    assert "Pause with passkey" not in page


def test_a_person_at_a_form_is_answered_with_a_page(place: Place) -> None:
    client = place.app.test_client()
    told = {"Origin": "https://portal.example", "Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/leave", base_url=ORIGIN, headers=told)
    assert (answer.status_code, answer.mimetype) == (403, "text/html")
    assert "Not from a page of the custodian" in answer.text

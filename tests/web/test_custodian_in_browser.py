"""The custodian's pages in a real Chromium with virtual authenticators: enter, approve, refuse, read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from secure_access.custodian.acts import Act
from tests.fixtures.browser import PATIENCE, SCREENS, Faults, Gallery
from tests.fixtures.custodian_front import Place, local_place
from tests.fixtures.enrolled import DEVELOPER

pytestmark = pytest.mark.timeout(300)

AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
AWAY = {"words": "The line broke.", "why": "silent"}
LONG = "Maximiliane-Alexandra von und zu Hohenstein-Wittgenstein-Berleburg-Ludwigsburg"


class Visitor:
    """Somebody with a browser and a passkey."""

    def __init__(self, browser: Browser, place: Place, person: str) -> None:
        self.place, self.person = place, person
        self.context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(PATIENCE)
        self.faults = Faults().watch(self.context)
        self.page: Page = self.context.new_page()
        self.gallery = Gallery(SCREENS / "custodian")
        self.plug_in(self.page)

    def plug_in(self, page: Page) -> CDPSession:
        """The passkey of this person in a tab."""
        cdp = self.context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        self.key = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]
        credential = self.place.world.enrolled.credential(self.person)  # type: ignore[attr-defined]
        cdp.send("WebAuthn.addCredential", {"authenticatorId": self.key, "credential": credential})
        self.cdp = cdp
        return cdp

    def open(self, path: str) -> Page:
        self.page.goto(self.place.origin + path)
        return self.page

    def enter(self, path: str = "/") -> Page:
        self.open(path)
        self.press("Enter with your passkey")
        return self.page

    def press(self, words: str, page: Page | None = None) -> None:
        """Press a button after which the page is loaded anew."""
        where = page or self.page
        with where.expect_navigation():
            where.get_by_role("button", name=words, exact=True).click()

    def look(self, name: str) -> None:
        self.gallery.look(self.page, name)

    @contextmanager
    def refused(self, *status: int) -> Iterator[None]:
        self.faults.allowed |= set(status)
        yield
        self.faults.allowed -= set(status)

    def leave(self) -> None:
        self.context.close()
        assert self.faults.found == []
        assert self.gallery.wrong == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with local_place(tmp_path) as made:
        yield made


def test_entering_with_a_passkey_of_the_list_and_with_another(chromium: Browser, place: Place) -> None:
    visitor = Visitor(chromium, place, "henrike")
    page = visitor.open("/")
    expect(page.locator("main")).to_contain_text("Version 1, signed by Officer-A and Officer-C")
    visitor.look("door")
    visitor.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": visitor.key, "isUserVerified": False})
    page.get_by_role("button", name="Enter with your passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey answered")
    visitor.look("door-cancelled")
    visitor.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": visitor.key, "isUserVerified": True})
    visitor.press("Enter with your passkey")
    expect(page.locator("h1")).to_have_text("What waits for you")
    visitor.look("desk-without-grants")
    (cookie,) = visitor.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("__Host-custodian", True, "Strict")
    visitor.press("Leave")
    expect(page.locator("h1")).to_have_text("The custodian of sealed plans")

    place.world.change_list(lambda value: value["people"].remove(place.world.enrolled.one("henrike", value)))
    with visitor.refused(403):
        page.get_by_role("button", name="Enter with your passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("No way in with this passkey")
    visitor.look("door-refused")
    visitor.leave()


def test_two_approvers_of_different_teams_approve(chromium: Browser, place: Place) -> None:
    digest = place.world.offer()
    first, second = (Visitor(chromium, place, name) for name in ("henrike", "oskar"))
    page = first.enter(f"/grants/{digest}")
    expect(page.locator("h1")).to_have_text("Approve an access grant")
    expect(page.locator(".sub").first).to_contain_text("you are the first approver")
    first.look("grant-first")
    first.press("Approve with passkey")
    expect(page.locator("#decision")).to_contain_text("You approved it on 4 October 2027, 09:00 UTC.")
    expect(page.locator("#decision")).to_be_focused()
    first.look("grant-approved-by-me")
    page = second.enter(f"/grants/{digest}")
    second.look("grant-second")
    second.press("Approve with passkey")
    expect(page.locator("#decision")).to_contain_text("Ada Brenner may read from 4 October 2027")
    second.look("grant-approved")
    second.open("/")
    second.look("desk")
    for one in (first, second):
        one.leave()


def test_refusing_needs_a_reason_and_is_told(chromium: Browser, place: Place) -> None:
    digest = place.world.offer()
    visitor = Visitor(chromium, place, "oskar")
    page = visitor.enter(f"/grants/{digest}")
    page.get_by_role("button", name="Refuse, with a reason").click()
    expect(page.get_by_label("Why you refuse")).to_be_focused()
    page.get_by_role("button", name="Refuse with passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why you refuse")
    visitor.look("grant-refusing")
    page.get_by_label("Why you refuse").fill("The public outline answers the question.")
    visitor.press("Refuse with passkey")
    expect(page.locator("#decision")).to_contain_text("The reason: The public outline answers the question.")
    visitor.look("grant-refused")
    visitor.leave()


def test_a_second_tab_is_told_that_the_grant_was_decided(chromium: Browser, place: Place) -> None:
    digest = place.world.offer()
    visitor = Visitor(chromium, place, "oskar")
    visitor.enter(f"/grants/{digest}")
    other = visitor.context.new_page()
    visitor.plug_in(other)
    other.goto(f"{place.origin}/grants/{digest}")
    place.world.core.refuse(*place.world.act(Act.REFUSE, digest, "pia"))
    with visitor.refused(409):
        other.get_by_role("button", name="Approve with passkey").click()
        expect(other.get_by_role("alert")).to_have_text("This access grant was decided already.")
    visitor.page.reload()
    expect(visitor.page.locator("#decision")).to_contain_text("Refused")
    visitor.leave()


def test_an_assertion_is_used_once_and_other_origins_get_nowhere(chromium: Browser, place: Place) -> None:
    digest = place.world.offer()
    visitor = Visitor(chromium, place, "oskar")
    page = visitor.enter(f"/grants/{digest}")
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.post_data or "") if "/acts/grant." in one.url else None)
    visitor.press("Approve with passkey")
    assert len(place.world.custody.state.grants[digest].approvals) == 1
    again = """async (body) => {
      const headers = {"Content-Type": "application/json"};
      const sent = await fetch("/acts/grant.approve", {method: "POST", headers, body});
      return [sent.status, (await sent.json()).why];
    }"""
    with visitor.refused(403):
        assert page.evaluate(again, sent[0]) == [403, "used"]

    # Under another name nothing is served, and the browser lets no page ask for this passkey.
    other = visitor.context.new_page()
    port = place.origin.rpartition(":")[2]
    with visitor.refused(421):
        other.goto(f"http://localhost:{port}/")
        expect(other.locator("body")).to_contain_text("This address is not served here")
    wanted = """(rpId) => navigator.credentials.get({publicKey: {challenge: new Uint8Array(32), rpId}})
      .then(() => "given", (error) => error.name)"""
    assert other.evaluate(wanted, "custodian.localhost") == "SecurityError"
    assert len(place.world.custody.state.grants[digest].approvals) == 1
    visitor.leave()


def test_reading_by_keyboard_and_what_ends_it(chromium: Browser, place: Place) -> None:
    digest = place.world.granted()
    reader = Visitor(chromium, place, "ada")
    page = reader.enter(f"/grants/{digest}")
    page.get_by_role("link", name="Go to the reading room").click()
    reader.look("read-before")
    page.get_by_role("button", name="Open with passkey").click()
    said, sheet = page.locator("[data-said]"), page.locator("[data-sheet]")
    expect(said).to_have_text("Insider threat, page 1 of 3")
    expect(sheet).to_be_focused()
    expect(page.locator("[data-count]")).to_contain_text("59")
    reader.look("read")
    for key, number in (
        ("ArrowRight", 2),
        ("PageDown", 3),
        ("ArrowRight", 3),
        ("ArrowLeft", 2),
        ("PageUp", 1),
        ("End", 3),
        ("Home", 1),
    ):
        page.keyboard.press(key)
        expect(said).to_have_text(f"Insider threat, page {number} of 3")
    # Three pages were released; going back releases none.
    assert [one.fields["page"] for one in place.world.lines("page.released")] == [1, 2, 3]
    page.get_by_role("button", name="Weight storage").click()
    expect(said).to_have_text("Weight storage, page 1 of 9")
    expect(page.get_by_role("img", name="Weight storage, page 1 of 9")).to_be_visible()
    page.get_by_role("button", name="Larger").click()
    page.get_by_role("button", name="Larger").click()
    reader.look("read-larger")

    place.world.core.pause(*place.world.act(Act.PAUSE, place.world.plan, "tess"))
    with reader.refused(409):
        expect(page.get_by_role("alert")).to_have_text("The developer has paused access to this plan.")
    assert page.locator("[data-page]").get_attribute("src") is None
    expect(page.locator("[data-room]")).to_be_hidden()
    reader.look("read-paused")
    page.reload()
    reader.look("read-shut")
    reader.leave()


def test_reading_as_text_and_to_a_last_page_that_nobody_told(chromium: Browser, place: Place) -> None:
    place.world.change_list(lambda value: place.world.enrolled.one("ada", value).update(text=True))
    place.world.custody.state.plans[place.world.plan].told = ()
    digest = place.world.granted()
    reader = Visitor(chromium, place, "ada")
    page = reader.enter(f"/read/{digest}")
    page.get_by_role("button", name="Open with passkey").click()
    said = page.locator("[data-said]")
    expect(said).to_have_text("Insider threat, page 1")
    page.get_by_role("button", name="Show this page as text").click()
    expect(page.locator("[data-text-of-page]")).to_have_text("Insider threat, page 1, in words.")
    page.get_by_label("Page", exact=True).select_option("2")
    expect(said).to_have_text("Insider threat, page 2")
    page.get_by_role("button", name="Next").click()
    expect(said).to_have_text("Insider threat, page 3")
    with reader.refused(404):
        page.get_by_role("button", name="Next").click()
        expect(said).to_have_text("Insider threat, page 3 of 3")
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="Leave the sitting").click()
    expect(page.get_by_role("button", name="Open with passkey")).to_be_focused()
    reader.leave()


def test_a_page_expires_with_the_visit_and_a_sitting_takes_its_page_along(
    chromium: Browser, place: Place
) -> None:
    waiting, digest = place.world.offer(reference="AG-2"), place.world.granted()
    approver, reader = (Visitor(chromium, place, name) for name in ("pia", "ada"))
    approver.page.clock.install()
    page = approver.enter(f"/grants/{waiting}")
    page.clock.fast_forward("14:01")
    expect(page.get_by_role("alert")).to_have_text("This page expires in one minute.")
    page.clock.fast_forward("01:00")
    expect(page.get_by_role("alert")).to_have_text("This page has expired. Enter again with your passkey.")
    expect(page.get_by_role("button", name="Approve with passkey")).to_be_disabled()
    approver.look("grant-expired")

    page = reader.enter(f"/read/{digest}")
    page.get_by_role("button", name="Open with passkey").click()
    expect(page.locator("[data-page]")).to_be_visible()
    with reader.refused(409, 401):
        place.world.later(minutes=15)
        expect(page.get_by_role("alert")).to_contain_text("This sitting is over.")
        expect(page.locator("[data-page]")).to_be_hidden()
        # The visit is over too: the next sitting needs another.
        page.get_by_role("button", name="Open with passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("These pages are closed.")
        page.get_by_role("link", name="Enter again").click()
    expect(page.get_by_role("button", name="Enter with your passkey")).to_be_visible()
    for one in (approver, reader):
        one.leave()


def test_a_developer_pauses_resumes_and_revokes(chromium: Browser, place: Place) -> None:
    digest = place.world.granted()
    officer = Visitor(chromium, place, "tess")
    page = officer.enter("/")
    officer.look("desk-of-a-developer")
    page.get_by_role("link", name="PR-2027-009").click()
    officer.look("plan")
    officer.press("Pause with passkey")
    expect(page.locator("#decision")).to_contain_text("Paused")
    officer.look("plan-paused")
    officer.press("Resume with passkey")
    page.get_by_role("link", name="AG-2027-014").click()
    officer.look("grant-of-a-developer")
    officer.press("Revoke with passkey")
    expect(page.locator("#decision")).to_contain_text("Revoked by you, Security")
    assert place.world.lines("grant.revoked")[0].fields["grant"] == digest
    officer.leave()


def test_a_plan_is_sealed_uploaded_in_parts_and_delivered(
    chromium: Browser, place: Place, tmp_path: Path
) -> None:
    plan = place.world.core.make_plan_key("PR-2027-010", DEVELOPER)
    asked = ("weight-storage", "insider-threat", "key-ceremony")
    place.world.core.deliveries.set_outline(plan, dict.fromkeys(asked, "What it covers."))
    large, small = tmp_path / "plan.pdf", tmp_path / "threats.png"
    large.write_bytes(b"%PDF-1.7\n" + bytes(5_000_000))
    small.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    officer = Visitor(chromium, place, "tess")
    page = officer.enter(f"/plans/{plan}")
    officer.look("deliver")
    send = page.get_by_role("button", name="Upload and deliver with passkey")
    expect(send).to_be_disabled()
    for section, file in (("weight-storage", large), ("insider-threat", small)):
        page.get_by_label("Section").fill(section)
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Seal on this device").click()
        expect(page.locator("[data-sealed]")).to_contain_text(section)
    page.get_by_label("Section").fill("insider-threat")
    page.get_by_label("File").set_input_files(small)
    page.get_by_role("button", name="Seal on this device").click()
    expect(page.get_by_role("alert")).to_contain_text("insider-threat is sealed already.")
    officer.look("deliver-sealed")

    # The line breaks in the third part. What was sealed is still there, and the upload goes on.
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if "/delivery/part" in one.url else None)
    page.route("**/delivery/part*offset=2097152", lambda route: route.fulfill(status=503, json=AWAY))
    with officer.refused(503):
        send.click()
        expect(page.get_by_role("alert")).to_contain_text("The line broke.")
    page.unroute_all()
    page.reload()
    expect(page.locator("[data-sealed]")).to_contain_text("weight-storage")
    sent.clear()
    officer.press("Upload and deliver with passkey")
    expect(page.locator("main")).to_contain_text("The custodian opened each file unseen.")
    assert sent[0].endswith("offset=2097152")
    assert place.outside.opened == {
        "insider-threat": small.read_bytes(),
        "weight-storage": large.read_bytes(),
    }
    officer.look("delivered")
    assert (
        page.evaluate(
            "navigator.storage.getDirectory().then(async (root) => {"
            "const names = []; const folder = await root.getDirectoryHandle('sealed-sections');"
            "for await (const name of folder.keys()) names.push(name); return names; })"
        )
        == []
    )

    # What was missing comes later, beside what stands.
    for section, said in (("insider-threat", "was delivered already, and stands"), ("key-ceremony", "")):
        page.get_by_label("Section").fill(section)
        page.get_by_label("File").set_input_files(small)
        page.get_by_role("button", name="Seal on this device").click()
        expect(page.locator("[data-deliver] [role=alert]" if said else "[data-sealed]")).to_contain_text(
            said or section
        )
    officer.look("deliver-more")
    officer.press("Upload and deliver with passkey")
    expect(page.locator("main")).to_contain_text("3 sections in 2 deliveries")
    expect(page.locator("main")).to_contain_text("Everything that was asked for is here.")
    officer.look("delivered-more")
    first, second = place.world.custody.state.plans[plan].deliveries
    assert second.sections[:2] == first.sections
    assert [one.section for one in second.sections] == ["insider-threat", "weight-storage", "key-ceremony"]
    officer.leave()


def test_a_section_that_was_not_asked_for_is_not_sealed(
    chromium: Browser, place: Place, tmp_path: Path
) -> None:
    plan = place.world.core.make_plan_key("PR-2027-010", DEVELOPER)
    place.world.core.deliveries.set_outline(plan, {"weight-storage": "What it covers."})
    small = tmp_path / "threats.png"
    small.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    officer = Visitor(chromium, place, "tess")
    page = officer.enter(f"/plans/{plan}")
    page.get_by_label("Section").fill("weight-store")
    page.get_by_label("File").set_input_files(small)
    page.get_by_role("button", name="Seal on this device").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "weight-store was not asked for. Choose one of: weight-storage, threat-actors."
    )
    officer.look("deliver-mistyped")
    officer.leave()


def test_long_names_wrap_and_what_is_nothing_of_yours_says_so(chromium: Browser, place: Place) -> None:
    def rename(value: Any) -> None:
        place.world.enrolled.one("ada", value).update(name=LONG, team=LONG, title=LONG)
        place.world.enrolled.one("henrike", value).update(name=LONG, team=LONG)
        for one in value["organisations"]:
            one["name"] = f"{one['name']} {LONG}"

    place.world.change_list(rename)
    digest = place.world.offer(
        reference="AG-2027-" + "0" * 60, model="Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 2
    )
    visitor = Visitor(chromium, place, "henrike")
    visitor.enter(f"/grants/{digest}")
    visitor.look("grant-long-names")
    visitor.open("/")
    visitor.look("desk-long-names")
    with visitor.refused(404):
        visitor.open(f"/grants/{'cd' * 32}")
        expect(visitor.page.locator("h1")).to_have_text("There is nothing here for you")
    visitor.look("nothing")
    visitor.leave()

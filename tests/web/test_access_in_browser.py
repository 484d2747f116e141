"""An access request as its people walk it, in Chromium: asked, heard, prepared, decided, released."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.fixtures.browser import SCREENS, Gallery, Visitor
from tests.fixtures.instance import Instance
from tests.web.acting import fill

pytestmark = pytest.mark.timeout(900)

LONG = "Ilse Maria Brandt-von-der-Heydenreich-Okonkwo of the Association for the Watching of Watchers " * 2
ASKED = "The risk report of Corvane 4, with what it says of internal use and safeguards."


def test_from_the_public_form_to_the_answer(chromium: Browser, embedded_instance: Instance) -> None:
    gallery = Gallery(SCREENS / "access")
    stranger = Visitor(chromium, embedded_instance, gallery=gallery)
    mira, paul, weiss = (
        Visitor(chromium, embedded_instance, who=who, gallery=gallery).enter()
        for who in ("mira", "paul", "weiss")
    )
    mira.open("/access-requests")
    mira.reads("Nobody has asked.")
    mira.look("list-empty")
    weiss.open("/access-notices")
    weiss.reads("Nobody has asked for documents of yours.")
    weiss.look("notices-empty")

    link = _ask(stranger)
    _find_and_hear(mira)
    _object(weiss)
    _prepare(mira)
    _decide(paul)
    weiss.page.reload()
    weiss.reads("Nothing is released before")
    weiss.look("notice-overridden")
    mira.page.reload()
    mira.reads("Release is not open to you now")
    mira.look("request-waits")
    stranger.open(link)
    stranger.reads("can go to court first")
    stranger.look("followed-decided")
    for visitor in (stranger, mira, paul, weiss):
        visitor.leave()
    wrong = gallery.wrong + embedded_instance.faults()
    assert not wrong, "\n".join(wrong)


def _ask(stranger: Visitor) -> str:
    """Without an account; a form with a mistake keeps what was typed."""
    page = stranger.open("/access-requests")
    stranger.look("ask")
    fill(page, "What do you want to see?", ASKED)
    fill(page, "Your name", LONG)
    with stranger.refused(422):
        stranger.press("Send the request")
    stranger.look("ask-mistakes")
    expect(page.get_by_label("What do you want to see?", exact=True)).to_have_value(
        ASKED.replace("\n", "\r\n")
    )
    fill(page, "Your e-mail address", "ilse.brandt@example.org")
    stranger.press("Send the request")
    while page.get_by_role("heading", name="Your request is sent").count():
        stranger.look("sent")
        page.wait_for_timeout(1500)
        page.reload()
    expect(page.locator("main")).to_contain_text(re.compile(r"AR-\d{4}-\d{3}"))
    stranger.look("followed")
    return page.url


def _find_and_hear(mira: Visitor) -> None:
    page = mira.open("/access-requests")
    mira.look("list")
    mira.go(page.locator("main table a"))
    page.get_by_label("Look for a reference or a developer").fill("Quillmark")
    mira.press("Look")
    row = page.locator("li").filter(has_text=re.compile("risk report", re.I))
    with page.expect_navigation():
        row.get_by_role("button").first.click()
    mira.reads("asked for now.")
    mira.look("request-chosen")
    mira.press("Send the notices")
    mira.reads("has a notice.")
    mira.look("request-heard")
    page.get_by_label("Why more time is needed").fill("The report has many blocks.")
    mira.press("Extend the time to answer")
    mira.reads("The time to answer is extended.")


def _object(weiss: Visitor) -> None:
    page = weiss.open("/access-notices")
    weiss.look("notices")
    weiss.go(page.locator("main table a"))
    weiss.look("notice")
    with weiss.refused(422):
        weiss.press("Object to what is chosen")
    weiss.look("notice-mistakes")
    page.locator("label[for=block-1]").click()
    page.get_by_label("Why block 1 has to stay confidential").fill("Word " * 60)
    weiss.press("Object to what is chosen")
    weiss.reads("You object:")
    weiss.look("notice-answered")


def _prepare(mira: Visitor) -> None:
    page = mira.page
    page.reload()
    mira.follow("Prepare the answer")
    with mira.refused(422):
        mira.press("Put the answer to a decider")
    mira.look("draft-mistakes")
    fill(page, "Words to the requester", "One filing is held. Its public version is in the register.")
    panels = page.locator("section.panel")
    for number in range(panels.count()):
        panel = panels.nth(number)
        tick_in(panel, "Disclose" if number < 2 else "Withhold")
        if number >= 2:
            panel.locator("select").select_option("trade_secret")
        panel.locator("textarea").fill("The reason that the requester reads.")
    mira.look("draft")
    mira.press("Put the answer to a decider")
    mira.reads("waits for a decider")
    mira.look("request-prepared")


def tick_in(panel: object, words: str) -> None:
    """Choose a radio of one block by its words."""
    panel.locator("label").filter(has_text=words).first.click()  # type: ignore[attr-defined]


def _decide(paul: Visitor) -> None:
    page = paul.open("/access-requests")
    paul.go(page.locator("main table a"))
    paul.look("request-to-decide")
    paul.press("Decide as prepared")
    paul.reads("is decided.")

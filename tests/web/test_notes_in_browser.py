"""Notes beside the pages of a plan, and words quoted of it, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from secure_access.custodian.acts import Act
from tests.fixtures.custodian_front import Place, local_place
from tests.web.test_custodian_in_browser import Visitor

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with local_place(tmp_path) as made:
        yield made


def sitting(reader: Visitor, digest: str) -> Page:
    page = reader.enter(f"/read/{digest}")
    page.get_by_role("button", name="Open with passkey").click()
    expect(page.locator("[data-said]")).to_have_text("Insider threat, page 1 of 3")
    return page


def keep(page: Page, words: str) -> None:
    page.get_by_label("A new note").fill(words)
    page.get_by_role("button", name="Keep the note").click()
    expect(page.locator("[data-noted]")).to_have_text("The note is kept.")


def kinds(place: Place) -> list[str]:
    return [line.type for line in place.world.lines() if line.type.startswith(("note", "quotation"))]


def test_a_note_is_written_by_keyboard_and_waits_beside_its_page(chromium: Browser, place: Place) -> None:
    reader = Visitor(chromium, place, "ada")
    page = sitting(reader, place.world.granted())
    said = page.locator("[data-said]")
    page.get_by_role("button", name="Notes", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your notes on this page")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("A new note")).to_be_focused()
    page.keyboard.type("Two people,\n")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("but one key.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-notes] li")).to_contain_text("Two people,\nbut one key.")
    expect(page.locator("[data-noted]")).to_have_text("The note is kept.")
    expect(said).to_have_text("Insider threat, page 1 of 3")
    reader.look("read-note")

    # What is begun waits beside its page, and leaving asks once.
    page.get_by_label("A new note").fill("Begun")
    page.get_by_role("button", name="Next").click()
    expect(said).to_have_text("Insider threat, page 2 of 3")
    expect(page.get_by_label("A new note")).to_have_value("")
    expect(page.locator("[data-notes] li")).to_have_count(0)
    page.get_by_role("button", name="Leave the sitting").click()
    expect(page.get_by_role("alert")).to_contain_text("A note is not kept yet.")
    page.get_by_role("button", name="Previous").click()
    expect(page.get_by_label("A new note")).to_have_value("Begun")
    page.get_by_role("button", name="Leave the sitting").click()
    expect(page.get_by_role("button", name="Open with passkey")).to_be_focused()
    assert "Two people" not in page.content()

    # In the next sitting they are there again, before any page beside which they stand is released again.
    page.get_by_role("button", name="Open with passkey").click()
    expect(page.locator("[data-notes] li")).to_contain_text("Two people,\nbut one key.")
    page.get_by_role("button", name="Weight storage").click()
    expect(said).to_have_text("Weight storage, page 1 of 9")
    page.get_by_text("All your notes under this grant").click()
    reader.look("read-all-notes")
    page.get_by_role("button", name="Insider threat, page 1: turn to it").click()
    expect(said).to_have_text("Insider threat, page 1 of 3")
    page.get_by_role("button", name="Remove: note 1").click()
    expect(page.locator("[data-noted]")).to_have_text("The note is removed.")
    expect(page.locator("[data-notes] li")).to_have_count(0)
    assert kinds(place) == ["note.written", "note.removed"]
    reader.leave()


def test_a_note_that_was_changed_elsewhere_is_shown_and_nothing_is_lost(
    chromium: Browser, place: Place
) -> None:
    digest = place.world.granted()
    reader = Visitor(chromium, place, "ada")
    page = sitting(reader, digest)
    keep(page, "Two people, but one key.")
    page.get_by_role("button", name="Change: note 1").click()
    page.get_by_label("The note, changed").fill("Two people and one key.")
    (note,) = place.world.custody.state.grants[digest].notes.values()
    (token,) = place.world.core._reading._sittings
    place.world.core.notes.change(token, note.note, 1, "Written elsewhere.")
    with reader.refused(409):
        page.get_by_role("button", name="Keep the change").click()
        expect(page.get_by_role("alert")).to_contain_text("This note was changed since it was shown here.")
    expect(page.locator("[data-notes] li")).to_contain_text("Written elsewhere.")
    expect(page.get_by_label("The note, changed")).to_have_value("Two people and one key.")
    reader.look("read-note-changed")
    page.get_by_role("button", name="Keep the change").click()
    expect(page.locator("[data-notes] li")).to_contain_text("version 3")
    assert kinds(place) == ["note.written", "note.written", "note.refused", "note.written"]

    page.get_by_label("A new note").fill("Never kept.")
    place.world.core.revoke(*place.world.act(Act.REVOKE, digest, "henrike"))
    with reader.refused(409):
        page.get_by_role("button", name="Keep the note").click()
        expect(page.get_by_role("alert")).to_have_text("This access grant was revoked.")
    expect(page.locator("[data-room]")).to_be_hidden()
    assert "Two people" not in page.content()
    assert page.locator("#note").input_value() == ""
    reader.leave()


def test_words_are_looked_at_and_released_by_a_passkey(chromium: Browser, place: Place) -> None:
    reader = Visitor(chromium, place, "ada")
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=place.origin)
    page = sitting(reader, place.world.granted())
    keep(page, "Two people\nand one key.")
    page.get_by_role("button", name="Quote: note 1").click()
    page.get_by_role("button", name="Look at the words").click()
    proposed = page.get_by_role("group", name="The words as they would leave")
    expect(proposed).to_be_focused()
    expect(proposed.locator("blockquote")).to_have_text("Two people and one key.")
    reader.look("read-quoting")
    page.get_by_role("button", name="Do not release").click()
    expect(proposed).to_be_hidden()
    page.get_by_role("button", name="Look at the words").click()
    reader.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": reader.key, "isUserVerified": False})
    page.get_by_role("button", name="Release with passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey answered")
    assert kinds(place) == ["note.written"]
    reader.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": reader.key, "isUserVerified": True})
    page.get_by_role("button", name="Release with passkey").click()
    released = page.get_by_role("group", name="The words that were released")
    expect(released).to_be_focused()
    expect(released.locator("h3")).to_have_text("Q-1 of PR-2027-009")
    page.get_by_role("button", name="Copy the words").click()
    expect(page.locator("[data-copied]")).to_have_text("Copied: the words.")
    assert page.evaluate("navigator.clipboard.readText()") == "Two people and one key."
    page.get_by_text("What was released under this grant").click()
    expect(page.locator("[data-quotations]")).to_contain_text("Q-1 of PR-2027-009 · Insider threat, page 1")
    reader.look("read-quoted")
    page.get_by_role("button", name="Next").click()
    expect(released).to_be_hidden()
    assert kinds(place) == ["note.written", "quotation.released"]
    reader.leave()

"""Recertifying a reader in a real Chromium: who is due, what is confirmed, and the reader who waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from secure_access.custodian.acts import Act
from secure_access.custodian.recertification import LASTS
from tests.fixtures.custodian_front import Place, local_place
from tests.fixtures.enrolled import NOW
from tests.secure_access.custodian.test_recertification import lasting, recertify, to
from tests.web.test_custodian_in_browser import LONG, Visitor

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with local_place(tmp_path) as made:
        yield made


def test_an_overdue_reader_is_recertified_and_reads_on(chromium: Browser, place: Place) -> None:
    world = place.world
    digest = lasting(world, 20, 50)
    key = world.enrolled.one("julien")["credentials"][0]["id"]
    to(world, NOW + timedelta(days=6))
    lasting(world, 20, 50, "AG-2", reader="julien", credentials=[key], requester="pia", nonce="0a" * 16)
    to(world, NOW + LASTS)

    reader = Visitor(chromium, place, "ada")
    page = reader.enter("/")
    expect(page.get_by_role("complementary", name="Custody", exact=True)).to_contain_text(
        "Nobody has confirmed since 4 October 2027"
    )
    reader.look("desk-of-an-overdue-reader")
    reader.open(f"/read/{digest}")
    expect(page.locator("main")).to_contain_text("Ask Henrike Solano (Legal), Oskar Nwosu")
    reader.look("read-not-recertified")

    approver = Visitor(chromium, place, "oskar")
    page = approver.enter("/")
    rows = page.get_by_role("table", name="Readers whose month ends").get_by_role("row")
    expect(rows).to_contain_text(["Reader", "Overdue: reads nothing", "Due within 7 days"])
    approver.look("desk-with-readers-due")
    page.get_by_role("link", name="Ada Brenner").first.click()
    expect(page.locator("h1")).to_have_text("Recertify a reader")
    approver.look("reader")
    approver.press("Recertify with passkey")
    expect(page.locator("#decision")).to_contain_text("May read until 5 December 2027, 09:00 UTC.")
    expect(page.locator("#decision")).to_contain_text("Recertified last by you, Systems Assurance")
    expect(page.locator("#decision")).to_be_focused()
    approver.look("reader-recertified")
    approver.open(f"/grants/{digest}")
    page.get_by_role("link", name="Ada Brenner").click()
    assert [one.fields["reader"] for one in world.lines("reader.recertified")] == ["ada"]

    page = reader.open(f"/read/{digest}")
    page.get_by_role("button", name="Open with passkey").click()
    expect(page.locator("[data-said]")).to_have_text("Insider threat, page 1 of 3")

    reader.open("/")
    reader.look("desk-of-a-reader")
    for one in (reader, approver):
        one.leave()


def test_the_month_ends_in_a_sitting_and_a_page_that_was_changed_is_not_confirmed(
    chromium: Browser, place: Place
) -> None:
    world = place.world
    digest = lasting(world, 20, 50)
    to(world, NOW + LASTS - timedelta(seconds=30))
    reader, approver = Visitor(chromium, place, "ada"), Visitor(chromium, place, "pia")
    page = reader.enter(f"/read/{digest}")
    page.get_by_role("button", name="Open with passkey").click()
    expect(page.locator("[data-page]")).to_be_visible()
    with reader.refused(409):
        to(world, NOW + LASTS)
        expect(page.get_by_role("alert")).to_contain_text("Ask Henrike Solano (Legal)")
        expect(page.locator("[data-page]")).to_be_hidden()
    reader.look("read-month-over")

    shown = approver.enter("/")
    shown.get_by_role("link", name="Ada Brenner").first.click()
    expect(shown.locator("h1")).to_have_text("Recertify a reader")
    lasting(world, 20, 50, "AG-2", nonce="0a" * 16)
    with approver.refused(409):
        shown.get_by_role("button", name="Recertify with passkey").click()
        expect(shown.get_by_role("alert")).to_contain_text("Open the page again.")
    approver.look("reader-changed")
    shown.reload()
    expect(shown.locator("main")).to_contain_text("under two access grants")
    for one in (reader, approver):
        one.leave()


def test_who_may_not_reads_why_and_long_names_wrap(chromium: Browser, place: Place) -> None:
    world = place.world

    def rename(value: Any) -> None:
        world.enrolled.one("ada", value).update(name=LONG, team=LONG, title=LONG)
        for one in value["organisations"]:
            one["name"] = f"{one['name']} {LONG}"

    world.change_list(rename)
    digest = lasting(world, 20, 50, "AG-2027-" + "0" * 60, requester="pia")
    to(world, NOW + LASTS)
    visitor = Visitor(chromium, place, "pia")
    page = visitor.enter("/")
    visitor.look("desk-with-readers-due-long-names")
    page.get_by_role("link", name=LONG).first.click()
    expect(page.locator("#decision")).to_contain_text("You cannot confirm it. You asked for AG-2027-")
    expect(page.get_by_role("button", name="Recertify with passkey")).to_have_count(0)
    visitor.look("reader-long-names")
    recertify(world)
    world.core.revoke(*world.act(Act.REVOKE, digest, "oskar"))
    page.reload()
    expect(page.locator("#decision")).to_contain_text("holds no access grant that is open")
    visitor.look("reader-without-grants")
    visitor.leave()
    stranger = Visitor(chromium, place, "ada")
    with stranger.refused(404):
        stranger.enter(page.url.removeprefix(place.origin))
        expect(stranger.page.locator("h1")).to_have_text("There is nothing here for you")
    stranger.leave()

"""Keeping and destroying a plan in a real Chromium: a hold, its end, two approvals, the certificate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from secure_access.custodian.plan_keys import read_certificate
from tests.fixtures.custodian_front import CERTIFIES, Place, local_place
from tests.web.test_custodian_in_browser import LONG, Visitor

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with local_place(tmp_path) as made:
        yield made


def test_a_hold_keeps_a_plan_and_is_lifted(chromium: Browser, place: Place) -> None:
    digest = place.world.granted()
    approver = Visitor(chromium, place, "henrike")
    page = approver.enter(f"/grants/{digest}")
    page.get_by_role("link", name="Keep it or destroy it").click()
    expect(page.locator("#decision")).to_contain_text("Kept")
    approver.look("plan-kept")
    page.get_by_role("button", name="Put a legal hold on it").click()
    page.get_by_role("button", name="Hold with passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    approver.look("plan-hold-without-a-reason")
    page.get_by_label("Why it must be kept").fill(f"Appeal C-12/2027 of {LONG} is pending. " * 3)
    approver.press("Hold with passkey")
    expect(page.locator("#decision")).to_be_focused()
    expect(page.locator("#decision")).to_contain_text("Legal hold by you, Legal")
    expect(page.get_by_role("button", name="Return or destroy")).to_have_count(0)
    approver.look("plan-held")
    approver.open("/")
    expect(page.locator("main")).to_contain_text("PR-2027-009 · Tessaly Intelligence · ")
    expect(page.locator("main")).to_contain_text("Legal hold")
    approver.look("desk-of-an-approver-with-plans")
    approver.leave()

    officer = Visitor(chromium, place, "tess")
    page = officer.enter(f"/plans/{place.world.plan}")
    expect(page.locator("#decision")).to_contain_text("the authority destroys nothing of this plan")
    expect(page.locator("main")).not_to_contain_text("C-12/2027")
    officer.look("plan-held-to-the-developer")
    officer.leave()

    other = Visitor(chromium, place, "oskar")
    page = other.enter(f"/plans/{place.world.plan}")
    page.get_by_role("button", name="Lift the legal hold").click()
    page.get_by_label("Why it is lifted").fill("The appeal was decided.")
    other.press("Lift with passkey")
    expect(page.locator("#decision")).to_contain_text("Kept")
    assert place.world.custody.state.plans[place.world.plan].hold is None
    other.leave()


def test_two_approvers_destroy_a_plan_and_everybody_gets_the_certificate(
    chromium: Browser, place: Place
) -> None:
    plan = place.world.plan
    place.world.granted()
    first, second = (Visitor(chromium, place, name) for name in ("henrike", "oskar"))
    page = first.enter(f"/plans/{plan}")
    page.get_by_role("button", name="Return or destroy").click()
    expect(page.locator("#destroying")).to_contain_text("Yours is the first: nothing is destroyed yet.")
    first.look("plan-destroying")
    first.press("Approve destruction with passkey")
    expect(page.locator("#decision")).to_contain_text("Destruction approved once by you, Legal")
    expect(page.get_by_role("button", name="Return or destroy")).to_have_count(0)
    first.look("plan-destruction-approved-once")
    first.leave()

    page = second.enter("/")
    with page.expect_navigation():
        page.get_by_role("link", name="PR-2027-009").click()
    page.get_by_role("button", name="Return or destroy").click()
    expect(page.locator("#destroying")).to_be_visible()
    expect(page.locator("#destroying")).to_contain_text("the key is destroyed at once")
    second.look("plan-destroying-second")
    second.press("Destroy with passkey")
    expect(page.locator("#decision")).to_contain_text("ends on 8 November 2027, 09:00 UTC")
    second.look("plan-destroyed")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download the signed certificate").click()
    encoded = Path(taken.value.path()).read_bytes()
    assert read_certificate(encoded, CERTIFIES.public_key().public_bytes_raw()).plan == plan
    second.leave()

    officer = Visitor(chromium, place, "tess")
    page = officer.enter(f"/plans/{plan}")
    expect(page.locator("#decision")).to_contain_text("Nobody can open it any more.")
    expect(page.get_by_role("link", name="Download the signed certificate")).to_be_visible()
    officer.look("plan-destroyed-to-the-developer")
    officer.leave()

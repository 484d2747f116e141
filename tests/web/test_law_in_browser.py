"""The penalty explorer in a browser: by keyboard, with and without script, on paper, at every width."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.fixtures.browser import SCREENS, WIDE, Faults, Gallery, Visitor
from tests.fixtures.instance import Instance

pytestmark = pytest.mark.timeout(900)

EXPLORER = "/law/explorer"
STATES = {
    "as-it-begins": "",
    "another-reading": "?breach=ny-raise:1422&priors=2",
    "days": "?breach=ny-raise:1428&days=3660&revenue=0.01",
    "illustration": "?breach=aaif-proposal:&severity=high&priors=20&revenue=0.01",
    "largest": "?revenue=1000000000000000&rate=0.01&priors=20&severity=4",
    "some-law-silent": "?breach=eu-ai-act:101(1)(a)&on-year=2026&on-month=9&percent=12.5",
}


def test_a_slider_says_where_it_stands_while_it_is_moved(
    chromium: Browser, embedded_instance: Instance
) -> None:
    visitor = Visitor(chromium, embedded_instance, gallery=Gallery())
    page = visitor.open(f"{EXPLORER}?revenue=402836000000.50")
    severity, revenue = page.locator("#severity"), page.locator("#revenue-step")
    expect(severity).to_have_attribute("aria-valuetext", "Medium, 20 % of the maximum")
    severity.press("ArrowRight")
    expect(page.locator("output[for=severity]")).to_have_text("High, 50 % of the maximum")
    expect(severity).to_have_attribute("aria-valuetext", "High, 50 % of the maximum")
    expect(page.locator("output[for=revenue-step]")).to_have_text("402,836,000,000.50, as written below")
    revenue.press("End")
    expect(page.locator("output[for=revenue-step]")).to_have_text("USD 1 trillion")
    expect(page.locator("#revenue")).to_have_value("")
    page.locator("#revenue").fill("7")
    expect(page.locator("output[for=revenue-step]")).to_have_text("7, as written below")
    page.locator("#revenue").fill("")
    page.locator("#priors").press("ArrowRight")
    expect(page.locator("output[for=priors]")).to_have_text("1 earlier penalty")
    visitor.press("Work out the amount")
    expect(page.locator("output[for=severity]")).to_have_text("High, 50 % of the maximum")
    # 3 % of a trillion dollars at 1.10, half of it.
    expect(page.locator(".total")).to_contain_text("EUR 13,636,363,636.37")
    visitor.leave()


def test_without_script_the_sliders_are_sent_all_the_same(
    chromium: Browser, embedded_instance: Instance
) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": WIDE, "height": 900})
    faults = Faults().watch(context)
    page = context.new_page()
    page.goto(embedded_instance.url("public", EXPLORER))
    page.locator("#severity").press("ArrowRight")
    page.locator("#revenue-step").press("Home")
    page.locator("#priors").press("ArrowRight")
    with page.expect_navigation():
        page.get_by_role("button", name="Work out the amount").click()
    expect(page.locator(".total")).to_contain_text("EUR 7,500,000.00")
    expect(page.locator("output[for=severity]")).to_have_text("High, 50 % of the maximum")
    expect(page.locator("output[for=priors]")).to_have_text("1 earlier penalty")
    context.close()
    assert faults.found == []


def test_every_control_is_reached_and_named(chromium: Browser, embedded_instance: Instance) -> None:
    visitor = Visitor(chromium, embedded_instance, gallery=Gallery())
    page = visitor.open(EXPLORER)
    for role, name in (
        ("combobox", "Law and breach"),
        ("slider", "Severity"),
        ("slider", "Yearly worldwide revenue"),
        ("slider", "Earlier final penalties"),
        ("button", "Work out the amount"),
    ):
        page.keyboard.press("Tab")
        while page.evaluate("!document.activeElement.closest('form.explorer')"):
            page.keyboard.press("Tab")
        expect(page.get_by_role(role, name=name, exact=True)).to_be_focused()  # type: ignore[arg-type]
    visitor.leave()


def test_a_wrong_answer_has_the_focus_and_leads_to_its_field(
    chromium: Browser, embedded_instance: Instance
) -> None:
    visitor = Visitor(chromium, embedded_instance, gallery=Gallery(SCREENS / "pages"))
    with visitor.refused(422):
        page = visitor.open(f"{EXPLORER}?breach=x&priors=99&percent=101&revenue=NaN")
        assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
        page.get_by_role("link", name="Write a whole number from 0 to 20.").click()
        expect(page.locator("#priors")).to_be_focused()
        visitor.look("public-law-explorer-wrong")
    assert visitor.gallery.wrong == []
    visitor.leave()


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_whole_at_every_width(
    chromium: Browser, embedded_instance: Instance, state: str
) -> None:
    visitor = Visitor(chromium, embedded_instance, gallery=Gallery(SCREENS / "pages"))
    page = visitor.open(EXPLORER + STATES[state])
    assert page.evaluate("document.querySelector('.total b').getBoundingClientRect().top") < 900
    visitor.look(f"public-law-explorer-{state}")
    assert visitor.gallery.wrong == []
    visitor.leave()


def test_on_paper_the_amount_stands_without_the_form(chromium: Browser, embedded_instance: Instance) -> None:
    visitor = Visitor(chromium, embedded_instance, gallery=Gallery())
    page = visitor.open(EXPLORER)
    page.emulate_media(media="print")
    for hidden in ("#severity", "#revenue", ".nav"):
        expect(page.locator(hidden)).to_be_hidden()
    for shown in (".total", "#wf-w-t >> xpath=..", "text=Line by line", "text=not legal advice"):
        expect(page.locator(shown).first).to_be_visible()
    expect(page.locator(".rests")).to_contain_text("Your facts Revenue USD 1,000,000,000.00 of 2026")
    visitor.leave()

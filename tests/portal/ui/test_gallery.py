"""Every component, as markup and in a browser: valid, accessible, and inside its window."""

import re
from collections import Counter

import html5lib
import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from tests.fixtures.browser import axe, width_of

PAGES = ["parts", "form", "charts", "full", "public"]


@pytest.mark.parametrize("name", PAGES)
def test_markup_is_valid_and_has_nothing_inline(gallery: Flask, name: str) -> None:
    page = gallery.test_client().get(f"/{name}").get_data(as_text=True)
    html5lib.HTMLParser(strict=True).parse(page)
    assert not re.search(r"<style|<script|\sstyle=|\son[a-z]+=|javascript:", page)
    ids = Counter(re.findall(r'\sid="([^"]+)"', page))
    assert [one for one, times in ids.items() if times > 1] == []
    named = re.findall(r'(?:for|aria-describedby|aria-labelledby)="([^"]+)"', page)
    assert {one for several in named for one in several.split()} <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert len(re.findall(r"<h1[ >]", page)) == 1


def test_what_was_typed_stands_in_the_page_again(gallery: Flask) -> None:
    page = gallery.test_client().get("/form").get_data(as_text=True)
    assert 'value="4,5"' in page
    assert 'name="due-day" value="31"' in page
    assert re.search(r'id="tier-1" value="2" checked', page)
    assert '<option value="serious" selected>' in page
    assert "Five answers are needed before you go on" in page
    assert '<a href="#due">Due date: there is no such date.' in page


def test_without_person_and_demonstration_the_frame_says_neither(gallery: Flask) -> None:
    page = gallery.test_client().get("/public").get_data(as_text=True)
    assert 'class="public"' in page
    assert "Sign out" not in page


@pytest.mark.parametrize("width", [1280, 640, 320])
@pytest.mark.parametrize("name", PAGES)
def test_in_a_browser(chromium: Browser, gallery_address: str, name: str, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900})
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{gallery_address}/{name}")
    assert width_of(page) <= width
    assert faults == []
    if name in ("charts", "full"):
        assert _texts_outside(page) == []
    if width != 640:
        assert axe(page) == []
    page.close()


def test_the_list_of_errors_has_the_focus_and_leads_to_the_field(
    chromium: Browser, gallery_address: str
) -> None:
    page = chromium.new_page()
    page.goto(f"{gallery_address}/form")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    page.get_by_role("link", name="Name a risk owner.").click()
    assert page.evaluate("document.activeElement.id") == "owner"
    page.close()


def test_a_reason_is_asked_for_only_where_the_answer_is_closed(
    chromium: Browser, gallery_address: str
) -> None:
    page = chromium.new_page()
    page.goto(f"{gallery_address}/form")
    assert page.locator("#scenario-audience-reason").is_visible()
    assert not page.locator("#tier-audience-reason").is_visible()
    page.locator('label[for="tier-audience-closed"]').click()
    assert page.locator("#tier-audience-reason").is_visible()
    page.close()


def _texts_outside(page: Page) -> list[str]:
    """Texts of charts that the browser itself draws outside their picture."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("svg[role=img] text")].filter(text => {
             const box = text.getBBox(), view = text.ownerSVGElement.viewBox.baseVal;
             const right = box.x + box.width, bottom = box.y + box.height;
             const outside = box.x < -2 || box.y < -2 || right > view.width + 2 || bottom > view.height + 2;
             return text.ownerSVGElement.checkVisibility() && outside;
           }).map(text => text.textContent)"""
    )
    return found

"""How a person acts on a form: by the words on the screen, or by keyboard alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fixtures.browser import Visitor

_CONTROLS = """form => [...form.elements].filter(one => one.name && one.type !== 'hidden').map(
  one => ({name: one.name, id: one.id, type: one.type, value: one.value, checked: one.checked,
           options: [...(one.options || [])].map(option => option.value)}))"""


def fill(page: Page, label: str, text: str) -> None:
    """Type into the field with exactly this label."""
    page.get_by_label(label, exact=True).fill(text)


def choose(page: Page, label: str, option: str) -> None:
    """Choose an option by its words."""
    page.get_by_label(label, exact=True).select_option(label=option)


def tick(page: Page, words: str, *, exact: bool = True) -> None:
    """Tick a box or a radio by its label, as a mouse does: USWDS draws the box on the label."""
    label = page.locator("label").filter(visible=True).get_by_text(words, exact=exact).first
    label.click()
    expect(page.get_by_label(words, exact=exact).first).to_be_checked()


def write_date(page: Page, name: str, day: date) -> None:
    """Fill the three fields of a date."""
    for part in ("day", "month", "year"):
        page.locator(f'[name="{name}-{part}"]').fill(str(getattr(day, part)))


def answer_all(page: Page, given: Mapping[str, Any], button: str, sentence: str) -> None:
    """Answer every question of a form that has a button with these words.

    ``given`` has answers by name; what it does not name gets ``sentence``, or the first choice.
    """
    form = page.locator("form").filter(has=page.get_by_role("button", name=button, exact=True))
    dates = {name for name, answer in given.items() if isinstance(answer, date)}
    for name in dates:
        if form.locator(f'[name="{name}-day"]').count():
            write_date(page, name, given[name])
    done: set[str] = set()
    for control in form.evaluate(_CONTROLS):
        if control["name"] not in done and _answer(form, control, given, sentence):
            done.add(control["name"])


def _answer(form: Locator, control: dict[str, Any], given: Mapping[str, Any], sentence: str) -> bool:
    """Answer one control; whether its question is answered now."""
    name, kind = control["name"], control["type"]
    answer = given.get(name, "")
    if kind in ("text", "textarea"):
        if name.endswith(("-audience", "-reason", "-day", "-month", "-year", "-time")):
            return False
        form.locator(f'[name="{name}"]').fill(str(answer or control["value"] or sentence))
        return True
    if kind == "select-one":
        first = next(value for value in control["options"] if value)
        form.locator(f'[name="{name}"]').select_option(str(answer) or control["value"] or first)
        return True
    if kind in ("radio", "checkbox") and not name.endswith("-audience"):
        wanted = str(answer) == control["value"] if answer else not control["checked"]
        if wanted and not control["checked"]:
            form.locator(f'label[for="{control["id"]}"]').click()
        return wanted or bool(control["checked"])
    return False


def reach(page: Page, selector: str) -> None:
    """Press Tab until the control has the focus: nothing on the page may hold it or hide from it."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    pytest.fail(f"Tab does not reach {selector} on {page.url}")


def wait_for(visitor: Visitor, words: str, *, within: Locator | None = None, seconds: float = 90) -> None:
    """Load the page again until it says so: a job of the worker stands behind it."""
    end = time.monotonic() + seconds
    body = visitor.page.locator("body") if within is None else within
    while time.monotonic() < end:
        try:
            expect(body).to_contain_text(words, timeout=700)
        except AssertionError:
            visitor.page.reload()
        else:
            return
    expect(body).to_contain_text(words, timeout=700)

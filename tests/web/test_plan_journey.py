"""A sealed plan from the request to a page and its end, as everybody does it, on what `make run` starts.

The portal and the custodian are processes of their own; every passkey is one of the browser.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.fixtures import pdfs
from tests.fixtures.browser import SCREENS, Gallery
from tests.fixtures.browser import Visitor as Person
from tests.fixtures.custody import need_sandbox
from tests.fixtures.instance import Instance
from tests.web import authority
from tests.web.test_enrolling_in_browser import Somebody, somebody

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

NAMES = {"weiss": "Dr Helena Weiss", "ida": "Ida Kant", "paul": "Paul Sørby", "brenner": "A. Brenner"}
KEYS = ("weight-protection", "insider-threat")
HOURS = re.compile(r"within|seconds")


class Stage:
    """The people in the portal and the same people at the custodian."""

    def __init__(self, browser: Browser, instance: Instance, opened: ExitStack) -> None:
        self.instance, self.gallery = instance, Gallery(SCREENS / "plan-journey")
        self.browser, self.opened = browser, opened
        self.portal: dict[str, Person] = {}
        self.there: dict[str, Somebody] = {}
        self.origin = ""

    def at_portal(self, who: str) -> Person:
        if who not in self.portal:
            made = Person(self.browser, self.instance, who=who, gallery=self.gallery)
            self.portal[who] = made.enter()
        return self.portal[who]

    def enrol(self, who: str) -> None:
        """Make a passkey at the custodian, and be on its list at once: a demonstration's officers do that."""
        self.there[who] = visitor = self.opened.enter_context(somebody(self.browser))
        page = visitor.page
        page.goto(f"{self.origin}/enrol")
        options = page.get_by_label("Who you are").locator("option")
        label = next(text for text in options.all_inner_texts() if text.startswith(NAMES[who]))
        page.get_by_label("Who you are").select_option(label=label)
        page.get_by_role("button", name="Make a passkey and be enrolled").click()
        expect(page.locator("[data-enrolled]")).to_contain_text("You are on list")

    def enter(self, who: str, path: str) -> Somebody:
        """Enter the custodian at an address that the portal gave."""
        visitor = self.there[who]
        assert path.startswith(f"{self.origin}/")
        visitor.page.goto(path)
        enter = visitor.page.get_by_role("button", name="Enter with your passkey")
        if enter.count():
            pressed(visitor, "Enter with your passkey")
        return visitor

    def awaits(self, who: str, path: str, found: Callable[[Person], Locator], seconds: float = 60) -> float:
        """Load a page of the portal until something is on it; how long it took."""
        begun = time.monotonic()
        while True:
            visitor = self.at_portal(who)
            visitor.open(path)
            if found(visitor).count():
                return time.monotonic() - begun
            assert time.monotonic() - begun < seconds, visitor.page.locator("main").inner_text()
            time.sleep(1)


def pressed(visitor: Somebody, words: str) -> None:
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name=words, exact=True).click()


@pytest.fixture
def stage(chromium: Browser, embedded_instance: Instance) -> Iterator[Stage]:
    need_sandbox()
    with ExitStack() as opened:
        made = Stage(chromium, embedded_instance, opened)
        made.origin = custodian_of(embedded_instance)
        yield made
        for person in made.portal.values():
            person.leave()
    assert made.gallery.wrong == []
    assert embedded_instance.faults() == []


def custodian_of(instance: Instance) -> str:
    told = (instance.home / "custodian" / "core.toml").read_text()
    found = re.search(r'^origin = "([^"]+)"', told, re.MULTILINE)
    assert found is not None
    return found[1]


def test_asked_sealed_granted_read_paused_and_ended(stage: Stage, tmp_path: Path) -> None:
    for who in NAMES:
        stage.enrol(who)
    reference = authority.request_plan(stage.at_portal("mira"), "C-2027-002")
    authority.approve_plan(stage.at_portal("ida"), reference)
    path = f"/plans/{reference}"

    def link(words: str) -> Callable[[Person], Locator]:
        return lambda visitor: visitor.page.get_by_role("link", name=words)

    stage.awaits("weiss", path, link("Deliver at the custodian"))
    stage.at_portal("weiss").look("deliver")
    deliver(stage, tmp_path, address(link("Deliver at the custodian")(stage.at_portal("weiss"))))

    stage.awaits("ida", path, link("Read and approve it at the custodian"))
    stage.at_portal("ida").look("granting")
    grant = address(link("Read and approve it at the custodian")(stage.at_portal("ida")))
    for who in ("ida", "paul"):
        visitor = stage.enter(who, grant)
        expect(visitor.page.locator("main")).to_contain_text("A. Brenner")
        pressed(visitor, "Approve with passkey")

    stage.awaits("brenner", path, link("Read at the custodian"))
    reader = stage.enter("brenner", address(link("Read at the custodian")(stage.at_portal("brenner"))))
    reader.page.get_by_role("button", name="Open with passkey").click()
    expect(reader.page.locator("[data-said]")).to_contain_text("page 1 of")
    expect(reader.page.locator("[data-page]")).to_have_js_property("complete", True)
    reader.gallery.look(reader.page, "journey-page")

    openings = f"{path}/openings"
    taken = stage.awaits("weiss", openings, lambda one: one.page.get_by_text("1 person opened 1 of your"))
    assert taken < 60
    stage.at_portal("weiss").look("who-opened")
    pause(stage, reader, stage.at_portal("weiss"), path)
    stage.awaits("mira", path, lambda one: one.page.get_by_text("The developer has paused every reading"))
    authority_ends(stage, path)


def address(link: Locator) -> str:
    found = link.first.get_attribute("href")
    assert found is not None
    return found


def deliver(stage: Stage, folder: Path, path: str) -> None:
    """Seal a file for each section in the browser, upload what was sealed, and deliver it."""
    visitor = stage.enter("weiss", path)
    page = visitor.page
    for key in KEYS:
        file = folder / f"{key}.pdf"
        file.write_bytes(pdfs.plain(4))
        page.get_by_label("Section").fill(key)
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Seal on this device").click()
        expect(page.locator("[data-sealed]")).to_contain_text(key)
    pressed(visitor, "Upload and deliver with passkey")
    expect(page.locator("main")).to_contain_text("The custodian opened each file unseen.")


def pause(stage: Stage, reader: Somebody, weiss: Person, path: str) -> None:
    """The developer pauses, and the open page is gone from the reader's screen."""
    weiss.open(path)
    visitor = stage.enter("weiss", address(weiss.page.get_by_role("link", name="Pause every reading")))
    pressed(visitor, "Pause with passkey")
    reader.faults.allowed |= {409}
    reader.page.keyboard.press("ArrowRight")
    expect(reader.page.get_by_role("alert")).to_have_text("The developer has paused access to this plan.")
    reader.faults.allowed -= {409}
    stage.awaits("weiss", path, lambda one: one.page.get_by_text("You have paused every reading"))


def authority_ends(stage: Stage, path: str) -> None:
    """The case officer ends the reading; the custodian's line says that it knows."""
    mira = stage.at_portal("mira")
    mira.open(path)
    mira.press("End the reading now")
    mira.reads("Nobody can open this plan any longer.")
    stage.awaits("weiss", f"{path}/openings", lambda one: one.page.get_by_text("An access grant ended"))

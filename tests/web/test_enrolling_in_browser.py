"""A passkey made on the page of the custodian in Chromium: a file and a fingerprint, or a part at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from infra.seed import custodian
from secure_access.clock import MovedClock
from secure_access.custodian import enrolment_requests, forms, officer_keys, process
from secure_access.custodian.front.app import create_app
from secure_access.custodian.lease import Lease
from secure_access.custodian.process import Settings
from secure_access.custodian.server import CoreClient, CoreService
from tests.fixtures.browser import PATIENCE, SCREENS, Faults, Gallery
from tests.fixtures.custodian_front import local_place
from tests.infra.test_seed_custodian import LISTED
from tests.web.test_custodian_in_browser import AUTHENTICATOR

pytestmark = pytest.mark.timeout(300)


@dataclass
class Somebody:
    """A browser with an empty authenticator."""

    page: Page
    gallery: Gallery
    faults: Faults
    allow: object

    def verified(self, yes: bool) -> None:
        self.allow(yes)  # type: ignore[operator]


@contextmanager
def somebody(browser: Browser) -> Iterator[Somebody]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    faults, page = Faults().watch(context), context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    key = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]

    def allow(yes: bool) -> None:
        cdp.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": yes})

    made = Somebody(page, Gallery(SCREENS / "custodian"), faults, allow)
    yield made
    context.close()
    assert faults.found == []
    assert made.gallery.wrong == []


def test_somebody_makes_a_passkey_and_gets_a_file_and_a_fingerprint(
    chromium: Browser, tmp_path: Path
) -> None:
    with local_place(tmp_path) as place, somebody(chromium) as visitor:
        page = visitor.page
        page.goto(place.origin)
        page.get_by_role("link", name="Register one").click()
        expect(page.locator("h1")).to_have_text("Register a passkey")
        visitor.gallery.look(page, "enrol")
        visitor.faults.allowed |= {400}
        page.get_by_role("button", name="Make a passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("Write your name")
        visitor.gallery.look(page, "enrol-unnamed")
        page.get_by_label("Your name").fill("Ada Brenner")
        page.get_by_label("Name of the device").fill("blue key")
        visitor.verified(False)
        page.get_by_role("button", name="Make a passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("No passkey answered")
        visitor.verified(True)
        page.get_by_role("button", name="Make a passkey").click()
        expect(page.locator("[data-registered]")).to_be_focused()
        visitor.gallery.look(page, "enrol-registered")
        with page.expect_download() as saving:
            page.get_by_role("link", name="Save the file").click()
        file = Path(saving.value.path()).read_bytes()
        spoken = forms.fingerprint(file)
        assert page.locator("[data-fingerprint]").inner_text() == spoken
        assert saving.value.suggested_filename == f"passkey-{spoken[:9].replace(' ', '-')}.json"
        assert enrolment_requests.read(file).name == "Ada Brenner"
        # It is on no list: it opens nothing.
        visitor.faults.allowed |= {403}
        page.goto(place.origin)
        page.get_by_role("button", name="Enter with your passkey").click()
        expect(page.get_by_role("alert")).to_contain_text("No way in with this passkey")


@contextmanager
def demonstration(home: Path) -> Iterator[str]:
    """A demonstration's custodian as `assay run` makes it, served; its address."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    origin, clock = f"http://custodian.localhost:{server.server_port}", MovedClock(timedelta(days=300))
    custodian.set_up(home, origin, LISTED, clock)
    settings = Settings.read(home)
    lease = Lease(settings.lease, settings.name)
    lease.take(clock.now())
    opened = process.open_core(home, settings, lease, clock=settings.clock)
    server.app = create_app(origin, CoreClient(settings.socket, 30), "Frontier AI Authority")
    with ExitStack() as ending:
        ending.callback(opened.close)
        core = ending.enter_context(CoreService(settings.socket, opened.core, os.geteuid(), opened.extra))
        for one in (core, server):
            thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            ending.callback(thread.join)
            ending.callback(one.shutdown)
        ending.callback(server.server_close)
        yield origin


def test_in_a_demonstration_somebody_is_one_of_the_people_at_once(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(officer_keys, "MEMORY", 1024)
    with demonstration(tmp_path / "custodian") as origin, somebody(chromium) as visitor:
        page = visitor.page
        page.goto(origin)
        visitor.gallery.look(page, "door-demonstration")
        page.get_by_role("link", name="Be somebody of the demonstration").click()
        expect(page.locator("main")).to_contain_text(
            "keys of all three custody officers lie beside the plan keys"
        )
        page.get_by_label("Who you are").select_option("ida")
        visitor.gallery.look(page, "enrol-demonstration")
        page.get_by_role("button", name="Make a passkey and be enrolled").click()
        expect(page.locator("[data-enrolled]")).to_be_focused()
        expect(page.locator("[data-enrolled]")).to_contain_text("You are on list 2 as Ida.")
        visitor.gallery.look(page, "enrol-demonstration-enrolled")
        page.get_by_role("link", name="Go to the door and enter").click()
        with page.expect_navigation():
            page.get_by_role("button", name="Enter with your passkey").click()
        expect(page.locator("h1")).to_have_text("What waits for you")
        expect(page.locator("header")).to_contain_text("Ida")
        page.goto(f"{origin}/enrol")
        expect(page.get_by_label("Who you are")).to_contain_text(
            "Ida, approver, Security office of Frontier AI"
        )
        expect(page.get_by_label("Who you are")).to_contain_text("(1 passkey)")

"""Single sign-on in a real browser, out to another site and back: accept, first key, sign out, in, link."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.web import origin
from secure_access.db import select
from secure_access.identity import OrganisationKind, Person, actor
from secure_access.identity.invitations import token_of
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.browser import SCREENS, Gallery
from tests.fixtures.passkeys import KeyHolder
from tests.fixtures.people import house
from tests.fixtures.provider import ProviderProcess, providers_file
from tests.portal.accounts.test_sign_in_policy import first_key_code
from tests.web.test_passkeys_in_browser import Browsing

pytestmark = pytest.mark.timeout(180)


class Walker(Browsing):
    """Somebody with a browser who has an account at the provider."""

    def __init__(self, browser: Browser, world: World, oidc: ProviderProcess) -> None:
        super().__init__(browser, world, "developer")
        self.oidc = oidc
        self.gallery = Gallery(SCREENS / "sso")

    def follow(self, words: str) -> Page:
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=words, exact=True).first.click()
        return self.page

    def at_provider(self, user: str) -> Page:
        """Say a name at the provider, and be led back."""
        assert self.page.url.startswith(self.oidc.issuer)
        self.page.get_by_label("Name").fill(user)
        with self.page.expect_navigation(url=lambda url: url.startswith(self.address)):
            self.page.get_by_role("button", name="Continue").click()
        return self.page


@pytest.fixture
def walker(
    chromium: Browser, make_served: Callable[..., World], oidc: ProviderProcess, tmp_path: Path
) -> Walker:
    path = providers_file(tmp_path / "sso", oidc.issuer)
    world = make_served(ASSAY_SIGN_IN="single_sign_on", ASSAY_SSO=str(path))
    oidc.register(world)
    return Walker(chromium, world, oidc)


def test_from_an_invitation_to_a_second_link(walker: Walker) -> None:
    b, user = walker, uuid.uuid4().hex[:8]
    firm = house(b.world, OrganisationKind.DEVELOPER)
    row = firm.invite("halina@quillmark.example", Role.PREPARER, name="Halina Thorvaldsen")

    # An invitation is accepted at the provider, and opens the account page alone.
    b.open(f"/invitation/{token_of(firm.key, row.id)}")
    b.gallery.look(b.page, "invitation")
    b.follow("Accept with Agency sign-in")
    b.at_provider(user)
    b.open("/")
    expect(b.page.locator("h1")).to_have_text("Your account")
    expect(b.page.locator("body")).to_contain_text("so the first key needs a code")
    b.gallery.look(b.page, "account-without-key")

    # The code comes by another way; with it a first key is added.
    b.follow("Type in the code for a first key")
    b.gallery.look(b.page, "first-key")
    b.page.get_by_label("Code").fill("AAAAAA-BBBBBB")
    with b.refused(422):
        b.press("Go on to add a key")
    b.gallery.look(b.page, "first-key-wrong")
    b.page.get_by_label("Code").fill(first_key_code(_holder(b)))
    b.press("Go on to add a key")
    b.page.get_by_label("Name of the key").fill("Laptop")
    b.press("Add a key")
    expect(b.page.locator("body")).to_contain_text("“Laptop” is added")

    # Signing out here says that the other session goes on, and leads to its end and back.
    b.press("Sign out")
    expect(b.page.locator("h1")).to_have_text("You are signed out")
    b.gallery.look(b.page, "signed-out")
    b.follow("Sign out at Agency sign-in too")
    expect(b.page.locator("h1")).to_have_text("Sign in")
    b.gallery.look(b.page, "sign-in")

    # With a key, single sign-on opens the zone, and another account can be linked.
    b.follow("Sign in with Agency sign-in")
    b.at_provider(user)
    expect(b.page.locator("header")).to_contain_text("Halina Thorvaldsen")
    _holder(b).age()
    b.open("/account")
    b.press("Link an account at Agency sign-in")
    b.press("Confirm with a passkey")
    expect(b.page.locator("h1")).to_have_text("Go on to Agency sign-in")
    b.gallery.look(b.page, "leave")
    b.follow("Go on to Agency sign-in")
    b.at_provider(f"{user}-2")
    expect(b.page.locator("#linked li")).to_have_count(2)
    b.gallery.look(b.page, "account-linked")
    b.leave()


def test_what_a_person_reads_when_it_leads_to_nothing(walker: Walker) -> None:
    b = walker
    b.open("/sign-in")
    b.follow("Sign in with Agency sign-in")
    with b.refused(403):
        b.at_provider("nobody-knows-me")
    expect(b.page.locator("body")).to_contain_text("opens nothing here")
    b.gallery.look(b.page, "opens-nothing")
    b.leave()


def test_a_provider_that_is_down_leaves_the_other_ways(walker: Walker) -> None:
    b = walker
    b.oidc.tell(status=500)
    b.open("/sign-in")
    with b.refused(503):
        b.follow("Sign in with Agency sign-in")
    expect(b.page.locator("body")).to_contain_text("does not answer as it should")
    b.gallery.look(b.page, "provider-down")
    b.follow("Go to the sign-in page")
    expect(b.page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    b.leave()


def _holder(b: Walker) -> KeyHolder:
    with b.world.wired.database.read() as session:
        person = session.exec(select(Person).where(Person.email == "halina@quillmark.example")).one()
        by = actor(session, person.id)
    assert b.address == origin(b.world.wired.settings, "developer")
    return KeyHolder(b.world, "developer", by, b.world.client("developer"))

"""Passkeys in a real browser with its virtual authenticator: enrol, sign in, confirm, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from portal.accounts import begin_policy
from portal.filing.workflow import FilingState
from portal.web import origin
from secure_access.db import select
from secure_access.identity import Actor, OrganisationKind, Person, SignInSession, invitations
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.browser import PATIENCE, SCREENS, Faults, Gallery
from tests.fixtures.filing import Developer
from tests.fixtures.passkeys import KeyHolder, holder
from tests.fixtures.people import house
from tests.portal.accounts.test_sign_in_policy import first_key_code

pytestmark = pytest.mark.timeout(420)

AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


class Browsing:
    """Somebody with a browser and virtual authenticators."""

    def __init__(self, browser: Browser, world: World, zone: str) -> None:
        self.world, self.zone = world, zone
        self.address = origin(world.wired.settings, zone)
        self.context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 900})
        self.context.set_default_timeout(PATIENCE)
        self.faults = Faults().watch(self.context)
        self.page: Page = self.context.new_page()
        self.cdp: CDPSession = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        self.key = self.plug_in()
        self.gallery = Gallery(SCREENS / "passkeys")

    def plug_in(self, **how: Any) -> str:
        """Another authenticator; its name."""
        added = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, **how}})
        return str(added["authenticatorId"])

    def take_out(self, authenticator: str) -> None:
        self.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": authenticator})

    def verifies(self, verified: bool) -> None:
        said = {"authenticatorId": self.key, "isUserVerified": verified}
        self.cdp.send("WebAuthn.setUserVerified", said)

    def credentials(self, authenticator: str = "") -> list[dict[str, Any]]:
        found = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": authenticator or self.key})
        return list(found["credentials"])

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def press(self, words: str) -> Page:
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=words, exact=True).first.click()
        return self.page

    def type_in(self, email: str, code: str = "", password: str = "secret") -> Page:
        """Sign in with the password."""
        self.open("/sign-in")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(password)
        if code:
            self.page.get_by_label("Code", exact=True).fill(code)
        return self.press("Sign in")

    def add_key(self, name: str) -> Page:
        self.open("/account/keys/new")
        self.page.get_by_label("Name of the key").fill(name)
        return self.press("Add a key")

    @contextmanager
    def refused(self, *status: int) -> Iterator[None]:
        self.faults.allowed |= set(status)
        yield
        self.faults.allowed -= set(status)

    def leave(self) -> None:
        self.context.close()
        assert self.faults.found == []
        assert self.gallery.wrong == []


def email_of(world: World, person: KeyHolder) -> str:
    with world.wired.database.read() as session:
        return session.get_one(Person, person.actor.person_id).email


def test_enrol_sign_in_and_sign_under_the_standard_policy(
    chromium: Browser, make_served: Callable[..., World]
) -> None:
    world = make_served(ASSAY_SIGN_IN="standard")
    organisation = world.organisation(OrganisationKind.DEVELOPER, "Quillmark")
    officer = world.person(organisation, Role.CERTIFYING_OFFICER, name="Halina Thorvaldsen")
    developer = Developer(world, organisation, world.person(organisation, Role.PREPARER), officer)
    person = holder(world, "developer", officer)
    b = Browsing(chromium, world, "developer")

    # A code for a first key opens the account page alone; two keys open the zone.
    b.open("/sign-in")
    b.gallery.look(b.page, "sign-in-standard")
    b.type_in(email_of(world, person), first_key_code(person))
    expect(b.page.locator("h1")).to_have_text("Your account")
    expect(b.page.locator("body")).to_contain_text("at least 2 keys that stay on their device; you have 0")
    b.gallery.look(b.page, "account-before")
    b.open("/account/keys/new")
    b.gallery.look(b.page, "add-key")
    b.add_key("Laptop")
    expect(b.page.locator("body")).to_contain_text("“Laptop” is added")
    first, second = b.key, b.plug_in(transport="usb")
    b.cdp.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": first, "enabled": False})
    b.add_key("Blue security key")
    expect(b.page.locator("body")).to_contain_text("“Blue security key” is added")
    assert len(b.credentials(first)) == len(b.credentials(second)) == 1
    b.cdp.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": first, "enabled": True})
    b.take_out(second)
    b.gallery.look(b.page, "account-two-keys")
    b.press("Sign out")

    # Signing in: no address is typed; without user verification the browser finds no key.
    b.verifies(False)
    b.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(b.page.get_by_role("alert").filter(has_text="No key answered")).to_be_visible()
    b.gallery.look(b.page, "sign-in-refused")
    b.verifies(True)
    b.press("Sign in with a passkey")
    expect(b.page.locator("header")).to_contain_text("Halina Thorvaldsen")
    expect(b.page.locator("h1")).not_to_have_text("Your account")

    # Signing a filing: a new key waits a day, then it confirms exactly what is shown.
    with world.wired.database.write() as session:
        filing = developer.sent(session)
    with b.refused(403):
        b.open(f"/filings/{filing.id}/sign")
        b.press("Sign and submit")
        expect(b.page.locator("body")).to_contain_text("Your keys are new")
    person.age()
    b.open(f"/filings/{filing.id}/sign")
    b.press("Sign and submit")
    expect(b.page.locator("h1")).to_have_text("Confirm with your key")
    b.gallery.look(b.page, "step-up")
    b.press("Confirm with a passkey")
    assert b.page.url.endswith("/receipt")
    with world.wired.database.read() as session:
        assert session.get_one(type(filing), filing.id).state is FilingState.SUBMITTED
    b.leave()


def test_an_administrator_gives_a_code_and_the_invited_person_enrols_the_first_key(
    chromium: Browser, make_served: Callable[..., World]
) -> None:
    world = make_served(ASSAY_SIGN_IN="standard")
    firm = house(world, OrganisationKind.DEVELOPER)
    first, admin = Browsing(chromium, world, "developer"), holder(world, "developer", firm.first)
    first.type_in(email_of(world, admin), first_key_code(admin))
    first.add_key("Laptop")
    laptop, other = first.key, first.plug_in(transport="usb")
    simulate = "WebAuthn.setAutomaticPresenceSimulation"
    first.cdp.send(simulate, {"authenticatorId": laptop, "enabled": False})
    first.add_key("Blue security key")
    first.cdp.send(simulate, {"authenticatorId": laptop, "enabled": True})
    first.take_out(other)
    first.press("Sign out")
    first.press("Sign in with a passkey")
    admin.age()

    # The invited person accepts, and is told whom to ask.
    row = firm.invite("ines@example.test", Role.PREPARER, name="Ines Invited")
    new = Browsing(chromium, world, "developer")
    new.open(f"/invitation/{invitations.token_of(firm.key, row.id)}")
    for label in ("New password", "The same again"):
        new.page.get_by_label(label).fill("a long password")
    new.press("Accept the invitation")
    expect(new.page.locator("main")).to_contain_text("Astrid First, Emil Second")
    new.gallery.look(new.page, "whom-to-ask")

    with world.wired.database.read() as session:
        ines = session.exec(select(Person).where(Person.email == "ines@example.test")).one()
    first.open(f"/organisation/people/{ines.id}")
    first.gallery.look(first.page, "person-without-a-key")
    first.page.get_by_role("link", name="Give a code for a first key").click()
    first.gallery.look(first.page, "give-first-key")
    first.press("Give the code")
    expect(first.page.locator("h1")).to_have_text("Confirm with your key")
    first.press("Confirm with a passkey")
    first.gallery.look(first.page, "first-key-code")
    code = first.page.locator("#code").inner_text()

    new.type_in("ines@example.test", code, password="a long password")
    expect(new.page.locator("h1")).to_have_text("Your account")
    new.add_key("Phone")
    expect(new.page.locator("body")).to_contain_text("“Phone” is added")
    new.press("Sign out")
    new.press("Sign in with a passkey")
    expect(new.page.locator("header")).to_contain_text("Ines Invited")
    expect(new.page.locator("h1")).not_to_have_text("Your account")
    for one in (first, new):
        one.leave()


def tick(page: Page, group: str, only: str) -> None:
    """Tick one box of a group and no other, by their labels: the boxes themselves are drawn."""
    for box in page.get_by_role("group", name=group).get_by_role("checkbox").all():
        if box.is_checked() != (box.get_attribute("value") == only):
            page.locator(f"label[for={box.get_attribute('id')}]").click()


def test_two_administrators_change_the_sign_in_policy_with_their_keys(
    chromium: Browser, make_served: Callable[..., World]
) -> None:
    world = make_served()
    begin_policy(world.wired)
    office = house(world, OrganisationKind.REGULATOR)
    office.person(Role.CASE_OFFICER)
    first, _ = with_laptop(chromium, world, "government", office.first)
    first.open("/administration/sign-in-policy/rules/case_officer")
    first.gallery.look(first.page, "policy-rule")
    tick(first.page, "Roles that get this rule", "case_officer")
    tick(first.page, "Ways to sign in", "passkey")
    first.page.get_by_label("Keys at least").fill("2")
    first.page.get_by_text("Always confirmed with a key").click()
    first.page.get_by_label("Reason").fill("Keys for whoever decides on a case.")
    first.press("Show what changes")
    expect(first.page.locator("main")).to_contain_text("1 would no longer get in; 1 would need another key")
    first.gallery.look(first.page, "policy-shown")
    first.press("Propose exactly this")
    first.press("Confirm with a passkey")
    expect(first.page.locator("body")).to_contain_text("Another administrator approves it")

    second, _ = with_laptop(chromium, world, "government", office.second)
    second.open("/administration/acts")
    second.page.get_by_role("link", name="Change the sign-in policy").click()
    second.gallery.look(second.page, "policy-act")
    second.press("Approve and do it")
    second.press("Confirm with a passkey")
    expect(second.page.locator("body")).to_contain_text("Approved, and done.")
    second.open("/administration/sign-in-policy")
    expect(second.page.locator("main")).to_contain_text("Changed by two administrators")
    second.gallery.look(second.page, "policy-changed")
    for one in (first, second):
        one.leave()


def demonstration(chromium: Browser, world: World) -> tuple[Browsing, KeyHolder]:
    """Somebody of the demonstration policy who has come in by password and added a key."""
    by = world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    return with_laptop(chromium, world, "developer", by)


def with_laptop(chromium: Browser, world: World, zone: str, by: Actor) -> tuple[Browsing, KeyHolder]:
    person = holder(world, zone, by)
    b = Browsing(chromium, world, zone)
    b.type_in(email_of(world, person))
    b.add_key("Laptop")
    expect(b.page.locator("body")).to_contain_text("“Laptop” is added")
    return b, person


def test_two_administrators_confirm_one_act_with_their_keys(
    chromium: Browser, make_served: Callable[..., World]
) -> None:
    world = make_served()
    office = house(world, OrganisationKind.REGULATOR)
    by = office.person(Role.CASE_OFFICER, name="Mira Lindqvist")
    first, _ = with_laptop(chromium, world, "government", office.first)
    first.open(f"/administration/people/{by.person_id}/propose-role/decider")
    first.page.get_by_label("Reason").fill("A second decider.")
    first.press("Propose it")
    expect(first.page.locator("h1")).to_have_text("Confirm with your key")
    expect(first.page.locator("main")).to_contain_text(
        re.compile(r"Mira Lindqvist, \S+@example\.test: decider")
    )
    first.gallery.look(first.page, "act-proposed")
    digest = first.page.locator(".digest").inner_text()
    first.press("Confirm with a passkey")
    expect(first.page.locator("body")).to_contain_text("Another administrator approves it")

    second, _ = with_laptop(chromium, world, "government", office.second)
    second.open("/administration/acts")
    second.page.get_by_role("link", name="Give a role").click()
    second.gallery.look(second.page, "act")
    second.press("Approve and do it")
    expect(second.page.locator("h1")).to_have_text("Confirm with your key")
    expect(second.page.locator("main")).to_contain_text(
        re.compile(r"Mira Lindqvist, \S+@example\.test: decider")
    )
    second.gallery.look(second.page, "act-approved")
    assert second.page.locator(".digest").inner_text() == digest, "both stand behind the same digest"
    assert not office.now(by).holds(Role.DECIDER)
    second.press("Confirm with a passkey")
    expect(second.page.locator("body")).to_contain_text("Approved, and done.")
    assert office.now(by).holds(Role.DECIDER)

    second.open("/administration/sign-in-policy")
    second.gallery.look(second.page, "sign-in-policy")
    for one in (first, second):
        one.leave()


def test_an_answer_is_replayed_by_nobody(chromium: Browser, make_served: Callable[..., World]) -> None:
    b, _ = demonstration(chromium, make_served())
    b.press("Sign out")
    sent: list[str] = []
    b.page.on("request", lambda r: sent.append(r.post_data or "") if r.url.endswith("/sign-in/key") else None)
    b.press("Sign in with a passkey")
    expect(b.page.locator("header")).to_contain_text("Sign out")
    b.press("Sign out")
    (body,) = sent
    body = re.sub(r"form_id=[^&]*", "", body)
    replay = """body => fetch('/sign-in/key', {method: 'POST', body, headers:
        {'Content-Type': 'application/x-www-form-urlencoded'}}).then(answer => answer.status)"""
    with b.refused(422):
        assert b.page.evaluate(replay, body.replace("csrf_token=", "old=") + _token(b)) == 422
    b.leave()


def _token(b: Browsing) -> str:
    return "&csrf_token=" + str(b.page.locator('[name="csrf_token"]').first.input_value())


def test_the_server_refuses_what_a_browser_was_talked_into(
    chromium: Browser, make_served: Callable[..., World]
) -> None:
    """Script that asks for no verification gets an assertion without it; the server does not take it."""
    b, _ = demonstration(chromium, make_served())
    b.press("Sign out")
    b.verifies(False)
    b.page.evaluate(
        """() => { const ask = navigator.credentials.get.bind(navigator.credentials);
        navigator.credentials.get = (asked) => { asked.publicKey.userVerification = 'discouraged';
        return ask(asked); }; }"""
    )
    with b.refused(422):
        b.press("Sign in with a passkey")
    expect(b.page.locator("body")).to_contain_text("it did not verify you")
    b.leave()


def test_a_key_and_a_cookie_of_one_zone_are_nothing_in_another(
    chromium: Browser, make_served: Callable[..., World]
) -> None:
    b, _ = demonstration(chromium, make_served())
    cookies = {(c["name"], c["domain"]) for c in b.context.cookies()}
    assert cookies == {("__Host-assay-developer", "developer.localhost")}
    other = origin(b.world.wired.settings, "government")
    b.page.goto(f"{other}/sign-in")
    assert "__Host-assay-developer" not in {c["name"] for c in b.context.cookies(other)}
    b.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(b.page.get_by_role("alert").filter(has_text="No key answered")).to_be_visible()
    asked_for_the_other = """async () => { try { await navigator.credentials.get({publicKey:
        {challenge: new Uint8Array(32), rpId: 'developer.localhost'}}); return 'given'; }
        catch (error) { return error.name; } }"""
    assert b.page.evaluate(asked_for_the_other) == "SecurityError"
    b.page.goto(other)
    assert b.page.url.startswith(f"{other}/sign-in")
    b.leave()


def test_a_copied_key_is_found_by_its_counter(chromium: Browser, make_served: Callable[..., World]) -> None:
    b, person = demonstration(chromium, make_served())
    (copied,) = b.credentials()
    for _ in range(2):
        b.press("Sign out")
        b.press("Sign in with a passkey")
    b.press("Sign out")
    b.take_out(b.key)
    b.key = b.plug_in()
    b.cdp.send("WebAuthn.addCredential", {"authenticatorId": b.key, "credential": copied})
    with b.refused(403):
        b.press("Sign in with a passkey")
    expect(b.page.locator("body")).to_contain_text("its counter fell back")
    b.gallery.look(b.page, "counter-fell")
    assert person.rows()[0].suspended_reason == "counter_fell"
    b.leave()


def test_a_session_that_is_ended_keeps_what_was_typed(
    chromium: Browser, make_served: Callable[..., World]
) -> None:
    b, person = demonstration(chromium, make_served())
    b.open("/incidents/new")
    b.page.locator('[name="what_happened"]').fill("Weights were copied.")
    with b.world.wired.database.write() as session:
        for row in session.exec(_sessions(person)):
            row.ended_at = row.seen_at
    with b.refused(401):
        b.page.locator("main button[type=submit]").first.click()
        expect(b.page.locator("h1")).to_have_text("You are signed out")
    tab = b.context.new_page()
    tab.goto(f"{b.address}/sign-in")
    tab.get_by_label("E-mail address").fill(email_of(b.world, person))
    tab.get_by_label("Password").fill("secret")
    with tab.expect_navigation():
        tab.get_by_role("button", name="Sign in", exact=True).click()
    with b.refused(422):
        b.page.reload()
    expect(b.page.locator('[name="what_happened"]')).to_have_value("Weights were copied.")
    b.leave()


def _sessions(person: KeyHolder) -> Any:
    return select(SignInSession).where(SignInSession.person_id == person.actor.person_id)


def test_the_pages_of_ones_own_account(chromium: Browser, make_served: Callable[..., World]) -> None:
    b, _ = demonstration(chromium, make_served())
    b.gallery.look(b.page, "account-demonstration")
    b.page.get_by_role("link", name="Name or remove").click()
    b.page.get_by_label("Name of the key").fill("Old laptop")
    b.press("Save the name")
    expect(b.page.locator("body")).to_contain_text("Old laptop")
    b.page.get_by_role("link", name="Name or remove").click()
    b.gallery.look(b.page, "key")
    b.open("/account/code")
    b.gallery.look(b.page, "add-code")
    b.open("/account")
    b.page.get_by_role("link", name="Name or remove").click()
    b.press("Remove this key")
    b.press("Confirm with a passkey")
    expect(b.page.locator("body")).to_contain_text("“Old laptop” is removed")
    b.press("Sign out")
    b.gallery.look(b.page, "sign-in-demonstration")
    with b.refused(422):
        b.press("Sign in with a passkey")
    expect(b.page.locator("body")).to_contain_text("opens no account in this zone")
    b.leave()

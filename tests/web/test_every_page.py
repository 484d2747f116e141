"""Every page of the told case as each of its people: found by links, judged as markup and as a picture."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from portal.app import create_zones
from portal.settings import ZONES, Settings
from portal.web import Zone
from portal.wiring import wire
from tests.fixtures.browser import SCREENS, Gallery, Visitor
from tests.fixtures.instance import Instance
from tests.web.crawl import Served, crawl

pytestmark = pytest.mark.timeout(900)

PEOPLE = (
    *("", "nadia", "weiss", "greta", "jonas", "oskar", "lena", "petra"),
    *("mira", "paul", "ida", "brenner", "moreau", "ruth", "ines", "tomasz", "astrid", "salma"),
)
"""Everybody who has an account, and the public. A pattern is looked at where it is first met."""

DOORS = {
    "Enter as case officer": "Mira Lindqvist",
    "Enter as evaluator": "Oskar Lind",
    "Enter as developer": "Nadia Osei",
    "Enter as enforcement": "Ines Falk",
}
LOOKED_AT: dict[str, set[str]] = {zone: set() for zone in ZONES}
"""Patterns of pages of which there is a picture, by zone."""

MET: dict[str, set[str]] = {zone: set() for zone in ZONES}
"""Paths that were served, by zone."""

NOT_BY_LINK = {
    "accounts.sign_in": "asked for where a page needs it",
    "ui.static_file": "named by pages, no page itself",
    "ui.mark": "an image; the told case has the neutral mark",
    **dict.fromkeys(("register.find", "ledger.find"), "where a form leads"),
    **dict.fromkeys(("tiles.tile", "tiles.bundle", "tiles.entry"), "for programs, no page"),
    "health.show": "for a program that watches, no page",
    "findings.reply_receipt": "the findings of the told case are not answered",
    "account.one_key": "nobody in the told case has a key",
    "administration.propose_first_key": "two pages of people are followed, neither of whom a code takes two",
    "own_organisation.claim": "a developer's: an evaluator body names no legal entities",
    **dict.fromkeys(
        (
            *("filings.edit", "filings.attachments", "filings.certify", "filings.all_checks", "signing.sign"),
            "draft_people.show",
            *("engagements.filing", "engagements.document", "cases.evaluator", "cases.recommend"),
            *(
                "asked.plan_key",
                "asked.plan_outline",
                "enforcement.open_worksheet",
                "enforcement.change",
                "enforcement.compare",
            ),
        ),
        "asks for a state that the told case has left; the journey walks it",
    ),
    **dict.fromkeys(
        (
            *("access.follow", "access.receipt_file", "access.answer_file"),
            *("access_requests.show", "access_requests.draft", "access_requests.receipt_file"),
            *("access_notices.show", "access_notices.receipt_file"),
        ),
        "nobody asks for access in the told case; the browser walks it elsewhere",
    ),
    **dict.fromkeys(
        ("asked.own_document", "cases.answer_document", "enforcement.document"),
        "the told case has no such file",
    ),
    **dict.fromkeys(("accounts.invitation", "administration.one_mail"), "nobody is invited in the told case"),
    **dict.fromkeys(
        (
            *("accounts.sso_begin", "accounts.sso_accept", "accounts.sso_return", "accounts.sso_left"),
            *("account.sso_go", "account.first_key"),
        ),
        "the told case has no provider of single sign-on; the browser walks it elsewhere",
    ),
    "accounts.for_whom": "for agents, of which the told case has none",
    **dict.fromkeys(
        (
            *("administration.act", "administration.end_conflict", "administration.end_relation"),
            "own_organisation.revoke_delegation",
        ),
        "the told case has no act of two, conflict, relation or delegation",
    ),
    "incidents.correct_resolution": "the incident of the told case is not resolved",
    "enforcement.send_back": "asks for a worksheet that waits for approval",
    **dict.fromkeys(
        ("filed.show", "filed.incident", "filed.document", "filed.duties"), "for officials outside a case"
    ),
    **dict.fromkeys(
        ("administration.name_entity", "administration.settle_entity"),
        "asks for an organisation whose entities are not settled",
    ),
    **dict.fromkeys(
        (
            *("own_organisation.invite", "own_organisation.person", "own_organisation.settings"),
            *("own_organisation.record_authority", "own_organisation.revoke_authority"),
            *("own_organisation.delegate", "own_organisation.give_first_key"),
        ),
        "for an administrator of the organisation; the evaluators of the told case have none",
    ),
}
"""GET endpoints that the told case has no link to, with the reason."""


@pytest.mark.parametrize("door", DOORS)
def test_each_door_leads_to_a_first_page_that_says_what_to_do(
    chromium: Browser, embedded_instance: Instance, door: str
) -> None:
    visitor = Visitor(chromium, embedded_instance, gallery=Gallery())
    page = visitor.open("/")
    visitor.follow(door)
    email = page.get_by_label("E-mail address").input_value()
    page.get_by_label("Password").fill(embedded_instance.accounts()[email.split("@")[0]][1])
    visitor.press("Sign in")
    expect(page.locator("header")).to_contain_text(DOORS[door])
    expect(page.locator("h1")).to_be_visible()
    visitor.leave()


def test_the_fifth_door_needs_no_account(chromium: Browser, embedded_instance: Instance) -> None:
    visitor = Visitor(chromium, embedded_instance, gallery=Gallery())
    visitor.open("/")
    visitor.follow("Read the register")
    expect(visitor.page.locator("h1")).to_be_visible()
    visitor.leave()


def test_each_walk_of_two_minutes_leads_somewhere(chromium: Browser, embedded_instance: Instance) -> None:
    visitor = Visitor(chromium, embedded_instance, gallery=Gallery(SCREENS / "pages"))
    visitor.open("/")
    walks = visitor.page.locator('a[href^="/walk/"]').evaluate_all("found => found.map(one => one.href)")
    assert len(walks) == 5
    for walk in walks:
        page = visitor.open(walk)
        stops = page.locator("main ol a, main ul a").evaluate_all("found => found.map(one => one.href)")
        assert stops, f"{walk} has no stop"
    visitor.leave()


@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_that_links_lead_to(chromium: Browser, embedded_instance: Instance, who: str) -> None:
    visitor = Visitor(chromium, embedded_instance, who=who, gallery=Gallery(SCREENS / "pages"))
    if who:
        visitor.enter()
    else:
        visitor.open("/")
    wrong: list[str] = []
    looked: Counter[str] = Counter()
    for served in crawl(embedded_instance, visitor.context, embedded_instance.url(visitor.zone)):
        MET[visitor.zone].add(urlsplit(served.address).path)
        if served.status != 200:
            wrong.append(f"{served.address}: status {served.status}")
        elif served.media_type == "text/html" and looked[served.pattern] < 2:
            looked[served.pattern] += 1
            wrong += [f"{served.address}: {fault}" for fault in served.faults()]
            _look(visitor, served, first=looked[served.pattern] == 1)
    wrong += visitor.gallery.wrong
    assert not wrong, "\n".join(wrong)
    visitor.leave()


def _look(visitor: Visitor, served: Served, *, first: bool) -> None:
    """Open it in the browser; the first of its pattern in the zone is looked at closely."""
    known = LOOKED_AT[visitor.zone]
    path = re.sub(r"[^a-z0-9]+", "-", served.pattern.replace("*", "one").lower()).strip("-")
    name = f"{visitor.zone}-{path or 'start'}"
    if first and (served.pattern not in known or served.pattern == "/"):
        known.add(served.pattern)
        visitor.open(served.address)
        visitor.look(f"{name}-{visitor.who}" if served.pattern == "/" and visitor.who else name)


def test_nothing_is_left_that_no_link_leads_to(embedded_instance: Instance) -> None:
    """The pages of the URL map that nobody met. Runs after the crawls, in the same worker process."""
    if not all(MET.values()):
        pytest.skip("the crawls of this module have not run")
    wired = wire(Settings.from_env(embedded_instance.environment()))
    zones = create_zones(wired)
    unmet = [f"{zone}: {name}" for zone, app in zones.items() for name in _unmet(app, MET[zone])]
    wired.database.dispose()
    assert not unmet, "\n".join(unmet)


def _unmet(app: Zone, met: set[str]) -> list[str]:
    urls = app.url_map.bind("localhost")
    found = {urls.match(path, method="GET")[0] for path in met if urls.test(path, method="GET")}
    every = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    return sorted(every - found - set(NOT_BY_LINK))

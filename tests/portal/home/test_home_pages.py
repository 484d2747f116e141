"""The first page of each zone: what must I do, by when, or else; and what others did meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from string import Formatter

import pytest
from flask.testing import FlaskClient

from portal import tables
from portal.enforcement import consider
from portal.filing import registration
from portal.filing.registry import ModelVersion
from portal.filing.tables import FilingKind
from portal.filing.workflow import FilingState
from portal.home import changes, waiting
from portal.home.doors import DOORS
from portal.law import statute
from portal.ui.tasks import Task
from secure_access import identity, ledger
from secure_access.identity import Actor, OrganisationKind
from secure_access.identity.roles import ROLES_OF
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.review import Desk, register


def home(desk: Desk, zone: str, actor: Actor) -> str:
    answer = desk.world.client(zone, actor).get("/")
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def earlier_session(desk: Desk, actor: Actor) -> None:
    """This person was here before: any session that began earlier."""
    with desk.world.wired.database.write() as session:
        person = session.get_one(identity.Person, actor.person_id)
        identity.start_session(session, person=person, zone="government")


@pytest.mark.parametrize("role", sorted(set().union(*ROLES_OF.values()) - {Role.AGENT}))
def test_every_role_has_a_first_page(sqlite_world: World, role: Role) -> None:
    zones = {
        OrganisationKind.DEVELOPER: (
            "developer",
            (Role.PREPARER, Role.CERTIFYING_OFFICER, Role.ORGANISATION_ADMINISTRATOR),
        ),
        OrganisationKind.EVALUATOR: ("evaluator", (Role.ASSESSOR, Role.EVALUATION_OFFICER)),
    }
    kind, zone = next(
        ((kind, zone) for kind, (zone, roles) in zones.items() if role in roles),
        (OrganisationKind.REGULATOR, "government"),
    )
    organisation = sqlite_world.organisation(kind)
    actor = sqlite_world.person(organisation, role)
    if role is Role.ORGANISATION_ADMINISTRATOR:
        sqlite_world.person(organisation, role)  # alone, they would be told to name a second
    page = sqlite_world.client(zone, actor).get("/")
    assert page.status_code == 200
    assert "What you must do" in page.text
    assert "Tuesday 1 June 2027" in page.text
    if kind is not OrganisationKind.REGULATOR:  # officials also see the cases that other tests have opened
        assert "Nothing waits for you." in page.text


def test_who_is_new_gets_three_steps_in_order(sqlite_desk: Desk) -> None:
    page = home(sqlite_desk, "developer", sqlite_desk.other_developer)
    assert "Begin here: three steps, in this order" in page
    first, second, third = (page.index(w) for w in ("Register a model", "See which laws", "File a report"))
    assert first < second < third
    sqlite_desk.filing()
    assert "Begin here" not in home(sqlite_desk, "developer", sqlite_desk.developer)


def test_a_developer_sees_filings_receipts_and_tasks(sqlite_desk: Desk) -> None:
    filed = sqlite_desk.filing()
    sqlite_desk.filing(FilingKind.SYSTEM_CARD, state=FilingState.DRAFT)
    page = home(sqlite_desk, "developer", sqlite_desk.developer)
    assert f"/filings/{filed.reference}/receipt" in page
    assert "Finish" in page
    assert 'Home <span class="n">' in page


def test_the_queue_is_there_for_who_reviews_and_nobody_else(sqlite_desk: Desk) -> None:
    sqlite_desk.case()  # other tests' cases may stand before it in the few rows of a first page
    listed = re.compile(r"\bC-\d{4}-\d+\b")
    assert listed.search(home(sqlite_desk, "government", sqlite_desk.officer))
    assert not listed.search(home(sqlite_desk, "government", sqlite_desk.reader))


def test_an_empty_queue_speaks_of_ones_own_team(sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another team's case may be open: the queue of one's own says nothing about it."""
    monkeypatch.setattr("portal.home.desk.of_reviewer", lambda *_: ([], 0))
    page = home(sqlite_desk, "government", sqlite_desk.decider)
    assert "No case of your team waits." in page
    assert "No case is open" not in page


def test_what_others_did_since_the_last_visit_is_listed(sqlite_desk: Desk) -> None:
    case = sqlite_desk.under_review()
    request = sqlite_desk.served(case)
    page = home(sqlite_desk, "developer", sqlite_desk.developer)
    assert "What happened lately" in page
    assert f"Information request {request.reference} was served" in page
    assert f'href="/requests/{request.reference}"' in page
    sqlite_desk.answered(request)
    own = home(sqlite_desk, "developer", sqlite_desk.developer)
    assert f"Information request {request.reference} was answered" not in own
    assert f"{request.reference} was answered" in home(sqlite_desk, "developer", sqlite_desk.certifier)


def test_only_what_is_newer_than_the_last_visit(sqlite_desk: Desk) -> None:
    sqlite_desk.under_review()
    with sqlite_desk.world.wired.database.read() as session:
        by = sqlite_desk.developer
        everything = changes.changes(session, by=by, since=None)
        assert everything.total > 0
        assert changes.changes(session, by=by, since=sqlite_desk.now).total == 0
        before = changes.changes(session, by=by, since=sqlite_desk.now - timedelta(seconds=1))
        assert before.total == everything.total


def test_the_second_visit_says_when_the_first_was(sqlite_desk: Desk) -> None:
    earlier_session(sqlite_desk, sqlite_desk.officer)
    page = home(sqlite_desk, "government", sqlite_desk.officer)
    assert "Last time you were here: Tue 1 Jun 2027" in page
    assert "Since you last looked" in page


def test_a_developer_never_reads_of_a_suggested_violation(sqlite_desk: Desk) -> None:
    case = sqlite_desk.under_review()
    request = sqlite_desk.served(case)
    sqlite_desk.later(days=60)
    sqlite_desk.answered(request)
    with sqlite_desk.world.wired.database.write() as session:
        found = consider.suggest(session, f"information_request:{request.id}", now=sqlite_desk.now)
    assert found
    for actor in (sqlite_desk.developer, sqlite_desk.certifier):
        page = home(sqlite_desk, "developer", actor)
        assert found[0].reference not in page
        assert "suggested" not in page
    officer = sqlite_desk.world.person(
        sqlite_desk.world.organisation(OrganisationKind.REGULATOR), Role.ENFORCEMENT_OFFICER
    )
    page = home(sqlite_desk, "government", officer)
    assert f"{found[0].reference} was suggested" in page
    assert f"Allege or drop {found[0].reference}" in page


def test_another_developer_reads_nothing_of_it(sqlite_desk: Desk) -> None:
    request = sqlite_desk.served(sqlite_desk.under_review())
    assert request.reference not in home(sqlite_desk, "developer", sqlite_desk.other_developer)


def test_every_event_that_is_told_is_declared_with_the_fields_its_words_use() -> None:
    assert tables.MODULES
    for told in (changes.DEVELOPER, changes.EVALUATOR, changes.REVIEW, changes.ENFORCEMENT):
        for event, parts in told.items():
            used = {name for part in parts for _, name, _, _ in Formatter().parse(part) if name}
            assert used <= ledger.declared()[event].keys, event


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("developer", changes.DEVELOPER),
        ("evaluator", changes.EVALUATOR),
        ("government", changes.REVIEW | changes.ENFORCEMENT),
    ],
)
def test_every_change_leads_to_an_address_of_its_zone(
    sqlite_world: World, zone: str, told: changes.Told
) -> None:
    addresses = sqlite_world.zones[zone].url_map.bind("localhost")
    for event, (_, link) in told.items():
        filled = re.sub(r"\{\w+\}", "X-2027-001", link)
        assert not filled or addresses.test(filled, method="GET"), event


def task(hours: int | None, now: datetime) -> Task:
    due = None if hours is None else now + timedelta(hours=hours)
    return Task("Do it", "/", "", due, "It lapses.")


@pytest.mark.parametrize(
    ("hours", "line"),
    [
        ([], ""),
        ([None], "One task is yours."),
        ([200, 300], "Two tasks are yours."),
        ([1, 200, None], "Three tasks are yours; one is due today."),
        ([-3, -2, 1, 2], "Four tasks are yours; two are late and two are due today."),
    ],
)
def test_the_line_of_facts(sqlite_world: World, hours: list[int | None], line: str) -> None:
    now = sqlite_world.clock.now()
    assert waiting.summary([task(h, now) for h in hours], now) == line


def test_the_start_page_has_five_doors_and_no_menu(sqlite_world: World) -> None:
    page = sqlite_world.client("public").get("/").text
    for door in DOORS:
        assert door.enter in page
        assert door.cannot_see in page
    assert "Choose a door" in page
    assert 'aria-label="Main"' not in page
    assert "See it in two minutes" not in page


@pytest.mark.parametrize("zone", ["public", "developer", "evaluator", "government"])
def test_every_zone_leads_to_the_pages_of_the_footer(sqlite_world: World, zone: str) -> None:
    client: FlaskClient = sqlite_world.client(zone)
    page = client.get("/" if zone == "public" else "/sign-in").text
    for path in ("/accessibility", "/privacy", "/verify"):
        assert f'{"" if zone == "public" else "http://localhost:5000"}{path}"' in page


def test_a_walk_leads_through_the_told_case(make_world: Callable[[str], World], own_sqlite_url: str) -> None:
    world = make_world(own_sqlite_url)  # what lies in its home changes the first page for everybody
    client = world.client("public")
    assert client.get("/walk/public").status_code == 404
    pages = {
        "decision": {"url": "http://localhost:5000/register/decisions/D-2027-001", "fact": "One condition"}
    }
    accounts = {door.key: f"{door.key}@example.test" for door in DOORS}
    told = {"pages": pages, "accounts": accounts}
    (world.wired.settings.home / "story.json").write_text(json.dumps(told))
    page = client.get("/walk/public").text
    assert pages["decision"]["url"] in page
    assert "One condition" in page
    assert "Not part of the told case." in page
    assert "evaluator@example.test" in client.get("/walk/evaluator").text
    assert client.get("/walk/none").status_code == 404
    start = client.get("/").text
    assert "See it in two minutes" in start
    assert "as=developer@example.test" in start.replace("%40", "@")


def test_the_coverage_of_the_version_that_was_asked_about(sqlite_desk: Desk) -> None:
    version = sqlite_desk.fresh(ModelVersion(id=sqlite_desk.version_id))
    sqlite_desk.act(registration.assess_coverage, version=version, by=sqlite_desk.developer)
    sqlite_desk.later(hours=1)
    register(sqlite_desk, "Corvane Mini")
    page = home(sqlite_desk, "developer", sqlite_desk.developer)
    with sqlite_desk.world.wired.database.read() as session:
        (found,) = registration.coverages_of(session, version.id)
    worded = {name: answer["wording"] for name, answer in found.result["regimes"].items()}
    # Not "covered", where a law is proposed or not signed yet: what its own page says.
    assert worded["aaif-proposal"].endswith("(proposed)")
    for name, wording in worded.items():
        assert f"{statute.load(name).short}: {wording}" in page
    assert "See which laws would cover Corvane Mini" not in page

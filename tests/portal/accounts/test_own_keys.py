"""One's own keys: added, named, removed, used to sign in, and everything that is refused."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from portal.web import origin
from secure_access import ledger
from secure_access.db import select
from secure_access.identity import OrganisationKind, Person, roles
from secure_access.ledger.tables import SecurityLogRow
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.passkeys import KeyHolder, holder, live


def preparer(world: World) -> KeyHolder:
    by = world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    return holder(world, "developer", by)


def sign_in(world: World, zone: str, key: SoftKey, *, address: str = "", **how: Any) -> Any:
    """Sign in with a key in a fresh browser; the answer."""
    client = world.client(zone)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)[0]
    options = client.post("/sign-in/key/options", data={"csrf_token": token}).json
    said = key.get(options, address or origin(world.wired.settings, zone), **how)
    fields = {"csrf_token": token, "form_id": str(uuid.uuid4()), "assertion": said, "next": "/filings"}
    answer = client.post("/sign-in/key", data=fields)
    answer.again = lambda: client.post("/sign-in/key", data={**fields, "form_id": str(uuid.uuid4())})
    answer.browser = client
    return answer


def noted(world: World, person: KeyHolder) -> list[str]:
    with world.wired.database.read() as session:
        query = select(SecurityLogRow).where(SecurityLogRow.subject == f"person:{person.actor.person_id}")
        return [row.kind for row in session.exec(query)]


def told(world: World, person: KeyHolder) -> list[tuple[str, str]]:
    with world.wired.database.read() as session:
        entries = ledger.entries(session, about=f"person:{person.actor.person_id}")
        changes = [entry.fields for entry in entries if entry.type == "credential.changed"]
        return [(str(one["change"]), str(one["kind"])) for one in changes]


def test_a_key_is_added_and_opens_its_zone(world: World) -> None:
    person, key = preparer(world), SoftKey()
    assert person.add(key, "  Blue \n key ").status_code == 303
    (row,) = person.rows()
    assert (row.name, row.zone, row.synced, row.sign_count) == ("Blue key", "developer", False, 1)
    opened = sign_in(world, "developer", key)
    assert (opened.status_code, opened.headers["Location"]) == (303, "/filings")
    assert opened.browser.get("/").status_code == 200
    (row,) = person.rows()
    assert row.sign_count == 2
    assert row.last_used_at is not None
    assert told(world, person) == [("added", "passkey")]
    assert noted(world, person) == ["credential.changed"]


def test_the_ledger_names_a_key_by_digest_and_nothing_of_a_person(sqlite_world: World) -> None:
    person = preparer(sqlite_world)
    person.add(SoftKey(), "The key of my daughter")
    with sqlite_world.wired.database.read() as session:
        found = ledger.entries(session, about=f"person:{person.actor.person_id}")
    (entry,) = [one for one in found if one.type == "credential.changed"]
    assert entry.fields["credential"] == person.rows()[0].digest
    assert b"daughter" not in entry.entry
    assert person.email.encode() not in entry.entry


WRONG: dict[str, dict[str, Any]] = {
    "without user verification": {"verified": False},
    "for another host": {"host": "evil.localhost"},
    "on another origin": {"address": "http://evil.localhost:5000"},
    "on another port": {"address": "http://developer.localhost:5001"},
    "with another signature": {"lies": b"x"},
}


@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG)
def test_an_answer_that_is_not_right_opens_nothing(sqlite_world: World, how: dict[str, Any]) -> None:
    person, key = preparer(sqlite_world), SoftKey()
    person.add(key)
    before = len(live(sqlite_world, person.actor))
    answer = sign_in(sqlite_world, "developer", key, **how)
    assert answer.status_code == 422
    assert "This key opens no account in this zone" in answer.text
    assert answer.browser.get("/").status_code == 303
    assert len(live(sqlite_world, person.actor)) == before


def test_an_answer_is_accepted_once(world: World) -> None:
    person, key = preparer(world), SoftKey(synced=True, step=0)
    person.add(key)
    opened = sign_in(world, "developer", key)
    assert opened.status_code == 303
    assert opened.again().status_code == 422


def test_unknown_wrong_and_suspended_people_get_the_same_answer(sqlite_world: World) -> None:
    person, key = preparer(sqlite_world), SoftKey()
    person.add(key)
    answers = [
        sign_in(sqlite_world, "developer", SoftKey()),
        sign_in(sqlite_world, "developer", key, lies=b"x"),
        sign_in(sqlite_world, "government", SoftKey()),
    ]
    by = sqlite_world.person(sqlite_world.organisation(OrganisationKind.REGULATOR), Role.ADMINISTRATOR)
    with sqlite_world.wired.database.write() as session:
        row = session.get_one(Person, person.actor.person_id)
        roles.suspend(session, person=row, by=by, now=sqlite_world.clock.now())
    answers.append(sign_in(sqlite_world, "developer", key))
    assert {answer.status_code for answer in answers} == {422}
    pages = {re.sub(r'value="[^"]*"', "", a.text.replace("Government", "Developer")) for a in answers}
    assert len(pages) == 1


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "x" * 30_000, '{"rawId": 1, "response": {}}', "{" * 9_000]
)
def test_what_is_no_answer_is_refused_like_a_wrong_one(sqlite_world: World, text: str) -> None:
    client = sqlite_world.client("developer")
    token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)[0]
    answer = client.post("/sign-in/key", data={"csrf_token": token, "assertion": text})
    assert answer.status_code == 422


def test_a_key_of_one_zone_opens_no_other(sqlite_world: World) -> None:
    """Neither as it is, nor when it answers for the other zone's host and origin."""
    person, key = preparer(sqlite_world), SoftKey()
    person.add(key)
    for zone in ("government", "evaluator"):
        assert sign_in(sqlite_world, zone, key).status_code == 422
        there = origin(sqlite_world.wired.settings, "developer")
        assert sign_in(sqlite_world, zone, key, address=there, host="developer.localhost").status_code == 422


@pytest.mark.parametrize("step", [0, -1])
def test_a_counter_that_falls_or_repeats_suspends_the_key(world: World, step: int) -> None:
    person, key = preparer(world), SoftKey(count=5)
    person.add(key)
    assert sign_in(world, "developer", key).status_code == 303
    key.step = step
    refused = sign_in(world, "developer", key)
    assert refused.status_code == 403
    assert "its counter fell back" in refused.text
    assert "Use another key" in refused.text
    (row,) = person.rows()
    assert row.suspended_reason == "counter_fell"
    assert told(world, person)[-1] == ("suspended", "passkey")
    assert noted(world, person)[-1] == "credential.changed"
    key.step, key.count = 1, 100
    assert sign_in(world, "developer", key).status_code == 403
    assert "Suspended" in person.client.get("/account").text


def test_the_counter_of_a_synced_key_says_nothing(sqlite_world: World) -> None:
    person, key = preparer(sqlite_world), SoftKey(synced=True, count=5)
    person.add(key)
    key.count = 0
    assert sign_in(sqlite_world, "developer", key).status_code == 303


def test_a_key_that_becomes_another_kind_is_another_key(sqlite_world: World) -> None:
    person, key = preparer(sqlite_world), SoftKey()
    person.add(key)
    key.synced = True
    assert sign_in(sqlite_world, "developer", key).status_code == 422


def test_a_key_is_made_with_verification_in_the_session_that_asked_and_once(sqlite_world: World) -> None:
    person = preparer(sqlite_world)
    path = "/account/keys/new"
    assert person.post(path, made=person.make(verified=False), name="x").status_code == 403
    made = person.make()
    assert holder(sqlite_world, "developer", person.actor).post(path, made=made, name="x").status_code == 403
    assert person.rows() == []
    assert person.post(path, made=made, name="x").status_code == 303
    assert len(person.rows()) == 1


def test_adding_a_second_key_is_confirmed_with_the_first(sqlite_world: World) -> None:
    person, first, second = preparer(sqlite_world), SoftKey(), SoftKey()
    person.add(first)
    asked = person.add(second, "Spare")
    assert asked.status_code == 200
    assert "Add a key to your account" in asked.text
    assert len(person.rows()) == 1
    assert person.confirm(asked, first, "/account/keys/new").status_code == 303
    assert [row.name for row in person.rows()] == ["Blue key", "Spare"]


def test_a_key_is_named_and_removed_by_its_owner_only(sqlite_world: World) -> None:
    person, other, key = preparer(sqlite_world), preparer(sqlite_world), SoftKey()
    person.add(key)
    where = f"/account/keys/{person.rows()[0].id}"
    assert other.client.get(where).status_code == 404
    assert other.post(where, do="remove").status_code == 404
    assert person.post(where, do="rename", name="Red key").status_code == 303
    assert person.rows()[0].name == "Red key"
    asked = person.post(where, do="remove")
    assert "Remove “Red key”" in asked.text
    assert person.confirm(asked, key, where).status_code == 303
    assert person.rows() == []
    assert sign_in(sqlite_world, "developer", key).status_code == 422
    assert told(sqlite_world, person) == [
        ("added", "passkey"),
        ("renamed", "passkey"),
        ("removed", "passkey"),
    ]

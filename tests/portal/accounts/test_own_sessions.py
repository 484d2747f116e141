"""One's own sessions: listed in plain words, ended one by one or all others at once."""

from __future__ import annotations

import re

import pytest

from portal.accounts.devices import in_words
from secure_access.identity import Entered, OrganisationKind
from secure_access.workflow import Role
from tests.fixtures.app import World
from tests.fixtures.passkeys import KeyHolder, holder, live, with_session

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def somebody(world: World) -> KeyHolder:
    by = world.person(world.organisation(OrganisationKind.DEVELOPER), Role.PREPARER)
    return holder(world, "developer", by)


KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
AGENTS = {
    FIREFOX: "Firefox on Windows",
    f"Mozilla/5.0 (X11; Linux x86_64) {KIT} Chrome/141.0 Safari/537.36": "Chrome on Linux",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {KIT} Safari/604.1": "Safari on iPhone",
    f"Mozilla/5.0 (Windows NT 10.0) {KIT} Chrome/141.0 Safari/537.36 Edg/141.0": "Edge on Windows",
    "curl/8.5.0": "A browser that does not say which",
    "": "A browser that does not say which",
}


@pytest.mark.parametrize(("agent", "words"), AGENTS.items())
def test_a_device_is_named_in_plain_words(agent: str, words: str) -> None:
    assert in_words(agent) == words


def test_sessions_are_listed_and_one_is_ended_at_once(world: World) -> None:
    person = somebody(world)
    other = holder(world, "developer", person.actor)
    with_session(world, "developer", person.actor, Entered(agent=FIREFOX))
    page = person.client.get("/account").text
    assert "Firefox on Windows" in page
    assert page.count("This one") == 1
    assert "started just now" in page
    rows = {row.agent: row for row in live(world, person.actor)}
    assert len(live(world, person.actor)) == 3
    assert person.post("/account/sessions/end", session=str(rows[FIREFOX].id)).status_code == 303
    assert len(live(world, person.actor)) == 2
    assert other.client.get("/account").status_code == 200
    assert person.post("/account/sessions/end", session="others").status_code == 303
    assert other.client.get("/account").status_code == 303, "ended on its next request"
    assert person.client.get("/account").status_code == 200


def test_a_session_of_somebody_else_is_not_there(sqlite_world: World) -> None:
    person, stranger = somebody(sqlite_world), somebody(sqlite_world)
    theirs = live(sqlite_world, stranger.actor)[0]
    for wanted in (str(theirs.id), "", "x", str(live(sqlite_world, person.actor)[0].id)):
        assert person.post("/account/sessions/end", session=wanted).status_code == 404
    assert stranger.client.get("/account").status_code == 200


def test_an_agent_of_any_length_and_content_does_no_harm(sqlite_world: World) -> None:
    person = somebody(sqlite_world)
    with_session(sqlite_world, "developer", person.actor, Entered(agent="<script>Firefox/1" + "x" * 9_000))
    page = person.client.get("/account").text
    assert not re.search(r"<script(?! src)", page)
    assert "Firefox" in page

"""Who is told of recertification: approvers, the reader, the portal; and the pages that say it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secure_access.custodian import forms, recertification
from secure_access.custodian.custody import Refused
from secure_access.custodian.recertification import LASTS, SOON
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound
from tests.fixtures.custodian_front import Place, entered
from tests.fixtures.enrolled import NOW, ORIGIN
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_recertification import (
    SECOND,
    asked,
    lasting,
    recertify,
    statement,
    to,
)
from tests.secure_access.custodian.test_server import portal_of, served
from tests.secure_access.custodian.test_visits import enter


def test_who_is_due_stands_before_the_approvers_overdue_first(world: World) -> None:
    lasting(world, 20, 50)
    to(world, NOW + timedelta(days=5))
    key = world.enrolled.one("julien")["credentials"][0]["id"]
    lasting(world, 20, 50, "AG-2", reader="julien", credentials=[key], requester="pia", nonce="0a" * 16)
    state = world.custody.state
    for at, late, soon in (
        (NOW + LASTS - SOON - SECOND, [], []),
        (NOW + LASTS - SOON, [], ["ada"]),
        (NOW + LASTS - SECOND, [], ["ada", "julien"]),
        (NOW + LASTS, ["ada"], ["ada", "julien"]),
    ):
        assert [one.reader for one in recertification.overdue(state, at)] == late
        assert [one.reader for one in recertification.due_within(state, at)] == soon
    to(world, NOW + LASTS)
    told = asked(world, "recertifications", {})
    assert [one["reader"] for one in told["overdue"]] == ["ada"]
    assert told["overdue"][0]["since"] == timestamp(NOW)
    assert told["overdue"][0]["until"] == timestamp(NOW + LASTS)
    assert [one["reader"] for one in told["soon"]] == ["julien"]
    rows = asked(world, "page.recertifications", {"visit": enter(world, "henrike").token})
    assert [(one["reader"], one["overdue"]) for one in rows["due"]] == [
        ("Ada Brenner", True),
        ("Julien Moreau", False),
    ]
    assert rows["own"] == {}


def test_the_page_of_a_reader_says_who_holds_what_and_what_stands_against_it(world: World) -> None:
    lasting(world, 20, 50)
    to(world, NOW + timedelta(days=21))
    visit = enter(world, "henrike").token
    page = asked(world, "page.reader", {"visit": visit, "reader": forms.digest(b"ada")})
    assert page["sentence"] == (
        "You confirm that Ada Brenner, security reviewer, employed by Frontier AI Authority in the team "
        "Systems Security, still needs to read sealed plans in October 2027, under one access grant."
    )
    assert page["held"][0]["words"] == (
        "two sections of the security plan of Tessaly Intelligence for Aurel 2, from 24 October 2027, "
        "09:00 UTC to 23 November 2027, 09:00 UTC. The purpose: To check that no single insider can copy "
        "the weights."
    )
    assert (page["obstacle"], page["last"]) == ("", {})
    assert forms.digest(page["encoded"].encode()) == page["statement"] == statement(world)
    recertify(world, "oskar")
    page = asked(world, "page.reader", {"visit": visit, "reader": forms.digest(b"ada")})
    assert (page["last"]["name"], page["last"]["you"]) == ("Oskar Nwosu", False)
    to(world, NOW + timedelta(days=50))
    visit = enter(world, "henrike").token
    page = asked(world, "page.reader", {"visit": visit, "reader": forms.digest(b"ada")})
    assert (page["due"], page["statement"]) == ({}, "")
    with pytest.raises(NotFound):
        asked(world, "page.reader", {"visit": visit, "reader": forms.digest(b"nobody")})


def test_a_reader_sees_the_own_date_and_whom_to_ask(world: World) -> None:
    lasting(world, 20, 50)
    to(world, NOW + LASTS - SOON)
    own = asked(world, "page.recertifications", {"visit": enter(world, "ada").token})["own"]
    assert (own["until"], own["soon"], own["overdue"]) == ("4 November 2027, 09:00 UTC", True, False)

    def outside(value: dict[str, Any]) -> None:
        value["organisations"].insert(1, {"id": "evaluators", "name": "Evaluators plc"})
        world.enrolled.one("ada", value)["organisation"] = "evaluators"

    world.change_list(outside)
    own = asked(world, "page.recertifications", {"visit": enter(world, "ada").token})["own"]
    assert "Ask an approver of Frontier AI Authority to recertify you" in own["words"]
    for name in ("henrike", "oskar", "pia"):
        world.change_list(lambda value, who=name: world.enrolled.one(who, value).update(roles=["reader"]))
    own = asked(world, "page.recertifications", {"visit": enter(world, "ada").token})["own"]
    assert "no approver of the enrolment list may do it now" in own["words"]


def test_the_page_of_a_grant_names_the_reader_s_date_to_approvers_alone(world: World) -> None:
    digest = lasting(world, 20, 50)
    told = asked(world, "page.recertification_of", {"visit": enter(world, "pia").token, "grant": digest})
    assert told["reader_due"]["page"] == forms.digest(b"ada")
    for name in ("ada", "tess"):
        told = asked(world, "page.recertification_of", {"visit": enter(world, name).token, "grant": digest})
        assert told == {"reader_due": {}}


def test_a_reader_whom_the_list_names_no_more_is_told_by_identifier(world: World) -> None:
    lasting(world, 20, 50)
    world.change_list(lambda value: value["people"].remove(world.enrolled.one("ada", value)))
    visit = enter(world, "henrike").token
    page = asked(world, "page.reader", {"visit": visit, "reader": forms.digest(b"ada")})
    assert "ada, whom the enrolment list does not name," in page["sentence"]
    to(world, NOW + LASTS)
    rows = asked(world, "page.recertifications", {"visit": enter(world, "henrike").token})["due"]
    assert rows[0]["reader"] == "ada"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, ORIGIN)
    with made.core():
        yield made


def test_at_the_front_an_approver_recertifies_and_the_reader_is_told(place: Place) -> None:
    world = place.world
    digest = lasting(world, 20, 50)
    to(world, NOW + LASTS)
    reader, approver = entered(place, "ada"), entered(place, "oskar")
    shut = reader.get(f"/read/{digest}").text
    assert "Nothing can be opened" in shut
    assert "Nobody has confirmed since 4 October 2027" in shut
    assert "Not recertified" in reader.get("/").text
    opening = reader.confirmed("/acts/ask", {"act": "reading.open", "object": digest})
    answer = reader.post("/sitting/open", opening)
    assert (answer.status_code, answer.json["why"] if answer.json else "") == (409, "not_recertified")

    address = f"/readers/{forms.digest(b'ada')}"
    assert address in approver.get("/").text
    assert address in approver.get(f"/grants/{digest}").text
    assert address not in reader.get(f"/grants/{digest}").text
    page = approver.get(address).text
    assert "You confirm that Ada Brenner" in page
    assert reader.get(address).status_code == reader.get(f"/readers/{'0' * 64}").status_code == 404
    assert reader.act("reader.recertify", statement(world)).status_code == 404
    assert approver.act("reader.recertify", statement(world)).status_code == 200
    assert "May read" in approver.get(address).text
    assert "Nothing can be opened" not in reader.get(f"/read/{digest}").text


def test_the_portal_asks_on_its_channel_who_is_overdue(world: World) -> None:
    lasting(world, 20, 50)
    to(world, NOW + LASTS)
    with served(world) as client:
        told = portal_of(world, client).ask("recertifications")
        assert [one["reader"] for one in told["overdue"]] == ["ada"]
        with pytest.raises(Refused):
            client.ask("recertifications")

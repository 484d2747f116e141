"""Visits: entering with a passkey, what a visitor sees, and that nothing more comes of it."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secure_access.custodian.acts import Act, NotConfirmed, Reason
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.page_questions import PAGES
from secure_access.custodian.plan_questions import PLANS
from secure_access.custodian.questions import answered
from secure_access.custodian.visits import LONGEST, Visit
from secure_access.ledger import canonical
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import ORIGIN
from tests.secure_access.custodian.conftest import World

UNKNOWN = "cd" * 32


def enter(world: World, by: str, **told: Any) -> Visit:
    made = world.core.visits.ask()
    return world.core.visits.enter(made.nonce, world.enrolled.answer(by, made.challenge, **told))


def asked(world: World, do: str, **fields: Any) -> Any:
    return json.loads(answered(world.core, canonical.encode({"do": do, **fields}), {**PAGES, **PLANS}))


def test_whose_passkey_it_is_enters_and_a_line_says_so(world: World) -> None:
    visit = enter(world, "ada")
    assert visit.person.name == "Ada Brenner"
    assert world.last().type == "visit.opened"
    assert (world.last().fields["by"], world.last().plan) == ("ada", "")
    assert world.core.visits.of(visit.token).person.person == "ada"
    assert visit.token not in repr(visit)


def test_the_statement_of_an_entry_names_nobody_and_the_origin(world: World) -> None:
    made = json.loads(world.core.visits.ask().encoded)
    assert (made["act"], made["by"]) == ("page.enter", "*")
    assert made["object"] == hashlib.sha256(ORIGIN.encode()).hexdigest()


def test_an_entry_is_used_once_and_only_to_enter(world: World) -> None:
    made = world.core.visits.ask()
    answer = world.enrolled.answer("ada", made.challenge)
    world.core.visits.enter(made.nonce, answer)
    with pytest.raises(NotConfirmed) as refused:
        world.core.visits.enter(made.nonce, answer)
    assert refused.value.reason is Reason.USED
    digest = world.offer()
    other = world.core.visits.ask()
    with pytest.raises(NotConfirmed) as refused:
        world.core.approve(other.nonce, world.enrolled.answer("henrike", other.challenge))
    assert refused.value.reason is Reason.NOT_ASKED
    assert world.custody.state.grants[digest].approvals == []


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"origin": "https://portal.example"}, Reason.OTHER_ORIGIN),
        ({"rp_id": "portal.example"}, Reason.OTHER_PARTY),
        ({"verified": False}, Reason.NOT_VERIFIED),
        ({"lies": b"x"}, Reason.FALSE),
    ],
)
def test_a_false_entry_opens_no_visit(world: World, told: dict[str, Any], reason: Reason) -> None:
    with pytest.raises(NotConfirmed) as refused:
        enter(world, "ada", **told)
    assert refused.value.reason is reason
    assert world.lines("visit.opened") == []


def test_the_passkey_of_a_stranger_opens_no_visit(world: World) -> None:
    world.enrolled.keys["ada"] = type(world.enrolled.keys["ada"])()
    with pytest.raises(NotConfirmed) as refused:
        enter(world, "ada")
    assert refused.value.reason is Reason.NOT_ENROLLED


def test_a_visit_ends_after_15_minutes_and_when_left_and_with_the_enrolment(world: World) -> None:
    first, second, third = (enter(world, name) for name in ("ada", "pia", "oskar"))
    world.core.visits.leave(second.token)
    with pytest.raises(Refused) as refused:
        world.core.visits.of(second.token)
    assert refused.value.why is Why.NOT_ENTERED
    world.change_list(lambda value: value["people"].remove(world.enrolled.one("oskar", value)))
    with pytest.raises(Refused):
        world.core.visits.of(third.token)
    world.later(seconds=LONGEST.total_seconds() - 1)
    assert world.core.visits.of(first.token).person.person == "ada"
    world.clock.at += timedelta(seconds=1)
    with pytest.raises(Refused):
        world.core.visits.of(first.token)
    with pytest.raises(Refused):
        world.core.visits.of("")


def test_a_grant_that_is_not_yours_answers_like_one_that_is_not_there(world: World) -> None:
    digest = world.offer()
    reader = enter(world, "julien")
    assert asked(world, "page.grant", visit=reader.token, grant=digest) == {"not_found": True}
    assert asked(world, "page.grant", visit=reader.token, grant=UNKNOWN) == {"not_found": True}
    assert asked(world, "page.plan", visit=reader.token, plan=world.plan) == {"not_found": True}
    assert asked(world, "page.desk", visit=reader.token)["done"]["grants"] == []
    with pytest.raises(NotFound):
        world.core.visits.grant(reader, digest)


def test_a_page_says_what_this_visitor_may_do_and_what_stands_against_it(world: World) -> None:
    digest = world.offer(requester="pia")
    tokens = {name: enter(world, name).token for name in ("henrike", "oskar", "pia", "tess", "ada")}
    acts = {
        name: asked(world, "page.grant", visit=token, grant=digest)["done"]["acts"]
        for name, token in tokens.items()
    }
    deciding = ["grant.approve", "grant.refuse", "grant.revoke"]
    assert acts == {
        "henrike": deciding,
        "oskar": deciding,
        "pia": deciding,
        "tess": ["grant.revoke"],
        "ada": [],
    }
    page = asked(world, "page.grant", visit=tokens["pia"], grant=digest)["done"]
    assert page["obstacle"] == "You asked for this access: somebody else approves it."
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    page = asked(world, "page.grant", visit=tokens["henrike"], grant=digest)["done"]
    assert page["obstacle"].startswith("You have approved this grant already")
    assert page["decisions"] == [
        {"name": "Henrike Solano", "team": "Legal", "at": "4 October 2027, 09:00 UTC", "you": True}
    ]
    world.core.approve(*world.act(Act.APPROVE, digest, "oskar"))
    page = asked(world, "page.grant", visit=tokens["ada"], grant=digest)["done"]
    assert page["acts"] == ["reading.open"]
    assert [one["title"] for one in page["sections"]] == ["Insider threat", "Weight storage"]


def test_the_developer_sees_the_role_of_who_decided_and_no_reason(world: World) -> None:
    digest = world.offer()
    asked_of = world.act(Act.REFUSE, digest, "henrike")
    reply = asked(
        world, "page.refuse", nonce=asked_of[0], answer=asked_of[1], reason="The outline answers it."
    )
    assert reply == {"done": {}}
    pages = {
        name: asked(world, "page.grant", visit=enter(world, name).token, grant=digest)["done"]
        for name in ("oskar", "tess")
    }
    assert pages["oskar"]["reason"] == "The outline answers it."
    assert pages["oskar"]["over"]["name"] == "Henrike Solano"
    assert pages["tess"]["reason"] == ""
    assert (pages["tess"]["over"]["name"], pages["tess"]["over"]["team"]) == ("An approver", "Legal")
    assert "outline" not in world.last().encoded.decode()
    world.restart()
    assert world.custody.state.grants[digest].reason == "The outline answers it."


def test_an_act_asks_for_the_passkeys_of_the_visitor_alone(world: World) -> None:
    digest = world.offer()
    token = enter(world, "oskar").token
    made = asked(world, "page.ask_act", visit=token, act="grant.approve", object=digest)["done"]
    assert json.loads(made["statement"])["by"] == "oskar"
    assert made["credentials"] == [world.enrolled.one("oskar")["credentials"][0]["id"]]
    refused = asked(world, "page.ask_act", visit="none", act="grant.approve", object=digest)["refused"]
    assert refused["why"] == "not_entered"


def test_the_list_names_its_signers(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.enrol()
    assert asked(world, "about")["done"]["signers"] == ["Officer-A", "Officer-C"]
    world.change_list(lambda value: None, by=("officer-b", "officer-c"))
    about = asked(world, "about")["done"]
    assert (about["version"], about["signers"]) == (2, ["Officer-B", "Officer-C"])
    world.restart()
    assert asked(world, "about")["done"] == about


def test_a_sitting_tells_what_is_left_and_what_has_ended_it(world: World) -> None:
    digest = world.granted()
    sitting = world.sit(digest)
    world.core.release(sitting.token, "weight_storage", 1)
    before = world.log.size
    left = asked(world, "page.sitting", token=sitting.token)["done"]
    assert (left["pages"], left["this_hour"]) == (59, 39)
    assert world.log.size == before
    world.core.revoke(*world.act(Act.REVOKE, digest, "tess"))
    assert asked(world, "page.sitting", token=sitting.token)["refused"]["why"] == "revoked"
    assert asked(world, "page.sitting", token="none") == {"not_found": True}

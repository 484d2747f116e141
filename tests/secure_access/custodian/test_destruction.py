"""Keeping and destroying a plan: a hold stops every destruction; the certificate says when it is final."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Why
from secure_access.custodian.plan_keys import read_certificate
from secure_access.workflow import NotFound
from tests.fixtures.custodian_front import CERTIFIES, Browser, Place, entered
from tests.fixtures.enrolled import DEVELOPER, NOW, ORIGIN, REQUEST
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_core import refused

REASON = "Appeal C-12/2027 is pending."


def hold(world: World, by: str, act: Act = Act.HOLD, reason: str = REASON) -> None:
    verb = world.core.destructions.hold if act is Act.HOLD else world.core.destructions.release_hold
    verb(*world.act(act, world.plan, by), reason)


def destroy(world: World, by: str) -> bytes:
    return world.core.destroy(*world.act(Act.DESTROY, world.plan, by))


def test_while_a_legal_hold_stands_the_key_is_not_destroyed(world: World) -> None:
    hold(world, "henrike")
    line = world.last()
    assert (line.type, line.plan, line.fields["by"]) == ("plan.held", world.plan, "henrike")
    assert world.custody.parts.kept.get(str(line.fields["reason"])).decode() == REASON
    for again in (False, True):
        if again:
            world.restart()
        for by in ("henrike", "oskar", "pia"):
            with refused(Why.HELD, "legal hold stands since 4 October 2027"):
                destroy(world, by)
            line = world.last()
            assert (line.type, line.fields["reason"], line.plan) == ("act.refused", "legal_hold", world.plan)
    assert [kind for kind, _ in world.keys.asked] == ["make"]
    hold(world, "oskar", Act.RELEASE_HOLD)
    assert world.last().type == "plan.hold_released"
    world.restart()
    assert destroy(world, "henrike") == b""
    assert destroy(world, "oskar")


def test_a_hold_ends_the_approval_that_was_given_before_it(world: World) -> None:
    """The first approver did not know of the appeal; the second must not complete it after the hold."""
    assert destroy(world, "henrike") == b""
    hold(world, "pia")
    hold(world, "pia", Act.RELEASE_HOLD)
    world.restart()
    assert destroy(world, "oskar") == b""
    assert not world.custody.state.plans[world.plan].destroying


def test_a_hold_stops_no_reading_and_no_pause(world: World) -> None:
    sitting = world.sit(world.granted())
    hold(world, "henrike")
    assert world.core.release(sitting.token, "weight_storage", 1)
    world.core.pause(*world.act(Act.PAUSE, world.plan, "tess"))


@pytest.mark.parametrize("act", [Act.HOLD, Act.RELEASE_HOLD])
@pytest.mark.parametrize("by", ["ada", "tess"])
def test_a_hold_is_an_approver_s(world: World, act: Act, by: str) -> None:
    if act is Act.RELEASE_HOLD:
        hold(world, "henrike")
    with pytest.raises(NotFound):
        hold(world, by, act)
    assert world.last().fields["reason"] == "unknown"
    assert bool(world.custody.state.plans[world.plan].hold) is (act is Act.RELEASE_HOLD)


def test_who_has_a_conflict_neither_holds_nor_lifts(world: World) -> None:
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(conflicts=[DEVELOPER]))
    with refused(Why.NOT_ALLOWED, "conflict of interest"):
        hold(world, "henrike")
    hold(world, "oskar")
    with refused(Why.NOT_ALLOWED, "conflict of interest"):
        hold(world, "henrike", Act.RELEASE_HOLD)


def test_a_hold_is_placed_and_lifted_once(world: World) -> None:
    with refused(Why.WRONG_STATE, "no legal hold to lift"):
        hold(world, "henrike", Act.RELEASE_HOLD)
    hold(world, "henrike")
    with refused(Why.WRONG_STATE, "stands already"):
        hold(world, "oskar")


def test_a_hold_comes_too_late_for_what_is_being_destroyed(world: World) -> None:
    world.keys.fails = True
    destroy(world, "henrike")
    with pytest.raises(OSError, match="no power"):
        destroy(world, "oskar")
    with pytest.raises(NotFound):
        hold(world, "pia")
    world.keys.fails = False
    world.core.finish()
    assert world.last().type == "plan.destroyed"


def test_an_assertion_of_one_act_is_none_of_the_other(world: World) -> None:
    hold(world, "henrike")
    with refused(Why.WRONG_ACT):
        world.core.destructions.release_hold(*world.act(Act.HOLD, world.plan, "henrike"), REASON)
    with refused(Why.WRONG_ACT):
        world.core.destroy(*world.act(Act.RELEASE_HOLD, world.plan, "henrike"))


def test_the_state_of_holds_is_what_the_lines_say(world: World) -> None:
    for steps in (["henrike"], ["henrike", "oskar"]):
        hold(world, steps[-1], Act.HOLD if len(steps) == 1 else Act.RELEASE_HOLD)
        lived = world.custody.state.plans
        world.restart()
        assert world.custody.state.plans == lived


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, ORIGIN)
    with made.core():
        yield made


def test_the_page_of_a_plan_tells_an_approver_no_section(place: Place) -> None:
    plan = place.world.plan
    approver = entered(place, "henrike")
    page = approver.get(f"/plans/{plan}").text
    for words in ("Tessaly Intelligence", "3 sections", "Put a legal hold on it", "Return or destroy"):
        assert words in page
    for hidden in ("insider_threat", "weight_storage", "Pause with passkey", "Deliver"):
        assert hidden not in page
    assert f'href="/plans/{plan}"' in approver.get("/").text
    for name in ("ada", "julien"):
        reader = entered(place, name)
        assert reader.get(f"/plans/{plan}").status_code == 404
        assert plan not in reader.get("/").text
    assert "weight_storage" in entered(place, "tess").get(f"/plans/{plan}").text


@pytest.mark.parametrize("act", ["plan.hold", "plan.release_hold"])
@pytest.mark.parametrize("reason", ["", " \n ", "x" * 2001])
def test_a_hold_is_asked_for_and_lifted_with_a_reason(place: Place, act: str, reason: str) -> None:
    approver = entered(place, "henrike")
    if act == "plan.release_hold":
        assert approver.act("plan.hold", place.world.plan, reason=REASON).status_code == 200
    answer = approver.act(act, place.world.plan, reason=reason)
    assert answer.status_code == 400
    assert "Say why you" in answer.text
    assert approver.act(act, place.world.plan, reason=REASON).status_code == 200


def test_the_developer_sees_that_a_hold_stands_and_not_why_or_who(place: Place) -> None:
    plan = place.world.plan
    assert entered(place, "henrike").act("plan.hold", plan, reason=REASON).status_code == 200
    officer = entered(place, "tess")
    page = officer.get(f"/plans/{plan}").text
    assert "Legal hold" in page
    for hidden in (REASON, "Henrike", "Return or destroy"):
        assert hidden not in page
    other = entered(place, "oskar")
    assert REASON in other.get(f"/plans/{plan}").text
    answer = other.act("plan.destroy", plan)
    assert (answer.status_code, json.loads(answer.text)["why"]) == (409, "legal_hold")
    assert officer.act("plan.release_hold", plan, reason="We want it gone.").status_code == 404


def test_the_certificate_is_read_in_plain_words_and_taken_as_a_file(place: Place) -> None:
    plan = place.world.plan
    first, second, officer = (entered(place, name) for name in ("henrike", "oskar", "tess"))
    for browser in (first, officer):
        assert browser.get(f"/plans/{plan}/certificate").status_code == 404
    assert first.act("plan.destroy", plan).status_code == 200
    page = second.get(f"/plans/{plan}").text
    assert "Destruction approved once" in page
    assert "It counts until 11 October 2027, 09:00 UTC" in page
    assert "another team than the first" in first.get(f"/plans/{plan}").text
    assert second.act("plan.destroy", plan).status_code == 200
    for browser in (first, second, officer):
        page = browser.get(f"/plans/{plan}").text
        assert "ends on <b>8 November 2027, 09:00 UTC</b>" in page
        answer = browser.get(f"/plans/{plan}/certificate")
        assert answer.headers["Content-Disposition"].startswith("attachment")
        found = read_certificate(answer.data, CERTIFIES.public_key().public_bytes_raw())
        assert (found.plan, found.request, found.destroyed_at) == (plan, REQUEST, NOW)
    assert entered(place, "ada").get(f"/plans/{plan}/certificate").status_code == 404
    assert Browser(place).get(f"/plans/{plan}/certificate").text == Browser(place).get("/").text
    place.world.clock.at += timedelta(days=35)
    assert "ended on <b>8 November 2027" in entered(place, "pia").get(f"/plans/{plan}").text


def test_grants_of_a_plan_that_is_gone_offer_nothing(place: Place) -> None:
    digest = place.world.granted()
    waiting = place.world.offer(reference="AG-2")
    for name in ("henrike", "oskar"):
        place.world.core.destroy(*place.world.act(Act.DESTROY, place.world.plan, name))
    reader, approver = entered(place, "ada"), entered(place, "henrike")
    for page in (reader.get("/").text, approver.get("/").text, approver.get(f"/grants/{waiting}").text):
        assert "Plan destroyed" in page
        assert "/read/" not in page
        assert "Approve with passkey" not in page
    assert "Plan destroyed" in reader.get(f"/grants/{digest}").text
    page = reader.get(f"/read/{digest}").text
    assert "The key of this plan was destroyed." in page


def test_a_certificate_that_is_not_made_yet_is_no_certificate(place: Place) -> None:
    place.world.core.destroy(*place.world.act(Act.DESTROY, place.world.plan, "henrike"))
    place.keys.fails = True
    with pytest.raises(OSError, match="no power"):
        place.world.core.destroy(*place.world.act(Act.DESTROY, place.world.plan, "oskar"))
    page = entered(place, "pia").get(f"/plans/{place.world.plan}").text
    assert "The certificate is not made yet" in page

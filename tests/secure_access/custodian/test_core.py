"""The core's acts: enrolment, delivery, approval, pausing, break-glass, destruction, and a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from secure_access.custodian import forms
from secure_access.custodian.acts import Act, NotConfirmed, Reason
from secure_access.custodian.core import Core
from secure_access.custodian.custody import Custody, Refused, Why
from secure_access.custodian.state import Standing
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import (
    DEVELOPER,
    NOTICE,
    NOW,
    REQUEST,
    Enrolled,
    break_glass,
    grant,
    manifest,
    signed,
)
from tests.secure_access.custodian.conftest import World


def refused(why: Why, match: str = "") -> Any:
    return pytest.raises(Refused, match=match or None, check=lambda error: error.why is why)


def test_nothing_is_done_before_the_first_list(tmp_path: Any) -> None:
    world = World(tmp_path)
    with refused(Why.NOT_SET_UP):
        world.core.make_plan_key(REQUEST, DEVELOPER)
    with refused(Why.NOT_SET_UP):
        world.core.ask(Act.OPEN, "0" * 64, "ada")


def test_enrolment_is_pinned_follows_and_is_told(tmp_path: Any) -> None:
    world = World(tmp_path)
    stranger = Enrolled()
    with refused(Why.MALFORMED, "pinned"):
        world.core.enrol(signed(stranger.value))
    with refused(Why.MALFORMED):
        world.core.enrol(b"{}")
    assert [line.type for line in world.lines()] == ["enrolment.refused"] * 2
    told = world.core.enrol(signed(world.enrolled.value))
    assert {one.id for one in told} >= {"ada", "officer-a"}
    assert world.last().fields["version"] == 1
    with refused(Why.MALFORMED, "before it"):
        world.core.enrol(signed(world.enrolled.value))


def test_a_list_of_another_custodian_is_not_even_the_first(tmp_path: Any) -> None:
    world = World(tmp_path)
    world.custody.rules = replace(world.rules, origin="https://other.example")
    with refused(Why.MALFORMED, "another custodian"):
        world.core.enrol(signed(world.enrolled.value))


def test_new_officers_get_new_recovery_copies(world: World) -> None:
    world.change_list(lambda value: value["officers"][0].update(name="Another"))
    assert world.keys.asked[-1] == ("reseal", world.plan)
    assert world.last().type == "recovery.resealed"
    world.change_list(lambda value: world.enrolled.one("ada", value).update(team="Another"))
    assert [kind for kind, _ in world.keys.asked].count("reseal") == 1


def test_a_plan_request_has_one_key(world: World) -> None:
    with refused(Why.WRONG_STATE, "has a key already"):
        world.core.make_plan_key(REQUEST, DEVELOPER)
    with refused(Why.UNKNOWN, "does not name this developer"):
        world.core.make_plan_key("PR-2", "elsewhere")
    made = world.core.make_plan_key("PR-2", DEVELOPER)
    assert (world.last().type, world.last().plan) == ("plan.key_made", made)


def delivering(world: World, value: dict[str, Any], by: str = "tess", about: str = "") -> Any:
    encoded = canonical.encode(value)
    return lambda: world.core.deliver(encoded, *world.act(Act.DELIVER, about or forms.digest(encoded), by))


def test_delivery_by_the_developer_s_officer_alone(world: World) -> None:
    assert world.last().type == "plan.delivered"
    assert world.last().fields["by"] == "tess"
    for by in ("henrike", "ada"):
        with pytest.raises(NotFound):
            delivering(world, world.delivered, by)()
        assert world.last().fields["reason"] == "unknown"
    with pytest.raises(NotFound):
        delivering(world, manifest("ef" * 32))()
    with refused(Why.NOT_ALLOWED, "not the one that was confirmed"):
        delivering(world, world.delivered, about="0" * 64)()
    with refused(Why.NOT_ALLOWED):
        delivering(world, {**world.delivered, "request": "PR-9"})()
    with refused(Why.MALFORMED, "manifest is refused"):
        delivering(world, {**world.delivered, "sections": []})()


def test_delivery_is_received_after_every_file_was_opened(world: World) -> None:
    before = len(world.lines("plan.delivered"))
    world.outside.problem = ValueError("does not open")
    with refused(Why.MALFORMED, "does not open"):
        world.deliver_more()
    world.delivered = manifest(world.plan)
    assert len(world.lines("plan.delivered")) == before
    opened = [one.digest for one in world.outside.inspected]
    assert opened == [forms.digest(canonical.encode(world.delivered))]


def test_a_grant_is_offered_for_what_was_delivered_once(world: World) -> None:
    digest = world.offer()
    for changes, why in (
        ({}, "here already"),
        ({"nonce": "0a" * 16}, "has this reference"),
        ({"manifest": "0" * 64, "reference": "AG-2"}, "another delivery"),
        ({"developer": "authority", "reference": "AG-3"}, "Nothing was delivered"),
        ({"request": "PR-0", "reference": "AG-4"}, "Nothing was delivered"),
        ({"pages": 0, "reference": "AG-5"}, "pages"),
    ):
        with refused(Why.NOT_ALLOWED, why):
            world.offer(**changes)
        assert world.last().type == "grant.not_offered"
    assert world.page(digest, "henrike")["standing"] == "waiting"


def test_the_page_of_a_grant_is_for_those_whom_it_concerns(world: World) -> None:
    digest = world.granted()
    for name in ("henrike", "pia", "ada", "tess"):
        page = world.page(digest, name)
        assert page["standing"] == "approved"
        assert [one["team"] for one in page["decisions"]] == ["Legal", "Systems Assurance"]
        assert "Ada Brenner" in page["sentences"][0]
    with pytest.raises(NotFound):
        world.page(digest, "julien")
    with pytest.raises(NotFound):
        world.page("0" * 64, "henrike")


def test_two_approvals_of_two_teams_each_kept_with_its_assertion(world: World) -> None:
    digest = world.offer()
    assert world.core.approve(*world.act(Act.APPROVE, digest, "henrike")) is Standing.WAITING
    evidence = canonical.decode(world.custody.parts.kept.get(str(world.last().fields["evidence"])))
    assert isinstance(evidence, dict)
    assert '"act":"grant.approve"' in str(evidence["statement"])
    for name, why in (("henrike", "already"), ("pia", "team Legal"), ("julien", None), ("tess", "approver")):
        if why is None:
            with pytest.raises(NotFound):
                world.core.approve(*world.act(Act.APPROVE, digest, name))
            continue
        with refused(Why.NOT_ALLOWED, why):
            world.core.approve(*world.act(Act.APPROVE, digest, name))
        assert world.last().fields["reason"] == "not_allowed"
    assert world.core.approve(*world.act(Act.APPROVE, digest, "oskar")) is Standing.APPROVED
    with refused(Why.WRONG_STATE, "decided already"):
        world.core.approve(*world.act(Act.APPROVE, digest, "pia"))


def test_the_second_approval_is_held_to_the_list_and_the_delivery_of_that_moment(world: World) -> None:
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    world.change_list(lambda value: world.enrolled.one("ada", value).update(roles=["approver"]))
    with refused(Why.NOT_ALLOWED, "not enrolled as a reader"):
        world.core.approve(*world.act(Act.APPROVE, digest, "oskar"))
    world.change_list(lambda value: world.enrolled.one("ada", value).update(roles=["reader"]))
    world.deliver_more()
    assert world.core.approve(*world.act(Act.APPROVE, digest, "oskar")) is Standing.APPROVED


def test_an_approver_who_left_since_does_not_count(world: World) -> None:
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(not_after=timestamp(NOW)))
    with refused(Why.NOT_ALLOWED, "no longer enrolled"):
        world.core.approve(*world.act(Act.APPROVE, digest, "oskar"))


def test_who_changed_the_team_since_approved_for_the_old_one(world: World) -> None:
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(team="Another"))
    with refused(Why.NOT_ALLOWED, "team Legal"):
        world.core.approve(*world.act(Act.APPROVE, digest, "pia"))


def test_an_assertion_is_for_its_own_verb_and_once(world: World) -> None:
    digest = world.offer()
    used = world.act(Act.REFUSE, digest, "henrike")
    with refused(Why.WRONG_ACT):
        world.core.approve(*used)
    with pytest.raises(NotConfirmed) as error:
        world.core.refuse(*used)
    assert error.value.reason is Reason.USED
    late = world.act(Act.APPROVE, digest, "henrike")
    world.later(seconds=120)
    with pytest.raises(NotConfirmed) as error:
        world.core.approve(*late)
    assert error.value.reason is Reason.EXPIRED
    with refused(Why.WRONG_ACT, "another kind"):
        world.core.approve(*world.act(Act.BREAK_GLASS, digest, "henrike"))


def test_a_stranger_is_asked_like_anybody_and_confirms_nothing(world: World) -> None:
    digest = world.offer()
    asked = world.core.ask(Act.APPROVE, digest, "stranger")
    assert len(asked.challenge) == 32
    with pytest.raises(NotConfirmed) as error:
        world.core.approve(asked.nonce, world.enrolled.answer("henrike", asked.challenge))
    assert error.value.reason is Reason.NOT_ASKED


def test_refusing_is_final_and_an_approver_s(world: World) -> None:
    digest = world.offer()
    for name in ("ada", "tess"):
        with refused(Why.NOT_ALLOWED, "Only an enrolled approver"):
            world.core.refuse(*world.act(Act.REFUSE, digest, name))
    world.core.refuse(*world.act(Act.REFUSE, digest, "pia"))
    with refused(Why.WRONG_STATE):
        world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    assert world.page(digest, "oskar")["standing"] == "refused"


def test_revoking_is_an_approver_s_or_the_developer_s(world: World) -> None:
    digest = world.granted()
    with refused(Why.NOT_ALLOWED, "Only an approver or the developer"):
        world.core.revoke(*world.act(Act.REVOKE, digest, "ada"))
    with pytest.raises(NotFound):
        world.core.revoke(*world.act(Act.REVOKE, digest, "julien"))
    world.outside.stale = "no witness"
    world.clock.at += timedelta(seconds=31)
    world.core.revoke(*world.act(Act.REVOKE, digest, "tess"))
    size = world.log.size
    world.core.revoke(*world.act(Act.REVOKE, digest, "henrike"))
    world.core.end(digest)
    assert world.log.size == size
    with pytest.raises(NotFound):
        world.core.end("0" * 64)


def test_pausing_is_the_developer_s_alone(world: World) -> None:
    for name in ("henrike", "ada"):
        with pytest.raises(NotFound):
            world.core.pause(*world.act(Act.PAUSE, world.plan, name))
    with pytest.raises(NotFound):
        world.core.pause(*world.act(Act.PAUSE, "0" * 64, "tess"))
    world.core.pause(*world.act(Act.PAUSE, world.plan, "tess"))
    assert world.last().type == "access.paused"
    with pytest.raises(NotFound):
        world.core.resume(*world.act(Act.RESUME, world.plan, "henrike"))


def emergency_grant(world: World, **changes: Any) -> str:
    value = {**break_glass(world.enrolled, world.delivered), **changes}
    return world.core.offer(canonical.encode(value)).digest


def test_break_glass_tells_the_developer_first(emergency: World) -> None:
    world = emergency
    digest, telling = emergency_grant(world), world.core.telling
    with refused(Why.WRONG_ACT):
        world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    world.core.approve(*world.act(Act.BREAK_GLASS, digest, "henrike"))
    assert telling.waiting() == []
    telling.told(digest)
    assert world.core.approve(*world.act(Act.BREAK_GLASS, digest, "julien")) is Standing.TELLING
    [notice] = telling.waiting()
    assert (notice.grant, notice.to) == (digest, NOTICE)
    telling.not_told(digest)
    assert world.last().type == "break_glass.not_told"
    with refused(Why.NOT_APPROVED, "has not been told"):
        world.core.open_sitting(*world.act(Act.OPEN, digest, "ada"))
    world.restart()
    world.core.heard()
    telling = world.core.telling
    assert telling.waiting() == [notice]
    telling.told(digest)
    assert telling.waiting() == []
    assert world.last().type == "break_glass.told"
    assert world.custody.parts.kept.get(str(world.last().fields["notice"])).decode() == notice.text
    size = world.log.size
    telling.told(digest)
    telling.not_told(digest)
    assert world.log.size == size
    sitting = world.sit(digest)
    assert world.core.release(sitting.token, "weight_storage", 1)
    for verb in (telling.told, telling.not_told):
        with pytest.raises(NotFound):
            verb("0" * 64)


def test_what_a_developer_is_told_names_nothing_that_is_sealed(emergency: World) -> None:
    digest = emergency_grant(emergency)
    for name in ("henrike", "oskar"):
        emergency.core.approve(*emergency.act(Act.BREAK_GLASS, digest, name))
    [notice] = emergency.core.telling.waiting()
    grant = emergency.custody.state.grants[digest].grant
    for secret in (grant.purpose, grant.model, "Ada", *(one.title for one in grant.sections)):
        assert secret not in notice.text + notice.subject
    for said in ("two sections", "20 pages", "4 October 2027, 13:00 UTC", f"/grants/{digest}", REQUEST):
        assert said in notice.text


def test_a_developer_who_cannot_be_told_is_no_matter_of_break_glass(emergency: World) -> None:
    world = emergency
    digest = emergency_grant(world)
    world.core.approve(*world.act(Act.BREAK_GLASS, digest, "henrike"))
    world.change_list(lambda value: value["organisations"][1].pop("notice"))
    with refused(Why.NOT_ALLOWED, "names no address"):
        world.core.approve(*world.act(Act.BREAK_GLASS, digest, "oskar"))
    with refused(Why.NOT_ALLOWED, "names no address"):
        emergency_grant(world, reference="BG-2")


def test_break_glass_can_be_switched_off_and_is_by_default(world: World) -> None:
    digest = emergency_grant(world)
    with refused(Why.NOT_ALLOWED, "does not allow break-glass"):
        world.core.approve(*world.act(Act.BREAK_GLASS, digest, "henrike"))
    assert world.core.telling.waiting() == []


def test_two_approvers_destroy_a_plan(world: World) -> None:
    for name in ("ada", "tess"):
        with pytest.raises(NotFound):
            world.core.destroy(*world.act(Act.DESTROY, world.plan, name))
    assert world.core.destroy(*world.act(Act.DESTROY, world.plan, "henrike")) == b""
    for name in ("henrike", "pia"):
        with refused(Why.NOT_ALLOWED, "another team"):
            world.core.destroy(*world.act(Act.DESTROY, world.plan, name))
    certificate = world.core.destroy(*world.act(Act.DESTROY, world.plan, "oskar"))
    assert certificate == b"certificate of " + world.plan.encode()
    assert world.custody.parts.kept.get(str(world.last().fields["certificate"])) == certificate
    with pytest.raises(NotFound):
        world.core.destroy(*world.act(Act.DESTROY, world.plan, "oskar"))
    for act in (
        lambda: world.core.pause(*world.act(Act.PAUSE, world.plan, "tess")),
        delivering(world, {**world.delivered, "nonce": "08" * 16}),
    ):
        with pytest.raises(NotFound):
            act()
    assert world.core.make_plan_key(REQUEST, DEVELOPER) != world.plan


def test_a_conflicted_approver_does_not_destroy(world: World) -> None:
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(conflicts=[DEVELOPER]))
    with refused(Why.NOT_ALLOWED):
        world.core.destroy(*world.act(Act.DESTROY, world.plan, "henrike"))


def test_a_destruction_that_was_interrupted_is_finished_at_the_next_start(world: World) -> None:
    world.keys.fails = True
    world.core.destroy(*world.act(Act.DESTROY, world.plan, "henrike"))
    with pytest.raises(OSError, match="no power"):
        world.core.destroy(*world.act(Act.DESTROY, world.plan, "oskar"))
    assert world.last().type == "plan.destroying"
    world.keys.fails = False
    world.restart()
    assert world.last().type == "plan.destroyed"
    size = world.log.size
    world.restart()
    assert world.log.size == size


def test_what_was_lived_and_what_is_read_again_are_one(emergency: World) -> None:
    world = emergency
    digest = world.granted()
    sitting = world.sit(digest)
    world.core.release(sitting.token, "weight_storage", 1)
    world.core.pause(*world.act(Act.PAUSE, world.plan, "tess"))
    other = world.offer(reference="AG-2")
    world.core.refuse(*world.act(Act.REFUSE, other, "pia"))
    world.core.approve(*world.act(Act.BREAK_GLASS, emergency_grant(world), "pia"))
    world.core.destroy(*world.act(Act.DESTROY, world.plan, "henrike"))
    lived = world.custody.state
    world.restart()
    again = world.custody.state
    assert (again.enrolment, again.plans, again.grants) == (lived.enrolment, lived.plans, lived.grants)
    assert (again.releases, again.plans[world.plan].paused_by) == (1, "tess")


def test_a_line_that_was_cut_is_told(world: World) -> None:
    path = world.home / "log" / "custody.log"
    world.log.close()
    path.write_bytes(path.read_bytes() + b'{"at":')
    world.begin()
    assert (world.last().type, world.last().fields) == ("log.cut", {"bytes": 6})
    assert world.core.state_of_log == world.log.size


def test_a_document_that_was_changed_stops_the_start(world: World) -> None:
    from secure_access.custodian.private_files import UnsafeFile

    [kept] = world.lines("plan.delivered")
    path = world.home / "kept" / str(kept.fields["manifest"])
    path.write_bytes(path.read_bytes().replace(b"PR-2027-009", b"PR-2027-008"))
    with pytest.raises(UnsafeFile, match="was changed"):
        Core(Custody(world.custody.parts, world.rules))


def test_a_document_that_is_gone_stops_the_start(world: World) -> None:
    [kept] = world.lines("plan.delivered")
    (world.home / "kept" / str(kept.fields["manifest"])).unlink()
    with pytest.raises(LookupError):
        Core(Custody(world.custody.parts, world.rules))
    with pytest.raises(LookupError, match="hex"):
        world.custody.parts.kept.get("../log/custody.log")


def test_a_clock_that_was_set_back_stops_every_act(world: World) -> None:
    digest = world.offer()
    confirmed = world.act(Act.APPROVE, digest, "henrike")
    world.clock.at -= timedelta(seconds=1)
    with refused(Why.CLOCK_BACK):
        world.core.approve(*confirmed)
    with refused(Why.CLOCK_BACK):
        world.core.heard()


def test_a_refusal_stands_where_the_log_takes_no_line(world: World) -> None:
    world.log.close()
    with refused(Why.NOT_ALLOWED):
        world.offer(pages=0)
    with pytest.raises(NotFound):
        world.core.release("nothing", "weight_storage", 1)


def test_grants_of_a_lapsed_date_are_not_approved(world: World) -> None:
    digest = world.offer()
    world.later(days=14)
    with refused(Why.NOT_ALLOWED, "have passed"):
        world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    value = grant(world.enrolled, world.delivered)
    assert value["not_after"] == timestamp(NOW + timedelta(days=14))

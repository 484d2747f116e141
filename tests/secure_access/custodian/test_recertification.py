"""A reader's right ages: to the second, for whom, by whom, and what brings it back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from secure_access.custodian import forms, recertification
from secure_access.custodian.acts import Act, NotConfirmed, Reason
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.forms import Malformed
from secure_access.custodian.questions import answered
from secure_access.custodian.recertification import LASTS
from secure_access.custodian.recertification_questions import DUE, RECERTIFICATIONS
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import DEVELOPER, NOW, break_glass
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_core_attacked import refused
from tests.secure_access.custodian.test_visits import enter

SECOND = timedelta(seconds=1)


def lasting(world: World, first: float, last: float, name: str = "AG-1", **more: Any) -> str:
    """An approved grant from one day to another, counted from the beginning; its digest."""
    begin, end = (timestamp(NOW + timedelta(days=day)) for day in (first, last))
    asked = {
        "at": timestamp(NOW),
        "readers": ["ada", "julien"],
        "sections": ["insider_threat", "weight_storage"],
        "not_before": begin,
        "not_after": end,
        "pages": 60,
    }
    changes = [{"term": "readers", "why": "One is enough."}]
    told = {"not_before": begin, "not_after": end, "asked": asked, "changes": changes, "reference": name}
    return world.granted(**{**told, **more})


def statement(world: World, reader: str = "ada") -> str:
    found = recertification.statement(world.custody.state, reader, world.clock.at)
    assert found is not None
    return found.digest


def recertify(world: World, by: str = "henrike", reader: str = "ada") -> None:
    asked_with(world, statement(world, reader), by)


def asked(world: World, do: str, fields: dict[str, Any]) -> Any:
    """What the socket answers; a refusal is raised."""
    encoded = canonical.encode({"do": do, **fields})
    answer = json.loads(answered(world.core, encoded, {**RECERTIFICATIONS, **DUE}))
    if "refused" in answer:
        told = answer["refused"]
        if told["why"] in set(Reason):
            raise NotConfirmed(Reason(told["why"]))
        raise Refused(Why(told["why"]), told["words"])
    if "not_found" in answer:
        raise NotFound
    return answer["done"]


def until(world: World, reader: str = "ada") -> datetime:
    found = recertification.due(world.custody.state, reader, world.clock.at)
    assert found is not None
    return found.until


def to(world: World, at: datetime) -> None:
    world.clock.at = at
    world.core.heard()


# To the second


def test_a_reader_reads_until_one_second_before_31_days_and_not_at_them(world: World) -> None:
    digest = lasting(world, 20, 50)
    to(world, NOW + LASTS - timedelta(minutes=5))
    sitting = world.sit(digest)
    to(world, NOW + LASTS - SECOND)
    assert world.core.release(sitting.token, "weight_storage", 1)
    assert world.sit(digest, "ada")
    sitting = world.sit(digest)
    for late in (timedelta(), SECOND):
        to(world, NOW + LASTS + late)
        with refused(Why.NOT_RECERTIFIED, "since 4 October 2027 that you still need to read"):
            world.core.release(sitting.token, "weight_storage", 1)
        line = world.last()
        assert (line.type, line.fields["reason"]) == ("page.refused", "not_recertified")
        with refused(Why.NOT_RECERTIFIED, r"Ask Henrike Solano \(Legal\), .* or Pia Lund \(Legal\) to"):
            world.sit(digest)
        assert (world.last().type, world.last().fields["reason"]) == ("act.refused", "not_recertified")
    assert len(world.lines("page.released")) == 1


def test_what_is_open_is_wiped_and_no_text_leaves_when_the_month_is_over(world: World) -> None:
    world.change_list(lambda value: world.enrolled.one("ada", value).update(text=True))
    digest = lasting(world, 20, 50)
    to(world, NOW + LASTS - SECOND)
    sitting = world.sit(digest)
    assert world.outside.kept
    to(world, NOW + LASTS)
    world.core.tidy()
    assert not world.outside.kept
    with refused(Why.NOT_RECERTIFIED):
        world.core.release_text(sitting.token, "weight_storage", 1)
    with refused(Why.NOT_RECERTIFIED):
        world.core.sitting(sitting.token)


def test_a_recertification_gives_31_days_from_its_own_second_and_outlives_a_restart(world: World) -> None:
    digest = lasting(world, 25, 55)
    late = NOW + LASTS + timedelta(days=2)
    to(world, late)
    recertify(world)
    line = world.last()
    assert (line.type, line.plan, line.at) == ("reader.recertified", "", late)
    assert {line.fields[key] for key in ("reader", "by", "team", "month")} == {
        "ada",
        "henrike",
        "Legal",
        "2027-11",
    }
    kept = json.loads(world.custody.parts.kept.get(str(line.fields["statement"])))
    assert kept == {"v": recertification.FORMAT, "reader": "ada", "month": "2027-11", "grants": [digest]}
    evidence = json.loads(world.custody.parts.kept.get(str(line.fields["evidence"])))
    assert json.loads(evidence["statement"])["object"] == line.fields["statement"]
    for _ in range(2):
        assert world.core.release(world.sit(digest).token, "weight_storage", 1)
        assert until(world) == late + LASTS
        world.restart()
        world.core.heard()


def test_it_is_early_enough_on_any_day_and_the_month_counts_from_then(world: World) -> None:
    lasting(world, 0, 30)
    to(world, NOW + timedelta(days=3))
    recertify(world)
    assert until(world) == NOW + timedelta(days=3) + LASTS


# All that a reader holds


def test_another_grant_does_not_lengthen_the_month_of_who_holds_one(world: World) -> None:
    """Whoever gets a new grant every fortnight would otherwise never be looked at as a whole."""
    lasting(world, 0, 30, "AG-1")
    to(world, NOW + timedelta(days=20))
    second = lasting(world, 20, 50, "AG-2", nonce="0a" * 16)
    assert until(world) == NOW + LASTS
    to(world, NOW + LASTS)
    with refused(Why.NOT_RECERTIFIED):
        world.sit(second)
    recertify(world)
    assert world.sit(second)


def test_the_only_grant_of_a_reader_was_looked_at_whole_by_who_approved_it(world: World) -> None:
    lasting(world, 0, 10, "AG-1")
    to(world, NOW + timedelta(days=10))
    assert recertification.due(world.custody.state, "ada", world.clock.at) is None
    to(world, NOW + timedelta(days=29))
    again = lasting(world, 29, 59, "AG-2", nonce="0a" * 16)
    assert until(world) == NOW + timedelta(days=29) + LASTS
    to(world, NOW + timedelta(days=58))
    assert world.sit(again)


def test_a_name_that_is_listed_anew_is_recertified_by_that_as_little(world: World) -> None:
    digest = lasting(world, 20, 50)
    to(world, NOW + LASTS)
    world.change_list(lambda value: world.enrolled.one("ada", value).update(title="reviewer"))
    with refused(Why.NOT_RECERTIFIED):
        world.sit(digest)


def test_one_reader_s_month_is_not_another_s(world: World) -> None:
    lasting(world, 20, 50)
    to(world, NOW + timedelta(days=25))
    key = world.enrolled.one("julien")["credentials"][0]["id"]
    other = lasting(
        world, 25, 55, "AG-2", reader="julien", credentials=[key], requester="pia", nonce="0a" * 16
    )
    to(world, NOW + LASTS)
    assert world.sit(other, "julien")
    recertify(world, reader="julien")
    with refused(Why.NOT_RECERTIFIED):
        world.sit(next(iter(world.custody.state.grants)))


def emergency_read(world: World) -> str:
    value = {**break_glass(world.enrolled, world.delivered), "requester": "julien"}
    digest = world.core.offer(canonical.encode(value)).digest
    for name in ("henrike", "oskar"):
        world.core.approve(*world.act(Act.BREAK_GLASS, digest, name))
    world.core.telling.told(digest)
    return digest


def test_a_reading_in_an_emergency_is_looked_at_within_the_month_also_when_it_is_over(
    emergency: World,
) -> None:
    world = emergency
    digest = emergency_read(world)
    assert world.core.release(world.sit(digest).token, "weight_storage", 1)
    to(world, NOW + timedelta(days=20))
    after = lasting(world, 20, 50, "AG-2", nonce="0a" * 16)
    assert until(world) == NOW + LASTS
    to(world, NOW + LASTS)
    assert [one.reader for one in recertification.overdue(world.custody.state, world.clock.at)] == ["ada"]
    with refused(Why.NOT_RECERTIFIED):
        world.sit(after)
    recertify(world)
    said = json.loads(world.custody.parts.kept.get(str(world.last().fields["statement"])))
    assert said["grants"] == sorted([digest, after])
    assert world.sit(after)
    assert [one.grant.digest for one in world.custody.state.held_by("ada", world.clock.at)] == [after]


def test_an_emergency_lifts_no_recertification_that_is_late(emergency: World) -> None:
    world = emergency
    lasting(world, 20, 50, "AG-2")
    to(world, NOW + LASTS)
    value = break_glass(world.enrolled, world.delivered) | {"requester": "julien", "nonce": "0b" * 16}
    begin, end = world.clock.at, world.clock.at + timedelta(hours=4)
    value |= {"not_before": timestamp(begin), "not_after": timestamp(end)}
    digest = world.core.offer(canonical.encode(value)).digest
    for name in ("henrike", "oskar"):
        world.core.approve(*world.act(Act.BREAK_GLASS, digest, name))
    world.core.telling.told(digest)
    with refused(Why.NOT_RECERTIFIED):
        world.sit(digest)
    recertify(world)
    assert world.sit(digest)


def test_an_emergency_in_which_nothing_was_read_is_over_when_it_is_over(emergency: World) -> None:
    emergency_read(emergency)
    to(emergency, NOW + timedelta(hours=4))
    assert emergency.custody.state.held_by("ada", emergency.clock.at) == []
    assert recertification.statement(emergency.custody.state, "ada", emergency.clock.at) is None


# By whom


@pytest.mark.parametrize(
    ("by", "change", "words"),
    [
        ("ada", {"roles": ["approver", "reader"]}, "You are the reader"),
        ("julien", {"roles": ["approver", "reader"]}, "You asked for AG-1"),
        ("pia", {"conflicts": [DEVELOPER]}, "declared a conflict of interest with this developer"),
        ("pia", {"employer": DEVELOPER}, "works for this developer"),
    ],
)
def test_who_may_not_recertify_reads_why_and_is_in_the_log(
    world: World, by: str, change: dict[str, Any], words: str
) -> None:
    lasting(world, 20, 50)
    world.change_list(lambda value: world.enrolled.one(by, value).update(change))
    with refused(Why.NOT_ALLOWED, words):
        recertify(world, by)
    line = world.last()
    assert (line.type, line.fields["act"], line.fields["by"]) == ("act.refused", "reader.recertify", by)
    assert world.custody.state.recertified == {}


@pytest.mark.parametrize("by", ["ada", "julien", "tess"])
def test_who_is_no_approver_learns_nothing(world: World, by: str) -> None:
    lasting(world, 20, 50)
    with pytest.raises(NotFound):
        recertify(world, by)
    assert world.last().fields["reason"] == "unknown"
    visit = enter(world, by).token
    with pytest.raises(NotFound):
        asked(world, "page.reader", {"visit": visit, "reader": forms.digest(b"ada")})
    assert asked(world, "page.recertifications", {"visit": visit})["due"] == []


def test_the_reader_s_own_team_may(world: World) -> None:
    """It knows the need; it cannot have given the grant alone."""
    lasting(world, 20, 50)
    world.change_list(lambda value: world.enrolled.one("pia", value).update(team="Systems Security"))
    recertify(world, "pia")
    assert world.last().fields["team"] == "Systems Security"


# Over exactly what was shown


def test_what_changed_since_the_page_was_shown_is_not_confirmed(world: World) -> None:
    first = lasting(world, 0, 30)
    shown = statement(world)
    lasting(world, 0, 30, "AG-2", nonce="0a" * 16)
    with refused(Why.WRONG_STATE, "Open the page again"):
        asked_with(world, shown)
    shown = statement(world)
    world.core.revoke(*world.act(Act.REVOKE, first, "oskar"))
    with refused(Why.WRONG_STATE):
        asked_with(world, shown)
    assert world.custody.state.recertified == {}


def asked_with(world: World, about: str, by: str = "henrike") -> None:
    nonce, answer = world.act(Act.RECERTIFY, about, by)
    asked(world, "recertify", {"nonce": nonce, "answer": answer})


def test_a_statement_of_last_month_is_not_confirmed(world: World) -> None:
    lasting(world, 20, 50)
    to(world, datetime(2027, 10, 31, 23, 59, 59, tzinfo=NOW.tzinfo))
    shown = statement(world)
    to(world, datetime(2027, 11, 1, tzinfo=NOW.tzinfo))
    with refused(Why.WRONG_STATE):
        asked_with(world, shown)
    asked_with(world, statement(world))


def test_an_assertion_is_for_this_act_and_once(world: World) -> None:
    digest = lasting(world, 20, 50)
    nonce, answer = world.act(Act.REVOKE, statement(world), "henrike")
    with refused(Why.WRONG_ACT):
        asked(world, "recertify", {"nonce": nonce, "answer": answer})
    nonce, answer = world.act(Act.RECERTIFY, digest, "henrike")
    with refused(Why.WRONG_ACT):
        world.core.revoke(nonce, answer)
    nonce, answer = world.act(Act.RECERTIFY, statement(world), "henrike")
    asked(world, "recertify", {"nonce": nonce, "answer": answer})
    with pytest.raises(NotConfirmed) as again:
        asked(world, "recertify", {"nonce": nonce, "answer": answer})
    assert again.value.reason is Reason.USED
    assert len(world.lines("reader.recertified")) == 1


def test_a_recertification_whose_line_is_not_written_has_no_effect(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lasting(world, 20, 50)
    to(world, NOW + LASTS)
    world.log.close()
    with refused(Why.NOT_LOGGED):
        recertify(world)
    assert world.custody.state.recertified == {}


GRANT, OTHER = "ab" * 32, "cd" * 32
GOOD = {"v": recertification.FORMAT, "reader": "ada", "month": "2027-10", "grants": [GRANT, OTHER]}


@pytest.mark.parametrize(
    "change",
    [
        {"v": "assay.recertification/v2"},
        {"more": "x"},
        {"reader": "a b"},
        {"month": "2027-13"},
        {"month": "2027-1"},
        {"grants": []},
        {"grants": [OTHER, GRANT]},
        {"grants": [GRANT, GRANT]},
        {"grants": ["ab"]},
        {"grants": [1]},
        {"grants": GRANT},
    ],
)
def test_a_statement_of_another_form_is_refused(change: dict[str, Any]) -> None:
    assert recertification.parse(canonical.encode(GOOD)).grants == (GRANT, OTHER)
    with pytest.raises(Malformed):
        recertification.parse(canonical.encode({**GOOD, **change}))

"""Reading: each thing that stops a page, with the reason in its line, and the line before the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from secure_access.custodian.acts import Act, NotConfirmed, Reason
from secure_access.custodian.custody import STRANGERS, NotSetUp, Refused, Why
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import NOW, text64
from tests.secure_access.custodian.conftest import World

SECTION = "weight_storage"
Change = Callable[[World, str], object]


def test_a_page_leaves_after_its_line(world: World) -> None:
    digest = world.granted()
    sitting = world.sit(digest)
    assert sitting.until == NOW + timedelta(minutes=15)
    assert world.core.release(sitting.token, SECTION, 3) == b"Weight storage 3 no. 1"
    line = world.last()
    assert (line.type, line.plan) == ("page.released", world.plan)
    assert line.fields == {
        "release": 1,
        "grant": digest,
        "reference": "AG-2027-014",
        "section": SECTION,
        "page": 3,
        "reader": "ada",
        "role": "reader",
        "employer": "authority",
        "team": "Systems Security",
    }
    [(section, page, release)] = world.outside.rendered
    assert (section, page, release.number, release.reader.name) == (SECTION, 3, 1, "Ada Brenner")
    assert release.employer == "Frontier AI Authority"
    world.core.release(sitting.token, SECTION, 3)
    assert world.last().fields["release"] == 2


def test_no_page_leaves_without_its_line(world: World) -> None:
    sitting = world.sit(world.granted())
    world.log.close()
    with pytest.raises(Refused) as refused:
        world.core.release(sitting.token, SECTION, 1)
    assert refused.value.why is Why.NOT_LOGGED
    assert world.outside.rendered != []


def revoke(world: World, digest: str) -> None:
    world.core.revoke(*world.act(Act.REVOKE, digest, "henrike"))


def by_the_developer(world: World, digest: str) -> None:
    world.core.revoke(*world.act(Act.REVOKE, digest, "tess"))


def pause(world: World, _digest: str) -> None:
    world.core.pause(*world.act(Act.PAUSE, world.plan, "tess"))


def destroy(world: World, _digest: str) -> None:
    for name in ("henrike", "oskar"):
        world.core.destroy(*world.act(Act.DESTROY, world.plan, name))


def listed(**changes: Any) -> Change:
    def change(world: World, _digest: str) -> None:
        world.change_list(lambda value: world.enrolled.one("ada", value).update(changes))

    return change


def gone(world: World, _digest: str) -> None:
    world.change_list(
        lambda value: value.update(people=[one for one in value["people"] if one["person"] != "ada"])
    )


def silent(world: World, _digest: str) -> None:
    world.clock.at += timedelta(seconds=31)


def back(world: World, _digest: str) -> None:
    world.clock.at -= timedelta(microseconds=1)


STOPS: dict[str, tuple[Change, Why]] = {
    "revoked by an approver": (revoke, Why.REVOKED),
    "revoked by the developer": (by_the_developer, Why.REVOKED),
    "ended by the portal": (lambda world, digest: world.core.end(digest), Why.ENDED),
    "paused": (pause, Why.PAUSED),
    "destroyed": (destroy, Why.DESTROYED),
    "the portal is silent": (silent, Why.SILENCE),
    "no fresh witness": (lambda world, _: setattr(world.outside, "stale", "no witness"), Why.NO_WITNESS),
    "the clock was set back": (back, Why.CLOCK_BACK),
    "the sitting is over": (lambda world, _: world.later(minutes=15), Why.SITTING_OVER),
    "the dates are over": (lambda world, _: world.later(days=14), Why.SITTING_OVER),
    "the reader left the list": (gone, Why.NOT_ENROLLED),
    "the reader lost the role": (listed(roles=["approver"]), Why.NOT_ENROLLED),
    "the reader's dates ended": (listed(not_after=timestamp(NOW)), Why.NOT_ENROLLED),
    "the passkey left the list": (listed(credentials=[]), Why.OTHER_PASSKEY),
    "a conflict was declared": (listed(conflicts=["tessaly"]), Why.CONFLICT),
    "the reader changed sides": (listed(employer="tessaly"), Why.CONFLICT),
}


@pytest.mark.parametrize(("stop", "why"), STOPS.values(), ids=STOPS)
def test_what_stops_a_page_in_an_open_sitting(world: World, stop: Change, why: Why) -> None:
    digest = world.granted()
    sitting = world.sit(digest)
    world.core.release(sitting.token, SECTION, 1)
    stop(world, digest)
    with pytest.raises(Refused) as refused:
        world.core.release(sitting.token, SECTION, 2)
    assert refused.value.why is why
    assert str(refused.value)
    line = world.last()
    assert (line.type, line.fields["reason"], line.fields["page"]) == ("page.refused", why.value, 2)
    assert line.plan == world.plan
    assert len(world.outside.rendered) == 1


@pytest.mark.parametrize(("stop", "why"), STOPS.values(), ids=STOPS)
def test_what_happens_while_a_page_is_made_stops_it_too(world: World, stop: Change, why: Why) -> None:
    digest = world.granted()
    sitting = world.sit(digest)
    world.outside.meanwhile = lambda: stop(world, digest)
    with pytest.raises(Refused) as refused:
        world.core.release(sitting.token, SECTION, 2)
    assert refused.value.why is why
    assert world.lines("page.released") == []
    assert world.last().fields["reason"] == why.value


def test_a_page_goes_on_when_the_reason_is_gone(world: World) -> None:
    sitting = world.sit(world.granted())
    for stop, go in (
        (lambda: pause(world, ""), lambda: world.core.resume(*world.act(Act.RESUME, world.plan, "tess"))),
        (lambda: silent(world, ""), world.core.heard),
        (lambda: back(world, ""), lambda: world.later(microseconds=1)),
    ):
        stop()
        with pytest.raises(Refused):
            world.core.release(sitting.token, SECTION, 1)
        go()
        world.core.release(sitting.token, SECTION, 1)


def test_what_is_not_in_the_grant_answers_like_what_does_not_exist(world: World) -> None:
    sitting = world.sit(world.granted())
    for section, page in (("key_ceremony", 1), ("nothing", 1), (SECTION, 0), (SECTION, -1), (SECTION, 10)):
        with pytest.raises(NotFound):
            world.core.release(sitting.token, section, page)
        assert world.last().fields["reason"] == "unknown"
    assert [line.fields["section"] for line in world.lines("page.refused")][:3] == ["", "", SECTION]


def test_no_more_pages_than_granted_and_none_faster(world: World) -> None:
    changes = [*EXPLAINED, {"term": "pages", "why": "Fewer."}]
    digest = world.granted(pages=3, pages_per_hour=2, changes=changes)
    sitting = world.sit(digest)
    for page in (1, 2):
        world.core.release(sitting.token, SECTION, page)
        world.later(minutes=1)
    with pytest.raises(Refused, match="in the last hour") as refused:
        world.core.release(sitting.token, SECTION, 3)
    assert refused.value.why is Why.TOO_FAST
    world.later(minutes=58)
    sitting = world.sit(digest)
    world.core.release(sitting.token, SECTION, 3)
    world.later(hours=2)
    world.restart()
    world.core.heard()
    sitting = world.sit(digest)
    with pytest.raises(Refused, match="All 3 pages") as refused:
        world.core.release(sitting.token, SECTION, 4)
    assert refused.value.why is Why.NO_PAGES_LEFT


EXPLAINED = [{"term": "readers", "why": "x"}, {"term": "sections", "why": "x"}]


def test_a_page_that_cannot_be_rendered_is_not_released(world: World) -> None:
    sitting = world.sit(world.granted())
    world.outside.problem = ValueError("a broken file")
    with pytest.raises(Refused, match="cannot be shown") as refused:
        world.core.release(sitting.token, SECTION, 1)
    assert refused.value.why is Why.NOT_RENDERED
    assert "broken file" not in str(refused.value)
    world.outside.problem = None
    world.core.release(sitting.token, SECTION, 1)
    assert world.last().fields["release"] == 1


def test_a_sitting_is_one_reader_s_and_ends(world: World) -> None:
    digest = world.granted(sitting_minutes=5)
    first = world.sit(digest)
    assert first.until == NOW + timedelta(minutes=5)
    second = world.sit(digest)
    with pytest.raises(NotFound):
        world.core.release(first.token, SECTION, 1)
    assert first.token not in repr(first)
    world.core.close_sitting(second.token)
    world.core.close_sitting("nothing")
    with pytest.raises(NotFound):
        world.core.release(second.token, SECTION, 1)
    third = world.sit(digest)
    world.restart()
    world.core.heard()
    with pytest.raises(NotFound):
        world.core.release(third.token, SECTION, 1)


def test_a_sitting_does_not_outlast_the_grant(world: World) -> None:
    digest = world.granted()
    world.later(days=13, hours=23, minutes=50)
    assert world.sit(digest).until == NOW + timedelta(days=14)


def opening(world: World, digest: str, by: str = "ada", **told: Any) -> Callable[[], object]:
    return lambda: world.core.open_sitting(*world.act(Act.OPEN, digest, by, **told))


def test_who_may_not_open_a_sitting(world: World) -> None:
    digest = world.granted()
    for name in ("julien", "henrike", "tess"):
        with pytest.raises(NotFound):
            opening(world, digest, name)()
    with pytest.raises(NotFound):
        opening(world, "0" * 64)()
    with pytest.raises(NotConfirmed) as refused:
        opening(world, digest, verified=False)()
    assert refused.value.reason is Reason.NOT_VERIFIED
    assert world.last().fields == {
        "act": "reading.open",
        "object": digest,
        "by": "ada",
        "reason": "not_verified",
    }
    assert world.lines("sitting.opened") == []


def test_what_stands_against_a_sitting(world: World) -> None:
    waiting = world.offer()
    with pytest.raises(Refused, match="waits for its approvals"):
        opening(world, waiting)()
    world.core.refuse(*world.act(Act.REFUSE, waiting, "henrike"))
    with pytest.raises(Refused, match="was refused"):
        opening(world, waiting)()
    begun = timestamp(NOW + timedelta(days=1))
    later = world.granted(
        reference="AG-2027-015",
        not_before=begun,
        changes=[*EXPLAINED, {"term": "dates", "why": "x"}],
    )
    with pytest.raises(Refused, match="has not begun") as refused:
        opening(world, later)()
    assert refused.value.why is Why.NOT_BEGUN
    world.later(days=14)
    with pytest.raises(Refused, match="has ended"):
        opening(world, later)()
    world.outside.stale = "no witness"
    with pytest.raises(Refused, match="serves nothing"):
        opening(world, later)()


def test_a_passkey_that_the_grant_does_not_name_opens_nothing(world: World) -> None:
    digest = world.granted()
    other = world.enrolled.keys["ada"].__class__()

    def second(value: dict[str, Any]) -> None:
        world.enrolled.one("ada", value)["credentials"].append(
            {"id": text64(other.key_id), "public_key": text64(other._public()), "device": "second"}
        )

    world.change_list(second)
    world.enrolled.keys["ada"] = other
    with pytest.raises(Refused) as refused:
        opening(world, digest)()
    assert refused.value.why is Why.OTHER_PASSKEY


def test_strangers_are_recorded_and_cannot_fill_the_log(world: World) -> None:
    before = world.log.size
    for _ in range(STRANGERS + 5):
        with pytest.raises(NotFound):
            world.core.release("nothing", SECTION, 1)
    assert world.log.size == before + STRANGERS
    assert world.last().fields == {"reason": "unknown"}
    world.later(hours=1)
    with pytest.raises(NotFound):
        world.core.release("nothing", SECTION, 1)
    assert world.last().fields == {"reason": "unknown", "more": 5}


def with_text(value: dict[str, Any]) -> None:
    next(one for one in value["people"] if one["person"] == "ada")["text"] = True


def test_words_of_a_page_are_for_who_is_enrolled_for_them(world: World) -> None:
    sitting = world.sit(world.granted())
    with pytest.raises(Refused, match="as pictures alone") as refused:
        world.core.release_text(sitting.token, SECTION, 1)
    assert refused.value.why is Why.NO_TEXT
    assert (world.last().type, world.last().fields["reason"]) == ("page.refused", "no_text")
    world.change_list(with_text)
    sitting = world.sit(world.granted(reference="AG-2"))
    assert world.core.release_text(sitting.token, SECTION, 3) == "words of page 3"
    line = world.last()
    assert (line.type, line.fields["release"], line.fields["page"]) == ("page.text_released", 1, 3)
    world.core.release(sitting.token, SECTION, 3)
    assert world.last().fields["release"] == 2


def test_words_count_as_pages(world: World) -> None:
    world.change_list(with_text)
    changes = [*EXPLAINED, {"term": "pages", "why": "Fewer."}]
    sitting = world.sit(world.granted(pages=1, pages_per_hour=2, changes=changes))
    world.core.release_text(sitting.token, SECTION, 1)
    with pytest.raises(Refused, match="All 1 pages"):
        world.core.release(sitting.token, SECTION, 1)


def test_what_makes_pages_is_asked_before_others_have_to_wait(world: World) -> None:
    sitting = world.sit(world.granted())
    world.core.release(sitting.token, SECTION, 2)
    assert world.outside.prepared == [(SECTION, 2, sitting.token)]
    world.outside.problem = NotSetUp("no sandbox")
    with pytest.raises(Refused, match="ask its operator") as refused:
        world.core.release(sitting.token, SECTION, 2)
    assert refused.value.why is Why.NOT_SET_UP


def test_a_reader_who_leaves_while_a_page_is_made_gets_none(world: World) -> None:
    sitting = world.sit(world.granted())

    def leave() -> None:
        world.core.close_sitting(sitting.token)
        raise ValueError("closed under it")

    world.outside.meanwhile = leave
    with pytest.raises(Refused):
        world.core.release(sitting.token, SECTION, 1)
    assert world.lines("page.released") == []
    assert world.last().fields == {"reason": "not_rendered"}


def test_what_is_open_is_wiped_when_nothing_may_be_read(world: World) -> None:
    first = world.sit(world.granted())
    world.core.tidy()
    assert world.outside.kept == {first.token}
    pause(world, "")
    world.core.tidy()
    assert world.outside.kept == set()
    world.core.resume(*world.act(Act.RESUME, world.plan, "tess"))
    world.core.tidy()
    assert world.outside.kept == {first.token}
    world.later(minutes=15)
    world.core.tidy()
    assert world.outside.kept == set()
    with pytest.raises(Refused, match="This sitting is over"):
        world.core.release(first.token, SECTION, 1)
    world.later(hours=1)
    world.core.tidy()
    with pytest.raises(NotFound):
        world.core.release(first.token, SECTION, 1)

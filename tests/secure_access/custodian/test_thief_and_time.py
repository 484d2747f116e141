"""A thief at the custodian who has time: its clock, an older state of it, silence around it, two tabs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from secure_access.custodian.acts import Act, NotConfirmed
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.freshness import Freshness
from secure_access.custodian.state import Standing
from secure_access.ledger.signer import KeptSigner, Seen
from secure_access.workflow import NotFound
from tests.fixtures.enrolled import NOW
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_core_attacked import refused
from tests.secure_access.custodian.test_freshness import KEYS, Place
from tests.secure_access.custodian.test_recertification import lasting

SECTION = "weight_storage"
WEEK = timedelta(days=7)


class Watched:
    """A core with a real witness elsewhere, whose clock the thief does not have."""

    def __init__(self, home: Path) -> None:
        self.place = Place(home / "witness")
        (home / "custodian").mkdir()
        self.world = World(home / "custodian")
        self.watch()
        self.world.enrol()
        self.world.deliver()
        self.sign()

    def watch(self) -> None:
        signer = KeptSigner(KEYS, self.world.home / "signer", lambda _note: Seen(0))
        self.fresh = Freshness(self.world.log, signer, self.place.policy, post=self.place.post)
        self.world.custody.parts = replace(self.world.custody.parts, fresh=self.fresh)

    def sign(self) -> dict[str, str]:
        """The witness is asked; its time is the true one."""
        self.world.core.heard()
        return self.fresh.ask(self.world.clock.at)

    def restart(self) -> None:
        self.world.log.close()
        self.begin()

    def begin(self) -> None:
        self.world.begin()
        self.watch()

    def to(self, span: timedelta) -> None:
        """Time goes on for everybody."""
        self.world.clock.at += span
        self.place.at = self.world.clock.at
        self.sign()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def no_sitting(world: World, digest: str, why: Why) -> str:
    """No sitting is opened; the reader reads why, and the last line says so."""
    with refused(why) as told:
        world.sit(digest)
    line = world.last()
    assert (line.type, line.plan, line.fields["by"]) == ("act.refused", world.plan, "ada")
    assert line.fields["reason"] == why.value
    return str(told.value)


def no_page(world: World, token: str, why: Why) -> str:
    """The same of a page."""
    with refused(why) as told:
        world.core.release(token, SECTION, 1)
    line = world.last()
    assert (line.type, line.plan, line.fields["reader"]) == ("page.refused", world.plan, "ada")
    assert line.fields["reason"] == why.value
    return str(told.value)


# Clock set back


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(days=1), timedelta(days=20)])
def test_the_clock_is_set_back_to_read_after_the_end(world: World, back: timedelta, restarted: bool) -> None:
    digest = world.granted()
    world.later(days=14)
    assert no_sitting(world, digest, Why.ENDED) == "This access grant has ended."
    world.clock.at -= back
    if restarted:
        world.restart()
    with refused(Why.CLOCK_BACK, "was set back"):
        world.core.heard()
    with refused(Why.CLOCK_BACK, "was set back"):
        world.sit(digest)
    [line] = world.lines("clock.set_back")
    assert (line.at, line.fields) == (NOW + timedelta(days=14), {"seconds": int(back.total_seconds())})
    assert world.lines("page.released") == []
    world.clock.at = NOW + timedelta(days=14, seconds=1)
    world.core.heard()
    no_sitting(world, digest, Why.ENDED)


def test_the_clock_is_set_back_in_a_sitting_to_lengthen_it(world: World) -> None:
    sitting = world.sit(world.granted())
    world.later(minutes=14, seconds=59)
    world.core.release(sitting.token, SECTION, 1)
    world.clock.at -= timedelta(minutes=14)
    assert "was set back" in no_page(world, sitting.token, Why.CLOCK_BACK)
    assert world.last().at == NOW + timedelta(minutes=14, seconds=59), "told at the time of the last line"
    world.clock.at = NOW + timedelta(minutes=15)
    world.core.heard()
    no_page(world, sitting.token, Why.SITTING_OVER)


def test_the_clock_is_set_forward_to_read_before_the_beginning(watched: Watched) -> None:
    """The witness's time is the true one: the core does not find it fresh, and its next line binds it."""
    world = watched.world
    begun = NOW + timedelta(days=1)
    digest = world.granted(
        not_before=begun.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        changes=[{"term": term, "why": "x"} for term in ("readers", "sections", "dates")],
    )
    no_sitting(world, digest, Why.NOT_BEGUN)
    world.clock.at = begun
    watched.sign()
    assert "no witness" in no_sitting(world, digest, Why.NO_WITNESS)
    world.clock.at = NOW + timedelta(minutes=1)
    with refused(Why.CLOCK_BACK):
        world.sit(digest)


def test_the_clock_is_set_back_to_keep_a_reader_recertified(world: World) -> None:
    digest = lasting(world, 20, 50)
    world.later(days=30)
    token = world.sit(digest).token
    world.later(days=1)
    no_sitting(world, digest, Why.NOT_RECERTIFIED)
    world.clock.at -= timedelta(days=1)
    no_page(world, token, Why.CLOCK_BACK)


# Custodian restored from last week


@pytest.mark.parametrize("then", ["revoked", "ended", "read to the last page"])
def test_the_custodian_is_restored_from_last_week(watched: Watched, tmp_path: Path, then: str) -> None:
    """A grant that was revoked or used up since stands again in the older state. The witness knows better."""
    world = watched.world
    digest = world.granted(
        pages=1, changes=[{"term": term, "why": "x"} for term in ("readers", "sections", "pages")]
    )
    watched.sign()
    world.log.close()
    shutil.copytree(world.home, tmp_path / "last-week")
    watched.begin()
    watched.to(WEEK)
    if then == "revoked":
        world.core.revoke(*world.act(Act.REVOKE, digest, "tess"))
    elif then == "ended":
        world.core.end(digest)
    else:
        world.core.release(world.sit(digest).token, SECTION, 1)
    assert watched.sign() == {}

    world.log.close()
    shutil.rmtree(world.home)
    shutil.copytree(tmp_path / "last-week", world.home)
    watched.begin()
    assert world.custody.state.grants[digest].standing is Standing.APPROVED
    for _ in range(2):
        [told] = watched.sign().values()
        assert "has seen" in told or "another tree" in told, "for the operator"
        assert "does not know this log" in no_sitting(world, digest, Why.NO_WITNESS)
        watched.restart()
        world.core.heard()
    assert len(world.lines("page.released")) == 0


# Ledger unreachable


def test_the_witness_is_unreachable(watched: Watched) -> None:
    """To the second: ten minutes after the last cosignature nothing leaves; it goes on when it answers."""
    world = watched.world
    sitting = world.sit(world.granted())
    watched.sign()
    watched.place.reached = False
    world.later(minutes=10)
    assert world.core.release(sitting.token, SECTION, 1)
    world.later(seconds=1)
    watched.sign()
    assert "no witness has signed" in no_page(world, sitting.token, Why.NO_WITNESS)
    watched.place.reached, watched.place.at = True, world.clock.at
    assert watched.sign() == {}
    assert world.core.release(sitting.token, SECTION, 1)


def test_the_portal_that_ingests_is_unreachable(world: World) -> None:
    sitting = world.sit(world.granted())
    world.clock.at += timedelta(seconds=30)
    assert world.core.release(sitting.token, SECTION, 1)
    world.clock.at += timedelta(seconds=1)
    assert no_page(world, sitting.token, Why.SILENCE).startswith("The portal is silent.")
    assert no_sitting(world, sitting.grant, Why.SILENCE)
    world.core.heard()
    assert world.core.release(sitting.token, SECTION, 1)


def test_the_log_takes_no_line_and_so_no_page_leaves_and_no_act_counts(world: World) -> None:
    digest, waiting = world.granted(), world.offer(reference="AG-2", nonce="0a" * 16)
    sitting = world.sit(digest)
    world.log.close()
    for tried in (
        lambda: world.core.release(sitting.token, SECTION, 1),
        lambda: world.sit(digest),
        lambda: world.core.approve(*world.act(Act.APPROVE, waiting, "henrike")),
        lambda: world.core.revoke(*world.act(Act.REVOKE, digest, "tess")),
    ):
        with refused(Why.NOT_LOGGED, "does not take a line"):
            tried()
    assert world.custody.state.grants[waiting].approvals == []
    world.begin()
    assert world.lines("page.released") == []


# Two tabs


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each of these gives or raises, begun at the same time."""
    found: list[object] = [None] * len(acts)
    gate = threading.Barrier(len(acts))

    def run(number: int, act: Callable[[], object]) -> None:
        gate.wait()
        try:
            found[number] = act()
        except (Refused, NotConfirmed, NotFound) as problem:
            found[number] = problem

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return found


def test_two_tabs_read_the_last_page_of_a_grant(world: World) -> None:
    explained = [{"term": term, "why": "x"} for term in ("readers", "sections", "pages")]
    sitting = world.sit(world.granted(pages=3, changes=explained))
    found = at_once(*[lambda: world.core.release(sitting.token, SECTION, 1)] * 8)
    assert len([one for one in found if isinstance(one, bytes)]) == 3
    why = {one.why for one in found if isinstance(one, Refused)}
    assert why == {Why.NO_PAGES_LEFT}
    assert [line.fields["release"] for line in world.lines("page.released")] == [1, 2, 3]
    assert len(world.lines("page.refused")) == 5


def test_two_tabs_open_two_sittings_and_one_reads(world: World) -> None:
    """The second sitting ends the first, so that a passkey that was lent is noticed."""
    digest = world.granted()
    one, two = (world.act(Act.OPEN, digest, "ada") for _ in range(2))
    opened = [one, two]
    tokens = [getattr(made, "token", "") for made in at_once(*[_opening(world, one) for one in opened])]
    read = at_once(*[_reading(world, token) for token in tokens])
    assert len([one for one in read if isinstance(one, bytes)]) == 1
    assert len([one for one in read if isinstance(one, NotFound)]) == 1
    assert world.lines("page.refused")[-1].fields["reason"] == "unknown"
    assert len(world.lines("sitting.opened")) == 2


def _opening(world: World, told: tuple[str, str]) -> Callable[[], object]:
    return lambda: world.core.open_sitting(*told)


def _reading(world: World, token: str) -> Callable[[], object]:
    return lambda: world.core.release(token, SECTION, 1)


def _approving(world: World, told: tuple[str, str]) -> Callable[[], object]:
    return lambda: world.core.approve(*told)


def test_two_tabs_of_one_approver_are_one_approval(world: World) -> None:
    digest = world.offer()
    told = [world.act(Act.APPROVE, digest, "henrike") for _ in range(2)]
    found = at_once(*[_approving(world, one) for one in [*told, told[0]]])
    assert found.count(Standing.WAITING) == 1
    assert len(world.lines("grant.approved")) == 1
    no_sitting(world, digest, Why.NOT_APPROVED)
    assert sum(isinstance(one, Refused | NotConfirmed) for one in found) == 2
    assert len(world.lines("act.refused")) == 3

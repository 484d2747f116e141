"""Witnesses over the custodian's log: fresh, stale, silent, another history, and a log from last week."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from secure_access.custodian.custody_log import CustodyLog
from secure_access.custodian.freshness import NOT_DETECTED, Freshness
from secure_access.ledger.signer import KeptSigner, Seen
from secure_access.ledger.witness import Witness
from secure_access.ledger.witnesses import NONE, Behind, Forked, NoAnswer, Witnesses
from tests.fixtures.enrolled import NOW
from tests.fixtures.ledger import signing_keys

NAME = "authority.example/ledger/custodian"
KEYS = signing_keys(NAME)


class Place:
    """A core's disk with one witness elsewhere, whose clock is its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.at = NOW
        self.reached = True
        self.witness = Witness(
            home / "seen.db",
            signing_keys("witness.example/w1", 40)[:1],
            KeptSigner(KEYS, home / "unused").keys,
            self._time,
        )
        [key] = self.witness.keys
        self.policy = Witnesses.parse(f"witness w1 {key} https://witness.example\nquorum w1\n")
        self.begin()

    def _time(self) -> float:
        return self.at.timestamp()

    def begin(self, asked: Callable[[str], Seen | None] = lambda _note: Seen(0)) -> None:
        self.log = CustodyLog(self.home / "core" / "log")
        signer = KeptSigner(KEYS, self.home / "core" / "signer", asked)
        self.fresh = Freshness(self.log, signer, self.policy, post=self.post)

    def post(self, url: str, body: str) -> str:
        assert url == "https://witness.example"
        if not self.reached:
            raise NoAnswer("it does not answer")
        answer = self.witness.add_checkpoint(body.encode())
        if answer.status == 409 and answer.type == "text/x.tlog.size":
            raise Behind(int(answer.body))
        if answer.status == 409:
            raise Forked("another tree")
        if answer.status != 200:
            raise NoAnswer(f"it answers {answer.status}: {answer.body}")
        return answer.body

    def append(self, lines: int = 1) -> None:
        for _ in range(lines):
            self.log.append("page.released", "", {}, NOW)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_nothing_is_served_before_a_witness_has_signed_and_then_for_ten_minutes(place: Place) -> None:
    place.append(3)
    assert "no witness has signed" in place.fresh.refusal(NOW)
    assert place.fresh.ask(NOW) == {}
    assert place.fresh.words(NOW) == "fresh, 0 seconds ago"
    assert place.fresh.words(NOW + timedelta(seconds=40)) == "fresh, 40 seconds ago"
    assert place.fresh.refusal(NOW + timedelta(minutes=10)) == ""
    assert "last 10 minutes" in place.fresh.refusal(NOW + timedelta(minutes=10, seconds=1))


def test_a_witness_signs_the_same_head_again_and_longer_ones(place: Place) -> None:
    for lines, later in ((3, 0), (0, 9), (4, 18), (1, 27)):
        place.append(lines)
        place.at = NOW + timedelta(minutes=later)
        assert place.fresh.ask(place.at) == {}
        assert place.fresh.refusal(place.at) == ""
    seen = place.witness.seen(NAME)
    assert seen is not None
    assert seen.size == 8


def test_a_witness_that_does_not_answer_makes_it_stale(place: Place) -> None:
    place.append()
    place.fresh.ask(NOW)
    place.reached = False
    assert place.fresh.ask(NOW) == {"https://witness.example": "it does not answer"}
    assert place.fresh.refusal(NOW + timedelta(minutes=9)) == ""
    assert place.fresh.refusal(NOW + timedelta(minutes=11))


@pytest.mark.parametrize(("ahead", "stale"), [(1, False), (2, True), (-11, True)])
def test_a_cosignature_of_another_time_is_not_fresh(place: Place, ahead: int, stale: bool) -> None:
    """An old answer that is played again has its old time; a time far ahead would last for ever."""
    place.append()
    place.at = NOW + timedelta(minutes=ahead)
    assert place.fresh.ask(NOW) == {}
    assert bool(place.fresh.refusal(NOW)) is stale


def restore(place: Place, then: Callable[[], None]) -> None:
    """The core's disk as it was before ``then``."""
    place.log.close()
    shutil.copytree(place.home / "core", place.home / "copy")
    place.begin()
    then()
    place.log.close()
    shutil.rmtree(place.home / "core")
    shutil.move(place.home / "copy", place.home / "core")


def test_a_log_from_last_week_is_frozen(place: Place) -> None:
    place.append(3)
    place.fresh.ask(NOW)

    def a_week() -> None:
        place.append(4)
        assert place.fresh.ask(NOW) == {}

    restore(place, a_week)
    place.begin()
    assert "has seen 7 lines, and here are 3" in str(place.fresh.ask(NOW))
    assert "does not know this log" in place.fresh.refusal(NOW)
    place.append(9)
    place.fresh.ask(NOW)
    assert place.fresh.refusal(NOW)


def test_a_log_from_last_week_that_goes_on_by_itself_is_another_history(place: Place) -> None:
    place.append(3)
    place.fresh.ask(NOW)

    def a_week() -> None:
        place.append(2)
        assert place.fresh.ask(NOW) == {}

    restore(place, a_week)
    place.begin()
    place.append(2)
    assert "another tree" in str(place.fresh.ask(NOW))
    assert place.fresh.refusal(NOW)


def test_the_signer_asks_the_witness_at_its_start(place: Place) -> None:
    place.append(3)
    place.log.close()
    place.begin(lambda _note: Seen(7, "https://witness.example"))
    assert "seen" in place.fresh.ask(NOW)["signer"]
    assert "7 entries" in place.fresh.refusal(NOW)


def test_a_log_that_is_not_the_one_that_was_signed_is_frozen(place: Place) -> None:
    place.append(3)
    place.fresh.ask(NOW)
    place.log.close()
    (place.home / "core" / "log" / "custody.log").unlink()
    place.begin()
    place.append(2)
    assert "older than the last signature" in place.fresh.ask(NOW)["signer"]
    assert place.fresh.refusal(NOW)


def answered(place: Place, post: Callable[[str, str], str]) -> dict[str, str]:
    place.fresh.post = post
    return place.fresh.ask(NOW)


def test_answers_that_are_none(place: Place) -> None:
    place.append(3)
    assert "no cosignature" in str(answered(place, lambda _url, _body: "hello"))
    assert "no cosignature" in str(answered(place, lambda _url, _body: ""))

    def behind(size: int, _url: str, _body: str) -> str:
        raise Behind(size)

    assert "another number" in str(answered(place, partial(behind, 1)))
    assert place.fresh.refusal(NOW)


def test_without_a_witness_it_says_so(place: Place) -> None:
    place.append()
    fresh = Freshness(place.log, place.fresh.signer, NONE)
    assert fresh.ask(NOW) == {}
    assert fresh.refusal(NOW) == ""
    assert fresh.words(NOW) == NOT_DETECTED


def test_a_quorum_of_two_needs_both(place: Place, tmp_path: Path) -> None:
    other = Witness(tmp_path / "other.db", signing_keys("other.example/w2", 60)[:1], [], NOW.timestamp)
    [one], [two] = place.witness.keys, other.keys
    text = (
        f"witness w1 {one} https://witness.example\nwitness w2 {two} https://other.example\n"
        "group both all w1 w2\nquorum both\n"
    )

    def post(url: str, body: str) -> str:
        if "other" in url:
            raise NoAnswer("it does not answer")
        return place.post(url, body)

    place.append()
    fresh = Freshness(place.log, place.fresh.signer, Witnesses.parse(text), post=post)
    assert set(fresh.ask(NOW)) == {"https://other.example"}
    assert fresh.refusal(NOW)


def test_a_witness_that_was_away_at_the_start_is_waited_for(place: Place) -> None:
    place.append(2)
    place.log.close()
    answers = iter([None, Seen(0, "https://witness.example")])
    place.begin(lambda _note: next(answers))
    assert "none answers" in place.fresh.ask(NOW)["signer"]
    assert "none answers" in place.fresh.refusal(NOW)
    assert place.fresh.ask(NOW) == {}
    assert place.fresh.refusal(NOW) == ""

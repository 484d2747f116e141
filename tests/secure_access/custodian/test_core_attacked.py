"""What somebody would try against the core who has a passkey, an old approval, or the portal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from webauthn.helpers import encode_cbor, parse_cbor

from secure_access.custodian.acts import Act, NotConfirmed, Reason
from secure_access.custodian.custody import REFUSALS, Refused, Why
from secure_access.custodian.forms import Malformed
from secure_access.custodian.state import Standing
from secure_access.custodian.visits import Visit
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.enrolled import DEVELOPER, NOW, Enrolled, text64
from tests.secure_access.custodian.conftest import World


def refused(why: Why, match: str = "") -> Any:
    return pytest.raises(Refused, match=match or None, check=lambda error: error.why is why)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"roles": ["reader"]}, "may not approve this any more"),
        ({"conflicts": [DEVELOPER]}, "may not approve this any more"),
        ({"employer": DEVELOPER}, "may not approve this any more"),
        ({"team": "Systems Assurance"}, "team Systems Assurance too"),
    ],
)
def test_who_could_not_approve_today_does_not_count(world: World, change: Any, words: str) -> None:
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(change))
    given = world.custody.state.grants[digest]
    oskar = world.custody.enrolment.person("oskar", NOW)
    assert oskar is not None
    assert words in world.core.visits.obstacle(Visit("", oskar, NOW), given)
    with refused(Why.NOT_ALLOWED, words):
        world.core.approve(*world.act(Act.APPROVE, digest, "oskar"))
    assert given.standing is Standing.WAITING


@pytest.mark.parametrize(
    "change", [{"roles": ["reader"]}, {"conflicts": [DEVELOPER]}, {"not_after": timestamp(NOW)}]
)
def test_who_could_not_destroy_today_does_not_count(world: World, change: Any) -> None:
    world.core.destroy(*world.act(Act.DESTROY, world.plan, "henrike"))
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(change))
    assert world.core.destroy(*world.act(Act.DESTROY, world.plan, "oskar")) == b""
    assert not world.custody.state.plans[world.plan].destroying
    assert world.core.destroy(*world.act(Act.DESTROY, world.plan, "pia"))


def test_who_moved_to_the_second_one_s_team_does_not_destroy_with_them(world: World) -> None:
    world.core.destroy(*world.act(Act.DESTROY, world.plan, "henrike"))
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(team="Systems Assurance"))
    for name in ("oskar", "pia"):
        with refused(Why.NOT_ALLOWED, "another team"):
            world.core.destroy(*world.act(Act.DESTROY, world.plan, name))


def test_an_approval_of_destruction_ages(world: World) -> None:
    """A second approver would otherwise complete what the first meant a year ago."""
    for again, days in enumerate((7, 6)):
        assert world.core.destroy(*world.act(Act.DESTROY, world.plan, "henrike")) == b""
        world.later(days=days)
        world.restart()
        destroyed = world.core.destroy(*world.act(Act.DESTROY, world.plan, "oskar"))
        assert bool(destroyed) is bool(again)
        world.later(days=7)


def test_the_visit_of_a_passkey_that_the_list_names_no_more_is_closed(world: World) -> None:
    asked = world.core.visits.ask()
    visit = world.core.visits.enter(asked.nonce, world.enrolled.answer("henrike", asked.challenge))
    other = SoftKey()
    named = {"id": text64(other.key_id), "public_key": text64(other._public()), "device": "the next one"}
    world.change_list(lambda value: world.enrolled.one("henrike", value).update(credentials=[named]))
    with refused(Why.NOT_ENTERED):
        world.core.visits.of(visit.token)


@pytest.mark.parametrize("writing", ["u2f", "another order", "a number of more bytes"])
def test_one_passkey_is_not_two_people_however_its_key_is_written(writing: str) -> None:
    enrolled = Enrolled()
    mine = enrolled.keys["henrike"]._public()
    told = parse_cbor(mine)
    again = {
        "u2f": b"\x04" + told[-2] + told[-3],
        "another order": encode_cbor(dict(reversed(told.items()))),
        "a number of more bytes": encode_cbor({**told, -2: b"\0" + told[-2]}),
    }[writing]
    assert again != mine
    entry = enrolled.one("oskar")["credentials"][0]
    entry["public_key"] = text64(again)
    with pytest.raises(Malformed, match="a passkey belongs to one person"):
        enrolled.enrolment  # noqa: B018


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\u0085", "\u2028", "\u00ad", "\ufeff"])
def test_no_text_turns_or_hides_what_an_approver_reads(world: World, hidden: str) -> None:
    """“Aurel 2”, turned: the pages and sections after it would be read backwards."""
    for term in ("model", "purpose", "legal_basis", "handling"):
        with refused(Why.NOT_ALLOWED, "none that nobody sees"):
            world.offer(**{term: f"Aurel {hidden}2"})


@pytest.mark.parametrize("team", ["legal", "Legal ", "\uff2cegal", "Legal\u200d", "\u00a0Legal"])
def test_one_team_is_not_two_however_its_name_is_written(world: World, team: str) -> None:
    world.change_list(lambda value: world.enrolled.one("pia", value).update(team=team))
    digest = world.offer()
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))
    with refused(Why.NOT_ALLOWED, "of another team"):
        world.core.approve(*world.act(Act.APPROVE, digest, "pia"))
    world.core.destroy(*world.act(Act.DESTROY, world.plan, "henrike"))
    with refused(Why.NOT_ALLOWED, "another team"):
        world.core.destroy(*world.act(Act.DESTROY, world.plan, "pia"))


def test_words_that_need_joiners_are_taken(world: World) -> None:
    assert world.offer(purpose="\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")


def test_the_title_of_another_section_does_not_hide_what_is_opened(world: World) -> None:
    one = world.delivered["sections"][2]
    named = [{"section": "weight_storage", "title": "Table of contents", "sha256": one["sha256"]}]
    page = world.page(world.offer(sections=named), "henrike")
    assert "Table of contents (weight_storage)" in page["sentences"][0]


def test_who_asked_is_named_to_who_approves(world: World) -> None:
    """The portal says who asked: another approver sees when it is not the one who did."""
    page = world.page(world.offer(requester="pia"), "henrike")
    assert "Asked for by: Pia Lund." in " ".join(page["sentences"])


def test_nothing_stays_open_while_the_clock_is_back(world: World) -> None:
    world.sit(world.granted())
    assert world.outside.kept
    world.clock.at -= timedelta(hours=1)
    with refused(Why.CLOCK_BACK):
        world.core.tidy()
    assert not world.outside.kept


def test_recovery_copies_that_a_crash_left_to_old_officers_are_sealed_again_at_the_next_start(
    world: World,
) -> None:
    """The list is in the log, and the plan keys are still open to an officer who left."""
    other = world.core.make_plan_key("PR-2", DEVELOPER)
    reseal = world.keys.reseal

    def torn(fingerprint: str, pairs: Any) -> None:
        if fingerprint == other:
            raise OSError("no power")
        reseal(fingerprint, pairs)

    world.keys.reseal = torn  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no power"):
        world.change_list(lambda value: value["officers"][0].update(name="Another"))
    assert world.last().type == "enrolment.accepted"
    world.keys.reseal = reseal  # type: ignore[method-assign]
    world.keys.asked.clear()
    world.restart()
    assert world.keys.asked == [("reseal", world.plan), ("reseal", other)]
    assert (world.last().type, world.last().fields) == ("recovery.resealed", {"version": 2})
    size = world.log.size
    world.restart()
    world.core.finish()
    assert (world.log.size, len(world.keys.asked)) == (size, 2)


def test_a_grant_is_not_signed_today_for_a_day_years_ahead(world: World) -> None:
    def ahead(days: int, reference: str) -> str:
        begin = NOW + timedelta(days=days)
        dates = {"not_before": timestamp(begin), "not_after": timestamp(begin + timedelta(days=14))}
        why = [{"term": term, "why": "As agreed."} for term in ("readers", "sections", "dates")]
        return world.offer(reference=reference, changes=why, **dates)

    with refused(Why.NOT_ALLOWED, "more than 90 days"):
        ahead(91, "AG-2")
    digest = ahead(90, "AG-3")
    world.core.approve(*world.act(Act.APPROVE, digest, "henrike"))


def test_text_given_after_the_approval_is_no_text_under_it(world: World) -> None:
    """Approvers read that pages leave as pictures; nobody makes text of it behind their signatures."""

    def text(given: bool) -> None:
        world.change_list(lambda value: world.enrolled.one("ada", value).update(text=given))

    early = world.granted()
    between = world.offer(reference="AG-2")
    world.core.approve(*world.act(Act.APPROVE, between, "henrike"))
    text(True)
    world.core.approve(*world.act(Act.APPROVE, between, "oskar"))
    late = world.granted(reference="AG-3")
    for again in (False, True):
        if again:
            world.restart()
            world.core.heard()
        for digest in (early, between):
            sitting = world.sit(digest)
            with refused(Why.NO_TEXT, "as pictures alone"):
                world.core.release_text(sitting.token, "weight_storage", 1)
            assert not world.page(digest, "ada")["text"]
        assert world.core.release_text(world.sit(late).token, "weight_storage", 1)
        assert world.page(late, "ada")["text"]
    text(False)
    with refused(Why.NO_TEXT):
        world.core.release_text(world.sit(late).token, "weight_storage", 1)


def test_a_refused_reader_does_not_fill_the_log(world: World) -> None:
    sitting = world.sit(world.granted())
    before = world.log.size
    for page in range(1, 200):
        with refused(Why.NO_TEXT):
            world.core.release_text(sitting.token, "weight_storage", page)
    assert world.log.size == before + REFUSALS
    with refused(Why.NOT_ALLOWED):
        world.core.revoke(*world.act(Act.REVOKE, sitting.grant, "ada"))
    assert world.log.size == before + REFUSALS
    with pytest.raises(NotFound):
        world.core.pause(*world.act(Act.PAUSE, world.plan, "henrike"))
    assert world.last().fields["by"] == "henrike"
    assert "more" not in world.last().fields
    assert world.core.release(sitting.token, "weight_storage", 1)
    world.later(minutes=14)
    world.clock.at += timedelta(minutes=47)
    with refused(Why.SILENCE):
        world.core.release(sitting.token, "weight_storage", 1)
    assert world.last().fields["more"] == 140


def test_however_many_ask_to_enter_nobody_s_entry_makes_way(world: World) -> None:
    mine = world.core.visits.ask()
    asked = {world.core.visits.ask().nonce for _ in range(10_000)}
    assert len(asked) == 10_000
    assert mine.nonce not in asked
    answer = world.enrolled.answer("ada", mine.challenge)
    assert world.core.visits.enter(mine.nonce, answer).person.person == "ada"
    with pytest.raises(NotConfirmed, check=lambda error: error.reason is Reason.USED):
        world.core.visits.enter(mine.nonce, answer)


@pytest.mark.parametrize("change", ["time", "count", "mac", "short", "no hex"])
def test_an_entry_that_the_core_did_not_make_is_none(world: World, change: str) -> None:
    nonce = world.core.visits.ask().nonce
    other = f"{int(nonce[7], 16) ^ 1:x}"
    false = {
        "time": nonce[:7] + other + nonce[8:],
        "count": nonce[:15] + f"{int(nonce[15], 16) ^ 1:x}" + nonce[16:],
        "mac": nonce[:31] + f"{int(nonce[31], 16) ^ 1:x}",
        "short": nonce[:14],
        "no hex": "zz" * 16,
    }[change]
    with pytest.raises(NotConfirmed, check=lambda error: error.reason is Reason.NOT_ASKED):
        world.core.visits.enter(false, world.enrolled.answer("ada", bytes(32)))


def test_an_entry_of_before_a_restart_or_of_two_minutes_ago_is_none(world: World) -> None:
    old = world.core.visits.ask()
    answer = world.enrolled.answer("ada", old.challenge)
    world.later(seconds=120)
    with pytest.raises(NotConfirmed, check=lambda error: error.reason is Reason.EXPIRED):
        world.core.visits.enter(old.nonce, answer)
    new = world.core.visits.ask()
    world.restart()
    with pytest.raises(NotConfirmed, check=lambda error: error.reason is Reason.NOT_ASKED):
        world.core.visits.enter(new.nonce, world.enrolled.answer("ada", new.challenge))

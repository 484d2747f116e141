"""What somebody would try against the core who has a passkey, an old approval, or the portal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from webauthn.helpers import encode_cbor, parse_cbor

from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.forms import Malformed
from secure_access.custodian.state import Standing
from secure_access.custodian.visits import Visit
from secure_access.ledger.records import timestamp
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
    page = world.core.page_of(world.offer(sections=named), "henrike")
    assert "Table of contents (weight_storage)" in page.words.who


def test_who_asked_is_named_to_who_approves(world: World) -> None:
    """The portal says who asked: another approver sees when it is not the one who did."""
    page = world.core.page_of(world.offer(requester="pia"), "henrike")
    assert "Asked for by: Pia Lund." in " ".join(page.words.sentences)


def test_nothing_stays_open_while_the_clock_is_back(world: World) -> None:
    world.sit(world.granted())
    assert world.outside.kept
    world.clock.at -= timedelta(hours=1)
    with refused(Why.CLOCK_BACK):
        world.core.tidy()
    assert not world.outside.kept

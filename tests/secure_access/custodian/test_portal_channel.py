"""The channel between portal and core: what neither the portal nor the core signed counts for nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_access.custodian import forms, portal_channel, portal_questions
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.portal_channel import LIFE, NotTheCore, Portal
from secure_access.custodian.questions import QUESTIONS, answered
from secure_access.keys import SigningKey
from secure_access.ledger import canonical
from secure_access.ledger.note import VerifierKey
from secure_access.workflow import NotFound
from tests.fixtures import portal_asks
from tests.fixtures.enrolled import DEVELOPER, REQUEST, grant, text64
from tests.fixtures.portal_asks import CORE, KEY, changed
from tests.secure_access.custodian.conftest import World

CORE_KEY = VerifierKey.parse(CORE.verifier)
OTHER = SigningKey("portal.example/custodian", Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32))


class Channel:
    """A core with its portal's channel, as the front carries it."""

    def __init__(self, world: World, key: str = KEY.verifier) -> None:
        self.world = world
        question = portal_questions.channel(Portal(VerifierKey.parse(key) if key else None), CORE, {})
        self.questions = {**QUESTIONS, "portal": question}
        self.portal = portal_asks.Portal(self.carry, world.clock.now)

    def carry(self, do: str, **fields: Any) -> dict[str, Any]:
        encoded = canonical.encode({"do": do, **fields})
        told = json.loads(answered(self.world.core, encoded, self.questions))
        if "refused" in told:
            raise Refused(Why(told["refused"]["why"]), told["refused"]["words"])
        return dict(told["done"])

    def refused(self, body: dict[str, str]) -> str:
        """The reason in the log for which a question did not count."""
        with pytest.raises(Refused, match="no question of the portal"):
            self.carry("portal", **body)
        line = self.world.last()
        assert line.type == "portal.refused"
        return str(line.fields["reason"])


@pytest.fixture
def channel(world: World) -> Channel:
    return Channel(world)


def asked(channel: Channel, do: str = "heard", key: SigningKey = KEY, **fields: Any) -> dict[str, str]:
    return portal_channel.ask(key, do, fields, channel.world.clock.now()).body


def test_the_portal_makes_offers_ends_and_takes_in_the_log(channel: Channel) -> None:
    world, ask = channel.world, channel.portal.ask
    made = ask("make_plan_key", request="PR-2027-010", developer=DEVELOPER)["fingerprint"]
    assert ask("make_plan_key", request="PR-2027-010", developer=DEVELOPER)["fingerprint"] == made
    encoded = canonical.encode({**grant(world.enrolled, world.delivered), "requester": "julien"})
    digest = ask("offer", grant=text64(encoded))["grant"]
    assert ask("offer", grant=text64(encoded)) == {"grant": digest} == {"grant": forms.digest(encoded)}
    assert [line.type for line in world.lines("grant.offered")] == ["grant.offered"]
    ask("end", grant=digest)
    ask("end", grant=digest)
    lines = [json.loads(line) for line in ask("lines", after=0)["lines"]]
    assert lines[-1]["type"] == "grant.ended"
    assert [one["number"] for one in lines] == list(range(1, world.log.size + 1))
    listed = world.custody.enrolment.digest
    assert forms.digest(base64.b64decode(ask("listed", list=listed)["list"])) == listed
    assert base64.b64decode(ask("grant", grant=digest)["grant"]) == encoded
    for do, of in (("listed", digest), ("listed", "0" * 64), ("grant", listed)):
        with pytest.raises(NotFound):
            ask(do, **{"list" if do == "listed" else "grant": of})
    found = ask("manifest", plan=world.plan)
    assert json.loads(base64.b64decode(found["manifest"]))["request"] == REQUEST
    assert len(found["sections"]) == 3
    with pytest.raises(NotFound):
        ask("manifest", plan=made)
    with pytest.raises(NotFound):
        ask("end", grant="0" * 64)


def test_a_sign_of_life_is_the_portal_s_alone(channel: Channel) -> None:
    world = channel.world
    digest = world.granted()
    world.clock.at += timedelta(seconds=31)
    with pytest.raises(Refused) as silent:
        world.sit(digest)
    assert silent.value.why is Why.SILENCE
    assert channel.refused(asked(channel, key=OTHER)) == "false_signature"
    with pytest.raises(Refused):
        world.sit(digest)
    channel.portal.ask("heard")
    assert world.sit(digest).grant == digest


NOT_THE_PORTAL: dict[str, tuple[Callable[[Channel], dict[str, str]], str]] = {
    "another key": (lambda one: asked(one, key=OTHER), "false_signature"),
    "a question that was changed": (lambda one: changed(asked(one), "question"), "false_signature"),
    "a signature that was changed": (lambda one: changed(asked(one), "signature"), "false_signature"),
    "a signature of the answer's tag": (
        lambda one: {
            **asked(one),
            "signature": text64(
                KEY.sign(portal_channel.ANSWER.encode() + b"\0" + base64.b64decode(asked(one)["question"]))
            ),
        },
        "false_signature",
    ),
    "a field of its own": (lambda one: asked(one, "heard", do="lines"), "malformed"),
}


@pytest.mark.parametrize("case", NOT_THE_PORTAL)
def test_what_is_not_the_portal_s_does_nothing(channel: Channel, case: str) -> None:
    made, fault = NOT_THE_PORTAL[case]
    before = channel.world.custody.heard_at
    channel.world.clock.at += timedelta(seconds=1)
    if case == "a field of its own":
        said = {"v": portal_channel.QUESTION, "do": "heard", "fields": {"do": "lines"}, "nonce": "0" * 32}
        encoded = canonical.encode(said | {"at": "2027-10-04T09:00:01.000000Z"})
        signed = KEY.sign(portal_channel.QUESTION.encode() + b"\0" + encoded)
        assert channel.refused({"question": text64(encoded), "signature": text64(signed)}) == fault
    else:
        assert channel.refused(made(channel)) == fault
    assert channel.world.custody.heard_at == before


def test_a_question_counts_once_and_for_thirty_seconds(channel: Channel) -> None:
    world, body = channel.world, asked(channel)
    channel.carry("portal", **body)
    assert channel.refused(body) == "asked_again"
    late, early = asked(channel), asked(channel)
    begun = world.clock.at
    world.clock.at = begun + LIFE
    channel.carry("portal", **late)
    world.clock.at = begun + LIFE + timedelta(microseconds=1)
    assert channel.refused(early) == "other_time"
    assert channel.refused(body) == "other_time"
    ahead = portal_channel.ask(KEY, "heard", {}, world.clock.at + LIFE + timedelta(seconds=1)).body
    assert channel.refused(ahead) == "other_time"


def test_what_a_question_from_ahead_names_is_not_forgotten_while_it_counts(channel: Channel) -> None:
    """Its nonce has to be known for as long as its time is near, which is twice as long as of one of now."""
    world = channel.world
    body = portal_channel.ask(KEY, "heard", {}, world.clock.at + LIFE).body
    channel.carry("portal", **body)
    for _ in range(3):
        world.clock.at += LIFE / 2
        channel.portal.ask("heard")
        assert channel.refused(body) == "asked_again"


def test_a_sign_of_life_that_was_held_back_is_as_old_as_it_is(channel: Channel) -> None:
    """Who carries it can keep the core serving no longer than the portal meant."""
    world = channel.world
    held = asked(channel)
    world.clock.at += LIFE / 2
    channel.portal.ask("heard")
    newest = world.custody.heard_at
    channel.carry("portal", **held)
    assert world.custody.heard_at == newest == world.clock.at
    held, said = asked(channel), world.clock.at
    world.clock.at += LIFE
    channel.carry("portal", **held)
    assert world.custody.heard_at == said
    ahead = portal_channel.ask(KEY, "heard", {}, world.clock.at + LIFE).body
    channel.carry("portal", **ahead)
    assert world.custody.heard_at == world.clock.at


@pytest.mark.parametrize("outline", ["text", {"a b": "x"}, {"a": 1}, {f"s{n}": "" for n in range(201)}])
def test_an_outline_is_texts_by_section(channel: Channel, outline: Any) -> None:
    plan = channel.world.plan
    with pytest.raises(Refused) as refused:
        channel.portal.ask("outline", plan=plan, outline=outline)
    assert refused.value.why is Why.MALFORMED
    full = {f"section-{number}": "Ж" * 20_000 for number in range(7)}
    channel.portal.ask("outline", plan=plan, outline=full)
    assert channel.world.custody.state.plans[plan].outline == forms.digest(canonical.encode(full))


def test_the_front_gives_no_outline_to_compare_with(channel: Channel) -> None:
    with pytest.raises(Refused) as refused:
        channel.carry("deliver", manifest="AA==", nonce="0" * 32, answer="x", outline={})
    assert refused.value.why is Why.MALFORMED


def test_questions_remembered_are_bounded(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal_channel, "MOST_KNOWN", 2)
    for _ in range(2):
        channel.portal.ask("heard")
    assert channel.refused(asked(channel)) == "too_many"
    channel.world.clock.at += LIFE + timedelta(seconds=1)
    channel.portal.ask("heard")


def test_a_core_without_a_portal_hears_nobody(world: World) -> None:
    assert Channel(world, key="").refused(portal_channel.ask(KEY, "heard", {}, world.clock.at).body) == (
        "no_portal"
    )


@pytest.mark.parametrize("do", ["approve", "open_sitting", "release", "release_text", "page.grant", "portal"])
def test_nothing_that_opens_can_be_asked_by_the_portal(channel: Channel, do: str) -> None:
    with pytest.raises(Refused) as refused:
        channel.portal.ask(do, nonce="0" * 32, answer="x")
    assert refused.value.why is Why.MALFORMED


def test_an_answer_is_the_core_s_to_this_very_question(channel: Channel) -> None:
    now = channel.world.clock.at
    question = portal_channel.ask(KEY, "lines", {"after": 0}, now)
    told = channel.carry("portal", **question.body)
    assert json.loads(portal_channel.read_answer(CORE_KEY, question, told))["done"]["lines"]
    for name in ("answer", "signature"):
        with pytest.raises(NotTheCore):
            portal_channel.read_answer(CORE_KEY, question, changed(told, name))
    with pytest.raises(NotTheCore, match="another question"):
        portal_channel.read_answer(CORE_KEY, portal_channel.ask(KEY, "lines", {"after": 0}, now), told)
    forged = portal_channel.answer(OTHER, question.encoded, canonical.encode({"done": {"lines": []}}))
    with pytest.raises(NotTheCore, match="not signed"):
        portal_channel.read_answer(CORE_KEY, question, forged)
    for wrong in ({}, [], {"answer": 1, "signature": "x"}, {"answer": told["answer"]}):
        with pytest.raises(NotTheCore):
            portal_channel.read_answer(CORE_KEY, question, wrong)

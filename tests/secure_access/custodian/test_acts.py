"""Acts and their assertions: each way in which a confirmation is none, with its own reason."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_access.custodian import acts
from secure_access.custodian.acts import Act, Nonces, NotConfirmed, Reason, Statement, confirm
from tests.fixtures.enrolled import NOW, Enrolled

WORLD = Enrolled()
OBJECT = hashlib.sha256(b"grant").hexdigest()
MADE = Statement(Act.APPROVE, OBJECT, "henrike", "11" * 16, NOW + timedelta(seconds=120))


def reason_of(act: Callable[[], object]) -> Reason:
    with pytest.raises(NotConfirmed) as refused:
        act()
    assert str(refused.value) == acts.WORDS[refused.value.reason]
    return refused.value.reason


def test_the_bytes_of_a_statement_and_its_challenge() -> None:
    assert MADE.encoded == (
        b'{"act":"grant.approve","by":"henrike","nonce":"11111111111111111111111111111111",'
        b'"not_after":"2027-10-04T09:02:00.000000Z","object":"' + OBJECT.encode() + b'"}'
    )
    assert MADE.challenge == hashlib.sha256(b"assay.custodian-act/v1\x00" + MADE.encoded).digest()


def test_an_act_is_confirmed_by_the_person_s_own_passkey() -> None:
    done = confirm(MADE, WORLD.answer("henrike", MADE.challenge), WORLD.enrolment, NOW)
    assert done.person.person == "henrike"
    assert done.credential.id == WORLD.keys["henrike"].key_id
    assert done.statement is MADE


WRONG: dict[str, tuple[Callable[[], str], Reason]] = {
    "another origin": (
        lambda: WORLD.answer("henrike", MADE.challenge, origin="https://portal.example"),
        Reason.OTHER_ORIGIN,
    ),
    "the origin with a port": (
        lambda: WORLD.answer("henrike", MADE.challenge, origin="https://custodian.example:8443"),
        Reason.OTHER_ORIGIN,
    ),
    "another RP ID": (lambda: WORLD.answer("henrike", MADE.challenge, rp_id="example"), Reason.OTHER_PARTY),
    "no user verification": (
        lambda: WORLD.answer("henrike", MADE.challenge, verified=False),
        Reason.NOT_VERIFIED,
    ),
    "another challenge": (lambda: WORLD.answer("henrike", bytes(32)), Reason.OTHER_CHALLENGE),
    "somebody else's passkey": (lambda: WORLD.answer("oskar", MADE.challenge), Reason.OTHER_KEY),
    "signed something else": (lambda: WORLD.answer("henrike", MADE.challenge, lies=b"x"), Reason.FALSE),
    "nothing": (lambda: "", Reason.UNREADABLE),
    "too long": (lambda: "x" * 20_001, Reason.UNREADABLE),
    "no JSON": (lambda: "{", Reason.UNREADABLE),
    "a list": (lambda: "[]", Reason.UNREADABLE),
}


@pytest.mark.parametrize(("answer", "reason"), WRONG.values(), ids=WRONG)
def test_an_assertion_that_is_none_is_refused(answer: Callable[[], str], reason: Reason) -> None:
    assert reason_of(lambda: confirm(MADE, answer(), WORLD.enrolment, NOW)) is reason


@pytest.mark.parametrize(
    "other",
    [
        {"act": Act.REFUSE},
        {"object": "0" * 64},
        {"nonce": "22" * 16},
        {"not_after": NOW + timedelta(seconds=121)},
    ],
    ids=str,
)
def test_an_assertion_for_another_act_object_nonce_or_date_is_refused(other: dict[str, Any]) -> None:
    answer = WORLD.answer("henrike", replace(MADE, **other).challenge)
    assert reason_of(lambda: confirm(MADE, answer, WORLD.enrolment, NOW)) is Reason.OTHER_CHALLENGE


def test_an_assertion_inside_a_frame_of_another_site_is_refused() -> None:
    answer = json.loads(WORLD.answer("henrike", MADE.challenge))
    client = json.loads(base64.urlsafe_b64decode(answer["response"]["clientDataJSON"] + "=="))
    client["crossOrigin"] = True
    answer["response"]["clientDataJSON"] = base64.urlsafe_b64encode(json.dumps(client).encode()).decode()
    assert reason_of(lambda: confirm(MADE, json.dumps(answer), WORLD.enrolment, NOW)) is Reason.OTHER_ORIGIN


def test_a_registration_is_no_assertion() -> None:
    answer = json.loads(WORLD.answer("henrike", MADE.challenge))
    client = json.loads(base64.urlsafe_b64decode(answer["response"]["clientDataJSON"] + "=="))
    client["type"] = "webauthn.create"
    answer["response"]["clientDataJSON"] = base64.urlsafe_b64encode(json.dumps(client).encode()).decode()
    assert reason_of(lambda: confirm(MADE, json.dumps(answer), WORLD.enrolment, NOW)) is Reason.FALSE


def test_who_is_not_enrolled_now_confirms_nothing() -> None:
    answer = WORLD.answer("henrike", MADE.challenge)
    later = NOW + timedelta(days=301)
    assert reason_of(lambda: confirm(MADE, answer, WORLD.enrolment, later)) is Reason.NOT_ENROLLED
    stranger = replace(MADE, by="stranger")
    answer = WORLD.answer("henrike", stranger.challenge)
    assert reason_of(lambda: confirm(stranger, answer, WORLD.enrolment, NOW)) is Reason.NOT_ENROLLED


def test_a_passkey_that_left_the_list_confirms_nothing() -> None:
    world = Enrolled()
    answer = world.answer("henrike", MADE.challenge)
    world.one("henrike")["credentials"] = []
    assert reason_of(lambda: confirm(MADE, answer, world.enrolment, NOW)) is Reason.OTHER_KEY


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    assert (
        reason_of(lambda: confirm(MADE, noise.decode("latin-1"), WORLD.enrolment, NOW)) is Reason.UNREADABLE
    )


def test_a_nonce_is_used_once() -> None:
    nonces = Nonces()
    asked = nonces.ask(Act.APPROVE, OBJECT, "henrike", NOW)
    assert asked.not_after == NOW + timedelta(seconds=120)
    assert nonces.take(asked.nonce, NOW) == asked
    assert reason_of(lambda: nonces.take(asked.nonce, NOW)) is Reason.USED
    assert reason_of(lambda: nonces.take("0" * 32, NOW)) is Reason.NOT_ASKED
    assert reason_of(lambda: Nonces().take(asked.nonce, NOW)) is Reason.NOT_ASKED


def test_a_nonce_expires_and_a_clock_set_back_does_not_lengthen_its_life() -> None:
    nonces = Nonces(timedelta(seconds=60))
    for later in (60, 3600, -1):
        asked = nonces.ask(Act.APPROVE, OBJECT, "henrike", NOW)
        at = NOW + timedelta(seconds=later)
        assert reason_of(lambda asked=asked, at=at: nonces.take(asked.nonce, at)) is Reason.EXPIRED  # type: ignore[misc]
    asked = nonces.ask(Act.APPROVE, OBJECT, "henrike", NOW)
    assert nonces.take(asked.nonce, NOW + timedelta(seconds=59.9)) == asked
    for life in (timedelta(), timedelta(seconds=121)):
        with pytest.raises(ValueError, match="120"):
            Nonces(life)


def test_what_waits_is_bounded_for_each_person_and_forgotten_in_time() -> None:
    nonces = Nonces()
    asked = [nonces.ask(Act.OPEN, OBJECT, "ada", NOW) for _ in range(acts.MOST_OPEN + 1)]
    other = nonces.ask(Act.OPEN, OBJECT, "oskar", NOW)
    assert reason_of(lambda: nonces.take(asked[0].nonce, NOW)) is Reason.NOT_ASKED
    assert nonces.take(asked[1].nonce, NOW) == asked[1]
    nonces.ask(Act.OPEN, OBJECT, "pia", NOW + timedelta(hours=1))
    assert reason_of(lambda: nonces.take(other.nonce, NOW)) is Reason.NOT_ASKED
    assert reason_of(lambda: nonces.take(asked[1].nonce, NOW)) is Reason.NOT_ASKED


def test_an_object_is_a_digest() -> None:
    for wrong in ("", "grant", "A" * 64, "0" * 63):
        with pytest.raises(ValueError, match="SHA-256"):
            Nonces().ask(Act.OPEN, wrong, "ada", NOW)

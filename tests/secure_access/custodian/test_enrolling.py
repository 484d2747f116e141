"""Registering a passkey at the front: of this origin, verified, once, in time; nobody is enrolled by it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secure_access.custodian import enrolment_requests, forms
from secure_access.custodian.custody import Refused
from secure_access.custodian.front import enrolling
from secure_access.custodian.front.enrolling import LIFE, MOST_WAITING, Waiting
from tests.fixtures.authenticator import SoftKey
from tests.fixtures.custodian_front import Browser, Place
from tests.fixtures.enrolled import ORIGIN, RP_ID

NAMES = {"name": "  Ada   Brenner ", "device": "blue key"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, ORIGIN)
    with made.core():
        yield made


def asked(browser: Browser) -> dict[str, Any]:
    found = browser.post("/enrol/ask", NAMES).json
    assert found is not None
    return found


def test_the_page_is_for_anybody_and_linked_from_the_door(place: Place) -> None:
    browser = Browser(place)
    assert 'href="/enrol"' in browser.get("/").text
    page = browser.get("/enrol").text
    assert "Nobody is enrolled by it" in page
    assert "Demonstration: be one" not in page


def test_a_passkey_becomes_a_file_and_enrols_nobody(place: Place) -> None:
    browser, key, before = Browser(place), SoftKey(), place.world.log.size
    told = asked(browser)
    options = told["publicKey"]
    assert options["rp"]["id"] == RP_ID
    assert options["user"]["name"] == "Ada Brenner"
    chosen = options["authenticatorSelection"]
    assert (chosen["userVerification"], chosen["residentKey"]) == ("required", "required")
    answer = {"nonce": told["nonce"], "answer": key.create(options, ORIGIN)}
    made = browser.post("/enrol", answer).json
    assert made is not None
    found = enrolment_requests.read(made["file"].encode())
    assert (found.name, found.passkey.device) == ("Ada Brenner", "blue key")
    assert (found.passkey.id, found.passkey.public_key) == (key.key_id, key._public())
    assert made["fingerprint"] == forms.fingerprint(made["file"].encode())
    assert place.world.log.size == before
    again = browser.post("/enrol", answer)
    assert (again.status_code, "used before" in again.text) == (409, True)


def lying(options: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**options, **changes}


FALSE: dict[str, Any] = {
    "another origin": lambda key, options: key.create(options, "https://custodian.example.evil.example"),
    "another RP ID": lambda key, options: key.create(lying(options, rp={"id": "evil.example"}), ORIGIN),
    "nobody verified": lambda key, options: key.create(options, ORIGIN, verified=False),
    "another challenge": lambda key, options: key.create(lying(options, challenge="AAAA"), ORIGIN),
    "an answer of another act": lambda key, options: key.get({**options, "rpId": RP_ID}, ORIGIN),
    "a frame elsewhere": lambda key, options: framed(key.create(options, ORIGIN)),
    "no answer": lambda _key, _options: "{}",
    "a long one": lambda _key, _options: " " * 20_001,
}


def framed(answer: str) -> str:
    told = json.loads(answer)
    raw = base64.urlsafe_b64decode(told["response"]["clientDataJSON"] + "==")
    client = json.dumps({**json.loads(raw), "crossOrigin": True}).encode()
    told["response"]["clientDataJSON"] = base64.urlsafe_b64encode(client).rstrip(b"=").decode()
    return json.dumps(told)


@pytest.mark.parametrize("make", FALSE.values(), ids=FALSE)
def test_what_is_no_new_passkey_of_here_is_refused_and_used_up(place: Place, make: Any) -> None:
    browser, told = Browser(place), asked(Browser(place))
    answer = browser.post("/enrol", {"nonce": told["nonce"], "answer": make(SoftKey(), told["publicKey"])})
    assert (answer.status_code, answer.json) == (409, {"words": enrolling.NO_PASSKEY, "why": "not_allowed"})
    right = {"nonce": told["nonce"], "answer": SoftKey().create(told["publicKey"], ORIGIN)}
    assert browser.post("/enrol", right).status_code == 409


@pytest.mark.parametrize(
    "names",
    [{"name": "", "device": "x"}, {"name": "x" * 121, "device": "x"}, {"name": "x", "device": "\u202e"}],
)
def test_names_are_asked_for(place: Place, names: dict[str, str]) -> None:
    answer = Browser(place).post("/enrol/ask", names)
    assert (answer.status_code, "Write your name" in answer.text) == (400, True)


def test_a_challenge_waits_two_minutes_and_only_so_many_wait() -> None:
    now = [100.0]
    waiting = Waiting(lambda: now[0])
    late, _ = waiting.ask("Ada", "key")
    now[0] += LIFE
    with pytest.raises(Refused, match="too late"):
        waiting.take(late)
    oldest, _ = waiting.ask("Ada", "key")
    nonces = [waiting.ask("Ada", "key")[0] for _ in range(MOST_WAITING)]
    with pytest.raises(Refused):
        waiting.take(oldest)
    assert waiting.take(nonces[0]).name == "Ada"


def test_at_once_there_is_no_such_page_but_in_a_demonstration(place: Place) -> None:
    browser, told = Browser(place), asked(Browser(place))
    answer = {"nonce": told["nonce"], "answer": SoftKey().create(told["publicKey"], ORIGIN), "person": "ada"}
    assert browser.post("/enrol/at-once", answer).status_code == 404
    # Also where somebody lies about the state: the core knows no such question.
    place.state["demonstration_officers"] = True
    told = asked(browser)
    answer = {"nonce": told["nonce"], "answer": SoftKey().create(told["publicKey"], ORIGIN), "person": "ada"}
    assert browser.post("/enrol/at-once", answer).status_code == 409
    assert place.world.custody.enrolment.version == 1

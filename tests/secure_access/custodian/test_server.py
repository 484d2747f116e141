"""The core behind its socket: every question as the front asks it, and everything that is no question."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from secure_access.custodian import forms, portal_channel, portal_questions
from secure_access.custodian.acts import NotConfirmed, Reason
from secure_access.custodian.answers import Unreachable
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.server import LONGEST_QUESTION, CoreClient, CoreService, Pulse
from secure_access.ledger import canonical
from secure_access.ledger.note import VerifierKey
from secure_access.workflow import NotFound
from tests.fixtures import portal_asks
from tests.fixtures.enrolled import DEVELOPER, NOW, REQUEST, break_glass, grant, manifest, signed, text64
from tests.secure_access.custodian.conftest import World

THE_PORTAL = VerifierKey.parse(portal_asks.KEY.verifier)


@contextmanager
def served(world: World, front: int | None = None) -> Iterator[CoreClient]:
    path = world.home / "core.sock"
    user = os.geteuid() if front is None else front
    extra = {"portal": portal_questions.channel(portal_channel.Portal(THE_PORTAL), portal_asks.CORE, {})}
    with CoreService(path, world.core, user, extra) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield CoreClient(path, 5)
        finally:
            service.shutdown()
            thread.join()


def portal_of(world: World, client: CoreClient) -> portal_asks.Portal:
    return portal_asks.Portal(client.ask, world.clock.now)


def entered(world: World, client: CoreClient, by: str) -> str:
    """The secret of a visit, asked for over the socket."""
    made = client.ask("page.ask_entry")
    answer = world.enrolled.answer(by, bytes.fromhex(made["challenge"]))
    return str(client.ask("page.enter", nonce=made["nonce"], answer=answer)["visit"])


def confirm(world: World, client: CoreClient, act: str, about: str, by: str) -> dict[str, str]:
    asked = client.ask("ask", act=act, object=about, by=by)
    challenge = bytes.fromhex(asked["challenge"])
    return {"nonce": asked["nonce"], "answer": world.enrolled.answer(by, challenge)}


def test_a_whole_reading_over_the_socket(tmp_path: Path) -> None:
    world = World(tmp_path)
    with served(world) as client:
        told = client.ask("enrol", list=text64(signed(world.enrolled.value)))["told"]
        assert {"id": "ada", "name": "Ada Brenner", "change": "added"} in told
        portal = portal_of(world, client)
        portal.ask("heard")
        plan = portal.ask("make_plan_key", request=REQUEST, developer=DEVELOPER)["fingerprint"]
        delivered = manifest(plan)
        encoded = canonical.encode(delivered)
        confirmed = confirm(world, client, "plan.deliver", forms.digest(encoded), "tess")
        received = client.ask("deliver", manifest=text64(encoded), **confirmed)["manifest"]
        assert received == forms.digest(encoded)
        value = {**grant(world.enrolled, delivered), "requester": "julien"}
        digest = portal.ask("offer", grant=text64(canonical.encode(value)))["grant"]
        for name, standing in (("henrike", "waiting"), ("oskar", "approved")):
            confirmed = confirm(world, client, "grant.approve", digest, name)
            assert client.ask("approve", **confirmed) == {"standing": standing}
        page = client.ask("page.grant", visit=entered(world, client, "pia"), grant=digest)
        assert page["standing"] == "approved"
        assert page["encoded"].encode() == canonical.encode(value)
        assert page["decisions"][0]["team"] == "Legal"
        assert page["changes"][0]["why"] == "The developer objected to Mr Moreau."
        sitting = client.ask("open_sitting", **confirm(world, client, "reading.open", digest, "ada"))
        got = client.ask("release", token=sitting["token"], section="weight_storage", page=1)
        assert base64.b64decode(got["page"]) == b"Weight storage 1 no. 1"
        client.ask("pause", **confirm(world, client, "access.pause", plan, "tess"))
        with pytest.raises(Refused) as refused:
            client.ask("release", token=sitting["token"], section="weight_storage", page=2)
        assert refused.value.why is Why.PAUSED
        client.ask("resume", **confirm(world, client, "access.resume", plan, "tess"))
        client.ask("close_sitting", token=sitting["token"])
        with pytest.raises(NotFound):
            client.ask("release", token=sitting["token"], section="weight_storage", page=2)
        portal.ask("end", grant=digest)
        for name, certificate in (("henrike", b""), ("oskar", b"certificate of " + plan.encode())):
            done = client.ask("destroy", **confirm(world, client, "plan.destroy", plan, name))
            assert base64.b64decode(done["certificate"]) == certificate
        lines = portal.ask("lines", after=3)["lines"]
        assert [json.loads(line)["number"] for line in lines] == list(range(4, world.log.size + 1))


def test_no_question_shows_a_grant_without_a_visit(world: World) -> None:
    digest = world.offer()
    with served(world) as client:
        for do, fields in (("page_of", {"person": "henrike"}), ("page.grant", {"visit": "none"})):
            with pytest.raises(Refused):
                client.ask(do, grant=digest, **fields)


def test_half_a_character_is_answered_in_words_and_not_as_silence(world: World) -> None:
    with served(world) as client:
        for fields in ({"visit": "\ud800"}, {"grant": "\udfff", "visit": "none"}):
            with pytest.raises(Refused, match="Write it again") as refused:
                client.ask("page.grant", **fields)
            assert refused.value.why is Why.MALFORMED


def test_refusing_and_revoking_over_the_socket(world: World) -> None:
    first, second = world.offer(), world.granted(reference="AG-2")
    with served(world) as client:
        client.ask("refuse", **confirm(world, client, "grant.refuse", first, "pia"))
        client.ask("revoke", **confirm(world, client, "grant.revoke", second, "tess"))
        visit = entered(world, client, "pia")
        assert client.ask("page.grant", visit=visit, grant=first)["standing"] == "refused"
        assert client.ask("page.grant", visit=visit, grant=second)["standing"] == "revoked"
        confirmed = confirm(world, client, "grant.approve", first, "henrike")
        confirmed["answer"] = world.enrolled.answer("henrike", bytes(32))
        with pytest.raises(NotConfirmed) as refused:
            client.ask("approve", **confirmed)
        assert refused.value.reason is Reason.OTHER_CHALLENGE
    assert break_glass(world.enrolled, world.delivered)["pages"] == 20


MALFORMED: dict[str, bytes] = {
    "no JSON": b"hello",
    "not canonical": b'{"do": "about"}',
    "the same key twice": b'{"do":"about","do":"about"}',
    "a list": b"[]",
    "no name": b"{}",
    "a name that is a number": b'{"do":1}',
    "an unknown name": b'{"do":"open_everything"}',
    "a field too many": b'{"do":"about","more":1}',
    "what the portal alone may ask": b'{"do":"heard"}',
    "a field missing": b'{"do":"plan_key"}',
    "a number that is a text": b'{"do":"release","page":"1","section":"a","token":"b"}',
    "an act that is none": b'{"act":"plan.steal","by":"ada","do":"ask","object":"' + b"0" * 64 + b'"}',
    "an object that is no digest": b'{"act":"plan.destroy","by":"ada","do":"ask","object":"x"}',
    "an answer that is no text": b'{"answer":1,"do":"approve","nonce":"' + b"0" * 32 + b'"}',
    "a page that is none": b'{"do":"release","page":0,"section":"a","token":"b"}',
    "not UTF-8": b"\xff",
    "an empty line": b"",
}


@pytest.mark.parametrize("line", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_question_is_refused_and_says_nothing(world: World, line: bytes) -> None:
    with served(world) as client, closing(socket.socket(socket.AF_UNIX)) as talk:
        talk.connect(str(client._path))
        talk.sendall(line + b"\n")
        with talk.makefile("rb") as answers:
            told = answers.readline()
        assert told in (
            b"",
            b'{"refused":{"why":"malformed","words":"The core cannot read what it was asked."}}\n',
        )
        assert told or not line


def test_a_question_that_is_too_long_closes_the_connection(world: World) -> None:
    with served(world) as client, closing(socket.socket(socket.AF_UNIX)) as talk:
        talk.connect(str(client._path))
        talk.sendall(b"x" * (LONGEST_QUESTION + 1))
        assert talk.recv(100) == b""


def test_another_user_is_not_answered(world: World) -> None:
    with served(world, front=os.geteuid() + 1) as client, pytest.raises(Unreachable):
        client.ask("about")


def test_the_socket_is_the_front_s_alone(world: World) -> None:
    with served(world):
        assert (world.home / "core.sock").stat().st_mode & 0o777 == 0o600
    with CoreService(world.home / "core.sock", world.core, 12345, {}, os.getegid()):
        assert (world.home / "core.sock").stat().st_mode & 0o777 == 0o660


def test_a_fault_of_the_core_is_no_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(_token: str) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(world.core, "close_sitting", fault)
    with served(world) as client, pytest.raises(Unreachable) as error:
        client.ask("close_sitting", token="none")
    assert "secret" not in str(error.value)


def answers(line: bytes, path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))
        listening.listen()
        talk, _ = listening.accept()
        with closing(talk):
            talk.recv(1000)
            talk.sendall(line)


def test_an_answer_that_is_none_is_not_believed(tmp_path: Path) -> None:
    for number, line in enumerate((b'{"done":1}\n', b"hello\n", b"{}\n")):
        path = tmp_path / f"{number}.sock"
        thread = threading.Thread(target=answers, args=(line, path))
        thread.start()
        while not path.exists():
            time.sleep(0.01)
        time.sleep(0.05)
        with pytest.raises(Unreachable):
            CoreClient(path, 5).ask("about")
        thread.join()


def test_lines_come_in_portions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secure_access.custodian.portal_questions.MOST_LINES", 2)
    with served(world) as client:
        assert len(portal_of(world, client).ask("lines", after=0)["lines"]) == 2


def test_a_pulse_goes_on_after_a_fault() -> None:
    beats: list[Any] = []

    def beat() -> None:
        beats.append(NOW)
        if len(beats) == 1:
            raise OSError("once")

    pulse = Pulse("test", 0.01, beat)
    pulse.start()
    while len(beats) < 3:
        time.sleep(0.01)
    pulse.stop()
    after = len(beats)
    time.sleep(0.05)
    assert len(beats) == after

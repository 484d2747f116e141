"""Notes and quotations as the front carries them: every question over the socket, every route."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from secure_access.custodian import note_questions
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.front import gate
from secure_access.custodian.portal_questions import PORTAL
from secure_access.sealing import words
from secure_access.workflow import NotFound
from tests.fixtures.custodian_front import Browser, Place, entered
from tests.fixtures.enrolled import ORIGIN
from tests.secure_access.custodian.conftest import World
from tests.secure_access.custodian.test_notes import SECTION, beside
from tests.secure_access.custodian.test_server import served


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, ORIGIN)
    with made.core():
        yield made


class Room:
    """A reader in a sitting in which a page was released."""

    def __init__(self, place: Place) -> None:
        self.digest = place.world.granted()
        self.reader: Browser = entered(place, "ada")
        opening = self.reader.confirmed("/acts/ask", {"act": "reading.open", "object": self.digest})
        self.sitting = str(self.reader.post("/sitting/open", opening).json["sitting"])
        self.place = {"sitting": self.sitting, "section": SECTION, "page": "2"}
        self.reader.post("/sitting/page", {**self.place, "zoom": ""})

    def post(self, path: str, **told: str) -> TestResponse:
        return self.reader.post(f"/sitting/{path}", {**self.place, **told})

    def only(self, path: str, **told: str) -> TestResponse:
        return self.reader.post(f"/sitting/{path}", {"sitting": self.sitting, **told})


def test_notes_over_the_socket(world: World) -> None:
    _, token = beside(world)
    at = {"token": token, "section": SECTION, "page": 3}
    with served(world) as client:
        made = client.ask("note.write", **at, text="e\u0301ins")
        assert (made["text"], made["version"]) == ("\u00e9ins", 1)
        named = {"token": token, "note": made["note"]}
        assert client.ask("note.change", **named, version=1, text="zwei")["version"] == 2
        told = client.ask("page.notes", token=token)
        assert [one["text"] for one in told["notes"]] == ["zwei"]
        assert (told["notes_left"], told["quotations"], told["quotations_left"]) == (199, [], 20)
        client.ask("note.remove", **named, version=2)
        assert client.ask("page.notes", token=token)["notes"] == []
        asked = client.ask("page.ask_quotation", **at, text="Two  people do")
        assert asked["text"] == "Two people do"
        answer = world.enrolled.answer("ada", bytes.fromhex(asked["challenge"]))
        done = client.ask(
            "quotation.release", **at, text="Two people do", nonce=asked["nonce"], answer=answer
        )
        assert done == {"reference": "Q-1 of PR-2027-009", "text": "Two people do"}
        (quoted,) = client.ask("page.notes", token=token)["quotations"]
        assert quoted["reference"] == "Q-1 of PR-2027-009"
        assert "text" not in quoted
        world.core.close_sitting(token)
        with pytest.raises(NotFound):
            client.ask("page.notes", token=token)


MALFORMED: dict[str, dict[str, Any]] = {
    "a page that is none": {"page": 0},
    "a page that is a text": {"page": "3"},
    "a section with a space": {"section": "a b"},
    "a text that is a number": {"text": 1},
    "more than is read at all": {"text": "x" * (note_questions.LONGEST + 1)},
}


@pytest.mark.parametrize("changed", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("do", ["note.write", "page.ask_quotation"])
def test_what_is_no_question_writes_nothing(world: World, do: str, changed: dict[str, Any]) -> None:
    _, token = beside(world)
    before = world.log.size
    with served(world) as client:
        with pytest.raises(Refused) as refused:
            client.ask(do, **{"token": token, "section": SECTION, "page": 3, "text": "x", **changed})
        assert refused.value.why is Why.MALFORMED
        with pytest.raises(Refused):
            client.ask("note.change", token=token, note="../kept", version=1, text="x")
    assert world.log.size == before


def test_the_portal_can_ask_for_none_of_it() -> None:
    assert not set(note_questions.NOTES) & set(PORTAL)


def test_a_note_by_the_front(place: Place) -> None:
    room = Room(place)
    made = room.post("notes/write", text="Two people\nopen it.").json
    assert made is not None
    assert made["text"] == "Two people\nopen it."
    changed = room.only("notes/change", note=made["note"], version="1", text="Three do.").json
    assert changed is not None
    told = room.only("notes").json
    assert told is not None
    assert told["notes"] == [changed]
    stale = room.only("notes/change", note=made["note"], version="1", text="Four do.")
    assert (stale.status_code, stale.json["why"]) == (409, "wrong_state")
    assert room.only("notes/remove", note=made["note"], version="2").status_code == 204
    assert room.only("notes").json["notes"] == []


def test_a_note_as_long_as_may_be_passes_the_gate_and_one_longer_says_why(place: Place) -> None:
    room = Room(place)
    longest = "\U0001f512" * words.LONGEST_NOTE
    assert room.post("notes/write", text=longest).json["text"] == longest
    refused = room.post("notes/write", text=longest + "x")
    assert (refused.status_code, refused.json["why"]) == (409, "malformed")
    assert refused.json["words"] == "Not kept: a note has 1 to 4,000 characters."
    assert room.post("notes/write", text="x" * gate.LARGEST_BODY).status_code == 413


def test_a_quotation_by_the_front(place: Place) -> None:
    room = Room(place)
    asked = room.post("quotation/ask", text="Two  people do").json
    assert asked is not None
    assert (asked["text"], len(asked["publicKey"]["allowCredentials"])) == ("Two people do", 1)
    signed = room.reader.confirmed("/sitting/quotation/ask", {**room.place, "text": "Two people do"})
    other = room.post("quotation", text="Two persons do", **signed)
    assert (other.status_code, other.json["why"]) == (409, "not_allowed")
    signed = room.reader.confirmed("/sitting/quotation/ask", {**room.place, "text": "Two people do"})
    told = room.post("quotation", text="Two people do", **signed)
    assert told.json == {"reference": "Q-1 of PR-2027-009", "text": "Two people do"}
    assert told.headers["Cache-Control"] == "no-store"
    again = room.post("quotation", text="Two people do", **signed)
    assert (again.status_code, again.json["why"]) == (403, "used")
    lies = room.reader.confirmed(
        "/sitting/quotation/ask", {**room.place, "text": "Two people do"}, verified=False
    )
    assert room.post("quotation", text="Two people do", **lies).json["why"] == "not_verified"
    assert len(place.world.lines("quotation.released")) == 1


def test_what_ends_the_reading_ends_notes_and_quotations(place: Place) -> None:
    room = Room(place)
    made = room.post("notes/write", text="x").json
    assert made is not None
    place.world.core.pause(*place.world.act(Act.PAUSE, place.world.plan, "tess"))
    for answer in (
        room.only("notes"),
        room.post("notes/write", text="y"),
        room.only("notes/change", note=made["note"], version="1", text="y"),
        room.only("notes/remove", note=made["note"], version="1"),
        room.post("quotation/ask", text="y"),
    ):
        assert (answer.status_code, answer.json["why"]) == (409, "paused")
    assert room.only("close").status_code == 204
    assert room.only("notes").status_code == 404


def test_a_form_of_another_shape_or_origin_reaches_nothing(place: Place) -> None:
    room = Room(place)
    before = place.world.log.size
    for answer in (
        room.post("notes/write", text="x", more="y"),
        room.post("notes/write"),
        room.post("notes/write", text="x", page="0"),
        room.only("notes/change", note="ab" * 16, version="-1", text="x"),
        room.only("notes/remove", note="ab" * 16, version=""),
        room.post("quotation", text="x"),
    ):
        assert answer.status_code == 400
    away = room.reader.post("/sitting/notes", {"sitting": room.sitting}, Origin="https://portal.example")
    assert away.status_code == 403
    assert place.world.log.size == before

"""The front before a core as it is deployed: a plan, its page and its text as a reader gets them."""

from __future__ import annotations

import io
import signal
from pathlib import Path
from types import SimpleNamespace

import typst
from PIL import Image

from secure_access.custodian.front.app import create_app
from tests.fixtures.custodian_front import Browser
from tests.fixtures.custody import running
from tests.fixtures.enrolled import ORIGIN

SECTION, CANARY = "insider_threat", "Gletscherspalte"


def test_a_reader_gets_marked_pages_and_text_of_a_real_plan(tmp_path: Path) -> None:
    with running(tmp_path) as custodian:
        sealed = custodian.seal("plan.pdf", typst.compile(b"= Two people\n#pagebreak()\n= open it"), SECTION)
        custodian.upload(SECTION, sealed.read_bytes())
        manifest = custodian.manifest(sealed)
        custodian.deliver(manifest)
        digest = custodian.grant(manifest)
        world = SimpleNamespace(enrolled=custodian.world)
        place = SimpleNamespace(origin=ORIGIN, app=create_app(ORIGIN, custodian.client), world=world)
        door = Browser(place).get("/").text  # type: ignore[arg-type]
        assert "Rollback not detected" in door
        assert "Demonstration custody" in door
        reader = Browser(place, "ada").enter()  # type: ignore[arg-type]
        assert 'data-section="insider_threat" data-pages="2"' in reader.get(f"/read/{digest}").text
        opening = reader.confirmed("/acts/ask", {"act": "reading.open", "object": digest})
        sitting = reader.post("/sitting/open", opening).json["sitting"]
        asked = {"sitting": sitting, "section": SECTION, "page": "2"}
        for zoom, across in (("", 1240), ("fine", 1860)):
            page = reader.post("/sitting/page", {**asked, "zoom": zoom})
            assert page.content_type == "image/webp"
            assert Image.open(io.BytesIO(page.data)).width == across
        words = reader.post("/sitting/words", asked).json["words"]
        assert "Ada Brenner" in words.splitlines()[0]
        assert "open it" in words
        assert [one["page"] for one in (line["fields"] for line in custodian.lines("page.released"))] == [
            2,
            2,
        ]


def test_a_note_is_sealed_to_the_real_key_and_outlives_a_kill(tmp_path: Path) -> None:
    with running(tmp_path) as custodian:
        sealed = custodian.seal("plan.pdf", typst.compile(b"= Two people"), SECTION)
        custodian.upload(SECTION, sealed.read_bytes())
        manifest = custodian.manifest(sealed)
        custodian.deliver(manifest)
        digest = custodian.grant(manifest)
        at = {"token": custodian.sit(digest), "section": SECTION, "page": 1}
        custodian.page(*at.values())
        custodian.ask("note.write", **at, text=f"{CANARY} opens it alone.")
        asked = custodian.ask("page.ask_quotation", **at, text=f"{CANARY} opens it")
        answer = custodian.world.answer("ada", bytes.fromhex(asked["challenge"]))
        told = {**at, "text": asked["text"], "nonce": asked["nonce"], "answer": answer}
        assert custodian.ask("quotation.release", **told)["reference"] == "Q-1 of PR-2027-009"
        assert custodian.holding(CANARY.encode()) == []
        printed = custodian.end(signal.SIGKILL)
        custodian.start()
        again = custodian.ask("page.notes", token=custodian.sit(digest))
        assert [one["text"] for one in again["notes"]] == [f"{CANARY} opens it alone."]
        assert [one["reference"] for one in again["quotations"]] == ["Q-1 of PR-2027-009"]
        assert CANARY not in printed + custodian.end()

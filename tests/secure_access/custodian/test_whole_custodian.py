"""A plan from the developer's disk to a reader's page, with every piece real: nothing here is a fake."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typst
from PIL import Image

from secure_access.custodian import mark
from secure_access.custodian.acts import Act
from secure_access.custodian.custody import Refused, Why
from secure_access.custodian.findings import REPORT
from secure_access.custodian.trace import Release, trace
from secure_access.ledger import canonical
from secure_access.workflow import NotFound
from tests.fixtures import hostile, oscal
from tests.fixtures.custody import Custodian, running

CANARY = "Gletscherspalte"
PDF_SECTION, PNG_SECTION, OSCAL_SECTION = "insider_threat", "key_ceremony", "weight_storage"
SOURCE = f"""#set page(paper: "a4")
#for n in range(4) [= Chapter #n of {CANARY}
#lorem(300) #pagebreak(weak: true)]"""


@dataclass
class Delivered:
    """A custodian that has a plan, and the plan."""

    custodian: Custodian
    manifest: bytes
    sealed: dict[str, bytes]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivered]:
    with running(tmp_path_factory.mktemp("custodian")) as made:
        plan = oscal.as_json(oscal.tree(text=f"Two people open it, says {CANARY}."))
        files = [
            made.seal("plan.pdf", typst.compile(SOURCE.encode()), PDF_SECTION),
            made.seal("ceremony.png", hostile.picture("PNG", (600, 400)), PNG_SECTION),
            made.seal("plan.json", plan, OSCAL_SECTION),
        ]
        sealed = {path.name.removesuffix(".sealed"): path.read_bytes() for path in files}
        interrupted(made, PDF_SECTION, sealed[PDF_SECTION])
        for section in (PNG_SECTION, OSCAL_SECTION):
            made.upload(section, sealed[section])
        manifest = made.manifest(*files)
        outline = {PDF_SECTION: "We claim AC-2 and PE-3.", "absent": "It is there."}
        made.portal.ask("outline", plan=made.plan, outline=outline)
        made.deliver(manifest)
        yield Delivered(made, manifest, sealed)


def interrupted(made: Custodian, section: str, content: bytes) -> None:
    """An upload that breaks off, and with it the core; it goes on where the disk has it."""
    begun = made.begin(section, content)
    assert (begun["offset"], begun["whole"]) == (0, False)
    token = begun["token"]
    place = {"visit": made.enter("tess"), "token": token}
    made.ask("upload.part", **place, offset=0, bytes=_text(content[:40_000]))
    again = made.ask("upload.part", **place, offset=0, bytes=_text(content[:40_000]))
    assert again == {"taken": False, "offset": 40_000}
    with pytest.raises(Refused, match="not whole: 40000 of"):
        made.ask("upload.end", **place)
    made.end(signal.SIGKILL)
    made.start()
    assert made.begin(section, content) == {"token": token, "offset": 40_000, "whole": False}
    made.upload(section, content, most=50_000)


def _text(raw: bytes) -> str:

    return base64.b64encode(raw).decode()


def picture(page: bytes) -> Image.Image:
    return Image.open(io.BytesIO(page)).convert("RGB")


def test_what_is_told_of_a_delivery(delivered: Delivered) -> None:
    made = delivered.custodian
    assert made.state["sandbox"] == "ready"
    told = {
        one["section"]: (one["pages"], one["schema"])
        for one in made.ask("inspected", plan=made.plan)["sections"]
    }
    assert told == {
        PDF_SECTION: (4, ""),
        PNG_SECTION: (1, ""),
        OSCAL_SECTION: (told[OSCAL_SECTION][0], "valid"),
    }
    assert told[OSCAL_SECTION][0] >= 1
    [line] = made.lines("plan.delivered")
    assert {one["section"] for one in line["fields"]["sections"]} == set(told)
    named = {one["sha256"] for one in json.loads(delivered.manifest)["sections"]}
    there = {path.name for path in (made.home / "sealed").iterdir() if path.is_file()}
    assert there == named | {line["fields"]["report"]}
    assert (made.home / "sealed").stat().st_mode & 0o777 == 0o700
    with pytest.raises(NotFound):
        made.begin(PDF_SECTION, b"after the delivery")


def test_pages_of_every_section_are_marked_and_logged_first(delivered: Delivered) -> None:
    made = delivered.custodian
    token = made.sit(made.grant(delivered.manifest, "AG-1"))
    key = mark.mark_key(made.home)
    for section, page in ((PDF_SECTION, 1), (PDF_SECTION, 2), (PNG_SECTION, 1), (OSCAL_SECTION, 1)):
        before = made.lines()
        found = picture(made.page(token, section, page))
        line = made.lines()[len(before)]
        assert (line["type"], line["fields"]["section"], line["fields"]["page"]) == (
            "page.released",
            section,
            page,
        )
        assert trace(found, key) == Release(line["fields"]["release"])
        assert found.width == 1240
    assert picture(made.page(token, PDF_SECTION, 1, zoom=15)).width == 1860
    counts = [line["count"] for line in made.lines() if line["plan"] == made.plan]
    assert counts == list(range(1, len(counts) + 1))
    releases = [line["fields"]["release"] for line in made.lines("page.released")]
    assert releases == list(range(1, len(releases) + 1))
    with pytest.raises(NotFound):
        made.page(token, PDF_SECTION, 5)
    assert made.lines()[-1]["fields"]["reason"] == "unknown"


def test_words_of_a_page_for_who_is_enrolled_for_them(delivered: Delivered) -> None:

    made = delivered.custodian
    token = made.sit(made.grant(delivered.manifest, "AG-2"))
    place = {"token": token, "section": PDF_SECTION, "page": 1}
    words = base64.b64decode(made.ask("release_text", **place)["text"]).decode()
    line = made.lines()[-1]
    assert line["type"] == "page.text_released"
    assert words.startswith(f"Ada Brenner · reader · release {line['fields']['release']} · ")
    assert CANARY in words


def test_the_drift_report_is_sealed_and_read_under_a_grant(delivered: Delivered) -> None:
    made = delivered.custodian
    fields = made.lines("plan.delivered")[0]["fields"]
    report = {"section": REPORT, "size": fields["report_size"], "sha256": fields["report"]}
    token = made.sit(made.grant(delivered.manifest, "AG-7", also=(report,)))
    assert picture(made.page(token, REPORT, 1)).width == 1240
    answer = made.ask("release_text", token=token, section=REPORT, page=1)["text"]
    words = " ".join(base64.b64decode(answer).decode().replace("\u200b", "").split())
    assert "claims PE-3" in words
    assert "no section “absent” is delivered" in words


def test_nothing_lies_on_disk_in_the_clear(delivered: Delivered) -> None:
    made = delivered.custodian
    token = made.sit(made.grant(delivered.manifest, "AG-3"))
    made.page(token, PDF_SECTION, 1)
    made.page(token, OSCAL_SECTION, 1)
    assert made.holding(CANARY.encode(), b"%PDF-", b"\x89PNG\r\n") == []
    probe = made.home / "probe"
    probe.write_bytes(b"..." + CANARY.encode())
    assert made.holding(CANARY.encode()) == [str(probe)]
    probe.unlink()


def test_a_sealed_file_that_was_swapped_shows_nothing(delivered: Delivered) -> None:
    made = delivered.custodian
    digest = made.grant(delivered.manifest, "AG-4")
    other = made.seal("other.pdf", hostile.saying("Another plan"), PDF_SECTION, "other.sealed").read_bytes()
    [name] = [
        one["sha256"] for one in json.loads(delivered.manifest)["sections"] if one["section"] == PDF_SECTION
    ]
    place = made.home / "sealed" / name
    place.write_bytes(other)
    token = made.sit(digest)
    with pytest.raises(Refused) as refused:
        made.page(token, PDF_SECTION, 1)
    assert refused.value.why is Why.NOT_RENDERED
    line = made.lines()[-1]
    assert (line["type"], line["fields"]["reason"]) == ("page.refused", "not_rendered")
    place.write_bytes(delivered.sealed[PDF_SECTION])
    made.page(token, PDF_SECTION, 1)


def test_no_page_within_five_seconds_of_a_revocation(delivered: Delivered) -> None:
    made = delivered.custodian
    digest = made.grant(delivered.manifest, "AG-5")
    token = made.sit(digest)
    made.page(token, PDF_SECTION, 1)
    before = children(made)
    assert before
    revoked = time.monotonic()
    made.ask("revoke", **made.act(Act.REVOKE, digest, "tess"))
    with pytest.raises(Refused) as refused:
        made.page(token, PDF_SECTION, 2)
    assert refused.value.why is Why.REVOKED
    while before <= children(made):
        assert time.monotonic() < revoked + 5, "the section is still open"
        time.sleep(0.1)


def children(made: Custodian) -> set[int]:
    """The processes of the core: its sandboxes."""
    pid = made.process.pid
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
            found |= {int(one) for one in (task / "children").read_text().split()}
    return found


def test_a_core_killed_between_line_and_page(delivered: Delivered) -> None:
    """The answer does not fit what lies between the two, and is not read until the core is dead."""
    made = delivered.custodian
    digest = made.grant(delivered.manifest, "AG-6")
    token = made.sit(digest)
    before = len(made.lines("page.released"))
    with socket.socket(socket.AF_UNIX) as talk:
        talk.connect(str(made.home / "core.sock"))
        asked = {"do": "release", "token": token, "section": PDF_SECTION, "page": 2, "zoom": 20}
        talk.sendall(canonical.encode(asked) + b"\n")
        until = time.monotonic() + 30
        while len(made.lines("page.released")) == before:
            assert time.monotonic() < until
            time.sleep(0.01)
        made.end(signal.SIGKILL)
        got = b""
        while part := talk.recv(1 << 20):
            got += part
    assert not got.endswith(b"\n"), "the page came whole"
    last = made.lines("page.released")[-1]
    assert last["fields"]["page"] == 2
    made.start()
    assert made.lines("page.released")[-1] == last
    with pytest.raises(NotFound):
        made.page(token, PDF_SECTION, 2)
    found = picture(made.page(made.sit(digest), PDF_SECTION, 2))
    assert trace(found, mark.mark_key(made.home)) == Release(last["fields"]["release"] + 1)


@pytest.fixture(scope="module")
def receiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Custodian]:
    with running(tmp_path_factory.mktemp("receiving")) as made:
        yield made


NO_VERSION = oscal.as_json({"system-security-plan": {"metadata": {}}})
HOSTILE: dict[str, tuple[bytes, str]] = {
    "a PDF that is an archive": (hostile.pdf_and_archive(), "two files in one"),
    "a PDF that is painted for ever": (hostile.slow(400_000), "allowed|ran out"),
    "a picture that claims to be huge": (hostile.png_claiming(60_000, 60_000, 10), "too large"),
    "a PDF of nothing": (b"%PDF-1.7\n", "damaged"),
    "a plan of no version": (
        oscal.as_json({"system-security-plan": {"metadata": {}}}),
        "does not say of which OSCAL",
    ),
    "another model of OSCAL": (oscal.as_json({"catalog": {"uuid": "x"}}), "is an OSCAL catalog"),
}


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE)
def test_what_does_not_open_is_not_delivered(receiving: Custodian, content: bytes, words: str) -> None:
    made = receiving
    name = f"bad-{len(list(made.table.glob('bad-*')))}"
    sealed = made.seal("bad", content, PDF_SECTION, name)
    good = made.seal("good", hostile.saying("fine"), PNG_SECTION, f"{name}-good")
    for path, section in ((sealed, PDF_SECTION), (good, PNG_SECTION)):
        made.upload(section, path.read_bytes())
    with pytest.raises(Refused, match=words) as refused:
        made.deliver(made.manifest(good, sealed))
    assert refused.value.why is Why.MALFORMED
    assert str(refused.value).startswith(f"Section {PDF_SECTION} was not received. ")
    assert made.lines("plan.delivered") == []
    assert made.lines()[-1]["fields"]["reason"] == "malformed"


def test_what_is_not_here_or_not_of_that_size_is_not_delivered(receiving: Custodian) -> None:
    made = receiving
    sealed = made.seal("fine.pdf", hostile.saying("fine"), PDF_SECTION, "absent")
    with pytest.raises(Refused, match="It was not uploaded"):
        made.deliver(made.manifest(sealed))
    made.upload(PDF_SECTION, sealed.read_bytes())
    value = json.loads(made.manifest(sealed))
    value["sections"][0]["size"] += 1
    with pytest.raises(Refused, match="the manifest says"):
        made.deliver(canonical.encode(value))


def test_what_is_sealed_for_something_else_is_not_kept(receiving: Custodian) -> None:
    made = receiving
    sealed = made.seal("fine.pdf", hostile.saying("fine"), PDF_SECTION, "other-section").read_bytes()
    with pytest.raises(Refused, match="not sealed for this section"):
        made.upload(PNG_SECTION, sealed)
    with pytest.raises(Refused, match="not sealed for this section"):
        made.upload(PDF_SECTION, os.urandom(70_000))
    assert made.begin(PNG_SECTION, sealed)["offset"] == 0
    told = {"visit": made.enter("tess")}
    with pytest.raises(NotFound):
        made.ask("upload.begin", **told, request="PR-none", section=PDF_SECTION, size=5, sha256="0" * 64)
    with pytest.raises(NotFound):
        made.ask("upload.part", **told, token="0" * 64, offset=0, bytes="AA==")

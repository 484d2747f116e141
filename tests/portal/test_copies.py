"""Copies of record: PDF/A-3 with the record inside, signed, and judged by two tools that are not ours."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest

from portal import copies
from portal.enforcement.tables import Notice
from portal.filing import certification
from portal.filing.tables import Filing, FilingKind
from portal.review import cases, decisions
from portal.review.tables import Decision, DecisionKind
from secure_access import documents, jobs, ledger, pades
from secure_access.db import select
from secure_access.documents import CopyOfRecord
from secure_access.ledger import canonical, manifests
from secure_access.workflow import Denied, NotFound
from tests.fixtures.app import World
from tests.fixtures.enforcement import Bench
from tests.fixtures.filing import Developer
from tests.fixtures.review import Desk
from tests.fixtures.signed_pdf import openssl_accepts, pyhanko_says


def accepted(desk: Desk, developer: Developer) -> Filing:
    """A real filing with a file, accepted, and its copy written."""
    with developer.world.wired.database.write() as session:
        filing = developer.draft(session)
        developer.attach(session, filing, "scores.csv", b"task,score\ncyber,0.47\n")
        developer.answer(session, filing)
        certification.send(
            session,
            filing=filing,
            certifier_id=developer.officer.person_id,
            by=developer.preparer,
            now=developer.world.clock.now(),
        )
        developer.sign(session, filing)
    developer.world.run_jobs()
    with developer.world.wired.database.write() as session:
        case = cases.case_of(session, f"filing:{filing.id}")
        assert case is not None
        case = cases.find(session, case.reference, for_update=True)
        row = cases.filing_of(session, case, filing.id, for_update=True)
        cases.accept_filing(session, case=case, filing=row, by=desk.officer, now=desk.now)
    developer.world.run_jobs()
    return filing


def copy_of(world: World, subject: str) -> CopyOfRecord:
    with world.wired.database.read() as session:
        found = documents.copies.of_subject(session, subject)
        assert found is not None, [job.last_error for job in session.exec(select(jobs.Job))]
        return found


def content_of(world: World, row: CopyOfRecord) -> bytes:
    with world.wired.database.read() as session:
        document = documents.find(session, row.document_id)
    return b"".join(world.wired.vault.chunks(document.stored, context=document.context))


def enclosed(content: bytes) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(content)) as file:
        return {name: spec.get_file().read_bytes() for name, spec in file.attachments.items()}


def text_of(content: bytes) -> str:
    with pypdfium2.PdfDocument(io.BytesIO(content)) as file:
        pages = [page.get_textpage().get_text_range() for page in file]
    return " ".join(" ".join(pages).replace("\ufffe", "").split())


@pytest.fixture
def filed(sqlite_desk: Desk, sqlite_developer: Developer) -> tuple[World, Filing]:
    return sqlite_desk.world, accepted(sqlite_desk, sqlite_developer)


def test_the_copy_of_a_filing_holds_what_was_signed(filed: tuple[World, Filing]) -> None:
    world, filing = filed
    row = copy_of(world, f"filing:{filing.id}")
    content = content_of(world, row)
    with world.wired.database.read() as session:
        kept = session.get_one(Filing, filing.id)
        entries = ledger.entries(session, f"filing:{filing.id}")
        written = next(entry for entry in entries if entry.type == "copy.written")
        manifest = manifests.of_entry(session, next(e for e in entries if e.type == "filing.submitted"))
    assert manifest is not None
    files = enclosed(content)
    assert list(files) == ["manifest.json", "record.json"]
    assert canonical.encode(json.loads(files["record.json"])) == files["record.json"] == kept.signed.encode()
    assert files["manifest.json"].decode() == manifest.content
    assert row.source_sha256 == hashlib.sha256(files["record.json"]).hexdigest() == kept.digest
    assert row.sha256 == hashlib.sha256(content).hexdigest() == written.fields["sha256"]
    assert (row.published, row.owner_id) == (None, kept.developer_id)
    text = text_of(content)
    for words in (kept.reference, "Periodic risk report", "scores.csv", "certifying officer", "record.json"):
        assert words in text
    assert {entry.type for entry in entries} >= {"filing.screened", "filing.accepted", "clock.started"}


def test_two_tools_accept_the_signature_and_no_changed_byte(
    filed: tuple[World, Filing], tmp_path: Path
) -> None:
    world, filing = filed
    content = content_of(world, copy_of(world, f"filing:{filing.id}"))
    trusted = world.wired.document_certificates
    judged = pyhanko_says(content, trusted)
    assert (judged.intact, judged.trusted, judged.whole) == (True, True, True)
    assert (judged.at, judged.subfilter) == (world.clock.now(), "/ETSI.CAdES.detached")
    assert openssl_accepts(content, trusted, tmp_path)
    for place in (len(content) // 3, content.index(b"/Contents <") - 40, len(content) - 60):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert not openssl_accepts(changed, trusted, tmp_path), place
    place = content.index(b"/Contents <") - 2000
    changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    assert not pyhanko_says(changed, trusted).intact


def test_what_was_added_after_the_signature_is_not_covered(
    filed: tuple[World, Filing], tmp_path: Path
) -> None:
    world, filing = filed
    content = content_of(world, copy_of(world, f"filing:{filing.id}"))
    assert not openssl_accepts(content + b"\n% more\n", world.wired.document_certificates, tmp_path)


def test_another_key_is_not_the_authority(
    filed: tuple[World, Filing], make_world: Any, sqlite_url: str, tmp_path: Path
) -> None:
    world, filing = filed
    content = content_of(world, copy_of(world, f"filing:{filing.id}"))
    other = make_world(sqlite_url).wired.document_certificates
    assert other != world.wired.document_certificates
    assert not openssl_accepts(content, other, tmp_path)
    assert not pyhanko_says(content, other).trusted


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler is not on this machine")
def test_poppler_accepts_it_too(filed: tuple[World, Filing], tmp_path: Path) -> None:
    world, filing = filed
    path = tmp_path / "copy.pdf"
    path.write_bytes(content_of(world, copy_of(world, f"filing:{filing.id}")))
    said = subprocess.run(["pdfsig", path], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said


def test_it_is_marked_and_built_as_pdf_a_3(filed: tuple[World, Filing]) -> None:
    """No validator of PDF/A is among our tools: what the standard asks first is asserted one by one."""
    world, filing = filed
    content = content_of(world, copy_of(world, f"filing:{filing.id}"))
    with pikepdf.open(io.BytesIO(content)) as file:
        marks = file.open_metadata()
        assert (marks["pdfaid:part"], marks["pdfaid:conformance"]) == ("3", "B")
        assert str(file.Root.OutputIntents[0].S) == "/GTS_PDFA1"
        assert file.Root.OutputIntents[0].DestOutputProfile.read_bytes()[36:40] == b"acsp"
        relations = [str(spec.AFRelationship) for spec in file.Root.AF]
        assert sorted(relations) == ["/Source", "/Supplement"]
        assert all(str(spec.EF.F.Subtype) == "/application/json" for spec in file.Root.AF)
        assert not file.is_encrypted
        assert "/NeedAppearances" not in file.Root.AcroForm
        fonts = [part for part in file.objects if part_of(part, "/Type") == "/FontDescriptor"]
        assert fonts
        assert all({"/FontFile2", "/FontFile3"} & set(font.keys()) for font in fonts)
        assert not any(part_of(part, "/S") in ("/JavaScript", "/Launch") for part in file.objects)


def part_of(part: Any, name: str) -> str:
    return str(part.get(name, "")) if isinstance(part, pikepdf.Dictionary) else ""


def test_a_decision_is_published_with_what_everybody_may_read(sqlite_desk: Desk, tmp_path: Path) -> None:
    made = sqlite_desk.decided(
        sqlite_desk.under_review(),
        kind=DecisionKind.CONDITIONS,
        conditions=[("A wet-lab baseline.", None)],
        confidential_annex="Nobody outside reads this.",
    )
    world = sqlite_desk.world
    world.run_jobs()
    row = copy_of(world, f"decision:{made.id}")
    content = row.published or b""
    assert content == content_of(world, row)
    assert openssl_accepts(content, world.wired.document_certificates, tmp_path)
    with world.wired.database.read() as session:
        decision = session.get_one(Decision, made.id)
        wording = decisions.wording(decision, decisions.conditions(session, decision))
    assert enclosed(content)["record.json"] == wording
    text = text_of(content)
    assert "A wet-lab baseline." in text
    assert "Nobody outside reads this" not in text
    assert b"Nobody outside reads this" not in b"".join(enclosed(content).values())
    answer = world.client("public").get(f"/register/decisions/{made.reference}/copy.pdf")
    assert (answer.status_code, answer.data) == (200, content)
    assert world.client("public").get("/ledger/document-certificates.pem").text == (
        world.wired.document_certificates
    )


def test_a_notice_encloses_the_letter_as_it_was_served(sqlite_bench: Bench, tmp_path: Path) -> None:
    notice = sqlite_bench.sent()
    world = sqlite_bench.world
    world.run_jobs()
    row = copy_of(world, f"notice:{notice.id}")
    content = content_of(world, row)
    assert openssl_accepts(content, world.wired.document_certificates, tmp_path)
    assert (row.published, row.owner_id) == (None, notice.developer_id)
    files = enclosed(content)
    with world.wired.database.read() as session:
        kept = session.get_one(Notice, notice.id)
        letter = documents.find(session, kept.document_id)
    assert hashlib.sha256(files[letter.file_name]).hexdigest() == letter.sha256
    record = json.loads(files["record.json"])
    assert canonical.encode(record) == files["record.json"]
    assert record["letter"]["sha256"] == letter.sha256
    assert record["worksheet"]["total"] == "3750000.00"
    client = world.client("developer", sqlite_bench.desk.developer)
    assert client.get(f"/findings/{notice.reference}/copy.pdf").data == content


def test_a_referral_stays_with_the_authority(sqlite_bench: Bench) -> None:
    notice = sqlite_bench.sent(sqlite_bench.referred())
    sqlite_bench.world.run_jobs()
    row = copy_of(sqlite_bench.world, f"notice:{notice.id}")
    assert row.owner_id == sqlite_bench.desk.officer.organisation_id
    client = sqlite_bench.world.client("developer", sqlite_bench.desk.developer)
    assert client.get(f"/findings/{notice.reference}/copy.pdf").status_code == 404


def test_writing_twice_makes_one(filed: tuple[World, Filing]) -> None:
    world, filing = filed
    subject = f"filing:{filing.id}"
    before = copy_of(world, subject)
    effect = copies.write(world.wired, subject)
    with world.wired.database.write() as session:
        effect(session, world.clock.now())
        assert len(session.exec(select(CopyOfRecord).where(CopyOfRecord.subject == subject)).all()) == 1
    assert copy_of(world, subject).sha256 == before.sha256


def test_two_workers_at_once_keep_one(sqlite_desk: Desk) -> None:
    made = sqlite_desk.decided(sqlite_desk.under_review())
    subject, wired = f"decision:{made.id}", sqlite_desk.world.wired
    effects = [copies.write(wired, subject) for _ in range(2)]
    for effect in effects:
        with wired.database.write() as session:
            effect(session, sqlite_desk.now)
    with wired.database.read() as session:
        assert len(session.exec(select(CopyOfRecord).where(CopyOfRecord.subject == subject)).all()) == 1


@pytest.mark.parametrize("kind", ["filing", "decision", "notice"])
def test_nothing_is_copied_before_its_time(sqlite_bench: Bench, kind: str) -> None:
    desk = sqlite_bench.desk
    made: dict[str, Callable[[], Any]] = {
        "filing": lambda: desk.filing(FilingKind.TEST_SUMMARY),
        "decision": lambda: desk.recommended(desk.under_review()),
        "notice": sqlite_bench.written,
    }
    with pytest.raises(NotFound):
        copies.write(desk.world.wired, f"{kind}:{made[kind]().id}")


def test_what_is_no_such_thing_has_no_copy(sqlite_desk: Desk) -> None:
    with pytest.raises(NotFound):
        copies.write(sqlite_desk.world.wired, "case:00000000-0000-4000-8000-000000000001")


def test_without_the_key_or_the_extra_nothing_is_signed(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sqlite_desk.decided(sqlite_desk.under_review())
    wired = sqlite_desk.world.wired
    with pytest.raises(Denied, match="no key that signs"):
        copies.write(replace(wired, document_key=None), f"decision:{made.id}")
    monkeypatch.setitem(__import__("sys").modules, "pyhanko.sign", None)
    with pytest.raises(pades.CannotSign, match=r"assay-portal\[sign\]"):
        copies.write(wired, f"decision:{made.id}")


def test_until_it_is_written_the_page_says_so(sqlite_desk: Desk) -> None:
    case = sqlite_desk.under_review()
    made = sqlite_desk.decided(case)
    client = sqlite_desk.world.client("government", sqlite_desk.officer)
    assert "within a minute" in client.get(f"/cases/{case.reference}/decision").text
    answer = client.get(f"/cases/{case.reference}/decision/copy.pdf")
    assert answer.status_code == 403
    assert "no copy of record yet" in answer.text
    sqlite_desk.world.run_jobs()
    assert client.get(f"/cases/{case.reference}/decision/copy.pdf").data.startswith(b"%PDF")
    public = sqlite_desk.world.client("public")
    assert "Copy of record" in public.get(f"/register/decisions/{made.reference}").text

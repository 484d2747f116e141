"""What is taken, under which name, and the rows that come of it."""

from __future__ import annotations

import io
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secure_access import documents, identity, jobs, ledger
from secure_access.db import Database, Session, Table, col, select
from secure_access.documents import (
    EVIDENCE,
    PAGES,
    Accepted,
    Attachment,
    Audience,
    Document,
    DocumentState,
    MediaType,
    Refused,
    Use,
    document_context,
)
from secure_access.documents import content as content_module
from secure_access.identity import Actor, OrganisationKind
from secure_access.ledger import RecordNotNamed
from secure_access.vault import LocalStore, Vault
from secure_access.workflow import Denied, NotFound, Role

NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"0" * 500 + b"\n%%EOF\n"


def archive(*names: str, content: bytes = b"x") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, content)
    return made.getvalue()


DOCX = archive("[Content_Types].xml", "word/document.xml")
XLSX = archive("[Content_Types].xml", "xl/workbook.xml")
EVAL = archive("_journal/start.json", "samples/1_epoch_1.json", "header.json")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)
JPEG = b"\xff\xd8\xff\xe0" + bytes(50)


def take(vault: Vault, data: bytes, name: str, use: Use = EVIDENCE) -> Accepted:
    document_id = uuid.uuid4()
    stored = vault.put([data], context=document_context(document_id))
    return documents.accept(vault, stored, document_id=document_id, name=name, use=use)


def left(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "vault").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (PDF, "report.pdf", MediaType.PDF),
        (PDF, "REPORT.PDF", MediaType.PDF),
        (PDF, "report v1.2.pdf", MediaType.PDF),
        (PNG, "figure.png", MediaType.PNG),
        (JPEG, "photo.jpg", MediaType.JPEG),
        (JPEG, "photo.jpeg", MediaType.JPEG),
        (DOCX, "annex.docx", MediaType.DOCX),
        (XLSX, "revenue.xlsx", MediaType.XLSX),
        (EVAL, "run.eval", MediaType.EVAL),
        (archive("header.json"), "run.eval", MediaType.EVAL),
        (b'{"a": 1}', "log.json", MediaType.JSON),
        (b"\xef\xbb\xbf [1]", "log.json", MediaType.JSON),
        (b"a,b\n1,2\n", "table.csv", MediaType.CSV),
        ("Grüße\r\n\tund mehr".encode(), "note.txt", MediaType.TEXT),
        (b"# Title\n<details>\n", "card.md", MediaType.MARKDOWN),
        (("é" * 700_000).encode(), "long.txt", MediaType.TEXT),
    ],
)
def test_kinds_by_content(vault: Vault, data: bytes, name: str, kind: MediaType) -> None:
    taken = take(vault, data, name)
    assert taken.media_type is kind
    assert vault.read(taken.stored, context=document_context(taken.document_id)) == data


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"", "empty.pdf", "The file is empty."),
        (b"MZ\x90\x00" + bytes(100), "setup.pdf", "not taken here"),
        (b"\x7fELF" + bytes(100), "tool", "not taken here"),
        (b"plain words", "report.pdf", "not taken here"),
        (b"plain words", "words", "not taken here"),
        (b"\n%PDF-1.7", "late.pdf", "not taken here"),
        (PDF, "report.png", "does not fit"),
        (PDF, "report", "does not fit"),
        (PDF, "report.pdf.exe", "does not fit"),
        (PDF, "report.exe.pdf", "two endings"),
        (PDF, "report.html.pdf", "two endings"),
        (PNG, "figure.jpg", "does not fit"),
        (PDF + archive("a.txt"), "both.pdf", "an archive behind its end"),
        (PDF + archive("[Content_Types].xml", "word/document.xml"), "both.docx", "an archive behind its end"),
        (PNG + archive("a.txt"), "both.png", "an archive behind its end"),
        (b"words " + archive("a.txt") + b" more words", "both.txt", "an archive behind its end"),
        (archive("readme.txt"), "files.zip", "not taken here"),
        (archive("[Content_Types].xml", "ppt/slides.xml"), "slides.docx", "not taken here"),
        (
            archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
            "m.docx",
            "carries macros",
        ),
        (archive("[Content_Types].xml", "xl/workbook.xml", "xl/activeX/a.xml"), "m.xlsx", "carries macros"),
        (DOCX, "annex.xlsx", "does not fit"),
        (DOCX[:-10], "annex.docx", "cut off or damaged"),
        (b"PK\x03\x04", "run.eval", "cut off or damaged"),
        (b"PK\x03\x04" + b"PK\x05\x06" + bytes(18), "run.eval", "cut off or damaged"),
        (b"plain words", "log.json", "not taken here"),
        (b"a\x00b", "table.csv", "not taken here"),
        (b"caf\xe9", "note.txt", "not in UTF-8"),
        ("é".encode()[:1], "note.txt", "not in UTF-8"),
        (b"<!DOCTYPE html><script>1</script>", "note.md", "not taken here"),
        (b"\xef\xbb\xbf <svg onload=1>", "note.txt", "not taken here"),
    ],
)
def test_what_is_refused_leaves_nothing(
    local_vault: Vault, tmp_path: Path, data: bytes, name: str, reason: str
) -> None:
    with pytest.raises(Refused, match=reason) as refusal:
        take(local_vault, data, name)
    assert isinstance(refusal.value, Denied)
    assert refusal.value.fix.endswith(".")
    assert left(tmp_path) == []


def test_an_archive_remnant_that_is_no_directory_is_no_polyglot(local_vault: Vault) -> None:
    data = PDF + b"PK\x05\x06" + bytes([0] * 12 + [9, 0, 0, 0] + [0] * 10) + b"PK\x05\x06" + bytes(8)
    assert take(local_vault, data, "report.pdf").media_type is MediaType.PDF


def test_limits_of_a_use(local_vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="not taken here") as refusal:
        take(local_vault, b"[]", "log.json", PAGES)
    assert refusal.value.fix == "Send one of these: .pdf."
    with pytest.raises(Refused, match="larger than 1 MiB"):
        take(local_vault, bytes(2 << 20), "big.pdf", Use(frozenset({MediaType.PDF}), 1 << 20))
    monkeypatch.setattr(content_module, "MAX_TEXT", 10)
    with pytest.raises(Refused, match="not taken here"):
        take(local_vault, b"more than ten", "note.txt")
    monkeypatch.setattr(content_module, "MAX_DIRECTORY", 10)
    with pytest.raises(Refused, match="cut off or damaged"):
        take(local_vault, DOCX, "annex.docx")
    assert left(tmp_path) == []


def test_an_object_of_another_document_is_deleted_too(local_vault: Vault, tmp_path: Path) -> None:
    stored = local_vault.put([PDF], context=document_context(uuid.uuid4()))
    with pytest.raises(Exception, match="does not open"):
        documents.accept(local_vault, stored, document_id=uuid.uuid4(), name="report.pdf")
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\report.pdf", "report.pdf"),
        ("a\x00b\x01c\u202efdp.exe", "abcfdp.exe"),
        ("  two \t\n words .pdf", "two words .pdf"),
        ("..hidden", "hidden"),
        ("", "unnamed"),
        ("/", "unnamed"),
        ("e\u0301.pdf", "é.pdf"),
        ("x" * 300 + ".pdf", "x" * 115 + "….pdf"),
        ("x" * 300, "x" * 120),
        ("x." + "y" * 300, "x." + "y" * 118),
    ],
)
def test_names_for_display(given: str, shown: str) -> None:
    assert documents.display_name(given) == shown
    assert len(shown) <= 120


def test_real_files(shared: Path, local_vault: Vault) -> None:
    kinds = {"pdf": MediaType.PDF, "office": None, "inspect_logs": None}
    seen = 0
    for folder in kinds:
        for path in sorted((shared / "data" / folder).iterdir()):
            taken = take(local_vault, path.read_bytes(), path.name)
            assert path.suffix in content_module.ENDINGS[taken.media_type]
            seen += 1
    assert seen >= 20


@pytest.fixture
def db(database: Database) -> Database:
    Table.metadata.create_all(database.engine)
    return database


@pytest.fixture
def officer(db: Database) -> Actor:
    with db.write() as session:
        organisation = identity.add_organisation(
            session, kind=OrganisationKind.DEVELOPER, name=f"Developer {uuid.uuid4().hex}", now=NOW
        )
        person = identity.add_person(
            session,
            organisation=organisation,
            new=identity.NewPerson(
                email=f"{uuid.uuid4().hex}@example.test", name="A. Officer", roles=frozenset({Role.PREPARER})
            ),
            password_hash="",
            now=NOW,
        )
        return identity.actor(session, person.id)


def received(session: Session, vault: Vault, by: Actor, name: str = "report.pdf") -> Document:
    file = take(vault, PDF, name)
    return documents.receive(session, file=file, kind="annex", title="Annex A", by=by, now=NOW)


def test_receive(db: Database, local_vault: Vault, officer: Actor) -> None:
    with db.write() as session:
        document_id = received(session, local_vault, officer).id
    with db.read() as session:
        document = documents.find(session, document_id)
        assert (document.state, document.media_type, document.size) == (
            "received",
            "application/pdf",
            len(PDF),
        )
        assert (document.owner_id, document.uploaded_by) == (officer.organisation_id, officer.person_id)
        assert not document.can_be_shown
        assert local_vault.read(document.stored, context=document.context) == PDF
        assert [entry.type for entry in ledger.entries(session, f"document:{document_id}")] == [
            "document.received"
        ]
        job = session.exec(select(jobs.Job).where(col(jobs.Job.subject_id) == str(document_id))).one()
        assert job.kind == documents.SCREEN


def test_unknown_document(db: Database) -> None:
    with db.read() as session, pytest.raises(NotFound):
        documents.find(session, uuid.uuid4())


def attach(session: Session, document: Document, subject: str, by: Actor, audience: Audience) -> Attachment:
    return documents.attach(
        session, document=document, subject=subject, label="Annex", audience=audience, by=by, now=NOW
    )


def test_attachments_in_order_for_an_audience(db: Database, local_vault: Vault, officer: Actor) -> None:
    subject, other = f"filing:{uuid.uuid4()}", f"filing:{uuid.uuid4()}"
    with db.write() as session:
        first, second = (received(session, local_vault, officer) for _ in range(2))
        attach(session, second, subject, officer, Audience.PUBLIC)
        gone = attach(session, first, subject, officer, Audience.CONFIDENTIAL)
        attach(session, first, subject, officer, Audience.CONFIDENTIAL)
        attach(session, first, other, officer, Audience.PUBLIC)
        documents.detach(session, attachment=gone, by=officer, now=NOW)
        documents.detach(session, attachment=gone, by=officer, now=NOW + timedelta(days=1))
    assert gone.detached_at == NOW
    with db.read() as session:
        hanging = documents.for_subject(session, subject)
        assert [(a.document.id, a.attachment.place) for a in hanging] == [(second.id, 1), (first.id, 3)]
        public = documents.for_subject(session, subject, audience=Audience.PUBLIC)
        assert [a.document.id for a in public] == [second.id]
        names = [entry.type for entry in ledger.entries(session, subject)]
        assert names == [*["document.attached"] * 3, "document.detached"]


def test_openings_are_recorded(db: Database, local_vault: Vault, officer: Actor) -> None:
    subject, case = f"filing:{uuid.uuid4()}", f"case:{uuid.uuid4()}"
    with db.write() as session:
        document = received(session, local_vault, officer)
        documents.note_opening(
            session, document=document, subject=subject, by=officer, now=NOW, page=3, about=(case, subject)
        )
        documents.note_opening(session, document=document, subject=subject, by=officer, now=NOW)
    with db.read() as session:
        assert [entry.type for entry in ledger.entries(session, case)] == ["document.opened"]
        assert len(ledger.entries(session, subject)) == 2


@pytest.mark.parametrize("change", ["title", "wrapped_key"])
def test_a_document_does_not_change_in_silence(
    db: Database, local_vault: Vault, officer: Actor, change: str
) -> None:
    with db.write() as session:
        document_id = received(session, local_vault, officer).id

    def alter() -> None:
        with db.write() as session:
            document = documents.find(session, document_id)
            setattr(document, change, "Annex B" if change == "title" else b"wrapped anew")
            session.add(document)

    if change == "title":
        with pytest.raises(RecordNotNamed):
            alter()
    else:
        alter()


def test_finding_is_written_once(db: Database, local_vault: Vault, officer: Actor) -> None:
    shown = documents.Finding(DocumentState.SHOWN, pages=4)
    with db.write() as session:
        document = received(session, local_vault, officer)
        documents.record_finding(session, document, shown, now=NOW)
        again = documents.Finding(DocumentState.CANNOT_BE_SHOWN, "Later.")
        documents.record_finding(session, document, again, now=NOW)
    with db.read() as session:
        kept = documents.find(session, document.id)
        assert (kept.state, kept.pages, kept.why, kept.can_be_shown) == (DocumentState.SHOWN, 4, "", True)


def test_a_failing_store_is_not_hidden(local_vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(LocalStore, "size", broken)
    with pytest.raises(OSError, match="Input/output"):
        take(local_vault, PDF, "report.pdf")

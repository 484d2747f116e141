"""Which files can be shown, and that no file harms or outlives the process that opens it."""

from __future__ import annotations

import csv
import io
import json
import os
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from secure_access.documents import (
    CannotShow,
    Document,
    DocumentState,
    Finding,
    MediaType,
    document_context,
    enclosure,
    examine,
    sandbox,
    screening,
)
from secure_access.documents.enclosure import Limits
from secure_access.vault import Vault
from tests.fixtures import pdfs

NOW = datetime(2027, 10, 1, 9, tzinfo=UTC)
LOOK = {"media_type": "application/pdf"}


def kept(vault: Vault, data: bytes, media_type: MediaType = MediaType.PDF) -> Document:
    """A document in the vault, without a row in a database."""
    document_id = uuid.uuid4()
    stored = vault.put([data], context=document_context(document_id))
    return Document(
        id=document_id,
        owner_id=uuid.uuid4(),
        kind="annex",
        title="Annex",
        file_name="annex.pdf",
        media_type=media_type,
        size=stored.size,
        sha256=stored.sha256,
        vault_name=stored.name,
        wrapped_key=stored.wrapped_key,
        key_id=stored.key_id,
        uploaded_by=uuid.uuid4(),
        received_at=NOW,
    )


def picture(kind: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, kind)
    return out.getvalue()


def test_pages_are_counted(vault: Vault) -> None:
    assert examine(vault, kept(vault, pdfs.plain(3))) == Finding(DocumentState.SHOWN, pages=3)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pdfs.locked(), "It is locked with a password."),
        (pdfs.without_pages(), "It is damaged: no PDF reader can be expected to open it."),
        (b"%PDF-1.7\nnothing of the kind", "It is damaged: no PDF reader can be expected to open it."),
        (pdfs.plain()[:60], "It is damaged: no PDF reader can be expected to open it."),
    ],
)
def test_a_file_that_cannot_be_shown_says_why(local_vault: Vault, data: bytes, why: str) -> None:
    document = kept(local_vault, data)
    assert examine(local_vault, document) == Finding(DocumentState.CANNOT_BE_SHOWN, why)
    assert local_vault.read(document.stored, context=document.context) == data


def test_scripts_do_not_run_and_do_not_hinder(local_vault: Vault) -> None:
    assert examine(local_vault, kept(local_vault, pdfs.scripted())).pages == 1


def test_a_circular_tree_ends(local_vault: Vault) -> None:
    assert examine(local_vault, kept(local_vault, pdfs.circular())).state is DocumentState.CANNOT_BE_SHOWN


@pytest.mark.parametrize("box", [b"0 0 14400 14400", b"0 0 1000000 1000000", b"0 0 1 100000", b"0 0 0 0"])
def test_pages_of_any_size_end(local_vault: Vault, box: bytes) -> None:
    assert examine(local_vault, kept(local_vault, pdfs.of_size(box))).pages in {1, None}


def test_work_without_end_is_ended_by_the_clock(local_vault: Vault) -> None:
    began = time.monotonic()
    # Ample memory: the same file would otherwise be stopped by that limit, sooner on a faster machine.
    limits = Limits(wall_seconds=2, memory_bytes=8 << 30)
    finding = examine(local_vault, kept(local_vault, pdfs.exponential()), limits=limits)
    assert finding == Finding(DocumentState.CANNOT_BE_SHOWN, "Opening it took longer than 2 seconds.")
    assert time.monotonic() - began < 10


def test_work_without_end_is_ended_by_the_processor_limit(local_vault: Vault) -> None:
    limits = Limits(cpu_seconds=1, wall_seconds=60, memory_bytes=8 << 30)
    finding = examine(local_vault, kept(local_vault, pdfs.exponential()), limits=limits)
    assert finding == Finding(DocumentState.CANNOT_BE_SHOWN, "Opening it made the reader fail.")


def test_a_bomb_is_stopped_by_the_memory_limit(local_vault: Vault) -> None:
    limits = Limits(memory_bytes=300 << 20)
    document = kept(local_vault, pdfs.bomb())
    assert document.size < 4 << 20
    finding = examine(local_vault, document, limits=limits)
    # The renderer either fails or draws nothing; in no case does the process get the memory.
    assert finding.pages in {1, None}


def test_more_bytes_than_are_opened(local_vault: Vault) -> None:
    finding = examine(local_vault, kept(local_vault, bytes(3 << 20)), limits=Limits(input_bytes=2 << 20))
    assert finding.why == "It is larger than 2 MiB, the most that is opened for showing."


def test_a_file_that_does_not_fit_into_memory(local_vault: Vault) -> None:
    finding = examine(local_vault, kept(local_vault, bytes(200 << 20)), limits=Limits(memory_bytes=250 << 20))
    assert finding.state is DocumentState.CANNOT_BE_SHOWN
    assert finding.why in {
        "Opening it takes more memory than is allowed.",
        "Opening it made the reader fail.",
    }


@pytest.mark.parametrize("kind", [MediaType.PNG, MediaType.JPEG])
def test_images(local_vault: Vault, kind: MediaType) -> None:
    data = picture(kind.value.removeprefix("image/").upper())
    assert examine(local_vault, kept(local_vault, data, kind)) == Finding(DocumentState.SHOWN, pages=1)
    broken = examine(local_vault, kept(local_vault, data[: len(data) // 2], kind))
    assert broken == Finding(DocumentState.CANNOT_BE_SHOWN, "The image is damaged.")


@pytest.mark.parametrize(
    "kind", [MediaType.JSON, MediaType.CSV, MediaType.TEXT, MediaType.MARKDOWN, MediaType.EVAL]
)
def test_texts_and_logs_need_no_process(
    local_vault: Vault, kind: MediaType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enclosure, "run", None)
    assert examine(local_vault, kept(local_vault, b"x", kind)) == Finding(DocumentState.SHOWN)


@pytest.mark.parametrize("kind", [MediaType.XLSX, MediaType.DOCX])
def test_office_files_are_downloaded(local_vault: Vault, kind: MediaType) -> None:
    finding = examine(local_vault, kept(local_vault, b"x", kind))
    assert (finding.state, finding.pages) == (DocumentState.CANNOT_BE_SHOWN, None)
    assert "downloaded" in finding.why


def test_stored_bytes_that_are_damaged_or_gone(local_vault: Vault) -> None:
    document, other = kept(local_vault, pdfs.plain()), kept(local_vault, pdfs.plain())
    document.vault_name = other.vault_name
    assert "not what was received" in examine(local_vault, document).why
    local_vault.delete(other.vault_name)
    assert "not what was received" in examine(local_vault, other).why


def test_screen_examines_and_records(local_vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(screening, "record_finding", lambda *given, **named: seen.append((given, named)))
    document, session = kept(local_vault, pdfs.plain()), object()
    finding = screening.screen(session, document, local_vault, now=NOW)  # type: ignore[arg-type]
    assert seen == [((session, document, finding), {"now": NOW})]


def test_real_pdfs(shared: Path, local_vault: Vault) -> None:
    folder = shared / "data" / "pdf"
    rows = list(csv.DictReader((folder / "MANIFEST.csv").open()))
    assert len(rows) == 11
    for row in rows:
        finding = examine(local_vault, kept(local_vault, (folder / row["file"]).read_bytes()))
        if row["pikepdf_open"] == "password":
            assert finding.why == "It is locked with a password.", row["file"]
        else:
            assert finding == Finding(DocumentState.SHOWN, pages=int(row["pages"])), row["file"]


def _script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    script = tmp_path / "stand_in.py"
    script.write_text(text)
    monkeypatch.setattr(enclosure, "SCRIPT", script)


def test_the_process_sees_no_secret_and_no_file_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script(
        tmp_path,
        monkeypatch,
        "import os, sys, json; sys.stdin.buffer.read(); print(json.dumps({'env': sorted(os.environ),"
        "'cwd': os.getcwd(), 'files': os.listdir('.'), 'open': len(os.listdir('/proc/self/fd')),"
        "'ours': [m for m in sys.modules if m.startswith('secure_access')], 'path': sys.path[0]}))",
    )
    monkeypatch.setenv("ASSAY_SECRET", "secret")
    with (tmp_path / "open_here").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        answer = enclosure.run(LOOK, [b""])
    assert set(answer["env"]) <= {"LANG", "LC_CTYPE"}
    assert (answer["files"], answer["ours"]) == ([], [])
    assert answer["open"] == 4  # the three standard ones and the listing itself
    assert not Path(answer["cwd"]).exists()
    assert str(tmp_path) not in answer["path"]


def test_the_limits_hold_in_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(sandbox.__file__).read_text().split('if __name__ == "__main__":')[0]
    _script(
        tmp_path,
        monkeypatch,
        source + "\n_limit(1 << 30, 7)\nsys.stdin.buffer.read()\n"
        "print(json.dumps([resource.getrlimit(r) for r in (resource.RLIMIT_AS, resource.RLIMIT_CPU,"
        "resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)]))",
    )
    answer: Any = enclosure.run(LOOK, [b""])
    assert answer == [[1 << 30, 1 << 30], [7, 7], [0, 0], [64, 64], [0, 0]]


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("import sys; sys.exit(1)", Limits()),
        ("import sys; sys.stdin.close(); print('no json')", Limits()),
        ("import sys; sys.stdin.buffer.read(); print('{}' + 'x' * 5000)", Limits(output_bytes=1000)),
        ("import os; os.kill(os.getpid(), 9)", Limits()),
    ],
)
def test_a_process_that_misbehaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, limits: Limits
) -> None:
    _script(tmp_path, monkeypatch, text)
    with pytest.raises(CannotShow, match="made the reader fail"):
        enclosure.run(LOOK, [bytes(1 << 20)] * 3, limits)


def test_a_source_that_fails_ends_the_process(tmp_path: Path) -> None:
    def source() -> Any:
        yield b"%PDF-"
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        enclosure.run(LOOK, source())


class TestInside:
    """The process's own code, called in this one without its limits."""

    @pytest.fixture(autouse=True)
    def no_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.limited: dict[int, tuple[int, int]] = {}
        monkeypatch.setattr(sandbox.resource, "setrlimit", self.limited.__setitem__)

    def look(self, data: bytes, media_type: str = "application/pdf") -> dict[str, Any]:
        request = {"memory_bytes": 1 << 40, "cpu_seconds": 60, "media_type": media_type}
        out = io.BytesIO()
        sandbox.main(io.BytesIO(json.dumps(request).encode() + b"\n" + data), out)
        answer: dict[str, Any] = json.loads(out.getvalue())
        return answer

    def test_look(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.look(pdfs.plain(2)) == {"pages": 2}
        assert self.limited[sandbox.resource.RLIMIT_AS] == (1 << 40, 1 << 40)
        assert self.look(pdfs.locked()) == {"why": "It is locked with a password."}
        assert "damaged" in self.look(b"%PDF-")["why"]
        assert "damaged" in self.look(pdfs.without_pages())["why"]
        monkeypatch.setattr(sandbox, "MAX_PAGES", 1)
        assert self.look(pdfs.plain(2)) == {"why": "It claims to have 2 pages."}

    def test_images(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.look(picture(), "image/png") == {"pages": 1}
        assert self.look(b"\x89PNG", "image/png") == {"why": "The image is damaged."}
        monkeypatch.setattr(sandbox, "MAX_IMAGE_PIXELS", 100)
        why = self.look(picture(), "image/png")["why"]
        assert why == "The image is too large to show: 30 × 20 pixels."

    def test_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise MemoryError

        monkeypatch.setattr(sandbox, "_opened", full)
        assert self.look(b"") == {"why": "Opening it takes more memory than is allowed."}

    def test_pages_that_cannot_be_drawn(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sandbox.pypdfium2.PdfPage, "get_size", lambda _: (0, 10))
        assert self.look(pdfs.plain()) == {"why": "Page 1 has no size."}

        def broken(_: object) -> None:
            raise sandbox.pypdfium2.PdfiumError("no page")

        monkeypatch.setattr(sandbox.pypdfium2.PdfPage, "get_size", broken)
        assert self.look(pdfs.plain()) == {"why": "Page 1 is damaged."}

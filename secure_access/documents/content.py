"""What a file is, judged by its content; its name has to agree. Nothing here opens a format's insides.

Only the first and last bytes, the directory of a ZIP and the encoding of a text are looked at, so this may
run in the web process. A file that is two things at once, such as a PDF with a ZIP behind it, is refused:
two programs would see two documents, and only one of them was reviewed.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from secure_access.documents.tables import document_context
from secure_access.vault import Stored, Vault
from secure_access.workflow import Denied

HEAD = 4096
TAIL = 65_536 + 22
"""A ZIP's end record lies within the last 64 KiB and its own 22 bytes."""
MAX_DIRECTORY = 8 * 1024 * 1024
MAX_TEXT = 64 * 1024 * 1024
MAX_NAME = 120


class Refused(Denied):
    """The file is not taken, and nothing of it is kept."""


class MediaType(StrEnum):
    """The kinds of file that can be told apart."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    JSON = "application/json"
    CSV = "text/csv"
    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    EVAL = "application/x-inspect-eval"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


ENDINGS = {
    MediaType.PDF: (".pdf",),
    MediaType.PNG: (".png",),
    MediaType.JPEG: (".jpg", ".jpeg"),
    MediaType.JSON: (".json",),
    MediaType.CSV: (".csv",),
    MediaType.TEXT: (".txt",),
    MediaType.MARKDOWN: (".md",),
    MediaType.EVAL: (".eval",),
    MediaType.XLSX: (".xlsx",),
    MediaType.DOCX: (".docx",),
}
_BY_ENDING = {ending: kind for kind, endings in ENDINGS.items() for ending in endings}
_TEXTS = frozenset({MediaType.JSON, MediaType.CSV, MediaType.TEXT, MediaType.MARKDOWN})
_RUNNABLE = re.compile(
    r"\.(exe|com|scr|bat|cmd|ps1|vbs|js|mjs|jar|msi|lnk|hta|sh|py|html?|xhtml|svg|php|iso|dll)(?=\.)",
    re.IGNORECASE,
)
_MARKUP = re.compile(rb"\s*<(!doctype|html|svg|script|\?xml|\?php)", re.IGNORECASE)
_MACROS = re.compile(r"vbaproject|activex|macrosheets", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Use:
    """What a file is for: which kinds are taken, and how many bytes at most."""

    allowed: frozenset[MediaType]
    max_bytes: int


EVIDENCE = Use(frozenset(MediaType), 1 << 30)
"""Whatever supports a statement."""
PAGES = Use(frozenset({MediaType.PDF}), 256 << 20)
"""What is read on the screen, page by page."""


@dataclass(frozen=True)
class Accepted:
    """A file in the vault that was looked at: what `receive` makes a row of."""

    document_id: uuid.UUID
    stored: Stored
    name: str
    media_type: MediaType
    version: int = 1


def accept(
    vault: Vault, stored: Stored, *, document_id: uuid.UUID, name: str, use: Use = EVIDENCE, version: int = 1
) -> Accepted:
    """Says what the file is, before any row is made. Call it outside a transaction: it reads the vault.

    The object must have been put under `document_context` of the same id and version. Raises `Refused`, and
    whatever the vault raises; the object is then deleted.
    """
    try:
        look = _Look(vault, stored, document_context(document_id, version))
        media_type = _judge(look, name, use)
    except BaseException:
        vault.delete(stored.name)
        raise
    return Accepted(document_id, stored, display_name(name), media_type, version)


def display_name(name: str) -> str:
    """A file name that is safe to show and to offer for a download. It is never used as a path."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(" " if ch.isspace() else ch for ch in base if ch.isspace() or ch.isprintable())
    short = " ".join(visible.split()).lstrip(".") or "unnamed"
    if len(short) <= MAX_NAME:
        return short
    stem, dot, ending = short.rpartition(".")
    if not dot or len(ending) > 10:
        return short[:MAX_NAME]
    return f"{stem[: MAX_NAME - len(ending) - 2]}….{ending}"


class _Look:
    """The parts of a stored file that are looked at."""

    def __init__(self, vault: Vault, stored: Stored, context: str) -> None:
        self._vault, self._stored, self._context = vault, stored, context
        self.size = stored.size
        self.head = self.read(0, HEAD)
        self.tail_at = max(0, self.size - TAIL)
        self.tail = self.read(self.tail_at, TAIL)

    def read(self, start: int, length: int) -> bytes:
        return self._vault.read(self._stored, context=self._context, start=start, length=length)

    def blocks(self) -> Iterator[bytes]:
        return self._vault.chunks(self._stored, context=self._context)


def _judge(look: _Look, name: str, use: Use) -> MediaType:
    if look.size == 0:
        raise Refused("The file is empty.", "Choose the file again and send it once more.")
    if look.size > use.max_bytes:
        limit = use.max_bytes >> 20
        raise Refused(
            f"The file is larger than {limit} MiB.", "Send it in parts, or a smaller version of it."
        )
    shown = display_name(name)
    ending = _ending(shown)
    kind = _kind(look, _BY_ENDING.get(ending))
    if kind not in use.allowed:
        raise _not_taken(use)
    if ending not in ENDINGS[kind]:
        wanted = " or ".join(ENDINGS[kind])
        raise Refused(
            f"The name “{shown}” does not fit what the file is.",
            f"Rename it so that it ends in {wanted}, and send it again.",
        )
    return kind


def _ending(shown: str) -> str:
    if _RUNNABLE.search(shown):
        raise Refused(
            f"The name “{shown}” has two endings, one of them that of a program.",
            "Rename the file and send it again.",
        )
    _, dot, ending = shown.rpartition(".")
    return (dot + ending).lower()


def _not_taken(use: Use) -> Refused:
    names = ", ".join(sorted(ending for kind in use.allowed for ending in ENDINGS[kind]))
    return Refused("This kind of file is not taken here.", f"Send one of these: {names}.")


def _kind(look: _Look, named: MediaType | None) -> MediaType | None:
    if look.head.startswith(b"PK\x03\x04"):
        return _archive(look)
    if _directory_at(look) is not None:
        raise Refused(
            "The file has an archive behind its end, so that programs would see different documents in it.",
            "Save or print it anew as a plain file without attachments, and send that.",
        )
    for start, kind in (
        (b"%PDF-", MediaType.PDF),
        (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
        (b"\xff\xd8\xff", MediaType.JPEG),
    ):
        if look.head.startswith(start):
            return kind
    return _text(look, named) if named in _TEXTS else None


def _text(look: _Look, named: MediaType | None) -> MediaType | None:
    """A text is what its name says if all of it is UTF-8 without control characters, and no markup."""
    if look.size > MAX_TEXT or _MARKUP.match(look.head.removeprefix(codecs.BOM_UTF8)):
        return None
    if named is MediaType.JSON and look.head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] not in (b"{", b"["):
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in look.blocks():
            if _CONTROL.search(decoder.decode(block)):
                return None
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Refused(
            "The text is not in UTF-8.", "Save it with the encoding UTF-8, and send it again."
        ) from None
    return named


def _archive(look: _Look) -> MediaType | None:
    """Tells the ZIP-based kinds apart by the names in the archive's directory."""
    names = _names(look)
    if any(_MACROS.search(name) for name in names):
        raise Refused("The file carries macros.", "Save it without macros, or as PDF, and send that.")
    if "[Content_Types].xml" in names:
        for folder, kind in (("word/", MediaType.DOCX), ("xl/", MediaType.XLSX)):
            if any(name.startswith(folder) for name in names):
                return kind
    if names & {"header.json", "_journal/start.json"}:
        return MediaType.EVAL
    return None


def _directory_at(look: _Look) -> tuple[int, int] | None:
    """Start and size of the ZIP directory that a reader would find from the file's end, if there is one."""
    at = look.tail.rfind(b"PK\x05\x06")
    while at >= 0:
        record = look.tail[at : at + 22]
        size = int.from_bytes(record[12:16], "little")
        start = look.tail_at + at - size
        if len(record) == 22 and size and start >= 0 and look.read(start, 4) == b"PK\x01\x02":
            return start, size
        at = look.tail.rfind(b"PK\x05\x06", 0, at)
    return None


def _names(look: _Look) -> set[str]:
    found = _directory_at(look)
    if found is None or found[1] > MAX_DIRECTORY:
        raise Refused("The archive is cut off or damaged.", "Make the file again and send it once more.")
    directory, names, at = look.read(*found), set(), 0
    while directory[at : at + 4] == b"PK\x01\x02":
        name, extra, comment = (
            int.from_bytes(directory[at + i : at + i + 2], "little") for i in (28, 30, 32)
        )
        names.add(directory[at + 46 : at + 46 + name].decode("utf-8", errors="replace"))
        at += 46 + name + extra + comment
    return names

"""Files on their way in: sealed into the vault while they stream, and gone again unless a row keeps them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import structlog

from secure_access.db import Session
from secure_access.documents import Document
from secure_access.vault import Stored, Vault, VaultError, Writer

MAX_FILES = 64
"""Files in one request: each costs the vault a key and a file of its own, however small it is."""

log = structlog.get_logger(__name__)


class Upload:
    """A file on its way in: encrypted while it streams, discarded unless the view claims it."""

    def __init__(self, vault: Vault, filename: str) -> None:
        self.document_id = uuid.uuid4()
        self.filename = filename
        self.head = b""
        self.stored: Stored | None = None
        self.claimed = False
        self._vault = vault
        self._writer: Writer = vault.writer(context=f"document|{self.document_id}|1")

    def write(self, block: bytes) -> int:
        if len(self.head) < 4096:
            self.head += block[: 4096 - len(self.head)]
        self._writer.write(block)
        return len(block)

    def seek(self, position: int) -> int:
        """Werkzeug rewinds a finished part: the sign that the whole file is here."""
        if self.stored is None:
            self.stored = self._writer.close()
        return position

    def claim(self) -> Stored:
        """Keep the file, if a row of it is committed. Raises ``ValueError`` while it is not complete."""
        if self.stored is None:
            raise ValueError("the upload has not ended")
        self.claimed = True
        return self.stored

    def close(self) -> None:
        """Called by Werkzeug; what happens to the bytes is decided by `discard`."""

    def discard(self) -> None:
        """Remove it from the vault, complete or not."""
        if self.stored is None:
            self._writer.discard()
        else:
            self._vault.delete(self.stored.name)


def kept(session: Session, uploads: Iterable[Upload]) -> frozenset[uuid.UUID]:
    """Which uploads this transaction keeps: those that were claimed and of which it holds a row."""
    claimed = [upload.document_id for upload in uploads if upload.claimed]
    return frozenset(found for found in claimed if session.get(Document, found) is not None)


def discard_others(uploads: Iterable[Upload], keep: frozenset[uuid.UUID]) -> None:
    """Remove every upload that was not kept. One that cannot be removed stops no other."""
    for upload in uploads:
        if upload.document_id in keep:
            continue
        try:
            upload.discard()
        except VaultError:
            log.warning("upload.not_discarded", document_id=str(upload.document_id), exc_info=True)

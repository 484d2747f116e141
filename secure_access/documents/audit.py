"""The part of the audit that reads the vault: every document opened, and compared with its row.

An object without a row is named too. Whether the row is true is for `secure_access.ledger.audit`; here the
bytes are held to it. Each chunk that is opened is authentic and in its place, bound to its document; then the
whole has the SHA-256 of the row.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta

from secure_access.db import Database, Session, col, select
from secure_access.documents.tables import Document
from secure_access.ledger import records
from secure_access.ledger.audit_report import Report
from secure_access.ledger.audit_rows import UNREADABLE
from secure_access.sealing import CHUNK
from secure_access.vault import Damaged, Vault, VaultError
from secure_access.vault.stores import Missing

UPLOAD = timedelta(hours=1)
"""How long an upload may take: its object is there before its row."""
_NAME = re.compile(r"[0-9a-f]{32}")


def check_documents(database: Database, vault: Vault, report: Report) -> None:
    """Name every document whose bytes are not there, or are not those of its row, and where they differ.

    No transaction is open while bytes are read.
    """
    with database.read() as session:
        keys = session.connection().execute(select(col(Document.id)).order_by(col(Document.id))).all()
    for (key,) in keys:
        with database.read() as session:
            row = _read(session, key)
        # A row that cannot be read is named by the audit of the tables.
        found = (
            _difference(vault, row) if row is not None else "cannot be read, so its bytes are not compared"
        )
        if found:
            report.add(Document, key, found)
    report.opened = len(keys)


def check_strays(database: Database, vault: Vault, report: Report, now: datetime) -> None:
    """Name everything in the vault that no document's row names, once it is older than `UPLOAD`.

    Rows are read after the vault: a document that came in between has its row, one that went is not there.
    """
    held = [name for name, since in vault.every() if since < now - UPLOAD]
    with database.read() as session:
        rows = set(session.connection().execute(select(col(Document.vault_name))).scalars())
    for name in held:
        if name not in rows and (not _NAME.fullmatch(name) or vault.holds(name)):
            report.add("vault", name, "lies there, and no document's row names it")


def _read(session: Session, key: object) -> Document | None:
    try:
        found = records.read(session.connection(), Document, (key,))
        return Document(**found) if found is not None else None
    except UNREADABLE:
        return None


def _difference(vault: Vault, row: Document) -> str:
    """What is wrong with the bytes of a document; of a sound one, nothing."""
    digest, sound = hashlib.sha256(), 0
    try:
        for block in vault.chunks(row.stored, context=row.context):
            digest.update(block)
            sound += len(block)
    except Missing:
        return "its bytes are not in the vault"
    except Damaged as problem:
        start = _first_damaged(vault, row, sound)
        chunk, chunks = start // CHUNK + 1, row.size // CHUNK + 1
        return (
            f"its bytes in the vault are not sound from byte {start} on, chunk {chunk} of {chunks}: {problem}"
        )
    except VaultError as problem:
        return f"its bytes in the vault cannot be read: {problem}"
    if digest.hexdigest() != row.sha256:
        return "its bytes in the vault do not have the SHA-256 of its row"
    return ""


def _first_damaged(vault: Vault, row: Document, sound: int) -> int:
    """The first byte of the first chunk that does not open, after ``sound`` bytes that did."""
    for start in range(sound - sound % CHUNK, row.size, CHUNK):
        try:
            vault.read(row.stored, context=row.context, start=start, length=CHUNK)
        except VaultError:
            return start
    return row.size - row.size % CHUNK

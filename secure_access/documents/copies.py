"""Copies of record: the signed PDF that stays of what was accepted, decided or served.

A copy is a document in the vault like any other, and a row that says of what it is the copy. Where everybody
may read it, the row holds the bytes too: the process of the public zone has no key to the vault's documents.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import LargeBinary

from secure_access import ledger
from secure_access.db import Field, Instant, Session, Table, classes, instant_column, new_id, select
from secure_access.documents import events, verbs
from secure_access.documents.content import Accepted
from secure_access.documents.tables import Document
from secure_access.identity import Actor


class CopyOfRecord(Table, table=True):
    """The copy of one filing, decision or notice. ``subject`` is kind:id, once for each.

    ``sha256`` is that of the signed PDF, ``source_sha256`` of the canonical JSON inside it, both in hex.
    ``owner_id`` is who besides the authority may read it; ``published`` holds the PDF itself where everybody
    may.
    """

    __tablename__ = "copy_of_record"
    __record__: ClassVar[bool] = True
    __classes__ = classes(
        public="id subject reference document_id sha256 source_sha256 owner_id published made_at"
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    subject: str = Field(max_length=120, unique=True)
    reference: str = Field(max_length=40)
    document_id: uuid.UUID = Field(foreign_key="document.id", unique=True)
    sha256: str = Field(max_length=64)
    source_sha256: str = Field(max_length=64)
    owner_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    published: bytes | None = Field(default=None, sa_type=LargeBinary)
    made_at: Instant = instant_column()


@dataclass(frozen=True)
class NewCopy:
    """A copy that was written and lies in the vault. ``about`` are more subjects for its entry."""

    subject: str
    reference: str
    owner_id: uuid.UUID
    file: Accepted
    source_sha256: str
    about: tuple[str, ...] = ()
    published: bytes | None = None


def keep(session: Session, new: NewCopy, *, by: Actor, now: datetime) -> CopyOfRecord | None:
    """The rows of a copy whose bytes are in the vault; ``None`` when there is one already.

    ``by`` is whose act it is the copy of: the document belongs to their organisation.
    """
    if of_subject(session, new.subject) is not None:
        return None
    document = verbs.receive(
        session, file=new.file, kind="copy_of_record", title=f"Copy of record {new.reference}", by=by, now=now
    )
    row = CopyOfRecord(
        subject=new.subject,
        reference=new.reference,
        document_id=document.id,
        sha256=document.sha256,
        source_sha256=new.source_sha256,
        owner_id=new.owner_id,
        published=new.published,
        made_at=now,
    )
    session.add(row)
    fields = {
        "reference": row.reference,
        "sha256": row.sha256,
        "source": row.source_sha256,
        "document_id": str(document.id),
        "clock": "",
    }
    about = (new.subject, *new.about, verbs.subject_of(document))
    ledger.append(session, events.COPY_WRITTEN.name, fields, by=None, now=now, about=about, records=(row,))
    return row


def of_subject(session: Session, subject: str) -> CopyOfRecord | None:
    """The copy of a filing, decision or notice, or ``None`` while none is written or readable here."""
    return session.exec(select(CopyOfRecord).where(CopyOfRecord.subject == subject)).first()


def opened(session: Session, row: CopyOfRecord, *, by: Actor, now: datetime) -> Document:
    """The document of a copy, for a download that is recorded before a byte is sent."""
    document = verbs.find(session, row.document_id)
    verbs.note_opening(session, document=document, subject=row.subject, by=by, now=now)
    return document

"""Files that hang on a filing or an incident: handed in, taken off, opened."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.filing import service
from portal.filing.tables import Filing
from portal.filing.workflow import FILING
from secure_access import documents
from secure_access.db import Session
from secure_access.documents import Attached, Audience
from secure_access.identity import Actor
from secure_access.vault import Stored, Vault
from secure_access.workflow import Denied, NotFound

MOST = 40


class Incoming(Protocol):
    """A complete upload, as `portal.web.Upload` is."""

    filename: str
    document_id: uuid.UUID

    def claim(self) -> Stored: ...


@dataclass(frozen=True)
class Handed:
    """What somebody hands in: the upload, what it is called, and who may read it."""

    upload: Incoming
    label: str = ""
    audience: Audience = Audience.CONFIDENTIAL


def attach(
    session: Session, *, filing: Filing, handed: Handed, vault: Vault, by: Actor, now: datetime
) -> documents.Document:
    """Keep a file with a draft.

    Raises `Denied` by state, `documents.Refused` for a kind of file that is not taken: nothing of it is kept.
    """
    FILING.take("attach", by, filing)
    hanging = documents.for_subject(session, service.subject(filing))
    if len(hanging) >= MOST:
        raise Denied(f"{MOST} files hang on this filing already.", "Remove one, or put several into one PDF.")
    stored = handed.upload.claim()
    accepted = documents.accept(
        vault, stored, document_id=handed.upload.document_id, name=handed.upload.filename
    )
    if any(item.document.sha256 == stored.sha256 for item in hanging):
        vault.delete(stored.name)
        raise documents.Refused("This very file hangs on the filing already.", "Nothing has to be done.")
    label = handed.label.strip()[:200] or accepted.name
    document = documents.receive(session, file=accepted, kind="evidence", title=label, by=by, now=now)
    documents.attach(
        session,
        document=document,
        subject=service.subject(filing),
        label=label,
        audience=handed.audience,
        by=by,
        now=now,
    )
    service.note_author(filing, by.person_id)
    filing.saved_at = now
    session.add(filing)
    return document


def detach(session: Session, *, filing: Filing, document_id: uuid.UUID, by: Actor, now: datetime) -> None:
    """Take a file off a draft. Raises `Denied` by state, `NotFound` for a file that does not hang on it."""
    FILING.take("attach", by, filing)
    item = one(session, service.subject(filing), document_id)
    documents.detach(session, attachment=item.attachment, by=by, now=now)
    service.note_author(filing, by.person_id)
    filing.saved_at = now
    session.add(filing)


def one(session: Session, subject: str, document_id: uuid.UUID) -> Attached:
    """The attachment of a subject with this document. Raises `NotFound`."""
    for item in documents.for_subject(session, subject):
        if item.document.id == document_id:
            return item
    raise NotFound


def opened(
    session: Session, *, subject: str, document_id: uuid.UUID, by: Actor, now: datetime
) -> documents.Document:
    """Record that somebody opens an attachment of a subject that is theirs to read, and give its row.

    The entry (custody log) is written before a byte is sent. Whether the subject is theirs is the caller's
    question. Raises `NotFound` for a document that does not hang there.
    """
    document = one(session, subject, document_id).document
    documents.note_opening(session, document=document, subject=subject, by=by, now=now)
    return document


def blocks(vault: Vault, document: documents.Document) -> Iterator[bytes]:
    """The bytes of a document, decrypted while they stream."""
    return vault.chunks(document.stored, context=document.context)

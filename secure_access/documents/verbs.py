"""Rows of documents: received, attached, listed, opened."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func

from secure_access import jobs, ledger
from secure_access.db import Session, col, select
from secure_access.documents import events
from secure_access.documents.content import Accepted
from secure_access.documents.screening import SCREEN
from secure_access.documents.tables import Attachment, Audience, Document
from secure_access.identity import Actor
from secure_access.workflow import NotFound


@dataclass(frozen=True)
class Attached:
    """An attachment with its document."""

    attachment: Attachment
    document: Document


def receive(session: Session, *, file: Accepted, kind: str, title: str, by: Actor, now: datetime) -> Document:
    """The row of an accepted file, owned by the actor's organisation, with the job that screens it."""
    stored = file.stored
    document = Document(
        id=file.document_id,
        owner_id=by.organisation_id,
        kind=kind,
        title=title,
        file_name=file.name,
        media_type=file.media_type,
        size=stored.size,
        sha256=stored.sha256,
        vault_name=stored.name,
        wrapped_key=stored.wrapped_key,
        key_id=stored.key_id,
        uploaded_by=by.person_id,
        received_at=now,
        version=file.version,
    )
    session.add(document)
    fields = {
        "document_id": str(document.id),
        "sha256": document.sha256,
        "size": document.size,
        "media_type": document.media_type,
        "version": document.version,
    }
    about = (subject_of(document),)
    ledger.append(session, events.RECEIVED.name, fields, by=by, now=now, about=about, records=(document,))
    jobs.add(session, SCREEN, str(document.id))
    return document


def attach(  # noqa: PLR0913 - what hangs where, called what, for whom, by whom and when
    session: Session,
    *,
    document: Document,
    subject: str,
    label: str,
    audience: Audience,
    by: Actor,
    now: datetime,
) -> Attachment:
    """Hangs a document on a subject such as ``filing:<id>``, after what hangs there already."""
    taken = session.exec(select(func.max(Attachment.place)).where(col(Attachment.subject) == subject)).one()
    attachment = Attachment(
        document_id=document.id,
        subject=subject,
        label=label,
        audience=audience,
        place=(taken or 0) + 1,
        attached_at=now,
    )
    session.add(attachment)
    fields = {
        "attachment_id": str(attachment.id),
        "document_id": str(document.id),
        "subject": subject,
        "audience": attachment.audience,
    }
    about = (subject_of(document), subject)
    ledger.append(session, events.ATTACHED.name, fields, by=by, now=now, about=about, records=(attachment,))
    return attachment


def detach(session: Session, *, attachment: Attachment, by: Actor, now: datetime) -> None:
    """Takes a document off its subject. The row stays and says when; a second call does nothing."""
    if attachment.detached_at is not None:
        return
    attachment.detached_at = now
    session.add(attachment)
    fields = {
        "attachment_id": str(attachment.id),
        "document_id": str(attachment.document_id),
        "subject": attachment.subject,
    }
    about = (f"document:{attachment.document_id}", attachment.subject)
    ledger.append(session, events.DETACHED.name, fields, by=by, now=now, about=about, records=(attachment,))


def for_subject(session: Session, subject: str, *, audience: Audience | None = None) -> list[Attached]:
    """What hangs on a subject, in order; with ``audience`` only what is meant for it."""
    query = (
        select(Attachment, Document)
        .join(Document, col(Document.id) == col(Attachment.document_id))
        .where(col(Attachment.subject) == subject, col(Attachment.detached_at).is_(None))
        .order_by(col(Attachment.place))
    )
    if audience is not None:
        query = query.where(col(Attachment.audience) == audience)
    return [Attached(attachment, document) for attachment, document in session.exec(query)]


def find(session: Session, document_id: uuid.UUID) -> Document:
    """The document of that id. Whether somebody may see it is the caller's question. Raises `NotFound`."""
    document = session.get(Document, document_id)
    if document is None:
        raise NotFound
    return document


def note_opening(  # noqa: PLR0913 - who opened what page of what, under which subject, and when
    session: Session,
    *,
    document: Document,
    subject: str,
    by: Actor,
    now: datetime,
    page: int | None = None,
    about: Sequence[str] = (),
) -> None:
    """Records that somebody opened a document, or one page of it, before it is sent."""
    fields = {"document_id": str(document.id), "subject": subject, "page": page or 0}
    named = tuple(dict.fromkeys((subject_of(document), subject, *about)))
    ledger.append(session, events.OPENED.name, fields, by=by, now=now, about=named)


def subject_of(document: Document) -> str:
    """How entries and timelines name a document."""
    return f"document:{document.id}"

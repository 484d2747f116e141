"""What the portal acknowledges of a filing after its submission: that its files were screened."""

from __future__ import annotations

import uuid
from datetime import datetime

from portal.filing import service
from portal.filing.tables import Filing
from secure_access import documents, ledger
from secure_access.db import Session, col, select
from secure_access.documents import Attachment, DocumentState

SCREENED = "filing.screened"


def screened(session: Session, subject: str, *, now: datetime) -> None:
    """Record what screening found of every file of a submitted filing, once, when the last one is done.

    ``subject`` is ``filing:<id>``; for anything else, without files, or while one waits, nothing happens.
    """
    kind, _, raw = subject.partition(":")
    filing = session.get(Filing, uuid.UUID(raw)) if kind == "filing" else None
    if filing is None or not filing.of_record():
        return
    # Whoever screens another of its files at the same moment waits here.
    session.get_one(Filing, filing.id, with_for_update=True)
    hanging = documents.for_subject(session, subject)
    waits = any(item.document.state is DocumentState.RECEIVED for item in hanging)
    if not hanging or waits or any(one.type == SCREENED for one in ledger.entries(session, subject)):
        return
    found = [{"sha256": item.document.sha256, "state": item.document.state.value} for item in hanging]
    fields = {"reference": filing.reference, "attachments": found, "clock": ""}
    ledger.append(session, SCREENED, fields, by=None, now=now, about=service.about(filing))


def screened_document(session: Session, document_id: uuid.UUID, *, now: datetime) -> None:
    """The same for every filing that a document hangs on."""
    query = select(Attachment.subject).where(
        Attachment.document_id == document_id, col(Attachment.detached_at).is_(None)
    )
    for subject in sorted(set(session.exec(query))):
        screened(session, subject, now=now)

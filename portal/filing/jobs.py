"""Jobs of filings. Registered by name in `portal.worker`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from portal.filing import acknowledging
from portal.web import Wired
from secure_access import documents
from secure_access.db import Session


def screen(wired: Wired, subject_id: str) -> Callable[[Session, datetime], None]:
    """Job ``document.screen`` on a document's id: open it in a process of its own, write what was found."""
    document_id = uuid.UUID(subject_id)
    with wired.database.read() as session:
        document = documents.find(session, document_id)
        session.expunge(document)
    finding = documents.examine(wired.vault, document)

    def effect(session: Session, now: datetime) -> None:
        documents.record_finding(session, documents.find(session, document_id), finding, now=now)
        acknowledging.screened_document(session, document_id, now=now)

    return effect

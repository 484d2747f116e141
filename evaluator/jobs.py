"""Reads attached evaluation logs, in the worker."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from evaluator import assessments
from evaluator.evidence import BadEvidence
from evaluator.inspect_log import read_chunks
from secure_access import documents
from secure_access.db import Session
from secure_access.documents import MediaType
from secure_access.vault import Vault

_LOGS = frozenset({MediaType.EVAL, MediaType.JSON})


def read(vault: Vault, document: documents.Document) -> dict[str, Any]:
    """What the portal reads of a document: task, model, samples, scores and errors, or why it cannot.

    Scores are texts, exactly as the log writes them: a stored number would be rounded.
    """
    if MediaType(document.media_type) not in _LOGS:
        return {"kind": "", "unreadable": "", "note": "Kept as a file; only evaluation logs are read."}
    try:
        log = read_chunks(vault.chunks(document.stored, context=document.context))
    except BadEvidence as error:
        return {"kind": "", "unreadable": error.reason, "note": error.fix}
    return {
        "kind": log.kind,
        "log_version": log.log_version,
        "status": log.status,
        "task": log.task,
        "model": log.model,
        "samples": log.samples,
        "scores": [{"scorer": s.scorer, "metric": s.metric, "value": s.text} for s in log.scores],
        "errors": list(log.errors),
    }


def read_evidence(wired: Any, subject_id: str) -> Callable[[Session, datetime], None]:
    """The verb of the job `assessments.READ_EVIDENCE`."""
    assessment_id, document_id = (uuid.UUID(part) for part in subject_id.split("/"))
    with wired.database.read() as session:
        document = documents.find(session, document_id)
    reading = read(wired.vault, document)

    def effect(session: Session, now: datetime) -> None:
        assessments.record_evidence(
            session, assessment_id=assessment_id, document_id=document_id, reading=reading, now=now
        )

    return effect

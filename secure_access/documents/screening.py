"""Whether a document can be shown. The worker finds out; the web process never opens a file.

`examine` runs outside a transaction, for it may take a minute; `record_finding` writes what it found. A file
that cannot be opened is kept as evidence and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secure_access import ledger
from secure_access.db import Session
from secure_access.documents import enclosure, events
from secure_access.documents.content import MediaType
from secure_access.documents.tables import Document, DocumentState
from secure_access.vault import Damaged, Missing, Vault

SCREEN = "document.screen"
"""The job that screens a document; its subject is the document's id."""

_DRAWN = frozenset({MediaType.PDF, MediaType.PNG, MediaType.JPEG})
_DOWNLOADED = frozenset({MediaType.XLSX, MediaType.DOCX})


@dataclass(frozen=True)
class Finding:
    """What screening found: the new state, why in plain words, and the number of pages where it has any."""

    state: DocumentState
    why: str = ""
    pages: int | None = None


def examine(vault: Vault, document: Document, *, limits: enclosure.Limits = enclosure.DEFAULT) -> Finding:
    """Opens the document in a process of its own. Raises what the vault raises if the store fails."""
    media_type = MediaType(document.media_type)
    if media_type in _DOWNLOADED:
        return _cannot("Office files are kept and can be downloaded; only PDF is shown page by page.")
    if media_type not in _DRAWN:
        return Finding(DocumentState.SHOWN)
    try:
        blocks = vault.chunks(document.stored, context=document.context)
        answer = enclosure.run({"media_type": media_type}, blocks, limits)
    except enclosure.CannotShow as error:
        return _cannot(str(error))
    except (Damaged, Missing):
        return _cannot("What is stored is not what was received. Tell the operator of this portal.")
    return Finding(DocumentState.SHOWN, pages=int(answer["pages"]))


def record_finding(session: Session, document: Document, finding: Finding, *, now: datetime) -> None:
    """Writes what was found. A document that is no longer ``received`` stays as it is: the job ran twice."""
    if document.state is not DocumentState.RECEIVED:
        return
    document.state, document.why, document.pages = finding.state, finding.why, finding.pages
    session.add(document)
    fields = {"document_id": str(document.id), "state": finding.state.value, "pages": finding.pages or 0}
    about = (f"document:{document.id}",)
    ledger.append(session, events.SCREENED.name, fields, by=None, now=now, about=about, records=(document,))


def screen(session: Session, document: Document, vault: Vault, *, now: datetime) -> Finding:
    """`examine` and `record_finding` at once; the worker calls them apart to keep its transaction short."""
    finding = examine(vault, document)
    record_finding(session, document, finding, now=now)
    return finding


def _cannot(why: str) -> Finding:
    return Finding(DocumentState.CANNOT_BE_SHOWN, why)

"""What a page shows of a filing: every answer, who may read it, the attachments and their state.

Other packages import `reading` (or build on `filed`), and print it with the macro ``read`` of
``filing/_read.html``::

    {% from "filing/_read.html" import read %}
    {{ read(reading, "cases.document", {"reference": case.reference}) }}

The macro links each attachment to the endpoint given, with ``document_id`` and the other values. That view
calls `download` after it has decided that the filing is there for the actor.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from flask import Response

from portal.filing import attachments, certification, checks, manifests, publication, registration, service
from portal.filing.forms import PUBLIC, Need
from portal.filing.registry import ModelVersion
from portal.filing.tables import Filing
from secure_access import documents, identity
from secure_access.db import Session, select
from secure_access.documents import DocumentState
from secure_access.identity import Actor
from secure_access.vault import Vault

_STATES = {
    DocumentState.RECEIVED: ("neutral", "Being read"),
    DocumentState.SHOWN: ("good", "Can be shown"),
    DocumentState.CANNOT_BE_SHOWN: ("warn", "Cannot be shown"),
    DocumentState.REFUSED: ("stop", "Refused"),
}
TIMELINESS = {
    manifests.ON_TIME: ("good", "In time"),
    manifests.LATE: ("stop", "Late"),
    manifests.NO_DUE_DATE: ("neutral", "No due date"),
}
STATES = {
    "draft": ("neutral", "Draft"),
    "in_certification": ("warn", "Waiting for signature"),
    "submitted": ("good", "Submitted"),
    "returned": ("warn", "Returned"),
    "accepted": ("good", "Accepted for review"),
    "withdrawn": ("neutral", "Withdrawn"),
    "superseded": ("neutral", "Superseded"),
}
ENTRIES = {
    "filing.submitted": "Submitted",
    "filing.withdrawn": "Withdrawn",
    "filing.superseded": "Superseded by an amendment",
    "filing.accepted": "Accepted for review by the authority",
    "filing.returned": "Returned by the authority",
}
"""The entries about a filing that its developer is told of, in words. Readings are not among them."""


@dataclass(frozen=True)
class Answered:
    """One answer as it is shown. ``why`` is the reason for keeping it confidential."""

    name: str
    label: str
    answer: str
    public: bool
    why: str


@dataclass(frozen=True)
class Hanging:
    """One attachment as it is shown; ``state`` is kind and words of its mark."""

    document_id: uuid.UUID
    label: str
    file_name: str
    media_type: str
    size: int
    sha256: str
    public: bool
    state: tuple[str, str]
    why: str
    pages: int | None


@dataclass(frozen=True)
class Reading:
    """A filing as a page shows it."""

    filing: Filing
    title: str
    developer: str
    filed_by: publication.FiledBy | None
    model: str
    snapshot: str
    certifier: str
    statement: str
    state: tuple[str, str]
    timeliness: tuple[str, str] | None
    sections: tuple[tuple[str, tuple[Answered, ...]], ...]
    attachments: tuple[Hanging, ...]
    explanations: tuple[tuple[str, str, str], ...]
    supersedes: str
    superseded_by: str


def reading(session: Session, filing: Filing, by: Actor) -> Reading:
    """What ``by`` sees of a filing that is there for them. Raises `NotFound` where it is not.

    An evaluator's package, which decides by engagement, calls `reading_of` instead.
    """
    return reading_of(session, service.load(session, filing.id, by=by))


def reading_of(session: Session, filing: Filing) -> Reading:
    """The same without asking whose it is: for a package that has decided so by its own rule."""
    developer = service.developer_of(session, filing).name
    version = session.get(ModelVersion, filing.model_version_id) if filing.model_version_id else None
    signer = session.get(identity.Person, filing.certified_by) if filing.certified_by else None
    form = certification.form_of(session, filing)
    return Reading(
        filing=filing,
        title=service.title(session, filing),
        developer=developer,
        filed_by=publication.filed_by(form),
        model=registration.full_name(session, version),
        snapshot=version.snapshot if version else "",
        certifier=signer.name if signer else "",
        statement=form["statement"]["words"],
        state=STATES[filing.state],
        timeliness=TIMELINESS.get(filing.timeliness),
        sections=_sections(filing),
        attachments=tuple(_hanging(item) for item in _attached(session, filing)),
        explanations=tuple(
            (key, given["reason"], given["name"]) for key, given in filing.explanations.items()
        ),
        supersedes=_reference(session, filing.supersedes_id),
        superseded_by=_successor(session, filing),
    )


def hanging_on(session: Session, subject: str) -> list[Hanging]:
    """The attachments of any subject as they are shown."""
    return [_hanging(item) for item in documents.for_subject(session, subject)]


def download(
    session: Session, *, subject: str, document_id: uuid.UUID, vault: Vault, by: Actor, now: datetime
) -> Response:
    """Stream an attachment of a subject that is there for the actor, after recording that it is opened.

    The view that calls it is marked `portal.web.writes`. Nothing that a file says decides how a browser
    treats it: it is a download, of a type from our own list, without sniffing, in a sandbox.
    """
    document = attachments.opened(session, subject=subject, document_id=document_id, by=by, now=now)
    response = Response(attachments.blocks(vault, document), mimetype=document.media_type)
    name = documents.display_name(document.file_name)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["Content-Length"] = str(document.size)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def _sections(filing: Filing) -> tuple[tuple[str, tuple[Answered, ...]], ...]:
    found: dict[str, list[Answered]] = {}
    for section, question, answer in publication.asked(filing):
        audience, why = checks.audience_of(filing.audiences, question)
        shown = publication.shown(question, answer)
        if not shown and question.need is Need.NONE:
            continue
        row = Answered(question.name, question.label, shown, audience == PUBLIC, why)
        found.setdefault(section.title, []).append(row)
    return tuple((title, tuple(rows)) for title, rows in found.items())


def _attached(session: Session, filing: Filing) -> list[documents.Attached]:
    return documents.for_subject(session, service.subject(filing))


def _hanging(item: documents.Attached) -> Hanging:
    document = item.document
    return Hanging(
        document_id=document.id,
        label=item.attachment.label,
        file_name=document.file_name,
        media_type=document.media_type,
        size=document.size,
        sha256=document.sha256,
        public=item.attachment.audience == documents.Audience.PUBLIC,
        state=_STATES[DocumentState(document.state)],
        why=document.why,
        pages=document.pages,
    )


def _reference(session: Session, filing_id: uuid.UUID | None) -> str:
    found = session.get(Filing, filing_id) if filing_id else None
    return (found.reference or "") if found else ""


def _successor(session: Session, filing: Filing) -> str:
    """Which filing took this one's place. A draft that is meant to is nobody's business yet."""
    query = select(Filing.reference).where(Filing.supersedes_id == filing.id)
    return next((reference for reference in session.exec(query) if reference), "")

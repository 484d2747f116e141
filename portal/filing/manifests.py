"""The manifests of what is handed in or served: one way to write them, for every kind of record.

A package says what is of its own (`Stated`), and gets the row whose digest goes into the entry of the act
and which belongs into its ``records``. Times are given twice: in UTC, and in the zone of the authority.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.accounts.events import STEP_UP_USED
from portal.filing import publication, service
from portal.filing.tables import Filing
from portal.law import statute
from secure_access import documents
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Organisation, Person, authority
from secure_access.ledger import LedgerEntry, Manifest, canonical, manifests
from secure_access.ledger.records import timestamp

ON_TIME, LATE, NO_DUE_DATE = "on_time", "late", "no_due_date"


@dataclass(frozen=True)
class Stated:
    """What a package says of its record. ``subject`` is kind:id, first in ``about`` of the entry.

    ``entity`` is of `entity_of` or `entity_named`; ``sha256`` the digest of the content, ``form`` its format;
    ``signed`` are of `signature`. ``timeliness`` is of `ruling`. ``published``: everybody may read it.
    """

    kind: str
    reference: str
    subject: str
    owner_id: uuid.UUID
    entity: Mapping[str, str]
    sha256: str
    form: str
    signed: Sequence[Mapping[str, Any]]
    attachments: Sequence[Mapping[str, Any]] = ()
    timeliness: Mapping[str, Any] = field(default_factory=lambda: ruling(None, None))
    published: bool = False


def keep(session: Session, stated: Stated, *, now: datetime) -> Manifest:
    """Keep the manifest of an act that is done now."""
    content = {
        "kind": stated.kind,
        "reference": stated.reference,
        "entity": stated.entity,
        "content": {"format": stated.form, "sha256": stated.sha256},
        "attachments": stated.attachments,
        "signed": stated.signed,
        "received": instants(now),
        "timeliness": stated.timeliness,
    }
    return manifests.keep(
        session,
        content,
        subject=stated.subject,
        owner_id=stated.owner_id,
        published=stated.published,
        now=now,
    )


def entity_of(session: Session, filing: Filing) -> dict[str, str]:
    """The legal entity that files, as it was signed; of a form that names none, the organisation alone."""
    signed = json.loads(filing.signed).get("entity") if filing.signed else None
    said = {name: str(signed[name]) for name in ("id", "name", "jurisdiction", "number")} if signed else {}
    return {**entity_named(session, filing.developer_id), **said}


def entity_named(session: Session, organisation_id: uuid.UUID) -> dict[str, str]:
    """An organisation as the entity of a record."""
    name = session.get_one(Organisation, organisation_id).name
    return {"name": name, "organisation": str(organisation_id)}


def hanging(session: Session, subject: str) -> list[dict[str, Any]]:
    """The files that hang on a subject now, each with its digest and what screening has found so far."""
    return [
        attached(item.document, item.attachment.label) for item in documents.for_subject(session, subject)
    ]


def attached(document: documents.Document, label: str = "") -> dict[str, Any]:
    """One file: its label and name, SHA-256 in hex, bytes, media type, state of screening."""
    return {
        "label": label or document.title,
        "name": document.file_name,
        "sha256": document.sha256,
        "size": document.size,
        "media_type": document.media_type,
        "screening": str(document.state),
    }


def signature(
    session: Session, by: Actor, *, subject: str, act: str, now: datetime, statement: str = ""
) -> dict[str, Any]:
    """Who signs now and how: with a key, where the act was confirmed with one, else in a signed-in session.

    ``act`` says what they did, such as ``submitted``; ``statement`` is the version of the words signed.
    """
    standing = _authority(session, by, now)
    confirmed = _confirmation(session, by, subject, now)
    return {
        "act": act,
        "person": str(by.person_id),
        "title": standing.title if standing else by.title,
        "roles": sorted(by.roles),
        "authority": str(standing.id) if standing else "",
        "statement": statement,
        "method": "passkey" if confirmed else "session",
        "confirmation": str(confirmed.id) if confirmed else "",
        "at": timestamp(now),
    }


def signed_before(session: Session, person_id: uuid.UUID, *, act: str, at: datetime) -> dict[str, Any]:
    """Who signed a part of it earlier; how, stands in the entry of that act."""
    title = session.get_one(Person, person_id).title
    return {"act": act, "person": str(person_id), "title": title, "at": timestamp(at)}


def ruling(at: datetime | None, due_at: datetime | None) -> dict[str, Any]:
    """Whether something came in time: ruled once, at receipt."""
    if at is None or due_at is None:
        return {"ruling": NO_DUE_DATE, "due_at": ""}
    return {"ruling": ON_TIME if at <= due_at else LATE, "due_at": timestamp(due_at)}


def instants(at: datetime) -> dict[str, str]:
    """An instant in UTC and in the zone of the authority, which is named."""
    zone = statute.load(statute.OFFICE).zone
    return {
        "utc": timestamp(at),
        "local": at.astimezone(zone).isoformat(timespec="seconds"),
        "zone": str(zone),
    }


def digest(content: object) -> str:
    """SHA-256 in hex of canonical JSON."""
    return manifests.digest(canonical.encode(content))


def _authority(session: Session, by: Actor, now: datetime) -> Any:
    for row in authority.authorities(session, by.organisation_id):
        if row.officer_id == by.person_id and authority.stands(row, now):
            return row
    return None


def _confirmation(session: Session, by: Actor, subject: str, now: datetime) -> LedgerEntry | None:
    """The entry by which this very act was confirmed with a key, in the same transaction."""
    query = (
        select(LedgerEntry)
        .where(
            LedgerEntry.type == STEP_UP_USED.name,
            LedgerEntry.person_id == by.person_id,
            LedgerEntry.recorded_at == now,
        )
        .order_by(col(LedgerEntry.number).desc())
    )
    return next((one for one in session.exec(query) if one.fields["object"] == subject), None)


def filing_stated(session: Session, filing: Filing, *, by: Actor, now: datetime) -> Stated:
    """What a filing that is submitted now says of itself."""
    subject = service.subject(filing)
    return Stated(
        kind=str(filing.kind),
        reference=filing.reference or "",
        subject=subject,
        owner_id=filing.developer_id,
        entity=entity_of(session, filing),
        sha256=filing.digest,
        form=publication.FORMAT,
        signed=[
            signature(session, by, subject=subject, act="submitted", statement=filing.statement, now=now)
        ],
        attachments=hanging(session, subject),
        timeliness=ruling(now, filing.due_at),
    )

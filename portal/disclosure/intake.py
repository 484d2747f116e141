"""How an access request comes in: by the public form, or by mail and entered by an official.

The public zone changes no record. It keeps what was sent and a job; the worker enters it, with an entry in
the ledger and a receipt. The clock of the law runs from then, or from the day on which a letter came.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func

from portal.disclosure import events, links
from portal.disclosure.tables import AccessRequest, SentRequest
from portal.filing import manifests
from portal.law import access, statute
from portal.law.access import AccessLaw
from portal.law.deadlines import legal_day
from portal.review.requests import NotServable
from portal.web import Wired
from secure_access import jobs, ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor, Organisation, OrganisationKind
from secure_access.ledger import Manifest, canonical
from secure_access.ledger.records import timestamp
from secure_access.workflow import Denied, Role

RECEIVE = "access.receive"
"""Job: enter what was sent by the public form."""
CONFIRM = "mail.access_received"
"""Job: tell the requester the reference and the date."""
FORMAT = "assay.access-request/v1"
LONGEST = 8000
NOON = time(12)
"""A letter has a day and no hour: the middle of that day stands for it."""
MOST_WAITING = 500
"""More requests than this are not taken in an hour: somebody is flooding the form."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks for. Name and address may stay empty where it came by mail without them."""

    name: str
    contact: str
    words: str

    def problems(self, *, by_form: bool = True) -> list[tuple[str, str]]:
        """Pairs of field and words; empty when it can be sent."""
        found: list[tuple[str, str]] = []
        if by_form and not self.name.strip():
            found.append(("name", "Give your name, so that the answer can be addressed to you."))
        if len(self.name) > 200:
            found.append(("name", "The name is longer than 200 characters. Shorten it."))
        if (by_form or self.contact.strip()) and not _is_address(self.contact.strip()):
            found.append(("contact", "Give an e-mail address such as name@example.org."))
        if not self.words.strip():
            found.append(("words", "Say what you want to see: a developer, a model, a report or a decision."))
        if len(self.words) > LONGEST:
            found.append(("words", f"This is longer than {LONGEST:,} characters. Shorten it."))
        return found


def send(session: Session, *, request_id: uuid.UUID, asked: Asked, now: datetime) -> None:
    """Keep what was sent by the public form, once: its identifier came with the form.

    Raises `NotServable` with what is missing, and `Denied` while too much is waiting.
    """
    problems = asked.problems()
    if problems:
        raise NotServable(problems)
    for kind in (SentRequest, AccessRequest):
        if session.exec(select(kind.id).where(kind.id == request_id)).first() is not None:
            return
    recent = select(func.count(col(SentRequest.id))).where(
        col(SentRequest.sent_at) > now - timedelta(hours=1)
    )
    if session.exec(recent).one() >= MOST_WAITING:
        raise Denied(
            "More requests are coming in than can be taken.",
            "Try again in an hour, or write to the authority.",
        )
    row = SentRequest(
        id=request_id,
        name=asked.name.strip(),
        contact=asked.contact.strip(),
        words=asked.words.strip(),
        sent_at=now,
    )
    session.add(row)
    jobs.add(session, RECEIVE, str(request_id))


def receive(wired: Wired, subject_id: str) -> Callable[[Session, datetime], None]:
    """Job ``access.receive``: enter what was sent, once."""
    key = wired.secrets[links.KEY]

    def effect(session: Session, now: datetime) -> None:
        sent = session.get(SentRequest, uuid.UUID(subject_id), with_for_update=True)
        if sent is None:
            return
        _enter(
            session,
            AccessRequest(
                id=sent.id,
                reference=next_reference(session, "AR", now),
                law=_law(now).id,
                name=sent.name,
                contact=sent.contact,
                words=sent.words,
                received_at=now,
                due_at=now,
            ),
            key,
            by=None,
            now=now,
        )
        session.delete(sent)

    return effect


def record(
    session: Session, *, asked: Asked, received_on: date, key: bytes, by: Actor, now: datetime
) -> AccessRequest:
    """Enter a request that came by mail; its clock runs from the day on which it came.

    Raises `Denied`, and `NotServable` with what is missing.
    """
    if not by.holds(Role.CASE_OFFICER):
        raise Denied("Only a case officer can enter an access request.", "Ask a case officer.")
    problems = asked.problems(by_form=False)
    law = access.of_place(received_on)
    if received_on > legal_day(now, law.pack.zone):
        problems.append(("received", "This day is still to come. Give the day on which the letter came."))
    if problems:
        raise NotServable(problems)
    received_at = min(datetime.combine(received_on, NOON, law.pack.zone), now)
    row = AccessRequest(
        reference=next_reference(session, "AR", now),
        law=law.id,
        by_form=False,
        name=asked.name.strip(),
        contact=asked.contact.strip(),
        words=asked.words.strip(),
        entered_by=by.person_id,
        received_at=received_at,
        due_at=received_at,
    )
    _enter(session, row, key, by=by, now=now)
    return row


def wording(request: AccessRequest, link: str) -> bytes:
    """What was asked, as canonical JSON; its SHA-256 stands in the receipt.

    The link is in it, which nobody else knows: so the digest confirms no guess at a short request.
    """
    return canonical.encode(
        {"v": FORMAT, "link": link, "words": request.words, "received": timestamp(request.received_at)}
    )


def subject(request_id: uuid.UUID) -> str:
    """The ledger subject of an access request."""
    return f"access_request:{request_id}"


def authority(session: Session) -> Organisation:
    """The organisation that answers."""
    query = select(Organisation).where(Organisation.kind == OrganisationKind.REGULATOR)
    found = session.exec(query.order_by(col(Organisation.created_at))).first()
    assert found is not None, "an instance has an authority"
    return found


def stated(
    session: Session, request: AccessRequest, *, kind: str, content: bytes, form: str, now: datetime
) -> Manifest:
    """The manifest of a receipt for whoever asked: it says nothing by name and nothing of what was asked."""
    owner = authority(session)
    said = manifests.Stated(
        kind=kind,
        reference=request.reference,
        subject=subject(request.id),
        owner_id=owner.id,
        entity=manifests.entity_named(session, owner.id),
        sha256=hashlib.sha256(content).hexdigest(),
        form=form,
        signed=[],
        published=True,
    )
    return manifests.keep(session, said, now=now)


def _enter(session: Session, row: AccessRequest, key: bytes, *, by: Actor | None, now: datetime) -> None:
    law = access.load(row.law)
    row.due_at = access.answer(law, row.received_at).due_at
    session.add(row)
    session.flush()
    said = wording(row, links.link_of(key, row.id))
    manifest = stated(session, row, kind="access_request", content=said, form=FORMAT, now=now)
    fields = {
        "reference": row.reference,
        "law": law.id,
        "statute": law.pack.digest,
        "due": timestamp(row.due_at),
        "by_form": row.by_form,
        "manifest": manifest.digest,
    }
    ledger.append(
        session, events.RECEIVED, fields, by=by, now=now, about=(subject(row.id),), records=(row, manifest)
    )
    if row.contact:
        jobs.add(session, CONFIRM, str(row.id))


def _law(at: datetime) -> AccessLaw:
    return access.of_place(legal_day(at, statute.load(statute.OFFICE).zone))


def _is_address(text: str) -> bool:
    local, at, host = text.partition("@")
    return bool(local and at and "." in host and not set(text) & set(" \t\r\n,;<>")) and len(text) <= 254

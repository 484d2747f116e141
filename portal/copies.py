"""Copies of record: what was accepted, decided or served, as a signed PDF/A-3 with its canonical JSON inside.

The job ``copy.write`` runs in the worker, which alone holds the key that signs documents. The pages are for
people; the record is the first enclosed file, whose digest the ledger has. A file in the vault first, then
the rows: written twice, the second finds the first and does nothing.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.enforcement import notices, pictures
from portal.enforcement.grounds import provision
from portal.enforcement.tables import AllegedViolation, Notice, Worksheet
from portal.enforcement.workflow import NoticeState
from portal.filing import certification, manifests, reading, receipt_files, service
from portal.filing.tables import Filing
from portal.review import cases, decisions, public
from portal.review.tables import Case, Decision
from portal.review.workflow import DecisionState
from portal.settings import PUBLIC
from portal.ui import formats, pdf
from portal.ui.pdf import Enclosed
from portal.web import Wired, origin
from secure_access import documents, ledger, pades
from secure_access.db import Session, new_id
from secure_access.documents import Accepted, MediaType, NewCopy, document_context
from secure_access.identity import Actor, Organisation, OrganisationKind, Person
from secure_access.ledger import LedgerEntry, canonical
from secure_access.ledger.manifests import of_entry
from secure_access.ledger.records import timestamp
from secure_access.workflow import Denied, NotFound

Effect = Callable[[Session, datetime], None]

NOTICE_FORMAT = "assay.notice/v1"
JSON, PDF = "application/json", "application/pdf"


@dataclass(frozen=True)
class Draft:
    """What a copy will say. ``source`` is the record in canonical JSON, ``whose`` did the act.

    ``parts`` and ``about`` are for the pages; ``enclosed`` are files beside the record and its manifest.
    """

    subject: str
    reference: str
    kind: str
    title: str
    entity: str
    owner_id: uuid.UUID
    whose: uuid.UUID
    source: bytes
    entry: LedgerEntry | None
    about: Sequence[tuple[str, str]]
    parts: Sequence[Mapping[str, Any]] = ()
    enclosed: tuple[Enclosed, ...] = ()
    named: tuple[str, ...] = ()
    published: bool = False
    files: str = "Files"


def write(wired: Wired, subject: str) -> Effect:
    """Job ``copy.write`` on the subject of a filing, decision or notice. Raises `Denied` without a key."""
    if wired.document_key is None:
        raise Denied("This process has no key that signs documents.", "Run the worker with the document key.")
    now = wired.clock.now()
    with wired.database.read() as session:
        if documents.copies.of_subject(session, subject) is not None:
            return lambda _session, _now: None
        draft = drafted(session, subject, _letter_of(wired))
        made = _typeset(session, draft, wired, now)
    signed = pades.sign(
        made,
        wired.document_key,
        name=wired.settings.authority,
        reason=f"Copy of record {draft.reference}",
        at=now,
    )
    document_id = new_id()
    stored = wired.vault.put([signed], context=document_context(document_id))
    file = Accepted(document_id, stored, f"{draft.reference}-copy-of-record.pdf", MediaType.PDF)

    def effect(session: Session, now: datetime) -> None:
        new = NewCopy(
            subject=subject,
            reference=draft.reference,
            owner_id=draft.owner_id,
            file=file,
            source_sha256=hashlib.sha256(draft.source).hexdigest(),
            about=draft.named,
            published=signed if draft.published else None,
        )
        documents.copies.keep(session, new, by=_whose(session, draft.whose), now=now)

    return effect


def drafted(session: Session, subject: str, letter_of: Callable[[documents.Document], bytes]) -> Draft:
    """What the copy of a subject says. Raises `NotFound` for what is not accepted, decided or sent."""
    kind, _, raw = subject.partition(":")
    row_id = uuid.UUID(raw)
    match kind:
        case "filing":
            return _filing(session, service.filed(session, row_id))
        case "decision":
            return _decision(session, session.get(Decision, row_id))
        case "notice":
            return _notice(session, session.get(Notice, row_id), letter_of)
    raise NotFound


def _filing(session: Session, filing: Filing) -> Draft:
    subject = service.subject(filing)
    accepted = receipt_files.entry_of(session, subject, "filing.accepted")
    shown = reading.reading_of(session, filing)
    assert accepted.person_id is not None
    return Draft(
        subject=subject,
        reference=filing.reference or "",
        kind=service.kind_name(filing.kind),
        title=shown.title,
        entity=manifests.entity_of(session, filing)["name"],
        owner_id=filing.developer_id,
        whose=accepted.person_id,
        source=canonical.encode(certification.form_of(session, filing)),
        entry=_entry(session, subject, "filing.submitted"),
        about=[
            ("Submitted", formats.moment(filing.submitted_at)),
            ("Accepted for review", formats.moment(filing.accepted_at)),
            ("Model", shown.model),
            ("Statement signed", shown.statement),
        ],
        parts=[
            {
                "title": title,
                "lines": [
                    _line(one.label, one.answer, "" if one.public else f"confidential: {one.why}")
                    for one in rows
                ],
            }
            for title, rows in shown.sections
        ],
        named=service.about(filing)[1:],
    )


def _decision(session: Session, row: Decision | None) -> Draft:
    if row is None or row.state is not DecisionState.DECIDED:
        raise NotFound
    shown = public.decision_public(session, row.reference)
    assert row.decided_by is not None
    conditions = [
        _line(
            f"Condition {one.number}", one.text, f"due {formats.date_only(one.due_on)}" if one.due_on else ""
        )
        for one in shown.conditions
    ]
    return Draft(
        subject=decisions.subject(row),
        reference=row.reference,
        kind=f"Decision: {public.HEADLINES[row.kind]}",
        title=shown.headline,
        entity=shown.developer,
        owner_id=row.developer_id,
        whose=row.decided_by,
        source=public.wording_public(session, row.reference),
        entry=_entry(session, decisions.subject(row), "decision.taken"),
        about=[
            ("Decided", formats.moment(row.decided_at)),
            ("Model", shown.model),
            ("Channels", ", ".join(shown.channels)),
            ("Until", formats.date_only(row.until, empty="No end set")),
            ("Decided under", row.power),
            ("What it does not mean", "“No objection” is not a finding that the model is safe."),
        ],
        parts=[
            *([{"title": "Conditions", "lines": conditions}] if conditions else []),
            {"title": "Reasons", "lines": [_line("", part, "") for part in _paragraphs(row.reasons)]},
        ],
        named=cases.about(session.get_one(Case, row.case_id)),
        published=True,
        files="What it relied on",
    )


def _notice(session: Session, row: Notice | None, letter_of: Callable[[documents.Document], bytes]) -> Draft:
    if row is None or row.state is not NoticeState.SENT:
        raise NotFound
    assert row.sent_by is not None
    sheet = session.get_one(Worksheet, row.worksheet_id)
    violation = session.get_one(AllegedViolation, sheet.violation_id)
    letter = documents.find(session, row.document_id)
    amount = pictures.total(sheet)
    cited = str(provision(violation.regime, violation.provision)["citation"])
    by = _whose(session, row.sent_by)
    return Draft(
        subject=f"notice:{row.id}",
        reference=row.reference,
        kind=row.kind.value.replace("_", " ").capitalize(),
        title=f"{row.kind.value.replace('_', ' ').capitalize()}: {violation.title}",
        entity=session.get_one(Organisation, row.developer_id).name,
        owner_id=notices.receives(row, by),
        whose=row.sent_by,
        source=canonical.encode(_served(row, sheet, violation, letter)),
        entry=_entry(session, f"notice:{row.id}", "notice.sent"),
        about=[
            ("Addressed to", row.addressee),
            ("Sent", formats.moment(row.sent_at)),
            ("Reply until", formats.due(row.reply_by)),
            ("Provision", cited),
            ("Amount", formats.money(amount)),
            ("Worksheet", f"{sheet.reference}, version {sheet.version}"),
        ],
        parts=[{"title": "What is alleged", "lines": [_line("", violation.facts, "")]}],
        enclosed=(Enclosed(letter.file_name, letter_of(letter), PDF, "The letter as it was served"),),
    )


def _served(
    row: Notice, sheet: Worksheet, violation: AllegedViolation, letter: documents.Document
) -> dict[str, Any]:
    """A notice as one object: what was served on whom, when, on which calculation."""
    assert row.sent_at is not None
    return {
        "v": NOTICE_FORMAT,
        "reference": row.reference,
        "kind": row.kind.value,
        "addressee": row.addressee,
        "developer": str(row.developer_id),
        "regime": violation.regime,
        "provision": violation.provision,
        "facts": violation.facts,
        "worksheet": {
            "reference": sheet.reference,
            "version": sheet.version,
            "total": f"{pictures.total(sheet).amount}",
            "maximum": f"{pictures.maximum(sheet).amount}",
            "currency": sheet.currency,
            "statute": sheet.statute_digest,
        },
        "letter": {"sha256": letter.sha256, "size": letter.size},
        "sent_at": timestamp(row.sent_at),
        "reply_by": timestamp(row.reply_by) if row.reply_by else "",
    }


def _typeset(session: Session, draft: Draft, wired: Wired, now: datetime) -> bytes:
    """The pages with the files inside, before the signature."""
    manifest = of_entry(session, draft.entry) if draft.entry else None
    said = manifest.read if manifest else {"attachments": [], "signed": []}
    enclosed = [Enclosed("record.json", draft.source, JSON, "The record in canonical JSON")]
    if manifest is not None:
        content = manifest.content.encode()
        enclosed.append(Enclosed("manifest.json", content, JSON, "Its manifest, whose digest the ledger has"))
    address = origin(wired.settings, PUBLIC)
    data: dict[str, Any] = {
        "reference": draft.reference,
        "authority": wired.settings.authority,
        "entity": draft.entity,
        "demonstration": receipt_files.demonstration(wired.settings.demonstration, now),
        "title": draft.title,
        "kind": draft.kind,
        "about": [
            _line(label, text, "")
            for label, text in (
                ("Reference", draft.reference),
                ("What it is", draft.kind),
                ("Legal entity", draft.entity),
                *draft.about,
                ("Copy written", formats.moment(now)),
            )
        ],
        "parts": draft.parts,
        "files": draft.files,
        "documents": receipt_files.files(said["attachments"]),
        "signed": receipt_files.signatures(said["signed"]),
        "source": hashlib.sha256(draft.source).hexdigest(),
        "entry": f"{draft.entry.type}, entry {draft.entry.id}" if draft.entry else "",
        "verify": [
            "Open it in a reader that checks signatures: it is signed by the authority and whole.",
            f"The certificate is at {address}/ledger/document-certificates.pem. Get it by another "
            "way as well, and compare.",
            "Take record.json out of it: its SHA-256 is the digest above, which the ledger entry binds.",
        ],
    }
    return pdf.render_copy(data, [*enclosed, *draft.enclosed], at=now)


def _letter_of(wired: Wired) -> Callable[[documents.Document], bytes]:
    def read(document: documents.Document) -> bytes:
        return b"".join(wired.vault.chunks(document.stored, context=document.context))

    return read


def _entry(session: Session, subject: str, kind: str) -> LedgerEntry | None:
    found = [entry for entry in ledger.entries(session, subject) if entry.type == kind]
    return found[-1] if found else None


def _whose(session: Session, person_id: uuid.UUID) -> Actor:
    """Whose act it is the copy of, also when they have left since: without roles, for they do nothing now."""
    person = session.get_one(Person, person_id)
    house = session.get_one(Organisation, person.organisation_id)
    kind = OrganisationKind(house.kind)
    return Actor(person.id, person.name, house.id, kind, house.name, frozenset())


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.splitlines() if part.strip()]


def _line(label: str, text: str, note: str) -> dict[str, str]:
    return {"label": label, "text": text, "note": note}

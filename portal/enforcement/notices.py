"""What leaves the house after an approval: written by the worker, sent by a person, answered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from portal.enforcement import checks, events, figures, letters, outdated, worksheets
from portal.enforcement.grounds import REFERRED_TO, notice_kind, provision
from portal.enforcement.letters import Dates, Sheet
from portal.enforcement.service import about, case_of, developer_of, guard
from portal.enforcement.tables import AllegedViolation, Notice, NoticeKind, NoticeReply, Worksheet
from portal.enforcement.visibility import NOTICES
from portal.enforcement.workflow import (
    NOTICE,
    PROPOSED,
    NoticeStanding,
    NoticeState,
    ViolationState,
    WorksheetState,
)
from portal.filing import manifests
from portal.review.tables import Case
from portal.settings import Settings
from portal.ui.formats import date_only
from portal.web import Wired
from secure_access import documents, identity, jobs, ledger
from secure_access.db import Session, col, new_id, select
from secure_access.documents import Accepted, Document, MediaType, document_context
from secure_access.identity import Actor, Organisation, OrganisationKind, Person
from secure_access.ledger import LedgerEntry
from secure_access.vault import Stored
from secure_access.workflow import Denied, NotFound

Effect = Callable[[Session, datetime], None]
_LETTER = {NoticeKind.PRELIMINARY_FINDINGS: "N", NoticeKind.REFERRAL: "F"}
LONGEST_REPLY = 100_000
REPLY_FORMAT = "assay.notice-reply/v1"
"""The object of whose canonical JSON the manifest of an answer holds the digest."""


@dataclass(frozen=True)
class PublicPenalty:
    """What the register says of a penalty: its state in words, never an amount that is only proposed."""

    developer_id: uuid.UUID
    developer: str
    case: str
    reference: str
    title: str
    provision: str
    state: str
    sent_at: datetime


@dataclass(frozen=True)
class _Draft:
    """A letter to be written: what it says, and where it will lie."""

    kind: NoticeKind
    sheet: Sheet
    approved_by: uuid.UUID
    document_id: uuid.UUID


def write(wired: Wired, subject: str) -> Effect:
    """Job ``notice.write`` on the id of an approved version: first the bytes, then the rows."""
    with wired.database.read() as session:
        draft = _draft(session, uuid.UUID(subject), settings=wired.settings, now=wired.clock.now())
    if draft is None:
        return lambda _session, _now: None
    made = letters.render(draft.kind, draft.sheet, at=wired.clock.now())
    stored = wired.vault.put([made], context=document_context(draft.document_id))

    def effect(session: Session, now: datetime) -> None:
        keep(session, draft, stored, now=now)

    return effect


def _draft(session: Session, worksheet_id: uuid.UUID, *, settings: Settings, now: datetime) -> _Draft | None:
    """What is to be written; ``None`` when it is written already or the version no longer stands."""
    row = session.get(Worksheet, worksheet_id)
    if row is None:
        raise NotFound
    if row.state is not WorksheetState.APPROVED or _of_worksheet(session, row.id) is not None:
        return None
    if checks.uses_proposed(row):
        raise Denied(PROPOSED)
    violation = session.get_one(AllegedViolation, row.violation_id)
    kind = notice_kind(row.regime)
    assert row.approved_by is not None
    approver = identity.actor(session, row.approved_by)
    revenue = worksheets.load(session, row.reference, by=approver, version=row.version).revenue
    sheet = Sheet(
        reference=reference_of(row, kind),
        worksheet=row,
        violation=violation,
        case=case_of(session, violation).reference,
        developer=developer_of(session, violation).name,
        authority=settings.authority,
        demonstration=_demonstration(settings, now),
        signed=_signed(session, row),
        documents=tuple(d for r in revenue if (d := figures.document_of(session, r)) is not None),
        samples=tuple(sorted({r.sample_of for r in revenue if r.sample_of})),
        dates=letters.dates(now) if kind is NoticeKind.PRELIMINARY_FINDINGS else None,
    )
    return _Draft(kind, sheet, row.approved_by, new_id())


def keep(session: Session, draft: _Draft, stored: Stored, *, now: datetime) -> Notice | None:
    """The rows of a letter whose bytes lie in the vault; ``None`` when another worker was first."""
    row = session.get_one(Worksheet, draft.sheet.worksheet.id, with_for_update=True)
    if row.state is not WorksheetState.APPROVED or _of_worksheet(session, row.id) is not None:
        return None
    by = identity.actor(session, draft.approved_by)
    name = f"{draft.sheet.reference}.pdf"
    file = Accepted(draft.document_id, stored, name, MediaType.PDF)
    title = f"{draft.kind.value.replace('_', ' ').capitalize()} {draft.sheet.reference}"
    document = documents.receive(session, file=file, kind=draft.kind.value, title=title, by=by, now=now)
    dates: Dates | None = draft.sheet.dates
    notice = Notice(
        reference=draft.sheet.reference,
        kind=draft.kind,
        worksheet_id=row.id,
        developer_id=row.developer_id,
        addressee=REFERRED_TO.get(row.regime, draft.sheet.developer),
        document_id=document.id,
        send_by=dates.send_by if dates else None,
        reply_by=dates.reply_by if dates else None,
        written_at=now,
    )
    session.add(notice)
    fields = {
        "reference": notice.reference,
        "kind": notice.kind.value,
        "worksheet": row.reference,
        "version": row.version,
    }
    subjects = (f"notice:{notice.id}", *about(draft.sheet.violation))
    ledger.append(session, events.NOTICE_WRITTEN, fields, by=None, now=now, about=subjects, records=(notice,))
    return notice


def reference_of(row: Worksheet, kind: NoticeKind) -> str:
    """A notice is numbered after its worksheet, so that writing it twice cannot make two."""
    number = row.reference.partition("-")[2]
    return f"{_LETTER[kind]}-{number}" + (f"-v{row.version}" if row.version > 1 else "")


def load(session: Session, reference: str, *, by: Actor, for_update: bool = False) -> Notice:
    """A notice, for enforcement. Raises `NotFound` for everybody else."""
    guard(by)
    return NOTICES.find(session, by, col(Notice.reference) == reference, for_update=for_update)


def waiting(session: Session, *, by: Actor) -> list[Notice]:
    """Every notice, the latest first."""
    guard(by)
    query = select(Notice).where(NOTICES.to(by))
    return list(session.exec(query.order_by(col(Notice.written_at).desc())))


def of_worksheet(session: Session, worksheet: Worksheet, *, by: Actor) -> Notice | None:
    """The notice written on a version."""
    guard(by)
    return _of_worksheet(session, worksheet.id)


def standing(session: Session, notice: Notice, *, now: datetime) -> NoticeStanding:
    """A notice with what stands against sending it."""
    row = session.get_one(Worksheet, notice.worksheet_id)
    return NoticeStanding(
        state=notice.state,
        stale=tuple(one.words for one in outdated.now(session, row)),
        current=row.state is WorksheetState.APPROVED,
        expired=notice.send_by is not None and now > notice.send_by,
        proposed=checks.uses_proposed(row),
        dropped=session.get_one(AllegedViolation, row.violation_id).state is ViolationState.DROPPED,
    )


def send(session: Session, notice: Notice, *, by: Actor, now: datetime) -> Notice:
    """Send it: from now on the addressee, and the register by its state, know. Raises `Denied`."""
    # A change of the worksheet takes the same lock, so nothing is sent that is being replaced.
    row = session.get_one(Worksheet, notice.worksheet_id)
    violation = session.get_one(AllegedViolation, row.violation_id, with_for_update=True)
    session.refresh(row)
    notice.state = NOTICE.take("send", by, standing(session, notice, now=now))
    notice.sent_by, notice.sent_at = by.person_id, now
    session.add(notice)
    manifest = manifests.keep(session, _stated(session, notice, row, by, now), now=now)
    fields = {
        "reference": notice.reference,
        "kind": notice.kind.value,
        "regime": row.regime,
        "manifest": manifest.digest,
    }
    told = (f"developer:{notice.developer_id}",) if notice.kind is NoticeKind.PRELIMINARY_FINDINGS else ()
    subjects = (f"notice:{notice.id}", *about(violation), *told)
    rows = (notice, manifest)
    ledger.append(session, events.NOTICE_SENT, fields, by=by, now=now, about=subjects, records=rows)
    jobs.add(session, "copy.write", f"notice:{notice.id}")
    return notice


def _stated(session: Session, notice: Notice, row: Worksheet, by: Actor, now: datetime) -> manifests.Stated:
    """What is served: the letter by its digest, and who prepared, approved and sent it."""
    subject = f"notice:{notice.id}"
    letter = documents.find(session, notice.document_id)
    before = (("prepared", row.prepared_by, row.prepared_at), ("approved", row.approved_by, row.approved_at))
    return manifests.Stated(
        kind=notice.kind.value,
        reference=notice.reference,
        subject=subject,
        owner_id=receives(notice, by),
        entity=manifests.entity_named(session, notice.developer_id),
        sha256=letter.sha256,
        form=letter.media_type,
        signed=[
            *(manifests.signed_before(session, who, act=act, at=at) for act, who, at in before if who and at),
            manifests.signature(session, by, subject=subject, act="sent", now=now),
        ],
        attachments=[manifests.attached(letter)],
    )


def entry_of(session: Session, notice: Notice) -> LedgerEntry:
    """The entry by which a notice was sent. Raises `NotFound` before that."""
    for entry in ledger.entries(session, f"notice:{notice.id}"):
        if entry.type == events.NOTICE_SENT:
            return entry
    raise NotFound


def receives(notice: Notice, by: Actor) -> uuid.UUID:
    """Whose receipt and copy it is: findings are the developer's, a referral stays with the authority."""
    return notice.developer_id if notice.kind is NoticeKind.PRELIMINARY_FINDINGS else by.organisation_id


def received(session: Session, *, by: Actor) -> list[Notice]:
    """The preliminary findings sent to the actor's own organisation, the latest first."""
    if by.organisation_kind is not OrganisationKind.DEVELOPER:
        raise NotFound
    query = select(Notice).where(NOTICES.to(by))
    return list(session.exec(query.order_by(col(Notice.sent_at).desc())))


def load_received(session: Session, reference: str, *, by: Actor) -> Notice:
    """One of `received`. Raises `NotFound` for what is not theirs, not sent, or not addressed to them."""
    if by.organisation_kind is not OrganisationKind.DEVELOPER:
        raise NotFound
    return NOTICES.find(session, by, col(Notice.reference) == reference)


def reply(session: Session, notice: Notice, *, text: str, by: Actor, now: datetime) -> NoticeReply:
    """Answer findings. A late answer is kept and marked. Raises `Denied` for no text."""
    NOTICE.take("reply", by, NoticeStanding(state=notice.state))
    if not text.strip():
        raise Denied("Write your answer first.")
    if len(text) > LONGEST_REPLY:
        raise Denied("The answer is too long for this page.", "Shorten it, or say that more follows by post.")
    row = NoticeReply(
        notice_id=notice.id,
        developer_id=notice.developer_id,
        text=text.strip(),
        late=notice.reply_by is not None and now > notice.reply_by,
        replied_by=by.person_id,
        replied_at=now,
    )
    session.add(row)
    session.flush()
    manifest = manifests.keep(session, _reply_stated(session, notice, row, by, now), now=now)
    fields = {"reference": notice.reference, "late": row.late, "manifest": manifest.digest}
    subjects = (f"notice_reply:{row.id}", f"notice:{notice.id}", f"developer:{notice.developer_id}")
    rows = (row, manifest)
    ledger.append(session, events.NOTICE_ANSWERED, fields, by=by, now=now, about=subjects, records=rows)
    return row


def _reply_stated(
    session: Session, notice: Notice, row: NoticeReply, by: Actor, now: datetime
) -> manifests.Stated:
    subject = f"notice_reply:{row.id}"
    said = {"v": REPLY_FORMAT, "notice": str(notice.id), "text": row.text}
    return manifests.Stated(
        kind="answer_to_notice",
        reference=notice.reference,
        subject=subject,
        owner_id=row.developer_id,
        entity=manifests.entity_named(session, row.developer_id),
        sha256=manifests.digest(said),
        form=REPLY_FORMAT,
        signed=[manifests.signature(session, by, subject=subject, act="answered", now=now)],
        timeliness=manifests.ruling(now, notice.reply_by),
    )


def replies(session: Session, notice: Notice) -> list[NoticeReply]:
    """What the developer answered, in order."""
    query = select(NoticeReply).where(NoticeReply.notice_id == notice.id)
    return list(session.exec(query.order_by(col(NoticeReply.replied_at))))


def open_document(session: Session, notice: Notice, *, by: Actor, now: datetime) -> Document:
    """The PDF, for a download; the opening is recorded before it is sent."""
    document = documents.find(session, notice.document_id)
    documents.note_opening(session, document=document, subject=f"notice:{notice.id}", by=by, now=now)
    return document


def penalties_public(session: Session) -> list[PublicPenalty]:
    """What the register may show: sent notices by their state in words. No proposed amount is in it."""
    query = (
        select(Notice, AllegedViolation, Organisation.name, Case.reference)
        .join(Worksheet, col(Worksheet.id) == col(Notice.worksheet_id))
        .join(AllegedViolation, col(AllegedViolation.id) == col(Worksheet.violation_id))
        .join(Organisation, col(Organisation.id) == col(Notice.developer_id))
        .join(Case, col(Case.id) == col(AllegedViolation.case_id))
        .where(Notice.state == NoticeState.SENT)
        .order_by(col(Notice.sent_at).desc())
    )
    return [_public(*row) for row in session.exec(query)]


def _public(notice: Notice, violation: AllegedViolation, developer: str, case: str) -> PublicPenalty:
    referred = f"Referred to the {notice.addressee}"
    findings = "Preliminary findings sent, amount confidential"
    assert notice.sent_at is not None
    return PublicPenalty(
        developer_id=notice.developer_id,
        developer=developer,
        case=case,
        reference=notice.reference,
        title=violation.title,
        provision=provision(violation.regime, violation.provision)["citation"],
        state=referred if notice.kind is NoticeKind.REFERRAL else findings,
        sent_at=notice.sent_at,
    )


def _of_worksheet(session: Session, worksheet_id: uuid.UUID) -> Notice | None:
    return session.exec(select(Notice).where(Notice.worksheet_id == worksheet_id)).first()


def _signed(session: Session, row: Worksheet) -> tuple[letters.Signed, ...]:
    found = []
    for person_id, at in ((row.prepared_by, row.prepared_at), (row.approved_by, row.approved_at)):
        person = session.get(Person, person_id) if person_id else None
        if person is not None and at is not None:
            found.append(letters.Signed(person.name, person.title, at))
    return tuple(found)


def _demonstration(settings: Settings, now: datetime) -> str:
    if not settings.demonstration:
        return ""
    return f"Demonstration. The date here is {date_only(now)}. Companies, people and figures are invented."

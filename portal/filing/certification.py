"""Certification: what is signed, who signs, and what stands afterwards."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from portal.filing import checks, duties, entities, manifests, people, publication, service
from portal.filing.manifests import LATE, NO_DUE_DATE, ON_TIME
from portal.filing.tables import Filing, FilingKind
from portal.filing.workflow import FILING, FilingState, Part
from secure_access import documents, jobs, ledger
from secure_access.db import Session, next_reference
from secure_access.identity import Actor, Person, authority
from secure_access.ledger import LedgerEntry, canonical
from secure_access.workflow import Denied, NotFound


def form_of(session: Session, filing: Filing) -> dict[str, Any]:
    """The object whose canonical JSON is digested: as it was signed, or for a draft as it would be now."""
    if filing.signed:
        kept: dict[str, Any] = json.loads(filing.signed)
        return kept
    attached = [
        (item.document, str(item.attachment.audience))
        for item in documents.for_subject(session, service.subject(filing))
    ]
    developer = service.developer_of(session, filing).name
    return publication.canonical_form(
        filing,
        developer=developer,
        entity=service.entity_of(session, filing),
        attached=attached,
        version=filing.statement or publication.STATEMENT,
    )


def send(
    session: Session, *, filing: Filing, certifier_id: uuid.UUID | None, by: Actor, now: datetime
) -> None:
    """Send a draft to a certifying officer. It can no longer be changed, only recalled.

    The officer is among the people of a draft of named people from now on.

    Raises `Denied` when a check stands in the way or the officer may not certify this filing.
    """
    state = FILING.take("send_for_certification", by, filing)
    officers = {person.id for person in service.certifying_officers(session, filing)}
    if certifier_id is None or certifier_id not in officers:
        raise Denied(
            "Nobody is named who may certify this filing.",
            "Choose a certifying officer; a risk report and a safety framework take another person than "
            "those who wrote it.",
        )
    filing.certifier_id = certifier_id
    _refuse_open(service.checks_of(session, filing, now=now))
    people.let_in(session, filing=filing, person_id=certifier_id, part=Part.READS, by=by, now=now)
    filing.state = state
    filing.statement = publication.STATEMENT
    filing.saved_at = now
    session.add(filing)


def recall(session: Session, *, filing: Filing, by: Actor, now: datetime) -> None:
    """Take a filing back from certification to go on with it. Nothing was signed."""
    filing.state = FILING.take("recall", by, filing)
    filing.statement = ""
    filing.saved_at = now
    session.add(filing)


def name_author(session: Session, *, filing: Filing, to: Person, by: Actor, now: datetime) -> None:
    """Hand a draft to a colleague, because its author leaves: as private as before. Raises `Denied`."""
    FILING.take("hand_over", by, filing)
    people.let_in(session, filing=filing, person_id=to.id, part=Part.PREPARES, by=by, now=now)
    filing.prepared_by, filing.saved_at = to.id, now
    service.note_author(filing, to.id)
    session.add(filing)


def name_officer(session: Session, *, filing: Filing, to: Person, by: Actor, now: datetime) -> None:
    """Ask another officer to sign, because the one who was asked leaves. Raises `Denied`."""
    FILING.take("hand_over", by, filing)
    if to.id not in {person.id for person in service.certifying_officers(session, filing)}:
        raise Denied(
            f"{to.name} may not certify this filing: it takes another person than those who wrote it.",
            "Choose another certifying officer, or recall the draft.",
        )
    people.let_in(session, filing=filing, person_id=to.id, part=Part.READS, by=by, now=now)
    filing.certifier_id, filing.saved_at = to.id, now
    session.add(filing)


def signing_refusal(
    session: Session, *, filing: Filing, authority_required: bool, by: Actor, now: datetime
) -> Denied | None:
    """Why this person may not sign this filing now, or ``None``: by the steps, by the legal entity that is
    named, by authority."""
    return (
        FILING.refusal("submit", by, filing)
        or entities.signing_refusal(session, filing, now=now)
        or authority.signing_refusal(
            session, by, entity_id=filing.entity_id, required=authority_required, now=now
        )
    )


def submit(
    session: Session,
    *,
    filing: Filing,
    shown_digest: str,
    by: Actor,
    now: datetime,
    authority_required: bool = False,
) -> Filing:
    """Sign and submit. Load the filing with ``for_update=True`` first.

    ``authority_required`` demands an authority to sign also where the developer keeps none.

    ``shown_digest`` is the digest of what the officer was shown. A second signature under the same digest by
    the same person changes nothing and gives the same filing, so that it leads to the same receipt. Raises
    `Denied` for somebody who may not sign, a legal entity that does not answer for this filing, an open
    check, or a filing that is not what was shown.
    """
    if filing.certified_by == by.person_id and filing.digest and filing.digest == shown_digest:
        return filing
    state = FILING.take("submit", by, filing)
    entities.hold(session, filing)
    refusal = signing_refusal(session, filing=filing, authority_required=authority_required, by=by, now=now)
    if refusal is not None:
        raise refusal
    _refuse_open(service.checks_of(session, filing, now=now, certifier=by.name))
    form = form_of(session, filing)
    digest = publication.digest(form)
    if digest != shown_digest:
        raise Denied(
            "The filing changed after your page was opened: it is not what you saw. Nothing is signed.",
            "Open the page again, read it, and sign what it shows then.",
        )
    duty = duties.due_of(session, filing)
    # Numbering first: a query between these lines would write half of them, and what is signed is written
    # once: after that the database lets the developer change none of it.
    filing.reference = next_reference(session, filing.kind.prefix, now)
    filing.state, filing.digest, filing.signed = state, digest, canonical.encode(form).decode()
    filing.certified_by, filing.submitted_at, filing.saved_at = by.person_id, now, now
    filing.due_at = duty.due_at if duty else None
    filing.timeliness = NO_DUE_DATE if not filing.due_at else (ON_TIME if now <= filing.due_at else LATE)
    session.add(filing)
    _record(session, filing, by, now)
    _supersede(session, filing, by, now)
    jobs.add(session, "case.file", service.subject(filing))
    return filing


def _record(session: Session, filing: Filing, by: Actor, now: datetime) -> None:
    manifest = manifests.keep(session, manifests.filing_stated(session, filing, by=by, now=now), now=now)
    ledger.append(
        session,
        "filing.submitted",
        {
            "kind": filing.kind,
            "reference": filing.reference,
            "entity": str(filing.entity_id),
            "digest": filing.digest,
            "statement": filing.statement,
            "attachments": len(documents.for_subject(session, service.subject(filing))),
            "due_at": filing.due_at.isoformat() if filing.due_at else "",
            "timeliness": filing.timeliness,
            "manifest": manifest.digest,
        },
        by=by,
        now=now,
        about=service.about(filing),
        records=(filing, manifest),
    )


def _supersede(session: Session, filing: Filing, by: Actor, now: datetime) -> None:
    """An amendment takes the place of what it amends."""
    if filing.supersedes_id is None:
        return
    old = session.get(Filing, filing.supersedes_id, with_for_update=True)
    if old is None:
        return
    old.state = FILING.take("supersede", by, old)
    session.add(old)
    fields = {"reference": old.reference, "by_reference": filing.reference}
    ledger.append(
        session, "filing.superseded", fields, by=by, now=now, about=service.about(old), records=(old,)
    )


def withdraw(session: Session, *, filing: Filing, reason: str, by: Actor, now: datetime) -> None:
    """Withdraw a submitted filing. It stays, marked, with the reason. Raises `Denied` without one."""
    state = FILING.take("withdraw", by, filing)
    if not reason.strip():
        raise Denied(
            "A withdrawal has a reason.", "Write why the filing is withdrawn; the authority reads it."
        )
    filing.state, filing.state_reason = state, reason.strip()[:2000]
    session.add(filing)
    ledger.append(
        session,
        "filing.withdrawn",
        {"reference": filing.reference},
        by=by,
        now=now,
        about=service.about(filing),
        records=(filing,),
    )


def amend(session: Session, *, filing: Filing, by: Actor, now: datetime) -> Filing:
    """Begin a draft that takes the place of a submitted filing once it is submitted itself.

    The legal entity, answers, audiences and attachments are carried over, and with them who wrote them;
    reasons given for checks are not. Raises `Denied` for a filing that cannot be superseded, `NotFound` for
    somebody else's.
    """
    if filing.developer_id != by.organisation_id:
        raise NotFound
    if filing.state not in (FilingState.SUBMITTED, FilingState.RETURNED, FilingState.ACCEPTED):
        raise Denied(
            f"This filing is {filing.state.replace('_', ' ')}, so it cannot be amended.",
            "Begin a new filing.",
        )
    if not by.roles & FILING.steps[0].roles:
        raise Denied("Only a preparer or a certifying officer can amend a filing.", "Ask one of them.")
    draft = Filing(
        kind=FilingKind(filing.kind),
        developer_id=filing.developer_id,
        entity_id=filing.entity_id,
        model_version_id=filing.model_version_id,
        taxonomy=filing.taxonomy,
        period_start=filing.period_start,
        period_end=filing.period_end,
        content=dict(filing.content),
        audiences=dict(filing.audiences),
        prepared_by=by.person_id,
        authors=sorted({*filing.authors, str(by.person_id)}),
        prepared_at=now,
        saved_at=now,
        supersedes_id=filing.id,
    )
    session.add(draft)
    session.flush()
    for item in documents.for_subject(session, service.subject(filing)):
        documents.attach(
            session,
            document=item.document,
            subject=service.subject(draft),
            label=item.attachment.label,
            audience=item.attachment.audience,
            by=by,
            now=now,
        )
    return draft


def entry_of(session: Session, filing: Filing) -> LedgerEntry:
    """The ledger entry of the submission, for the receipt. Raises `NotFound` before it is submitted."""
    for entry in ledger.entries(session, about=service.subject(filing), removed=True):
        if entry.type == "filing.submitted":
            return entry
    raise NotFound


def _refuse_open(found: list[checks.Check]) -> None:
    left = checks.opened(found)
    if left:
        raise Denied(
            f"{len(left)} checks stand in the way, the first: {left[0].what}.",
            f"{left[0].fix} Then send it again.",
        )

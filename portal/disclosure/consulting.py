"""Developers are heard: the notice of what is asked of theirs, and what they object to, block by block."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from portal.disclosure import events, requests
from portal.disclosure.tables import AccessBlock, AccessNotice, AccessRequest
from portal.disclosure.visibility import ACCESS_NOTICES
from portal.disclosure.workflow import ACCESS_NOTICE, ACCESS_REQUEST, AccessState, Heard, NoticeState
from portal.filing import manifests
from portal.law import access
from portal.review.requests import NotServable
from secure_access import jobs, ledger
from secure_access.db import Session, col, next_reference, select
from secure_access.identity import Actor
from secure_access.ledger import Manifest
from secure_access.ledger.records import timestamp
from secure_access.workflow import Denied, NotFound

NOTIFY = "mail.access_notice"
"""Job: tell a developer's officers that a notice waits for them."""
TELL = "mail.access_overridden"
"""Job: tell a developer's officers that an objection is not followed."""
NOTICE_FORM, ANSWER_FORM = "assay.access-notice/v1", "assay.access-objection/v1"


def subject(notice: AccessNotice) -> str:
    """The ledger subject of a notice."""
    return f"access_notice:{notice.id}"


def about(notice: AccessNotice) -> tuple[str, ...]:
    """The ledger subjects of what is recorded of a notice."""
    return (
        subject(notice),
        f"access_request:{notice.request_id}",
        f"developer:{notice.developer_id}",
    )


def load(session: Session, reference: str, *, by: Actor, for_update: bool = False) -> AccessNotice:
    """The notice of that reference, if it is there for this person. Raises `NotFound`."""
    return ACCESS_NOTICES.find(session, by, col(AccessNotice.reference) == reference, for_update=for_update)


def visible(session: Session, *, by: Actor) -> list[AccessNotice]:
    """The notices that are there for this person, newest first."""
    query = select(AccessNotice).where(ACCESS_NOTICES.to(by))
    return list(session.exec(query.order_by(col(AccessNotice.served_at).desc(), col(AccessNotice.reference))))


def blocks_of(session: Session, notice: AccessNotice) -> list[AccessBlock]:
    """The blocks that a notice is about, in order."""
    query = select(AccessBlock).where(AccessBlock.notice_id == notice.id)
    return list(session.exec(query.order_by(col(AccessBlock.number))))


def heard(notice: AccessNotice, now: datetime) -> Heard:
    """The notice as its workflow looks at it now."""
    return Heard(notice.state, in_time=now <= notice.object_by)


def consult(session: Session, *, request: AccessRequest, by: Actor, now: datetime) -> list[AccessNotice]:
    """Send each developer concerned the notice, with her days to object by the law. Raises `Denied`."""
    found = requests.blocks_of(session, request)
    state = ACCESS_REQUEST.take("consult", by, requests.standing(session, request, now))
    requests.refuse_conflicted(session, found, by=by)
    request.state = state
    session.add(request)
    until = access.run(access.load(request.law), access.OBJECT, now).due_at
    made = []
    for developer_id in requests.developers(session, request):
        mine = [block for block in found if block.developer_id == developer_id]
        made.append(_notify(session, request, mine, until, by, now))
    return made


def _notify(
    session: Session,
    request: AccessRequest,
    mine: list[AccessBlock],
    until: datetime,
    by: Actor,
    now: datetime,
) -> AccessNotice:
    notice = AccessNotice(
        reference=next_reference(session, "ARN", now),
        request_id=request.id,
        developer_id=mine[0].developer_id,
        served_at=now,
        served_by=by.person_id,
        object_by=until,
    )
    session.add(notice)
    session.flush()
    for block in mine:
        block.notice_id = notice.id
        session.add(block)
    said: dict[str, object] = {
        "v": NOTICE_FORM,
        "request": request.reference,
        "blocks": [_named(block) for block in mine],
    }
    manifest = _stated(session, notice, "access_notice", said, by, now)
    fields = {
        "reference": notice.reference,
        "request": request.reference,
        "blocks": len(mine),
        "object_by": timestamp(until),
        "manifest": manifest.digest,
    }
    rows = (request, notice, *mine, manifest)
    ledger.append(session, events.NOTIFIED, fields, by=by, now=now, about=about(notice), records=rows)
    jobs.add(session, NOTIFY, str(notice.id))
    return notice


def answer(
    session: Session,
    *,
    notice: AccessNotice,
    reasons: Mapping[uuid.UUID, str],
    by: Actor,
    now: datetime,
) -> None:
    """Object to blocks, each with its reason; with none, say that nothing stands against disclosing.

    What comes after the date is kept, marked late, as long as nobody has prepared the answer. Raises
    `Denied`, `NotFound` for a block of somebody else, `NotServable` where a reason is missing.
    """
    act = "object" if reasons else "agree"
    state = ACCESS_NOTICE.take(act, by, heard(notice, now))
    request = session.get_one(AccessRequest, notice.request_id, with_for_update=True)
    if request.state is not AccessState.CONSULTED:
        raise Denied("The authority has gone on without your answer.", "Write to the authority at once.")
    mine = {block.id: block for block in blocks_of(session, notice)}
    if not set(reasons) <= set(mine):
        raise NotFound
    blank = [block_id for block_id, reason in reasons.items() if not reason.strip()]
    if blank:
        raise NotServable(
            [(f"reason-{one}", f"Say why “{mine[one].label}” has to stay confidential.") for one in blank]
        )
    changed = [mine[block_id] for block_id in mine if block_id in reasons]
    for block in changed:
        block.objection = reasons[block.id].strip()
        session.add(block)
    notice.state, notice.answered_at, notice.answered_by = state, now, by.person_id
    notice.late = now > notice.object_by
    session.add(notice)
    said: dict[str, object] = {
        "v": ANSWER_FORM,
        "notice": notice.reference,
        "objections": [{**_named(block), "reason": block.objection} for block in changed],
    }
    manifest = _stated(session, notice, "access_objection", said, by, now)
    fields: dict[str, object] = {
        "reference": notice.reference,
        "late": notice.late,
        "manifest": manifest.digest,
    }
    if state is NoticeState.OBJECTED:
        fields["blocks"] = len(changed)
    event = events.OBJECTED if changed else events.AGREED
    rows = (notice, *changed, manifest)
    ledger.append(session, event, fields, by=by, now=now, about=about(notice), records=rows)


def lapse(session: Session, *, notice: AccessNotice, by: Actor, now: datetime) -> None:
    """Record that a developer said nothing in her time. Raises `Denied` while that runs."""
    notice.state = ACCESS_NOTICE.take("lapse", by, heard(notice, now))
    session.add(notice)
    fields = {"reference": notice.reference}
    ledger.append(session, events.SILENT, fields, by=by, now=now, about=about(notice), records=(notice,))


def tell(session: Session, *, notice: AccessNotice, release_from: datetime, by: Actor, now: datetime) -> None:
    """Tell a developer that an objection is not followed, before anything is out."""
    notice.told_at, notice.release_from = now, release_from
    session.add(notice)
    over = [block for block in blocks_of(session, notice) if block.overridden]
    said: dict[str, object] = {
        "v": NOTICE_FORM,
        "notice": notice.reference,
        "disclosed": [{**_named(block), "reason": block.reason} for block in over],
        "release_from": timestamp(release_from),
    }
    manifest = _stated(session, notice, "access_overridden", said, by, now)
    fields = {
        "reference": notice.reference,
        "blocks": len(over),
        "release_from": timestamp(release_from),
        "manifest": manifest.digest,
    }
    rows = (notice, manifest)
    ledger.append(session, events.TOLD, fields, by=by, now=now, about=about(notice), records=rows)
    jobs.add(session, TELL, str(notice.id))


def _named(block: AccessBlock) -> dict[str, object]:
    return {"number": block.number, "source": block.source, "label": block.label}


def _stated(
    session: Session, notice: AccessNotice, kind: str, said: dict[str, object], by: Actor, now: datetime
) -> Manifest:
    act = {"access_notice": "served", "access_objection": "answered", "access_overridden": "decided"}[kind]
    stated = manifests.Stated(
        kind=kind,
        reference=notice.reference,
        subject=subject(notice),
        owner_id=notice.developer_id,
        entity=manifests.entity_named(session, notice.developer_id),
        sha256=manifests.digest(said),
        form=str(said["v"]),
        signed=[manifests.signature(session, by, subject=subject(notice), act=act, now=now)],
        timeliness=manifests.ruling(now, notice.object_by if act == "answered" else None),
    )
    return manifests.keep(session, stated, now=now)

"""What waits for somebody in an access request.

Officials find, hear, prepare, decide and release; a developer answers, and reads why she is not followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import url_for

from portal.disclosure import consulting, requests
from portal.disclosure.tables import AccessRequest
from portal.disclosure.workflow import ACCESS_REQUEST, AccessState, NoticeState
from portal.filing.visibility import READERS
from portal.ui.formats import moment, plural
from portal.ui.tasks import Task
from secure_access.db import Session
from secure_access.identity import Actor, OrganisationKind
from secure_access.workflow import Role

_LATE = "The answer is late, and the requester can ask for a review."


def tasks(session: Session, *, by: Actor, now: datetime) -> list[Task]:
    """Everything of an access request that waits for this person."""
    if by.organisation_kind is OrganisationKind.DEVELOPER:
        answers = by.holds(Role.PREPARER, Role.CERTIFYING_OFFICER, Role.ANSWERING_AGENT)
        return list(_notices(session, by, now)) if answers else []
    if by.organisation_kind is OrganisationKind.REGULATOR and by.roles & READERS:
        return [
            task
            for request in requests.unanswered(session)
            if (task := _official(session, request, by, now)) is not None
        ]
    return []


def _notices(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    for notice in consulting.visible(session, by=by):
        link = url_for("access_notices.show", reference=notice.reference)
        if notice.state is NoticeState.SERVED:
            count = len(consulting.blocks_of(session, notice))
            yield Task(
                what="Say whether documents of yours may be disclosed",
                link=link,
                detail=f"{notice.reference} · {plural(count, 'block')} asked for by law",
                due=notice.object_by,
                consequence="Your silence is recorded, and it is decided without you.",
                act="Answer",
            )
        elif notice.release_from is not None and notice.release_from > now:
            yield Task(
                what="Read why an objection of yours is not followed",
                link=link,
                detail=f"{notice.reference} · released from {moment(notice.release_from)} on",
                due=notice.release_from,
                consequence="The blocks are released, unless a court says otherwise.",
                act="Read",
            )


_WHAT = {
    AccessState.RECEIVED: "Find what an access request asks for, and hear the developers",
    AccessState.CONSULTED: "Prepare the answer to an access request",
    AccessState.PREPARED: "Decide on an access request, or send it back",
    AccessState.DECIDED: "Release the answer to an access request",
}
_ACTS = {
    AccessState.RECEIVED: "affect",
    AccessState.CONSULTED: "prepare",
    AccessState.PREPARED: "decide",
    AccessState.DECIDED: "release",
}


def _official(session: Session, request: AccessRequest, by: Actor, now: datetime) -> Task | None:
    subject = requests.standing(session, request, now)
    if ACCESS_REQUEST.refusal(_ACTS[request.state], by, subject) is not None:
        return None
    return Task(
        what=_WHAT[request.state],
        link=url_for("access_requests.show", reference=request.reference),
        detail=f"{request.reference} · {plural(subject.blocks, 'block')}",
        due=request.due_at,
        consequence=_LATE,
        act="Open",
    )

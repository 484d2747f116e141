"""The answer: prepared block by block, decided by another official, released.

A developer whose objection is not followed is told first, and nothing is released before her days are over.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.disclosure import blocks, consulting, events, intake, requests
from portal.disclosure.tables import AccessBlock, AccessRequest
from portal.disclosure.workflow import ACCESS_REQUEST, NoticeState, Outcome
from portal.law import access
from portal.review.requests import NotServable
from secure_access import jobs
from secure_access.db import Session
from secure_access.identity import Actor
from secure_access.ledger import canonical
from secure_access.ledger.records import timestamp

ANSWERED = "mail.access_released"
"""Job: tell the requester that the answer is there."""
FORMAT = "assay.access-answer/v1"
LONGEST = 4000


@dataclass(frozen=True)
class Ruling:
    """What becomes of one block. A withheld one names its exemption; an overriding one its reason."""

    outcome: Outcome
    exemption: str = ""
    reason: str = ""


def prepare(
    session: Session,
    *,
    request: AccessRequest,
    rulings: Mapping[uuid.UUID, Ruling],
    answer: str,
    by: Actor,
    now: datetime,
) -> None:
    """Prepare the answer: a ruling for each block, and the words to the requester.

    Whoever said nothing in time is recorded as silent. Raises `Denied`, `NotServable` with what is missing.
    """
    found = requests.blocks_of(session, request)
    state = ACCESS_REQUEST.take("prepare", by, requests.standing(session, request, now))
    requests.refuse_conflicted(session, found, by=by)
    law = access.load(request.law)
    problems = [
        (f"{name}-{block.id}", words)
        for block in found
        for name, words in _wrong(block, rulings.get(block.id), law)
    ]
    if not answer.strip():
        problems.insert(
            0, ("answer", "Write the words to the requester: what was found, and where it stands.")
        )
    if problems:
        raise NotServable(problems)
    for notice in requests.notices(session, request):
        if notice.state is NoticeState.SERVED:
            consulting.lapse(session, notice=notice, by=by, now=now)
    for block in found:
        ruling = rulings[block.id]
        withheld = ruling.outcome is Outcome.WITHHELD
        block.outcome, block.reason = ruling.outcome, ruling.reason.strip()
        block.exemption = ruling.exemption if withheld else ""
        session.add(block)
    request.state, request.draft_answer = state, answer.strip()
    request.prepared_by, request.prepared_at, request.sent_back_reason = by.person_id, now, ""
    fields = {
        "reference": request.reference,
        **_counted(found),
        "overridden": sum(b.overridden for b in found),
    }
    requests.written(session, events.PREPARED, fields, request, by, now, *found)


def send_back(session: Session, *, request: AccessRequest, reason: str, by: Actor, now: datetime) -> None:
    """Send it back with a reason. Raises `Denied`, `NotServable` without a reason."""
    state = ACCESS_REQUEST.take("send_back", by, requests.standing(session, request, now))
    if not reason.strip():
        raise NotServable([("sent_back_reason", "Say what has to change before you can decide.")])
    request.state, request.sent_back_reason = state, reason.strip()
    requests.written(session, events.SENT_BACK, {"reference": request.reference}, request, by, now)


def decide(session: Session, *, request: AccessRequest, by: Actor, now: datetime) -> None:
    """Decide as prepared. It is released at once, unless an objection is overridden. Raises `Denied`."""
    found = requests.blocks_of(session, request)
    state = ACCESS_REQUEST.take("decide", by, requests.standing(session, request, now))
    requests.refuse_conflicted(session, found, by=by)
    request.state, request.decided_by, request.decided_at = state, by.person_id, now
    over = {block.notice_id for block in found if block.overridden}
    if over:
        law = access.load(request.law)
        request.release_from = access.begins(law, access.run(law, access.RELEASE, now).due_at)
        for notice in requests.notices(session, request):
            if notice.id in over:
                consulting.tell(session, notice=notice, release_from=request.release_from, by=by, now=now)
    fields = {
        "reference": request.reference,
        **_counted(found),
        "release_from": timestamp(request.release_from) if request.release_from else "",
    }
    requests.written(session, events.DECIDED, fields, request, by, now)
    if not over:
        release(session, request=request, by=by, now=now)


def release(session: Session, *, request: AccessRequest, by: Actor, now: datetime) -> None:
    """Let the requester have the answer, with the words of every disclosed block.

    Raises `Denied` while a developer can still go to court.
    """
    found = requests.blocks_of(session, request)
    request.state = ACCESS_REQUEST.take("release", by, requests.standing(session, request, now))
    requests.refuse_conflicted(session, found, by=by)
    for block in found:
        if block.outcome is Outcome.DISCLOSED:
            block.released = blocks.text_of(session, block)
            session.add(block)
    request.answer, request.released_at = request.draft_answer, now
    request.review_by = access.run(access.load(request.law), access.REVIEW, now).due_at
    session.add(request)
    manifest = intake.stated(
        session, request, kind="access_answer", content=wording(request, found), form=FORMAT, now=now
    )
    fields = {
        "reference": request.reference,
        **_counted(found),
        "exemptions": sorted({block.exemption for block in found if block.exemption}),
        "manifest": manifest.digest,
    }
    requests.written(session, events.RELEASED, fields, request, by, now, *found, manifest)
    if request.contact:
        jobs.add(session, ANSWERED, str(request.id))


def wording(request: AccessRequest, found: Sequence[AccessBlock]) -> bytes:
    """The answer as the requester has it, as canonical JSON; its SHA-256 stands in the receipt."""
    return canonical.encode(
        {
            "v": FORMAT,
            "reference": request.reference,
            "answer": request.answer,
            "blocks": [
                {
                    "number": block.number,
                    "source": block.source,
                    "label": block.label,
                    "outcome": block.outcome.value,
                    "exemption": block.exemption,
                    "reason": block.reason,
                    "text": block.released,
                }
                for block in found
            ],
        }
    )


def _wrong(block: AccessBlock, ruling: Ruling | None, law: access.AccessLaw) -> list[tuple[str, str]]:
    if ruling is None or ruling.outcome is Outcome.OPEN:
        return [("outcome", f"Choose what becomes of block {block.number}.")]
    if len(ruling.reason) > LONGEST:
        return [("reason", f"The reason of block {block.number} is longer than {LONGEST:,} characters.")]
    if ruling.outcome is Outcome.WITHHELD:
        if law.exemption(ruling.exemption) is None:
            return [("exemption", f"Name the exemption by which block {block.number} is withheld.")]
        if not ruling.reason.strip():
            return [
                ("reason", f"Say why the exemption holds for block {block.number}. The requester reads it.")
            ]
    elif block.objection and not ruling.reason.strip():
        return [("reason", f"Say why block {block.number} is disclosed although its developer objects.")]
    return []


def _counted(found: Sequence[AccessBlock]) -> dict[str, object]:
    return {
        "disclosed": sum(block.outcome is Outcome.DISCLOSED for block in found),
        "withheld": sum(block.outcome is Outcome.WITHHELD for block in found),
    }

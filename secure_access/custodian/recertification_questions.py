"""What the front and the portal ask about recertification: who is due, one reader's page, and the act.

As in `page_questions`. A reader's page is at the SHA-256 of their identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from secure_access.custodian import forms, recertification, recertifying
from secure_access.custodian.core import Core
from secure_access.custodian.enrolment import Role
from secure_access.custodian.forms import Form
from secure_access.custodian.grant_words import day, minute
from secure_access.custodian.page_questions import visitor, who
from secure_access.custodian.questions import CONFIRMED, Done, Question, confirmation
from secure_access.custodian.recertification import Due
from secure_access.custodian.visits import Visit
from secure_access.ledger.canonical import Json
from secure_access.ledger.records import timestamp
from secure_access.workflow import NotFound


def _recertify(core: Core, form: Form) -> Done:
    recertifying.recertify(core.custody, *confirmation(form))
    return {}


def due(core: Core, _form: Form) -> Done:
    """For the alert: who is overdue, and who is due within 7 days; by identifiers, instants, digests."""
    custody = core.custody
    with custody.lock:
        now = custody.now()
        late = recertification.overdue(custody.state, now)
        soon = recertification.due_within(custody.state, now)
    return {
        "overdue": [_told(one) for one in late],
        "soon": [_told(one) for one in soon if one not in late],
    }


def _told(one: Due) -> dict[str, Json]:
    since, until = timestamp(one.since), timestamp(one.until)
    return {"reader": one.reader, "since": since, "until": until, "grants": [*one.grants]}


def _desk(core: Core, form: Form) -> Done:
    """Who is due, for an approver; and the visitor's own date, where they read."""
    custody = core.custody
    with custody.lock:
        person, now = core.visits.of(form.text("visit")).person, custody.now()
        approves = Role.APPROVER in person.roles
        soon = recertification.due_within(custody.state, now) if approves else ()
        own = recertification.due(custody.state, person.person, now)
        return {
            "due": [_row(core, one, now) for one in soon],
            "own": _own(core, own, now) if own else {},
        }


def _row(core: Core, one: Due, now: datetime) -> dict[str, Json]:
    listed = core.custody.enrolment.listed(one.reader)
    return {
        "page": forms.digest(one.reader.encode()),
        "reader": listed.name if listed else one.reader,
        "team": listed.team if listed else "",
        "grants": len(one.grants),
        "until": minute(one.until),
        "overdue": now >= one.until,
    }


def _own(core: Core, one: Due, now: datetime) -> dict[str, Json]:
    custody = core.custody
    late = now >= one.until
    return {
        "until": minute(one.until),
        "soon": one.until <= now + recertification.SOON,
        "overdue": late,
        "words": recertification.reason(custody.state, one, custody.enrolment, now),
    }


def _of_grant(core: Core, form: Form) -> Done:
    """For the page of a grant: when its reader is due. Approvers alone."""
    custody = core.custody
    with custody.lock:
        visit = core.visits.of(form.text("visit"))
        given = core.visits.grant(visit, form.hexadecimal("grant", 32))
        now = custody.now()
        one = recertification.due(custody.state, given.grant.reader, now)
        if one is None or Role.APPROVER not in visit.person.roles:
            return {"reader_due": {}}
        return {"reader_due": _row(core, one, now)}


def _reader(core: Core, form: Form) -> Done:
    """The page on which a reader is recertified. Approvers alone; to everybody else there is none."""
    custody = core.custody
    with custody.lock:
        visit = core.visits.of(form.text("visit"))
        page = form.hexadecimal("reader", 32)
        now, state = custody.now(), custody.state
        readers = dict.fromkeys(one.grant.reader for one in state.grants.values())
        reader = next((one for one in readers if forms.digest(one.encode()) == page), None)
        if reader is None or Role.APPROVER not in visit.person.roles:
            raise NotFound
        return {**visitor(core, visit), "page": page, **_shown(core, visit, reader, now)}


def _shown(core: Core, visit: Visit, reader: str, now: datetime) -> Done:
    custody = core.custody
    state, listed = custody.state, custody.enrolment
    named, last = listed.listed(reader), state.recertified.get(reader)
    found: Done = {
        "reader": named.name if named else reader,
        "last": who(last, visit, listed) if last else {},
        "lasts": recertification.LASTS.days,
        "due": {},
        "statement": "",
    }
    one, said = recertification.due(state, reader, now), recertification.statement(state, reader, now)
    if one is None or said is None:
        return found
    held = state.held_by(reader, now)
    return found | {
        "due": {"since": day(one.since), "until": minute(one.until), "overdue": now >= one.until},
        "statement": said.digest,
        "encoded": said.encoded.decode(),
        "sentence": recertification.sentence(said, listed),
        "obstacle": recertification.obstacle(held, reader, visit.person),
        "held": [
            {
                "grant": one.grant.digest,
                "reference": one.grant.reference,
                "words": recertification.grant_sentence(one.grant, listed),
                "released": len(one.released),
                "pages": one.grant.pages,
                "over": one.over is not None or now >= one.grant.not_after,
            }
            for one in (state.grants[digest] for digest in said.grants)
        ],
    }


RECERTIFICATIONS: Mapping[str, Question] = {
    "recertify": Question(CONFIRMED, _recertify),
    "page.recertifications": Question(("visit",), _desk),
    "page.recertification_of": Question(("visit", "grant"), _of_grant),
    "page.reader": Question(("visit", "reader"), _reader),
}
"""Of the front. `due` is the portal's."""
DUE: Mapping[str, Question] = {"recertifications": Question((), due)}

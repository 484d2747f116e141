"""What the front asks for its pages: entering, what a visitor sees, and what a sitting still has.

As in `questions`; a visit's token stands for the visitor, so that the front cannot see as somebody else.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from secure_access.custodian import visits
from secure_access.custodian.acts import Act, Statement
from secure_access.custodian.core import Core
from secure_access.custodian.enrolment import Enrolment, Role, officer_of
from secure_access.custodian.forms import Form
from secure_access.custodian.grant_words import day, minute, plain_words
from secure_access.custodian.questions import CONFIRMED, Done, Question, confirmation
from secure_access.custodian.state import Approval, Given, Plan
from secure_access.custodian.visits import Visit
from secure_access.ledger.canonical import Json
from secure_access.ledger.records import timestamp


def statement(made: Statement, credentials: tuple[bytes, ...] = ()) -> Done:
    """A statement, for the passkeys that are to confirm it."""
    return {
        "nonce": made.nonce,
        "challenge": made.challenge.hex(),
        "statement": made.encoded.decode(),
        "not_after": timestamp(made.not_after),
        "credentials": [base64.b64encode(one).decode() for one in credentials],
    }


def _about(core: Core, _form: Form) -> Done:
    """What anybody may know: which list is believed, and who signed it."""
    custody = core.custody
    listed = custody.enrolment
    return {
        "rp_id": listed.rp_id,
        "origin": listed.custodian,
        "version": listed.version,
        "list": listed.digest,
        "made_at": timestamp(listed.made_at),
        "signers": list(custody.state.signers),
        "officers": len(listed.officers),
    }


def _ask_entry(core: Core, _form: Form) -> Done:
    return statement(core.visits.ask())


def _enter(core: Core, form: Form) -> Done:
    visit = core.visits.enter(*confirmation(form))
    return {"visit": visit.token, "left": _seconds(core, visit.until)}


def _leave(core: Core, form: Form) -> Done:
    core.visits.leave(form.text("visit"))
    return {}


def _ask_act(core: Core, form: Form) -> Done:
    try:
        act = Act(form.text("act"))
    except ValueError:
        raise form.wrong("act", "an act") from None
    return statement(*core.visits.confirm(form.text("visit"), act, form.hexadecimal("object", 32)))


def _desk(core: Core, form: Form) -> Done:
    visit = core.visits.of(form.text("visit"))
    return {
        **visitor(core, visit),
        "grants": [grant_line(core, visit, one) for one in core.visits.grants(visit)],
        "plans": [plan_line(core, one) for one in core.visits.plans(visit)],
    }


def visitor(core: Core, visit: Visit) -> Done:
    """Who visits, and until when: what every page says on top."""
    person, listed = visit.person, core.custody.enrolment
    return {
        "visitor": {
            "person": person.person,
            "name": person.name,
            "title": person.title,
            "organisation": listed.name_of(person.organisation),
            "team": person.team,
            "roles": [*sorted(role.label for role in person.roles)],
        },
        "until": minute(visit.until),
        "left": _seconds(core, visit.until),
    }


def _seconds(core: Core, until: datetime) -> int:
    """How long from now, by the clock of the core."""
    return max(0, int((until - core.custody.now()).total_seconds()))


def grant_line(core: Core, visit: Visit, given: Given) -> Done:
    """A grant in a list."""
    grant, listed = given.grant, core.custody.enrolment
    reader = listed.listed(grant.reader)
    return {
        "grant": grant.digest,
        "reference": grant.reference,
        "request": grant.request,
        "developer": listed.name_of(grant.developer),
        "model": grant.model,
        "reader": reader.name if reader else grant.reader,
        "mine": grant.reader == visit.person.person,
        "standing": given.standing.value,
        "passed": core.custody.now() >= grant.not_after,
        "begun": core.custody.now() >= grant.not_before,
        "gone": core.custody.state.plans[given.plan].destroying,
        "from": minute(grant.not_before),
        "to": minute(grant.not_after),
        "acts": [act.value for act in visits.acts_of(given, visit.person)],
        "approvals": len(given.approvals),
        "approved_by_me": any(one.person == visit.person.person for one in given.approvals),
    }


def plan_line(core: Core, plan: Plan) -> Done:
    """A plan in a list."""
    return {
        "developer": core.custody.enrolment.name_of(plan.developer),
        "plan": plan.fingerprint,
        "request": plan.request,
        "manifest": plan.manifest.digest if plan.manifest else "",
        "sections": len(plan.manifest.sections) if plan.manifest else 0,
        "paused": bool(plan.paused_by),
        "held": plan.hold is not None,
        "destroyed": plan.destroying,
    }


def _grant(core: Core, form: Form) -> Done:
    """The page of a grant, from the bytes that are signed. A developer sees roles, no names."""
    visit = core.visits.of(form.text("visit"))
    given = core.visits.grant(visit, form.hexadecimal("grant", 32))
    custody, grant = core.custody, given.grant
    plan = custody.state.plans[given.plan]
    pages = {section: count for section, count, _ in plan.told}
    words = plain_words(grant, custody.enrolment, custody.state.delivery_of(given))
    acts = visits.acts_of(given, visit.person)
    approves = bool({Act.APPROVE, Act.BREAK_GLASS} & set(acts))
    return {
        **visitor(core, visit),
        **grant_line(core, visit, given),
        "paused": bool(plan.paused_by),
        "plan": plan.fingerprint,
        "manifest": grant.manifest,
        "encoded": grant.encoded.decode(),
        "sentences": list(words.sentences),
        "marked": _marked(given, custody.enrolment),
        "asked_at": words.asked_at,
        "changes": [asdict(row) for row in words.changes],
        "decisions": [who(one, visit, custody.enrolment) for one in given.approvals],
        "over": who(given.decided, visit, custody.enrolment) if given.decided else {},
        "reason": "" if officer_of(grant.developer, visit.person) else given.reason,
        "obstacle": core.visits.obstacle(visit, given) if approves else "",
        "begins": minute(grant.not_before),
        "purpose": grant.purpose,
        "handling": grant.handling,
        "pages": grant.pages,
        "released": len(given.released),
        "minutes": grant.sitting_minutes,
        "sections": [
            {"section": one.section, "title": one.title, "pages": pages.get(one.section, 0)}
            for one in (grant.sections if grant.reader == visit.person.person else ())
        ],
        "text": visit.person.text and given.text,
        "break_glass": grant.break_glass,
    }


def _marked(given: Given, listed: Enrolment) -> list[Json]:
    """What the page of a grant sets in bold: names, numbers and dates of the grant."""
    grant = given.grant
    reader = listed.listed(grant.reader)
    return [
        reader.name if reader else grant.reader,
        listed.name_of(grant.developer),
        *(one.title for one in grant.sections),
        day(grant.not_before),
        day(grant.not_after),
        f"{grant.pages} pages",
    ]


def who(one: Approval, visit: Visit, listed: Enrolment) -> dict[str, Json]:
    """Who decided: by name to the own organisation, by role to others."""
    found = listed.listed(one.person)
    name = found.name if found else one.person
    if found is not None and found.organisation != visit.person.organisation:
        officer = Role.DEVELOPER_OFFICER in found.roles
        name = "An officer of the developer" if officer else "An approver"
    return {
        "name": name,
        "team": one.team,
        "at": minute(one.at),
        "you": one.person == visit.person.person,
    }


def _refuse(core: Core, form: Form) -> Done:
    core.refuse(*confirmation(form), form.text("reason"))
    return {}


def _sitting(core: Core, form: Form) -> Done:
    found = core.sitting(form.text("token"))
    left = _seconds(core, found.until)
    return {"until": minute(found.until), "left": left, "pages": found.pages, "this_hour": found.this_hour}


PAGES: Mapping[str, Question] = {
    "about": Question((), _about),
    "page.ask_entry": Question((), _ask_entry),
    "page.enter": Question(CONFIRMED, _enter),
    "page.leave": Question(("visit",), _leave),
    "page.ask_act": Question(("visit", "act", "object"), _ask_act),
    "page.desk": Question(("visit",), _desk),
    "page.grant": Question(("visit", "grant"), _grant),
    "page.refuse": Question((*CONFIRMED, "reason"), _refuse),
    "page.sitting": Question(("token",), _sitting),
}

"""What waits for a person in review: for the first page of the government's and the developer's zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import url_for

from evaluator.tables import Flag
from evaluator.workflow import FlagState
from portal.filing.registration import OWN_ROLES
from portal.review import acts, alerts, plans, queue, requests
from portal.review.facts import Facts
from portal.review.forms import end_of_day
from portal.review.tables import Case, PlanRequest
from portal.review.workflow import (
    DELIVERED,
    OWED,
    PLAN_REQUEST,
    PlanState,
    RequestState,
    is_a_reader,
    is_its_requester,
)
from portal.ui.formats import date_only, moment, plural
from portal.ui.tasks import Task
from secure_access import grants
from secure_access.db import Session, col, select
from secure_access.grants import Standing
from secure_access.identity import Actor, OrganisationKind
from secure_access.workflow import Role


def tasks(session: Session, by: Actor, now: datetime) -> list[Task]:
    """Everything that this person has to do in review, in no order; the first page sorts."""
    if by.organisation_kind is OrganisationKind.DEVELOPER:
        if not by.roles & OWN_ROLES:
            return list(_answers(session, by)) if by.holds(Role.ANSWERING_AGENT) else []
        return [*_answers(session, by), *_deliveries(session, by), *_replies(session, by)]
    if by.organisation_kind is OrganisationKind.REGULATOR:
        return [
            *_cases(session, by),
            *_approvals(session, by, now),
            *_readings(session, by, now),
            *_alerts(session, by, now),
        ]
    return []


def _cases(session: Session, by: Actor) -> Iterator[Task]:
    for facts in queue.waiting(session, by=by):
        for act in acts.acts(facts):
            if _is_for(act, facts, by):
                yield _case_task(act, facts)


def _is_for(act: acts.Act, facts: Facts, by: Actor) -> bool:
    if act.by == acts.OFFICER:
        return by.holds(Role.CASE_OFFICER) and facts.case.officer_id in (None, by.person_id)
    decides = by.holds(Role.DECIDER) and facts.case.decider_id in (None, by.person_id)
    # Who recommended it cannot decide it, so it does not wait for them.
    own = facts.decision is not None and facts.decision.recommended_by == by.person_id
    return act.by == acts.DECIDER and decides and not own


def _case_task(act: acts.Act, facts: Facts) -> Task:
    detail = f"Case {facts.case.reference} · {facts.developer.name} · {facts.model_name}"
    if facts.open_flags:
        detail += f" · {plural(len(facts.open_flags), 'flag')} open"
    if act.due is None and facts.case.due_on is not None:
        detail += f" · next date of the case {date_only(facts.case.due_on)}"
    return Task(
        what=f"{act.words}: {facts.model_name}",
        link=url_for(act.page, reference=facts.case.reference),
        detail=detail,
        due=end_of_day(act.due),
        consequence=act.otherwise or "Nothing lapses; the case waits.",
        act="Open",
    )


def _approvals(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    if not by.holds(Role.PLAN_APPROVER):
        return
    for request in plans.visible(session, by=by):
        if request.state is PlanState.OBJECTED:
            yield from _objection(session, request, by)
        if request.state in DELIVERED:
            yield from _grants(session, request, by, now)
        if request.state is not PlanState.REQUESTED:
            continue
        if PLAN_REQUEST.refusal("approve", by, plans.approving(session, request)) is None:
            yield Task(
                what="Approve a plan request, or refuse it",
                link=url_for("plans.show", reference=request.reference),
                detail=f"{request.reference} · {plural(len(request.sections), 'section')}",
                due=request.deliver_by,
                consequence="The developer is not asked, and nobody reads the plan.",
                act="Read the request",
            )


def _objection(session: Session, request: PlanRequest, by: Actor) -> Iterator[Task]:
    subject = plans.approving(session, request)
    if PLAN_REQUEST.refusal("answer_objection", by, subject) is None:
        yield Task(
            what="Answer what a developer objects to",
            link=url_for("plans.show", reference=request.reference),
            detail=f"{request.reference} · {plural(subject.open_objections, 'objection')}",
            due=request.deliver_by,
            consequence="Nothing is delivered, and nobody reads the plan.",
            act="Read the objections",
        )


def _grants(session: Session, request: PlanRequest, by: Actor, now: datetime) -> Iterator[Task]:
    """Access grants that wait for approvers; the custodian says who may be one of them."""
    if is_its_requester(request, by) or is_a_reader(request, by):
        return
    for grant in grants.of_subject(session, plans.subject_of(request)):
        waits = grant.standing is Standing.WAITING and now < grant.not_after
        if waits and str(by.person_id) not in (grant.approvals or []):
            yield Task(
                what="Approve an access grant at the custodian, or refuse it",
                link=url_for("plans.show", reference=request.reference),
                detail=f"{grant.reference} · {len(grant.approvals or [])} of 2 approvals",
                due=grant.not_after,
                consequence="Nobody reads the plan.",
                act="Read the grant",
            )


def _alerts(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    """Open alerts about plans, for the case officer of each."""
    if not by.holds(Role.CASE_OFFICER):
        return
    for request in plans.visible(session, by=by):
        if request.plan_key is None or alerts.owner(session, request) not in (None, by.person_id):
            continue
        waiting = [one.alert for one in alerts.of_request(session, request, now=now) if one.open]
        if waiting:
            yield Task(
                what=f"Look at an alert: {waiting[0].kind.words}",
                link=url_for("plans.show", reference=request.reference),
                detail=f"{request.reference} · {plural(len(waiting), 'alert')} open",
                due=None,
                consequence="The reading goes on, and nobody has looked at it.",
                act="Look",
            )


def _readings(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    for request in plans.visible(session, by=by):
        if request.paused_at is not None:
            continue
        mine = [
            grant
            for grant in grants.of_subject(session, plans.subject_of(request))
            if grant.reader_id == by.person_id and grant.standing is Standing.APPROVED
        ]
        for grant in mine:
            if grant.ended_at is None and grant.not_before <= now < grant.not_after:
                yield Task(
                    what="Read sections of a security plan, at the custodian",
                    link=url_for("plans.show", reference=request.reference),
                    detail=f"{grant.reference} · {plural(len(grant.documents), 'section')}",
                    due=grant.not_after,
                    consequence="Your access grant ends, and you can open nothing under it.",
                    act="Read",
                )


def _answers(session: Session, by: Actor) -> Iterator[Task]:
    for request in requests.visible(session, by=by):
        if request.state is RequestState.SERVED:
            missing = len(requests.unanswered(session, request))
            items = plural(len(request.items), "item")
            yield Task(
                what="Answer an information request",
                link=url_for("asked.show", reference=request.reference),
                detail=f"{request.reference} · {missing} of {items} without an answer",
                due=request.due_at,
                consequence="A late answer is put to enforcement. The review clock stands still.",
                act="Answer",
            )


def _deliveries(session: Session, by: Actor) -> Iterator[Task]:
    for request in plans.visible(session, by=by):
        if request.state in OWED:
            yield _delivery(request)


def _delivery(request: PlanRequest) -> Task:
    return Task(
        what="Deliver sections of your security plan",
        link=url_for("asked.plan", reference=request.reference),
        detail=f"{request.reference} · {plural(len(request.sections), 'section')}",
        due=request.deliver_by,
        consequence=f"Nobody can read it. The time to read ends {moment(request.read_until)}.",
        act="Deliver",
    )


def _replies(session: Session, by: Actor) -> Iterator[Task]:
    wanted = (
        select(Flag, Case)
        .join(Case, col(Case.id) == col(Flag.case_id))
        .where(
            Flag.developer_id == by.organisation_id, Flag.state == FlagState.OPEN, Flag.developer_reply == ""
        )
    )
    for flag, case in session.exec(wanted):
        yield Task(
            what=f"Reply to flag {flag.code}",
            link=url_for("asked.flags", reference=case.reference),
            detail=f"{case.reference} · {flag.title}",
            due=None,
            consequence="The flag stays open, and the decision answers it without you.",
            act="Reply",
        )

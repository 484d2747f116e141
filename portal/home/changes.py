"""What happened since a person last looked, from the ledger, in sentences. It stands in for mail.

Only the events named here are shown, each to the side that may know of it: a suggested violation is about a
developer too, and its people must not read of it here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_

from portal.enforcement import visibility
from portal.filing.registration import OWN_ROLES
from portal.review.tables import Case
from secure_access.db import Session, col, select
from secure_access.identity import Actor, OrganisationKind, SignInSession, conflicts
from secure_access.ledger import LedgerEntry
from secure_access.ledger.tables import LedgerAbout
from secure_access.workflow import Role

SHOWN = 6

Told = Mapping[str, tuple[str, str]]
"""Event, and what is said of it with the address of its page; both take the fields of the entry."""

_FILING, _REQUEST, _PLAN = "/filings/{reference}", "/requests/{reference}", "/plans/{reference}"
_INCIDENT, _CASE = "/incidents/{reference}", "/cases/{reference}"

DEVELOPER: Told = {
    "filing.submitted": ("{reference} was submitted", _FILING),
    "filing.accepted": ("{reference} was accepted for review", _FILING),
    "filing.returned": ("{reference} was returned", _FILING),
    "filing.withdrawn": ("{reference} was withdrawn", _FILING),
    "incident.reported": ("Incident {reference} was reported", _INCIDENT),
    "incident.updated": ("Incident {reference} was updated", _INCIDENT),
    "incident.resolved": ("Incident {reference} was resolved", _INCIDENT),
    "incident.resolution_corrected": ("The resolution of incident {reference} was corrected", _INCIDENT),
    "incident.finally_reported": ("The final report on incident {reference} was made", _INCIDENT),
    "incident.closed": ("Incident {reference} was closed", _INCIDENT),
    "information_request.served": ("Information request {reference} was served", _REQUEST),
    "information_request.answered": ("Information request {reference} was answered", _REQUEST),
    "information_request.withdrawn": ("Information request {reference} was withdrawn", _REQUEST),
    "plan.delivered": ("The plan for {reference} was delivered", _PLAN),
    "plan.objection_answered": ("Your objection to {reference} is {answer}", _PLAN),
    "plan.ended": ("Reading for {reference} ended", _PLAN),
    "plan.key_received": ("The plan for {reference} can be sealed: its key is there", _PLAN),
    "flag.raised": ("The evaluator’s view differs from yours: {codes}", ""),
    "decision.taken": ("Decision {reference} was taken", "/decisions/{reference}"),
    "condition.met": ("Condition {number} of {decision} is met", "/decisions/{decision}"),
    "condition.breached": ("Condition {number} of {decision} is breached", "/decisions/{decision}"),
    "appeal.noted": ("Your appeal {reference} was noted", "/decisions/{decision}"),
    "notice.sent": ("{reference} was sent", ""),
}
EVALUATOR: Told = {
    "evaluator.accredited": ("Accreditation {reference} was given", ""),
    "accreditation.suspended": ("Accreditation {reference} was suspended", ""),
    "accreditation.reinstated": ("Accreditation {reference} is in force again", ""),
    "accreditation.revoked": ("Accreditation {reference} was revoked", ""),
    "evaluator.appointed": ("You were appointed: {reference}", "/engagements/{reference}"),
    "conflict.none_declared": ("No conflict was declared for {reference}", "/engagements/{reference}"),
    "conflict.declared": ("A conflict was declared for {reference}", "/engagements/{reference}"),
    "assessment.submitted": ("Assessment {reference} was submitted", "/engagements"),
}
REVIEW: Told = {
    "case.opened": ("Case {reference} was opened", _CASE),
    "case.joined": ("A filing or an incident joined {reference}", _CASE),
    "case.decider_named": ("A decider was named in {reference}", _CASE),
    "clock.started": ("The review clock of {reference} started", _CASE),
    "filing.accepted": ("{reference} was accepted for review", ""),
    "filing.returned": ("{reference} was returned", ""),
    "incident.updated": ("Incident {reference} was updated", ""),
    "incident.resolved": ("Incident {reference} was resolved", ""),
    "incident.resolution_corrected": ("The resolution of incident {reference} was corrected", ""),
    "incident.finally_reported": ("The final report on incident {reference} was made", ""),
    "information_request.answered": ("Information request {reference} was answered", ""),
    "plan.approved": ("Plan request {reference} was approved", _PLAN),
    "plan.refused": ("Plan request {reference} was refused", _PLAN),
    "plan.accepted": ("The developer accepted {reference}", _PLAN),
    "plan.objected": ("The developer objected to {reference}", _PLAN),
    "plan.objection_answered": ("An objection to {reference} is {answer}", _PLAN),
    "plan.delivered": ("The plan for {reference} was delivered", _PLAN),
    "plan.ended": ("Reading for {reference} ended", _PLAN),
    "conflict.none_declared": ("The evaluator declared no conflict for {reference}", ""),
    "conflict.declared": ("The evaluator declared a conflict for {reference}", ""),
    "assessment.submitted": ("Assessment {reference} was submitted", ""),
    "flag.raised": ("Flags were raised: {codes}", ""),
    "flag.replied": ("The developer replied to flag {code}", ""),
    "decision.recommended": ("Decision {reference} was recommended", ""),
    "decision.sent_back": ("Decision {reference} was sent back", ""),
    "decision.taken": ("Decision {reference} was taken", ""),
    "condition.breached": ("Condition {number} of {decision} is breached", ""),
    "appeal.noted": ("An appeal against {decision} was noted", ""),
}
_VIOLATION, _SHEET = "/penalties/violations/{reference}", "/penalties/worksheets/{reference}"
ENFORCEMENT: Told = {
    "violation.suggested": ("{reference} was suggested", _VIOLATION),
    "violation.alleged": ("{reference} was alleged", _VIOLATION),
    "violation.dropped": ("{reference} was dropped", _VIOLATION),
    "worksheet.prepared": ("Worksheet {reference} waits for approval", _SHEET),
    "worksheet.approved": ("Worksheet {reference} was approved", _SHEET),
    "worksheet.sent_back": ("Worksheet {reference} was sent back", _SHEET),
    "notice.written": ("{reference} was written", "/penalties/notices/{reference}"),
    "notice.sent": ("{reference} was sent", "/penalties/notices/{reference}"),
    "notice.answered": ("The developer answered {reference}", "/penalties/notices/{reference}"),
}
_PARTIES = OWN_ROLES | {Role.ASSESSOR, Role.EVALUATION_OFFICER}
"""Who of a developer or an evaluator is told: the changes lead to pages of theirs."""
REVIEWERS = frozenset({Role.CASE_OFFICER, Role.DECIDER})


@dataclass(frozen=True)
class Change:
    """One thing that happened. ``link`` is empty where no page shows it alone."""

    words: str
    link: str
    at: datetime


@dataclass(frozen=True)
class Changes:
    """The newest changes, and how many there are in all. ``since`` is ``None`` on the first visit."""

    since: datetime | None
    newest: list[Change]
    total: int


def changes(session: Session, *, by: Actor, since: datetime | None) -> Changes:
    """What others did since ``since`` that this person may know of, newest first."""
    found: list[Change] = []
    total = 0
    for told, where in _sources(session, by):
        limits = [where, col(LedgerEntry.type).in_(told)]
        limits.append(func.length(LedgerEntry.entry) > 0)  # its content may be removed
        limits.append(or_(col(LedgerEntry.person_id).is_(None), col(LedgerEntry.person_id) != by.person_id))
        if since is not None:
            limits.append(col(LedgerEntry.recorded_at) > since)
        total += session.exec(select(func.count()).select_from(LedgerEntry).where(and_(*limits))).one()
        query = select(LedgerEntry).where(and_(*limits)).order_by(col(LedgerEntry.number).desc())
        found += [_change(entry, told) for entry in session.exec(query.limit(SHOWN))]
    found.sort(key=lambda change: change.at, reverse=True)
    return Changes(since, found[:SHOWN], total)


def last_looked(session: Session, by: Actor) -> datetime | None:
    """When this person was last seen in an earlier session, by the machine's clock; ``None`` for never."""
    query = (
        select(SignInSession.seen_at)
        .where(SignInSession.person_id == by.person_id)
        .order_by(col(SignInSession.started_at).desc())
    )
    return session.exec(query.offset(1).limit(1)).first()


def _sources(session: Session, by: Actor) -> list[tuple[Told, ColumnElement[bool]]]:
    """Which events this person reads of, and about what."""
    if by.organisation_kind is not OrganisationKind.REGULATOR and not by.roles & _PARTIES:
        return []
    if by.organisation_kind is OrganisationKind.DEVELOPER:
        return [(DEVELOPER, _about([f"developer:{by.organisation_id}"]))]
    if by.organisation_kind is OrganisationKind.EVALUATOR:
        return [(EVALUATOR, _about([f"evaluator:{by.organisation_id}"]))]
    found: list[tuple[Told, ColumnElement[bool]]] = []
    if by.roles & REVIEWERS:
        mine = or_(col(Case.officer_id) == by.person_id, col(Case.decider_id) == by.person_id)
        open_to = conflicts.open_to(by, Case.developer_id)
        found.append((REVIEW, _about(_cases(session, and_(mine, open_to)))))
    if by.roles & visibility.ENFORCEMENT:
        found.append((ENFORCEMENT, not_(_about(_cases(session, col(Case.developer_id).in_(by.conflicts))))))
    return found


def _cases(session: Session, wanted: ColumnElement[bool]) -> list[str]:
    """The ledger subjects of these cases."""
    return [f"case:{case_id}" for case_id in session.exec(select(Case.id).where(wanted))]


def _about(subjects: Collection[str]) -> ColumnElement[bool]:
    return exists().where(
        col(LedgerAbout.entry_number) == col(LedgerEntry.number), col(LedgerAbout.subject).in_(subjects)
    )


def _change(entry: LedgerEntry, told: Told) -> Change:
    words, link = told[entry.type]
    fields: dict[str, Any] = {
        key: ", ".join(str(item) for item in value) if isinstance(value, list) else value
        for key, value in entry.fields.items()
    }
    return Change(words.format(**fields), link.format(**fields), entry.recorded_at)

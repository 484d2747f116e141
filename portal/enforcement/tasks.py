"""What waits for enforcement staff, and for a developer who has to be heard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from portal.enforcement import adoptions, notices, pictures, service, worksheets
from portal.enforcement.tables import AllegedViolation, Notice, Worksheet
from portal.enforcement.visibility import ENFORCEMENT
from portal.enforcement.workflow import ADOPTION, NOTICE, VIOLATION, WORKSHEET, NoticeState, ViolationState
from portal.filing.registration import OWN_ROLES
from portal.law import statute
from portal.ui.formats import money
from portal.ui.tasks import Task
from secure_access.db import Session
from secure_access.identity import Actor, OrganisationKind
from secure_access.workflow import Role


def tasks(session: Session, *, by: Actor, now: datetime) -> list[Task]:
    """The tasks of this person in enforcement; nothing for whoever has no part in it."""
    if by.organisation_kind is OrganisationKind.DEVELOPER:
        return list(_to_answer(session, by)) if by.roles & OWN_ROLES else []
    if by.organisation_kind is not OrganisationKind.REGULATOR or not by.holds(*ENFORCEMENT):
        return []
    return [*_violations(session, by), *_adoptions(session, by, now), *_notices(session, by, now)]


def _adoptions(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    for row in adoptions.every(session, by=by):
        if ADOPTION.refusal("adopt", by, adoptions.standing(session, row, now=now)) is None:
            law = statute.load(row.regime).short
            yield Task(
                what=f"Adopt {row.reference}, a method for the {law}, or leave it",
                link=f"/penalties/methods/{row.reference}",
                detail=row.reason,
                due=None,
                consequence="The lines of its worksheets say “office method”.",
                act="Decide",
            )


def _violations(session: Session, by: Actor) -> Iterator[Task]:
    for listed in service.violations(session, by=by):
        violation = listed.violation
        about = f"{listed.developer}, case {listed.case}"
        if violation.state is ViolationState.SUGGESTED:
            yield Task(
                what=f"Allege or drop {violation.reference}: {_lower(violation.title)}",
                link=f"/penalties/violations/{violation.reference}",
                detail=about,
                due=None,
                consequence="Nothing is alleged, and no penalty follows.",
                act="Consider",
            )
            continue
        latest = worksheets.of_violation(session, violation, by=by)
        if not latest and VIOLATION.refusal("open_worksheet", by, violation) is None:
            yield _to_open(violation, about)
        for row in latest:
            yield from _worksheet(session, row, about, by)


def _to_open(violation: AllegedViolation, about: str) -> Task:
    return Task(
        what=f"Calculate a penalty for {violation.reference}: {_lower(violation.title)}",
        link=f"/penalties/violations/{violation.reference}",
        detail=about,
        due=None,
        consequence="The allegation stays without an amount.",
        act="Open a worksheet",
    )


def _worksheet(session: Session, row: Worksheet, about: str, by: Actor) -> Iterator[Task]:
    found = worksheets.load(session, row.reference, by=by)
    allowed = WORKSHEET.allowed(by, found.standing)
    link = f"/penalties/worksheets/{row.reference}"
    if found.stale and "change" in allowed:
        yield Task(
            what=f"Calculate {row.reference} again: {found.stale[0].words}",
            link=f"{link}#again",
            detail=about,
            due=None,
            consequence="It cannot be approved, and nothing on it can be sent.",
            act="Calculate again",
        )
    elif "approve" in allowed:
        amount = money(pictures.total(row))
        yield Task(
            what=f"Approve {row.reference}: {amount}, or send it back",
            link=link,
            detail=about,
            due=None,
            consequence="No findings and no referral go out.",
            act="Decide",
        )
    elif row.state in ("draft", "sent_back") and by.holds(Role.ENFORCEMENT_OFFICER):
        words = "was sent back" if row.state == "sent_back" else "is a draft"
        yield Task(
            what=f"Finish {row.reference}: version {row.version} {words}",
            link=link,
            detail=about,
            due=None,
            consequence="Nobody can approve it.",
            act="Finish",
        )


def _notices(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    for notice in notices.waiting(session, by=by):
        standing = notices.standing(session, notice, now=now)
        if notice.state is NoticeState.WRITTEN and NOTICE.refusal("send", by, standing) is None:
            yield Task(
                what=f"Send {notice.reference} to {notice.addressee}",
                link=f"/penalties/notices/{notice.reference}",
                detail=notice.kind.value.replace("_", " ").capitalize(),
                due=notice.send_by,
                consequence="The dates in it run out, and it has to be approved anew."
                if notice.send_by
                else "The addressee does not learn of it.",
                act="Send",
            )


def _to_answer(session: Session, by: Actor) -> Iterator[Task]:
    for notice in notices.received(session, by=by):
        if not notices.replies(session, notice):
            yield _answer(notice)


def _answer(notice: Notice) -> Task:
    return Task(
        what=f"Answer the preliminary findings {notice.reference}",
        link=f"/findings/{notice.reference}",
        detail="You are heard before any decision.",
        due=notice.reply_by,
        consequence="The authority decides without your answer.",
        act="Answer",
    )


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]

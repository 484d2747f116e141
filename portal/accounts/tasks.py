"""What waits for whoever runs the people of an organisation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from flask import url_for

from portal.ui.formats import plural
from portal.ui.tasks import Task
from portal.web import current_zone
from secure_access.db import Session, select
from secure_access.identity import Actor, Organisation, organisations, policies, proposals, roles
from secure_access.identity.tables import LegalEntity
from secure_access.identity.workflow import EntityState

SOON = timedelta(days=30)
"""A yearly confirmation becomes a task this long before it is due."""


def tasks(session: Session, *, by: Actor, now: datetime) -> list[Task]:
    """Too few administrators, the yearly look at the people, acts that wait for another, entities."""
    found = [*_one_alone(session, by), *_confirmation(session, by, now)]
    if roles.oversees(by):
        found += [*_acts(session, by, now), *_entities(session), *_overdue(session, by, now)]
    return found


def _one_alone(session: Session, by: Actor) -> Iterator[Task]:
    """An organisation never has fewer than two administrators; one that has is told so until it has them."""
    if not roles.administers(by, by.organisation_id):
        return
    own = session.get_one(Organisation, by.organisation_id)
    if len(roles.administrators(session, own)) < roles.LEAST_ADMINISTRATORS:
        yield Task(
            what="Name a second administrator",
            link=url_for("administration.index" if roles.oversees(by) else "own_organisation.show"),
            detail=f"You alone administer {own.name}. Give a colleague the role, or invite somebody.",
            due=None,
            consequence="Nobody can let your people in again if you lose your key or leave.",
            act="Look at the list",
        )


def _confirmation(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    if not roles.administers(by, by.organisation_id):
        return
    due = organisations.due_on(session, session.get_one(Organisation, by.organisation_id))
    if due - now.date() <= SOON:
        page = "administration.index" if roles.oversees(by) else "own_organisation.show"
        yield Task(
            what="Confirm who is still there",
            link=url_for(page),
            detail="Once a year. Everybody on the list can sign in.",
            due=datetime.combine(due, time(23, 59), UTC),
            consequence="The authority sees that it is overdue.",
            act="Look at the list",
        )


def _acts(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    lapse = policies.in_force(session, current_zone().wired.settings.first_policy).lapse
    for row in proposals.waiting(session, lapse=lapse, by=by, now=now):
        yield Task(
            what=f"Approve or refuse: {proposals.words_of(row.act).lower()}",
            link=url_for("administration.act", proposal_id=row.id),
            detail=row.reason,
            due=proposals.open_until(row, lapse),
            consequence="It lapses, and is not done.",
            act="Read",
        )


def _entities(session: Session) -> Iterator[Task]:
    query = select(LegalEntity).where(LegalEntity.state == EntityState.CLAIMED)
    for row in session.exec(query):
        name = session.get_one(Organisation, row.organisation_id).name
        yield Task(
            what=f"Verify {row.name}",
            link=url_for("administration.organisation", organisation_id=row.organisation_id),
            detail=f"Claimed by {name}.",
            due=None,
            consequence="The developer can draft and not submit for it.",
        )


def _overdue(session: Session, by: Actor, now: datetime) -> Iterator[Task]:
    late = [
        found.name
        for found in organisations.every(session, by=by)
        if found.id != by.organisation_id and organisations.due_on(session, found) < now.date()
    ]
    if late:
        yield Task(
            what=f"Remind {plural(len(late), 'organisation')} to confirm who is still there",
            link=url_for("administration.every_organisation"),
            detail=", ".join(late[:5]),
            due=None,
            consequence="People who left may still be able to sign in.",
        )

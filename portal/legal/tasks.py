"""What waits for legal staff."""

from __future__ import annotations

from datetime import datetime

from flask import url_for

from portal.law import statute
from portal.law.deadlines import end_of
from portal.legal import versions
from portal.legal.tables import StatuteVersion
from portal.legal.workflow import VersionState
from portal.ui.tasks import Task
from secure_access.db import Session
from secure_access.identity import Actor
from secure_access.workflow import Role


def tasks(session: Session, *, by: Actor, now: datetime) -> list[Task]:
    """Drafts with a change in them: for who wrote, to bring to approval; for the others, to approve."""
    if not by.holds(Role.LEGAL_OFFICER):
        return []
    drafts = [row for row in versions.every(session) if row.state is VersionState.DRAFT]
    return [_task(row, by) for row in drafts if row.digest != row.base]


def _task(row: StatuteVersion, by: Actor) -> Task:
    wrote = str(by.person_id) in row.authors
    return Task(
        what=f"Have {row.reference} approved" if wrote else f"Approve or leave {row.reference}",
        link=url_for("statutes.show", reference=row.reference),
        detail=f"{versions.shipped(row.pack).name}: {row.why}",
        due=end_of(row.live_from, versions.shipped(statute.OFFICE).zone),
        consequence="The law of the version before goes on, and the draft needs a later date.",
        act="Open" if wrote else "Read",
    )

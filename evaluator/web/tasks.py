"""What waits for an evaluator: declarations and assessments, for the first page of the zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

from flask import url_for

from evaluator import assessments, engagements
from evaluator.tables import Engagement
from evaluator.workflow import ENGAGEMENT, EngagementState
from portal.filing.registry import ModelVersion
from portal.ui.tasks import Task
from secure_access.db import Session
from secure_access.identity import Actor, Organisation, OrganisationKind


def tasks(session: Session, by: Actor, now: datetime) -> list[Task]:
    """Everything that this person has to do for the engagements of their body, in no order."""
    if by.organisation_kind is not OrganisationKind.EVALUATOR:
        return []
    found = engagements.of_evaluator(session, by.organisation_id)
    return [task for engagement in found for task in _of(session, engagement, by)]


def _of(session: Session, engagement: Engagement, by: Actor) -> Iterator[Task]:
    version = session.get_one(ModelVersion, engagement.model_version_id)
    developer = session.get_one(Organisation, engagement.developer_id)
    detail = f"{engagement.reference} · {developer.name} · {version.name}"
    due = datetime.combine(engagement.window_until, time(23, 59, 59), UTC)
    allowed = ENGAGEMENT.allowed(by, engagement)
    if engagement.state is EngagementState.APPOINTED and "declare_no_conflict" in allowed:
        yield Task(
            what="Declare conflicts of interest",
            link=url_for("engagements.show", reference=engagement.reference),
            detail=detail,
            due=due,
            consequence="Nobody of your body can read the filing until you do.",
            act="Declare",
        )
    if "assess" in allowed:
        begun = assessments.of_engagement(session, engagement) is not None
        yield Task(
            what="Submit the independent assessment",
            link=url_for("engagements.assessment", reference=engagement.reference),
            detail=detail,
            due=due,
            consequence="The case goes on without it, and the public summary says that it is missing.",
            act="Continue" if begun else "Begin",
        )

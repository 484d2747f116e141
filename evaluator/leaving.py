"""What somebody of an evaluator body leaves behind: drafts, and engagements nobody could end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime

from evaluator import assessments
from evaluator.tables import Engagement, IndependentAssessment
from evaluator.workflow import AssessmentState, EngagementState
from secure_access.db import Session, col, select
from secure_access.identity import Actor, Person, leaving, people_with
from secure_access.identity.leaving import HandOver, Holding
from secure_access.workflow import Role

_AUTHORS = frozenset({Role.ASSESSOR, Role.EVALUATION_OFFICER})


def drafts(session: Session, person: Person) -> Iterator[Holding]:
    """Assessments that this person prepares."""
    query = (
        select(IndependentAssessment.id, Engagement.reference)
        .join(Engagement, col(Engagement.id) == col(IndependentAssessment.engagement_id))
        .where(
            IndependentAssessment.prepared_by == person.id,
            IndependentAssessment.state == AssessmentState.DRAFT,
        )
    )
    for assessment_id, reference in session.exec(query):
        yield Holding(f"assessment:{assessment_id}", f"draft of the assessment for {reference}", _AUTHORS)


def last_officer(session: Session, person: Person) -> Iterator[Holding]:
    """Open engagements, where this person is the last one who could submit."""
    officers = people_with(session, Role.EVALUATION_OFFICER, organisation_id=person.organisation_id)
    if [found.id for found in officers] != [person.id]:
        return
    open_states = (EngagementState.APPOINTED, EngagementState.DECLARED)
    query = select(Engagement.reference).where(
        Engagement.evaluator_id == person.organisation_id, col(Engagement.state).in_(open_states)
    )
    who = "Give a colleague the role evaluation officer: without one nothing can be declared or submitted."
    for reference in session.exec(query):
        yield Holding(f"engagement:{reference}", f"the only evaluation officer for {reference}", who=who)


def _draft(session: Session, handed: HandOver, by: Actor, now: datetime) -> None:
    row = session.get_one(IndependentAssessment, uuid.UUID(handed.key), with_for_update=True)
    assessments.hand_over(session, assessment=row, to=handed.heir, by=by, now=now)


leaving.declare("assessment", drafts, _draft)
leaving.declare("engagement", last_officer)

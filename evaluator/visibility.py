"""Who sees engagements and assessments: the body that was appointed, and who oversees it."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from evaluator.tables import Engagement, IndependentAssessment
from evaluator.workflow import AssessmentState
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import col, select
from secure_access.visibility import Sight, Visibility
from secure_access.workflow import Role

OVERSEERS = frozenset({Role.CASE_OFFICER, Role.DECIDER, Role.ACCREDITATION_OFFICER})
"""Who of the authority sees engagements, and assessments once they are submitted."""

ENGAGEMENTS = Visibility(
    Engagement,
    Sight(OrganisationKind.EVALUATOR, own="evaluator_id"),
    Sight(OrganisationKind.REGULATOR, roles=OVERSEERS),
)


def of_a_seen_engagement(by: Actor) -> ColumnElement[bool]:
    """The engagement that it was made in is seen too."""
    return col(IndependentAssessment.engagement_id).in_(select(Engagement.id).where(ENGAGEMENTS.to(by)))


ASSESSMENTS = Visibility(
    IndependentAssessment,
    Sight(OrganisationKind.EVALUATOR, own="evaluator_id"),
    Sight(
        OrganisationKind.REGULATOR,
        roles=OVERSEERS,
        states=[state for state in AssessmentState if state is not AssessmentState.DRAFT],
        besides=of_a_seen_engagement,
    ),
    about="",
)

"""Who sees what in a review: the reviewers their cases, the developer what was put to it, and when.

A developer sees no case, no recommendation and no history. It sees an information request once it is served,
a plan request once it is approved, a flag from the moment it is raised (it may answer), and a decision once
it is taken.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, cast, func

from evaluator.tables import Flag
from portal.filing.visibility import READERS
from portal.review.tables import Case, Decision, InformationRequest, PlanApproval, PlanRequest
from portal.review.workflow import (
    APPROVALS_NEEDED,
    PUT_TO_DEVELOPER,
    DecisionState,
    PlanState,
    RequestState,
)
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import col, select
from secure_access.visibility import Sight, Visibility
from secure_access.workflow import Role


def it_was_approved(_by: Actor) -> ColumnElement[bool]:
    """It was approved before it ended: only then was anybody asked."""
    given = select(func.count()).select_from(PlanApproval)
    mine = given.where(col(PlanApproval.plan_request_id) == col(PlanRequest.id)).correlate(PlanRequest)
    return mine.scalar_subquery() >= APPROVALS_NEEDED


def it_was_served(_by: Actor) -> ColumnElement[bool]:
    """It was served before it was withdrawn: a draft that is withdrawn was never put to anybody."""
    return col(InformationRequest.served_at).is_not(None)


def it_names_them_as_a_reader(by: Actor) -> ColumnElement[bool]:
    """It names this person as a reader."""
    return cast(col(PlanRequest.readers), String).contains(str(by.person_id))


_OFFICIALS = Sight(OrganisationKind.REGULATOR, roles=READERS)

CASES = Visibility(Case, _OFFICIALS)
INFORMATION_REQUESTS = Visibility(
    InformationRequest,
    Sight(
        OrganisationKind.DEVELOPER,
        own="developer_id",
        states=(RequestState.SERVED, RequestState.ANSWERED),
    ),
    Sight(
        OrganisationKind.DEVELOPER,
        own="developer_id",
        states=(RequestState.WITHDRAWN,),
        besides=it_was_served,
    ),
    _OFFICIALS,
)
PLAN_REQUESTS = Visibility(
    PlanRequest,
    # An agent of the developer is not told what is asked of its security plan.
    Sight(
        OrganisationKind.DEVELOPER,
        own="developer_id",
        states=PUT_TO_DEVELOPER,
        agents=False,
    ),
    Sight(
        OrganisationKind.DEVELOPER,
        own="developer_id",
        states=(PlanState.ENDED,),
        besides=it_was_approved,
        agents=False,
    ),
    Sight(OrganisationKind.REGULATOR, roles=READERS | {Role.PLAN_APPROVER}),
    Sight(OrganisationKind.REGULATOR, besides=it_names_them_as_a_reader),
)
DECISIONS = Visibility(
    Decision,
    Sight(OrganisationKind.DEVELOPER, own="developer_id", states=(DecisionState.DECIDED,)),
    _OFFICIALS,
)
FLAGS = Visibility(Flag, Sight(OrganisationKind.DEVELOPER, own="developer_id"), _OFFICIALS)

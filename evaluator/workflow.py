"""The workflows of an accreditation, an engagement, an independent assessment and a flag. Pure."""

from __future__ import annotations

from enum import StrEnum

from secure_access.workflow import Role, Step, Workflow


class AccreditationState(StrEnum):
    """Where an accreditation stands."""

    ACCREDITED = "accredited"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class EngagementState(StrEnum):
    """Where an engagement stands."""

    APPOINTED = "appointed"
    DECLARED = "declared"
    REFUSED = "refused"
    CONCLUDED = "concluded"


class AssessmentState(StrEnum):
    """Where an independent assessment stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"


class FlagState(StrEnum):
    """Where a flag of the comparison stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    CARRIED = "carried"


ACCREDITATION = Workflow(
    "accreditation",
    start=AccreditationState.ACCREDITED,
    steps=(
        Step(
            "suspend",
            by=Role.ACCREDITATION_OFFICER,
            frm={AccreditationState.ACCREDITED},
            to=AccreditationState.SUSPENDED,
        ),
        Step(
            "reinstate",
            by=Role.ACCREDITATION_OFFICER,
            frm={AccreditationState.SUSPENDED},
            to=AccreditationState.ACCREDITED,
        ),
        Step(
            "revoke",
            by=Role.ACCREDITATION_OFFICER,
            frm={AccreditationState.ACCREDITED, AccreditationState.SUSPENDED},
            to=AccreditationState.REVOKED,
        ),
    ),
)

_EVALUATOR = (Role.ASSESSOR, Role.EVALUATION_OFFICER)

ENGAGEMENT = Workflow(
    "engagement",
    start=EngagementState.APPOINTED,
    steps=(
        Step(
            "declare_no_conflict",
            by=Role.EVALUATION_OFFICER,
            frm={EngagementState.APPOINTED},
            to=EngagementState.DECLARED,
        ),
        Step(
            "declare_conflict",
            by=Role.EVALUATION_OFFICER,
            frm={EngagementState.APPOINTED, EngagementState.DECLARED},
            to=EngagementState.REFUSED,
        ),
        Step("read", by=_EVALUATOR, frm={EngagementState.DECLARED}, to=None),
        Step("assess", by=_EVALUATOR, frm={EngagementState.DECLARED}, to=None),
        Step(
            "conclude",
            by=Role.EVALUATION_OFFICER,
            frm={EngagementState.DECLARED},
            to=EngagementState.CONCLUDED,
        ),
    ),
)

ASSESSMENT = Workflow(
    "independent assessment",
    start=AssessmentState.DRAFT,
    steps=(
        Step("save", by=_EVALUATOR, frm={AssessmentState.DRAFT}, to=None),
        Step("attach", by=_EVALUATOR, frm={AssessmentState.DRAFT}, to=None),
        Step("hand_over", by=Role.ORGANISATION_ADMINISTRATOR, frm={AssessmentState.DRAFT}, to=None),
        Step("submit", by=Role.EVALUATION_OFFICER, frm={AssessmentState.DRAFT}, to=AssessmentState.SUBMITTED),
    ),
)

FLAG = Workflow(
    "flag",
    start=FlagState.OPEN,
    steps=(
        Step("reply", by=(Role.PREPARER, Role.CERTIFYING_OFFICER), frm={FlagState.OPEN}, to=None),
        Step(
            "resolve",
            by=(Role.CASE_OFFICER, Role.DECIDER),
            frm={FlagState.OPEN, FlagState.CARRIED},
            to=FlagState.RESOLVED,
        ),
        Step("carry", by=(Role.CASE_OFFICER, Role.DECIDER), frm={FlagState.OPEN}, to=FlagState.CARRIED),
    ),
)

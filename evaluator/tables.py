"""Accreditations, engagements, independent assessments and flags as rows."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from evaluator.workflow import AccreditationState, AssessmentState, EngagementState, FlagState
from secure_access.db import Field, Instant, Table, classes, enum_column, instant_column, json_column, new_id


class Accreditation(Table, table=True):
    """The authority's word that an evaluator body may assess certain categories, for a time."""

    __record__ = True
    __classes__ = classes(
        public=("id reference evaluator_id state categories valid_from valid_until accredited_at"),
        restricted="grounds accredited_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    evaluator_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    state: AccreditationState = enum_column(AccreditationState, default=AccreditationState.ACCREDITED)
    categories: list[str] = json_column(default_factory=list)
    valid_from: date
    valid_until: date
    grounds: str
    accredited_by: uuid.UUID
    accredited_at: Instant = instant_column()


class Engagement(Table, table=True):
    """The appointment of an evaluator to assess one filing of one model version, by categories.

    ``case_id`` names the case that caused it; cases live in a package above, so it is no foreign key.
    ``conflict`` is empty until somebody has declared; then ``{"declared": "none" | text, "by", "at"}``.
    """

    __record__ = True
    __classes__ = classes(
        public=(
            "id reference case_id evaluator_id developer_id model_version_id filing_id "
            "state categories window_from window_until appointed_at"
        ),
        restricted="questions conflict appointed_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    case_id: uuid.UUID = Field(index=True)
    evaluator_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id")
    model_version_id: uuid.UUID = Field(foreign_key="model_version.id")
    filing_id: uuid.UUID = Field(foreign_key="filing.id", index=True)
    state: EngagementState = enum_column(EngagementState, default=EngagementState.APPOINTED)
    categories: list[str] = json_column(default_factory=list)
    questions: str = ""
    window_from: date
    window_until: date
    conflict: dict[str, Any] = json_column()
    appointed_by: uuid.UUID
    appointed_at: Instant = instant_column()


class IndependentAssessment(Table, table=True):
    """What an evaluator found, category by category. Of record once submitted.

    ``content`` is ``{"rows": [{category, variant, at_least, at_most, cannot_rule_out, why, confidence, basis,
    method, limits, not_tested}], "access", "window", "elicitation", "contamination", "dissent"}``.
    """

    __tablename__ = "independent_assessment"
    __record__ = True
    __classes__ = classes(
        public=(
            "id reference engagement_id evaluator_id filing_id state recommendation summary "
            "saved_at submitted_at digest"
        ),
        restricted="snapshot content prepared_by submitted_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str | None = Field(default=None, max_length=20, unique=True)
    engagement_id: uuid.UUID = Field(foreign_key="engagement.id", index=True)
    evaluator_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    filing_id: uuid.UUID = Field(foreign_key="filing.id", index=True)
    state: AssessmentState = enum_column(AssessmentState, default=AssessmentState.DRAFT)
    snapshot: str = Field(default="", max_length=120)
    content: dict[str, Any] = json_column()
    recommendation: str = Field(default="", max_length=40)
    summary: str = ""
    prepared_by: uuid.UUID
    saved_at: Instant = instant_column()
    submitted_by: uuid.UUID | None = None
    submitted_at: Instant | None = instant_column(nullable=True)
    digest: str = Field(default="", max_length=64)

    def of_record(self) -> bool:
        return self.state is not AssessmentState.DRAFT


class Evidence(Table, table=True):
    """What the portal read from an evaluation log attached to an assessment."""

    __record__ = True
    __classes__ = classes(public="id assessment_id document_id read_at", restricted="label reading")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    assessment_id: uuid.UUID = Field(foreign_key="independent_assessment.id", index=True)
    document_id: uuid.UUID = Field(index=True)
    label: str = Field(default="", max_length=120)
    reading: dict[str, Any] = json_column()
    read_at: Instant = instant_column()


class Flag(Table, table=True):
    """A gap between the two views, raised by rule; a decision answers it or carries it."""

    __record__ = True
    __classes__ = classes(
        public=("id case_id assessment_id developer_id category rule state resolved_at raised_at"),
        restricted=(
            "code key variant title rule_text developer_reply developer_replied_at "
            "evaluator_note resolution resolved_by"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    case_id: uuid.UUID = Field(index=True)
    assessment_id: uuid.UUID = Field(foreign_key="independent_assessment.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    code: str = Field(max_length=12)
    key: str = Field(max_length=200)
    category: str = Field(max_length=60)
    variant: str = Field(default="", max_length=60)
    rule: str = Field(max_length=60)
    title: str = Field(max_length=300)
    rule_text: str = Field(max_length=300)
    state: FlagState = enum_column(FlagState, default=FlagState.OPEN)
    developer_reply: str = ""
    developer_replied_at: Instant | None = instant_column(nullable=True)
    evaluator_note: str = ""
    resolution: str = ""
    resolved_by: uuid.UUID | None = None
    resolved_at: Instant | None = instant_column(nullable=True)
    raised_at: Instant = instant_column()

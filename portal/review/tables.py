"""Cases, information requests, plan requests, decisions, conditions and appeal notes as rows."""

from __future__ import annotations

import uuid
from datetime import date
from enum import StrEnum
from typing import Any

from portal.review.workflow import (
    CaseState,
    ConditionState,
    DecisionState,
    HandlingClass,
    PlanState,
    RequestState,
)
from secure_access.db import Field, Instant, Table, classes, enum_column, instant_column, json_column, new_id


class Case(Table, table=True):
    """The authority's work on one model version: its filings, incidents, requests, assessment and decision.

    The review clock starts when the risk report is accepted (``clock_started_at``). ``due_on`` is the next
    day by which something is due, the decision or the answer that stops the clock, as of the last act that
    moved it.
    """

    __tablename__ = "review_case"
    __record__ = True
    __classes__ = classes(
        public=("id reference developer_id model_version_id state opened_at clock_started_at due_on"),
        restricted="officer_id decider_id",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    model_version_id: uuid.UUID | None = Field(default=None, foreign_key="model_version.id", index=True)
    state: CaseState = enum_column(CaseState, default=CaseState.OPEN)
    officer_id: uuid.UUID | None = Field(default=None, foreign_key="person.id")
    decider_id: uuid.UUID | None = Field(default=None, foreign_key="person.id")
    opened_at: Instant = instant_column()
    clock_started_at: Instant | None = instant_column(nullable=True)
    due_on: date | None = Field(default=None, index=True)


class CaseItem(Table, table=True):
    """A filing or an incident that belongs to a case. ``subject`` is ``filing:<id>`` or ``incident:<id>``."""

    __tablename__ = "case_item"
    __record__ = True
    __classes__ = classes(public="id case_id added_at", restricted="subject")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    case_id: uuid.UUID = Field(foreign_key="review_case.id", index=True)
    subject: str = Field(max_length=60, unique=True)
    added_at: Instant = instant_column()


class InformationRequest(Table, table=True):
    """Numbered questions to a developer. Stops the review clock from service to the complete answer.

    ``items`` are ``{"number", "text", "answer"}``; the answers are empty until all of them are sent.
    Of record once served.
    """

    __tablename__ = "information_request"
    __record__ = True
    __classes__ = classes(
        public=("id reference case_id developer_id state drafted_at served_at due_at answered_at"),
        restricted="legal_basis purpose items asked_by answered_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    case_id: uuid.UUID = Field(foreign_key="review_case.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    state: RequestState = enum_column(RequestState, default=RequestState.DRAFT)
    legal_basis: str = Field(max_length=200)
    purpose: str
    items: list[dict[str, Any]] = json_column(default_factory=list)
    asked_by: uuid.UUID
    drafted_at: Instant = instant_column()
    served_at: Instant | None = instant_column(nullable=True)
    due_at: Instant = instant_column()
    answered_at: Instant | None = instant_column(nullable=True)
    answered_by: uuid.UUID | None = None

    def of_record(self) -> bool:
        return self.state is not RequestState.DRAFT


class AnswerDraft(Table, table=True):
    """What a developer has written so far in answer to one item. Hers alone until all answers are sent."""

    __tablename__ = "answer_draft"
    __classes__ = classes(public="id request_id number saved_at", restricted="text saved_by")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    request_id: uuid.UUID = Field(foreign_key="information_request.id", index=True)
    number: int
    text: str
    saved_by: uuid.UUID
    saved_at: Instant = instant_column()


class PlanRequest(Table, table=True):
    """A request for sections of the detailed security plan, by sections of the public outline.

    ``sections`` and ``readers`` are what is asked now: what an upheld objection took away is not in them.
    ``pages`` is how many may be read under each access grant; ``missing`` names the sections that were not
    delivered. ``plan_key`` is the fingerprint of the request's key pair at the custodian, ``plan_key_text``
    its published half, ``manifest`` the digest of what was delivered there. Older requests than these columns
    have none of them, and keep their digest.
    """

    __tablename__ = "plan_request"
    __record__ = True
    __classes__ = classes(
        public=(
            "id reference case_id developer_id outline_id state read_from read_until "
            "deliver_by requested_at delivered_at ended_at handling pages plan_key plan_key_text manifest "
            "destroyed_at"
        ),
        restricted=(
            "sections purpose legal_basis necessity readers requested_by state_reason missing paused_at"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    case_id: uuid.UUID = Field(foreign_key="review_case.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    outline_id: uuid.UUID = Field(foreign_key="filing.id")
    state: PlanState = enum_column(PlanState, default=PlanState.REQUESTED)
    sections: list[str] = json_column(default_factory=list)
    purpose: str
    legal_basis: str = Field(max_length=200)
    necessity: str
    readers: list[str] = json_column(default_factory=list)
    read_from: Instant = instant_column()
    read_until: Instant = instant_column()
    deliver_by: Instant = instant_column()
    requested_by: uuid.UUID
    requested_at: Instant = instant_column()
    delivered_at: Instant | None = instant_column(nullable=True)
    ended_at: Instant | None = instant_column(nullable=True)
    state_reason: str = Field(default="", max_length=2000)
    handling: HandlingClass | None = enum_column(
        HandlingClass, default=HandlingClass.CONFIDENTIAL, nullable=True
    )
    pages: int | None = 60
    missing: str | None = Field(default=None, max_length=2000)
    plan_key: str | None = Field(default=None, max_length=64, unique=True)
    plan_key_text: str | None = None
    manifest: str | None = Field(default=None, max_length=64)
    paused_at: Instant | None = instant_column(nullable=True)
    destroyed_at: Instant | None = instant_column(nullable=True)


class ObjectionAnswer(StrEnum):
    """What became of an objection."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class PlanObjection(Table, table=True):
    """What the developer objects to in a plan request, and the reasoned answer.

    ``point`` is ``request``, ``section:<key>`` or ``reader:<person>``. Upheld, the section or the reader is
    asked no longer; the whole request ends.
    """

    __tablename__ = "plan_objection"
    __record__ = True
    __classes__ = classes(
        public="id plan_request_id raised_at answer answered_at",
        restricted="point reason raised_by answer_reason answered_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    plan_request_id: uuid.UUID = Field(foreign_key="plan_request.id", index=True)
    point: str = Field(max_length=80)
    reason: str = Field(max_length=4000)
    raised_by: uuid.UUID
    raised_at: Instant = instant_column()
    answer: ObjectionAnswer = enum_column(ObjectionAnswer, default=ObjectionAnswer.OPEN)
    answer_reason: str = Field(default="", max_length=4000)
    answered_by: uuid.UUID | None = None
    answered_at: Instant | None = instant_column(nullable=True)


class PlanSection(Table, table=True):
    """One delivered section of a plan, and all that the portal learns of it: pages, and whether it is valid.

    ``sha256`` is of the sealed file, which lies at the custodian. ``schema_state`` is what the official
    schema says of an OSCAL plan, empty for another file. Sections of before the custodian name a document.
    """

    __tablename__ = "plan_section"
    __record__ = True
    __classes__ = classes(public="id plan_request_id number section document_id sha256 pages schema_state")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    plan_request_id: uuid.UUID = Field(foreign_key="plan_request.id", index=True)
    number: int
    section: str = Field(max_length=60)
    document_id: uuid.UUID | None = Field(default=None, unique=True)
    sha256: str | None = Field(default=None, max_length=64)
    pages: int | None = None
    schema_state: str | None = Field(default=None, max_length=40)


class AlertAnswer(Table, table=True):
    """What came of an alert about a plan, in the words of its owner. ``alert`` is the key of the alert."""

    __tablename__ = "alert_answer"
    __record__ = True
    __classes__ = classes(public="id plan_request_id alert answered_at", restricted="answer answered_by")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    plan_request_id: uuid.UUID = Field(foreign_key="plan_request.id", index=True)
    alert: str = Field(max_length=200)
    answer: str = Field(max_length=2000)
    answered_by: uuid.UUID
    answered_at: Instant = instant_column()


class CustodianLink(Table, table=True):
    """How far the custodian's log is taken in, when the custodian answered last, and whom it has enrolled.

    One row. ``last`` is the digest of the last line; ``problem`` is what stands in the way now, in words;
    ``enrolment`` is the list in force, as its officers signed it; ``overdue`` are the readers whose monthly
    recertification is overdue, in JSON.
    """

    __tablename__ = "custodian_link"
    __classes__ = classes(
        public="id number answered_at custody version", restricted="last problem enrolment overdue"
    )

    id: int = Field(default=1, primary_key=True)
    number: int = 0
    last: str = Field(default="0" * 64, max_length=64)
    answered_at: Instant | None = instant_column(nullable=True)
    custody: str = Field(default="", max_length=60)
    version: int = 0
    problem: str = Field(default="", max_length=1000)
    enrolment: str = ""
    overdue: str = "[]"


class PlanApproval(Table, table=True):
    """One official's approval of a plan request. How many it takes: `workflow.APPROVALS_NEEDED`."""

    __tablename__ = "plan_approval"
    __record__ = True
    __classes__ = classes(public="id plan_request_id approved_at", restricted="approved_by")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    plan_request_id: uuid.UUID = Field(foreign_key="plan_request.id", index=True)
    approved_by: uuid.UUID
    approved_at: Instant = instant_column()


class DecisionKind(StrEnum):
    """What is decided."""

    NO_OBJECTION = "no_objection"
    CONDITIONS = "conditions"
    DELAY = "delay"
    BLOCK = "block"
    RESTRICT = "restrict"

    @property
    def label(self) -> str:
        """The kind as the screen says it."""
        return "with conditions" if self is DecisionKind.CONDITIONS else self.value.replace("_", " ")


class Decision(Table, table=True):
    """A decision on a case: recommended by one person, taken by another.

    ``flags`` answers each open flag: ``{"code": {"answer": "resolved" | "carried", "reason"}}``.
    ``evidence`` lists what was relied on: ``{"label", "reference", "digest"}``. ``quotations`` of sealed
    plans are part of the confidential annex: ``{"reference", "text"}``; decisions without have none.
    """

    __record__ = True
    __classes__ = classes(
        public=(
            "id reference case_id developer_id model_version_id kind state power channels "
            "until reasons evidence recommended_at decided_at"
        ),
        restricted="confidential_annex quotations flags recommended_by decided_by sent_back_reason",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    case_id: uuid.UUID = Field(foreign_key="review_case.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    model_version_id: uuid.UUID | None = Field(default=None, foreign_key="model_version.id")
    kind: DecisionKind = enum_column(DecisionKind)
    state: DecisionState = enum_column(DecisionState, default=DecisionState.RECOMMENDED)
    power: str = Field(max_length=200)
    channels: list[str] = json_column(default_factory=list)
    until: date | None = None
    reasons: str
    confidential_annex: str = ""
    quotations: list[dict[str, str]] | None = json_column(nullable=True)
    evidence: list[dict[str, Any]] = json_column(default_factory=list)
    flags: dict[str, Any] = json_column()
    recommended_by: uuid.UUID
    recommended_at: Instant = instant_column()
    decided_by: uuid.UUID | None = None
    decided_at: Instant | None = instant_column(nullable=True)
    sent_back_reason: str = ""


class Condition(Table, table=True):
    """A condition of a decision: what is to be done, by when, and whether it has been.

    ``breached_on`` is the first day on which it was not kept; empty unless it is breached.
    """

    __record__ = True
    __classes__ = classes(
        public="id decision_id number text due_on breached_on state state_since",
        restricted="state_reason",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    decision_id: uuid.UUID = Field(foreign_key="decision.id", index=True)
    number: int
    text: str
    due_on: date | None = None
    breached_on: date | None = None
    state: ConditionState = enum_column(ConditionState, default=ConditionState.PROPOSED)
    state_reason: str = Field(default="", max_length=2000)
    state_since: Instant | None = instant_column(nullable=True)


class AppealNote(Table, table=True):
    """A developer's note that it appeals a decision. It is recorded; the court or board decides elsewhere."""

    __tablename__ = "appeal_note"
    __record__ = True
    __classes__ = classes(
        public="id reference decision_id developer_id noted_at",
        restricted="body grounds noted_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    decision_id: uuid.UUID = Field(foreign_key="decision.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    body: str = Field(max_length=200)
    grounds: str
    noted_by: uuid.UUID
    noted_at: Instant = instant_column()

"""Alleged violations, revenue, priors, methods, worksheets, notices and texts of the law as rows."""

from __future__ import annotations

import uuid
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, UniqueConstraint

from portal.enforcement.workflow import AdoptionState, NoticeState, ViolationState, WorksheetState
from secure_access.db import (
    Field,
    Instant,
    Table,
    classes,
    enum_column,
    instant_column,
    json_column,
    minor_units,
    new_id,
)


class AllegedViolation(Table, table=True):
    """An act or omission that a provision forbids, alleged and not found. Never public while it is suggested.

    ``subject`` is the event that suggested it (``information_request:<id>``), once a regime. ``evidence``
    lists what the allegation relies on: ``{"subject", "label", "reference"}``. ``items`` is how many items of
    a request were late. ``reason`` is why it was alleged or dropped.
    """

    __tablename__ = "alleged_violation"
    __table_args__ = (UniqueConstraint("subject", "regime"),)
    __record__ = True
    __classes__ = classes(
        public=(
            "id reference case_id developer_id state regime provision penalty_provision "
            "title suggested_at alleged_at"
        ),
        restricted="facts occurred_from occurred_to subject items evidence reason alleged_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    case_id: uuid.UUID = Field(foreign_key="review_case.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    state: ViolationState = enum_column(ViolationState, default=ViolationState.SUGGESTED)
    regime: str = Field(max_length=40)
    provision: str = Field(max_length=60)
    penalty_provision: str = Field(default="", max_length=60)
    title: str = Field(max_length=200)
    facts: str
    occurred_from: date
    occurred_to: date
    subject: str = Field(max_length=60)
    items: int = 1
    evidence: list[dict[str, Any]] = json_column(default_factory=list)
    reason: str = ""
    suggested_at: Instant = instant_column()
    alleged_by: uuid.UUID | None = None
    alleged_at: Instant | None = instant_column(nullable=True)


class RevenueEvidence(Table, table=True):
    """Turnover of one entity in one fiscal year with its source, in minor units.

    ``sample_of`` names the real company whose published figures a demonstration borrows: no allegation.
    ``restated`` and ``corrects`` say that it takes the place of a figure on file, by the company's own
    restatement or because the record was wrong; ``provisional`` that it is not audited. The last two are
    empty in rows older than they are, and empty means no. ``follows`` is as in `PriorViolation`.
    """

    __tablename__ = "revenue_evidence"
    __record__ = True
    __classes__ = classes(
        public="id developer_id document_id attached_at corrects",
        restricted=(
            "entity period_start period_end amount_minor currency consolidated restated "
            "source sample_of attached_by provisional follows"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    entity: str = Field(max_length=200)
    period_start: date
    period_end: date
    amount_minor: int = minor_units()
    currency: str = Field(max_length=3)
    consolidated: bool = True
    restated: bool = False
    source: str = Field(max_length=400)
    sample_of: str = Field(default="", max_length=200)
    document_id: uuid.UUID | None = None
    attached_by: uuid.UUID
    attached_at: Instant = instant_column()
    provisional: bool | None = None
    corrects: bool | None = None
    follows: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True), nullable=True)


class RevenueChoice(Table, table=True):
    """Which of several sources that disagree is relied on, why, and over which others (ids of evidence)."""

    __tablename__ = "revenue_choice"
    __record__ = True
    __classes__ = classes(public="id developer_id chosen_id chosen_at", restricted="over reason chosen_by")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    chosen_id: uuid.UUID = Field(foreign_key="revenue_evidence.id", index=True)
    over: list[str] = json_column(default_factory=list)
    reason: str
    chosen_by: uuid.UUID
    chosen_at: Instant = instant_column()


class PriorViolation(Table, table=True):
    """An earlier penalty that may count. The shape is that of ``priors[]`` in the penalty facts.

    A row never changes: a new status is a new row that ``replaces_id`` the one before, with
    ``change_reason``. Of each decision the row last made holds. ``follows`` is empty, or says from which row
    of which related company it was taken over, by which relations, and on which days they were looked at
    (`portal.enforcement.group`).
    """

    __tablename__ = "prior_violation"
    __record__ = True
    __classes__ = classes(
        public="id developer_id regime recorded_at replaces_id",
        restricted=(
            "decision penalised_entity link conduct_from conduct_to final_on status reason "
            "recorded_by change_reason follows"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    regime: str = Field(max_length=40)
    decision: str = Field(max_length=200)
    penalised_entity: str = Field(max_length=200)
    link: str = Field(max_length=20)
    conduct_from: date
    conduct_to: date
    final_on: date | None = None
    status: str = Field(max_length=30)
    reason: str = Field(default="", max_length=400)
    recorded_by: uuid.UUID
    recorded_at: Instant = instant_column()
    replaces_id: uuid.UUID | None = None
    change_reason: str | None = None
    follows: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True), nullable=True)


class MethodAdoption(Table, table=True):
    """A dated choice of a method for a regime: proposed by one person, signed by another, of record for ever.

    ``since`` is the first day of decisions that follow it. ``replaced_by`` is the later adoption.
    """

    __tablename__ = "method_adoption"
    __record__ = True
    __classes__ = classes(
        public=(
            "id reference state regime method method_digest since reason proposed_at adopted_at replaced_by"
        ),
        restricted="proposed_by adopted_by withdrawn_reason",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    state: AdoptionState = enum_column(AdoptionState, default=AdoptionState.PROPOSED)
    regime: str = Field(max_length=40, index=True)
    method: str = Field(max_length=40)
    method_digest: str = Field(max_length=80)
    since: date
    reason: str
    proposed_by: uuid.UUID
    proposed_at: Instant = instant_column()
    adopted_by: uuid.UUID | None = None
    adopted_at: Instant | None = instant_column(nullable=True)
    withdrawn_reason: str = ""
    replaced_by: uuid.UUID | None = Field(default=None, foreign_key="method_adoption.id")


class StatuteText(Table, table=True):
    """The TOML text of a version of a pack or method that a worksheet used. Append-only."""

    __tablename__ = "statute_text"
    __record__ = True
    __classes__ = classes(public="digest pack_id text first_used_at")

    digest: str = Field(primary_key=True, max_length=80)
    pack_id: str = Field(max_length=60)
    text: str
    first_used_at: Instant = instant_column()


class Worksheet(Table, table=True):
    """One version of a penalty calculation: the facts, the result with its lines, and who stands behind it.

    ``facts`` and ``result`` have the forms that ``assay law penalty`` reads and prints. ``choices`` is what
    a person chose, with the reasons (`portal.enforcement.choices`); ``evidence`` names the revenue rows
    relied on, as ids; ``adoption_id`` the signed choice of its method, empty where there was none.
    """

    __table_args__ = (UniqueConstraint("reference", "version"),)
    __record__ = True
    __classes__ = classes(
        public=(
            "id reference version violation_id developer_id regime state statute_digest "
            "drafted_at prepared_at approved_at adoption_id"
        ),
        restricted=(
            "choices evidence facts result currency total_minor maximum_minor change_reason "
            "drafted_by prepared_by approved_by sent_back_reason"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, index=True)
    version: int = 1
    violation_id: uuid.UUID = Field(foreign_key="alleged_violation.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    regime: str = Field(max_length=40)
    state: WorksheetState = enum_column(WorksheetState, default=WorksheetState.DRAFT)
    choices: dict[str, Any] = json_column()
    evidence: list[str] = json_column(default_factory=list)
    facts: dict[str, Any] = json_column()
    result: dict[str, Any] = json_column()
    currency: str = Field(max_length=3)
    total_minor: int = minor_units()
    maximum_minor: int = minor_units()
    statute_digest: str = Field(max_length=80)
    change_reason: str = ""
    drafted_by: uuid.UUID
    drafted_at: Instant = instant_column()
    prepared_by: uuid.UUID | None = None
    prepared_at: Instant | None = instant_column(nullable=True)
    approved_by: uuid.UUID | None = None
    approved_at: Instant | None = instant_column(nullable=True)
    sent_back_reason: str = ""
    adoption_id: uuid.UUID | None = None


class NoticeKind(StrEnum):
    """What is written to the developer or to another authority."""

    PRELIMINARY_FINDINGS = "preliminary_findings"
    REFERRAL = "referral"


class Notice(Table, table=True):
    """A document that leaves the house: findings of our own, or a referral to who has the power."""

    __record__ = True
    __classes__ = classes(
        public=("id reference kind state worksheet_id developer_id addressee document_id written_at sent_at"),
        restricted="send_by reply_by sent_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    kind: NoticeKind = enum_column(NoticeKind)
    state: NoticeState = enum_column(NoticeState, default=NoticeState.WRITTEN)
    worksheet_id: uuid.UUID = Field(foreign_key="worksheet.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    addressee: str = Field(max_length=200)
    document_id: uuid.UUID
    send_by: Instant | None = instant_column(nullable=True)
    reply_by: Instant | None = instant_column(nullable=True)
    written_at: Instant = instant_column()
    sent_by: uuid.UUID | None = None
    sent_at: Instant | None = instant_column(nullable=True)


class NoticeReply(Table, table=True):
    """What a developer answers to preliminary findings. A late answer is kept and marked, never refused."""

    __tablename__ = "notice_reply"
    __record__ = True
    __classes__ = classes(public="id notice_id developer_id late replied_at", restricted="text replied_by")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    notice_id: uuid.UUID = Field(foreign_key="notice.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    text: str
    late: bool = False
    replied_by: uuid.UUID
    replied_at: Instant = instant_column()

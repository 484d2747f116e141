"""Filings and incidents as rows."""

from __future__ import annotations

import secrets
import uuid
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Text
from sqlalchemy.orm import object_session

from portal.filing.workflow import FilingState, IncidentState, Part, PlaceState
from secure_access.db import (
    Field,
    Instant,
    Table,
    classes,
    enum_column,
    instant_column,
    json_column,
    new_id,
    select,
)


class FilingKind(StrEnum):
    """What a developer files; each kind has a form of its own."""

    RELEASE_NOTIFICATION = "release_notification"
    TEST_SUMMARY = "test_summary"
    SAFETY_FRAMEWORK = "safety_framework"
    SYSTEM_CARD = "system_card"
    SECURITY_OUTLINE = "security_outline"
    RISK_REPORT = "risk_report"

    @property
    def label(self) -> str:
        """The kind as the screen says it, without a capital."""
        return self.value.replace("_", " ")

    @property
    def prefix(self) -> str:
        """The prefix of its references, as in ``RR-2027-031``."""
        return "".join(word[0] for word in self.value.split("_")).upper()


class Filing(Table, table=True):
    """A filing, from draft to superseded. Of record from the moment it is submitted.

    ``entity_id`` is the legal entity of the developer that files; absent in a draft that names none yet, and
    in filings from before entities were named. ``content`` holds the answers by field name
    (`portal.filing.forms`). ``audiences`` holds for each field
    ``{"audience": "public" | "confidential", "why": text}``. ``explanations`` hold the reasons given for
    checks: ``{"CODE/field": {"reason", "name", "answer"}}``. ``authors`` are ids of everybody who wrote in
    it, began it or took it over. ``certifier_id`` is the officer who was asked to sign, ``certified_by``
    who did, ``statement`` the version of the words. ``signed`` is the canonical JSON
    of what was certified, kept because forms change, ``digest`` its SHA-256; ``timeliness`` is how it stood
    to ``due_at``, ruled once.
    ``withheld_salt`` keys the digests of withheld answers and is never published.
    ``named_only`` says that the draft is open to its named people (`FilingPerson`) and to nobody else.
    """

    __record__ = True
    # It counts while the filing is a draft, and a draft is not of record.
    __record_except__ = ("named_only",)
    __classes__ = classes(
        public=(
            "id reference kind state developer_id entity_id model_version_id taxonomy period_start "
            "period_end prepared_at saved_at submitted_at digest due_at timeliness "
            "accepted_at supersedes_id"
        ),
        restricted=(
            "content audiences explanations prepared_by authors certifier_id certified_by statement "
            "signed state_reason named_only"
        ),
        secret="withheld_salt",  # noqa: S106 - a column
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str | None = Field(default=None, max_length=20, unique=True)
    kind: FilingKind = enum_column(FilingKind)
    state: FilingState = enum_column(FilingState, default=FilingState.DRAFT)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    entity_id: uuid.UUID | None = None
    model_version_id: uuid.UUID | None = Field(default=None, foreign_key="model_version.id", index=True)
    taxonomy: str = Field(default="", max_length=60)
    period_start: date | None = None
    period_end: date | None = None
    content: dict[str, Any] = json_column()
    audiences: dict[str, Any] = json_column()
    withheld_salt: str = Field(default_factory=lambda: secrets.token_hex(32), max_length=64)
    explanations: dict[str, Any] = json_column()
    prepared_by: uuid.UUID
    authors: list[str] = json_column(default_factory=list)
    prepared_at: Instant = instant_column()
    saved_at: Instant = instant_column()
    certifier_id: uuid.UUID | None = None
    certified_by: uuid.UUID | None = None
    statement: str = Field(default="", max_length=60)
    submitted_at: Instant | None = instant_column(nullable=True)
    signed: str = Field(default="", sa_type=Text)
    digest: str = Field(default="", max_length=64)
    due_at: Instant | None = instant_column(nullable=True)
    timeliness: str = Field(default="", max_length=20)
    accepted_at: Instant | None = instant_column(nullable=True)
    supersedes_id: uuid.UUID | None = None
    state_reason: str = Field(default="", max_length=2000)
    named_only: bool = False

    def of_record(self) -> bool:
        """A draft is private and does not count yet."""
        return self.state not in (FilingState.DRAFT, FilingState.IN_CERTIFICATION)

    @property
    def preparers(self) -> frozenset[uuid.UUID]:
        """Who is named to prepare the draft."""
        return self._named(Part.PREPARES)

    @property
    def readers(self) -> frozenset[uuid.UUID]:
        """Who is named to read the draft."""
        return self._named(Part.READS)

    def _named(self, part: Part) -> frozenset[uuid.UUID]:
        session = object_session(self)
        assert session is not None, "a filing outside a session has no people"
        query = select(FilingPerson.person_id).where(
            FilingPerson.filing_id == self.id,
            FilingPerson.state == PlaceState.NAMED,
            FilingPerson.part == part,
        )
        return frozenset(session.scalars(query))


class FilingPerson(Table, table=True):
    """The place of one person among the people of a draft: asked for, named, refused or ended.

    ``reason`` is why it was refused. It names the draft without a foreign key: a draft that is discarded
    goes, and who could open it stays on record.
    """

    __tablename__ = "filing_person"
    __record__ = True
    __classes__ = classes(
        public="id",
        restricted=(
            "filing_id developer_id person_id part state asked_at added_by added_at ended_by ended_at reason"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    filing_id: uuid.UUID = Field(index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    part: Part = enum_column(Part, default=Part.PREPARES)
    state: PlaceState = enum_column(PlaceState, default=PlaceState.ASKED)
    asked_at: Instant = instant_column()
    added_by: uuid.UUID | None = None
    added_at: Instant | None = instant_column(nullable=True)
    ended_by: uuid.UUID | None = None
    ended_at: Instant | None = instant_column(nullable=True)
    reason: str = Field(default="", max_length=2000)


class Incident(Table, table=True):
    """A reported incident.

    ``entity_id`` is the legal entity that reports, where it was named; a report does not wait for that.
    ``kinds`` are of `portal.law.deadlines.KINDS`. ``clocks`` are the deadlines of each regime as they stood
    when it was reported, ruled once: ``{regime, duty, label, starts_at, due_at, rule, citation, why, zone,
    status, verified, recipient, governs, on_time, late_seconds}``. ``updates`` are ``{at, by, text, final}``,
    ``final`` where it is the final report. ``resolutions`` are ``{at, by, resolved_at, how}``: the last one
    counts, one before it was corrected.
    """

    __record__ = True
    __classes__ = classes(
        public="id reference state developer_id entity_id model_version_id reported_at",
        restricted=(
            "title what_happened kinds aware_at belief_at imminent_danger internal_use told "
            "contact clocks reported_by updates resolutions"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    state: IncidentState = enum_column(IncidentState, default=IncidentState.REPORTED)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    entity_id: uuid.UUID | None = None
    model_version_id: uuid.UUID | None = Field(default=None, foreign_key="model_version.id", index=True)
    title: str = Field(max_length=200)
    what_happened: str
    kinds: list[str] = json_column(default_factory=list)
    aware_at: Instant = instant_column()
    belief_at: Instant | None = instant_column(nullable=True)
    imminent_danger: bool = False
    internal_use: bool | None = None
    told: str = Field(default="", max_length=400)
    contact: str = Field(default="", max_length=200)
    clocks: list[dict[str, Any]] = json_column(default_factory=list)
    reported_by: uuid.UUID
    reported_at: Instant = instant_column()
    updates: list[dict[str, Any]] = json_column(default_factory=list)
    resolutions: list[dict[str, Any]] = json_column(default_factory=list)

"""Versions of statute packs as rows."""

from __future__ import annotations

import uuid
from datetime import date

from portal.legal.workflow import VersionState
from secure_access.db import Field, Instant, Table, classes, enum_column, instant_column, json_column, new_id


class StatuteVersion(Table, table=True):
    """A version of a pack that did not come with a release: its whole text, and who stands behind it.

    ``base`` is the digest of the version it was drafted from, ``digest`` its own as the text stands.
    ``authors`` are ids of everybody who wrote in it. Of record once approved or withdrawn.
    """

    __tablename__ = "statute_version"
    __record__ = True
    __classes__ = classes(
        public=("id reference pack state base digest text live_from why drafted_at approved_at withdrawn_at"),
        restricted="authors drafted_by approved_by withdrawn_by withdrawn_reason",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    reference: str = Field(max_length=20, unique=True)
    pack: str = Field(max_length=40, index=True)
    state: VersionState = enum_column(VersionState, default=VersionState.DRAFT)
    base: str = Field(max_length=80)
    digest: str = Field(max_length=80)
    text: str
    live_from: date
    why: str
    authors: list[str] = json_column(default_factory=list)
    drafted_by: uuid.UUID = Field(foreign_key="person.id")
    drafted_at: Instant = instant_column()
    approved_by: uuid.UUID | None = Field(default=None, foreign_key="person.id")
    approved_at: Instant | None = instant_column(nullable=True)
    withdrawn_by: uuid.UUID | None = Field(default=None, foreign_key="person.id")
    withdrawn_at: Instant | None = instant_column(nullable=True)
    withdrawn_reason: str = ""

    def of_record(self) -> bool:
        return self.state is not VersionState.DRAFT

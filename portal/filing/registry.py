"""Models, versions, training compute, revenue: what every filing points to."""

from __future__ import annotations

import uuid
from datetime import date
from enum import StrEnum
from typing import Any

from secure_access.db import Field, Instant, Table, classes, instant_column, json_column, minor_units, new_id


class Channel(StrEnum):
    """Deployment channel: who can reach a model."""

    TRAINING = "training"
    INTERNAL_USE = "internal_use"
    LIMITED_PARTNERS = "limited_partners"
    API = "api"
    CONSUMER = "consumer"
    OPEN_WEIGHTS = "open_weights"


class Model(Table, table=True):
    """A line of models under one name."""

    __record__ = True
    __classes__ = classes(public="id developer_id name registered_at", restricted="registered_by")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    name: str = Field(max_length=120)
    registered_by: uuid.UUID
    registered_at: Instant = instant_column()


class ModelVersion(Table, table=True):
    """One version of a model. ``compute`` holds the ``model`` block of the coverage facts, in strings."""

    __tablename__ = "model_version"
    __record__ = True
    __classes__ = classes(
        public="id model_id developer_id name compute channels registered_at",
        restricted="snapshot planned_release registered_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    model_id: uuid.UUID = Field(foreign_key="model.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    name: str = Field(max_length=120)
    snapshot: str = Field(max_length=120)
    compute: dict[str, Any] = json_column()
    channels: list[str] = json_column(default_factory=list)
    planned_release: date | None = None
    registered_by: uuid.UUID
    registered_at: Instant = instant_column()


class Figures(Table, table=True):
    """Revenue and research spending of one period, with their source, in minor units of ``currency``.

    ``with_affiliates`` is ``None`` where nobody has said. ``sample_of`` names the real company whose
    published figures a demonstration borrows: no allegation is made about it.
    """

    __record__ = True
    __classes__ = classes(
        public="id developer_id stated_at",
        restricted=(
            "entity period_start period_end currency gross_revenue_minor ai_revenue_minor "
            "ai_rd_minor with_affiliates source sample_of stated_by"
        ),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    entity: str = Field(max_length=200)
    period_start: date
    period_end: date
    currency: str = Field(max_length=3)
    gross_revenue_minor: int | None = minor_units(nullable=True)
    ai_revenue_minor: int | None = minor_units(nullable=True)
    ai_rd_minor: int | None = minor_units(nullable=True)
    with_affiliates: bool | None = None
    source: str = Field(max_length=400)
    sample_of: str = Field(default="", max_length=200)
    stated_by: uuid.UUID
    stated_at: Instant = instant_column()


class Coverage(Table, table=True):
    """A stored coverage result: the facts used, the outcome, the digests of the statute packs."""

    __record__ = True
    __classes__ = classes(
        public="id developer_id model_version_id assessed_at",
        restricted="facts result assessed_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    model_version_id: uuid.UUID = Field(foreign_key="model_version.id", index=True)
    facts: dict[str, Any] = json_column()
    result: dict[str, Any] = json_column()
    assessed_by: uuid.UUID
    assessed_at: Instant = instant_column()

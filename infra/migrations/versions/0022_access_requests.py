"""access requests by law, notices to developers, and blocks

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _text(name: str, length: int | None = None) -> sa.Column:
    return sa.Column(name, _TEXT(length=length) if length else _TEXT(), nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, _INSTANT(timezone=True), nullable=nullable)


def _id(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _of(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))


def upgrade() -> None:
    op.create_table(
        "sent_request",
        _id("id"),
        _text("name", 200),
        _text("contact", 254),
        _text("words", 8000),
        _at("sent_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sent_request")),
    )
    op.create_index(op.f("ix_sent_request_sent_at"), "sent_request", ["sent_at"])
    op.create_table(
        "access_request",
        _id("id"),
        _text("reference", 20),
        sa.Column(
            "state",
            _enum("accessstate", "received", "consulted", "prepared", "decided", "released", "closed"),
            nullable=False,
        ),
        _text("law", 40),
        sa.Column("by_form", sa.Boolean(), nullable=False),
        _text("name", 200),
        _text("contact", 254),
        _text("words", 8000),
        _id("entered_by", nullable=True),
        _at("received_at"),
        _at("due_at"),
        _at("extended_at", nullable=True),
        _text("extension_reason", 2000),
        _text("draft_answer", 8000),
        _id("prepared_by", nullable=True),
        _at("prepared_at", nullable=True),
        _text("sent_back_reason", 2000),
        _id("decided_by", nullable=True),
        _at("decided_at", nullable=True),
        _at("release_from", nullable=True),
        _text("answer", 8000),
        _at("released_at", nullable=True),
        _at("review_by", nullable=True),
        _at("closed_at", nullable=True),
        _text("close_reason", 2000),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_request")),
        sa.UniqueConstraint("reference", name=op.f("uq_access_request_reference")),
    )
    op.create_index(op.f("ix_access_request_due_at"), "access_request", ["due_at"])
    op.create_table(
        "access_notice",
        _id("id"),
        _text("reference", 20),
        _id("request_id"),
        _id("developer_id"),
        sa.Column(
            "state", _enum("accessnoticestate", "served", "objected", "agreed", "silent"), nullable=False
        ),
        _at("served_at"),
        _id("served_by"),
        _at("object_by"),
        _at("answered_at", nullable=True),
        _id("answered_by", nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        _at("told_at", nullable=True),
        _at("release_from", nullable=True),
        _of("access_notice", "request_id", "access_request"),
        _of("access_notice", "developer_id", "organisation"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_notice")),
        sa.UniqueConstraint("reference", name=op.f("uq_access_notice_reference")),
    )
    op.create_index(op.f("ix_access_notice_request_id"), "access_notice", ["request_id"])
    op.create_index(op.f("ix_access_notice_developer_id"), "access_notice", ["developer_id"])
    op.create_table(
        "access_block",
        _id("id"),
        _id("request_id"),
        _id("notice_id", nullable=True),
        _id("developer_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("subject", 60),
        _text("name", 120),
        _text("source", 40),
        _text("title", 300),
        _text("label", 300),
        _text("objection", 4000),
        sa.Column("outcome", _enum("outcome", "open", "disclosed", "withheld"), nullable=False),
        _text("exemption", 40),
        _text("reason", 4000),
        _text("released"),
        _of("access_block", "request_id", "access_request"),
        _of("access_block", "notice_id", "access_notice"),
        _of("access_block", "developer_id", "organisation"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_block")),
    )
    op.create_index(op.f("ix_access_block_request_id"), "access_block", ["request_id"])
    op.create_index(op.f("ix_access_block_notice_id"), "access_block", ["notice_id"])


def downgrade() -> None:
    for name in ("access_block", "access_notice", "access_request", "sent_request"):
        op.drop_table(name)

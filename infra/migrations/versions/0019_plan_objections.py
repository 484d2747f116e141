"""objections to plan requests, handling class and number of pages

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant
_BEFORE = ("requested", "approved", "refused", "delivered", "ended")
_STATES = (*_BEFORE, "accepted", "objected", "partly_delivered")


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    _states(*_STATES)
    with op.batch_alter_table("plan_request", schema=None) as batch_op:
        handling = _enum("handlingclass", "confidential", "strictly_confidential", "secret")
        # Empty for what is there: nobody said it then, and a row of record keeps its digest.
        batch_op.add_column(sa.Column("handling", handling, nullable=True))
        batch_op.add_column(sa.Column("pages", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("missing", _TEXT(length=2000), nullable=True))
    op.create_table(
        "plan_objection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_request_id", sa.Uuid(), nullable=False),
        sa.Column("point", _TEXT(length=80), nullable=False),
        sa.Column("reason", _TEXT(length=4000), nullable=False),
        sa.Column("raised_by", sa.Uuid(), nullable=False),
        sa.Column("raised_at", _INSTANT(timezone=True), nullable=False),
        sa.Column("answer", _enum("objectionanswer", "open", "upheld", "dismissed"), nullable=False),
        sa.Column("answer_reason", _TEXT(length=4000), nullable=False),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", _INSTANT(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_request_id"], ["plan_request.id"], name=op.f("fk_plan_objection_plan_request_id_plan_request")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_objection")),
    )
    op.create_index(
        op.f("ix_plan_objection_plan_request_id"), "plan_objection", ["plan_request_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("plan_objection")
    with op.batch_alter_table("plan_request", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_plan_request_handlingclass"), type_="check")
        for name in ("handling", "pages", "missing"):
            batch_op.drop_column(name)
    _states(*_BEFORE)


def _states(*known: str) -> None:
    name = "ck_plan_request_planstate"
    with op.batch_alter_table("plan_request", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(name), type_="check")
        batch_op.create_check_constraint(op.f(name), sa.column("state").in_(known))

"""plans lie at the custodian: plan keys, sealed sections, access grants by digest, how far its log is taken in

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant
_STANDINGS = ("drawn_up", "not_offered", "waiting", "approved", "refused", "revoked", "ended")
_STANDING = sa.Enum(*_STANDINGS, name="standing", native_enum=False, create_constraint=True, length=40)


def _added() -> dict[str, tuple[sa.Column[Any], ...]]:
    # Empty for what is there: nobody said it then, and a row of record keeps its digest.
    return {
        "plan_request": (
            sa.Column("plan_key", _TEXT(length=64), nullable=True),
            sa.Column("plan_key_text", _TEXT(), nullable=True),
            sa.Column("manifest", _TEXT(length=64), nullable=True),
            sa.Column("paused_at", _INSTANT(timezone=True), nullable=True),
            sa.Column("destroyed_at", _INSTANT(timezone=True), nullable=True),
        ),
        "plan_section": (
            sa.Column("sha256", _TEXT(length=64), nullable=True),
            sa.Column("pages", sa.Integer(), nullable=True),
            sa.Column("schema_state", _TEXT(length=40), nullable=True),
        ),
        "access_grant": (
            sa.Column("reference", _TEXT(length=20), nullable=True),
            sa.Column("digest", _TEXT(length=64), nullable=True),
            sa.Column("statement", _TEXT(), nullable=True),
            sa.Column("standing", _STANDING, nullable=True),
            sa.Column("approvals", sa.JSON(), nullable=True),
            sa.Column("pages", sa.Integer(), nullable=True),
            sa.Column("obstacle", _TEXT(length=2000), nullable=True),
        ),
    }


_UNIQUE = (("plan_request", "plan_key"), ("access_grant", "reference"), ("access_grant", "digest"))


def upgrade() -> None:
    for table, columns in _added().items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.add_column(column)
            for name, column in _UNIQUE:
                if name == table:
                    batch_op.create_unique_constraint(op.f(f"uq_{table}_{column}"), [column])
            if table == "plan_section":
                batch_op.alter_column("document_id", existing_type=sa.Uuid(), nullable=True)
    op.create_table(
        "custodian_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("last", _TEXT(length=64), nullable=False),
        sa.Column("answered_at", _INSTANT(timezone=True), nullable=True),
        sa.Column("custody", _TEXT(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("problem", _TEXT(length=1000), nullable=False),
        sa.Column("enrolment", _TEXT(), nullable=False),
        sa.Column("overdue", _TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custodian_link")),
    )


    op.create_table(
        "alert_answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_request_id", sa.Uuid(), nullable=False),
        sa.Column("alert", _TEXT(length=200), nullable=False),
        sa.Column("answer", _TEXT(length=2000), nullable=False),
        sa.Column("answered_by", sa.Uuid(), nullable=False),
        sa.Column("answered_at", _INSTANT(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["plan_request_id"], ["plan_request.id"], name=op.f("fk_alert_answer_plan_request_id_plan_request")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_answer")),
    )
    op.create_index(op.f("ix_alert_answer_plan_request_id"), "alert_answer", ["plan_request_id"], unique=False)


def downgrade() -> None:
    op.drop_table("alert_answer")
    op.drop_table("custodian_link")
    # Sections at the custodian have no document, and the version before knows no others.
    op.execute("UPDATE plan_section SET document_id = id WHERE document_id IS NULL")
    for table, columns in _added().items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, column in _UNIQUE:
                if name == table:
                    batch_op.drop_constraint(op.f(f"uq_{table}_{column}"), type_="unique")
            if table == "access_grant":
                batch_op.drop_constraint(op.f("ck_access_grant_standing"), type_="check")
            if table == "plan_section":
                batch_op.alter_column("document_id", existing_type=sa.Uuid(), nullable=False)
            for column in columns:
                batch_op.drop_column(column.name)

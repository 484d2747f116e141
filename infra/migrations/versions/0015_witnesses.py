"""what witnesses signed of the checkpoints, and how each answered last

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant


def upgrade() -> None:
    op.create_table(
        "ledger_cosignature",
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", _TEXT(length=200), nullable=False),
        sa.Column("key", _TEXT(length=8), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("cosigned_at", _INSTANT(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("log", "size", "name", "key", name=op.f("pk_ledger_cosignature")),
    )
    op.create_table(
        "ledger_witness",
        sa.Column("url", _TEXT(length=300), nullable=False),
        sa.Column("asked_at", _INSTANT(timezone=True), nullable=False),
        sa.Column("answered_at", _INSTANT(timezone=True), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("problem", _TEXT(length=300), nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_ledger_witness")),
    )


def downgrade() -> None:
    op.drop_table("ledger_witness")
    op.drop_table("ledger_cosignature")

"""time stamps on checkpoints

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant


def upgrade() -> None:
    op.create_table(
        "ledger_timestamp",
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", _TEXT(length=200), nullable=False),
        sa.Column("at", _INSTANT(timezone=True), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "size", name=op.f("pk_ledger_timestamp")),
    )


def downgrade() -> None:
    op.drop_table("ledger_timestamp")

"""what follows a relation: the penalty or figure of a related company that a row was taken over from

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("prior_violation", "revenue_evidence")


def upgrade() -> None:
    for table in _TABLES:
        # Added in place: a copied table would drop one that other rows refer to.
        with op.batch_alter_table(table, recreate="never") as batch_op:
            batch_op.add_column(sa.Column("follows", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        with op.batch_alter_table(table, recreate="never") as batch_op:
            batch_op.drop_column("follows")

"""day of a breach: when a condition was first not kept, which is not the day of its due date

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added in place: a copied table would drop one that other rows refer to.
    with op.batch_alter_table("condition", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("breached_on", sa.Date(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("condition", recreate="never") as batch_op:
        batch_op.drop_column("breached_on")

"""who files: the legal entity of a filing and of an incident, and for which one an officer may sign

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = ("filing", "incident", "signing_authority")


def upgrade() -> None:
    # Empty for what is there: nobody said it then, and a row of record keeps its digest.
    for table in _TABLES:
        with op.batch_alter_table(table, recreate="never") as batch_op:
            batch_op.add_column(sa.Column("entity_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        with op.batch_alter_table(table, recreate="never") as batch_op:
            batch_op.drop_column("entity_id")

"""the authors of a filing: everybody who wrote in it, so that none of them certifies it

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_FILING = sa.table(
    "filing", sa.column("id", sa.Uuid()), sa.column("prepared_by", sa.Uuid()), sa.column("authors", sa.JSON())
)


def upgrade() -> None:
    # Added in place: a copied table would drop one that other rows refer to.
    with op.batch_alter_table("filing", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("authors", sa.JSON(), nullable=False, server_default="[]"))
    # Who else wrote in it was not kept before: the one who began it is known.
    database = op.get_bind()
    for row in database.execute(sa.select(_FILING.c.id, _FILING.c.prepared_by)).all():
        known = sa.update(_FILING).where(_FILING.c.id == row.id).values(authors=[str(row.prepared_by)])
        database.execute(known)


def downgrade() -> None:
    with op.batch_alter_table("filing", recreate="never") as batch_op:
        batch_op.drop_column("authors")

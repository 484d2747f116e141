"""resolution of incidents: when and how, and a state for it

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATES = ("reported", "updated", "closed")


def upgrade() -> None:
    _check((*_STATES, "resolved"))
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.add_column(sa.Column("resolutions", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    # What was resolved was reported and updated before that: the state falls back to the one it came from.
    op.execute(sa.text("UPDATE incident SET state = 'updated' WHERE state = 'resolved'"))
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_column("resolutions")
    _check(_STATES)


def _check(known: tuple[str, ...]) -> None:
    """Replace the CHECK on the states."""
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_incident_incidentstate"), type_="check")
        batch_op.create_check_constraint(op.f("ck_incident_incidentstate"), sa.column("state").in_(known))

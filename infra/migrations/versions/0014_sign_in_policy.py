"""the sign-in policy on record; a recovery that makes no administrator

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("recovery", schema=None) as batch_op:
        batch_op.alter_column("invitation_id", existing_type=sa.Uuid(), nullable=True)
    op.create_table(
        "sign_in_policy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("words", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sqlmodel.sql.sqltypes.AutoString(length=64), nullable=False),
        sa.Column("from_at", secure_access.db.UtcInstant(timezone=True), nullable=False),
        sa.Column("act_id", sa.Uuid(), nullable=True),
        sa.Column("recovery_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["act_id"], ["proposed_act.id"], name=op.f("fk_sign_in_policy_act_id_proposed_act")
        ),
        sa.ForeignKeyConstraint(
            ["recovery_id"], ["recovery.id"], name=op.f("fk_sign_in_policy_recovery_id_recovery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_policy")),
        sa.UniqueConstraint("number", name=op.f("uq_sign_in_policy_number")),
    )


def downgrade() -> None:
    op.drop_table("sign_in_policy")
    # A policy set on the machine has no invitation: its banner goes with the table that says what it was.
    op.execute(sa.text("DELETE FROM recovery WHERE invitation_id IS NULL"))
    with op.batch_alter_table("recovery", schema=None) as batch_op:
        batch_op.alter_column("invitation_id", existing_type=sa.Uuid(), nullable=False)

"""adoptions and texts

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "method_adoption",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "adopted",
                "withdrawn",
                "superseded",
                name="adoptionstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("regime", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("method", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("method_digest", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", secure_access.db.UtcInstant(timezone=True), nullable=False),
        sa.Column("adopted_by", sa.Uuid(), nullable=True),
        sa.Column("adopted_at", secure_access.db.UtcInstant(timezone=True), nullable=True),
        sa.Column("withdrawn_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["replaced_by"],
            ["method_adoption.id"],
            name=op.f("fk_method_adoption_replaced_by_method_adoption"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_method_adoption")),
        sa.UniqueConstraint("reference", name=op.f("uq_method_adoption_reference")),
    )
    with op.batch_alter_table("method_adoption", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_method_adoption_regime"), ["regime"], unique=False)

    op.create_table(
        "statute_text",
        sa.Column("digest", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("pack_id", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("first_used_at", secure_access.db.UtcInstant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_statute_text")),
    )
    op.create_table(
        "revenue_choice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("developer_id", sa.Uuid(), nullable=False),
        sa.Column("chosen_id", sa.Uuid(), nullable=False),
        sa.Column("over", sa.JSON(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("chosen_by", sa.Uuid(), nullable=False),
        sa.Column("chosen_at", secure_access.db.UtcInstant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["chosen_id"], ["revenue_evidence.id"], name=op.f("fk_revenue_choice_chosen_id_revenue_evidence")
        ),
        sa.ForeignKeyConstraint(
            ["developer_id"], ["organisation.id"], name=op.f("fk_revenue_choice_developer_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revenue_choice")),
    )
    with op.batch_alter_table("revenue_choice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_revenue_choice_chosen_id"), ["chosen_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_revenue_choice_developer_id"), ["developer_id"], unique=False)

    # Columns alone, added in place: a copied table would drop one that other rows refer to.
    with op.batch_alter_table("prior_violation", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("replaces_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("change_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    with op.batch_alter_table("revenue_evidence", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("provisional", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("corrects", sa.Boolean(), nullable=True))
    with op.batch_alter_table("worksheet", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("adoption_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("worksheet", recreate="never") as batch_op:
        batch_op.drop_column("adoption_id")
    with op.batch_alter_table("revenue_evidence", recreate="never") as batch_op:
        batch_op.drop_column("corrects")
        batch_op.drop_column("provisional")
    with op.batch_alter_table("prior_violation", recreate="never") as batch_op:
        batch_op.drop_column("change_reason")
        batch_op.drop_column("replaces_id")

    with op.batch_alter_table("revenue_choice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_revenue_choice_developer_id"))
        batch_op.drop_index(batch_op.f("ix_revenue_choice_chosen_id"))

    op.drop_table("revenue_choice")
    op.drop_table("statute_text")
    with op.batch_alter_table("method_adoption", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_method_adoption_regime"))

    op.drop_table("method_adoption")

"""the named people of a draft: a draft may be open to them alone

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant
_INDEXED = ("filing_id", "developer_id", "person_id")


def upgrade() -> None:
    # Added in place: a copied table would drop one that other rows refer to. Drafts stay open to everyone who
    # files, as they were.
    with op.batch_alter_table("filing", recreate="never") as batch_op:
        batch_op.add_column(sa.Column("named_only", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "filing_person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("filing_id", sa.Uuid(), nullable=False),
        sa.Column("developer_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("part", _one_of("part", ("prepares", "reads")), nullable=False),
        sa.Column("state", _one_of("placestate", ("asked", "named", "refused", "ended")), nullable=False),
        sa.Column("asked_at", _INSTANT(timezone=True), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=True),
        sa.Column("added_at", _INSTANT(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _INSTANT(timezone=True), nullable=True),
        sa.Column("reason", _TEXT(length=2000), nullable=False),
        sa.ForeignKeyConstraint(
            ["developer_id"], ["organisation.id"], name=op.f("fk_filing_person_developer_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_filing_person_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_filing_person")),
    )
    with op.batch_alter_table("filing_person", schema=None) as batch_op:
        for column in _INDEXED:
            batch_op.create_index(batch_op.f(f"ix_filing_person_{column}"), [column], unique=False)


def downgrade() -> None:
    op.drop_table("filing_person")
    with op.batch_alter_table("filing", recreate="never") as batch_op:
        batch_op.drop_column("named_only")


def _one_of(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)

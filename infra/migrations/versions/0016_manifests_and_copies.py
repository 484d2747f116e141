"""manifests of receipts, and copies of record

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db


revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant


def upgrade() -> None:
    op.create_table(
        "manifest",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", _TEXT(length=64), nullable=False),
        sa.Column("subject", _TEXT(length=120), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("made_at", _INSTANT(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manifest")),
        sa.UniqueConstraint("digest", name=op.f("uq_manifest_digest")),
    )
    with op.batch_alter_table("manifest", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_manifest_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_manifest_subject"), ["subject"], unique=False)
    op.create_table(
        "copy_of_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", _TEXT(length=120), nullable=False),
        sa.Column("reference", _TEXT(length=40), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", _TEXT(length=64), nullable=False),
        sa.Column("source_sha256", _TEXT(length=64), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("published", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", _INSTANT(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_copy_of_record_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["organisation.id"], name=op.f("fk_copy_of_record_owner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copy_of_record")),
        sa.UniqueConstraint("document_id", name=op.f("uq_copy_of_record_document_id")),
        sa.UniqueConstraint("subject", name=op.f("uq_copy_of_record_subject")),
    )
    with op.batch_alter_table("copy_of_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_copy_of_record_owner_id"), ["owner_id"], unique=False)


def downgrade() -> None:
    op.drop_table("copy_of_record")
    op.drop_table("manifest")

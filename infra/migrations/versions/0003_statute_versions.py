"""versions of statute packs, and the legal officer who drafts them

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ROLES = (
    "case_officer",
    "decider",
    "plan_approver",
    "plan_reader",
    "accreditation_officer",
    "enforcement_officer",
    "head_of_enforcement",
    "administrator",
    "preparer",
    "certifying_officer",
    "assessor",
    "evaluation_officer",
)
_NEW = "legal_officer"


def upgrade() -> None:
    _roles((*_ROLES, _NEW))
    op.create_table(
        "statute_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("pack", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "approved",
                "withdrawn",
                name="versionstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("base", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("digest", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("live_from", sa.Date(), nullable=False),
        sa.Column("why", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("drafted_by", sa.Uuid(), nullable=False),
        sa.Column("drafted_at", secure_access.db.UtcInstant(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", secure_access.db.UtcInstant(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", secure_access.db.UtcInstant(timezone=True), nullable=True),
        sa.Column("withdrawn_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["person.id"], name=op.f("fk_statute_version_approved_by_person")
        ),
        sa.ForeignKeyConstraint(
            ["drafted_by"], ["person.id"], name=op.f("fk_statute_version_drafted_by_person")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawn_by"], ["person.id"], name=op.f("fk_statute_version_withdrawn_by_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statute_version")),
        sa.UniqueConstraint("reference", name=op.f("uq_statute_version_reference")),
    )
    with op.batch_alter_table("statute_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_statute_version_pack"), ["pack"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("statute_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_statute_version_pack"))
    op.drop_table("statute_version")
    # Nobody can hold a role that the older release does not know.
    op.execute(sa.text("DELETE FROM person_role WHERE role = :role").bindparams(role=_NEW))
    _roles(_ROLES)


def _roles(known: tuple[str, ...]) -> None:
    """Replace the CHECK on the roles that a person can hold."""
    name = op.f("ck_person_role_role")
    with op.batch_alter_table("person_role", schema=None) as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, sa.column("role").in_(known))

"""single sign-on: linked accounts, and which sessions they began

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant
_METHODS = ("password", "password_and_code", "passkey", "first_key")
_PURPOSES = ("sign_in", "add_key", "step_up", "first_key")


def upgrade() -> None:
    _check("sign_in_session", "method", "ck_sign_in_session_method", (*_METHODS, "sso"))
    _check("challenge", "purpose", "ck_challenge_purpose", (*_PURPOSES, "sso", "logout"))
    op.create_table(
        "linked_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", _TEXT(length=400), nullable=False),
        sa.Column("subject", _TEXT(length=255), nullable=False),
        sa.Column("linked_at", _INSTANT(timezone=True), nullable=False),
        sa.Column("last_used_at", _INSTANT(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_linked_account_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linked_account")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_linked_account_issuer_subject")),
    )
    with op.batch_alter_table("linked_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_linked_account_person_id"), ["person_id"], unique=False)
    with op.batch_alter_table("sign_in_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("link_id", sa.Uuid(), nullable=True))
        batch_op.add_column(
            sa.Column("provider_session", _TEXT(length=255), nullable=False, server_default="")
        )
        batch_op.create_index(batch_op.f("ix_sign_in_session_link_id"), ["link_id"], unique=False)


def downgrade() -> None:
    # Sessions and challenges are of the moment: those of single sign-on end, and are forgotten.
    op.execute(sa.text("UPDATE challenge SET session_id = NULL"))
    op.execute(sa.text("DELETE FROM sign_in_session WHERE method = 'sso' OR link_id IS NOT NULL"))
    op.execute(sa.text("DELETE FROM challenge WHERE purpose IN ('sso', 'logout')"))
    with op.batch_alter_table("sign_in_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_session_link_id"))
        batch_op.drop_column("provider_session")
        batch_op.drop_column("link_id")
    op.drop_table("linked_account")
    _check("challenge", "purpose", "ck_challenge_purpose", _PURPOSES)
    _check("sign_in_session", "method", "ck_sign_in_session_method", _METHODS)


def _check(table: str, column: str, name: str, known: tuple[str, ...]) -> None:
    """Replace the CHECK on what a column can hold."""
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.drop_constraint(op.f(name), type_="check")
        batch_op.create_check_constraint(op.f(name), sa.column(column).in_(known))

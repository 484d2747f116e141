"""passkeys, codes of apps, challenges, and how each session began

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import secure_access.db


revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = secure_access.db.UtcInstant


def upgrade() -> None:
    _credentials()
    _challenges()
    method = sa.Enum(
        "password",
        "password_and_code",
        "passkey",
        "first_key",
        name="method",
        native_enum=False,
        create_constraint=True,
        length=40,
    )
    # The sessions that are open were begun with a password, the only way there was.
    with op.batch_alter_table("sign_in_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("method", method, nullable=False, server_default="password"))
        batch_op.add_column(sa.Column("agent", _TEXT(length=300), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("credential_id", sa.Uuid(), nullable=True))


def _credentials() -> None:
    op.create_table(
        "credential",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("zone", _TEXT(length=20), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("synced", sa.Boolean(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("model", _TEXT(length=36), nullable=False),
        sa.Column("attestation", _TEXT(length=20), nullable=False),
        sa.Column("name", _TEXT(length=60), nullable=False),
        sa.Column("added_at", _INSTANT(timezone=True), nullable=False),
        sa.Column("usable_sensitive_from", _INSTANT(timezone=True), nullable=False),
        sa.Column("last_used_at", _INSTANT(timezone=True), nullable=True),
        sa.Column("suspended_at", _INSTANT(timezone=True), nullable=True),
        sa.Column("suspended_reason", _TEXT(length=40), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_credential_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
        sa.UniqueConstraint("zone", "key_id", name=op.f("uq_credential_zone_key_id")),
    )
    with op.batch_alter_table("credential", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credential_person_id"), ["person_id"], unique=False)
    op.create_table(
        "totp",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("added_at", _INSTANT(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_totp_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_totp")),
    )


def _challenges() -> None:
    purpose = sa.Enum(
        "sign_in",
        "add_key",
        "step_up",
        "first_key",
        name="purpose",
        native_enum=False,
        create_constraint=True,
        length=40,
    )
    op.create_table(
        "challenge",
        sa.Column("digest", _TEXT(length=64), nullable=False),
        sa.Column("purpose", purpose, nullable=False),
        sa.Column("zone", _TEXT(length=20), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("nonce", _TEXT(length=64), nullable=False),
        sa.Column("expires_at", _INSTANT(timezone=True), nullable=False),
        sa.Column("used_at", _INSTANT(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_challenge_person_id_person")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sign_in_session.id"], name=op.f("fk_challenge_session_id_sign_in_session")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_challenge")),
    )
    with op.batch_alter_table("challenge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_challenge_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_challenge_person_id"), ["person_id"], unique=False)


def downgrade() -> None:
    op.drop_table("challenge")
    op.drop_table("totp")
    op.drop_table("credential")
    with op.batch_alter_table("sign_in_session", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_sign_in_session_method"), type_="check")
        batch_op.drop_column("credential_id")
        batch_op.drop_column("agent")
        batch_op.drop_column("method")

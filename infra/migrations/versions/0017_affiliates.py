"""affiliates: organisations under common control, of which neither is the parent of the other

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_NAME = "ck_organisation_relation_relationkind"


def upgrade() -> None:
    _check("parent_of", "affiliate_of", "merged_into")


def downgrade() -> None:
    _check("parent_of", "merged_into")


def _check(*known: str) -> None:
    with op.batch_alter_table("organisation_relation", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(_NAME), type_="check")
        batch_op.create_check_constraint(op.f(_NAME), sa.column("kind").in_(known))

"""Who sees what in enforcement: enforcement staff, and the developer what was sent to it."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from portal.enforcement.tables import AllegedViolation, Notice, NoticeKind, Worksheet
from portal.enforcement.workflow import NoticeState
from secure_access.actor import Actor, OrganisationKind
from secure_access.db import col
from secure_access.visibility import Sight, Visibility
from secure_access.workflow import Role

ENFORCEMENT = frozenset({Role.ENFORCEMENT_OFFICER, Role.HEAD_OF_ENFORCEMENT})
"""Who of the authority enforces."""


def it_is_addressed_to_the_developer(_by: Actor) -> ColumnElement[bool]:
    """It is addressed to the developer: preliminary findings; a referral goes to another authority."""
    return col(Notice.kind) == NoticeKind.PRELIMINARY_FINDINGS


_OFFICIALS = Sight(OrganisationKind.REGULATOR, roles=ENFORCEMENT)

VIOLATIONS = Visibility(AllegedViolation, _OFFICIALS)
WORKSHEETS = Visibility(Worksheet, _OFFICIALS)
NOTICES = Visibility(
    Notice,
    _OFFICIALS,
    Sight(
        OrganisationKind.DEVELOPER,
        own="developer_id",
        states=(NoticeState.SENT,),
        besides=it_is_addressed_to_the_developer,
    ),
)

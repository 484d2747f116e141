"""The workflows of people and organisations: invitations, entities, authorities, acts of two. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from secure_access.workflow import Role, Step, Workflow


class InvitationState(StrEnum):
    """Where an invitation stands. Its end by time is no state: it is asked when it is used."""

    SENT = "sent"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class EntityState(StrEnum):
    """Where the binding of a legal entity to an organisation stands."""

    CLAIMED = "claimed"
    VERIFIED = "verified"
    REFUSED = "refused"
    ENDED = "ended"


class StandingState(StrEnum):
    """Where an authority to sign, a delegation or a conflict stands. Dates are asked beside it."""

    STANDING = "standing"
    ENDED = "ended"


class ProposalState(StrEnum):
    """Where an act stands that takes two administrators."""

    PROPOSED = "proposed"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


def proposed_it(proposal: Any, by: Any) -> str | None:
    """One administrator proposes, another approves."""
    if proposal.proposed_by == by.person_id:
        return "You proposed this act, so another administrator has to approve it."
    return None


def is_about_them(proposal: Any, by: Any) -> str | None:
    """Nobody approves an act that gives themselves something."""
    if proposal.person_id == by.person_id:
        return "This act is about your own account. Another administrator has to approve it."
    return None


def not_the_proposer(proposal: Any, by: Any) -> str | None:
    """Only who proposed an act takes it back; others refuse it."""
    if proposal.proposed_by != by.person_id:
        return "Only who proposed this act can withdraw it. You can refuse it."
    return None


INVITATION = Workflow(
    "invitation",
    start=InvitationState.SENT,
    steps=(
        # Whoever holds the link; the account that it is for may have any role, or none yet.
        Step("accept", by=tuple(Role), frm={InvitationState.SENT}, to=InvitationState.ACCEPTED),
        Step(
            "withdraw",
            by=(Role.ORGANISATION_ADMINISTRATOR, Role.ADMINISTRATOR),
            frm={InvitationState.SENT},
            to=InvitationState.WITHDRAWN,
        ),
    ),
)

LEGAL_ENTITY = Workflow(
    "legal entity",
    start=EntityState.CLAIMED,
    steps=(
        Step("verify", by=Role.ADMINISTRATOR, frm={EntityState.CLAIMED}, to=EntityState.VERIFIED),
        Step("refuse", by=Role.ADMINISTRATOR, frm={EntityState.CLAIMED}, to=EntityState.REFUSED),
        Step("end", by=Role.ADMINISTRATOR, frm={EntityState.VERIFIED}, to=EntityState.ENDED),
    ),
)

AUTHORITY_TO_SIGN = Workflow(
    "authority to sign",
    start=StandingState.STANDING,
    steps=(
        Step(
            "revoke", by=Role.ORGANISATION_ADMINISTRATOR, frm={StandingState.STANDING}, to=StandingState.ENDED
        ),
    ),
)

DELEGATION = Workflow(
    "delegation",
    start=StandingState.STANDING,
    steps=(
        Step(
            "revoke", by=Role.ORGANISATION_ADMINISTRATOR, frm={StandingState.STANDING}, to=StandingState.ENDED
        ),
    ),
)

RECUSAL = Workflow(
    "conflict of a reviewer",
    start=StandingState.STANDING,
    steps=(Step("end", by=Role.ADMINISTRATOR, frm={StandingState.STANDING}, to=StandingState.ENDED),),
)

PROPOSED_ACT = Workflow(
    "act of two administrators",
    start=ProposalState.PROPOSED,
    steps=(
        Step(
            "approve",
            by=Role.ADMINISTRATOR,
            frm={ProposalState.PROPOSED},
            to=ProposalState.DONE,
            unless=(proposed_it, is_about_them),
        ),
        Step(
            "refuse",
            by=Role.ADMINISTRATOR,
            frm={ProposalState.PROPOSED},
            to=ProposalState.REFUSED,
            unless=(proposed_it,),
        ),
        Step(
            "withdraw",
            by=Role.ADMINISTRATOR,
            frm={ProposalState.PROPOSED},
            to=ProposalState.WITHDRAWN,
            unless=(not_the_proposer,),
        ),
    ),
)

"""Tables of people and organisations beside the accounts themselves. All of them are of record."""

from __future__ import annotations

import uuid
from datetime import date
from enum import StrEnum

from sqlalchemy import Text

from secure_access.db import Field, Instant, Table, classes, enum_column, instant_column, json_column, new_id
from secure_access.identity.workflow import EntityState, InvitationState, ProposalState, StandingState


class RelationKind(StrEnum):
    """How one organisation stands to another: it is its parent, was merged into it, or is its affiliate.

    Affiliates are under common control without either being the parent of the other.
    """

    PARENT_OF = "parent_of"
    AFFILIATE_OF = "affiliate_of"
    MERGED_INTO = "merged_into"


class InvitationPurpose(StrEnum):
    """What a single-use link is for."""

    JOIN = "join"
    RESET = "reset"


class LegalEntity(Table, table=True):
    """One legal person of an organisation, and the laws for which it answers, from a day until a day.

    ``number`` is its number in the register of its jurisdiction. ``evidence`` is what the authority compared
    when it verified the binding.
    """

    __tablename__ = "legal_entity"
    __record__ = True
    __classes__ = classes(
        public=(
            "id organisation_id state name jurisdiction number regimes from_on until_on claimed_at "
            "verified_at"
        ),
        restricted="claimed_by verified_by evidence",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    state: EntityState = enum_column(EntityState, default=EntityState.CLAIMED)
    name: str = Field(max_length=200)
    jurisdiction: str = Field(max_length=80)
    number: str = Field(default="", max_length=80)
    regimes: list[str] = json_column(default_factory=list)
    from_on: date
    until_on: date | None = None
    claimed_by: uuid.UUID | None = None
    claimed_at: Instant = instant_column()
    verified_by: uuid.UUID | None = None
    verified_at: Instant | None = instant_column(nullable=True)
    evidence: str = Field(default="", max_length=2000)


class OrganisationRelation(Table, table=True):
    """That one organisation is the parent of another, or was merged into it, from a day until a day."""

    __tablename__ = "organisation_relation"
    __record__ = True
    __classes__ = classes(
        public="id organisation_id other_id kind from_on until_on recorded_at",
        restricted="source recorded_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    other_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    kind: RelationKind = enum_column(RelationKind)
    from_on: date
    until_on: date | None = None
    source: str = Field(max_length=400)
    recorded_by: uuid.UUID
    recorded_at: Instant = instant_column()


class Invitation(Table, table=True):
    """A single-use link by mail, bound to an address, an organisation and roles.

    Only the SHA-256 of its token is kept. ``person_id`` is the account it is for, once there is one.
    """

    __record__ = True
    __classes__ = classes(
        public="id organisation_id state invited_at expires_at settled_at",
        restricted="purpose email name title team roles invited_by person_id",
        secret="token_digest",  # noqa: S106 - a column
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    state: InvitationState = enum_column(InvitationState, default=InvitationState.SENT)
    purpose: InvitationPurpose = enum_column(
        InvitationPurpose, default=InvitationPurpose.JOIN, name="purpose"
    )
    email: str = Field(max_length=254, index=True)
    name: str = Field(max_length=120)
    title: str = Field(default="", max_length=120)
    team: str = Field(default="", max_length=80)
    roles: list[str] = json_column(default_factory=list)
    token_digest: str = Field(max_length=64, unique=True)
    invited_by: uuid.UUID | None = None
    invited_at: Instant = instant_column()
    expires_at: Instant = instant_column()
    person_id: uuid.UUID | None = Field(default=None, foreign_key="person.id")
    settled_at: Instant | None = instant_column(nullable=True)


class SigningAuthority(Table, table=True):
    """That an officer may sign for an organisation: who appointed them, on what evidence, from and until.

    ``entity_id`` is the legal entity for which; absent for all of them.
    """

    __tablename__ = "signing_authority"
    __record__ = True
    __classes__ = classes(
        public="id organisation_id state entity_id document_id from_on until_on recorded_at revoked_at",
        restricted="officer_id title appointed_by evidence recorded_by revoked_by reason",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    officer_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    state: StandingState = enum_column(StandingState, default=StandingState.STANDING)
    title: str = Field(max_length=120)
    appointed_by: str = Field(max_length=200)
    evidence: str = Field(max_length=2000)
    entity_id: uuid.UUID | None = None
    document_id: uuid.UUID | None = None
    from_on: date
    until_on: date | None = None
    recorded_by: uuid.UUID | None = None
    recorded_at: Instant = instant_column()
    revoked_by: uuid.UUID | None = None
    revoked_at: Instant | None = instant_column(nullable=True)
    reason: str = Field(default="", max_length=400)


class Delegation(Table, table=True):
    """That an agent's people may do some acts for a developer, from and until. Never signing."""

    __record__ = True
    __classes__ = classes(
        public="id organisation_id agent_id state from_on until_on granted_at revoked_at",
        restricted="scope granted_by revoked_by reason",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    agent_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    state: StandingState = enum_column(StandingState, default=StandingState.STANDING)
    scope: list[str] = json_column(default_factory=list)
    from_on: date
    until_on: date
    granted_by: uuid.UUID
    granted_at: Instant = instant_column()
    revoked_by: uuid.UUID | None = None
    revoked_at: Instant | None = instant_column(nullable=True)
    reason: str = Field(default="", max_length=400)


class Recusal(Table, table=True):
    """A conflict of an official with a developer: the system keeps the two apart until it is ended."""

    __record__ = True
    __classes__ = classes(
        public="id developer_id state declared_at ended_at",
        restricted="person_id reason declared_by ended_by end_reason",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    developer_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    state: StandingState = enum_column(StandingState, default=StandingState.STANDING)
    reason: str = Field(max_length=2000)
    declared_by: uuid.UUID
    declared_at: Instant = instant_column()
    ended_by: uuid.UUID | None = None
    ended_at: Instant | None = instant_column(nullable=True)
    end_reason: str = Field(default="", max_length=400)


class PeopleConfirmation(Table, table=True):
    """That an organisation looked at the list of its people and said that it is right."""

    __tablename__ = "people_confirmation"
    __record__ = True
    __classes__ = classes(public="id organisation_id confirmed_at", restricted="people confirmed_by")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    organisation_id: uuid.UUID = Field(foreign_key="organisation.id", index=True)
    people: list[str] = json_column(default_factory=list)
    confirmed_by: uuid.UUID
    confirmed_at: Instant = instant_column()


class ProposedAct(Table, table=True):
    """An act that takes two administrators: both stand behind the same digest of the same bytes.

    ``content`` is canonical JSON of what is to be done, ``digest`` its SHA-256 in hex.
    """

    __tablename__ = "proposed_act"
    __record__ = True
    __classes__ = classes(
        public="id state digest proposed_at settled_at",
        restricted="act person_id content reason proposed_by settled_by",
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    act: str = Field(max_length=60)
    state: ProposalState = enum_column(ProposalState, default=ProposalState.PROPOSED)
    person_id: uuid.UUID | None = Field(default=None, foreign_key="person.id")
    content: str = Field(sa_type=Text)
    digest: str = Field(max_length=64)
    reason: str = Field(max_length=400)
    proposed_by: uuid.UUID = Field(foreign_key="person.id")
    proposed_at: Instant = instant_column()
    settled_by: uuid.UUID | None = None
    settled_at: Instant | None = instant_column(nullable=True)


class Recovery(Table, table=True):
    """That somebody on the machine got round the administrators: shown until it is seen.

    An administrator was made although there was one (``invitation_id``), or the sign-in policy was set there
    (`SignInPolicy.recovery_id`).
    """

    __record__ = True
    __classes__ = classes(public="id invitation_id at seen_at", restricted="reason seen_by")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    invitation_id: uuid.UUID | None = Field(default=None, foreign_key="invitation.id")
    reason: str = Field(max_length=400)
    at: Instant = instant_column()
    seen_by: uuid.UUID | None = None
    seen_at: Instant | None = instant_column(nullable=True)


class SignInPolicy(Table, table=True):
    """One sign-in policy of this instance; the one with the highest number is in force.

    ``content`` is `secure_access.identity.policy.Policy.stated`, ``digest`` its SHA-256 in hex. It came by an
    act of two administrators (``act_id``), by the machine (``recovery_id``), or with the first start.
    ``name`` is what the machine called it, empty where it was made on a screen.
    """

    __tablename__ = "sign_in_policy"
    __record__ = True
    __classes__ = classes(
        public="id number words digest from_at act_id recovery_id", restricted="name content"
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    number: int = Field(unique=True)
    name: str = Field(default="", max_length=200)
    words: str = Field(default="", max_length=200)
    content: str = Field(sa_type=Text)
    digest: str = Field(max_length=64)
    from_at: Instant = instant_column()
    act_id: uuid.UUID | None = Field(default=None, foreign_key="proposed_act.id")
    recovery_id: uuid.UUID | None = Field(default=None, foreign_key="recovery.id")

"""Challenges: what a key signs, made here, used once, and only by whom and where they were made for."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, update

from secure_access.db import Field, Instant, Session, Table, classes, col, enum_column, instant_column

SIGN_IN_LIFE = timedelta(minutes=5)
"""For a ceremony before anybody is known, and for a key that is being added: time to find the key."""
_KEPT = timedelta(days=1)


class Purpose(StrEnum):
    """What a challenge is for. One made for one purpose is worth nothing for another."""

    SIGN_IN = "sign_in"
    ADD_KEY = "add_key"
    STEP_UP = "step_up"
    FIRST_KEY = "first_key"
    SSO = "sso"
    LOGOUT = "logout"


class Challenge(Table, table=True):
    """A challenge that was given out. ``digest`` is the 32 bytes that are signed, in hex.

    For ``FIRST_KEY`` it is the SHA-256 of the code that a person types, for ``SSO`` the state that a provider
    sends back, for ``LOGOUT`` the digest of a logout token that was used. ``nonce`` is what a statement was
    made with (see `secure_access.step_up`); empty for random challenges.
    """

    __tablename__ = "challenge"
    __classes__ = classes(
        public="purpose zone session_id expires_at used_at",
        restricted="person_id",
        secret="digest nonce",  # noqa: S106 - a column
    )

    digest: str = Field(primary_key=True, max_length=64)
    purpose: Purpose = enum_column(Purpose)
    zone: str = Field(max_length=20)
    person_id: uuid.UUID | None = Field(default=None, foreign_key="person.id", index=True)
    session_id: uuid.UUID | None = Field(default=None, foreign_key="sign_in_session.id")
    nonce: str = Field(default="", max_length=64)
    expires_at: Instant = instant_column(index=True)
    used_at: Instant | None = instant_column(nullable=True)


@dataclass(frozen=True)
class Bound:
    """What a challenge is bound to: where, whose, and in which session."""

    purpose: Purpose
    zone: str
    person_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None


def issue(session: Session, bound: Bound, *, life: timedelta = SIGN_IN_LIFE) -> bytes:
    """A fresh random challenge of 32 bytes. Forgets those that ran out long ago."""
    challenge = secrets.token_bytes(32)
    keep(session, bound, challenge, expires_at=datetime.now(UTC) + life)
    return challenge


def keep(
    session: Session, bound: Bound, challenge: bytes, *, expires_at: datetime, nonce: str = ""
) -> Challenge:
    """Keep a challenge of 32 bytes that was made by a rule, until it is used or ``expires_at`` (machine)."""
    session.execute(delete(Challenge).where(col(Challenge.expires_at) < datetime.now(UTC) - _KEPT))
    row = Challenge(
        digest=challenge.hex(),
        purpose=bound.purpose,
        zone=bound.zone,
        person_id=bound.person_id,
        session_id=bound.session_id,
        nonce=nonce,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return row


def withdraw(session: Session, bound: Bound) -> None:
    """Let every challenge that was made for this be worth nothing from now on."""
    session.execute(
        update(Challenge)
        .where(
            col(Challenge.purpose) == bound.purpose,
            col(Challenge.zone) == bound.zone,
            col(Challenge.person_id).is_not_distinct_from(bound.person_id),
            col(Challenge.session_id).is_not_distinct_from(bound.session_id),
            col(Challenge.used_at).is_(None),
        )
        .values(used_at=datetime.now(UTC))
        .execution_options(synchronize_session=False)
    )


def withdraw_of(session: Session, purpose: Purpose, person_id: uuid.UUID) -> None:
    """Let every challenge of a person for this purpose, in any zone, be worth nothing from now on."""
    session.execute(
        update(Challenge)
        .where(
            col(Challenge.purpose) == purpose,
            col(Challenge.person_id) == person_id,
            col(Challenge.used_at).is_(None),
        )
        .values(used_at=datetime.now(UTC))
        .execution_options(synchronize_session=False)
    )


def take(session: Session, bound: Bound, challenge: bytes) -> Challenge | None:
    """Use a challenge up; ``None`` when it is unknown, of something or somebody else, used, or too old.

    Of many that try at once one wins: the others wait for its transaction and then find it used. Where that
    transaction is rolled back the challenge stands as before, since nothing was done with it.
    """
    now = datetime.now(UTC)
    statement = (
        update(Challenge)
        .where(
            col(Challenge.digest) == challenge.hex(),
            col(Challenge.purpose) == bound.purpose,
            col(Challenge.zone) == bound.zone,
            col(Challenge.person_id).is_not_distinct_from(bound.person_id),
            col(Challenge.session_id).is_not_distinct_from(bound.session_id),
            col(Challenge.used_at).is_(None),
            col(Challenge.expires_at) > now,
        )
        .values(used_at=now)
        .returning(col(Challenge.digest))
        .execution_options(synchronize_session=False)
    )
    won = session.execute(statement).scalar_one_or_none()
    return None if won is None else session.get_one(Challenge, won, populate_existing=True)

"""Signing in and out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portal.mail import ZONE_OF
from secure_access import identity
from secure_access.db import Field, Instant, Session, Table, col, instant_column, new_id, select
from secure_access.identity import OrganisationKind, PasswordHasher, Person
from secure_access.ledger import security_log
from secure_access.workflow import Denied

WINDOW = timedelta(minutes=15)
FAILURES_ALLOWED = 8


class SignInAttempt(Table, table=True):
    """A failed sign-in, counted by e-mail address and by where it came from."""

    __tablename__ = "sign_in_attempt"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    email: str = Field(max_length=254, index=True)
    source: str = Field(max_length=64)
    at: Instant = instant_column()


@dataclass(frozen=True)
class Attempt:
    """What somebody typed, and where: ``source`` is the address it came from."""

    email: str
    password: str
    zone: str
    source: str


def sign_in(
    session: Session, *, attempt: Attempt, hasher: PasswordHasher, now: datetime
) -> tuple[Person, str] | None:
    """The person and a fresh session token, or ``None``.

    Unknown, wrong and wrong zone are told apart nowhere.

    Counts failures by address and source together, so that nobody can lock another person out.
    Raises `Denied` after too many failures.
    """
    machine_now = datetime.now(UTC)
    if _failures(session, attempt, machine_now) >= FAILURES_ALLOWED:
        raise Denied(
            "Too many wrong passwords were typed for this account from this machine.",
            f"Wait {WINDOW.seconds // 60} minutes, then try again.",
        )
    person = identity.check_password(session, email=attempt.email, password=attempt.password, hasher=hasher)
    if person is not None and ZONE_OF[_kind(session, person)] == attempt.zone:
        actor = identity.actor(session, person.id)
        security_log.note(session, "sign_in.succeeded", by=actor, zone=attempt.zone, subject="", now=now)
        return person, identity.start_session(session, person=person, zone=attempt.zone)
    session.add(
        SignInAttempt(email=attempt.email.strip().lower()[:254], source=attempt.source, at=machine_now)
    )
    security_log.note(session, "sign_in.failed", by=None, zone=attempt.zone, subject="", now=now)
    return None


def _kind(session: Session, person: Person) -> OrganisationKind:
    return OrganisationKind(session.get_one(identity.Organisation, person.organisation_id).kind)


def _failures(session: Session, attempt: Attempt, machine_now: datetime) -> int:
    query = select(SignInAttempt.id).where(
        SignInAttempt.email == attempt.email.strip().lower(),
        SignInAttempt.source == attempt.source,
        col(SignInAttempt.at) > machine_now - WINDOW,
    )
    return len(session.exec(query).all())

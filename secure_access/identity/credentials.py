"""Keys that people sign in and sign with: whose, of which zone, and what may be done with them.

A passkey belongs to one person in one zone, whose host name is its RP ID. Times are the machine's: a clock
that is moved for practice makes no key older.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, LargeBinary, UniqueConstraint

from secure_access.db import Field, Instant, Session, Table, classes, col, instant_column, new_id, select
from secure_access.identity import totp
from secure_access.workflow import Denied, NotFound

LONGEST_NAME = 60
COUNTER_FELL = "counter_fell"
LOST = "lost"
"""Why a key is suspended."""


class Credential(Table, table=True):
    """A passkey. ``synced`` keys may be copied between devices (WebAuthn: backup eligible); others may not.

    ``sign_count`` is the counter of the last use, zero where a key counts nothing. A suspended key opens
    nothing, and still counts as one that its owner has.
    """

    __tablename__ = "credential"
    __table_args__ = (UniqueConstraint("zone", "key_id"),)
    __classes__ = classes(
        public="id zone attestation added_at usable_sensitive_from last_used_at suspended_at",
        restricted=("person_id key_id public_key sign_count synced backed_up model name suspended_reason"),
    )

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="person.id", index=True)
    zone: str = Field(max_length=20)
    key_id: bytes = Field(sa_type=LargeBinary)
    public_key: bytes = Field(sa_type=LargeBinary)
    sign_count: int = Field(default=0, sa_type=BigInteger)
    synced: bool = False
    backed_up: bool = False
    model: str = Field(default="", max_length=36)
    attestation: str = Field(default="none", max_length=20)
    name: str = Field(max_length=LONGEST_NAME)
    added_at: Instant = instant_column()
    usable_sensitive_from: Instant = instant_column()
    last_used_at: Instant | None = instant_column(nullable=True)
    suspended_at: Instant | None = instant_column(nullable=True)
    suspended_reason: str = Field(default="", max_length=40)

    @property
    def digest(self) -> str:
        """SHA-256 of the credential id in hex: how entries name a key."""
        return hashlib.sha256(self.key_id).hexdigest()


@dataclass(frozen=True)
class NewKey:
    """What an authenticator said of a key that was made."""

    key_id: bytes
    public_key: bytes
    sign_count: int
    synced: bool
    backed_up: bool
    model: str
    attestation: str


def add(
    session: Session, *, person_id: uuid.UUID, zone: str, new: NewKey, name: str, wait: timedelta
) -> Credential:
    """Give a person a key. It carries no sensitive right before ``wait`` is over.

    Raises `Denied` for a key that is known already.
    """
    if find(session, zone=zone, key_id=new.key_id) is not None:
        raise Denied("This key is known already.", "Use another key, or sign in with this one.")
    now = datetime.now(UTC)
    row = Credential(
        person_id=person_id,
        zone=zone,
        name=named(name),
        added_at=now,
        usable_sensitive_from=now + wait,
        key_id=new.key_id,
        public_key=new.public_key,
        sign_count=new.sign_count,
        synced=new.synced,
        backed_up=new.backed_up,
        model=new.model,
        attestation=new.attestation,
    )
    session.add(row)
    session.flush()
    return row


def named(name: str) -> str:
    """The name of a key as it is kept; one without any is a key."""
    return " ".join(name.split())[:LONGEST_NAME] or "Key"


def of_person(session: Session, *, person_id: uuid.UUID, zone: str) -> list[Credential]:
    """A person's keys in a zone, the suspended ones too, oldest first."""
    query = select(Credential).where(Credential.person_id == person_id, Credential.zone == zone)
    return list(session.exec(query.order_by(col(Credential.added_at), col(Credential.id))))


def usable(keys: list[Credential], *, device_bound: bool) -> list[Credential]:
    """Those that open something under a rule: not suspended, and bound to a device where that is asked."""
    return [key for key in keys if key.suspended_at is None and not (device_bound and key.synced)]


def find(session: Session, *, zone: str, key_id: bytes, for_update: bool = False) -> Credential | None:
    """The key of a zone with this credential id. A key of another zone is not there."""
    query = select(Credential).where(Credential.zone == zone, Credential.key_id == key_id)
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.exec(query).first()


def own(session: Session, credential_id: uuid.UUID, *, person_id: uuid.UUID, zone: str) -> Credential:
    """A person's own key. Raises `NotFound` for anybody else's."""
    row = session.get(Credential, credential_id, with_for_update=True)
    if row is None or row.person_id != person_id or row.zone != zone:
        raise NotFound
    return row


def used(session: Session, key: Credential, *, sign_count: int, backed_up: bool) -> bool:
    """Note that a key was used; whether its counter rose as it must.

    A key that is bound to a device and counts is suspended when its counter falls or repeats: somebody may
    have copied it. The counters of synced keys say nothing, as each device has its own.
    """
    rose = key.synced or key.sign_count == 0 or sign_count > key.sign_count
    if not rose:
        suspend(session, key, reason=COUNTER_FELL)
        return False
    key.sign_count, key.last_used_at, key.backed_up = sign_count, datetime.now(UTC), backed_up
    session.add(key)
    session.flush()
    return True


def suspend(session: Session, key: Credential, *, reason: str) -> None:
    """A key opens nothing from now on. It is not taken back: a key that is good again is added anew."""
    key.suspended_at, key.suspended_reason = datetime.now(UTC), reason
    session.add(key)
    session.flush()


@dataclass(frozen=True)
class Lost:
    """What somebody lost: the keys that are suspended by it, and whether there was an app with codes."""

    keys: list[Credential]
    app: bool


def lose(session: Session, person_id: uuid.UUID) -> Lost:
    """Suspend every key of a person and forget the app, because whoever has them may be somebody else."""
    query = select(Credential).where(
        Credential.person_id == person_id, col(Credential.suspended_at).is_(None)
    )
    keys = list(session.exec(query.order_by(col(Credential.added_at), col(Credential.id)).with_for_update()))
    for key in keys:
        suspend(session, key, reason=LOST)
    return Lost(keys, totp.remove(session, person_id))

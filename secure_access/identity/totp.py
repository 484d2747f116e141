"""Codes from an app that change every half minute (TOTP, RFC 6238), each accepted once.

The secret lies in the database wrapped by the instance's key ring. Time is the machine's.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import uuid
from datetime import UTC, datetime

import pyotp
from sqlalchemy import LargeBinary, update

from secure_access.db import Field, Instant, Session, Table, classes, col, instant_column
from secure_access.keys import KeyProvider

STEP_SECONDS = 30
DRIFT = 1
"""How many steps a clock may be wrong, each way."""
SECRET_BYTES = 20


class Totp(Table, table=True):
    """The app of a person. ``last_step`` is the time step of the last code that was accepted."""

    __tablename__ = "totp"
    __classes__ = classes(public="added_at", restricted="person_id last_step", secret="secret")  # noqa: S106 - a column

    person_id: uuid.UUID = Field(primary_key=True, foreign_key="person.id")
    secret: bytes = Field(sa_type=LargeBinary)
    last_step: int = 0
    added_at: Instant = instant_column()


def fresh_secret() -> str:
    """A new secret, as apps take it: 32 characters of base32."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address(secret: str, *, email: str, issuer: str) -> str:
    """The ``otpauth`` address that stands in the picture an app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def enrol(
    session: Session, *, person_id: uuid.UUID, secret: str, code: str, keys: KeyProvider
) -> Totp | None:
    """Keep a secret once its app has shown a right code, in place of an earlier one; ``None`` otherwise.

    That code is used up by it.
    """
    step = matching_step(secret, code)
    if step is None:
        return None
    row = session.get(Totp, person_id, with_for_update=True) or Totp(
        person_id=person_id, secret=b"", added_at=datetime.now(UTC)
    )
    row.secret = keys.wrap(secret.encode(), _context(person_id))
    row.last_step, row.added_at = step, datetime.now(UTC)
    session.add(row)
    session.flush()
    return row


def enrolled(session: Session, person_id: uuid.UUID) -> Totp | None:
    """The app of a person, or ``None``."""
    return session.get(Totp, person_id)


def accept(session: Session, *, person_id: uuid.UUID, code: str, keys: KeyProvider) -> bool:
    """Whether a code is right and was not used before. Of many requests with one code, one is accepted."""
    row = session.get(Totp, person_id)
    if row is None:
        return False
    secret = keys.unwrap(row.secret, _context(person_id)).decode()
    step = matching_step(secret, code)
    if step is None:
        return False
    newer = (
        update(Totp)
        .where(col(Totp.person_id) == person_id, col(Totp.last_step) < step)
        .values(last_step=step)
        .returning(col(Totp.person_id))
    )
    return session.execute(newer).first() is not None


def remove(session: Session, person_id: uuid.UUID) -> bool:
    """Forget the app of a person; whether there was one."""
    row = session.get(Totp, person_id, with_for_update=True)
    if row is not None:
        session.delete(row)
        session.flush()
    return row is not None


def matching_step(secret: str, code: str, now: datetime | None = None) -> int | None:
    """The time step whose code this is, near now; ``None`` for a wrong code."""
    typed = "".join(code.split())
    here = int((now or datetime.now(UTC)).timestamp()) // STEP_SECONDS
    generator = pyotp.TOTP(secret, interval=STEP_SECONDS)
    found = None
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(generator.at(step * STEP_SECONDS).encode(), typed.encode()):
            found = step
    return found


def _context(person_id: uuid.UUID) -> str:
    return f"totp:{person_id}"

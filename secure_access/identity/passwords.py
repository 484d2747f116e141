"""Passwords: whose they are, without telling an unknown person from a wrong password."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from argon2.exceptions import InvalidHashError, VerificationError

from secure_access.db import Session, select
from secure_access.identity.people import Person


class PasswordHasher(Protocol):
    """The two calls of `argon2.PasswordHasher` that are used."""

    def hash(self, password: str, /) -> str: ...

    def verify(self, hashed: str, password: str, /) -> bool: ...


def check_password(session: Session, *, email: str, password: str, hasher: PasswordHasher) -> Person | None:
    """The person whose e-mail and password these are, or ``None``.

    An unknown e-mail, and an account without a password, cost as much time as a wrong password: a hash is
    verified in every case.
    """
    person = session.exec(select(Person).where(Person.email == email.strip().lower())).first()
    known = person is not None and not person.suspended and person.ended_at is None
    stored = (person.password_hash if person is not None else "") or _nobody(hasher.hash)
    matches = _matches(hasher, stored, password)
    return person if known and matches else None


@lru_cache
def _nobody(hash_password: Callable[[str], str]) -> str:
    return hash_password(secrets.token_urlsafe(16))


def _matches(hasher: PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False

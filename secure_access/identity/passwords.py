"""Passwords: whose they are, without telling an unknown person from a wrong password."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from argon2.exceptions import InvalidHashError, VerificationError

from secure_access.db import Session
from secure_access.identity.people import Person, by_email


class PasswordHasher(Protocol):
    """The two calls of `argon2.PasswordHasher` that are used."""

    def hash(self, password: str, /) -> str: ...

    def verify(self, hashed: str, password: str, /) -> bool: ...


def check_password(session: Session, *, email: str, password: str, hasher: PasswordHasher) -> Person | None:
    """The person whose e-mail and password these are, or ``None``.

    Whoever it is, exactly one hash is verified: an unknown e-mail, a wrong password and an account whose
    password was reset cost the same time.
    """
    spare = _nobody(hasher.hash)
    person = by_email(session, email)
    known = person is not None and not person.suspended and person.ended_at is None
    stored = person.password_hash if person is not None else ""
    matches = _matches(hasher, stored or spare, password)
    return person if known and stored and matches else None


@lru_cache
def _nobody(hash_password: Callable[[str], str]) -> str:
    """A hash of a password that nobody knows."""
    return hash_password(secrets.token_urlsafe(16))


def _matches(hasher: PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False

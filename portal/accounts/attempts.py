"""How often signing in may fail, counted by where it comes from, so that nobody locks another out.

Nothing here is counted against an account alone. Failures with a password are counted by address and source,
and by source over all addresses; keys are counted apart, so that their owner comes in while a stranger types
passwords. Sources that one network shares share the wide limits, and wait at most a quarter of an hour.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy import delete, func

from secure_access.db import Field, Instant, Session, Table, classes, col, instant_column, new_id, select
from secure_access.workflow import Denied

WINDOW = timedelta(minutes=15)
BY_ADDRESS = 8
"""Failures with one e-mail address from one source in that time."""
BY_SOURCE = 200
"""Failures with any address from one source; and as many questions for a key, and wrong answers to them."""

_WAIT = f"Wait {WINDOW.seconds // 60} minutes, then try again"
_OR_A_KEY = f"{_WAIT}, or sign in with a passkey now."
_KEYS = ""
"""Stands where the address would: with a key nobody is named."""
_LONGEST = 254


class SignInAttempt(Table, table=True):
    """A failed sign-in, by the e-mail address that was typed and by where it came from.

    Without an address: a question for a key, or a wrong answer to one.
    """

    __tablename__ = "sign_in_attempt"
    __classes__ = classes(public="id at", restricted="email source")

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    email: str = Field(max_length=_LONGEST, index=True)
    source: str = Field(max_length=64)
    at: Instant = instant_column()


def source_of(address: str) -> str:
    """Where a request comes from, as it is counted: of IPv6 the network, since one sender has all of it."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or f"{IPv6Address(int(found) >> 64 << 64)}/64")


def refuse_too_many(session: Session, *, email: str, source: str) -> None:
    """Raises `Denied` where this address, or any from this source, failed too often with a password."""
    since = datetime.now(UTC) - WINDOW
    here = (SignInAttempt.source == source, col(SignInAttempt.at) > since, SignInAttempt.email != _KEYS)
    if _count(session, *here, SignInAttempt.email == _typed(email)) >= BY_ADDRESS:
        raise Denied("Too many wrong passwords were typed for this account from this machine.", _OR_A_KEY)
    if _count(session, *here) >= BY_SOURCE:
        raise Denied("Too many wrong passwords were typed from this network.", _OR_A_KEY)


def refuse_too_many_keys(session: Session, *, source: str) -> None:
    """Raises `Denied` where a source asked for keys, or answered wrongly, too often."""
    since = datetime.now(UTC) - WINDOW
    here = (SignInAttempt.source == source, col(SignInAttempt.at) > since, SignInAttempt.email == _KEYS)
    if _count(session, *here) >= BY_SOURCE:
        raise Denied("Too many sign-ins with a key were begun from this network.", f"{_WAIT}.")


def note(session: Session, *, email: str, source: str) -> None:
    """Count a failure with a password, and forget those that count no more."""
    _add(session, _typed(email), source)


def note_key(session: Session, *, source: str) -> None:
    """Count a question for a key, or a wrong answer to one."""
    _add(session, _KEYS, source)


def _typed(email: str) -> str:
    return email.strip().lower()[:_LONGEST] or " "


def _count(session: Session, *wanted: object) -> int:
    query = select(func.count()).select_from(SignInAttempt).where(*wanted)  # type: ignore[arg-type]
    return int(session.exec(query).one())


def _add(session: Session, email: str, source: str) -> None:
    now = datetime.now(UTC)
    session.execute(delete(SignInAttempt).where(col(SignInAttempt.at) < now - WINDOW))
    session.add(SignInAttempt(email=email, source=source, at=now))

"""Step-up: a fresh assertion of a key over exactly one act, on exactly what was shown.

What the key signs is SHA-256 of a domain tag and the canonical statement of the act: zone, session, person,
action, object, digest of the version shown, nonce, expiry. ``docs/reference/protocol.md`` fixes the bytes.
The challenge is used up in the transaction of the act, which states the act again from what stands in the
database then: where anything differs, the statement has another digest, and nothing was confirmed.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from secure_access.db import Session, Table
from secure_access.identity.challenges import Bound, Challenge, Purpose, keep, take
from secure_access.ledger import canonical, records

DOMAIN = b"assay.step-up/v1\0"
LIFE = timedelta(seconds=60)


@dataclass(frozen=True)
class Act:
    """One act of one person in one session. ``object`` is written kind:id, ``shown`` is a digest in hex."""

    zone: str
    session_id: uuid.UUID
    person_id: uuid.UUID
    action: str
    object: str
    shown: str

    @property
    def bound(self) -> Bound:
        """Where a challenge for this act is valid."""
        return Bound(Purpose.STEP_UP, self.zone, self.person_id, self.session_id)


def statement(act: Act, *, nonce: str, expires_at: datetime) -> bytes:
    """The canonical statement of an act: exactly these eight keys. Raises `canonical.NotCanonical`."""
    return canonical.encode(
        {
            "zone": act.zone,
            "session": str(act.session_id),
            "person": str(act.person_id),
            "action": act.action,
            "object": act.object,
            "shown": act.shown,
            "nonce": nonce,
            "expires": records.timestamp(expires_at),
        }
    )


def challenge(act: Act, *, nonce: str, expires_at: datetime) -> bytes:
    """The 32 bytes that a key signs for an act."""
    return hashlib.sha256(DOMAIN + statement(act, nonce=nonce, expires_at=expires_at)).digest()


def issue(session: Session, act: Act) -> bytes:
    """A challenge for this act, valid for 60 seconds of the machine's clock and for one use."""
    nonce, expires_at = secrets.token_hex(16), datetime.now(UTC) + LIFE
    made = challenge(act, nonce=nonce, expires_at=expires_at)
    keep(session, act.bound, made, expires_at=expires_at, nonce=nonce)
    return made


def consume(session: Session, act: Act, answered: bytes) -> Challenge | None:
    """Use the challenge up; ``None`` when it is not a live one of this person, session and zone."""
    return take(session, act.bound, answered)


def digest_of(session: Session, *rows: Table) -> str:
    """The digest of rows of record as the database holds them now: what stands for “the version shown”.

    SHA-256 in hex of the canonical list of the SHA-256 of each row's bytes, in the order given. Rows that
    are gone raise ``LookupError``.
    """
    session.flush()
    found = []
    for row in rows:
        kind = type(row)
        stored = records.read(session.connection(), kind, records.primary_key(row))
        if stored is None:
            raise LookupError(f"this {kind.__name__} is not in the database")
        found.append(hashlib.sha256(records.encode(kind, stored)).hexdigest())
    return hashlib.sha256(canonical.encode(found)).hexdigest()


def states(row: Challenge, act: Act) -> bool:
    """Whether a challenge was made for this very act, as it stands now."""
    return row.digest == challenge(act, nonce=row.nonce, expires_at=row.expires_at).hex()

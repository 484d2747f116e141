"""What the tree holds of an entry: a keyed commitment, which says nothing without its salt. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets

SALT_SIZE = 32


def fresh_salt() -> bytes:
    """32 random bytes, for one entry only."""
    return secrets.token_bytes(SALT_SIZE)


def commit(salt: bytes, entry: bytes) -> bytes:
    """The leaf: HMAC-SHA-256 under ``salt`` of the exact bytes. Raises ``ValueError`` for a bad salt."""
    if len(salt) != SALT_SIZE:
        raise ValueError(f"a salt has {SALT_SIZE} bytes")
    return hmac.digest(salt, entry, "sha256")


def fingerprint(salt: bytes) -> str:
    """SHA-256 in hex of a salt that stays secret, so that it cannot be exchanged; of no salt, empty."""
    return hashlib.sha256(salt).hexdigest() if salt else ""


def opens(leaf: bytes, salt: bytes, entry: bytes) -> bool:
    """Whether ``leaf`` is the commitment to ``entry`` under ``salt``."""
    return len(salt) == SALT_SIZE and hmac.compare_digest(leaf, commit(salt, entry))

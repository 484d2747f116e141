"""The copies of a plan key: sealed under the key of a monthly epoch, and nested to two custody officers.

Officers have keys of the default suite, X-Wing. Source: docs/reference/protocol.md, “Copies of a plan key”.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_access.custodian.enrolment import Officer
from secure_access.sealing import SealingError, hpke

SEED = hpke.SEED
DOMAIN = b"assay.key-copy/v1\0"
_NONCE = 12


class CannotOpen(Exception):
    """A copy does not open: another key, another plan, another officer, or altered. Never says which."""


def under_epoch(key: bytes, private: bytes, fingerprint: str, epoch: str) -> bytes:
    """A plan's private key under the key of an epoch."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, private, _bound(fingerprint, epoch))


def from_epoch(key: bytes, copy: bytes, fingerprint: str, epoch: str) -> bytes:
    """The private key again. Raises `CannotOpen`."""
    try:
        return AESGCM(key).decrypt(copy[:_NONCE], copy[_NONCE:], _bound(fingerprint, epoch))
    except (InvalidTag, ValueError):
        raise CannotOpen("this epoch does not open this copy") from None


def for_recovery(private: bytes, fingerprint: str, first: Officer, second: Officer) -> bytes:
    """A copy that opens with the keys of both officers, the first one's outside."""
    inner = hpke.seal(hpke.XWING, second.open, private, _info(fingerprint, second.id))
    return hpke.seal(hpke.XWING, first.open, inner, _info(fingerprint, first.id))


def open_outer(copy: bytes, fingerprint: str, officer: str, private: bytes) -> bytes:
    """What the first officer does with a recovery copy; the second goes on with the result."""
    try:
        return hpke.unseal(hpke.XWING, private, copy, _info(fingerprint, officer))
    except SealingError:
        raise CannotOpen("this key does not open this copy") from None


def recover(copy: bytes, fingerprint: str, first: tuple[str, bytes], second: tuple[str, bytes]) -> bytes:
    """A plan's private key from a recovery copy and both officers' (id, private key). Raises `CannotOpen`."""
    return open_outer(open_outer(copy, fingerprint, *first), fingerprint, *second)


def _bound(fingerprint: str, epoch: str) -> bytes:
    return DOMAIN + fingerprint.encode() + DOMAIN + epoch.encode()


def _info(fingerprint: str, officer: str) -> bytes:
    return DOMAIN + fingerprint.encode() + b"\0" + officer.encode()

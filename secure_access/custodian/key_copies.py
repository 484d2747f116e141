"""The copies of a plan key: sealed under the key of a monthly epoch, and nested to two custody officers.

HPKE stands here in four small functions until `secure_access.sealing` has its suites; nothing else of the
custodian touches a primitive. Source: docs/reference/protocol.md, “Copies of a plan key”.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from secure_access.custodian.enrolment import Officer

SUITE = "xwing/v1"
SEED = 32
DOMAIN = b"assay.key-copy/v1\0"
_NONCE = 12
_XWING = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class CannotOpen(Exception):
    """A copy does not open: another key, another plan, another officer, or altered. Never says which."""


def new_private() -> bytes:
    """A fresh private key: the seed of X-Wing."""
    return secrets.token_bytes(SEED)


def public_of(private: bytes) -> bytes:
    """The public key of a private one: ML-KEM-768, then X25519."""
    lattice, curve = _parts(private)
    return lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def seal(public: bytes, plain: bytes, info: bytes) -> bytes:
    """The encapsulated key, then ``plain`` sealed under it and bound to ``info``. Raises ``ValueError``."""
    lattice = MLKEM768PublicKey.from_public_bytes(public[:-32])
    key = MLKEM768X25519PublicKey(lattice, X25519PublicKey.from_public_bytes(public[-32:]))
    return _XWING.encrypt(plain, key, info=info)


def unseal(private: bytes, sealed: bytes, info: bytes) -> bytes:
    """What was sealed. Raises `CannotOpen`."""
    try:
        return _XWING.decrypt(sealed, MLKEM768X25519PrivateKey(*_parts(private)), info=info)
    except (InvalidTag, ValueError):
        raise CannotOpen("this key does not open this copy") from None


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
    inner = seal(second.open, private, _info(fingerprint, second.id))
    return seal(first.open, inner, _info(fingerprint, first.id))


def open_outer(copy: bytes, fingerprint: str, officer: str, private: bytes) -> bytes:
    """What the first officer does with a recovery copy; the second goes on with the result."""
    return unseal(private, copy, _info(fingerprint, officer))


def recover(copy: bytes, fingerprint: str, first: tuple[str, bytes], second: tuple[str, bytes]) -> bytes:
    """A plan's private key from a recovery copy and both officers' (id, private key). Raises `CannotOpen`."""
    return open_outer(open_outer(copy, fingerprint, *first), fingerprint, *second)


def _parts(private: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(private).digest(96)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


def _bound(fingerprint: str, epoch: str) -> bytes:
    return DOMAIN + fingerprint.encode() + DOMAIN + epoch.encode()


def _info(fingerprint: str, officer: str) -> bytes:
    return DOMAIN + fingerprint.encode() + b"\0" + officer.encode()

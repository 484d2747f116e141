"""Sealing a few bytes to a recipient: HPKE in base mode, in one of two suites. Nothing is negotiated.

A private key is a seed of 32 bytes in both suites, from which SHAKE-256 makes the two keys of the hybrid: an
attacker has to break both of them, the one that a quantum computer breaks and the one that is young. Who
sealed is not proved; whoever needs that signs what was sealed.

Sources: RFC 9180; draft-connolly-cfrg-xwing-kem-08; draft-ietf-hpke-pq-03.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    MLKEM1024P384PrivateKey,
    MLKEM1024P384PublicKey,
)
from cryptography.hazmat.primitives.hpke import Suite as Primitive

from secure_access.sealing.chunked import BadKey, Buffer, SealingError

SEED = 32
"""Bytes of a private key."""
TAG = 16
_MLKEM_SEED = 64
_RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw
_POINT = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint

Private = MLKEM768X25519PrivateKey | MLKEM1024P384PrivateKey
Public = MLKEM768X25519PublicKey | MLKEM1024P384PublicKey


class UnknownSuite(SealingError):
    """The name of a suite that this version does not have."""


class CannotOpen(SealingError):
    """The sealed bytes do not open: another key, another ``info``, altered, or of another length."""


@dataclass(frozen=True)
class HpkeSuite:
    """A KEM with its KDF and AEAD, fixed for the life of a key. Lengths in bytes."""

    name: str
    public: int
    encapsulation: int
    primitive: Primitive
    keys: Callable[[bytes], tuple[Private, bytes]]
    """The private key of a seed, and the encoded public one."""
    read: Callable[[bytes], Public]
    """The public key of its encoding; raises ``ValueError``."""

    def overhead(self) -> int:
        """Bytes that sealing adds."""
        return self.encapsulation + TAG


def _xwing(seed: bytes) -> tuple[Private, bytes]:
    expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED + 32)
    lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED])
    curve = x25519.X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes(*_RAW)
    return MLKEM768X25519PrivateKey(lattice, curve), public


def _xwing_public(encoded: bytes) -> Public:
    lattice = mlkem.MLKEM768PublicKey.from_public_bytes(encoded[:-32])
    return MLKEM768X25519PublicKey(lattice, x25519.X25519PublicKey.from_public_bytes(encoded[-32:]))


def _mlkem1024_p384(seed: bytes) -> tuple[Private, bytes]:
    expanded = hashlib.shake_256(seed).digest(_MLKEM_SEED + 48)
    lattice = mlkem.MLKEM1024PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED])
    # One seed in 2**190 names no scalar. The draft then takes the next 48 bytes; we refuse that seed.
    curve = ec.derive_private_key(int.from_bytes(expanded[_MLKEM_SEED:], "big"), ec.SECP384R1())
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes(*_POINT)
    return MLKEM1024P384PrivateKey(lattice, curve), public


def _mlkem1024_p384_public(encoded: bytes) -> Public:
    lattice = mlkem.MLKEM1024PublicKey.from_public_bytes(encoded[:-97])
    if encoded[-97] != 4:
        raise ValueError("the point is not in the uncompressed form")
    return MLKEM1024P384PublicKey(
        lattice, ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), encoded[-97:])
    )


XWING = HpkeSuite(
    "xwing/v1",
    1184 + 32,
    1088 + 32,
    Primitive(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    _xwing,
    _xwing_public,
)
MLKEM1024_P384 = HpkeSuite(
    "mlkem1024-p384/v1",
    1568 + 97,
    1568 + 97,
    Primitive(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM),
    _mlkem1024_p384,
    _mlkem1024_p384_public,
)
SUITES: Mapping[str, HpkeSuite] = {suite.name: suite for suite in (XWING, MLKEM1024_P384)}


def suite_of(name: str) -> HpkeSuite:
    """The suite of that name. Raises `UnknownSuite`."""
    if name not in SUITES:
        raise UnknownSuite(f"the suite {name[:40]!r} is not one of {', '.join(SUITES)}")
    return SUITES[name]


def new_private(suite: HpkeSuite = XWING) -> bytes:
    """A fresh private key: the seed."""
    seed = secrets.token_bytes(SEED)
    public_of(suite, seed)
    return seed


def public_of(suite: HpkeSuite, private: bytes) -> bytes:
    """The encoded public key of a private one. Raises `BadKey`."""
    return _keys(suite, private)[1]


def check_public(suite: HpkeSuite, public: bytes) -> None:
    """Raises `BadKey` unless something can be sealed to this public key."""
    seal(suite, public, b"", b"")


def seal(suite: HpkeSuite, public: bytes, plain: Buffer, info: bytes) -> bytes:
    """The encapsulated key, then ``plain`` sealed under it and bound to ``info``. Raises `BadKey`."""
    key = _public(suite, public)
    try:
        return suite.primitive.encrypt(plain, key, info=info)
    except ValueError:
        raise BadKey(f"nothing can be sealed to this public key of {suite.name}") from None


def unseal(suite: HpkeSuite, private: bytes, sealed: Buffer, info: bytes) -> bytes:
    """What was sealed. Raises `BadKey` or `CannotOpen`, which never says which of its reasons it was."""
    key, _ = _keys(suite, private)
    try:
        return suite.primitive.decrypt(sealed, key, info=info)
    except (InvalidTag, ValueError):
        raise CannotOpen("this key and purpose do not open these bytes") from None


def _keys(suite: HpkeSuite, private: bytes) -> tuple[Private, bytes]:
    if len(private) != SEED:
        raise BadKey(f"a private key of {suite.name} is {SEED} bytes, not {len(private)}")
    try:
        return suite.keys(private)
    except ValueError:
        raise BadKey(f"these bytes are no private key of {suite.name}") from None


def _public(suite: HpkeSuite, public: bytes) -> Public:
    if len(public) != suite.public:
        raise BadKey(f"a public key of {suite.name} is {suite.public} bytes, not {len(public)}")
    try:
        return suite.read(public)
    except ValueError:
        raise BadKey(f"these bytes are no public key of {suite.name}") from None

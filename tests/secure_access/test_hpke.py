"""HPKE against published vectors, and against what must not open.

The published vectors have other AEADs than ours, or an ``aad``, which we do not use. So they check a key
schedule that is written out here from RFC 9180, and that key schedule checks our suites with the published
encapsulations and shared secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_access.sealing import BadKey, hpke
from secure_access.sealing.hpke import MLKEM1024_P384, SUITES, XWING, CannotOpen, HpkeSuite

VECTORS = json.loads((Path(__file__).parent / "vectors" / "hpke_pyca.json").read_text())
KEM_OF = {0x647A: XWING, 0x51: MLKEM1024_P384}
IDS = {XWING: (0x647A, 1, 2), MLKEM1024_P384: (0x51, 2, 2)}
HASHES = {1: "sha256", 2: "sha384", 3: "sha512"}
BOTH = pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
PQ = [pytest.param(one, id=f"{one['kem_id']:#x}-{one['kdf_id']}") for one in VECTORS["hpke_pq"]]
TWO_STAGE = [one for one in [*VECTORS["hpke_pq"], *VECTORS["rfc9180"]] if one["kdf_id"] in HASHES]


def key_schedule(shared: bytes, info: bytes, kem: int, kdf: int, aead: int) -> tuple[bytes, bytes]:
    """Key and base nonce of base mode, RFC 9180 section 5.1, for the two-stage KDFs and keys of 32 bytes."""
    suite_id = b"HPKE" + b"".join(one.to_bytes(2, "big") for one in (kem, kdf, aead))
    hashed = HASHES[kdf]

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        salt = salt or bytes(hashlib.new(hashed).digest_size)
        return hmac.digest(salt, b"HPKE-v1" + suite_id + label + ikm, hashed)

    def expand(prk: bytes, label: bytes, context: bytes, length: int) -> bytes:
        labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + context
        return hmac.digest(prk, labelled + b"\1", hashed)[:length]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)


def test_all_vectors_are_there() -> None:
    assert [one["kem_id"] for one in VECTORS["hpke_pq"]] == [0x647A, 0x51, 0x647A]
    assert len(TWO_STAGE) == 4


@pytest.mark.parametrize("vector", TWO_STAGE, ids=lambda one: f"{one['kem_id']:#x}-{one['kdf_id']}")
def test_published_key_schedule(vector: dict[str, Any]) -> None:
    info = bytes.fromhex(vector["info"])
    ids = (vector["kem_id"], vector["kdf_id"], vector["aead_id"])
    key, nonce = key_schedule(bytes.fromhex(vector["shared_secret"]), info, *ids)
    assert (key.hex(), nonce.hex()) == (vector["key"], vector["base_nonce"])
    first = {name: bytes.fromhex(value) for name, value in vector["encryption"].items()}
    aead = AESGCM(key) if vector["aead_id"] == 2 else ChaCha20Poly1305(key)
    assert aead.encrypt(nonce, first["pt"], first["aad"]) == first["ct"]


@pytest.mark.parametrize("vector", PQ)
def test_published_seed_gives_the_published_public_key(vector: dict[str, Any]) -> None:
    suite = KEM_OF[vector["kem_id"]]
    public = hpke.public_of(suite, bytes.fromhex(vector["skRm"]))
    assert public.hex() == vector["pkRm"]
    hpke.check_public(suite, public)


@pytest.mark.parametrize("vector", PQ)
@pytest.mark.parametrize("info", [b"", b"assay.section-key/v1\0{}"])
def test_published_encapsulation_opens_in_our_suite(vector: dict[str, Any], info: bytes) -> None:
    suite = KEM_OF[vector["kem_id"]]
    key, nonce = key_schedule(bytes.fromhex(vector["shared_secret"]), info, *IDS[suite])
    sealed = bytes.fromhex(vector["enc"]) + AESGCM(key).encrypt(nonce, b"k" * 32, b"")
    assert hpke.unseal(suite, bytes.fromhex(vector["skRm"]), sealed, info) == b"k" * 32
    with pytest.raises(CannotOpen):
        hpke.unseal(suite, bytes.fromhex(vector["skRm"]), sealed, info + b"x")


@BOTH
def test_lengths(suite: HpkeSuite) -> None:
    private = hpke.new_private(suite)
    public = hpke.public_of(suite, private)
    sealed = hpke.seal(suite, public, bytes(32), b"")
    assert (len(private), len(public)) == (32, suite.public)
    assert len(sealed) == suite.overhead() + 32
    assert {XWING: 1120, MLKEM1024_P384: 1665}[suite] == suite.encapsulation


@BOTH
def test_never_sealed_alike(suite: HpkeSuite) -> None:
    public = hpke.public_of(suite, hpke.new_private(suite))
    assert hpke.seal(suite, public, b"same", b"") != hpke.seal(suite, public, b"same", b"")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(SUITES.values())),
    st.binary(max_size=80),
    st.binary(max_size=300),
    st.integers(0, 2**16),
    st.integers(0, 7),
)
def test_one_flipped_bit_is_refused(suite: HpkeSuite, plain: bytes, info: bytes, at: int, bit: int) -> None:
    private = hpke.new_private(suite)
    sealed = bytearray(hpke.seal(suite, hpke.public_of(suite, private), plain, info))
    assert hpke.unseal(suite, private, sealed, info) == plain
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises(CannotOpen):
        hpke.unseal(suite, private, sealed, info)


@BOTH
def test_other_key_other_suite_other_length(suite: HpkeSuite) -> None:
    private = hpke.new_private(suite)
    sealed = hpke.seal(suite, hpke.public_of(suite, private), bytes(32), b"i")
    other = next(one for one in SUITES.values() if one != suite)
    refused = [
        (suite, hpke.new_private(suite), sealed),
        (other, private, sealed),
        (suite, private, sealed[:-1]),
        (suite, private, sealed + b"\0"),
        (suite, private, sealed[1:]),
        (suite, private, sealed[: suite.encapsulation]),
        (suite, private, b""),
    ]
    for kind, key, given_bytes in refused:
        with pytest.raises(CannotOpen):
            hpke.unseal(kind, key, given_bytes, b"i")


@BOTH
def test_what_is_no_key(suite: HpkeSuite) -> None:
    public = bytearray(hpke.public_of(suite, hpke.new_private(suite)))
    for length in (0, 31, 33):
        with pytest.raises(BadKey, match=f"32 bytes, not {length}"):
            hpke.public_of(suite, bytes(length))
    for wrong in (public[:-1], public + b"\0", b""):
        with pytest.raises(BadKey, match="public key"):
            hpke.check_public(suite, bytes(wrong))
    # A coefficient of ML-KEM that is not reduced: FIPS 203, section 7.2.
    with pytest.raises(BadKey, match="no public key"):
        hpke.seal(suite, b"\xff\xff\xff" + bytes(public[3:]), b"", b"")


def test_a_point_of_p384_is_uncompressed_and_on_the_curve() -> None:
    public = hpke.public_of(MLKEM1024_P384, hpke.new_private(MLKEM1024_P384))
    lattice, point = public[:-97], public[-97:]
    for wrong in (b"\x02" + point[1:], b"\x00" * 97, point[:-1] + bytes([point[-1] ^ 1])):
        with pytest.raises(BadKey, match="no public key"):
            hpke.check_public(MLKEM1024_P384, lattice + wrong)


def test_a_seed_that_names_no_scalar_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shake:
        def __init__(self, _seed: bytes) -> None:
            pass

        def digest(self, length: int) -> bytes:
            return b"\xff" * length

    monkeypatch.setattr(hashlib, "shake_256", Shake)
    with pytest.raises(BadKey, match="no private key"):
        hpke.public_of(MLKEM1024_P384, bytes(32))


def test_a_suite_that_is_not_there() -> None:
    assert hpke.suite_of("xwing/v1") is XWING
    with pytest.raises(hpke.UnknownSuite, match="xwing/v2"):
        hpke.suite_of("xwing/v2")


def test_the_low_order_point_of_x25519_is_refused_when_sealing() -> None:
    public = hpke.public_of(XWING, hpke.new_private(XWING))
    with pytest.raises(BadKey):
        hpke.seal(XWING, public[:-32] + bytes(32), bytes(32), b"")

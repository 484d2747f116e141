"""The file format against published vectors, against a second implementation, and against damage."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.cobblestone import (
    Cobblestone128Decryptor,
    Cobblestone128Encryptor,
    Cobblestone256Decryptor,
    Cobblestone256Encryptor,
)
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_access.sealing import (
    CHUNK,
    COBBLESTONE_128,
    COBBLESTONE_256,
    HEADER,
    MAX_CHUNKS,
    SEALED_CHUNK,
    TAG,
    Altered,
    BadKey,
    Opener,
    Sealer,
    SealingError,
    TooLong,
    Truncated,
    WrongKey,
    new_key,
    plain_size,
    seal,
    sealed_size,
    unseal,
)

VECTORS = Path(__file__).parent / "vectors"
SHA256_SUITES = {suite.aead: replace(suite, digest=SHA256) for suite in (COBBLESTONE_128, COBBLESTONE_256)}
EDGES = [0, 1, TAG, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 77]


def _pyca() -> list[Any]:
    vectors = json.loads((VECTORS / "chunked_encryption_pyca.json").read_text())["vectors"]
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


def _ciphertext(vector: dict[str, Any]) -> bytes:
    raw = base64.b64decode(vector["ciphertext"] or "")
    return zlib.decompress(raw) if vector.get("compressed") else raw


def _open(opener: Opener, sealed: bytes, step: int) -> tuple[bytes, SealingError | None]:
    """What came out before the end or the first error, and the error."""
    plain = bytearray()
    try:
        for at in range(0, len(sealed), step):
            plain += opener.update(sealed[at : at + step])
        plain += opener.finish()
    except SealingError as error:
        return bytes(plain), error
    return bytes(plain), None


def sealed_whole(plain: bytes, key: bytes, context: bytes = b"document:1") -> bytes:
    return b"".join(seal([plain], key, context))


def test_all_vectors_are_there() -> None:
    vectors = [param.values[0] for param in _pyca()]
    outcomes = [vector["expect"] for vector in vectors]
    assert (outcomes.count("success"), outcomes.count("failure")) == (18, 50)


@pytest.mark.parametrize("vector", _pyca())
@pytest.mark.parametrize("step", [HEADER, SEALED_CHUNK, 64 * SEALED_CHUNK])
def test_published_vector_with_sha256(vector: dict[str, Any], step: int) -> None:
    key, context = bytes.fromhex(vector["key"]), vector["context"].encode()
    sealed, suite = _ciphertext(vector), SHA256_SUITES[vector["aead"]]
    try:
        opener = Opener(key, context, suite=suite)
    except BadKey:
        assert vector["expect"] == "failure"
        assert len(key) != suite.key_length
        return
    plain, error = _open(opener, sealed, step)
    assert (error is None) == (vector["expect"] == "success")
    if error is None:
        assert hashlib.sha256(plain).hexdigest() == vector["payload_sha256"]
        sealer = Sealer(key, context, suite=suite, salt=sealed[:24])
        assert sealer.header + sealer.update(plain) + sealer.finish() == sealed
        assert plain_size(len(sealed)) == len(plain) == vector["payload_length"]
    else:
        assert len(plain) <= (vector.get("payload_length") or 0)
        with pytest.raises(SealingError):
            opener.update(b"more")
        with pytest.raises(SealingError):
            opener.finish()


def _wycheproof() -> list[Any]:
    tests = json.loads((VECTORS / "cobblestone_256_wycheproof.json").read_text())["tests"]
    return [pytest.param(test, id=f"{test['tcId']} {test['comment']}") for test in tests]


@pytest.mark.parametrize("test", _wycheproof())
@pytest.mark.parametrize("step", [1, SEALED_CHUNK, 64 * SEALED_CHUNK])
def test_wycheproof(test: dict[str, Any], step: int) -> None:
    key, context = bytes.fromhex(test["key"]), bytes.fromhex(test["ctx"])
    sealed = zlib.decompress(bytes.fromhex(test["ct"]))
    if "InvalidKeySize" in test["flags"]:
        with pytest.raises(BadKey):
            Opener(key, context)
        return
    opener = Opener(key, context)
    plain, error = _open(opener, sealed, step)
    if test["result"] == "valid":
        assert error is None
        assert (len(plain), hashlib.sha512(plain).hexdigest()) == (test["msgLength"], test["msgSha512"])
        sealer = Sealer(key, context, salt=sealed[:24])
        assert sealer.header + sealer.update(plain) + sealer.finish() == sealed
        return
    assert error is not None
    assert len(plain) <= test.get("msgLength", 0)
    if step < SEALED_CHUNK:
        assert len(plain) == test.get("msgLength", 0)
    if "HeaderFailure" in test["flags"]:
        assert isinstance(error, WrongKey | Truncated)
    with pytest.raises(SealingError):
        opener.finish()


def test_wycheproof_vectors_are_there() -> None:
    results = [param.values[0]["result"] for param in _wycheproof()]
    assert (results.count("valid"), results.count("invalid")) == (7, 25)


@pytest.mark.parametrize("length", EDGES)
def test_second_implementation_opens_ours_and_we_open_its(length: int) -> None:
    plain = bytes(range(256)) * (length // 256 + 1)
    plain = plain[:length]
    for suite, encryptor, decryptor in [
        (COBBLESTONE_256, Cobblestone256Encryptor, Cobblestone256Decryptor),
        (COBBLESTONE_128, Cobblestone128Encryptor, Cobblestone128Decryptor),
    ]:
        key = new_key(suite)
        sealer = Sealer(key, b"c", suite=suite)
        ours = sealer.header + sealer.update(plain) + sealer.finish()
        theirs = decryptor(key, b"c")
        assert theirs.update(bytes(ours)) + theirs.finalize() == plain
        other = encryptor(key, b"c")
        made = other.update(plain) + other.finalize()
        assert _open(Opener(key, b"c", suite=suite), made, 1000) == (plain, None)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 4 * CHUNK),
    st.lists(st.integers(1, 3 * CHUNK), min_size=1, max_size=6),
    st.binary(max_size=40),
)
def test_any_division_into_blocks_gives_the_same_file(length: int, cuts: list[int], context: bytes) -> None:
    plain = hashlib.shake_256(str(length).encode()).digest(length)
    key, salt = new_key(), b"s" * 24
    whole = Sealer(key, context, salt=salt)
    expected = whole.header + whole.update(plain) + whole.finish()
    parts, sealer, at = bytearray(), Sealer(key, context, salt=salt), 0
    parts += sealer.header
    for index in range(1000):
        cut = cuts[index % len(cuts)]
        parts += sealer.update(plain[at : at + cut])
        at += cut
        if at >= length:
            break
    parts += sealer.update(plain[at:]) + sealer.finish()
    assert parts == expected
    assert len(expected) == sealed_size(length)
    assert b"".join(unseal([expected], key, context)) == plain
    assert _open(Opener(key, context), expected, cuts[0]) == (plain, None)


@pytest.mark.parametrize("length", EDGES)
def test_sizes(length: int) -> None:
    sealed = sealed_whole(b"x" * length, new_key())
    assert len(sealed) == sealed_size(length)
    assert plain_size(len(sealed)) == length


@pytest.mark.parametrize(
    "sealed", [0, HEADER, HEADER + TAG - 1, HEADER + SEALED_CHUNK, HEADER + SEALED_CHUNK + TAG - 1]
)
def test_a_size_that_no_file_has(sealed: int) -> None:
    with pytest.raises(Truncated):
        plain_size(sealed)


def test_opens_from_any_chunk() -> None:
    key = new_key()
    plain = hashlib.shake_256(b"seek").digest(3 * CHUNK + 5)
    sealed = sealed_whole(plain, key)
    for first in range(4):
        opener = Opener(key, b"document:1", header=sealed[:HEADER], first=first)
        rest = opener.update(sealed[HEADER + first * SEALED_CHUNK :]) + opener.finish()
        assert rest == plain[first * CHUNK :]
    moved = Opener(key, b"document:1", header=sealed[:HEADER], first=2)
    with pytest.raises(Altered, match="chunk 2"):
        moved.update(sealed[HEADER : HEADER + SEALED_CHUNK])


def test_wrong_key_and_wrong_context_are_refused_before_any_chunk() -> None:
    key = new_key()
    sealed = sealed_whole(b"secret", key)
    for other, context in [(new_key(), b"document:1"), (key, b"document:2"), (key, b"document:1\0")]:
        with pytest.raises(WrongKey):
            Opener(other, context).update(sealed[:HEADER])


@pytest.mark.parametrize("at", [0, 23, 24, 55, HEADER, HEADER + SEALED_CHUNK - 1, HEADER + SEALED_CHUNK, -1])
def test_one_flipped_bit_is_refused(at: int) -> None:
    key = new_key()
    sealed = bytearray(sealed_whole(b"a" * (CHUNK + 3), key))
    sealed[at] ^= 1
    with pytest.raises((WrongKey, Altered)):
        b"".join(unseal([sealed], key, b"document:1"))


def test_cut_off_swapped_repeated_and_longer_files_are_refused() -> None:
    key = new_key()
    sealed = sealed_whole(bytes(2 * CHUNK + 9), key)
    head, one, two, last = (
        sealed[:HEADER],
        *(sealed[HEADER + i * SEALED_CHUNK :][:SEALED_CHUNK] for i in range(3)),
    )
    cut = [b"", head[:-1], head, head + one, head + one + two, sealed[:-1]]
    moved = [head + two + one + last, head + one + one + two + last, head + one + last]
    for damaged in [*cut, *moved, sealed + b"\0", sealed + last]:
        with pytest.raises((Truncated, Altered)):
            b"".join(unseal([damaged], key, b"document:1"))


def test_nothing_after_the_end() -> None:
    sealer = Sealer(new_key(), b"")
    sealer.finish()
    with pytest.raises(SealingError, match="finished"):
        sealer.update(b"x")
    with pytest.raises(SealingError, match="finished"):
        sealer.finish()


def test_wrong_lengths_of_key_salt_and_header() -> None:
    with pytest.raises(BadKey, match="32 bytes, not 16"):
        Sealer(bytes(16), b"")
    with pytest.raises(BadKey, match="32 bytes, not 31"):
        Opener(bytes(31), b"")
    with pytest.raises(BadKey, match="salt"):
        Sealer(bytes(32), b"", salt=bytes(23))
    with pytest.raises(Truncated, match="header"):
        Opener(bytes(32), b"", header=bytes(55))


def test_the_format_ends_at_two_to_the_thirty_eight_chunks() -> None:
    key = new_key()
    sealer = Sealer(key, b"")
    sealer._next = MAX_CHUNKS - 1
    sealer.update(bytes(CHUNK))
    with pytest.raises(TooLong):
        sealer.finish()
    opener = Opener(key, b"", header=sealer.header, first=MAX_CHUNKS)
    with pytest.raises(TooLong):
        opener.update(bytes(SEALED_CHUNK))


def test_the_same_plaintext_is_never_sealed_alike() -> None:
    key = new_key()
    assert sealed_whole(b"same", key) != sealed_whole(b"same", key)

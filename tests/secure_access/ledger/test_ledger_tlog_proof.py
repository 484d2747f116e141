"""C2SP tlog-proof: the cases of the reference implementation, and ours."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_access.ledger.tlog_proof import HEADER, BadProof, TlogProof

ONE, TWO = (hashlib.sha256(text).digest() for text in (b"hash1", b"hash2"))


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@pytest.mark.parametrize(
    ("proof", "wanted"),
    [
        (
            TlogProof(5, (ONE, TWO), "test checkpoint\n"),
            f"{HEADER}\nindex 5\n{b64(ONE)}\n{b64(TWO)}\n\ntest checkpoint\n",
        ),
        (
            TlogProof(10, (ONE,), "checkpoint data\n", b"extra information"),
            f"{HEADER}\nextra {b64(b'extra information')}\nindex 10\n{b64(ONE)}\n\ncheckpoint data\n",
        ),
        (TlogProof(0, (), "checkpoint\n"), f"{HEADER}\nindex 0\n\ncheckpoint\n"),
    ],
)
def test_it_is_written_and_read_as_the_reference_does(proof: TlogProof, wanted: str) -> None:
    assert proof.marshal() == wanted
    assert TlogProof.parse(wanted) == proof


BAD = {
    "missing header": ("wrong-header\nindex 0\n\ncheckpoint\n", "first line"),
    "bad extra": (f"{HEADER}\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n", "extra is not base64"),
    "missing index": (f"{HEADER}\n\n\ncheckpoint\n", "index is missing"),
    "nothing after the header": (HEADER, "index is missing"),
    "not a number": (f"{HEADER}\nindex notanumber\n\ncheckpoint\n", "not a number"),
    "negative": (f"{HEADER}\nindex -5\n\ncheckpoint\n", "not a number"),
    "leading zero": (f"{HEADER}\nindex 05\n\ncheckpoint\n", "not a number"),
    "more than 64 bits": (f"{HEADER}\nindex {2**64}\n\ncheckpoint\n", "not a number"),
    "digits of another script": (f"{HEADER}\nindex ٥\n\ncheckpoint\n", "not a number"),
    "bad base64": (f"{HEADER}\nindex 0\n!!notbase64!!\n\ncheckpoint\n", "a hash is not base64"),
    "wrong hash length": (f"{HEADER}\nindex 0\n{b64(bytes(64))}\n\ncheckpoint\n", "64 bytes"),
    "base64 with bits left over": (f"{HEADER}\nindex 0\n{b64(ONE)[:-2]}x=\n\nc\n", "one form"),
    "too large line": (f"{HEADER}\nindex 0\n{'a' * 65 * 1024}\n", "longer than"),
    "no empty line": (f"{HEADER}\nindex 0\n{b64(ONE)}", "no empty line"),
    "no checkpoint": (f"{HEADER}\nindex 0\n\n", "no checkpoint"),
    "carriage returns": (f"{HEADER}\r\nindex 0\r\n\r\nc\r\n", "first line"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_proof_is_refused(name: str) -> None:
    text, why = BAD[name]
    with pytest.raises(BadProof, match=why):
        TlogProof.parse(text)


def test_what_would_not_be_read_again_is_not_written() -> None:
    for proof in (TlogProof(-1, (), "c\n"), TlogProof(0, (b"short",), "c\n"), TlogProof(0, (), "")):
        with pytest.raises(BadProof):
            proof.marshal()


@given(
    index=st.integers(0, 2**64 - 1),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=64),
    checkpoint=st.text(min_size=1),
    extra=st.none() | st.binary(max_size=64),
)
def test_every_proof_comes_back(
    index: int, hashes: list[bytes], checkpoint: str, extra: bytes | None
) -> None:
    proof = TlogProof(index, tuple(hashes), checkpoint, extra)
    assert TlogProof.parse(proof.marshal()) == proof


@given(st.text())
def test_whatever_is_read_is_a_proof_or_refused(text: str) -> None:
    try:
        proof = TlogProof.parse(text)
    except BadProof:
        return
    assert proof.marshal() == text

"""Signed notes and checkpoints against the public samples, our own keys, and damage."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_access.keys import SigningKey
from secure_access.ledger import note
from secure_access.ledger.commitment import commit, fresh_salt, opens
from secure_access.ledger.note import Checkpoint, NoteError, VerifierKey

HEAD = Checkpoint("log.example/public", 3, b"\x07" * 32)


def key(name: str = HEAD.origin, seed: int = 1) -> SigningKey:
    return SigningKey(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


# The example of C2SP tlog-cosignature: a note whose key we do not have still parses and prints alike.
PUBLISHED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9n"
    "To+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf"
    "5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def test_published_notes_verify(shared: Path) -> None:
    for sample in json.loads((shared / "data" / "tlog" / "signed_note_sample.json").read_text()):
        parsed = note.parse(sample["note"])
        keys = [VerifierKey.parse(key) for key in sample["keys"]]
        assert [str(key) for key in keys] == sample["keys"]
        assert [key.name for key in parsed.verified(keys)] == sample["verified"]
        assert str(parsed) == sample["note"]
        with pytest.raises(NoteError, match="false"):
            note.parse(sample["note"].replace("answer", "anwser")).verified(keys)


def test_published_checkpoint_parses() -> None:
    parsed = note.parse(PUBLISHED)
    head = Checkpoint.parse(parsed.text)
    assert (head.origin, head.size, head.text) == ("example.com/behind-the-sofa", 20852163, parsed.text)
    assert [line.name for line in parsed.signatures] == [
        "example.com/behind-the-sofa",
        "witness.example.com/w1",
    ]
    assert str(parsed) == PUBLISHED


def test_log_and_witness_sign_and_verify() -> None:
    log, witness = key(), key("witness.example", 2)
    signed = note.sign(HEAD.text, log)
    line = note.cosign(HEAD.text, witness, 1_820_000_000)
    both = note.parse(str(signed) + str(line))
    assert str(VerifierKey(log.name, log.public)) == log.verifier
    keys = [
        VerifierKey(HEAD.origin, log.public),
        VerifierKey("witness.example", witness.public, note.COSIGNATURE_KEY),
    ]
    assert both.verified(keys) == tuple(keys)
    assert [VerifierKey.parse(str(key)) for key in keys] == keys
    assert both.verified(keys[:1]) == (keys[0],)
    moved = note.cosign(HEAD.text, witness, 1_820_000_001)
    forged = note.Signature(line.name, line.key_id, moved.signature[:8] + line.signature[8:])
    with pytest.raises(NoteError, match=r"witness\.example is false"):
        note.parse(str(signed) + str(forged)).verified(keys)


def test_a_note_that_no_known_key_signed_is_rejected() -> None:
    signed = note.sign(HEAD.text, key())
    with pytest.raises(NoteError, match="no known key"):
        signed.verified([VerifierKey(HEAD.origin, key(seed=3).public)])


def test_a_key_id_cut_to_a_short_signature_is_false_not_an_error() -> None:
    known = VerifierKey(HEAD.origin, key().public)
    spoilt = note.Note(HEAD.text, (note.Signature(known.name, known.id, b"x"),))
    with pytest.raises(NoteError, match="false"):
        spoilt.verified([known])


@pytest.mark.parametrize(
    "text",
    [
        "no signatures\n",
        "text\n\n",
        "text\n\nnot a signature\n",
        "text\n\n— name ####\n",
        "text\n\n— name AAAAAQ==",
        "text\n\n— name AAAAAA==\n",
        "text\n\n— na+me AAAAAAAA\n",
        "tab\there\n\n— name AAAAAAAA\n",
        "text\n\n— name AAAAAAB=\n",
        "text\n\n— name AAAAAAAAA\n",
        "text\n\n" + "— name AAAAAAAA\n" * 65,
    ],
)
def test_malformed_notes_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        note.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "origin\n3\n",
        "origin\n\nAAAA\n",
        "\n3\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "origin\n03\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "origin\n-3\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "origin\n3\n" + base64.b64encode(bytes(31)).decode() + "\n",
        "origin\n3\n####\n",
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name+00000000+",
        "name+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "name+c74f20a3+####",
        "PeterNeumann+c74f20a3+AhpcZQc=",
        "a b+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_malformed_keys_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


def test_only_a_text_that_ends_in_a_newline_is_signed() -> None:
    with pytest.raises(NoteError):
        note.sign("no newline", key())


def test_a_commitment_opens_with_its_salt_and_bytes_only() -> None:
    salt = fresh_salt()
    leaf = commit(salt, b"entry")
    assert len(salt) == len(leaf) == 32
    assert opens(leaf, salt, b"entry")
    assert not opens(leaf, salt, b"Entry")
    assert not opens(leaf, fresh_salt(), b"entry")
    assert not opens(leaf, b"", b"entry")
    with pytest.raises(ValueError, match="32 bytes"):
        commit(b"short", b"entry")
    # Fixed by docs/reference/protocol.md.
    fixed = commit(bytes(32), b"{}").hex()
    assert fixed == "22f8eea909400af98adf3681a9f31923ef6b7fcba4abb553d92823a3e9d5c25e"

"""docs/reference/protocol.md says what the code does: its vectors, good and bad, are computed again."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_access.keys import SigningKey
from secure_access.ledger import (
    canonical,
    commitment,
    manifests,
    merkle,
    note,
    recording,
    records,
    security_log,
    verify_receipt,
)
from secure_access.ledger.note import Checkpoint, VerifierKey
from secure_access.ledger.tlog_proof import HEADER, TlogProof

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "protocol.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    match = re.search(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    assert match
    return json.loads(match[1])  # type: ignore[no-any-return]


def test_row_of_record(vectors: dict[str, Any]) -> None:
    row = vectors["record"]
    encoded = row["bytes"].encode()
    assert canonical.encode(canonical.decode(encoded)) == encoded
    assert canonical.decode(encoded)["v"] == records.FORMAT  # type: ignore[call-overload,index]
    assert hmac.new(bytes.fromhex(row["salt"]), encoded, hashlib.sha256).hexdigest() == row["digest"]


def test_entry(vectors: dict[str, Any]) -> None:
    entry = vectors["entry"]
    encoded = entry["bytes"].encode()
    content: Any = canonical.decode(encoded)
    leaf = commitment.commit(bytes.fromhex(entry["salt"]), encoded)
    assert content["v"] == recording.FORMAT
    assert content["record_salt"] == commitment.fingerprint(bytes.fromhex(vectors["record"]["salt"]))
    assert content["records"] == [{"digest": vectors["record"]["digest"], "id": "7", "table": "sample"}]
    assert leaf.hex() == entry["leaf"]
    assert merkle.leaf_hash(leaf).hex() == entry["leaf_hash"]


def test_tree_and_checkpoint(vectors: dict[str, Any]) -> None:
    hashes = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in vectors["tree"]["leaves"]]
    root = merkle.root(2, merkle.from_leaves(hashes))
    assert root.hex() == vectors["tree"]["root"]
    signed = vectors["checkpoint"]
    key = VerifierKey.parse(signed["vkey"])
    signer = SigningKey(key.name, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(signed["seed"])))
    head = Checkpoint(key.name, 2, root)
    assert signer.verifier == str(key) == signed["vkey"]
    assert str(note.sign(head.text, signer)) == signed["note"]
    assert note.parse(signed["note"]).verified([key]) == (key,)


def test_manifest(vectors: dict[str, Any]) -> None:
    manifest = vectors["manifest"]
    encoded = manifest["bytes"].encode()
    content: Any = canonical.decode(encoded)
    assert content["v"] == manifests.FORMAT
    assert manifests.digest(encoded) == manifest["digest"]
    assert verify_receipt._canonical(content) == encoded


def test_tlog_proof(vectors: dict[str, Any]) -> None:
    proof = TlogProof.parse(vectors["tlog_proof"])
    assert proof.marshal() == vectors["tlog_proof"]
    assert proof.checkpoint == vectors["checkpoint"]["note"]
    assert proof.extra is not None
    leaf = commitment.commit(proof.extra, vectors["entry"]["bytes"].encode())
    root = bytes.fromhex(vectors["tree"]["root"])
    merkle.verify_inclusion(merkle.leaf_hash(leaf), proof.index, 2, list(proof.hashes), root)


def test_security_log(vectors: dict[str, Any]) -> None:
    row = vectors["security_log"]
    content: Any = canonical.decode(row["bytes"].encode())
    assert content["v"] == security_log.FORMAT
    assert hashlib.sha256(row["bytes"].encode()).hexdigest() == row["digest"]
    made = security_log.SecurityLogRow(
        number=1,
        at=datetime(2027, 10, 1, 9, tzinfo=UTC),
        kind="sign_in.failed",
        zone="developer",
        previous=bytes(32),
        digest=b"",
    )
    assert security_log.row_digest(made).hex() == row["digest"]


def test_every_tag_is_on_the_page() -> None:
    receipts = (verify_receipt.FORMAT, verify_receipt.ENTRY_RECEIPT, manifests.FORMAT, HEADER)
    for tag in (recording.FORMAT, records.FORMAT, security_log.FORMAT, *receipts):
        assert tag in PAGE
    for state, status in verify_receipt.EXIT_STATUS.items():
        assert f"| {state} | {status} |" in PAGE


def test_what_the_page_refuses_is_refused() -> None:
    table = PAGE.split("What must be refused:")[1]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    refused = [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]
    assert len(refused) == 11
    for text in refused:
        encoded = text.replace("é", "e\u0301").encode()
        with pytest.raises(canonical.NotCanonical):
            canonical.decode(encoded)

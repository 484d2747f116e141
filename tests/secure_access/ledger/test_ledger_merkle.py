"""The Merkle tree against the public test sets, against a naive tree, and against damage."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_access.ledger import merkle


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 §2.1 word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return merkle.node_hash(naive_root(hashes[:k]), naive_root(hashes[k:]))


def leaves(size: int) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % n) for n in range(size)]


def probes(shared: Path, name: str) -> Iterator[dict[str, Any]]:
    for line in (shared / "data" / "tlog" / f"merkle_{name}_probes_sample.jsonl").read_text().splitlines():
        yield json.loads(line)


def unpack(probe: dict[str, Any], *names: str) -> tuple[list[bytes], ...]:
    hashes = [[base64.b64decode(probe[name] or "")] for name in names]
    return (*hashes, [base64.b64decode(node) for node in probe["proof"] or []])


def accepted(check: Any, *arguments: Any) -> bool:
    try:
        check(*arguments)
    except merkle.ProofError:
        return False
    return True


def test_inclusion_probes(shared: Path) -> None:
    for probe in probes(shared, "inclusion"):
        (leaf,), (root,), proof = unpack(probe, "leafHash", "root")
        found = accepted(merkle.verify_inclusion, leaf, probe["leafIdx"], probe["treeSize"], proof, root)
        assert found is not probe["wantErr"], probe["_file"]


def test_consistency_probes(shared: Path) -> None:
    for probe in probes(shared, "consistency"):
        (old,), (new,), proof = unpack(probe, "root1", "root2")
        found = accepted(merkle.verify_consistency, probe["size1"], probe["size2"], proof, old, new)
        assert found is not probe["wantErr"], probe["_file"]


def test_subtree_inclusion_probes(shared: Path) -> None:
    for probe in probes(shared, "subtreeinclusion"):
        (leaf,), (root,), proof = unpack(probe, "leafHash", "root")
        span = (probe["start"], probe["end"])
        found = accepted(merkle.verify_subtree_inclusion, leaf, probe["leafIdx"], span, proof, root)
        assert found is not probe["wantErr"], probe["_file"]


def test_subtree_consistency_probes(shared: Path) -> None:
    for probe in probes(shared, "subtreeconsistency"):
        (part,), (root,), proof = unpack(probe, "root1", "root2")
        span = (probe["start"], probe["end"])
        found = accepted(merkle.verify_subtree_consistency, span, probe["size"], proof, part, root)
        assert found is not probe["wantErr"], probe["_file"]


def test_our_own_vector() -> None:
    """Fixed by docs/reference/protocol.md; recomputed there from the two hash rules alone."""
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert (
        merkle.root(7, merkle.from_leaves(leaves(7))).hex()
        == "a3e23b32ccb6bf96d092d165d8aa546e09829de8f03b0e8957581d1e16b92bdf"
    )


@settings(deadline=None)
@given(st.integers(0, 130))
def test_root_is_that_of_the_rfc(size: int) -> None:
    hashes = leaves(size)
    assert merkle.root(size, merkle.from_leaves(hashes)) == naive_root(hashes)


@settings(deadline=None)
@given(st.data())
def test_every_leaf_proves_and_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 200))
    index = data.draw(st.integers(0, size - 1))
    nodes = merkle.from_leaves(leaves(size))
    proof, root = merkle.inclusion_proof(index, size, nodes), merkle.root(size, nodes)
    merkle.verify_inclusion(nodes(0, index), index, size, proof, root)
    other = data.draw(st.integers(0, size + 2).filter(lambda n: n != index))
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(nodes(0, index), other, size, proof, root)
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, proof, root)
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(nodes(0, index), index, size, [*proof, root], root)


@settings(deadline=None)
@given(st.data())
def test_each_size_continues_each_earlier(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 200))
    old = data.draw(st.integers(1, new))
    nodes = merkle.from_leaves(leaves(new))
    proof = merkle.consistency_proof(old, new, nodes)
    before, after = merkle.root(old, nodes), merkle.root(new, nodes)
    merkle.verify_consistency(old, new, proof, before, after)
    for spoilt in (
        (old, new, proof, merkle.leaf_hash(b"x"), after),
        (old, new, proof, before, merkle.leaf_hash(b"x")),
        (old, new, [*proof, before], before, after),
        (old, new, [*proof, before, before], before, after),
    ):
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(*spoilt)
    if proof:
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(old, new, proof[:-1], before, after)


def test_an_empty_tree_is_consistent_with_nothing() -> None:
    nodes = merkle.from_leaves(leaves(3))
    empty = merkle.root(0, nodes)
    with pytest.raises(merkle.ProofError):
        merkle.consistency_proof(0, 3, nodes)
    with pytest.raises(merkle.ProofError):
        merkle.verify_consistency(0, 3, [], empty, merkle.root(3, nodes))
    with pytest.raises(merkle.ProofError):
        merkle.verify_consistency(0, 0, [], empty, empty)


def test_the_right_half_is_part_of_the_tree() -> None:
    nodes = merkle.from_leaves(leaves(8))
    root = merkle.root(8, nodes)
    merkle.verify_subtree_consistency((4, 8), 8, [nodes(2, 0)], nodes(2, 1), root)
    with pytest.raises(merkle.ProofError, match="new root"):
        merkle.verify_subtree_consistency((4, 8), 8, [nodes(2, 1)], nodes(2, 1), root)


def test_no_proof_outside_the_tree() -> None:
    nodes = merkle.from_leaves(leaves(3))
    with pytest.raises(merkle.ProofError, match="no leaf 3"):
        merkle.inclusion_proof(3, 3, nodes)
    with pytest.raises(merkle.ProofError, match="no leaf -1"):
        merkle.inclusion_proof(-1, 3, nodes)
    with pytest.raises(merkle.ProofError, match="32 bytes"):
        merkle.verify_inclusion(b"short", 0, 1, [], b"short")
    with pytest.raises(merkle.ProofError, match="not a subtree"):
        merkle.verify_subtree_inclusion(nodes(0, 1), 1, (1, 3), [], nodes(0, 1))

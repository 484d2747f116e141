"""The public test sets of transparency-dev/merkle in whole, by our verifiers and the one-file verifier."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from secure_access.ledger import merkle, verify_receipt
from tests.secure_access.ledger import published_probes as published
from tests.secure_access.ledger.published_probes import Probe

Set = Callable[[], Iterator[Probe]]


def hashes(probe: Probe, *names: str) -> list[bytes]:
    return [base64.b64decode(probe[name]) for name in names]


def proof(probe: Probe) -> list[bytes]:
    return [base64.b64decode(node) for node in probe["proof"] or []]


def inclusion(probe: Probe) -> None:
    leaf, root = hashes(probe, "leafHash", "root")
    merkle.verify_inclusion(leaf, probe["leafIdx"], probe["treeSize"], proof(probe), root)


def one_file(probe: Probe) -> None:
    leaf, root = hashes(probe, "leafHash", "root")
    found = verify_receipt._root(leaf, probe["leafIdx"], probe["treeSize"], proof(probe))
    if found != root:
        raise merkle.ProofError("another root")


def consistency(probe: Probe) -> None:
    old, new = hashes(probe, "root1", "root2")
    merkle.verify_consistency(probe["size1"], probe["size2"], proof(probe), old, new)


def subtree_inclusion(probe: Probe) -> None:
    leaf, root = hashes(probe, "leafHash", "root")
    span = (probe["start"], probe["end"])
    merkle.verify_subtree_inclusion(leaf, probe["leafIdx"], span, proof(probe), root)


def subtree_consistency(probe: Probe) -> None:
    part, tree = hashes(probe, "root1", "root2")
    span = (probe["start"], probe["end"])
    merkle.verify_subtree_consistency(span, probe["size"], proof(probe), part, tree)


def refused(check: Callable[[Probe], None], probe: Probe) -> bool:
    try:
        check(probe)
    except (merkle.ProofError, verify_receipt._Untrue):
        return True
    return False


SETS: list[tuple[Set, Callable[[Probe], None], int]] = [
    (published.inclusion, inclusion, 98),
    (published.inclusion, one_file, 98),
    (published.consistency, consistency, 98),
    (published.subtree_inclusion, subtree_inclusion, 204),
    (published.subtree_consistency, subtree_consistency, 285),
]


@pytest.mark.parametrize(
    ("derived", "check", "count"), SETS, ids=[f"{check.__name__}" for _, check, _ in SETS]
)
def test_every_probe_has_its_outcome(derived: Set, check: Callable[[Probe], None], count: int) -> None:
    probes = list(derived())
    assert len({probe["_file"] for probe in probes}) == len(probes) == count
    wrong = [probe["_file"] for probe in probes if refused(check, probe) is not probe["wantErr"]]
    assert wrong == []


# These hold an empty subtree with its root. The first form of the set called them wrong, and left out that an
# empty subtree is part of every tree; upstream dropped both when it took that in.
DROPPED_UPSTREAM = {
    "additional/roots-do-not-match-and-sizes-are-zero.json",
    "additional/size1-is-zero-and-size2-is-not-zero.json",
}


def test_the_first_form_of_the_subtree_set() -> None:
    """What upstream wrote before it took empty subtrees in: 102 probes, of which it later dropped two."""
    probes = list(published.first_subtree_consistency())
    assert len({probe["_file"] for probe in probes}) == len(probes) == 102
    wrong = {
        probe["_file"].partition("consistency/")[2]
        for probe in probes
        if refused(subtree_consistency, probe) is not probe["wantErr"]
    }
    assert wrong == DROPPED_UPSTREAM
    assert not DROPPED_UPSTREAM & {
        p["_file"].partition("consistency/")[2] for p in published.subtree_consistency()
    }


def test_the_sets_refuse_and_accept() -> None:
    """A verifier that refused or accepted everything would pass no set."""
    for derived, _, _ in SETS:
        said = Counter(probe["wantErr"] for probe in derived())
        assert min(said[True], said[False]) >= 5


@pytest.mark.parametrize(
    ("name", "derived"),
    [
        ("inclusion", published.inclusion),
        ("consistency", published.consistency),
        ("subtreeinclusion", published.subtree_inclusion),
        ("subtreeconsistency", published.first_subtree_consistency),
        ("subtreeconsistency", published.subtree_consistency),
    ],
)
def test_derived_is_published_byte_for_byte(shared: Path, name: str, derived: Set) -> None:
    """The samples of upstream's own files are among what is derived here, as they stand there."""
    lines = {probe["_file"]: json.dumps(probe) for probe in derived()}
    sample = shared / "data" / "tlog" / f"merkle_{name}_probes_sample.jsonl"
    published_lines = sample.read_text().splitlines()
    assert len(published_lines) >= 13
    for line in published_lines:
        assert lines[json.loads(line)["_file"]] == line


def test_the_published_proofs_are_those_that_we_make() -> None:
    """The tree of upstream's leaves, by our own code: its roots and its proofs."""
    leaves: tuple[bytes, ...] = (b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43")
    leaves += (bytes(range(0x50, 0x58)), bytes(range(0x60, 0x70)))
    nodes = merkle.from_leaves([merkle.leaf_hash(leaf) for leaf in leaves])
    assert tuple(merkle.root(size, nodes) for size in range(1, 9)) == published.ROOTS
    for leaf, size, path in published.INCLUSION:
        assert merkle.inclusion_proof(leaf - 1, size, nodes) == list(path or ())
    for old, new, path in published.CONSISTENCY:
        assert merkle.consistency_proof(old, new, nodes) == list(path or ())


def test_hashes_of_another_length_are_refused() -> None:
    """Two texts of other lengths could be one concatenation: what is hashed has exactly 32 bytes."""
    nodes = merkle.from_leaves([merkle.leaf_hash(bytes([n])) for n in range(2)])
    root: Any = merkle.root(2, nodes)
    with pytest.raises(merkle.ProofError, match="32 bytes"):
        merkle.verify_inclusion(nodes(0, 0)[:31], 0, 2, [nodes(0, 1)], root)
    with pytest.raises(verify_receipt._Untrue, match="length"):
        verify_receipt._root(nodes(0, 0), 0, 2, [nodes(0, 1) + b"\x00"])
    with pytest.raises(merkle.ProofError, match="32 bytes"):
        merkle.verify_consistency(1, 2, [nodes(0, 1)], nodes(0, 0)[:31], root)

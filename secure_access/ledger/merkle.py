"""The RFC 6962 Merkle tree: hashes, roots, proofs and their verifiers. Pure.

Proofs are made from a `Nodes` function, so that one code serves a list in memory and tiles in a database:
``nodes(level, index)`` is the hash of the complete subtree over ``1 << level`` leaves from ``index << level``
on. A *subtree* ``[start, end)`` is that of draft-ietf-plants-merkle-tree-certs; a tree is ``[0, size)``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence

HASH_SIZE = 32
EMPTY = hashlib.sha256().digest()
"""The root over no leaves (RFC 6962 §2.1)."""

Nodes = Callable[[int, int], bytes]


class ProofError(ValueError):
    """A proof does not prove what it is said to prove; the message says why."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(size: int, nodes: Nodes) -> bytes:
    """The root over the first ``size`` leaves; of no leaves, SHA-256 of nothing."""
    return range_hash(0, size, nodes) if size else EMPTY


def range_hash(start: int, end: int, nodes: Nodes) -> bytes:
    """The hash over the leaves ``[start, end)``, a subtree."""
    width = end - start
    if width & (width - 1) == 0:
        return nodes(width.bit_length() - 1, start // width)
    half = _split(width)
    return node_hash(range_hash(start, start + half, nodes), range_hash(start + half, end, nodes))


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The audit path of leaf ``index`` in the tree of ``size`` leaves (RFC 6962 §2.1.1), leaf side first.

    Raises `ProofError` when there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, nodes))
            end = middle
        else:
            path.append(range_hash(start, middle, nodes))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """What shows that the tree of ``new`` leaves continues the one of ``old`` (RFC 6962 §2.1.2).

    Raises `ProofError` unless ``0 < old <= new``: nothing can be consistent with an empty tree.
    """
    if not 0 < old <= new:
        raise ProofError(f"there is no consistency proof from size {old} to size {new}")
    proof: list[bytes] = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(range_hash(middle, end, nodes))
            end = middle
        else:
            proof.append(range_hash(start, middle, nodes))
            start = middle
    # The old tree itself opens the proof, unless the verifier already holds it as the old root.
    return ([range_hash(start, end, nodes)] if start else []) + proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """Check that ``leaf`` (a leaf *hash*) is leaf ``index`` of the tree of ``size`` leaves and that root.

    Raises `ProofError`.
    """
    verify_subtree_inclusion(leaf, index, (0, size), proof, expected)


def verify_subtree_inclusion(
    leaf: bytes, index: int, subtree: tuple[int, int], proof: Sequence[bytes], expected: bytes
) -> None:
    """Check that ``leaf`` (a leaf hash) is leaf ``index``, within ``subtree``. Raises `ProofError`."""
    start, end = subtree
    _check_subtree(start, end, end)
    if not start <= index < end:
        raise ProofError(f"leaf {index} lies outside [{start}, {end})")
    _check_hashes([leaf, expected, *proof])
    position, last, found = index - start, end - start - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")
    _same(found, expected, "the path does not lead to the root")


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of ``new`` leaves continues the tree of ``old`` leaves.

    Raises `ProofError`, also for ``old == 0``: an empty tree says nothing.
    """
    if old == 0:
        raise ProofError("nothing can be consistent with an empty tree")
    verify_subtree_consistency((0, old), new, proof, old_root, new_root)


def verify_subtree_consistency(
    subtree: tuple[int, int], size: int, proof: Sequence[bytes], subtree_root: bytes, tree_root: bytes
) -> None:
    """Check that ``subtree`` with its root is part of the tree of ``size`` leaves. Raises `ProofError`.

    A subtree without leaves is part of every tree that reaches it, and its root is that of no leaves.
    """
    if _compared(subtree, size, proof, subtree_root, tree_root):
        return
    start, end = subtree
    _check_subtree(start, end, size)
    _check_hashes([subtree_root, tree_root, *proof])
    first, last, tree = start, end - 1, size - 1
    # Skip the levels on which the subtree and its first proof element are one and the same.
    while first != last and (last == tree or last & 1):
        first, last, tree = first >> 1, last >> 1, tree >> 1
    rest = list(proof)
    if first == last:
        found = rebuilt = subtree_root
    else:
        found = rebuilt = rest.pop(0)
    for sibling in rest:
        if tree == 0:
            raise ProofError("the proof is too long")
        if last & 1 or last == tree:
            rebuilt = node_hash(sibling, rebuilt)
            if first < last:
                found = node_hash(sibling, found)
            while not last & 1 and last:
                first, last, tree = first >> 1, last >> 1, tree >> 1
        else:
            rebuilt = node_hash(rebuilt, sibling)
        first, last, tree = first >> 1, last >> 1, tree >> 1
    if tree:
        raise ProofError("the proof is too short")
    _same(found, subtree_root, "the proof does not contain the old root")
    _same(rebuilt, tree_root, "the proof does not lead to the new root")


def from_leaves(leaves: Sequence[bytes]) -> Nodes:
    """The nodes over ``leaves`` (leaf *hashes*) held in memory."""
    levels: list[list[bytes]] = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return lambda level, index: levels[level][index]


def _split(width: int) -> int:
    """The largest power of two smaller than ``width``."""
    return 1 << ((width - 1).bit_length() - 1)


def _check_subtree(start: int, end: int, size: int) -> None:
    if not 0 <= start < end <= size:
        raise ProofError(f"[{start}, {end}) is not part of a tree of {size}")
    if start % (1 << (end - start - 1).bit_length()):
        raise ProofError(f"[{start}, {end}) is not a subtree")


def _compared(
    subtree: tuple[int, int], size: int, proof: Sequence[bytes], subtree_root: bytes, tree_root: bytes
) -> bool:
    """Whether a root is only compared, and nothing computed: that of no leaves, and that of the same tree.

    Raises `ProofError` when it is another, and when anything else comes without a proof.
    """
    start, end = subtree
    if proof:
        return False
    if start == end <= size:
        _same(EMPTY, subtree_root, "the root of no leaves is another")
    elif (start, end) == (0, size):
        _same(subtree_root, tree_root, "the roots of one tree differ")
    else:
        raise ProofError("the proof is empty")
    return True


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise ProofError(f"a hash is not {HASH_SIZE} bytes long")


def _same(found: bytes, expected: bytes, otherwise: str) -> None:
    if not hmac.compare_digest(found, expected):
        raise ProofError(otherwise)

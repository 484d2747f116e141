"""The public test sets of github.com/transparency-dev/merkle (Apache-2.0, Google LLC), derived by its rules.

Upstream writes its folder ``testdata`` with one program, ``cmd/proofgen/main.go``, from the leaves, roots
and proofs that stand here as constants. The rules by which it spoils each proof are written here anew. A
probe is the object of one upstream file, under its keys, so that both can be compared byte for byte.

Three sets have as many probes as upstream has files. The fourth, ``testdata/subtreeconsistency``, was written
by several versions of the program in turn; what each writes is derived, and a folder at one commit may hold
more files than one version writes, for a renamed probe leaves its old file behind.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

Probe = dict[str, Any]
Path = Sequence[bytes] | None

UINT64 = 2**64
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")
EMPTY = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
LEAVES = (b"", b"\x00", b"\x10", b"", b"", b"\x40\x41\x42\x43")
R1, R2, R3, R4, R5, R6, R7, R8 = ROOTS = tuple(
    bytes.fromhex(root)
    for root in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
)
# Nodes that the published proofs hold, named by the leaves that they cover.
N1, N2_3, N4, N4_5, N4_6, N4_7, N5, N6, N6_7, N7 = (
    bytes.fromhex(node)
    for node in (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
    )
)
INCLUSION: tuple[tuple[int, int, Path], ...] = (
    # leaf, counted from one, size and proof
    (1, 1, None),
    (1, 8, (N1, N2_3, N4_7)),
    (6, 8, (N4, N6_7, R4)),
    (3, 3, (R2,)),
    (2, 5, (R1, N2_3, N4)),
)
CONSISTENCY: tuple[tuple[int, int, Path], ...] = (
    (1, 1, None),
    (1, 8, (N1, N2_3, N4_7)),
    (6, 8, (N4_5, N6_7, R4)),
    (2, 5, (N2_3, N4)),
    (6, 7, (N4_5, N6, R4)),
)
SUBTREES: tuple[tuple[int, int, int, Path, bytes], ...] = (
    # start, end, size, proof and root of the subtree: after the first sets, those with a start above zero
    *((0, old, new, proof, ROOTS[old - 1]) for old, new, proof in CONSISTENCY),
    (7, 8, 8, (N6, N4_5, R4), N7),
    (4, 8, 8, (R4,), N4_7),
    (6, 8, 8, (N4_5, R4), N6_7),
    (4, 7, 7, (R4,), N4_6),
    (4, 5, 8, (N5, N6_7, R4), N4),
    (2, 4, 8, (R2, N4_7), N2_3),
    (4, 7, 8, (N6, N7, N4_5, R4), N4_6),
)
A, B = b"don't care 1", b"don't care 2"


def text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def told(proof: Path) -> list[str] | None:
    return None if proof is None else [text(node) for node in proof]


def file_name(described: str) -> str:
    for old, new in ((" - ", "-"), ("(", ""), (")", ""), (" ", "-")):
        described = described.replace(old, new)
    return described + ".json"


def flipped(proof: Sequence[bytes], place: int, bit: int) -> tuple[bytes, ...]:
    node = proof[place]
    return (*proof[:place], bytes([node[0] ^ bit]) + node[1:], *proof[place + 1 :])


# Inclusion


def inclusion() -> Iterator[Probe]:
    """The 98 probes of ``testdata/inclusion``, with the folder of each."""
    for number, (leaf, size, proof) in enumerate(INCLUSION):
        leaf_hash = hashlib.sha256(b"\x00" + LEAVES[leaf - 1]).digest()
        for row in _around_inclusion(leaf - 1, size, proof, leaf_hash):
            yield _inclusion(f"{number}", *row)
    for number, (index, size) in enumerate(((0, 0), (0, 1), (1, 0), (2, 1))):
        folder = f"additional/{number}"
        yield _inclusion(folder, index, size, b"", SOME, (), "random leaf", True)
        yield _inclusion(folder, index, size, EMPTY, b"", (), "empty root", True)
        yield _inclusion(folder, index, size, EMPTY, SOME, (), "empty root and random leaf", True)
    only = hashlib.sha256(b"\x00data").digest()
    for root, leaf, described, wrong in (
        (only, only, "matching root and leaf", False),
        (only, b"", "empty leaf", True),
        (b"", only, "empty root", True),
        (b"", b"", "empty root and leaf", True),
    ):
        yield _inclusion("single-entry", 0, 1, root, leaf, (), described, wrong)


def _inclusion(
    folder: str, index: int, size: int, root: bytes, leaf: bytes, proof: Path, described: str, wrong: bool
) -> Probe:
    return {
        "_file": f"testdata/inclusion/{folder}/{file_name(described)}",
        "leafIdx": index % UINT64,
        "treeSize": size,
        "root": text(root),
        "leafHash": text(leaf),
        "proof": told(proof),
        "desc": described,
        "wantErr": wrong,
    }


def _around_inclusion(index: int, size: int, proof: Path, leaf: bytes) -> Iterator[tuple[Any, ...]]:
    root, nodes = ROOTS[size - 1], tuple(proof or ())
    yield index, size, root, leaf, proof, "happy path", False
    for other, described in ((index - 1, "sub @1"), (index + 1, "plus @1"), (index ^ 2, "XOR @2")):
        yield other, size, root, leaf, proof, f"leafIdx {described}", True
    yield index, size * 2, root, leaf, proof, "treeSize mul @2", True
    yield index, size // 2, root, leaf, proof, "treeSize div @2", True
    yield index, size, root, b"WrongLeaf", proof, "wrong leaf", True
    yield index, size, EMPTY, leaf, proof, "empty root", True
    yield index, size, SOME, leaf, proof, "random root", True
    for added, described in ((b"", "garbage"), (root, "root")):
        yield index, size, root, leaf, (*nodes, added), f"trailing {described}", True
        yield index, size, root, leaf, (added, *nodes), f"preceding {described}", True
    for place in range(len(nodes)):
        spoilt = flipped(nodes, place, 8)
        yield index, size, root, leaf, spoilt, f"modified proof[{place}] bit @3", True
    if nodes:
        yield index, size, root, leaf, nodes[:-1], "removed component", True
    if len(nodes) > 1:
        yield index, size, root, leaf, (nodes[0], SOME, *nodes[1:]), "inserted component", True


def subtree_inclusion() -> Iterator[Probe]:
    """The 204 probes of ``testdata/subtreeinclusion``: each above twice, the second time further right."""
    for probe in inclusion():
        renamed = {"_file": probe["_file"].replace("/inclusion/", "/subtreeinclusion/")}
        span = {"leafIdx": probe["leafIdx"], "start": 0, "end": probe["treeSize"]}
        rest = {key: probe[key] for key in ("root", "leafHash", "proof", "desc", "wantErr")}
        yield {**renamed, **span, **rest}
        shift = 1 << (span["end"] - 1).bit_length() if span["end"] > 1 else 1
        moved = {key: at + shift if at <= UINT64 - 1 - shift else at for key, at in span.items()}
        name = renamed["_file"].replace(".json", "-subtree.json")
        yield {"_file": name, **moved, **rest, "desc": f"{probe['desc']} - subtree"}
    for index, start, end, described in (
        (0, 0, 0, "everything zero"),
        (0, 1, 1, "start equals end"),
        (3, 3, 5, "invalid subtree"),
        (1, 1, 2**63 + 2, "invalid large subtree"),
        (0, 1, 2, "oob left"),
        (3, 0, 2, "oob right"),
        (3, 0, 3, "oob right 2"),
        (0, 2, 1, "start larger than end"),
    ):
        name = f"testdata/subtreeinclusion/errors/{file_name(described)}"
        span = {"leafIdx": index, "start": start, "end": end}
        hashes = {"root": text(EMPTY), "leafHash": text(R1), "proof": None}
        yield {"_file": name, **span, **hashes, "desc": described, "wantErr": True}


# Consistency


def consistency() -> Iterator[Probe]:
    """The 98 probes of ``testdata/consistency``."""
    for number, (old, new, proof) in enumerate(CONSISTENCY):
        sizes, roots = (old, new), (ROOTS[old - 1], ROOTS[new - 1])
        yield _consistency(f"{number}", sizes, roots, proof, "happy path", False)
        if proof:
            for changed, described in _wrong_sizes(old, new):
                yield _consistency(f"{number}", changed, roots, proof, described)
            for changed_roots, changed_proof, described in _around_consistency(roots, proof):
                yield _consistency(f"{number}", sizes, changed_roots, changed_proof, described)
    for sizes, roots, described, *right in _CONSISTENCY_ALONE:
        proof = (EMPTY,) if described in _WITH_A_PROOF else ()
        yield _consistency("additional", sizes, roots, proof, described, not right)


def _consistency(
    folder: str,
    sizes: tuple[int, int],
    roots: tuple[bytes, bytes],
    proof: Path,
    described: str,
    wrong: bool = True,
) -> Probe:
    return {
        "_file": f"testdata/consistency/{folder}/{file_name(described)}",
        "size1": sizes[0] % UINT64,
        "size2": sizes[1],
        "root1": text(roots[0]),
        "root2": text(roots[1]),
        "proof": told(proof),
        "desc": described,
        "wantErr": wrong,
    }


def _wrong_sizes(old: int, new: int) -> Iterator[tuple[tuple[int, int], str]]:
    yield (old - 1, new), "size1 sub @1"
    yield (old + 1, new), "size1 plus @1"
    yield (old ^ 2, new), "size1 XOR @2"
    yield (old, new * 2), "size2 mul @2"
    yield (old, new // 2), "size2 div @2"


def _around_consistency(
    roots: tuple[bytes, bytes], proof: Sequence[bytes]
) -> Iterator[tuple[tuple[bytes, bytes], Sequence[bytes], str]]:
    old, new = roots
    yield (b"WrongRoot", new), proof, "wrong root1"
    yield (old, b"WrongRoot"), proof, "wrong root2"
    yield (new, old), proof, "swapped roots"
    yield roots, (), "empty proof"
    for added, described in ((b"", "garbage"), (old, "root1"), (new, "root2")):
        yield roots, (*proof, added), f"trailing {described}"
        yield roots, (added, *proof), f"preceding {described}"
    yield roots, (proof[0], *proof), "preceding proof @0"
    yield roots, proof[:-1], "truncated proof"
    for place in range(len(proof)):
        yield roots, flipped(proof, place, 16), f"modified proof@{place} bit @4"


_EQUAL_BUT_A_PROOF = "sizes match but proof is not empty and sizes are"
_USELESS = "consistency check on empty tree (size1 is zero) is useless"
_WITH_A_PROOF = (f"{_EQUAL_BUT_A_PROOF} zero", f"{_EQUAL_BUT_A_PROOF} one", _USELESS)
_CONSISTENCY_ALONE: tuple[Any, ...] = (
    ((0, 0), (A, B), "sizes are equal (zero) but roots are not"),
    ((1, 1), (A, B), "sizes are equal (one) but roots are not"),
    ((0, 0), (A, A), "sizes are equal (zero) and proof is empty"),
    ((0, 1), (A, B), "size1 is zero and does not equal size2"),
    ((1, 1), (B, B), "sizes are equal (one) and proof is empty", "right"),
    ((1, 0), (A, B), "size1 is greater than size2"),
    ((2, 1), (A, B), "size1 is greater than size2 again"),
    ((1, 2), (A, B), "sizes do not watch and proof is empty"),
    ((0, 0), (EMPTY, B), "roots do not match and sizes are zero"),
    ((1, 1), (EMPTY, B), "roots do not not match and sizes are one"),
    ((0, 0), (EMPTY, EMPTY), f"{_EQUAL_BUT_A_PROOF} zero"),
    ((1, 1), (EMPTY, EMPTY), f"{_EQUAL_BUT_A_PROOF} one"),
    ((0, 1), (EMPTY, B), "size1 is zero and size2 is not zero"),
    ((0, 1), (EMPTY, EMPTY), _USELESS),
)


# Subtrees


def first_subtree_consistency() -> Iterator[Probe]:
    """``testdata/subtreeconsistency`` as upstream first wrote it (commit 77df88e): 102 probes."""
    for probe in consistency():
        name = probe["_file"].replace("/consistency/", "/subtreeconsistency/")
        span = {"start": 0, "end": probe["size1"], "size": probe["size2"]}
        rest = {key: probe[key] for key in ("root1", "root2", "proof", "desc", "wantErr")}
        yield {"_file": name, **span, **rest}
    for number, (old, new, proof) in enumerate(CONSISTENCY):
        if proof:
            roots = (ROOTS[old - 1], ROOTS[new - 1])
            yield _subtree(f"{number}", (1, 15, 15), roots, proof, "invalid subtree", True)


def subtree_consistency() -> Iterator[Probe]:
    """``testdata/subtreeconsistency`` by the newest generator read (commit 67b5e1c): 285 probes."""
    for number, (start, end, size, proof, root) in enumerate(SUBTREES):
        roots, folder = (root, ROOTS[size - 1]), f"{number}"
        yield _subtree(folder, (start, end, size), roots, proof, "happy path", False)
        if proof:
            for span, described in _wrong_spans(start, end, size):
                yield _subtree(folder, span, roots, proof, described, True)
            for changed, nodes, described in _around_consistency(roots, proof):
                yield _subtree(folder, (start, end, size), changed, nodes, described, True)
    for span, roots, described, *right in _SUBTREES_ALONE:
        proof = (EMPTY,) if described.endswith(_PROOF_THERE) or described in _WITH_A_PROOF else ()
        yield _subtree("additional", span, roots, proof, described, not right)


def _wrong_spans(start: int, end: int, size: int) -> Iterator[tuple[tuple[int, int, int], str]]:
    for other, described in ((start - 1, "sub @1"), (start + 1, "plus @1"), (start ^ 2, "XOR @2")):
        yield (other, end, size), f"start {described}"
    for other, described in ((end - 1, "sub @1"), (end + 1, "plus @1"), (end ^ 2, "XOR @2")):
        yield (start, other, size), f"end {described}"
    yield (start, end, size * 2), "size mul @2"
    yield (start, end, size // 2), "size div @2"


def _subtree(
    folder: str,
    span: tuple[int, int, int],
    roots: tuple[bytes, bytes],
    proof: Path,
    described: str,
    wrong: bool,
) -> Probe:
    return {
        "_file": f"testdata/subtreeconsistency/{folder}/{file_name(described)}",
        "start": span[0] % UINT64,
        "end": span[1],
        "size": span[2],
        "root1": text(roots[0]),
        "root2": text(roots[1]),
        "proof": told(proof),
        "desc": described,
        "wantErr": wrong,
    }


_PROOF_THERE = "roots valid but proof is not empty"
_EMPTY_SUBTREES = (
    ((0, 0, 0), "subtree is empty sizes are equal (zero)", A),
    ((1, 1, 1), "subtree is empty sizes are equal (one)", A),
    # Upstream names this one's second probe "random" too and gives it the root of no leaves.
    ((1, 1, 2), "subtree is empty", EMPTY),
)
_SUBTREES_ALONE: tuple[Any, ...] = (
    ((0, 0, 0), (A, B), "sizes are equal (zero) but roots are not"),
    ((0, 1, 1), (A, B), "sizes are equal (one) but roots are not"),
    ((0, 0, 1), (A, B), "end is zero and does not equal size"),
    ((0, 1, 1), (B, B), "sizes are equal (one) and proof is empty", "right"),
    *(
        row
        for span, said, other in _EMPTY_SUBTREES
        for row in (
            (span, (EMPTY, EMPTY), f"{said} subtree root valid proof is empty", "right"),
            (span, (EMPTY, other), f"{said} subtree root valid tree root random proof is empty", "right"),
            (span, (EMPTY, EMPTY), f"{said} {_PROOF_THERE}"),
            (span, (A, A), f"{said} roots match but not valid"),
        )
    ),
    ((1, 15, 15), (A, B), "invalid subtree start 1 end 15 size 15"),
    ((1, 3, 8), (A, B), "invalid subtree start 1 end 3 size 8"),
    ((2, 5, 8), (A, B), "invalid subtree start 2 end 5 size 8"),
    ((2, 6, 8), (A, B), "invalid subtree start 2 end 6 size 8"),
    ((0, 1, 0), (A, B), "end is greater than size"),
    ((0, 2, 1), (A, B), "end is greater than size again"),
    ((0, 1, 2), (A, B), "sizes do not match and proof is empty"),
    ((0, 1, 1), (EMPTY, B), "roots do not match and sizes are one"),
    ((0, 0, 0), (EMPTY, EMPTY), f"{_EQUAL_BUT_A_PROOF} zero"),
    ((0, 1, 1), (EMPTY, EMPTY), f"{_EQUAL_BUT_A_PROOF} one"),
)

"""Tiles grown step by step are those built at once, and hold every hash of the tree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_access.ledger import merkle, tiles

LEAVES = [merkle.leaf_hash(n.to_bytes(4, "big")) for n in range(700)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=4))
def test_grown_is_built(steps: list[int]) -> None:
    held: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        added = LEAVES[size : size + step]
        held.update(tiles.grow(lambda level, number: held[level, number], size, added))
        size += len(added)
    assert held == tiles.grow(tiles.nothing, 0, LEAVES[:size])
    tree = tiles.nodes(lambda level, number: held[level, number])
    known = merkle.from_leaves(LEAVES[:size])
    assert merkle.root(size, tree) == merkle.root(size, known)
    for index in range(0, size, 97):
        assert merkle.inclusion_proof(index, size, tree) == merkle.inclusion_proof(index, size, known)


def test_tiles_of_the_specification() -> None:
    """C2SP tlog-tiles: 700 leaves are two full tiles and one of 188, and one of two hashes above."""
    held = tiles.grow(tiles.nothing, 0, LEAVES)
    assert {place: len(tile) // 32 for place, tile in held.items()} == {
        (0, 0): 256,
        (0, 1): 256,
        (0, 2): 188,
        (1, 0): 2,
    }
    assert held[1, 0][:32] == merkle.root(256, merkle.from_leaves(LEAVES))


def test_a_missing_tile_is_named() -> None:
    tree = tiles.nodes(tiles.nothing)
    with pytest.raises(LookupError, match="tile 1/0 does not reach hash 0 of level 8"):
        merkle.root(256, tree)

"""The tree as C2SP tlog-tiles: 256 hashes to a tile, so that a proof reads a few rows, never all leaves.

Tile ``(level, number)`` holds the hashes of tree level ``8 * level`` from ``256 * number`` on. Tiles are a
cache: `grow` from nothing makes them again, byte for byte, out of the leaves in the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import bindparam, select

from secure_access.db import Session, col
from secure_access.ledger import merkle
from secure_access.ledger.tables import LedgerTile, Log

HEIGHT = 8
WIDTH = 1 << HEIGHT
KEPT = 1024
"""Tiles whose inner hashes are kept in memory: 24 MiB when all are full."""
DEEPEST = 63
"""The highest level that a C2SP address may name."""

_ADDRESS = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")

Load = Callable[[int, int], bytes]
"""``load(level, number)``: the bytes of a tile, empty when there is none."""


_STORED = select(col(LedgerTile.hashes)).where(
    col(LedgerTile.log) == bindparam("log"),
    col(LedgerTile.level) == bindparam("level"),
    col(LedgerTile.number) == bindparam("number"),
)


class Tile(NamedTuple):
    """A place among the tiles, and how many hashes it holds there: `WIDTH`, or fewer at the right edge."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def address(self) -> str:
        """As C2SP tlog-tiles writes it after ``tile/<level>/``: ``x001/x234/067``, ``000.p/5``."""
        digits = str(self.number)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        whole = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        return whole if self.width == WIDTH else f"{whole}.p/{self.width}"

    @classmethod
    def parse(cls, level: int, address: str) -> Tile | None:
        """The tile of an address; ``None`` for what is none, and for a second spelling of one."""
        match = _ADDRESS.fullmatch(address)
        if match is None or not 0 <= level <= DEEPEST:
            return None
        number = int(re.sub(r"[x/]", "", match[1]))
        tile = cls(level, number, int(match[2] or WIDTH))
        return tile if tile.width <= WIDTH and tile.address == address else None

    @property
    def sizes(self) -> tuple[int, int | None]:
        """The trees that have this tile: from how many leaves on, and until which size, ``None`` for ever."""
        each = WIDTH**self.level
        first = (self.number * WIDTH + self.width) * each
        return first, None if self.width == WIDTH else first + each


def of_size(size: int) -> Iterator[Tile]:
    """Every tile of the tree of ``size`` leaves, level by level."""
    level = 0
    while size:
        full, rest = divmod(size, WIDTH)
        yield from (Tile(level, number) for number in range(full))
        if rest:
            yield Tile(level, full, rest)
        level, size = level + 1, full


def nothing(_level: int, _number: int) -> bytes:
    """A tree without tiles."""
    return b""


def stored(session: Session, log: Log) -> Load:
    """Tiles as the database holds them."""

    def load(level: int, number: int) -> bytes:
        # Past the unit of work, which takes ten times as long for three rows of one column.
        place = {"log": log.value, "level": level, "number": number}
        return session.connection().execute(_STORED, place).scalar() or b""

    return load


def grow(load: Load, size: int, added: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """The tiles that change when leaf hashes ``added`` follow the first ``size``, by level and number."""
    changed: dict[tuple[int, int], bytes] = {}
    level, start, hashes = 0, size, list(added)
    while hashes:
        first, inside = divmod(start, WIDTH)
        before = load(level, first)[: inside * merkle.HASH_SIZE] if inside else b""
        row = before + b"".join(hashes)
        step = WIDTH * merkle.HASH_SIZE
        tiles = [row[at : at + step] for at in range(0, len(row), step)]
        changed.update({(level, first + n): tile for n, tile in enumerate(tiles)})
        hashes = [_fold(_split(tile)) for tile in tiles if len(tile) == step]
        level, start = level + 1, first
    return changed


def nodes(load: Load) -> merkle.Nodes:
    """Every hash of the tree, computed from its tiles; each tile is loaded once.

    The function returned raises ``LookupError`` for a hash whose tile is missing or too short.
    """
    known: dict[tuple[int, int], tuple[bytes, ...]] = {}

    def node(level: int, index: int) -> bytes:
        tile_level, inside = divmod(level, HEIGHT)
        number, start = divmod(index, WIDTH >> inside)
        if (tile_level, number) not in known:
            known[tile_level, number] = _levels(load(tile_level, number))
        levels = known[tile_level, number]
        at = start * merkle.HASH_SIZE
        found = levels[inside][at : at + merkle.HASH_SIZE] if inside < len(levels) else b""
        if len(found) != merkle.HASH_SIZE:
            raise LookupError(f"tile {tile_level}/{number} does not reach hash {index} of level {level}")
        return found

    return node


@lru_cache(maxsize=KEPT)
def _levels(tile: bytes) -> tuple[bytes, ...]:
    """The levels of the tree inside a tile, each its whole hashes in a row.

    Kept by the bytes of the tile, so that what is kept can be neither of another log nor out of date.
    """
    levels = [tile]
    while len(levels[-1]) >= 2 * merkle.HASH_SIZE and len(levels) < HEIGHT:
        levels.append(b"".join(_paired(_split(levels[-1]))))
    return tuple(levels)


def _paired(hashes: list[bytes]) -> list[bytes]:
    return [merkle.node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=False)]


def save(session: Session, log: Log, changed: dict[tuple[int, int], bytes]) -> None:
    """Write changed tiles."""
    for (level, number), hashes in changed.items():
        row = session.get(LedgerTile, (log, level, number))
        if row is None:
            session.add(LedgerTile(log=log, level=level, number=number, hashes=hashes))
        else:
            row.hashes = hashes
    session.flush()


def _split(tile: bytes) -> list[bytes]:
    return [tile[at : at + merkle.HASH_SIZE] for at in range(0, len(tile), merkle.HASH_SIZE)]


def _fold(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = _paired(hashes)
    return hashes[0]

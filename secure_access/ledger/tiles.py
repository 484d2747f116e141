"""The tree as C2SP tlog-tiles: 256 hashes to a tile, so that a proof reads a few rows, never all leaves.

Tile ``(level, number)`` holds the hashes of tree level ``8 * level`` from ``256 * number`` on. Tiles are a
cache: `grow` from nothing makes them again, byte for byte, out of the leaves in the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from sqlalchemy import bindparam, select

from secure_access.db import Session, col
from secure_access.ledger import merkle
from secure_access.ledger.tables import LedgerTile, Log

HEIGHT = 8
WIDTH = 1 << HEIGHT
KEPT = 1024
"""Tiles whose inner hashes are kept in memory: 24 MiB when all are full."""

Load = Callable[[int, int], bytes]
"""``load(level, number)``: the bytes of a tile, empty when there is none."""


_STORED = select(col(LedgerTile.hashes)).where(
    col(LedgerTile.log) == bindparam("log"),
    col(LedgerTile.level) == bindparam("level"),
    col(LedgerTile.number) == bindparam("number"),
)
_PATH = re.compile(r"tile/(0|[1-9]\d?)/((?:x\d{3}/)*)(\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)
MAX_LEVEL = 63
MAX_NUMBER = 2**63


def path(level: int, number: int, width: int = WIDTH) -> str:
    """Where C2SP tlog-tiles has a tile of ``width`` hashes: ``tile/<level>/<number>[.p/<width>]``."""
    if not (0 <= level <= MAX_LEVEL and 0 <= number < MAX_NUMBER and 0 < width <= WIDTH):
        raise ValueError(f"there is no tile {level}/{number} of {width} hashes")
    digits = f"{number:03d}"
    digits = digits.zfill(len(digits) + -len(digits) % 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{place}" + ("" if width == WIDTH else f".p/{width}")


def parse_path(text: str) -> tuple[int, int, int]:
    """Level, number and width of a tile from its path.

    Raises ``ValueError`` for what is not the one path of a tile.
    """
    match = _PATH.fullmatch(text)
    if match is None:
        raise ValueError(f"not the path of a tile: {text[:80]!r}")
    number = int(match[2].replace("x", "").replace("/", "") + match[3])
    found = (int(match[1]), number, int(match[4] or WIDTH))
    if path(*found) != text:
        raise ValueError(f"not the path of a tile: {text[:80]!r}")
    return found


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

"""The machine-readable part of a page mark: 80 bits as light and dark cells over the whole page.

The page is covered with square cells. Cell (column, row) shows place ``column + STRIDE * row`` of one
circular sequence of `CELLS` places. So the picture repeats along two directions of equal length at a right
angle, askew to lines and columns of text, whose own repetition thus never looks like ours. Any area as large
as one repetition holds every place, wherever it was cut. Of the places, some are the same in every mark and
give the position; the others carry the 20 bytes of a Reed-Solomon code, each bit at four scattered places.

Signs and scatter come from SHAKE-256 of a fixed text: they are no secret. What cannot be forged is the MAC.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from reedsolo import ReedSolomonError, RSCodec

Numbers = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

ALONG, ASIDE = 31, 9
"""One repetition in cells: the vectors (31, 9) and (-9, 31)."""
CELLS = ALONG**2 + ASIDE**2
STRIDE = -ALONG * pow(ASIDE, -1, CELLS) % CELLS
PAYLOAD, CODE = 10, 20
"""Bytes before and after the Reed-Solomon code: 5 wrong bytes are put right, or 10 known as doubtful."""
COPIES = 4
_SEED = b"assay.page-mark/v1 cells"
_CODEC = RSCodec(CODE - PAYLOAD)


def _stream(what: bytes, count: int) -> npt.NDArray[np.uint64]:
    return np.frombuffer(hashlib.shake_256(_SEED + b"\0" + what).digest(8 * count), dtype=">u8").astype(
        np.uint64
    )


SIGNS: Numbers = np.where(_stream(b"signs", CELLS) & np.uint64(1), 1, -1).astype(np.float32)
"""What each place is multiplied with."""
_ORDER = np.argsort(_stream(b"order", CELLS), kind="stable")
BITS = 8 * CODE
CARRIERS: Places = _ORDER[: COPIES * BITS].reshape(COPIES, BITS)
"""The places of each bit of the code."""
STEADY: Places = _ORDER[COPIES * BITS :]
"""The places that are the same in every mark."""


def sequence(payload: bytes) -> Numbers:
    """Plus or minus one for every place. ``payload`` has `PAYLOAD` bytes."""
    bits = np.unpackbits(np.frombuffer(bytes(_CODEC.encode(payload)), dtype=np.uint8))
    levels = np.ones(CELLS, dtype=np.float32)
    levels[CARRIERS] = np.where(bits, 1, -1)[None, :]
    return levels * SIGNS


def steady() -> Numbers:
    """The part that is the same in every mark; zero elsewhere."""
    levels = np.zeros(CELLS, dtype=np.float32)
    levels[STEADY] = SIGNS[STEADY]
    return levels


def cells(columns: int, rows: int) -> Places:
    """Which place each cell of a page shows, from its upper left corner."""
    return (np.arange(columns)[None, :] + STRIDE * np.arange(rows)[:, None]) % CELLS


def readings(levels: Numbers) -> list[bytes]:
    """The payloads that a measured sequence may hold, likeliest first; none if it is too far from all.

    Bytes whose weakest bit is the weakest of all are given up in twos, up to all that the code can replace.
    """
    soft = (levels * SIGNS)[CARRIERS].sum(axis=0)
    received = np.packbits(soft > 0).tobytes()
    doubt = np.argsort(np.abs(soft).reshape(CODE, 8).min(axis=1), kind="stable")
    found: list[bytes] = []
    for given_up in range(0, CODE - PAYLOAD + 1, 2):
        try:
            payload = bytes(_CODEC.decode(received, erase_pos=[int(place) for place in doubt[:given_up]])[0])
        except ReedSolomonError:
            continue
        if payload not in found:
            found.append(payload)
    return found

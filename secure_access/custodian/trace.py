"""Reads the mark of a released page out of a picture of it: which release it was, if the MAC fits.

First the paper is told from what is printed on it and only the paper is looked at; then its repetition gives
the size of a cell (by autocorrelation), the steady part of the pattern the position, the rest the 80 bits.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from secure_access.custodian import mark, pattern
from secure_access.custodian.pattern import ALONG, ASIDE, CELLS, STRIDE, Numbers

Exact = npt.NDArray[np.float64]

MOST_PIXELS = 2_200_000
"""A larger picture is made smaller first: a page at zoom 1 has as many."""
LARGEST_PICTURE = 200_000_000
BLOCK = 24
"""Pixels: over such squares the level of the paper is told."""
PAPER = 15
"""Levels: what is further from the paper is print."""
SIZES = np.exp(np.arange(np.log(2.6), np.log(22), 0.002))
"""Cells, in pixels, that are looked for."""
NEIGHBOURS = tuple((m, n) for m in range(3) for n in range(-2, 3) if (m, n) > (0, 0))
"""Repetitions that are looked at, in steps of the two vectors; the opposite ones are the same."""
CANDIDATES, FIT = 4, 7.0
"""How many sizes are tried; and how far a fit stands out of chance, in standard deviations."""
REPEATS = 5.0
"""As far a repetition has to stand out, for the picture to be looked at closer."""
_steady = np.conj(np.fft.rfft(pattern.steady()))


@dataclass(frozen=True)
class Release:
    """The picture carries the mark of this release."""

    number: int


@dataclass(frozen=True)
class NoEvidence:
    """No mark with a fitting MAC was found. That is no proof that there was none."""


def trace(picture: Image.Image, key: bytes) -> Release | NoEvidence:
    """Which release a picture shows."""
    return checked(payloads(picture), key)


def checked(found: Iterable[bytes], key: bytes) -> Release | NoEvidence:
    """The first payload whose MAC is that of its number under the mark key."""
    for payload in found:
        number = int.from_bytes(payload[:5], "big")
        if number and hmac.compare_digest(payload, mark.tag(number, key)):
            return Release(number)
    return NoEvidence()


def payloads(picture: Image.Image) -> Iterator[bytes]:
    """The 80 bits that a picture may carry, unchecked."""
    grey = picture.convert("L")
    if grey.width * grey.height > MOST_PIXELS:
        scale = (MOST_PIXELS / (grey.width * grey.height)) ** 0.5
        smaller = (max(1, int(grey.width * scale)), max(1, int(grey.height * scale)))
        grey = grey.resize(smaller, Image.Resampling.BOX if scale < 0.4 else Image.Resampling.BICUBIC)
    if min(grey.size) < 4 * BLOCK:
        return
    texture, paper = _paper(np.asarray(grey, dtype=np.float32))
    for size in _sizes(texture):
        fits = [_fitted(texture, paper, size * (1 + step * 0.0008)) for step in (-1, 0, 1)]
        fit, levels = max(fits, key=lambda one: one[0])
        if fit >= FIT:
            yield from pattern.readings(levels)


def _paper(levels: Numbers) -> tuple[Numbers, Numbers]:
    """How far each pixel is from the paper around it, and where there is paper at all (1, elsewhere 0)."""
    down, across = (length // BLOCK for length in levels.shape)
    blocks = levels[: down * BLOCK, : across * BLOCK].reshape(down, BLOCK, across, BLOCK)
    ground = np.median(blocks.transpose(0, 2, 1, 3).reshape(down, across, -1), axis=2)
    size = (levels.shape[1], levels.shape[0])
    smooth = Image.fromarray(ground.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    texture = levels - np.asarray(smooth)
    paper = (np.abs(texture) <= PAPER).astype(np.float32)
    sums = [_blocked(texture * paper, down, across), _blocked(paper, down, across)]
    mean = (sums[0] / np.maximum(sums[1], 1)).astype(np.float32)
    texture = (texture - np.asarray(Image.fromarray(mean).resize(size, Image.Resampling.BILINEAR))) * paper
    return texture, paper


def _blocked(levels: Numbers, down: int, across: int) -> Numbers:
    cut = levels[: down * BLOCK, : across * BLOCK].reshape(down, BLOCK, across, BLOCK)
    total: Numbers = cut.sum(axis=(1, 3))
    return total


def _sizes(texture: Numbers) -> list[float]:
    """The likeliest sizes of a cell, from where the texture looks like itself again."""
    height, width = (_smooth(length + min(length, 700)) for length in texture.shape)
    spectrum = np.fft.rfft2(texture, (height, width))
    alike = np.fft.irfft2(np.abs(spectrum) ** 2, (height, width)).astype(np.float32)
    alike /= max(float(alike[0, 0]), 1e-6)
    total, count = np.zeros(len(SIZES)), np.zeros(len(SIZES))
    for m, n in NEIGHBOURS:
        x, y = SIZES * (m * ALONG - n * ASIDE), SIZES * (m * ASIDE + n * ALONG)
        within = (np.abs(x) < texture.shape[1] * 0.8) & (np.abs(y) < texture.shape[0] * 0.8)
        within &= (np.abs(x) < width - texture.shape[1] * 0.8) | (width > 2 * np.abs(x))
        total += np.where(within, _between(alike, x, y), 0)
        count += within
    score = total / np.sqrt(np.maximum(count, 1))
    score[count < 2] = 0
    spread = np.median(np.abs(score[count >= 2])) * 1.4826 + 1e-9 if (count >= 2).any() else 1.0
    found: list[float] = []
    for place in np.argsort(-score):
        if score[place] < REPEATS * spread or len(found) == CANDIDATES:
            break
        if all(abs(SIZES[place] / other - 1) > 0.01 for other in found):
            found.append(float(SIZES[place]))
    return found


def _between(field: Numbers, x: Exact, y: Exact) -> Exact:
    """The field at places between its points; it goes on at its other side."""
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, below = x - left, y - top
    height, width = field.shape
    rows, columns = (top % height, (top + 1) % height), (left % width, (left + 1) % width)
    upper = field[rows[0], columns[0]] * (1 - right) + field[rows[0], columns[1]] * right
    lower = field[rows[1], columns[0]] * (1 - right) + field[rows[1], columns[1]] * right
    found: Exact = upper * (1 - below) + lower * below
    return found


def _fitted(texture: Numbers, paper: Numbers, size: float) -> tuple[float, Numbers]:
    """How well the steady part fits at its best position, and the levels of the sequence there."""
    parts = max(1, min(4, int(size)))
    sums, weights = _gathered(texture, size, parts), _gathered(paper, size, parts)
    best, levels = 0.0, np.zeros(CELLS, dtype=np.float32)
    for below in range(parts):
        for right in range(parts):
            folded = _folded(sums, weights, (below, right), parts)
            fits = np.fft.irfft(np.fft.rfft(folded) * _steady, CELLS)
            place = int(np.argmax(fits))
            fit = float((fits[place] - fits.mean()) / (fits.std() + 1e-9))
            if fit > best:
                best, levels = fit, np.roll(folded, -place).astype(np.float32)
    return best, levels


def _gathered(field: Numbers, size: float, parts: int) -> Numbers:
    """Sums over parts of cells."""
    for axis in (0, 1):
        edges = np.floor(np.arange(0, field.shape[axis], size / parts) + 0.5).astype(int)
        field = np.add.reduceat(field, edges[edges < field.shape[axis]], axis=axis)
    return field


def _folded(sums: Numbers, weights: Numbers, start: tuple[int, int], parts: int) -> Numbers:
    """The mean level of every place of the sequence, if the first whole cell starts there."""
    rows, columns = ((length - begin) // parts for length, begin in zip(sums.shape, start, strict=True))
    window = np.s_[start[0] : start[0] + rows * parts, start[1] : start[1] + columns * parts]
    places = ((np.arange(columns)[None, :] + STRIDE * np.arange(rows)[:, None]) % CELLS).ravel()
    folded = [
        np.bincount(
            places,
            field[window].reshape(rows, parts, columns, parts).sum(axis=(1, 3)).ravel(),
            minlength=CELLS,
        )
        for field in (sums, weights)
    ]
    level: Numbers = (folded[0] / (np.sqrt(folded[1]) + 1)).astype(np.float32)
    return level


def _smooth(length: int) -> int:
    """The next length that a Fourier transform is quick with."""
    best = 1 << (length - 1).bit_length()
    for threes in (1, 3, 9, 27):
        for fives in (1, 5, 25):
            rest = -(-length // (threes * fives))
            best = min(best, threes * fives * (1 << (rest - 1).bit_length()))
    return best

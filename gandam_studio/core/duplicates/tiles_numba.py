"""The loops over tiles of `alignment` and `measures`, compiled. Imported only by `compiled`.

Only single operations on float32 and float64 are done here, in the order in which numpy does them. Products of matrices
are left to numpy, whose library sums in an order of its own.
"""

# mypy: disable-error-code="call-arg"
# (numba passes an intrinsic's typing context, which mypy does not know.)

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped, import-not-found, unused-ignore]
from numba import njit, types  # type: ignore[import-not-found, unused-ignore]
from numba.extending import intrinsic  # type: ignore[import-not-found, unused-ignore]


@intrinsic
def _fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c of float32, rounded once."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@njit("float32[:, :, :, ::1](uint8[:, :, :, ::1], boolean[:])", cache=True, nogil=True, boundscheck=False)
def scaled(tiles, mirrored):
    """Convert (P, SIDE, SIDE, 4) uint8 tiles to float32 in [0, 1]; those that are marked, mirrored."""
    count, height, width, channels = tiles.shape
    made = np.empty(tiles.shape, dtype=np.float32)
    for pair in range(count):
        for y in range(height):
            for x in range(width):
                source = width - 1 - x if mirrored[pair] else x
                for channel in range(channels):
                    made[pair, y, x, channel] = np.float32(tiles[pair, y, source, channel]) / np.float32(255)
    return made


@njit("boolean[::1](float32[:, :, :, ::1], float32[:, :, :, ::1], float32)", cache=True, nogil=True, boundscheck=False)
def apart(first, second, least):
    """Which of (P, SIDE, SIDE, 4) tiles differ by more than `least` somewhere."""
    found = np.zeros(len(first), dtype=np.bool_)
    for pair in range(len(first)):
        one, other = first[pair].ravel(), second[pair].ravel()
        for place in range(len(one)):
            if abs(one[place] - other[place]) > least:
                found[pair] = True
                break
    return found


@njit(
    "float32[:, :, :, ::1](float32[:, :, :, ::1], float32[:, :, ::1], float32, float32)",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def shapes(tiles, luma, least, weight):
    """As `alignment._shapes`; luma: (P, SIDE, SIDE) brightness, multiplied by opacity."""
    count, height, width, _ = tiles.shape
    made = np.empty((count, height, width, 2), dtype=np.float32)
    light = np.empty((height, width), dtype=np.float32)
    for pair in range(count):
        for y in range(height):
            for x in range(width):
                light[y, x] = luma[pair, y, x] / max(tiles[pair, y, x, 3], least)
        for y in range(height):
            below = min(y + 1, height - 1)
            for x in range(width):
                across = light[y, min(x + 1, width - 1)] - light[y, x]
                down = light[below, x] - light[y, x]
                alpha = tiles[pair, y, x, 3]
                made[pair, y, x, 0] = alpha
                made[pair, y, x, 1] = weight * np.sqrt(across * across + down * down) * alpha
    return made


@njit(
    "float32[:, ::1](float32[:, :, :, ::1], float32[:, :, :, ::1], float32[:, :, :, :, ::1])",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def slopes(now, wanted, into):
    """As `alignment._slopes`."""
    count, height, width, channels = now.shape
    size = width * channels
    off = np.empty((count, height * size), dtype=np.float32)
    # The neighbours of each value of a row, which of them there are, and how far the row's pixels are from the middle.
    u = np.empty(size, dtype=np.float32)
    for place in range(size):
        u[place] = np.float32(place // channels - (width - 1) / 2)
    half = np.float32(0.5)
    for pair in range(count):
        rows, aims = now[pair].reshape(height, size), wanted[pair].reshape(height, size)
        lines, left = into[pair].reshape(height, size, 4), off[pair].reshape(height, size)
        for y in range(height):
            row, aim, line, rest = rows[y], aims[y], lines[y], left[y]
            above, below = rows[max(0, y - 1)], rows[min(height - 1, y + 1)]
            step = half if 0 < y < height - 1 else np.float32(1)
            v = np.float32(y - (height - 1) / 2)
            for place in range(size):
                down = (below[place] - above[place]) * step
                line[place, 2] = down * v
                line[place, 3] = down
                rest[place] = aim[place] - row[place]
            for place in range(channels, size - channels):
                across = (row[place + channels] - row[place - channels]) * half
                line[place, 0] = across * u[place]
                line[place, 1] = across
            for place in range(channels):
                across = row[place + channels] - row[place]
                line[place, 0], line[place, 1] = across * u[place], across
                last = size - channels + place
                across = row[last] - row[last - channels]
                line[last, 0], line[last, 1] = across * u[last], across
    return off


@njit(cache=True, nogil=True, boundscheck=False)
def _taps(stretch, shift, x, side):
    """The first of the two source pixels of a target pixel, and the weights of both."""
    centre = (side - 1) / 2
    place = np.float64(np.float32(1) + stretch) * (x - centre) + np.float64(shift) + centre
    first = np.int64(np.floor(place))
    weight = np.float32(max(0.0, 1 - abs(place - first)))
    return first, weight, np.float32(max(0.0, 1 - abs(place - (first + 1))))


@njit("float32[:, :, ::1](float32[:], float32[:], int64)", cache=True, nogil=True, boundscheck=False)
def sampling(stretch, shift, side):
    """As `alignment._sampling`."""
    made = np.zeros((len(stretch), side, side), dtype=np.float32)
    for pair in range(len(stretch)):
        for x in range(side):
            first, weight, next_weight = _taps(stretch[pair], shift[pair], x, side)
            if 0 <= first < side:
                made[pair, x, first] = weight
            if 0 <= first + 1 < side:
                made[pair, x, first + 1] = next_weight
    return made


@njit("float32[:, :, :, ::1](float32[:, :, :, ::1], float32[:], float32[:])", cache=True, nogil=True, boundscheck=False)
def resampled_across(tiles, stretch, shift):
    """Resample the rows of (P, SIDE, SIDE, C) tiles; adds products as the small ones of OpenBLAS with FMA do."""
    count, height, side, channels = tiles.shape
    made = np.empty(tiles.shape, dtype=np.float32)
    zero = np.float32(0)
    for pair in range(count):
        for x in range(side):
            first, weight, next_weight = _taps(stretch[pair], shift[pair], x, side)
            here, there = 0 <= first < side, 0 <= first + 1 < side
            for y in range(height):
                for channel in range(channels):
                    value = zero
                    if here:
                        value = _fused(weight, tiles[pair, y, first, channel], value)
                    if there:
                        value = _fused(next_weight, tiles[pair, y, first + 1, channel], value)
                    made[pair, y, x, channel] = value
    return made


@njit(
    "Tuple((float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1], float32[:, :, :, ::1], float32[:, :, :, ::1]))"
    "(float32[:, :, :, ::1], float32[:, :, :, ::1], float32)",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def halved(first, second, least):
    """Every other pixel of two batches of tiles, as `measures._halved`."""
    count, height, width = len(first), (first.shape[1] + 1) // 2, (first.shape[2] + 1) // 2
    common = np.empty((count, height, width), dtype=np.float32)
    union, off = np.empty_like(common), np.empty_like(common)
    mine = np.empty((count, height, width, 3), dtype=np.float32)
    other = np.empty_like(mine)
    for pair in range(count):
        for y in range(height):
            for x in range(width):
                a, b = first[pair, 2 * y, 2 * x], second[pair, 2 * y, 2 * x]
                common[pair, y, x], union[pair, y, x] = min(a[3], b[3]), max(a[3], b[3])
                divisor, other_divisor = max(a[3], least), max(b[3], least)
                total = np.float32(0)
                for channel in range(3):
                    change = a[channel] - b[channel]
                    total += change * change
                    mine[pair, y, x, channel] = a[channel] / divisor
                    other[pair, y, x, channel] = b[channel] / other_divisor
                off[pair, y, x] = total / np.float32(3)
    return common, union, off, mine, other


@njit("float32[:, :, ::1](float32[:, :, :, ::1])", cache=True, nogil=True, boundscheck=False)
def edges(colours):
    """As `measures._edges`."""
    count, height, width, channels = colours.shape
    made = np.empty((count, height, width), dtype=np.float32)
    for pair in range(count):
        for y in range(height):
            below = min(y + 1, height - 1)
            for x in range(width):
                beside = min(x + 1, width - 1)
                total = np.float32(0)
                for channel in range(channels):
                    here = colours[pair, y, x, channel]
                    across = colours[pair, y, beside, channel] - here
                    down = colours[pair, below, x, channel] - here
                    total += across * across + down * down
                made[pair, y, x] = np.sqrt(total)
    return made


@njit(
    "Tuple((float32[:, :, ::1], float32[:, :, ::1]))(float32[:, :, :, ::1], float32[:, :, ::1])",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def quadratic(source, weight):
    """The (P, K, 10) terms of a quadratic map from (P, h, w, 3) colours, and the same by their (P, h, w) weight."""
    count, height, width, _ = source.shape
    terms = np.empty((count, height * width, 10), dtype=np.float32)
    weighted = np.empty_like(terms)
    for pair in range(count):
        place = 0
        for y in range(height):
            for x in range(width):
                r, g, b = source[pair, y, x]
                into = terms[pair, place]
                into[0], into[1], into[2], into[3] = np.float32(1), r, g, b
                into[4], into[5], into[6], into[7], into[8], into[9] = r * r, g * g, b * b, r * g, g * b, r * b
                for term in range(10):
                    weighted[pair, place, term] = into[term] * weight[pair, y, x]
                place += 1
    return terms, weighted


@njit("float32[:, :, ::1](float32[:, :, ::1], float32[:, :, ::1])", cache=True, nogil=True, boundscheck=False)
def summed(values, weight):
    """Sums over pixels of (P, K, 3) values by their (P, K, 1) weight: (P, 1, 3)."""
    made = np.zeros((len(values), 1, values.shape[2]), dtype=np.float32)
    for pair in range(len(values)):
        for place in range(values.shape[1]):
            for channel in range(values.shape[2]):
                made[pair, 0, channel] += values[pair, place, channel] * weight[pair, place, 0]
    return made


@njit(
    "float32[:, :, ::1](float32[:, :, ::1], float32[:, :, :], float32[:, :, ::1])",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def squared_off(values, others, weight):
    """Squared differences of (P, K, 3) values by their (P, K, 1) weight; others: (P, K, 3) or (P, 1, 3)."""
    made = np.empty(values.shape, dtype=np.float32)
    for pair in range(len(values)):
        for place in range(values.shape[1]):
            other = others[pair, place if others.shape[1] > 1 else 0]
            for channel in range(values.shape[2]):
                change = values[pair, place, channel] - other[channel]
                made[pair, place, channel] = change * change * weight[pair, place, 0]
    return made


def rounds_as_numpy() -> bool:
    """Whether `resampled_across` is numpy's product of matrices to the last bit, tried on random tiles.

    It is wherever the library under numpy adds products with FMA, one after another, as OpenBLAS does.
    """
    generator = np.random.default_rng(1)
    stretch, shift = (generator.uniform(-reach, reach, 8).astype(np.float32) for reach in (0.2, 3))
    weights = sampling(stretch, shift, 32)[:, None]
    for channels in (2, 4):
        tiles = generator.random((8, 32, 32, channels), dtype=np.float32)
        if not np.array_equal(weights @ tiles, resampled_across(tiles, stretch, shift)):
            return False
    return True

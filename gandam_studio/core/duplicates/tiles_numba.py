"""The loops over tiles of `alignment` and `measures`, compiled. Imported only by `compiled`.

Only single operations on float32 and float64 are done here, in the order in which numpy does them. Products of matrices
are left to numpy, whose library sums in an order of its own, unless each sum has two terms only (`resampled`).
"""

# mypy: disable-error-code="call-arg"
# (numba passes an intrinsic's typing context, which mypy does not know.)

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped, import-not-found, unused-ignore]
from numba import njit, types  # type: ignore[import-not-found, unused-ignore]
from numba.extending import intrinsic  # type: ignore[import-not-found, unused-ignore]

from gandam_studio.core.duplicates.sampling import resampled as products


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


@njit("boolean[::1](float32[:, ::1], float32[:, ::1], float32)", cache=True, nogil=True, boundscheck=False)
def apart(first, second, least):
    """Which of (P, N) values of tiles differ by more than `least` somewhere."""
    count, size = first.shape
    found = np.empty(count, dtype=np.bool_)
    for pair in range(count):
        found[pair] = False
        for place in range(size):
            if abs(first[pair, place] - second[pair, place]) > least:
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
    "float32[:, ::1](float32[:, :, ::1], float32[:, :, ::1], float32[:, :, :, ::1], int64)",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def slopes(now, wanted, into, channels):
    """As `alignment._slopes`, for (P, SIDE, SIDE * channels) values."""
    count, height, size = now.shape
    width = size // channels
    off = np.empty((count, height * size), dtype=np.float32)
    # How far the pixels of a row are from the middle.
    u = np.empty(size, dtype=np.float32)
    for place in range(size):
        u[place] = np.float32(place // channels - (width - 1) / 2)
    half, whole = np.float32(0.5), np.float32(1)
    for pair in range(count):
        for y in range(height):
            row, aim, line = now[pair, y], wanted[pair, y], into[pair, y]
            above, below = now[pair, max(0, y - 1)], now[pair, min(height - 1, y + 1)]
            step = half if 0 < y < height - 1 else whole
            v = np.float32(y - (height - 1) / 2)
            for place in range(size):
                down = (below[place] - above[place]) * step
                line[place, 2] = down * v
                line[place, 3] = down
                off[pair, y * size + place] = aim[place] - row[place]
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


@njit(
    "float32[:, :, ::1](float32[:, :, ::1], float32[:, :], int64, boolean, boolean)",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def resampled(tiles, parameters, channels, fused_down, fused_across):
    """As `alignment.warp`, for (P, SIDE, SIDE * channels) values, none of them negative.

    fused_down, fused_across: whether the second product of a sum is added before it is rounded.
    """
    count, side, size = tiles.shape
    margin = 2 * channels
    made = np.empty(tiles.shape, dtype=np.float32)
    empty = np.zeros(size, dtype=np.float32)
    row = np.zeros(size + 2 * margin, dtype=np.float32)  # with two empty pixels at both ends
    start = np.empty(size, dtype=np.int64)
    weights, next_weights = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.float32)
    for pair in range(count):
        for x in range(side):
            first, weight, next_weight = _taps(parameters[pair, 0], parameters[pair, 1], x, side)
            for channel in range(channels):
                place = channels * x + channel
                start[place] = margin + channels * max(-2, min(side, first)) + channel
                weights[place], next_weights[place] = weight, next_weight
        for y in range(side):
            first, weight, next_weight = _taps(parameters[pair, 2], parameters[pair, 3], y, side)
            here = tiles[pair, first] if 0 <= first < side else empty
            there = tiles[pair, first + 1] if 0 <= first + 1 < side else empty
            if fused_down:
                for place in range(size):
                    row[margin + place] = _fused(next_weight, there[place], weight * here[place])
            else:
                for place in range(size):
                    row[margin + place] = weight * here[place] + next_weight * there[place]
            into = made[pair, y]
            if fused_across:
                for place in range(size):
                    one = weights[place] * row[start[place]]
                    into[place] = _fused(next_weights[place], row[start[place] + channels], one)
            else:
                for place in range(size):
                    one = weights[place] * row[start[place]]
                    into[place] = one + next_weights[place] * row[start[place] + channels]
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


def warped(tiles: np.ndarray, parameters: np.ndarray, fused_down: bool, fused_across: bool) -> np.ndarray:
    """`resampled` for (P, SIDE, SIDE, C) tiles."""
    count, side, _, channels = tiles.shape
    flat = np.ascontiguousarray(tiles).reshape(count, side, side * channels)
    return np.asarray(resampled(flat, parameters, channels, fused_down, fused_across)).reshape(tiles.shape)


def rounding() -> tuple[bool, bool] | None:
    """How `resampled` has to round to be numpy's products of matrices to the last bit; None if it cannot be.

    The library under numpy adds products one after another with FMA (OpenBLAS for most processors), or separately where
    the second matrix is narrow (OpenBLAS for those with AVX-512). Tried on random tiles.
    """
    generator = np.random.default_rng(1)
    parameters = np.concatenate([generator.uniform(-reach, reach, (16, 1)) for reach in (0.2, 3, 0.2, 3)], axis=1)
    parameters = parameters.astype(np.float32)
    tried = [generator.random((16, 32, 32, channels), dtype=np.float32) for channels in (2, 4)]
    wanted = [products(tiles, parameters) for tiles in tried]
    for down, across in itertools.product((True, False), repeat=2):
        made = [warped(tiles, parameters, down, across) for tiles in tried]
        if all(map(np.array_equal, made, wanted)):
            return down, across
    return None

"""The loops over pixels of `relations` and `colours`, compiled. Imported only by `compiled`.

All of it is integers, or single operations on float32 and float64, so the results are those of numpy to the last bit.
"""

# mypy: disable-error-code="call-arg"
# (numba passes an intrinsic's typing context, which mypy does not know.)

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped, import-not-found, unused-ignore]
from numba import njit, types  # type: ignore[import-not-found, unused-ignore]
from numba.extending import intrinsic  # type: ignore[import-not-found, unused-ignore]

_SHIFT = "UniTuple(int64, 2)(uint8[:, ::1], uint8[:, :, ::1], uint8[:, ::1], uint8[:, :, ::1], int64, int64)"


@intrinsic
def _plus_apart(typing_context: Any, total: Any, one: Any, other: Any) -> Any:
    """Return total + |one - other| in 32 bits, which processors sum many bytes at a time; numba would take 64."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(32)
        summed, *both = arguments
        off = builder.sub(*(builder.zext(byte, word) for byte in both))
        negative = builder.icmp_signed("<", off, ir.Constant(word, 0))
        return builder.add(summed, builder.select(negative, builder.neg(off), off))

    return types.int32(types.int32, types.uint8, types.uint8), generate


@njit("int32(uint8[::1], uint8[::1])", cache=True, nogil=True, boundscheck=False)
def _apart(values, others):
    """The sum of the differences of two lines."""
    total = np.int32(0)
    for place in range(len(values)):
        total = _plus_apart(total, values[place], others[place])
    return total


@njit("void(int64, int64, int64, int64[:, ::1])", cache=True, nogil=True, boundscheck=False)
def _shifts(guess, first, second, found):
    """The shifts to try along one axis, as `relations._shifts`, into (8, 3); a row of zeros follows the last."""
    count = 0
    for place in range(7):
        shift = guess - 4 + place
        if place == 0:
            shift = 0
        elif place == 1:
            shift = first - second
        known = False
        for earlier in range(count):
            known = known or found[earlier, 0] == shift
        start, end = max(0, shift), min(first, shift + second)
        if not known and end > start:
            found[count, 0], found[count, 1], found[count, 2] = shift, start, end
            count += 1
    found[count, 0], found[count, 1], found[count, 2] = 0, 0, 0


@njit(_SHIFT, cache=True, nogil=True, boundscheck=False)
def best_shift(alpha, rounded, other_alpha, other_rounded, x, y):
    """The (x, y) at which two contents agree best, near a guess; `relations.on_one_grid` says how."""
    height, width = alpha.shape
    other_height, other_width = other_alpha.shape
    larger = np.float64(max(height * width, other_height * other_width))
    lines, other_lines = rounded.reshape(height, 4 * width), other_rounded.reshape(other_height, 4 * other_width)
    rows, columns = np.empty((8, 3), dtype=np.int64), np.empty((8, 3), dtype=np.int64)
    _shifts(y, height, other_height, rows)
    _shifts(x, width, other_width, columns)
    best = np.inf
    for row in range(8):
        down, top, bottom = rows[row, 0], rows[row, 1], rows[row, 2]
        if bottom <= top:
            break
        for column in range(8):
            right, left, end = columns[column, 0], columns[column, 1], columns[column, 2]
            if end <= left:
                break
            pixels = (bottom - top) * (end - left)
            unshared = 64 * (1 - np.float64(pixels) / larger)
            if unshared >= best:
                continue
            # Sums grow, so a sum that is too large already decides.
            off = np.int64(0)
            cost = unshared
            for v in range(top, bottom):
                off += _apart(alpha[v, left:end], other_alpha[v - down, left - right : end - right])
                cost = np.float64(off) / np.float64(pixels) + unshared
                if cost >= best:
                    break
            if cost >= best:
                continue
            unshared = cost
            off = np.int64(0)
            for v in range(top, bottom):
                part = other_lines[v - down, 4 * (left - right) : 4 * (end - right)]
                off += _apart(lines[v, 4 * left : 4 * end], part)
                cost = np.float64(off) / np.float64(4 * pixels) + unshared
                if cost >= best:
                    break
            if cost < best:
                best, x, y = cost, right, down
            if best == 0:
                return x, y
    return x, y


@njit(
    "Tuple((float32[:, ::1], boolean[:, ::1], int64[::1], float32))"
    "(float32[:, :, ::1], float32[:, :, ::1], boolean[:, ::1], boolean[:, ::1], int64, int64, float32, float32)",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def differences(first, second, seen, other_seen, x, y, same, much):
    """Compare two contents, the second's corner at (x, y) of the first.

    Returns the largest difference of each pixel and where both are seen, for the overlap; numbers of pixels: seen by
    both, by either, of the latter those that differ by at most `same` and by more than `much`; and the largest
    difference.
    """
    left, top = max(0, x), max(0, y)
    right, bottom = (
        max(left, min(first.shape[1], x + second.shape[1])),
        max(top, min(first.shape[0], y + second.shape[0])),
    )
    off = np.empty((bottom - top, right - left), dtype=np.float32)
    both = np.empty((bottom - top, right - left), dtype=np.bool_)
    counts = np.zeros(4, dtype=np.int64)
    largest = np.float32(0)
    for v in range(top, bottom):
        for u in range(left, right):
            apart = np.float32(0)
            for channel in range(4):
                apart = max(apart, abs(first[v, u, channel] - second[v - y, u - x, channel]))
            mine, theirs = seen[v, u], other_seen[v - y, u - x]
            off[v - top, u - left], both[v - top, u - left] = apart, mine and theirs
            largest = max(largest, apart)
            counts[0] += mine and theirs
            if mine or theirs:
                counts[1] += 1
                counts[2] += apart <= same
                counts[3] += apart > much
    return off, both, counts, largest


@njit(cache=True, nogil=True, boundscheck=False)
def _renumbered(colours, count):
    """As `colours._renumbered`, in place; returns how many there are. count: more than the largest number."""
    names = np.zeros(count, dtype=np.int64)
    for place in range(len(colours)):
        names[colours[place]] = 1
    there = 0
    for number in range(count):
        if names[number]:
            names[number] = there
            there += 1
    for place in range(len(colours)):
        colours[place] = names[colours[place]]
    return there


@njit(cache=True, nogil=True, boundscheck=False)
def _together(colour, colours, moved):
    """As `colours.share_together`, but for rounding."""
    total, changed = np.zeros(colours, dtype=np.int64), np.zeros(colours, dtype=np.int64)
    for place in range(len(colour)):
        total[colour[place]] += 1
        changed[colour[place]] += moved[place]
    telling, every, shares = 0, 0, 0.0
    for number in range(colours):
        every += changed[number]
        if total[number] > 1:
            telling += changed[number]
            shares += changed[number] * ((changed[number] - 1) / (total[number] - 1))
    if telling == 0 or telling < 0.5 * every:
        return 0.0
    return shares / telling


@njit(
    "Tuple((int64[::1], int64[::1], boolean[::1], int64[::1], float64))"
    "(int64[:, ::1], int64[:, ::1], int64, int64, float32[:, ::1], boolean[:, ::1], float32)",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def tabulated(colours, other_colours, x, y, off, both, touched):
    """Which colours change to which, where both contents are seen; see `colours.Colours`.

    Returns the number of each pixel's colour in both, and whether it differs by more than `touched`; seven counts: the
    colours of both, moved pixels, pixels with the most frequent counterpart of their colour, there and back, and moved
    pixels whose new colour comes from one colour only, or whose old one changes to one only; and the smaller
    `_together`.
    """
    left, top = max(0, x), max(0, y)
    height, width = both.shape
    count = 0
    for v in range(height):
        for u in range(width):
            count += both[v, u]
    index, target = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    moved = np.empty(count, dtype=np.bool_)
    place, highest, other_highest, moves = 0, 0, 0, 0
    for v in range(height):
        for u in range(width):
            if both[v, u]:
                index[place] = colours[v + top, u + left]
                target[place] = other_colours[v + top - y, u + left - x]
                moved[place] = off[v, u] > touched
                moves += moved[place]
                highest, other_highest = max(highest, index[place]), max(other_highest, target[place])
                place += 1
    mine, other = _renumbered(index, highest + 1), _renumbered(target, other_highest + 1)
    # Pixels in the order of the first's colours, so that one row of the table is counted at a time.
    start = np.zeros(mine + 1, dtype=np.int64)
    for place in range(count):
        start[index[place] + 1] += 1
    for number in range(mine):
        start[number + 1] += start[number]
    at, ordered = start[:-1].copy(), np.empty(count, dtype=np.int64)
    for place in range(count):
        ordered[at[index[place]]] = target[place]
        at[index[place]] += 1
    targets, sources = np.zeros(mine, dtype=np.int64), np.zeros(other, dtype=np.int64)
    back, met = np.zeros(other, dtype=np.int64), np.zeros(other, dtype=np.int64)
    follows = 0
    for number in range(mine):
        most = 0
        for place in range(start[number], start[number + 1]):
            to = ordered[place]
            if met[to] == 0:
                targets[number] += 1
                sources[to] += 1
            met[to] += 1
            most = max(most, met[to])
            back[to] = max(back[to], met[to])
        for place in range(start[number], start[number + 1]):
            met[ordered[place]] = 0
        follows += most
    counts = np.zeros(7, dtype=np.int64)
    counts[0], counts[1], counts[2], counts[3], counts[4] = mine, other, moves, follows, back.sum()
    for place in range(count):
        if moved[place]:
            counts[5] += sources[target[place]] == 1
            counts[6] += targets[index[place]] == 1
    together = min(_together(index, mine, moved), _together(target, other, moved))
    return index, target, moved, counts, together


@njit(
    "Tuple((float32[:, ::1], float32[:, ::1], float32[::1], float32[::1]))"
    "(float32[:, :, :], float32[:, :, :], boolean[:, :], boolean[:, :])",
    cache=True,
    nogil=True,
    boundscheck=False,
)
def steps(first, second, both, touched):
    """As `colours._steps`, and the largest of each step over four channels."""
    height, width = both.shape
    mine = np.empty((2 * height * width, 4), dtype=np.float32)
    other = np.empty_like(mine)
    sizes, other_sizes = np.empty(len(mine), dtype=np.float32), np.empty(len(mine), dtype=np.float32)
    count = 0
    for down, right in ((1, 0), (0, 1)):
        for y in range(down, height):
            for x in range(right, width):
                above, left = y - down, x - right
                if both[y, x] and both[above, left] and (touched[y, x] or touched[above, left]):
                    size, other_size = np.float32(0), np.float32(0)
                    for channel in range(4):
                        step = first[y, x, channel] - first[above, left, channel]
                        other_step = second[y, x, channel] - second[above, left, channel]
                        mine[count, channel], other[count, channel] = step, other_step
                        size, other_size = max(size, abs(step)), max(other_size, abs(other_step))
                    sizes[count], other_sizes[count] = size, other_size
                    count += 1
    return mine[:count], other[:count], sizes[:count], other_sizes[:count]


@njit("float32[:, :, ::1](uint8[:, :, :])", cache=True, nogil=True, boundscheck=False)
def weighted(rgba):
    """As `colours.weighted`."""
    height, width, _ = rgba.shape
    made = np.empty((height, width, 4), dtype=np.float32)
    for y in range(height):
        for x in range(width):
            alpha = np.float32(rgba[y, x, 3])
            share = alpha / np.float32(255)
            for channel in range(3):
                made[y, x, channel] = np.float32(rgba[y, x, channel]) * share
            made[y, x, 3] = alpha
    return made


@njit(
    "float32[:, :, ::1](float32[:, :, :], float32[:, :, :], uint8[:, ::1])", cache=True, nogil=True, boundscheck=False
)
def layers(first, second, core):
    """The differences of colours in [-1, 1] where `core` is not 0, and where that is; see `colours.colour_shift`."""
    height, width = core.shape
    made = np.zeros((height, width, 4), dtype=np.float32)
    for y in range(height):
        for x in range(width):
            if core[y, x]:
                for channel in range(3):
                    made[y, x, channel] = (first[y, x, channel] - second[y, x, channel]) / np.float32(255)
                made[y, x, 3] = np.float32(1)
    return made

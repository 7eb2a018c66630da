"""64-bit digests of a content's pixels and of its mirror image, computed in one pass.

Multilinear hashing (Carter and Wegman 1979; Lemire and Kaser 2013) with fixed odd weights: each column becomes two
32-bit sums of its pixels times its rows' weights. The mixed column sums are summed again, with weights counted from
the left for the picture and from the right for its mirror image. A cryptographic digest would have to read the pixels
twice and costs ten times as much. Equal digests only make candidates: the pixels are compared before two pictures are
reported as equal.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15
_STRIP = 1 << 17  # pixels, 512 KB
_LEFT = 0.9  # of a side, that nobody who trims a sprite cuts off


def pixel_digests(
    words: np.ndarray, heights: np.ndarray, widths: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the digests of N contents and of their mirror images, and those of their halves.

    Two (N,) uint64 and one (N, 8), in the order of `layout.HALVES`: about the upper, lower, left and right half, then
    their mirror images; 0 for a half that says nothing, as one of stripes. A half is a power of two of rows or columns
    counted from one edge, so that a little cut off elsewhere does not change it.

    words: (N, H, W) uint32, one RGBA pixel each, with a content in each top left corner, padded with zeros.
    heights, widths: (N,) sizes of the contents. The padding does not affect the digests.
    """
    count, height, width = words.shape
    upper, lower = weights(height).view(np.uint32).reshape(-1, 2).T | np.uint32(1)
    sums = np.zeros((2, count, width), dtype=np.uint32)
    halves = np.zeros((2, count, width), dtype=np.uint32)
    tall = half_of(heights)
    by_half = _from_both_ends(lower, heights, tall)
    # A large picture is read in strips that fit the CPU cache; sums modulo 2**32 do not depend on the order.
    strip = max(1, _STRIP // width) if count == 1 else height
    for top in range(0, height, strip):
        rows = slice(top, top + strip)
        part = words[:, rows] >> np.uint32(15)
        # Opacity is in the highest bits, which barely depend on the row's weight: copy them to lower bits.
        part ^= words[:, rows]
        sums[0] += np.einsum("y,nyx->nx", upper[rows], part)
        sums[1] += np.einsum("y,nyx->nx", lower[rows], part)
        for end in (0, 1):
            if count == 1:
                halves[end] += np.einsum("y,nyx->nx", by_half[end][0, rows], part)
            else:
                halves[end] += np.einsum("ny,nyx->nx", by_half[end][:, rows], part)
    columns = _mixed(sums[0].astype(np.uint64) << np.uint64(32) | sums[1])
    straight, mirrored = _across(columns, np.zeros(count, dtype=np.int64), widths, heights)
    return straight, mirrored, _halves(columns, halves, heights, widths, tall)


def half_of(sides: np.ndarray) -> np.ndarray:
    """The largest power of two of pixels that is left of (N,) sides with a tenth cut off; 0 of one pixel."""
    return np.where(sides > 1, 1 << np.log2(np.maximum(sides * _LEFT, 1)).astype(np.int64), 0)


def _from_both_ends(row_weights: np.ndarray, heights: np.ndarray, tall: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, H) uint32 weights of the upper half's rows and of the lower half's; 0 elsewhere."""
    place = np.arange(len(row_weights))[None]
    below = place - (heights - tall)[:, None]
    first = np.where(place < tall[:, None], row_weights, np.uint32(0))
    last = np.where((below >= 0) & (below < tall[:, None]), row_weights[below.clip(0)], np.uint32(0))
    return first, last


def _halves(
    columns: np.ndarray, sums: np.ndarray, heights: np.ndarray, widths: np.ndarray, tall: np.ndarray
) -> np.ndarray:
    """(N, 8) digests of halves by (N, W) digests of whole columns and (2, N, W) sums of half columns."""
    wide = half_of(widths)
    found = []
    for one in sums:
        made = _mixed(one.astype(np.uint64) * np.uint64(_GOLDEN))
        there = made != 0
        first = there.argmax(axis=1)
        last = made.shape[1] - there[:, ::-1].argmax(axis=1)
        found.append((made, first, np.where(there.any(axis=1), last - first, 0), tall))
    found += [(columns, start, wide, heights) for start in (np.zeros_like(widths), widths - wide)]
    straight, turned = zip(*(_across(*part) for part in found), strict=True)
    digests = np.stack([*straight, *turned], axis=1)
    silent = np.stack([_alike(*part[:3]) for part in found], axis=1)
    digests[np.concatenate([silent, silent], axis=1)] = 0
    return digests


def _across(
    columns: np.ndarray, first: np.ndarray, widths: np.ndarray, heights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Digests of (N, W) columns from the first on, as many as the width, and of the same in the other order."""
    size = (heights.astype(np.uint64) << np.uint64(32) | widths.astype(np.uint64)) * np.uint64(_GOLDEN)
    across = weights(columns.shape[1])
    place = np.arange(columns.shape[1]) - first[:, None]
    inside = (place >= 0) & (place < widths[:, None])
    straight = (columns * np.where(inside, across[place], np.uint64(0))).sum(axis=1, dtype=np.uint64)
    back = widths[:, None] - 1 - place
    turned = across[np.where(inside, back, 0)]
    mirrored = (columns * np.where(inside, turned, np.uint64(0))).sum(axis=1, dtype=np.uint64)
    return _mixed(straight ^ size), _mixed(mirrored ^ size)


def _alike(columns: np.ndarray, first: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """(N,) bool: whether all columns within are the same, or there is none."""
    place = np.arange(columns.shape[1]) - first[:, None]
    inside = (place >= 0) & (place < widths[:, None])
    value = columns[np.arange(len(columns)), np.minimum(first, columns.shape[1] - 1)]
    return np.asarray(((columns == value[:, None]) | ~inside).all(axis=1))


def weights(count: int) -> np.ndarray:
    """Return (count,) uint64: fixed pseudo-random odd numbers."""
    return _weights((count + 255) // 256 * 256)[:count]


@lru_cache(maxsize=8)
def _weights(count: int) -> np.ndarray:
    """Return the SplitMix64 outputs (Steele, Lea and Flood 2014) for 1, 2, 3 ..., made odd."""
    made = _mixed(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)) | np.uint64(1)
    made.flags.writeable = False
    return made


def _mixed(values: np.ndarray) -> np.ndarray:
    """Apply SplitMix64's finaliser to uint64 values; it is a bijection that maps 0 to 0."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)

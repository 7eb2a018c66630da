"""A content's pixels in 64 bits, and its mirror image's from the same pass: two weighted sums down every column.

Multilinear hashing (Carter and Wegman 1979; Lemire and Kaser 2013) with fixed odd weights: each column becomes two
32-bit sums of its pixels times its rows' weights, and the columns' sums, mixed, are summed again with weights counted
from the left for the picture and from the right for its mirror image. A cryptographic digest would have to read the
pixels twice and costs ten times as much. Equal digests only nominate: pixels are compared before anyone is told that
two pictures are the same.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15
_STRIP = 1 << 17  # pixels, 512 KB


def pixel_digests(words: np.ndarray, heights: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Digests of N contents and of their mirror images: two (N,) uint64.

    words: (N, H, W) uint32, one RGBA pixel each, a content in every top left corner and zeros around it.
    heights, widths: (N,) of the contents. The zeros around them do not count.
    """
    count, height, width = words.shape
    upper, lower = weights(height).view(np.uint32).reshape(-1, 2).T | np.uint32(1)
    sums = np.zeros((2, count, width), dtype=np.uint32)
    # A large picture goes by in strips that stay in the processor's cache; sums modulo 2**32 do not mind.
    strip = max(1, _STRIP // width) if count == 1 else height
    for top in range(0, height, strip):
        rows = slice(top, top + strip)
        part = words[:, rows] >> np.uint32(15)
        # The highest bits (opacity) times an odd number are the same bits for every row: copied to lower places.
        part ^= words[:, rows]
        sums[0] += np.einsum("y,nyx->nx", upper[rows], part)
        sums[1] += np.einsum("y,nyx->nx", lower[rows], part)
    columns = _mixed(sums[0].astype(np.uint64) << np.uint64(32) | sums[1])
    size = (heights.astype(np.uint64) << np.uint64(32) | widths.astype(np.uint64)) * np.uint64(_GOLDEN)
    across = weights(words.shape[2])
    place = np.maximum(widths[:, None] - 1 - np.arange(words.shape[2]), 0)
    straight = (columns * across).sum(axis=1, dtype=np.uint64)
    mirrored = (columns * across[place]).sum(axis=1, dtype=np.uint64)
    return _mixed(straight ^ size), _mixed(mirrored ^ size)


def weights(count: int) -> np.ndarray:
    """(count,) uint64 fixed odd numbers without pattern."""
    return _weights((count + 255) // 256 * 256)[:count]


@lru_cache(maxsize=8)
def _weights(count: int) -> np.ndarray:
    """As `weights`: what SplitMix64 (Steele, Lea and Flood 2014) gives for 1, 2, 3 ..., made odd."""
    made = _mixed(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)) | np.uint64(1)
    made.flags.writeable = False
    return made


def _mixed(values: np.ndarray) -> np.ndarray:
    """uint64 stirred by SplitMix64's finaliser, one to one; 0 stays 0."""
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)

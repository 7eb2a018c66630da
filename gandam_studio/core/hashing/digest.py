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


def pixel_digests(words: np.ndarray, heights: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the digests of N contents and of their mirror images: two (N,) uint64.

    words: (N, H, W) uint32, one RGBA pixel each, with a content in each top left corner, padded with zeros.
    heights, widths: (N,) sizes of the contents. The padding does not affect the digests.
    """
    count, height, width = words.shape
    upper, lower = weights(height).view(np.uint32).reshape(-1, 2).T | np.uint32(1)
    sums = np.zeros((2, count, width), dtype=np.uint32)
    # A large picture is read in strips that fit the CPU cache; sums modulo 2**32 do not depend on the order.
    strip = max(1, _STRIP // width) if count == 1 else height
    for top in range(0, height, strip):
        rows = slice(top, top + strip)
        part = words[:, rows] >> np.uint32(15)
        # Opacity is in the highest bits, which barely depend on the row's weight: copy them to lower bits.
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

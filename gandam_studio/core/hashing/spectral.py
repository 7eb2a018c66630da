"""Sign hashes: which low frequencies of a picture's cosine transform are positive.

Signs of DCT-II coefficients on the trimmed picture's own pixel grid, in order of increasing frequency. Because only
signs are kept, brightness and contrast do not matter, an enlarged picture keeps its bits (repeating each pixel k times
multiplies each coefficient by a positive factor), and mirroring inverts the odd columns only. Even and odd columns are
therefore stored in separate words: the even words find a picture and its mirror image in one search.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_LIMIT = 16  # frequencies 0 to 15 in each direction are used
WORD = 64
_ZERO = 3e-6  # relative to a word's largest coefficient: the rounding error of float32 sums of thousands of terms


def _order(odd: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the 64 lowest (row, column) frequencies of one column parity, without the constant.

    Columns are numbered within the parity.
    """
    pairs = [(ky, kx) for ky in range(_LIMIT) for kx in range(int(odd), _LIMIT, 2) if ky or kx]
    pairs.sort(key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair[0]))
    rows, columns = zip(*pairs[:WORD], strict=True)
    return np.array(rows), np.array(columns) // 2


_EVEN, _ODD = _order(False), _order(True)


def _basis(length: int) -> np.ndarray:
    """Return the (16, length) float64 DCT-II basis. Fewer than 16 pixels are repeated to carry 16 frequencies."""
    repeat = 1
    while repeat * length < _LIMIT:
        repeat *= 2
    x = np.arange(repeat * length) + 0.5
    basis = (
        np.cos(np.pi / (repeat * length) * np.arange(_LIMIT)[:, None] * x).reshape(_LIMIT, length, repeat).sum(axis=2)
    )
    return np.where(np.abs(basis) < 1e-9, 0.0, basis)  # exact zeros, so that their signs are not random


@lru_cache(maxsize=512)
def _rows(length: int, padded: int) -> np.ndarray:
    """Return the (16, padded) float32 basis along the height, zero beyond `length`."""
    basis = np.zeros((_LIMIT, padded), dtype=np.float32)
    basis[:, :length] = _basis(length)
    return basis


@lru_cache(maxsize=512)
def _half_columns(length: int, padded: int) -> np.ndarray:
    """Return the (2, padded, 8) float32 basis along the width: even and odd frequencies.

    It covers the left half, with the middle column counted once, and is zero beyond it.
    """
    half = (length + 1) // 2
    columns = _basis(length)[:, :half].copy()
    if length % 2:
        columns[:, -1] *= 0.5  # folding adds the middle column to itself
    basis = np.zeros((2, padded, _LIMIT // 2), dtype=np.float32)
    basis[0, :half], basis[1, :half] = columns[0::2].T, columns[1::2].T
    return basis


def padded_size(height: int, width: int) -> tuple[int, int]:
    """Return the buffer size for a content: height a multiple of 16, width of 32, so that many contents share one."""
    return (height + 15) // 16 * 16, (width + 31) // 32 * 32


def coefficients(planes: np.ndarray, mirrored: np.ndarray, heights: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return the low DCT coefficients of N pictures of P planes each: (N, P, 2, 64) float32.

    planes: (N, P, H, W) float32 whole numbers below 2**22, W even, with a picture in each top left corner.
    mirrored: (N, P, H, W / 2): the left half of the same planes, with every picture mirrored.
    heights, widths: (N,) sizes of the pictures. The padding around them is ignored, but must be finite.

    Axis 2 of the result is even columns, odd columns; axis 3 is increasing frequency. Left and right halves are added
    and subtracted first, which is exact in float32 for such numbers. So the mirrored picture has the same even
    coefficients and exactly negated odd ones, in whatever order a matrix product sums.
    """
    count, layers, height, half = mirrored.shape
    folded = np.empty((2, *mirrored.shape), dtype=np.float32)
    np.add(planes[..., :half], mirrored, out=folded[0])
    np.subtract(planes[..., :half], mirrored, out=folded[1])
    # Laid out as columns of one matrix per picture, [parity, plane, frequency], for a single product per picture.
    across = np.empty((count, height, 2, layers, _LIMIT // 2), dtype=np.float32)
    columns = _half_columns(int(widths[0]), half) if _alike(widths) else _columns_of_all(half)[:, widths, None]
    np.matmul(folded, columns.reshape(2, -1, 1, half, _LIMIT // 2), out=across.transpose(2, 0, 3, 1, 4))
    rows = _rows(int(heights[0]), height) if _alike(heights) else _rows_of_all(height)[heights]
    found = (rows @ across.reshape(count, height, -1)).reshape(count, _LIMIT, 2, layers, _LIMIT // 2)
    even, odd = found[:, _EVEN[0], 0, :, _EVEN[1]], found[:, _ODD[0], 1, :, _ODD[1]]  # (64, N, P) each
    return np.stack([even, odd]).transpose(2, 3, 0, 1)


def _alike(lengths: np.ndarray) -> bool:
    return bool((lengths == lengths[0]).all())


@lru_cache(maxsize=32)
def _rows_of_all(padded: int) -> np.ndarray:
    """Return (padded + 1, 16, padded): `_rows` for every length that fits; index 0 is unused."""
    return np.stack([_rows(max(length, 1), padded) for length in range(padded + 1)])


@lru_cache(maxsize=32)
def _columns_of_all(padded: int) -> np.ndarray:
    """Return (2, 2 * padded + 1, padded, 8): `_half_columns` for every length that fits; index 0 is unused."""
    return np.stack([_half_columns(max(length, 1), padded) for length in range(2 * padded + 1)], axis=1)


def sign_words(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the signs of (..., 64) coefficients: (...) uint64 words, and (...) bool where all are zero (symmetry).

    Bit 63 is the lowest frequency, set if the coefficient is positive. A coefficient that is zero up to rounding takes
    the sign of the lowest frequency that is not, so that negating the coefficients inverts every bit.
    """
    size = np.abs(found)
    zero = size <= _ZERO * size.max(axis=-1, keepdims=True)
    first = np.argmin(zero, axis=-1)
    sign = np.take_along_axis(found, first[..., None], axis=-1) > 0
    words = np.packbits(np.where(zero, sign, found > 0), axis=-1).view(">u8").astype(np.uint64)[..., 0]
    return words, zero.all(axis=-1)

"""Histograms of patches of 3 x 3 pixels, at the sprite's own scale: which way light falls and outlines are shaded.

Sprites are drawn with light from one side, so their pixels tell a picture from its mirror image even where the shape
does not. Each patch counts for every code of a fixed list, the more the more it is like it; codes are whitened by their
likeness among each other (Nystroem: Mairal et al. 2014), and counts are gathered by cells: in the whole content and in
3 x 3 parts of it.

The codes were learned from the bundled mechas by tests/benchmarks/patch_codes.py. With each code the list has its
mirror image, so that the counts of those in the mirrored cells are counts of the mirrored picture, and only the first
half is kept.
"""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gandam_studio.core.suggestions.pixel_grid import enlarged, reduced

GRIDS = (1, 3)
"""Cells a side."""
PAIRS = 128
"""Codes whose counts are kept."""
LONGEST = 96
"""Pixels: larger pictures are reduced to that, since their pixels are no longer drawn one by one."""
MIRRORED = np.array([2, 1, 0, 5, 4, 3, 8, 7, 6])
MIRRORED = np.concatenate([MIRRORED, MIRRORED + 9])
"""Where the numbers of a patch lie in its mirror image."""
FILE = Path(__file__).with_name("codes.npy")
_LIGHT = np.array([0.30, 0.59, 0.11], np.float32)
_OPACITY = 0.35  # of a patch's numbers, beside its light
_SHARPNESS = 4.0  # of likeness
_LEAST = 3.0  # opaque pixels of a patch
_ALONE = 1 << 18  # multiplications up to which OpenBLAS uses one thread

Matrix = NDArray[np.float32]


def grid_slices(first: int) -> dict[str, slice]:
    """Where the numbers of each grid lie in a half that begins at `first`."""
    found = {}
    for cells in GRIDS:
        found[f"patches, {cells} x {cells}"] = slice(first, first + PAIRS * cells**2)
        first += PAIRS * cells**2
    return found


def patch_halves(content: NDArray[np.uint8]) -> tuple[Matrix, Matrix]:
    """The even and odd half of (H, W, 4) RGBA content: of each grid together of length 1, zeros without content."""
    pixels = own_pixels(content)
    even, odd = [], []
    for one, other in zip(_counts(pixels), _counts(np.ascontiguousarray(pixels[:, ::-1])), strict=True):
        same, against = (one + other)[:, :PAIRS].ravel(), (one - other)[:, :PAIRS].ravel()
        length = max(float(np.sqrt((same**2).sum() + (against**2).sum())), 1e-6)
        even.append(same / length)
        odd.append(against / length)
    return np.concatenate(even), np.concatenate(odd)


def patches_of(pixels: Matrix) -> tuple[Matrix, NDArray[np.intp]]:
    """(P, 18) the patches of (H, W, 4) premultiplied pixels, 0 to 1, and the (P,) places of their middles.

    A patch is the light of nine pixels less its mean over the opaque ones, and their opacity less its mean.
    """
    opacity = sliding_window_view(np.pad(pixels[..., 3], 1), (3, 3)).reshape(-1, 9)
    light = sliding_window_view(np.pad(pixels[..., :3] @ _LIGHT, 1), (3, 3)).reshape(-1, 9)
    total = opacity.sum(axis=1, keepdims=True)
    places = np.flatnonzero(total[:, 0] >= _LEAST)
    opacity, light, total = opacity[places], light[places], total[places]
    light = light - light.sum(axis=1, keepdims=True) / total * opacity
    return np.concatenate([light, _OPACITY * (opacity - opacity.mean(axis=1, keepdims=True))], axis=1), places


def _counts(pixels: Matrix) -> list[Matrix]:
    """(cells, codes) of each grid."""
    whitening, codes, root = _codes()
    height, width = pixels.shape[:2]
    patches, places = patches_of(pixels) if pixels.size else (np.zeros((0, 18), np.float32), np.zeros(0, np.intp))
    seen = _product(patches, whitening)
    seen /= np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-6)
    likeness = _likeness(seen, codes)
    rows, columns = np.divmod(places, max(width, 1))
    found: list[Matrix] = []
    for cells in GRIDS:
        down, across = _shares(rows, height, cells), _shares(columns, width, cells)
        shares = (down[:, None] * across).reshape(cells**2, -1)
        found.append(_product(_sum_of_products(shares, likeness), root))
    return found


def _product(left: Matrix, right: Matrix) -> Matrix:
    """left @ right, in parts that BLAS does not share among threads.

    Several threads describe sprites already. More of them wait for each other: on busy cores for ten times as long as
    the product takes.
    """
    result = np.empty((len(left), right.shape[1]), np.float32)
    columns = max(1, min(right.shape[1], _ALONE // right.shape[0]))
    rows = max(1, _ALONE // (right.shape[0] * columns))
    for down in range(0, len(left), rows):
        for across in range(0, right.shape[1], columns):
            part = slice(down, down + rows), slice(across, across + columns)
            result[part] = left[part[0]] @ right[:, part[1]]
    return result


def _sum_of_products(left: Matrix, right: Matrix) -> Matrix:
    """The same for few rows of many numbers: a sum over parts of those."""
    step = max(1, _ALONE // (len(left) * right.shape[1]))
    result = np.zeros((len(left), right.shape[1]), np.float32)
    for first in range(0, left.shape[1], step):
        result += left[:, first : first + step] @ right[first : first + step]
    return result


def _shares(place: NDArray[np.intp], side: int, cells: int) -> Matrix:
    """(cells, P) linear shares of pixels in cells; all of a pixel where there is one cell."""
    middle = (place + 0.5) * cells / max(side, 1) - 0.5
    shares = np.maximum(0, 1 - np.abs(middle - np.arange(cells)[:, None])) if cells > 1 else np.ones((1, len(place)))
    return np.asarray(shares, np.float32)


def _likeness(seen: Matrix, codes: Matrix) -> Matrix:
    return np.exp(np.float32(_SHARPNESS) * (_product(seen, codes.T) - 1))


@functools.cache
def _codes() -> tuple[Matrix, Matrix, Matrix]:
    """(18, 18) that whitens patches, (codes, 18) the codes, of length 1, and the root of their inverse likeness."""
    kept = np.load(FILE, allow_pickle=False)
    whitening, half = kept[:18], kept[18:]
    codes = np.concatenate([half, half[:, MIRRORED]])
    values, vectors = np.linalg.eigh(_likeness(codes, codes).astype(np.float64))
    root = vectors / np.sqrt(np.maximum(values, 1e-4 * values[-1])) @ vectors.T
    return whitening, codes, root.astype(np.float32)


def own_pixels(content: NDArray[np.uint8]) -> Matrix:
    """Premultiplied pixels on the sprite's true grid, 0 to 1."""
    if content.size and (scale := enlarged(content)) > 1:
        content = reduced(content, scale)
    pixels = np.asarray(content, np.float32) / np.float32(255)
    pixels[..., :3] *= pixels[..., 3:]
    longest = max(content.shape[:2])
    if longest > LONGEST and content.size:
        height, width = (max(1, round(side * LONGEST / longest)) for side in content.shape[:2])
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    return pixels

"""Curation features: a small vector per sprite for sorting by similarity, finding outliers and training assistants.

`DIMENSIONS` float16 numbers from the trimmed content, reduced to 24 x 24: colours, edges and shape. They are not used
to find duplicates; fingerprints are (`fingerprint`).

| part | numbers | what |
|---|---|---|
| colour | 64 | share of visible pixels in each 4 x 4 x 4 cell of RGB, square-rooted (Hellinger), length 1 |
| edges | 144 | histograms of oriented gradients: 4 x 4 cells, 9 unsigned orientations, weighted by magnitude
                (Dalal and Triggs 2005, section 6), shared between neighbouring orientations, length 1 |
| shape | 16 | mean opacity in each of 4 x 4 cells, of the content stretched to a square |
| aspect | 1 | log2(width / height) of the content's box, clipped to +-3, divided by 3 |

A mirrored picture's vector is a permutation of the original's (`mirrored`), except for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.pictures.rendering import halved

SIDE = 24
CELLS = 4
ORIENTATIONS = 9
COLOR = slice(0, 64)
EDGES = slice(64, 64 + CELLS * CELLS * ORIENTATIONS)
SHAPE = slice(EDGES.stop, EDGES.stop + CELLS * CELLS)
ASPECT = SHAPE.stop
DIMENSIONS = ASPECT + 1

_PADDING = 64  # more values than a SIMD instruction processes

_ROWS = np.arange(SIDE, dtype=np.int32) * CELLS // SIDE
_CELL = (_ROWS[:, None] * CELLS + _ROWS).ravel()  # cell of each pixel of one picture

Features = NDArray[np.float16]


def features_batch(pictures: Sequence[NDArray[np.uint8]], boxes: NDArray[np.int64]) -> Features:
    """Return (N, DIMENSIONS) float16 for N (H, W, 4) RGBA pictures and the (N, 4) boxes of their contents."""
    if not len(pictures):
        return np.zeros((0, DIMENSIONS), np.float16)
    stack = np.zeros((len(pictures), SIDE, SIDE, 4), np.uint8)
    for index, (picture, box) in enumerate(zip(pictures, boxes.tolist(), strict=True)):
        x, y, w, h = box
        content = picture[y : y + h, x : x + w]
        if not content.size:
            continue
        # Area averaging to reduce; linear to enlarge, so that pixel steps do not count as edges.
        method = cv2.INTER_AREA if w >= SIDE and h >= SIDE else cv2.INTER_LINEAR
        cv2.resize(halved(content, SIDE), (SIDE, SIDE), dst=stack[index], interpolation=method)
    widths, heights = np.maximum(boxes[:, 2:], 1).T
    result = np.empty((len(pictures), DIMENSIONS), np.float32)
    opacity = stack[..., 3].astype(np.float32) * np.float32(1 / 255)
    result[:, COLOR] = _colors(stack, opacity)
    result[:, EDGES] = _edges(stack, opacity)
    result[:, SHAPE] = _cell_means(opacity)
    result[:, ASPECT] = np.clip(np.log2(widths / heights), -3, 3) / 3
    return result.astype(np.float16)


def unpack(blobs: Sequence[bytes]) -> Features:
    """Return (N, DIMENSIONS) from the `features` column of N rows. Raises ValueError for a wrong length."""
    return np.frombuffer(b"".join(blobs), "<f2").reshape(len(blobs), DIMENSIONS)


def mirrored(features: Features) -> Features:
    """Return the vectors of the mirrored pictures, from (N, DIMENSIONS)."""
    result = features.copy()
    edges = features[:, EDGES].reshape(-1, CELLS, CELLS, ORIENTATIONS)
    # Orientation bin k is centred on k * 20 degrees: mirroring maps angle a to 180 - a.
    order = (-np.arange(ORIENTATIONS)) % ORIENTATIONS
    result[:, EDGES] = edges[:, :, ::-1][..., order].reshape(features[:, EDGES].shape)
    result[:, SHAPE] = features[:, SHAPE].reshape(-1, CELLS, CELLS)[:, :, ::-1].reshape(features[:, SHAPE].shape)
    return result


def _colors(stack: NDArray[np.uint8], opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    count = len(stack)
    bins = (stack[..., 0] >> 6).astype(np.int32) * 16 + (stack[..., 1] >> 6) * 4 + (stack[..., 2] >> 6)
    bins += (np.arange(count, dtype=np.int32) * 64)[:, None, None]
    counts = np.bincount(bins.ravel(), weights=opacity.ravel(), minlength=64 * count).reshape(count, 64)
    return np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)).astype(np.float32)


def _edges(stack: NDArray[np.uint8], opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    count = len(stack)
    # Rec. 601 brightness relative to mid grey, so that the silhouette's edge does not depend on a background.
    grey = (_grey(stack) - np.float32(128)) * opacity
    dx = np.zeros_like(grey)
    dy = np.zeros_like(grey)
    dx[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    dy[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    # Only pixels with a gradient contribute, and most of a sprite is flat.
    places = np.flatnonzero((dx != 0) | (dy != 0))
    # OpenCV computes the last few values of an array with other code: make those the padding.
    padded = np.zeros((2, len(places) + _PADDING), np.float32)
    np.take(dx.ravel(), places, out=padded[0, : len(places)])
    np.take(dy.ravel(), places, out=padded[1, : len(places)])
    magnitude, angle = (part.ravel()[: len(places)] for part in cv2.cartToPolar(padded[0], padded[1]))
    position = angle * np.float32(ORIENTATIONS / np.pi)
    low = position.astype(np.int32)
    upper_share = (position - low) * magnitude
    cells = _cell_of_place(places) * ORIENTATIONS
    length = count * CELLS * CELLS * ORIENTATIONS
    bins = np.concatenate((cells + low % ORIENTATIONS, cells + (low + 1) % ORIENTATIONS))
    weights_of_bins = np.concatenate((magnitude - upper_share, upper_share))
    histogram = np.bincount(bins, weights=weights_of_bins, minlength=length)
    vectors = np.sqrt(histogram.reshape(count, -1))
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def _cell_of_place(places: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return the cell number, counted over all pictures, of each flat index into (N, SIDE, SIDE)."""
    flat = places.astype(np.int32)
    picture = flat // (SIDE * SIDE)
    return picture * (CELLS * CELLS) + _CELL[flat - picture * (SIDE * SIDE)]


def _cell_means(opacity: NDArray[np.float32]) -> NDArray[np.float32]:
    size = SIDE // CELLS
    cells = opacity.reshape(len(opacity), CELLS, size, CELLS, size)
    return cells.mean(axis=(2, 4)).reshape(len(opacity), CELLS * CELLS)


def _grey(stack: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the (N, S, S) brightness of (N, S, S, 4) RGBA."""
    tall = stack.reshape(-1, SIDE, 4)
    return np.asarray(cv2.cvtColor(tall, cv2.COLOR_RGBA2GRAY), np.uint8).reshape(stack.shape[:3])

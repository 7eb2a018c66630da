"""Sketches: a whole picture in 6 x 6 cells of mean colour and opacity.

Signs of frequencies tell pictures apart but not how far apart they are, and what was laid on a background has other
signs. Two sketches can be subtracted, with whatever background between them.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from gandam_studio.core.hashing.layout import SIDE
from gandam_studio.core.hashing.reducing import LONGEST, halved_evenly

_TIE = np.float32(1e-3)  # levels; larger than the error of a resampled mean


def sketches(words: np.ndarray) -> np.ndarray:
    """Sketch (N, H, W) uint32 RGBA pictures: (N, SIDE, SIDE, 4) uint8, colours multiplied by opacity.

    0 where nothing is visible. That of a mirrored picture is the mirrored one, to the last bit.
    """
    count, height, width = words.shape
    rgba = np.ascontiguousarray(words).view(np.uint8).reshape(count, height, width, 4)
    translucent = np.flatnonzero(np.any((words >> np.uint32(24)) - np.uint32(1) < np.uint32(254), axis=(1, 2)))
    if len(translucent):
        rgba = rgba.copy()
        for index in translucent.tolist():
            rgba[index] = _multiplied(rgba[index])
    if max(height, width) > LONGEST:
        return _resampled(rgba)
    made, ties = _averaged(rgba)
    if ties.any():
        made[ties] = _resampled(rgba[ties])
    return made


def _averaged(rgba: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sketch (N, H, W, 4) uint8 all at once; also return which, (N,) bool, have means so near a half that those of
    `_resampled` may be rounded the other way.

    The sums are those of whole numbers, exact in float32 up to `LONGEST` pixels a side.
    """
    count, height, width = rgba.shape[:3]
    rows = _cover(height) @ rgba.reshape(count, height, width * 4).astype(np.float32)
    means = rows.reshape(count * SIDE, width * 4) @ np.kron(_cover(width).T, np.eye(4, dtype=np.float32))
    means /= np.float32(height * width)
    made = np.rint(means)
    ties = np.abs(means - made) > np.float32(0.5) - _TIE
    return made.astype(np.uint8).reshape(count, SIDE, SIDE, 4), ties.reshape(count, -1).any(axis=1)


@lru_cache(maxsize=64)
def _cover(side: int) -> np.ndarray:
    """(SIDE, side) float32: how much of each pixel lies in each cell; pixels are SIDE units long, cells `side`."""
    cell, pixel = np.arange(SIDE)[:, None] * side, np.arange(side) * SIDE
    shared = np.minimum(cell + side, pixel + SIDE) - np.maximum(cell, pixel)
    return np.maximum(shared, 0).astype(np.float32)


def _resampled(rgba: np.ndarray) -> np.ndarray:
    """Sketch (N, H, W, 4) uint8 pictures of any size, one by one."""
    down, across = (-(-SIDE // side) if side < SIDE else 1 for side in rgba.shape[1:3])
    if down > 1 or across > 1:
        rgba = rgba.repeat(down, 1).repeat(across, 2)
    ways = np.empty((2, len(rgba), SIDE, SIDE, 4), np.uint8)
    for index, whole in enumerate(rgba):
        picture = halved_evenly(whole, LONGEST)
        for way, turned in zip(ways, (picture, np.asarray(cv2.flip(picture, 1))), strict=True):
            cv2.resize(turned, (SIDE, SIDE), dst=way[index], interpolation=cv2.INTER_AREA)
    # Resampling rounds: of both ways the mean, so that mirroring is exact.
    one, other = ways[0], ways[1, :, :, ::-1]
    return np.asarray(one // 2 + other // 2 + (one % 2 + other % 2 + 1) // 2)


def _multiplied(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 colours multiplied by opacity, rounded."""
    opacity = cv2.extractChannel(rgba, 3)
    by = cv2.merge([opacity, opacity, opacity, np.full_like(opacity, 255)])
    return np.asarray(cv2.multiply(rgba, by, scale=1 / 255))

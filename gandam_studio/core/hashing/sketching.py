"""Sketches: a whole picture in 6 x 6 cells of mean colour and opacity.

Signs of frequencies tell pictures apart but not how far apart they are, and what was laid on a background has other
signs. Two sketches can be subtracted, with whatever background between them.
"""

from __future__ import annotations

import cv2
import numpy as np

from gandam_studio.core.hashing.reducing import LONGEST, halved_evenly

SIDE = 6
CELLS = SIDE * SIDE
BYTES = 4 * CELLS


def sketches(words: np.ndarray) -> np.ndarray:
    """Sketch (N, H, W) uint32 RGBA pictures: (N, SIDE, SIDE, 4) uint8, colours multiplied by opacity.

    0 where nothing is visible. That of a mirrored picture is the mirrored one, to the last bit.
    """
    count, height, width = words.shape
    rgba = np.ascontiguousarray(words).view(np.uint8).reshape(count, height, width, 4)
    made = np.empty((count, SIDE, SIDE, 4), dtype=np.uint8)
    translucent = np.any((words >> np.uint32(24)) - np.uint32(1) < np.uint32(254), axis=(1, 2)).tolist()
    down, across = (-(-SIDE // side) if side < SIDE else 1 for side in (height, width))
    for index in range(count):
        picture = _multiplied(rgba[index]) if translucent[index] else rgba[index]
        if down > 1 or across > 1:
            picture = picture.repeat(down, 0).repeat(across, 1)
        picture = halved_evenly(picture, LONGEST)
        # Resampling rounds: of both ways the mean, so that mirroring is exact.
        one, other = _reduced(picture), cv2.flip(_reduced(np.asarray(cv2.flip(picture, 1))), 1)
        made[index] = one // 2 + other // 2 + (one % 2 + other % 2 + 1) // 2
    return made


def _multiplied(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 colours multiplied by opacity, rounded."""
    opacity = cv2.extractChannel(rgba, 3)
    by = cv2.merge([opacity, opacity, opacity, np.full_like(opacity, 255)])
    return np.asarray(cv2.multiply(rgba, by, scale=1 / 255))


def _reduced(rgba: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(rgba, (SIDE, SIDE), interpolation=cv2.INTER_AREA))

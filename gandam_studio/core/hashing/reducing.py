"""Reduce large pictures by area averaging, in few passes."""

from __future__ import annotations

import cv2
import numpy as np

LONGEST = 128  # pixels: larger contents are reduced to this before their DCT


def reduced_tones(words: np.ndarray, *, solid: bool = False) -> np.ndarray:
    """Reduce an (H, W) uint32 RGBA picture to its brightness and opacity, (h, w) uint32, at most `LONGEST` a side.

    Brightness is weighted by opacity and stored in all three channels. It is computed before the reduction, which is
    a quarter of the work of reducing colours. Pass `solid` if every pixel is known to be fully opaque.
    """
    height, width = words.shape
    scale = LONGEST / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    rgba = np.ascontiguousarray(words).view(np.uint8).reshape(height, width, 4)
    grey = cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY)
    if solid or int(words.min()) >= 0xFF << 24:
        small = cv2.resize(halved_evenly(grey, LONGEST), size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_GRAY2RGBA)).view(np.uint32)[..., 0]
    opacity = cv2.extractChannel(rgba, 3)
    weighted = np.asarray(cv2.multiply(grey, opacity, scale=1 / 255, dtype=cv2.CV_32F))
    light = np.asarray(cv2.resize(halved_evenly(weighted, LONGEST), size, interpolation=cv2.INTER_AREA))
    cover = np.asarray(
        cv2.resize(halved_evenly(opacity.astype(np.float32), LONGEST), size, interpolation=cv2.INTER_AREA)
    )
    light = np.clip(np.rint(light * np.float32(255) / np.maximum(cover, np.float32(1e-3))), 0, 255)
    small = np.rint(cover).astype(np.uint32) << np.uint32(24)
    return small | light.astype(np.uint32) * np.uint32(0x010101)


def halved_evenly(picture: np.ndarray, target: int) -> np.ndarray:
    """Halve a picture, averaging 2 x 2 blocks, while both sides are even and the longer one stays at least `target`.

    No row or column is dropped, so a mirrored picture gives the mirrored result. Halving is OpenCV's fastest reduction.
    """
    height, width = picture.shape[:2]
    while height % 2 == 0 and width % 2 == 0 and max(height, width) >= 2 * target:
        height, width = height // 2, width // 2
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
    return picture

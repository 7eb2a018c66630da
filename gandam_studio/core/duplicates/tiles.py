"""Tiles: the visible content of a picture resampled to a small grid, so that any two can be compared."""

from __future__ import annotations

import cv2
import numpy as np

from gandam_studio.core.duplicates import compiled

SIDE = 32
_BLUR = 1.0  # standard deviation in tile pixels: resampling and compression differ below this scale


def tile(content: np.ndarray) -> np.ndarray:
    """Stretch a trimmed (h, w, 4) uint8 content to (SIDE, SIDE, 4) float32 in [0, 1], premultiplied.

    Small contents are enlarged by whole factors first, so that target pixels average areas and an enlarged picture has
    the same tile as the original. A blank content gives zeros.
    """
    height, width = content.shape[:2]
    if not height or not width:
        return np.zeros((SIDE, SIDE, 4), dtype=np.float32)
    made = content.astype(np.float32) * np.float32(1 / 255)
    made[..., :3] *= made[..., 3:]
    tall, wide = (max(1, -(-2 * SIDE // side)) for side in (height, width))
    if tall > 1 or wide > 1:
        made = made.repeat(tall, 0).repeat(wide, 1)
    return cv2.GaussianBlur(cv2.resize(made, (SIDE, SIDE), interpolation=cv2.INTER_AREA), (0, 0), _BLUR)


def scaled(tiles: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Convert (P, SIDE, SIDE, 4) uint8 tiles to float32 in [0, 1]; mirror those that (P,) bool marks."""
    if compiled.tile_kernels is not None:
        made: np.ndarray = compiled.tile_kernels.scaled(tiles, mirrored)
        return made
    return np.where(mirrored[:, None, None, None], tiles[:, :, ::-1], tiles).astype(np.float32) / np.float32(255)

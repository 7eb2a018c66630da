"""Aligns two pictures on a common canvas, so that only real differences remain."""

from __future__ import annotations

import numpy as np

from gandam_studio.core.duplicates import Transform
from gandam_studio.core.pictures.rendering import resize

_LARGEST = 2048  # maximum side of either picture on the canvas, pixels: more than a screen shows


def aligned_pair(left: np.ndarray, right: np.ndarray, transform: Transform) -> tuple[np.ndarray, np.ndarray]:
    """Both (H, W, 4) uint8 pictures on a transparent canvas of minimal size, (h, w, 4) uint8 each.

    The canvas has the finer of the two resolutions. Sizes and positions are rounded to its pixels, so pictures that
    differ by a whole factor and a whole shift are not resampled.
    """
    if transform.mirrored:
        right = right[:, ::-1]
    finer = min(_fineness(transform), _LARGEST / max(left.shape[:2]))
    left_size = _size(left, finer, finer)
    right_size = _size(right, transform.scale_x * finer, transform.scale_y * finer)
    # With an extreme mapping they are side by side at most.
    x = min(max(round(transform.shift_x * finer), -right_size[0]), left_size[0])
    y = min(max(round(transform.shift_y * finer), -right_size[1]), left_size[1])
    origin = max(0, -x), max(0, -y)
    width = max(origin[0] + left_size[0], origin[0] + x + right_size[0])
    height = max(origin[1] + left_size[1], origin[1] + y + right_size[1])
    made = []
    for picture, size, corner in ((left, left_size, origin), (right, right_size, (origin[0] + x, origin[1] + y))):
        canvas = np.zeros((height, width, 4), np.uint8)
        canvas[corner[1] : corner[1] + size[1], corner[0] : corner[0] + size[0]] = resize(
            np.ascontiguousarray(picture), size
        )
        made.append(canvas)
    return made[0], made[1]


def _fineness(transform: Transform) -> float:
    """Canvas pixels per pixel of the left picture: 1, or more if the right one is finer; rounded if nearly whole."""
    finer = max(1.0, 1 / max(transform.scale_x, 1e-3), 1 / max(transform.scale_y, 1e-3))
    return float(round(finer)) if abs(finer - round(finer)) < 0.06 * finer else finer


def _size(picture: np.ndarray, across: float, down: float) -> tuple[int, int]:
    height, width = picture.shape[:2]
    return (
        min(_LARGEST, max(1, round(width * across))),
        min(_LARGEST, max(1, round(height * down))),
    )

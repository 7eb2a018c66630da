"""Sprites drawn from a seed, for tests that run without the real ones."""

from __future__ import annotations

import numpy as np


def blob(seed: int, height: int = 30, width: int = 24) -> np.ndarray:
    """An irregular, outlined, shaded shape on a transparent canvas, (height + 10, width + 14, 4) uint8."""
    generator = np.random.default_rng(seed)
    coarse = generator.random((height // 4 + 2, width // 4 + 2))
    field = coarse.repeat(4, 0).repeat(4, 1)[:height, :width]
    y, x = np.mgrid[0:height, 0:width]
    inside = ((y / height - 0.5) ** 2 + (x / width - 0.5) ** 2 + 0.12 * field) < 0.27
    shade = generator.integers(40, 220, coarse.shape).repeat(4, 0).repeat(4, 1)[:height, :width]
    picture = np.zeros((height + 10, width + 14, 4), dtype=np.uint8)
    body = picture[4 : 4 + height, 5 : 5 + width]
    body[..., 0], body[..., 1], body[..., 2] = shade, shade // 2 + 30, 255 - shade
    body[..., 3] = np.where(inside, 255, 0)
    return picture

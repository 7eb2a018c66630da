"""Crop, quarter turns and mirroring: what a person decides about a picture's pixels, without resampling any."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def oriented(
    rgba: Pixels, crop: tuple[int, int, int, int] | None = None, rotation: int = 0, flip: bool = False
) -> Pixels:
    """Crop (x, y, w, h in original pixels), then turn by `rotation` quarters clockwise, then mirror left-right.

    (H, W, C) uint8 in, contiguous out. A crop is clipped to the picture; ValueError when nothing of it remains.
    """
    if crop is not None:
        x, y, w, h = crop
        left, top = max(0, x), max(0, y)
        rgba = rgba[top : max(top, y + h), left : max(left, x + w)]
        if not rgba.size:
            raise ValueError("the crop lies outside the picture")
    if rotation % 4:
        rgba = np.rot90(rgba, -(rotation % 4))
    if flip:
        rgba = rgba[:, ::-1]
    return np.ascontiguousarray(rgba)

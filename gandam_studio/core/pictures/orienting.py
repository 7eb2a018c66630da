"""Apply a sprite's crop, quarter turns and flip, without resampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def oriented(
    rgba: Pixels, crop: tuple[int, int, int, int] | None = None, rotation: int = 0, flip: bool = False
) -> Pixels:
    """Crop (x, y, w, h in original pixels), then rotate by `rotation` quarter turns clockwise, then mirror left-right.

    (H, W, C) uint8 in, contiguous out. The crop is clipped to the picture. Raises ValueError if nothing of it remains.
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

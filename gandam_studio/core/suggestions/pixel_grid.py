"""The true pixels of pictures that were enlarged by repeating them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SCALES = (8, 7, 6, 5, 4, 3, 2)
_LEAST_BLOCKS = 24  # blocks with an edge between them, below which chance can make a grid

Picture = NDArray[np.uint8]


def enlarged(picture: Picture) -> int:
    """How many times an (H, W, 4) picture is enlarged without smoothing: the largest k whose blocks are all plain.

    Its blocks may start at any pixel, as those of a cropped picture do.
    """
    height, width = picture.shape[:2]
    across, down = _edges(picture)
    if len(across) < 4 or len(down) < 4:
        return 1
    for scale in _SCALES:
        if len(across) * len(down) < _LEAST_BLOCKS or min(height, width) < 4 * scale:
            continue
        if len(np.unique(across % scale)) == 1 and len(np.unique(down % scale)) == 1:
            return scale
    return 1


def reduced(picture: Picture, scale: int) -> Picture:
    """The picture on its true grid: one pixel a block."""
    across, down = _edges(picture)
    left = int(across[0] % scale) if len(across) else 0
    top = int(down[0] % scale) if len(down) else 0
    first = picture[max(0, top - 1) if top else 0 :: scale, max(0, left - 1) if left else 0 :: scale]
    return np.ascontiguousarray(first)


def _edges(picture: Picture) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The columns and the rows of an (H, W, 4) picture where a pixel differs from the one before it."""
    words = np.ascontiguousarray(picture).view(np.uint32)[..., 0]
    across = np.flatnonzero((words[:, 1:] != words[:, :-1]).any(axis=0)) + 1
    down = np.flatnonzero((words[1:] != words[:-1]).any(axis=1)) + 1
    return across, down

"""The board on which stamps are placed, back to front, and its 64 x 64 window that becomes the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gandam_studio.samples.mechas.forms import Stamp

SIZE = 64
# The board is larger than the picture, so that long barrels and wings move the window instead of being cut off.
HEIGHT, WIDTH = 70, 96
GROUND = 64  # the row of the ground
MIDDLE = 48  # the column of a mecha's spine
_TOP, _LEFT = HEIGHT - SIZE - 2, 15  # default position of the window


class Scene:
    """Collects palette indices.

    Attributes:
        mirror: everything is placed and stamped facing right instead of left.
        indices: uint8 (70, 96), see `forms`.
    """

    __slots__ = ("indices", "mirror")

    def __init__(self, mirror: bool) -> None:
        self.mirror = mirror
        self.indices = np.zeros((HEIGHT, WIDTH), np.uint8)

    def put(self, stamp: Stamp, x: int, y: int) -> None:
        """Copy a stamp with its anchor at (x, y), given as if facing left; parts outside the board are cut off."""
        if self.mirror:
            x = WIDTH - 1 - x
        left, top = x + stamp.x, y + stamp.y
        h, w = stamp.mask.shape
        if left >= 0 and top >= 0 and left + w <= WIDTH and top + h <= HEIGHT:
            np.copyto(self.indices[top : top + h, left : left + w], stamp.indices, where=stamp.mask)
            return
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, WIDTH), min(top + h, HEIGHT)
        if x0 < x1 and y0 < y1:
            inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
            np.copyto(self.indices[y0:y1, x0:x1], stamp.indices[inside], where=stamp.mask[inside])

    def camouflage(self, pattern: NDArray[np.bool_], material: int, other: int) -> None:
        """Replace `material` with `other`, in the same tones, where `pattern` (70, 96) is true."""
        first = material * 8
        chosen = (self.indices >= first) & (self.indices < first + 8) & pattern
        self.indices[chosen] += np.uint8((other - material) * 8 % 256)

    def picture(self, palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGBA uint8 (64, 64, 4): the window that contains everything drawn, or its front if it is too wide."""
        columns, rows = np.flatnonzero(self.indices.any(0)), np.flatnonzero(self.indices.any(1))
        first, last = int(columns[0]), int(columns[-1])
        left = WIDTH - SIZE - _LEFT if self.mirror else _LEFT
        if self.mirror:
            left = max(min(left, first), last - SIZE + 1)
        else:
            left = min(max(left, last - SIZE + 1), first)
        top = min(_TOP, int(rows[0]))
        return palette[self.indices[top : top + SIZE, left : left + SIZE]]

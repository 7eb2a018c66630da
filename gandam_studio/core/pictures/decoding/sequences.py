"""Files that hold several pictures: the frames of an animation, or the sizes of an icon."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Sequence(Protocol):
    """The pictures of an opened file.

    Attributes:
        count: how many the file declares.
        first: index of the first that belongs to the animation.
        size: (width, height) of the largest, in pixels.
    """

    count: int
    first: int
    size: tuple[int, int]

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Decode picture `index`, from 0: (H, W, 4) RGBA uint8. Raises UnreadablePicture."""

    def tags(self, index: int) -> tuple[str, ...]:
        """Return the names that the file gives picture `index`, such as those of animations it belongs to."""

"""A picture's content, prepared for comparison with others. Everything that depends on one picture is computed once.

A sprite is compared with all others of its family, and the preparation costs more than the comparisons.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from gandam_studio.core.duplicates.colours import weighted
from gandam_studio.core.duplicates.enlarging import enlargement
from gandam_studio.core.hashing.content import Content

SEEN = 64  # pixels of greater opacity belong to the sprite
STEPS_BLUR = 0.8  # standard deviation, pixels: steps of brightness are compared that blurred


class Drawing:
    """A content and its cached forms.

    Attributes:
        content: the trimmed content and its place in the picture.
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        self._forms: dict[tuple[bool, int], Form] = {}

    @cached_property
    def enlargement(self) -> int:
        """How many times its pixels are repeated; the same for its mirror image."""
        return enlargement(self.content.rgba)

    def form(self, *, mirrored: bool = False, factor: int = 1) -> Form:
        """Return its form with every factor-th pixel of rows and columns, mirrored or not."""
        made = self._forms.get((mirrored, factor))
        if made is None:
            rgba = self.content.rgba[:, ::-1] if mirrored else self.content.rgba
            made = self._forms[mirrored, factor] = Form(rgba[::factor, ::factor])
        return made


class Form:
    """The pixels of a drawing, prepared for comparison.

    Attributes:
        weighted: (h, w, 4) float32 in [0, 255], premultiplied.
        rounded: (h, w, 4) uint8, the same rounded.
        alpha: (h, w) uint8.
        seen: (h, w) bool, opacity above `SEEN`.
        visible: number of pixels that are not fully transparent.
        hard: whether every pixel is either opaque or fully transparent.
    """

    def __init__(self, rgba: np.ndarray) -> None:
        self.weighted = weighted(np.ascontiguousarray(rgba))
        self.rounded = np.rint(self.weighted).astype(np.uint8)
        self.alpha = np.ascontiguousarray(self.rounded[..., 3])
        self.seen = self.alpha > SEEN
        self.visible = cv2.countNonZero(self.alpha)
        self.hard = int(np.count_nonzero(self.alpha == 255)) == self.visible

    @cached_property
    def blurred(self) -> np.ndarray:
        """(h, w, 4) float32: `weighted`, blurred by `STEPS_BLUR`."""
        return np.asarray(cv2.GaussianBlur(self.weighted, (0, 0), STEPS_BLUR))

    @cached_property
    def colours(self) -> np.ndarray:
        """(h, w) int64: the number of each pixel's colour in `rounded`, without opacity, in the order of colours."""
        words = self.rounded.astype(np.int32)
        words = words[..., 0] | words[..., 1] << 8 | words[..., 2] << 16
        every = np.sort(words, axis=None)
        first = np.append(True, every[1:] != every[:-1])[: len(every)]
        return np.searchsorted(every[first], words)  # there are few colours, so this is faster than `np.unique`

"""A picture's content as it is laid on others: everything that takes one picture alone, worked out once.

A sprite of a large family is compared with every other one of it; what those comparisons share costs more than they do.
"""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from gandam_studio.core.duplicates.colours import weighted
from gandam_studio.core.duplicates.enlarging import enlargement
from gandam_studio.core.hashing.content import Content

SEEN = 64  # opacity above this belongs to the sprite


class Drawing:
    """A content, and the forms of it asked for so far.

    Attributes:
        content: what is drawn, as it lies in its picture.
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        self._forms: dict[tuple[bool, int], Form] = {}

    @cached_property
    def enlargement(self) -> int:
        """How many times its pixels are repeated; its mirror image's are as many times."""
        return enlargement(self.content.rgba)

    def form(self, *, mirrored: bool = False, factor: int = 1) -> Form:
        """It with every factor-th pixel of a row and of a column, mirrored left-right or not."""
        made = self._forms.get((mirrored, factor))
        if made is None:
            rgba = self.content.rgba[:, ::-1] if mirrored else self.content.rgba
            made = self._forms[mirrored, factor] = Form(rgba[::factor, ::factor])
        return made


class Form:
    """The pixels of a drawing, ready to be laid on another's.

    Attributes:
        weighted: (h, w, 4) float32, 0 to 255, colours multiplied by opacity.
        rounded: (h, w, 4) uint8, the same rounded.
        alpha: (h, w) uint8.
        seen: (h, w) bool, opacity above `SEEN`.
        visible: how many pixels are not fully transparent.
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
    def colours(self) -> np.ndarray:
        """(h, w) int64: the number of each pixel's colour in `rounded`, opacity left out, in the colours' order."""
        words = self.rounded.astype(np.int32)
        words = words[..., 0] | words[..., 1] << 8 | words[..., 2] << 16
        return np.unique(words, return_inverse=True)[1].reshape(words.shape)

"""What is known of two pictures: the words for relations, how one maps to the other, and the verdict of both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

# From least to most different. A pair's relation is the last one that applies.
EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED = "exact", "re-encoded", "resized", "cropped", "mirrored"
RECOLOURED, NEAR, FRAME = "recoloured", "near", "frame"
RELATIONS = (EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED, RECOLOURED, NEAR, FRAME)
DUPLICATES = frozenset((EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED))  # one can be dropped; the others are relatives


@dataclass(frozen=True)
class Transform:
    """Maps the second picture to the first: mirror it, then x1 = scale_x * x2 + shift_x, same for y, in pixels.

    Attributes:
        mirrored, recoloured, resized, cropped, re_encoded: the changes that apply. Cropped means that one shows more of
            the sprite or has other margins.
    """

    mirrored: bool = False
    scale_x: float = 1.0
    scale_y: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    recoloured: bool = False
    resized: bool = False
    cropped: bool = False
    re_encoded: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The changes that apply, in the order of RELATIONS."""
        named = zip(
            (RE_ENCODED, RESIZED, CROPPED, MIRRORED, RECOLOURED),
            (self.re_encoded, self.resized, self.cropped, self.mirrored, self.recoloured),
            strict=True,
        )
        return tuple(word for word, applies in named if applies)

    @classmethod
    def of_wholes(cls, size: tuple[int, int], other: tuple[int, int], mirrored: bool) -> Transform:
        """Return the transform between whole pictures of which one was made from the other; sizes: (width, height)."""
        resized = size != other
        return cls(mirrored, size[0] / other[0], size[1] / other[1], resized=resized, re_encoded=not resized)

    def inverted(self, first_width: int, second_width: int) -> Transform:
        """Return the inverse, which maps the first picture to the second. Mirroring needs the widths of both."""
        shift_x, shift_y = -self.shift_x / self.scale_x, -self.shift_y / self.scale_y
        if self.mirrored:
            shift_x = second_width - (first_width - self.shift_x) / self.scale_x
        return replace(self, scale_x=1 / self.scale_x, scale_y=1 / self.scale_y, shift_x=shift_x, shift_y=shift_y)

    def apply(self, second: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return the second picture, RGBA uint8, transformed to the first one's (height, width) canvas."""
        import cv2  # late: what is known of earlier searches needs none

        if self.mirrored:
            second = second[:, ::-1]
        # cv2 counts from pixel centres: x + 1/2 = scale (x' + 1/2) + shift.
        matrix = np.array(
            [
                [self.scale_x, 0, self.shift_x + 0.5 * (self.scale_x - 1)],
                [0, self.scale_y, self.shift_y + 0.5 * (self.scale_y - 1)],
            ]
        )
        whole = self.scale_x >= 1 and self.scale_y >= 1
        method = cv2.INTER_NEAREST if whole else cv2.INTER_AREA
        return np.asarray(cv2.warpAffine(np.ascontiguousarray(second), matrix, (width, height), flags=method))


@dataclass(frozen=True)
class Verdict:
    """A verified relation of two pictures.

    Attributes:
        relation: one of RELATIONS.
        transform: maps the second to the first.
        distance: from 0 (same pixels, mirrored or not) to 1; 0.5 is the operating point.
        confidence: probability that the relation holds.
    """

    relation: str
    transform: Transform
    distance: float
    confidence: float

"""The difference of two aligned pictures: measured, and painted with visible colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Vivid in both themes and distinguishable with any colour vision (Wong 2011, "Points of view: Color blindness").
ONLY_LEFT = (0, 114, 178)
ONLY_RIGHT = (230, 159, 0)
CHANGED = (213, 60, 120)
_VISIBLE = 8  # opacity above which a pixel counts as visible
_FAINT = 70  # opacity of shared parts: enough for orientation
_LEAST = 110  # opacity of the smallest change, so that a difference of one level is still visible


@dataclass(frozen=True)
class Difference:
    """How two aligned pictures differ.

    Attributes:
        changed, only_left, only_right: numbers of pixels, out of `pixels`.
        pixels: number of pixels visible in either picture.
        greatest: the largest difference of any channel, premultiplied by opacity, 0 to 255.
        picture: (H, W, 4) uint8: shared parts faint grey, the others in this module's colours.
    """

    changed: int
    only_left: int
    only_right: int
    pixels: int
    greatest: int
    picture: np.ndarray

    @property
    def share(self) -> float:
        """Share of the visible pixels that differ, in [0, 1]."""
        return (self.changed + self.only_left + self.only_right) / self.pixels if self.pixels else 0.0


def difference(left: np.ndarray, right: np.ndarray) -> Difference:
    """Compare two (H, W, 4) uint8 pictures of the same size. Raises ValueError if the sizes differ.

    The colour of transparent pixels does not count: channels are multiplied by opacity first.
    """
    if left.shape != right.shape:
        raise ValueError(f"pictures must have the same size, not {left.shape} and {right.shape}")
    apart = np.abs(_premultiplied(left) - _premultiplied(right)).max(axis=2)
    there_left, there_right = left[..., 3] > _VISIBLE, right[..., 3] > _VISIBLE
    only_left, only_right = there_left & ~there_right, there_right & ~there_left
    both = there_left & there_right
    changed = both & (apart > 0)
    picture = np.zeros_like(left)
    picture[both, :3] = _grey(left)[both, None]
    picture[both, 3] = _FAINT
    strength = _LEAST + (255 - _LEAST) * np.sqrt(apart.astype(np.float32) / 255)
    picture[changed, :3] = CHANGED
    picture[changed, 3] = strength[changed].astype(np.uint8)
    for mask, color in ((only_left, ONLY_LEFT), (only_right, ONLY_RIGHT)):
        picture[mask] = (*color, 255)
    return Difference(
        changed=int(changed.sum()),
        only_left=int(only_left.sum()),
        only_right=int(only_right.sum()),
        pixels=int((there_left | there_right).sum()),
        greatest=int(apart.max(initial=0)),
        picture=picture,
    )


def _premultiplied(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 4) int16, colours multiplied by opacity."""
    wide = rgba.astype(np.uint16)
    wide[..., :3] = (wide[..., :3] * wide[..., 3:] + 127) // 255
    return wide.astype(np.int16)


def _grey(rgba: np.ndarray) -> np.ndarray:
    """(H, W) uint8 luma by ITU-R BT.601."""
    return (rgba[..., :3] @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)

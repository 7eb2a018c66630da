"""Cuts pictures out of the plain background that a run without transparency draws them on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]

LEVELS = 64
"""How many of 255 levels a channel may be from the background to belong to it: a network draws it a little off."""


def cut_out(picture: Pixels, background: Colour) -> Pixels:
    """(H, W, 3) -> (H, W, 4): clear where it is like the background, all the way to the border of the picture.

    What is like the background but enclosed by other colours, such as an eye, stays.
    """
    near = (np.abs(picture.astype(np.int16) - np.array(background)) <= LEVELS).all(2)
    outside = np.zeros(near.shape, np.bool_)
    outside[[0, -1], :] = near[[0, -1], :]
    outside[:, [0, -1]] = near[:, [0, -1]]
    while True:
        spread = _along_rows(outside, near)
        spread = _along_rows(spread.T, near.T).T
        if (spread == outside).all():
            break
        outside = spread
    rgba = np.dstack([picture, np.where(outside, 0, 255).astype(np.uint8)])
    rgba[outside] = 0
    return rgba


def _along_rows(marked: NDArray[np.bool_], open_: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W): the open pixels of a row that lie beside each other, wherever one of them is marked."""
    height, width = open_.shape
    # Each closed pixel begins a stretch, so that open ones side by side have one number.
    stretch = np.cumsum(~open_, axis=1) + (width + 1) * np.arange(height)[:, None]
    hit = np.zeros(height * (width + 1) + 1, np.bool_)
    hit[stretch[marked]] = True
    return np.asarray(open_ & hit[stretch])


def lies_on(pictures: Iterable[Pixels], background: Colour) -> bool:
    """Whether pictures (H, W, 3) are drawn on this background: most of their corners have exactly this colour."""
    corners = [picture[[0, 0, -1, -1], [0, -1, 0, -1]] for picture in pictures]
    if not corners:
        return False
    return bool((np.concatenate(corners) == np.array(background)).all(1).mean() > 0.5)

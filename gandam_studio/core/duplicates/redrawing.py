"""Whether two pictures that lie on each other show the same everywhere, but for what encoders do to pixels.

An encoder errs everywhere a little, or by a rule; a painter changes one place. So nothing that is left between the two
may be larger somewhere than noise is elsewhere, neither a pixel nor the mean of a few neighbours. What fails may be two
frames of a walk, or a bow and a sword, and neither is to go in favour of the other.
"""

from __future__ import annotations

import cv2
import numpy as np

from gandam_studio.core.duplicates.colours import furthest_of_three, numbered, reduced_to_palette

_PIXEL, _PLACE = 32.0, 14.0  # levels of 255 that encoders may leave of a pixel, and of the mean of 3 x 3
_NOISE = 18.0  # standard deviation, levels: more noise than this hides what was drawn
_FAR = 6.0  # standard deviations: of a million noisy pixels none is so far off
_ROOM = (30.0, 225.0)  # levels between which noise is not cut off
_WHITE = (
    0.3  # of the differences' power, how much neighbours may share: 1 / 9 of white noise, nearly all of a new colour
)
_TELLING = 100  # values: fewer say nothing about noise
_MOST = 6  # of 3 x 3 pixels: fewer have no mean to speak of
_OPACITY = 24.0  # levels: pixels of more different opacity are a rim, smoothed or not ...
_APPEARED = 160.0  # ... and these are there in one picture only
_SOLID = 64  # opacity from which on a pixel's colour can be told
_FARTHER = 48.0  # levels: how much farther than the nearest colour of a palette the chosen one may be
_DITHERED = 0.1  # of the pixels have another colour than most of their kind: neighbours then share the error
_AREA = np.ones((3, 3), dtype=np.uint8)


def shown_alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether (h, w, 4) float32 pictures, colours multiplied by opacity, differ by noise or by fewer colours alone."""
    if not _silhouettes_agree(first[..., 3], second[..., 3]):
        return False
    rim = np.abs(first[..., 3] - second[..., 3]) > _OPACITY
    counted = (np.maximum(first[..., 3], second[..., 3]) > _OPACITY) & ~rim
    if nothing_stands_out(first[..., :3] - second[..., :3], counted, first[..., :3]):
        return True
    return _fewer_colours(first, second) or _fewer_colours(second, first)


def nothing_stands_out(
    off: np.ndarray, counted: np.ndarray, colours: np.ndarray, allowed: np.ndarray | float = 0.0
) -> bool:
    """Whether what two pictures differ by is noise at most, the same everywhere.

    off, colours: (h, w, 3) float32, 0 to 255, the difference and one of the pictures. counted: (h, w) bool, the pixels
    to go by. allowed: levels, (h, w) or one for all, that a place may be off besides.
    """
    if not counted.any():
        return True
    strength = np.abs(off)
    furthest = furthest_of_three(strength)
    usual = float(np.median(allowed)) if np.ndim(allowed) else float(allowed)
    # Whatever the noise, no more than this: most pairs end here.
    if (counted & (furthest > max(_PIXEL, _FAR * (_NOISE + usual)) + 2 * allowed)).any():
        return False
    noise = _noise(strength, counted, colours)
    if noise > _NOISE + usual:
        return False
    within = furthest <= max(_PIXEL, _FAR * noise) + 2 * allowed
    if not within[counted].all():
        return False
    weight = counted.astype(np.float32)
    count = _summed(weight)
    mean = furthest_of_three(np.abs(_summed(off * weight[..., None]))) / np.maximum(count, 1)
    within = mean <= np.maximum(_PLACE, _FAR * noise / np.sqrt(np.maximum(count, 1))) + allowed
    return bool(within[counted & (count >= _MOST)].all())


def is_white(off: np.ndarray, counted: np.ndarray, colours: np.ndarray) -> bool:
    """Whether what two pictures differ by is each pixel's own, as noise is and another colour is not.

    Arguments as of `nothing_stands_out`. Levels at which noise is cut off, and so leans to one side, do not count.
    """
    free = (counted[..., None] & (colours > _ROOM[0]) & (colours < _ROOM[1])).astype(np.float32)
    count = _summed(free)
    telling = (free > 0) & (count >= _MOST)
    own = off[telling]
    return bool(np.square(_summed(off * free)[telling] / count[telling]).sum() <= _WHITE * np.square(own).sum())


def _silhouettes_agree(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether (h, w) opacities differ along outlines only, and nowhere from nothing to something."""
    off = np.abs(first - second)
    if float(off.max(initial=0)) <= _OPACITY:
        return True
    if (off > _APPEARED).any():
        return False
    return not cv2.erode((off > _OPACITY).astype(np.uint8), _AREA, borderValue=0).any()


def _fewer_colours(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether the second (h, w, 4) picture is the first in the few colours of a palette.

    A palette's colour is about the nearest one, and the same wherever the colour it stands for is, or, where it was
    dithered, neighbours share the error.
    """
    solid = (first[..., 3] > _SOLID) & (second[..., 3] > _SOLID)
    mine, other = (_solid_colours(picture, solid) for picture in (first, second))
    if not reduced_to_palette(mine, other, farther=_FARTHER):
        return False
    kinds, number = numbered(mine)
    shades, place = numbered(other)
    names, counts = np.unique(number * len(shades) + place, return_counts=True)
    usual = np.zeros(len(kinds), dtype=np.int64)
    order = np.argsort(counts, kind="stable")
    usual[names[order] // len(shades)] = names[order] % len(shades)  # the last of a kind is its most frequent one
    strange = furthest_of_three(np.abs(other - shades[usual[number]]))
    if np.count_nonzero(strange > 1) <= _DITHERED * len(strange):
        return bool((strange <= _PIXEL).all())
    off = np.zeros((*solid.shape, 3), dtype=np.float32)
    off[solid] = mine - other
    return bool((np.abs(_summed(off)) <= 2 * _PLACE * _AREA.size).all())


def _solid_colours(picture: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """(P, 3) colours, not multiplied by opacity, of the marked pixels of a (h, w, 4) picture."""
    if solid.all():
        picture = picture.reshape(-1, 4)
        return picture[:, :3] if (picture[:, 3] == 255).all() else picture[:, :3] * (np.float32(255) / picture[:, 3:])
    return picture[..., :3][solid] * (np.float32(255) / picture[..., 3][solid])[:, None]


def _summed(values: np.ndarray) -> np.ndarray:
    """Sums of 3 x 3 neighbours of (h, w) or (h, w, C) float32, nothing beyond the edges."""
    return np.asarray(cv2.boxFilter(values, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT))


def _noise(strength: np.ndarray, counted: np.ndarray, colours: np.ndarray) -> float:
    """Standard deviation of noise by the median of (h, w, 3) absolute differences: a part drawn anew hardly counts."""
    values, levels = strength[counted], colours[counted]
    free = values[(levels > _ROOM[0]) & (levels < _ROOM[1])]
    return 1.4826 * float(np.median(free if len(free) > _TELLING else values))

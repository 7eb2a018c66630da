"""Whether two pictures that lie on each other show the same everywhere, but for what encoders do to pixels.

An encoder errs everywhere a little, or by a rule; a painter changes one place. So nothing that is left between the two
may be larger somewhere than noise is elsewhere, neither a pixel nor the mean of a few neighbours. What fails may be two
frames of a walk, or a bow and a sword, and neither is to go in favour of the other.
"""

from __future__ import annotations

import cv2
import numpy as np

from gandam_studio.core.duplicates.colours import furthest_of_three, named, numbered, reduced_to_palette

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
_OPAQUE = 250
_SOLID = 64  # opacity from which on a pixel's colour can be told
_FARTHER = 48.0  # levels: how much farther than the nearest colour of a palette the chosen one may be
_DITHERED = 0.1  # of the pixels have another colour than most of their kind: neighbours then share the error
_SAME = 3.0  # levels: no eye and few encoders tell these apart
# Of the pixels that changed, how many have a colour that the other picture lacks: .56 and more in 99 of 100 copies
# with noise or in JPEG from quality 30 on (134 sprites, eleven encoders), .27 at most of two frames of one palette.
_NEW = 0.4
# And how many colours they have for each pixel, or how many times as many as the other picture has there: encoders make
# .21 and more in 99 of 100 copies; a coat of paint, however thin, turns one colour into one.
_OWN, _MORE = 0.15, 3
# Of all pixels, how many may have stayed exactly what they were: .32 at most under noise, .48 in 99 of 100 JPEGs.
_UNTOUCHED = 0.6
# Reduced to a palette, a colour that is still in it stays, so that all pixels that changed had one that is gone: in all
# of 436 copies in 8 to 64 colours. Dithering moves others too: 1 in 100 of 133 in the web's 216 came to .31.
_GONE, _GONE_DITHERED = 0.95, 0.3
# Of what a picture varies by, how much a palette may change: .25 in 99 of 100 copies in 8 colours, .16 in 9 of 10 in
# the web's 216; a scarf of other colours came to .40.
_DRAWN = 0.36
_FEWEST = 8  # colours: a palette of fewer changes most pixels; where it changed some, another drawing lacks a colour
_AREA = np.ones((3, 3), dtype=np.uint8)


def shown_alike(first: np.ndarray, second: np.ndarray, *, remade: bool = False) -> bool:
    """Whether (h, w, 4) float32 pictures, colours multiplied by opacity, differ by noise or by fewer colours alone.

    remade: one was resized or laid on a background to be like the other, so that its outlines may be off a little.
    """
    if not _silhouettes_agree(first[..., 3], second[..., 3]):
        return False
    rim = np.abs(first[..., 3] - second[..., 3]) > _OPACITY
    counted = (np.maximum(first[..., 3], second[..., 3]) > _OPACITY) & ~rim
    off = first[..., :3] - second[..., :3]
    if nothing_stands_out(off, counted, first[..., :3]) and (remade or _spoiled(first, second, off, counted)):
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


def _spoiled(first: np.ndarray, second: np.ndarray, off: np.ndarray, counted: np.ndarray) -> bool:
    """Whether what differs is an encoder's error or noise, which is nearly everywhere and makes colours of its own.

    Small changes in some places, or in colours that both pictures have, are frames of one animation: water that moves.
    A thin coat of paint turns each colour into one other. Arguments as of `nothing_stands_out` and `shown_alike`.
    """
    solid = (first[..., 3] > _SOLID) & (second[..., 3] > _SOLID)
    mine, other = (solid_colours(picture, solid) for picture in (first, second))
    strength = furthest_of_three(np.abs(mine - other))
    changed = strength > _SAME
    if not changed.any():
        return True
    if np.count_nonzero(strength < 1) > _UNTOUCHED * len(strength):
        return False
    if not (has_own_colours(mine, other, changed) or has_own_colours(other, mine, changed)):
        return False
    # Of opaque pictures encoders are tried out one by one: here it may only be noise.
    opaque = min(float(first[..., 3].min()), float(second[..., 3].min())) >= _OPAQUE
    return not opaque or is_white(off, counted, first[..., :3])


def has_own_colours(copy: np.ndarray, plain: np.ndarray, changed: np.ndarray) -> bool:
    """Whether what changed has colours as encoders and noise make them: many, and none of the other picture's.

    copy, plain: (P, 3) float32, 0 to 255. changed: (P,) bool.
    """
    colours, known = named(copy), named(plain)
    made, counts = np.unique(colours[changed], return_counts=True)
    total = np.count_nonzero(changed)
    if counts[~np.isin(made, known)].sum() < _NEW * total:
        return False
    return len(made) >= min(_OWN * total, _MORE * len(np.unique(known[changed])))


def _share_of_new(colours: np.ndarray, others: np.ndarray, counted: np.ndarray) -> float:
    """The share of the counted (P,) pixels whose colour none of the other picture's has.

    colours, others: (P, 3) float32, 0 to 255.
    """
    return float(np.mean(~np.isin(named(colours[counted]), named(others))))


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
    mine, other = (solid_colours(picture, solid) for picture in (first, second))
    if not reduced_to_palette(mine, other, farther=_FARTHER):
        return False
    off = mine - other
    if np.square(off).sum() > _DRAWN * np.square(mine - mine.mean(axis=0)).sum():
        return False
    kinds, number = numbered(mine)
    shades, place = numbered(other)
    moved = furthest_of_three(np.abs(off)) > 1
    if len(shades) < _FEWEST and np.count_nonzero(moved) < (1 - _UNTOUCHED) * len(moved):
        return False
    names, counts = np.unique(number * len(shades) + place, return_counts=True)
    usual = np.zeros(len(kinds), dtype=np.int64)
    order = np.argsort(counts, kind="stable")
    usual[names[order] // len(shades)] = names[order] % len(shades)  # the last of a kind is its most frequent one
    strange = furthest_of_three(np.abs(other - shades[usual[number]]))
    dithered = np.count_nonzero(strange > 1) > _DITHERED * len(strange)
    if moved.any() and _share_of_new(mine, other, moved) < (_GONE_DITHERED if dithered else _GONE):
        return False
    if not dithered:
        return bool((strange <= _PIXEL).all())
    left = np.zeros((*solid.shape, 3), dtype=np.float32)
    left[solid] = off
    return bool((np.abs(_summed(left)) <= 2 * _PLACE * _AREA.size).all())


def solid_colours(picture: np.ndarray, solid: np.ndarray) -> np.ndarray:
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

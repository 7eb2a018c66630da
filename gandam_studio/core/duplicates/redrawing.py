"""Tells whether two aligned pictures are the same drawing, apart from encoders' errors, or partly redrawn.

An encoder makes small errors everywhere, or follows a rule; a painter changes one place. So no difference between the
two, neither of a pixel nor of the mean of a few neighbours, may be larger than the noise elsewhere. Pictures that fail
may be two frames of a walk, or a bow and a sword, so neither may be dropped for the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from gandam_studio.core.duplicates.colours import (
    are_means,
    both_ways,
    furthest_of_three,
    named,
    numbered,
    reduced_to_palette,
)

_PIXEL, _PLACE = 32.0, 14.0  # levels of 255: largest encoder error of a pixel, and of the mean of 3 x 3
_NOISE = 18.0  # standard deviation, levels: stronger noise hides the drawing
_FAR = 6.0  # standard deviations: beyond the largest of a million noisy pixels
_BEYOND = 1.3  # standard deviations beyond the largest that is to be expected of so many values
_ROOM, _GREY = (30.0, 225.0), 127.5  # levels between which noise is not clipped, and their middle
# Largest share of the differences' power that neighbours have in common: 1 / 9 for white noise, nearly all for a new
# colour.
_WHITE = 0.3
# Share of values that noise changes where all are black or white, so that half of it is cut off.
_CUT_OFF = (0.35, 0.65)
_TELLING = 100  # values needed to estimate noise
_MOST = 6  # of 3 x 3 pixels needed for a mean
_AREA_SIDE, _MOST_OF_AREA = 7, 30  # pixels: side of a large area, and least number for its mean
_OPACITY = 24.0  # levels: pixels whose opacity differs by more are an edge, smoothed or not ...
_APPEARED = 160.0  # ... and by this much, exist in one picture only
_OPAQUE = 250
# Least mean difference of opacity, levels, and largest part of it that another opacity of the whole picture leaves.
# Encoders change opacity at outlines, or here and there by what they round.
_FADED, _UNEVEN = 3.0, 0.25
_FAINT = 128  # greatest opacity: pictures with less are compared as if they had all
_THIN = 0.02  # share of pixels, from which on translucent ones are looked at as they are stored
_SOLID = 64  # least opacity of a pixel whose colour is reliable
_FARTHER = 48.0  # levels by which the chosen colour of a palette may be farther away than the nearest
_DITHERED = 0.1  # share of pixels whose colour is not the usual one for their old colour, from which on it is dithering
_SAME = 3.0  # levels: invisible, and within the error of most encoders
# Least share of changed pixels whose colour the other picture lacks: at least .56 in 99 of 100 copies with noise or as
# JPEG from quality 30 (134 sprites, eleven encoders), at most .27 for two frames of one palette.
_NEW = 0.4
# Least number of their colours per changed pixel, or relative to the other picture's at these places: at least .21 in
# 99 of 100 encoded copies; a tint, however slight, maps one colour to one.
_OWN, _MORE = 0.15, 3
# Largest share of unchanged pixels: at most .32 with noise, .48 in 99 of 100 JPEGs.
_UNTOUCHED = 0.6
# Least share of changed pixels whose old colour is gone. A reduction keeps colours that are in the palette, so this is
# 1 in all of 436 copies with 8 to 64 colours. Dithering changes others too: 1 in 100 of 133 copies in the web palette
# (216 colours) has .31.
_GONE, _GONE_DITHERED = 0.95, 0.3
# Largest change by a reduction, relative to the picture's variance: .25 in 99 of 100 copies with 8 colours, .16 in 9 of
# 10 in the web palette; a recoloured scarf has .40.
_DRAWN = 0.36
_MIXING = 64  # colours: a palette of as many has or mixes about any other
_FEWEST = 8  # colours: a smaller palette changes most pixels; if few changed, one drawing merely lacks a colour
# Largest strong change by such a palette, relative to the variance of what it changed: at most .42 in 335 copies with 7
# colours and .7 in 460 of 474 with 4 (five sets); 1 where stripes became one colour, which leaves nothing of them.
_WIPED_OUT = 0.7
# Least covariance of two pictures, relative to the variance of the one that varies less: 1 for noise, which is
# independent of the drawing, and for encoders and palettes, which leave a part of it. At least .63 for noisy copies and
# JPEG (three games), at most 0 for different textures of 16 x 16 pixels whose difference passes for noise.
_SHARED = 0.5
_FLAT = 1.0  # levels, standard deviation: a picture that varies less has no drawing inside its silhouette
_AREA = np.ones((3, 3), dtype=np.uint8)


def shown_alike(first: np.ndarray, second: np.ndarray, *, remade: bool = False) -> bool:
    """Whether premultiplied (h, w, 4) float32 pictures differ only by noise or a reduced palette.

    remade: one was resized or composited to match the other, so that its outlines may be slightly off.
    """
    peak = max(float(first[..., 3].max(initial=0)), float(second[..., 3].max(initial=0)))
    if 0 < peak < _FAINT:  # differences that count as little would be all there is to see
        first, second = (picture * np.float32(255 / peak) for picture in (first, second))
    apart = np.abs(first[..., 3] - second[..., 3])
    if not _silhouettes_agree(first[..., 3], second[..., 3], apart, remade=remade):
        return False
    seen = np.maximum(first[..., 3], second[..., 3]) > _OPACITY
    if _faded(first[..., 3], second[..., 3], apart, seen):
        return False
    counted = seen & (apart <= _OPACITY)
    off = first[..., :3] - second[..., :3]
    values = 3 * max(1, int(np.count_nonzero(counted)))
    far = _FAR if remade else min(_FAR, _BEYOND + float(np.sqrt(2 * np.log(values))))
    if remade:
        evenly = nothing_stands_out(off, counted, first[..., :3], far=far)
        explained = evenly and _made_with_noise(first, second, off, counted)
    else:
        explained = any(
            nothing_stands_out(left, counted, colours, far=far, least=_noise_cut_off(left, counted, colours))
            and _spoiled(first, second, left, counted, colours)
            for left, colours in _ways_to_differ(first, second, off, counted)
        )
    if explained:
        return have_a_drawing_in_common(first[..., :3], second[..., :3], counted)
    return _fewer_colours(first, second) or _fewer_colours(second, first)


def nothing_stands_out(
    off: np.ndarray,
    counted: np.ndarray,
    colours: np.ndarray,
    allowed: np.ndarray | float = 0.0,
    far: float = _FAR,
    least: float = 0.0,
) -> bool:
    """Whether the difference of two pictures is no more than noise of the same strength everywhere.

    Args:
        off, colours: (h, w, 3) float32 in [0, 255], the difference and one of the pictures.
        counted: (h, w) bool, the pixels to compare.
        allowed: additional tolerance in levels, (h, w) or one value for all.
        far: standard deviations that no noise exceeds.
        least: standard deviation of noise that is known to be there.
    """
    if not counted.any():
        return True
    strength = np.abs(off)
    furthest = furthest_of_three(strength)
    usual = float(np.median(allowed)) if np.ndim(allowed) else float(allowed)
    # A fast upper bound that decides most pairs.
    if (counted & (furthest > max(_PIXEL, far * (_NOISE + usual)) + 2 * allowed)).any():
        return False
    noise = max(least, _noise(strength, counted, colours))
    if noise > _NOISE + usual:
        return False
    within = furthest <= max(_PIXEL, far * noise) + 2 * allowed
    if not within[counted].all():
        return False
    weight = counted.astype(np.float32)
    count = _summed(weight)
    mean = furthest_of_three(np.abs(_summed(off * weight[..., None]))) / np.maximum(count, 1)
    within = mean <= np.maximum(_PLACE, far * noise / np.sqrt(np.maximum(count, 1))) + allowed
    return bool(within[counted & (count >= _MOST)].all())


def have_a_drawing_in_common(first: np.ndarray, second: np.ndarray, counted: np.ndarray) -> bool:
    """Whether the colours of two pictures vary together, as those of a picture and its noisy or encoded copy.

    Where two textures have little contrast, their difference is no larger than noise, but they have nothing in common.

    Args:
        first, second: (h, w, 3) float32 or uint8 in [0, 255].
        counted: (h, w) bool, the pixels to compare.
    """
    mine, other = (picture[counted].astype(np.float32) for picture in (first, second))
    if not len(mine):
        return True
    mine, other = mine - mine.mean(axis=0), other - other.mean(axis=0)
    varying = min(float(np.vdot(mine, mine)), float(np.vdot(other, other)))
    if varying <= _FLAT**2 * mine.size:
        return not counted.all()
    return float(np.vdot(mine, other)) >= _SHARED * varying


def is_white(off: np.ndarray, counted: np.ndarray, colours: np.ndarray) -> bool:
    """Whether differences are independent between neighbours, as with noise but not with another colour.

    Arguments as for `nothing_stands_out`. Levels at which noise is clipped, and therefore biased, do not count.
    """
    free = (counted[..., None] & (colours > _ROOM[0]) & (colours < _ROOM[1])).astype(np.float32)
    count = _summed(free)
    telling = (free > 0) & (count >= _MOST)
    own = off[telling]
    return bool(np.square(_summed(off * free)[telling] / count[telling]).sum() <= _WHITE * np.square(own).sum())


def _made_with_noise(first: np.ndarray, second: np.ndarray, off: np.ndarray, counted: np.ndarray) -> bool:
    """Whether the strong difference of an opaque picture from what it was made of is noise.

    What an encoder may leave, `synthesis` tries to make. Arguments as for `nothing_stands_out` and `shown_alike`.
    """
    opaque = min(float(first[..., 3].min()), float(second[..., 3].min())) >= _OPAQUE
    if not opaque or _FAR * _noise(np.abs(off), counted, first[..., :3]) <= _PIXEL:
        return True
    return is_white(off, counted, first[..., :3])


def _ways_to_differ(
    first: np.ndarray, second: np.ndarray, off: np.ndarray, counted: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Differences, and the colours that they are from: as shown, and where something is translucent, as stored.

    Noise is added to what is stored, so less of it shows in translucent pixels. Arguments as for `shown_alike` and
    `nothing_stands_out`; (h, w, 3) float32.
    """
    yield off, first[..., :3]
    through = counted & (first[..., 3] > _SOLID) & (second[..., 3] > _SOLID)
    thin = through & (first[..., 3] < _OPAQUE)
    if np.count_nonzero(thin) > _THIN * np.count_nonzero(counted):
        times = np.where(through, np.float32(255) / np.maximum(first[..., 3], 1), np.float32(1))[..., None]
        other = np.where(through, np.float32(255) / np.maximum(second[..., 3], 1), np.float32(1))[..., None]
        mine, theirs = first[..., :3] * times, second[..., :3] * other
        # Of both the level nearer to where noise is cut off, so that it does not matter which of them is noisy.
        yield mine - theirs, np.where(np.abs(mine - _GREY) > np.abs(theirs - _GREY), mine, theirs)


def _spoiled(first: np.ndarray, second: np.ndarray, off: np.ndarray, counted: np.ndarray, colours: np.ndarray) -> bool:
    """Whether the difference is an encoder's error or noise, which is nearly everywhere and creates new colours.

    Small changes in some places, or between colours that both pictures have, are frames of one animation, such as
    moving water. A slight tint maps each colour to one other. Arguments as for `nothing_stands_out` and `shown_alike`.
    """
    if not _even_in_large(off, counted, colours):
        return False
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
    # For opaque pictures `synthesis` tries encoders, so here only noise counts.
    opaque = min(float(first[..., 3].min()), float(second[..., 3].min())) >= _OPAQUE
    return not opaque or is_white(off, counted, first[..., :3])


def _even_in_large(off: np.ndarray, counted: np.ndarray, colours: np.ndarray) -> bool:
    """Whether strong noise cancels out over areas larger than 3 x 3 pixels, unlike another tint.

    Arguments as for `nothing_stands_out`.
    """
    noise = _noise(np.abs(off), counted, colours)
    if _FAR * noise <= _PIXEL:
        return True
    free = (counted[..., None] & (colours > _ROOM[0]) & (colours < _ROOM[1])).astype(np.float32)
    return _mean_at_most(off, free, _PLACE, _FAR * noise)


def _mean_at_most(off: np.ndarray, free: np.ndarray, place: float, noise: float) -> bool:
    """Whether no mean of a large area is beyond `place` levels, or `noise` over the root of how many are averaged.

    off: (h, w, 3) float32. free: (h, w, 3) or (h, w, 1) float32, 1 where a value counts.
    """
    summed, count = (
        cv2.boxFilter(values, -1, (_AREA_SIDE, _AREA_SIDE), normalize=False, borderType=cv2.BORDER_CONSTANT)
        for values in (off * free, np.broadcast_to(free, off.shape).copy())
    )
    telling = count >= _MOST_OF_AREA
    mean = np.abs(summed[telling]) / count[telling]
    return bool((mean <= np.maximum(place, noise / np.sqrt(count[telling]))).all())


def has_own_colours(copy: np.ndarray, plain: np.ndarray, changed: np.ndarray) -> bool:
    """Whether changed pixels have colours like those of encoders and noise: many, and mostly not in the other picture.

    copy, plain: (P, 3) float32 in [0, 255]. changed: (P,) bool.
    """
    colours, known = named(copy), named(plain)
    made, counts = np.unique(colours[changed], return_counts=True)
    total = np.count_nonzero(changed)
    if counts[~np.isin(made, known)].sum() < _NEW * total:
        return False
    return len(made) >= min(_OWN * total, _MORE * len(np.unique(known[changed])))


def _share_of_new(colours: np.ndarray, others: np.ndarray, counted: np.ndarray) -> float:
    """The share of the counted (P,) pixels whose colour does not occur in the other picture.

    colours, others: (P, 3) float32 in [0, 255].
    """
    return float(np.mean(~np.isin(named(colours[counted]), named(others))))


def _silhouettes_agree(first: np.ndarray, second: np.ndarray, apart: np.ndarray, *, remade: bool) -> bool:
    """Whether (h, w) opacities, `apart` by so much, differ only along outlines, never between transparent and opaque.

    If neither was `remade` (`shown_alike`), outlines can only have become hard: no encoder moves a smooth one.
    """
    if float(apart.max(initial=0)) <= _OPACITY:
        return True
    if (apart > _APPEARED).any() or not (remade or _hard(first) or _hard(second)):
        return False
    return not cv2.erode((apart > _OPACITY).astype(np.uint8), _AREA, borderValue=0).any()


def _faded(first: np.ndarray, second: np.ndarray, apart: np.ndarray, seen: np.ndarray) -> bool:
    """Whether (h, w) opacities in [0, 255], `apart` by so much, differ by one factor: a shadow and a darker one.

    seen: (h, w) bool, where one of them is no trace.
    """
    if float(apart.max(initial=0)) <= _FADED or not seen.any() or float(apart[seen].mean()) <= _FADED:
        return False
    factor = float(np.vdot(first, second)) / max(float(np.vdot(second, second)), 1.0)
    return float(np.square(first - factor * second).sum()) <= _UNEVEN**2 * float(np.square(apart).sum())


def _hard(opacity: np.ndarray) -> bool:
    """Whether nothing in (h, w) is translucent."""
    return not ((opacity > _OPACITY) & (opacity < 255 - _OPACITY)).any()


def _fewer_colours(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether the second (h, w, 4) picture is the first with a reduced palette.

    Each pixel then has about the nearest colour of the palette, the same for every pixel of one old colour, unless it
    was dithered; then the error is distributed over neighbours.
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
    if moved.any():
        if len(shades) < _FEWEST and np.count_nonzero(moved) < (1 - _UNTOUCHED) * len(moved):
            return False
        if _painted_over(mine[moved], off[moved], place[moved], len(shades)):
            return False
    names, counts = np.unique(number * len(shades) + place, return_counts=True)
    usual = np.zeros(len(kinds), dtype=np.int64)
    order = np.argsort(counts, kind="stable")
    usual[names[order] // len(shades)] = names[order] % len(shades)  # the most frequent comes last and wins
    strange = furthest_of_three(np.abs(other - shades[usual[number]]))
    dithered = np.count_nonzero(strange > 1) > _DITHERED * len(strange)
    if moved.any() and _share_of_new(mine, other, moved) < (_GONE_DITHERED if dithered else _GONE):
        return False
    if not dithered and (strange > _PIXEL).any():
        return False
    left = np.zeros((*solid.shape, 3), dtype=np.float32)
    left[solid] = off
    if dithered and (np.abs(_summed(left)) > 2 * _PLACE * _AREA.size).any():
        return False
    # Many colours are near any other, or are mixed to it; few cannot be.
    return len(shades) < _MIXING or _mean_at_most(left, solid[..., None].astype(np.float32), _PLACE, 0.0)


def _painted_over(colours: np.ndarray, off: np.ndarray, place: np.ndarray, count: int) -> bool:
    """Whether (P, 3) colours in [0, 255] that changed by (P, 3) `off` were painted over, not reduced to a palette.

    place: (P,) the number of each pixel's new colour. count: of the colours in the palette. Many colours need be no
    means of what they replace, but what all became darker, say, and even, is a part that one drawing lacks.
    """
    if count >= _FEWEST:
        return not both_ways(off) and _wiped_out(colours, off)
    return not both_ways(off) or not are_means(place, off) or _wiped_out(colours, off)


def _wiped_out(colours: np.ndarray, off: np.ndarray) -> bool:
    """Whether little is left of what (P, 3) colours in [0, 255] showed, once they changed by (P, 3) `off`.

    Neighbouring shades may merge, but a strong change keeps dark and light apart.
    """
    power = float(np.square(off).sum())
    if power <= _PIXEL**2 * len(off):
        return False
    return power > _WIPED_OUT * float(np.square(colours - colours.mean(axis=0)).sum())


def solid_colours(picture: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Return the (P, 3) colours, not premultiplied, of the marked pixels of a premultiplied (h, w, 4) picture."""
    if solid.all():
        picture = picture.reshape(-1, 4)
        return picture[:, :3] if (picture[:, 3] == 255).all() else picture[:, :3] * (np.float32(255) / picture[:, 3:])
    return picture[..., :3][solid] * (np.float32(255) / picture[..., 3][solid])[:, None]


def _summed(values: np.ndarray) -> np.ndarray:
    """Sums over 3 x 3 neighbours of (h, w) or (h, w, C) float32, with zeros beyond the edges."""
    return np.asarray(cv2.boxFilter(values, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT))


def _noise(strength: np.ndarray, counted: np.ndarray, colours: np.ndarray) -> float:
    """Standard deviation of noise from the median of (h, w, 3) absolute differences, robust against redrawn parts."""
    values, levels = strength[counted], colours[counted]
    free = values[(levels > _ROOM[0]) & (levels < _ROOM[1])]
    return 1.4826 * float(np.median(free if len(free) > _TELLING else values))


def _noise_cut_off(off: np.ndarray, counted: np.ndarray, colours: np.ndarray) -> float:
    """Standard deviation of noise in a picture of black and white, which cuts half of it off; 0 if there is no such.

    Arguments as for `nothing_stands_out`. Neighbours have little in common, as with all noise.
    """
    values, levels = off[counted], colours[counted]
    inside = (levels > _ROOM[0]) & (levels < _ROOM[1])
    if np.count_nonzero(inside) > _TELLING or values.size <= _TELLING:
        return 0.0
    changed = np.abs(values[np.abs(values) >= 1])
    if not _CUT_OFF[0] <= len(changed) / values.size <= _CUT_OFF[1]:
        return 0.0
    centred = np.where(counted[..., None], off - values.mean(axis=0), np.float32(0))
    count = _summed(counted.astype(np.float32))
    telling = counted & (count >= _MOST)
    own = centred[telling]
    shared = np.square(_summed(centred)[telling] / count[telling][:, None]).sum()
    return 1.4826 * float(np.median(changed)) if shared <= _WHITE * np.square(own).sum() else 0.0

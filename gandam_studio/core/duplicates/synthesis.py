"""Analysis by synthesis: tries to make one whole picture from the other by common operations, to detect copies.

Resizes with common filters, composites on the other's background, and encodes as JPEG. For a copy made this way, almost
no difference remains; for two drawings that are merely similar, it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import cv2
import numpy as np
from PIL import Image

from gandam_studio.core.duplicates.colours import furthest, furthest_of_three, weighted
from gandam_studio.core.duplicates.enlarging import enlargement
from gandam_studio.core.duplicates.redrawing import (
    has_own_colours,
    have_a_drawing_in_common,
    nothing_stands_out,
    shown_alike,
)
from gandam_studio.core.duplicates.verdicts import Transform

_PILLOW = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_OPENCV = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)
_OPAQUE = 250
_OFF_FACTOR, _ROOM = 0.1, 2  # log scale, and pixels: largest error of the transform between contents
_LIKELY = 3  # number of filters that are tried with every JPEG quality
_QUALITIES, _COARSE, _ROUGH = range(11, 99, 2), range(12, 99, 5), (15, 30, 45, 60, 70, 78, 85, 90, 94)  # of JPEG
_TELLING, _BLOCKS = 64, 16  # sides in pixels: of a part that shows an encoder's quality, and of an encoder's block
_GROUND = 0.03  # least share of a picture without sprite that shows the background
_EVEN, _BETTER = 0.9, 0.2  # share of a background in one colour if it is no gradient, and how much more a gradient fits
# Least pixels that show an even background where there are few, the factor to it for a gradient, and the levels by
# which it differs from what is drawn beside it.
_CORNERS, _SLOPES, _BESIDE = 3, 4, 24.0
_THIN = 191  # opacity below which the background shows through
_PURE, _NEARLY_PURE = 2.0, 40.0  # levels within which a background is black or white; and if an encoder makes it ring
_SAMPLINGS = (  # of chroma: 4:2:0, the most common one, and none
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# Largest change of a JPEG block's mean brightness, in levels: at most 25.4 at quality 11, 14.8 at 30 and 18.8 for JPEG
# twice (12,096 copies of the tuned sets); more for half of Freedoom's other frames on one colour.
_BLOCK_LIGHT = 30.0
_BLOCK = 44.0  # levels: JPEG at quality 30 changes the mean of 16 x 16 pixels of small sprites by up to 40
# Error that another encoder may leave at a place, relative to that of JPEG around it: .14 to .33 for WebP at quality
# 80, .1 to .6 for JPEG encoded twice; below 1.2 for 1 in 20 pictures with a redrawn part, below .37 for none of 360.
_ENCODERS = 0.35
_SAME = 3.0  # levels
# Largest loss of a second encoding, relative to that of the first: at most .5 for JPEG copies, .6 for 9 in 10 WebP
# copies (two games); .79 and more for two drawings of dark bricks.
_LESS = 0.75
# Share of the changed pixels that must match for JPEG to be the encoder, and the levels that rounding leaves then.
_KNOWN, _ROUNDED = 0.5, 24.0
_REMADE = 0.9  # the same where colours are no proof that there was an encoder
# Levels: filters that differ by more are told apart, and the right one comes as near as that; and least pixels for it.
_TOLD_APART, _EQUAL, _FEWEST = 4.0, 1.5, 10
_ABOUT_GREY, _COLOURED = 12, 0.05  # levels between channels, and the most pixels with more
_MANY_GREYS = 48  # levels of a grey picture among which an encoder makes no new ones
_ANEW = 12.0  # levels: what the right filter and its rounding never leave
_RIGHT = 0.7  # least share of those pixels that come out right
# Least cosine between the change by one of a few qualities and the actual change: at least .49 for JPEG copies, .39 for
# WebP or noise; .32 in the median for Freedoom's other frames on one colour.
_ALIKE = 0.38
# Levels, and the factor to the error of the best of a few qualities (at least so many levels), that no encoder exceeds:
# at most 4.1 for copies in any WebP or JPEG, at least 5.5 for 19 in 20 of Freedoom's other frames.
_PLACE, _HOPELESS, _LEAST = 14.0, 4.5, 4.0
_BLOCKS_AROUND = np.ones((17, 17), dtype=np.uint8)
_AROUND = np.ones((7, 7), dtype=np.uint8)


def resizings(rgba: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """Resize an (H, W, 4) uint8 picture to (width, height) with all common filters. Returns premultiplied float32.

    The first result is that of the nearest-neighbour filter.
    """
    picture, source = Image.fromarray(rgba), weighted(rgba)
    made = [weighted(np.array(picture.resize(size, method))) for method in _PILLOW]
    return made + [np.asarray(cv2.resize(source, size, interpolation=method)) for method in _OPENCV]


def remade(first: np.ndarray, second: np.ndarray, *, mirrored: bool) -> bool:
    """Whether one of two (H, W, 4) uint8 pictures, mirrored or not, can be made from the other."""
    found = _Made.NOT
    for plain, other in ((first, second), (second, first)):
        factor = enlargement(plain)  # the other may have been enlarged with another filter
        small = np.ascontiguousarray(plain[::factor, :: -factor if mirrored else factor])
        other = np.ascontiguousarray(other)
        if found == _Made.ABOUT:  # what is not the same may hide where a reduced picture is enlarged again
            return not _resized_but_for_a_part(small, other)
        if found == _Made.BUT_FOR_A_PART:
            return _made_of(small, other) == _Made.EXACTLY
        found = _made_of(small, other)
        if found == _Made.EXACTLY or (found == _Made.ABOUT and first.shape == second.shape):
            return True
    return found == _Made.ABOUT


def remade_elsewhere(plain: np.ndarray, other: np.ndarray, transform: Transform) -> bool:
    """Whether a picture is another one with different margins, enlarged by a whole factor or encoded.

    plain, other: (H, W, 4) uint8; `plain` must have transparency. transform: approximately maps `plain` to `other`.
    """
    factor = round(transform.scale_x)
    height, width = other.shape[:2]
    opaque = int(other[..., 3].min()) >= _OPAQUE
    if factor < 1 or (factor == 1 and not opaque) or height % factor or width % factor:
        return False
    if abs(np.log(transform.scale_x / factor)) > _OFF_FACTOR or int(plain[..., 3].min()) > 0:
        return False
    if transform.mirrored:
        plain = plain[:, ::-1]
    height, width = height // factor, width // factor
    small = cv2.resize(weighted(other), (width, height), interpolation=cv2.INTER_AREA)
    best, nearest = np.inf, None
    left, top = round(transform.shift_x / factor), round(transform.shift_y / factor)
    for y in range(top - _ROOM, top + _ROOM + 1):
        for x in range(left - _ROOM, left + _ROOM + 1):
            framed = _framed(plain, x, y, width, height)
            made = _laid(weighted(framed), small) if opaque else weighted(framed)
            off = cv2.norm(made, small, cv2.NORM_L2)
            if off < best:
                best, nearest = off, framed
    return nearest is not None and _made_of(nearest, np.ascontiguousarray(other)) in (_Made.ABOUT, _Made.EXACTLY)


def _framed(rgba: np.ndarray, x: int, y: int, width: int, height: int) -> np.ndarray:
    """Paste an (H, W, 4) picture into an empty one of another size, and cut it off at the edges."""
    made = np.zeros((height, width, 4), dtype=np.uint8)
    into = made[max(0, y) : max(0, y + rgba.shape[0]), max(0, x) : max(0, x + rgba.shape[1])]
    into[...] = rgba[max(0, -y) :, max(0, -x) :][: into.shape[0], : into.shape[1]]
    return made


class _Made(Enum):
    """How well one picture can be made from another."""

    NOT = 0
    BUT_FOR_A_PART = 1  # by a filter that most pixels prove, so that the rest was drawn anew before or after
    ABOUT = 2
    EXACTLY = 3  # resized


def _made_of(plain: np.ndarray, other: np.ndarray) -> _Made:
    """How well the other picture is the plain one resized, composited on a background, encoded, or several of these."""
    size = other.shape[1::-1]
    resized = size != plain.shape[1::-1]
    opaque = int(other[..., 3].min()) >= _OPAQUE
    wanted = weighted(other)
    if not resized and not opaque:  # including specks, which trimmed contents lack
        return _Made.ABOUT if shown_alike(weighted(plain), wanted) else _Made.NOT
    made = resizings(plain, size) if resized else [weighted(plain)]
    free = made[0][..., 3] == 0
    touched = resized or bool(made[0][..., 3].min() < _OPAQUE)
    if opaque:
        made = [_laid(one, wanted) for one in made]
    made.sort(key=lambda one: cv2.norm(one, wanted, cv2.NORM_L2))
    if resized and _drawn_anew(made, wanted):
        return _Made.BUT_FOR_A_PART
    if not (opaque and _restless_behind(made[0], wanted, free)) and shown_alike(made[0], wanted, remade=touched):
        exactly = resized and float(furthest(np.abs(made[0] - wanted)).max()) <= _ANEW
        return _Made.EXACTLY if exactly else _Made.ABOUT
    return _Made.ABOUT if opaque and _encoded_from(made, wanted) else _Made.NOT


def _encoded_from(made: list[np.ndarray], wanted: np.ndarray) -> bool:
    """Whether an opaque (h, w, 4) float32 picture is one of several encoded, the first being the nearest."""
    if _blocks_apart(made[0], wanted):
        return False
    if not have_a_drawing_in_common(made[0][..., :3], wanted[..., :3], np.ones(wanted.shape[:2], dtype=bool)):
        return False
    target = _bgr(wanted)
    sources = [_bgr(one) for one in made]
    coloured = _has_encoders_colours(sources[0], target)
    place = _most_changed(sources[0], target)
    if len(sources) > 1:  # after compression the filter shows only if each candidate is encoded, too
        sources.sort(key=lambda one: _distance(one, target, place, _COARSE))
    return any(
        not _beyond_encoders(one, target) and _through_an_encoder(one, target, place, coloured)
        for one in sources[:_LIKELY]
    )


def _resized_but_for_a_part(plain: np.ndarray, other: np.ndarray) -> bool:
    """Whether the other picture is the plain one resized by a filter that is known by most pixels, but not by all."""
    size, wanted = other.shape[1::-1], weighted(other)
    if size == plain.shape[1::-1]:
        return False
    made = resizings(plain, size)
    if int(other[..., 3].min()) >= _OPAQUE:
        made = [_laid(one, wanted) for one in made]
    made.sort(key=lambda one: cv2.norm(one, wanted, cv2.NORM_L2))
    return _drawn_anew(made, wanted)


def _drawn_anew(made: list[np.ndarray], wanted: np.ndarray) -> bool:
    """Whether the nearest of several resized (h, w, 4) float32 pictures is the wanted one, except in a part.

    Where filters differ, no wrong one comes out the same to the level.
    """
    off = furthest(np.abs(made[0] - wanted))
    if float(off.max(initial=0)) <= _ANEW:
        return False
    telling = furthest(np.abs(made[0] - made[1])) > _TOLD_APART
    count = np.count_nonzero(telling)
    return bool(count >= _FEWEST and np.count_nonzero((off <= _EQUAL) & telling) >= _RIGHT * count)


def _laid(plain: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Composite an (h, w, 4) float32 picture on the background of the other one, which is opaque.

    On white if hardly any background shows: the empty corner of a tile is not enough.
    """
    hidden = 1 - plain[..., 3:] / np.float32(255)
    if not hidden.any():
        return plain
    made = plain.copy()
    behind = background_behind(plain, wanted)
    made[..., :3] += hidden * (np.float32(255) if behind is None else behind)
    made[..., 3] = 255
    return np.rint(made)


def _restless_behind(made: np.ndarray, wanted: np.ndarray, free: np.ndarray) -> bool:
    """Whether the background of a picture is uneven, as with a lake next to a shore.

    Calm water could be taken for noise, so only an encoder may explain the difference then.
    """
    if not free.any():
        return False
    return bool(furthest_of_three(np.abs(made[..., :3] - wanted[..., :3]))[free].mean() > _SAME)


def background_behind(plain: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """Return the background of an opaque (h, w, 4) float32 picture where a transparent one is empty.

    Both are in [0, 255], premultiplied; the result is that of `background_under`. If hardly anything is empty, uses
    what shows through translucent pixels; None without those.
    """
    free = plain[..., 3] == 0
    if np.count_nonzero(free) > _GROUND * free.size:
        return background_under(wanted[..., :3], free)
    through = plain[..., 3] < _THIN
    if np.count_nonzero(through) <= _GROUND * free.size:
        return _in_corners(plain, wanted, free)
    hidden = 1 - plain[..., 3:] / np.float32(255)
    return background_under((wanted[..., :3] - plain[..., :3]) / np.maximum(hidden, np.float32(0.1)), through)


def _in_corners(plain: np.ndarray, wanted: np.ndarray, free: np.ndarray) -> np.ndarray | None:
    """`background_behind` where it shows in few (h, w) pixels, as at rounded corners; None if that may be drawing.

    A drawing that fills a corner has colours of its neighbourhood, or several.
    """
    count = int(np.count_nonzero(free))
    if count < _CORNERS:
        return None
    behind = background_under(wanted[..., :3], free)
    if behind.ndim == 3:
        if count < _SLOPES * _CORNERS:
            return None
        seen = behind[free]
    else:
        seen = np.broadcast_to(behind, (count, 3))
    if float(np.abs(wanted[..., :3][free] - seen).max()) > _SAME:
        return None
    around = (cv2.dilate(free.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & (plain[..., 3] >= _OPAQUE)
    beside = np.abs(plain[..., :3][around] - seen.mean(axis=0))
    return None if len(beside) and float(np.median(furthest_of_three(beside))) <= _BESIDE else behind


def background_under(colours: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return the linear gradient (h, w, 3), or the colour (3,), that fits the free pixels of an (h, w, 3) picture."""
    values = colours[free]
    middle = np.median(values, axis=0)
    even = _near(values, middle)
    restless = even <= 0.5
    if even < _EVEN:  # the visible corners of a gradient may mostly have one colour
        ys, xs = np.nonzero(free)
        design = np.stack([np.ones(len(ys)), ys / free.shape[0], xs / free.shape[1]], axis=1)
        slopes = np.linalg.lstsq(design, values.astype(np.float64), rcond=None)[0]
        if _near(values, design @ slopes) > max(0.5, even + _BETTER):
            down, across = (np.arange(side) / side for side in free.shape)
            plane = slopes[0] + down[:, None, None] * slopes[1] + across[:, None] * slopes[2]
            return np.asarray(plane.clip(0, 255), dtype=np.float32)
    for pure in (0, 255):
        if np.abs(middle - pure).max() <= (_NEARLY_PURE if restless else _PURE):
            middle = np.full(3, pure)
    return np.asarray(middle, dtype=np.float32)


def _near(values: np.ndarray, wanted: np.ndarray) -> float:
    """The share of (P, 3) colours that are close to the wanted ones."""
    return np.count_nonzero(furthest_of_three(np.abs(values - wanted)) <= _SAME) / len(values)


def _bgr(picture: np.ndarray) -> np.ndarray:
    """Convert an (h, w, 4) float32 picture to (h, w, 3) uint8 BGR for OpenCV."""
    return np.ascontiguousarray(picture[..., 2::-1].clip(0, 255).astype(np.uint8))


def _blocks_apart(plain: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether the means of blocks of (h, w, 4) pictures differ by more than any encoder causes."""
    off = plain[..., :3] - wanted[..., :3]
    light = off @ _LUMA
    height, width = light.shape
    light = cv2.copyMakeBorder(light, 0, -height % 8, 0, -width % 8, cv2.BORDER_REPLICATE)
    blocks = cv2.resize(light, (light.shape[1] // 8, light.shape[0] // 8), interpolation=cv2.INTER_AREA)
    if max(map(abs, cv2.minMaxLoc(blocks)[:2])) > _BLOCK_LIGHT:
        return True
    return bool(np.abs(cv2.blur(off, (16, 16))).max() > _BLOCK)


def _encoded(source: np.ndarray, quality: int, sampling: int) -> np.ndarray:
    """Encode an (h, w, 3) uint8 picture as JPEG and decode it."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", source, options)[1], cv2.IMREAD_COLOR))


_Encodings = dict[tuple[int, int], np.ndarray]
_Place = tuple[slice, slice]  # rows and columns


def _encodings(source: np.ndarray, qualities: Iterable[int]) -> _Encodings:
    """Encode an (h, w, 3) uint8 picture as JPEG with these qualities; by quality and chroma subsampling."""
    return {(quality, one): _encoded(source, quality, one) for quality in qualities for one in _SAMPLINGS}


def _nearest(tried: _Encodings, target: np.ndarray) -> tuple[int, int]:
    """Quality and subsampling of the encoding that is closest to a picture."""
    return min(tried, key=lambda one: cv2.norm(tried[one], target, cv2.NORM_L2))


def _distance(source: np.ndarray, target: np.ndarray, place: _Place, qualities: Iterable[int]) -> float:
    """The distance of the closest of some encodings from a picture, at one place."""
    part, wanted = (np.ascontiguousarray(picture[place]) for picture in (source, target))
    tried = _encodings(part, qualities)
    return cv2.norm(tried[_nearest(tried, wanted)], wanted, cv2.NORM_L2)


def _most_changed(source: np.ndarray, target: np.ndarray) -> _Place:
    """The rows and columns where two (h, w, 3) uint8 pictures differ most, which show an encoder's quality best.

    Aligned with the encoder's blocks.
    """
    height, width = source.shape[:2]
    if max(height, width) <= _TELLING:
        return slice(height), slice(width)
    off = np.ascontiguousarray(cv2.absdiff(source, target).sum(axis=2, dtype=np.float32))
    sums = cv2.boxFilter(off, -1, (_TELLING, _TELLING), anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT)
    last = [max(0, side - _TELLING) + 1 for side in (height, width)]
    sums = sums[: last[0] : _BLOCKS, : last[1] : _BLOCKS]
    y, x = (_BLOCKS * int(place) for place in np.unravel_index(int(sums.argmax()), sums.shape))
    return slice(y, y + _TELLING), slice(x, x + _TELLING)


def _has_encoders_colours(source: np.ndarray, target: np.ndarray) -> bool:
    """Whether the second of two (h, w, 3) uint8 pictures may be the first encoded, by its colours.

    Encoders create new colours; two tiles with the same palette have the same ones. Not so of greys, which are few.
    """
    changed = (furthest_of_three(cv2.absdiff(source, target)) > _SAME).ravel()
    if all(_greys(picture) >= _MANY_GREYS for picture in (source, target)):
        return True
    plain, copy = (picture.reshape(-1, 3).astype(np.float32) for picture in (source, target))
    return not changed.any() or has_own_colours(copy, plain, changed)


def _greys(picture: np.ndarray) -> int:
    """How many levels an (h, w, 3) uint8 picture has if all of it is about grey; 0 if it is not."""
    darkest = np.minimum(np.minimum(picture[..., 0], picture[..., 1]), picture[..., 2])
    if (furthest_of_three(picture) - darkest > _ABOUT_GREY).mean() > _COLOURED:
        return 0
    return int(np.count_nonzero(np.bincount(picture[..., 1].ravel(), minlength=256)))


def _beyond_encoders(source: np.ndarray, target: np.ndarray) -> bool:
    """Whether the difference of two (h, w, 3) uint8 pictures is not that of an encoder, by trying a few qualities.

    It is in other places, or much larger somewhere.
    """
    tried, apart = _encodings(source, _ROUGH), cv2.norm(source, target, cv2.NORM_L2)
    likeness, like, nearest = -1.0, (0, 0), np.inf
    for name, made in tried.items():
        size, left = cv2.norm(made, source, cv2.NORM_L2), cv2.norm(made, target, cv2.NORM_L2)
        if size and apart:  # cosine of the angle between the encoder's change and the actual one
            likeness = max(likeness, (size**2 + apart**2 - left**2) / (2 * size * apart))
        if abs(size - apart) < nearest:
            nearest, like = abs(size - apart), name
    if apart and likeness < _ALIKE:
        return True
    error = _error(source, tried[like], _BLOCKS_AROUND)
    off = furthest_of_three(np.abs(cv2.blur(source.astype(np.float32) - target, (3, 3))))
    return bool((off > _PLACE + _HOPELESS * np.maximum(error, _LEAST)).any())


def _like(source: np.ndarray, target: np.ndarray, tried: _Encodings) -> tuple[int, int]:
    """The encoding whose distance from the source is closest to that of the target."""
    size = cv2.norm(source, target, cv2.NORM_L2)
    return min(tried, key=lambda one: abs(cv2.norm(tried[one], source, cv2.NORM_L2) - size))


def _error(source: np.ndarray, encoded: np.ndarray, around: np.ndarray) -> np.ndarray:
    """(h, w) float32: the largest change by an encoder of a mean of 3 x 3 pixels around each place."""
    off = np.abs(cv2.blur(encoded.astype(np.float32) - source, (3, 3)))
    return np.asarray(cv2.dilate(furthest_of_three(off), around))


def _through_an_encoder(source: np.ndarray, target: np.ndarray, place: _Place, coloured: bool) -> bool:
    """Whether the second (h, w, 3) uint8 picture is the first encoded by JPEG of any quality, or a similar encoder.

    place: the part that shows the quality. coloured: whether the colours are an encoder's; if not, only those of
    JPEG at one quality, to the level, are proof.
    """
    # Only the right quality and its neighbours are closer than others, so all must be tried.
    part, wanted = (np.ascontiguousarray(picture[place]) for picture in (source, target))
    tried = _encodings(part, _QUALITIES)
    around, _ = _nearest(tried, wanted)
    tried |= _encodings(part, (around - 1, around + 1))
    made = _encoded(source, *_nearest(tried, wanted)).astype(np.float32)
    left = made - target
    if not coloured:
        changed = furthest_of_three(cv2.absdiff(source, target)) > _SAME
        known = np.count_nonzero((furthest_of_three(np.abs(left)) <= _SAME) & changed)
        return bool(known >= max(_FEWEST, _REMADE * np.count_nonzero(changed)) and np.abs(left).max() <= _ROUNDED)
    # Another encoder has similar errors to a JPEG encoder with the same total error.
    error = _error(source, _encoded(source, *_like(part, wanted, tried)), _AROUND)
    touched = error > _SAME
    equal = np.count_nonzero((furthest_of_three(np.abs(left)) <= _SAME) & touched)
    if equal > _KNOWN * np.count_nonzero(touched):
        return bool(np.abs(left).max() <= _ROUNDED)
    if not nothing_stands_out(left, np.ones(left.shape[:2], dtype=bool), made, _ENCODERS * error):
        return False
    return encoded_before(part, wanted, _nearest(tried, wanted))


def encoded_before(source: np.ndarray, target: np.ndarray, encoding: tuple[int, int]) -> bool:
    """Whether an encoding takes less from the target than from its source: what went through an encoder lacks it.

    source, target: (h, w, 3) uint8. encoding: quality and sampling of JPEG.
    """
    lost, left = (cv2.norm(_encoded(picture, *encoding), picture, cv2.NORM_L2) for picture in (target, source))
    return lost <= _LESS * left

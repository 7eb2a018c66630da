"""Analysis by synthesis: one whole picture is made into the other by the usual means, to see whether it is a copy.

Resized by the filters in use, laid on the other's background, encoded as JPEG: whoever made the copy by these left next
to nothing between what is made here and the copy. Two drawings that only look alike stay apart whatever is tried.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from PIL import Image

from gandam_studio.core.duplicates.colours import furthest_of_three, weighted
from gandam_studio.core.duplicates.enlarging import enlargement
from gandam_studio.core.duplicates.redrawing import has_own_colours, nothing_stands_out, shown_alike
from gandam_studio.core.duplicates.relations import Transform

_PILLOW = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_OPENCV = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)
_OPAQUE = 250
_OFF_FACTOR, _ROOM = 0.1, 2  # log scale, and pixels: how far off contents may place a picture
_LIKELY = 2  # filters tried out with every quality of an encoder
_QUALITIES, _COARSE, _ROUGH = range(11, 99, 2), range(12, 99, 5), (15, 30, 45, 60, 70, 78, 85, 90, 94)  # of JPEG
_TELLING, _BLOCKS = 64, 16  # pixels a side: of a part that shows an encoder's quality, and of what it codes as one
_GROUND = 0.03  # of a picture that must be free of the sprite to show what it was laid on
_EVEN, _BETTER = 0.9, 0.2  # of a background: how much is one colour where it is no gradient; and more where it is one
_THIN = 191  # opacity below which a picture shows what it was laid on
_PURE, _NEARLY_PURE = 2.0, 40.0  # levels: as near to black or white a background is that; and where an encoder rings
_SAMPLINGS = (  # of colours: 4:2:0, which most programs choose, and none
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
# The mean brightness of the blocks that JPEG codes one by one: 25.4 levels at most at quality 11, 14.8 at 30 and 18.8
# of JPEG twice, 12,096 copies of the tuned sets; half of Freedoom's other frames on one colour lie above.
_BLOCK_LIGHT = 30.0
_BLOCK = 44.0  # levels: JPEG at quality 30 moves the mean of 16 x 16 pixels of small sprites by up to 40
# Times the error of JPEG around a place: what another encoder may leave there. WebP at quality 80 comes to .14 to .33,
# JPEG encoded once more to .1 to .6, of pictures with a part drawn anew 1 in 20 below 1.2 and none of 360 below .37.
_ENCODERS = 0.35
_SAME = 3.0  # levels
_KNOWN, _ROUNDED = (
    0.5,
    24.0,
)  # of what an encoder changed, how much shows it to be this one; levels that rounding leaves
# And what none does, told by a few qualities: copies through WebP and JPEG of all kinds come to 4.1 at most, 19 in 20
# of Freedoom's other frames to 5.5 and more.
# Cosine of what one of a few qualities changes and what was changed: copies in JPEG come to .49 and more, in WebP or
# with noise to .39; Freedoom's other frames on one colour to .32 in the middle.
_ALIKE = 0.38
_PLACE, _HOPELESS, _LEAST = 14.0, 4.5, 4.0
_BLOCKS_AROUND = np.ones((17, 17), dtype=np.uint8)
_AROUND = np.ones((7, 7), dtype=np.uint8)


def resizings(rgba: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """An (H, W, 4) uint8 picture at another (width, height), by every usual filter: colours multiplied by opacity.

    The first is the nearest pixel.
    """
    picture, source = Image.fromarray(rgba), weighted(rgba)
    made = [weighted(np.array(picture.resize(size, method))) for method in _PILLOW]
    return made + [np.asarray(cv2.resize(source, size, interpolation=method)) for method in _OPENCV]


def remade(first: np.ndarray, second: np.ndarray, *, mirrored: bool) -> bool:
    """Whether one of two (H, W, 4) uint8 pictures, mirrored or not, can be made of the other."""
    for plain, other in ((first, second), (second, first)):
        factor = enlargement(plain)  # what was doubled by repeating pixels may have been doubled otherwise there
        small = plain[::factor, :: -factor if mirrored else factor]
        if _made_of(np.ascontiguousarray(small), np.ascontiguousarray(other)):
            return True
    return False


def remade_elsewhere(plain: np.ndarray, other: np.ndarray, transform: Transform) -> bool:
    """Whether a picture is another one with more or less room around it, enlarged by a whole factor or encoded.

    plain, other: (H, W, 4) uint8; only transparent ones can be given another frame. transform: what maps the plain one
    onto the other, about.
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
    return nearest is not None and _made_of(nearest, np.ascontiguousarray(other))


def _framed(rgba: np.ndarray, x: int, y: int, width: int, height: int) -> np.ndarray:
    """An (H, W, 4) picture at a place of an empty one of another size; what lies beyond is cut off."""
    made = np.zeros((height, width, 4), dtype=np.uint8)
    into = made[max(0, y) : max(0, y + rgba.shape[0]), max(0, x) : max(0, x + rgba.shape[1])]
    into[...] = rgba[max(0, -y) :, max(0, -x) :][: into.shape[0], : into.shape[1]]
    return made


def _made_of(plain: np.ndarray, other: np.ndarray) -> bool:
    """Whether the other picture is the plain one resized, laid on a background or encoded, or any of these."""
    size = other.shape[1::-1]
    resized = size != plain.shape[1::-1]
    opaque = int(other[..., 3].min()) >= _OPAQUE
    wanted = weighted(other)
    if not resized and not opaque:
        return shown_alike(weighted(plain), wanted)  # specks and all, which a trimmed content lacks
    made = resizings(plain, size) if resized else [weighted(plain)]
    free = made[0][..., 3] == 0
    touched = resized or bool(made[0][..., 3].min() < _OPAQUE)
    if opaque:
        made = [_laid(one, wanted) for one in made]
    made.sort(key=lambda one: cv2.norm(one, wanted, cv2.NORM_L2))
    if not (opaque and _restless_behind(made[0], wanted, free)) and shown_alike(made[0], wanted, remade=touched):
        return True
    if not opaque or _blocks_apart(made[0], wanted):
        return False
    target = _bgr(wanted)
    sources = [_bgr(one) for one in made]
    if not _has_encoders_colours(sources[0], target):
        return False
    place = _most_changed(sources[0], target)
    if len(sources) > 1:  # compression hides which filter it was until each is encoded
        sources.sort(key=lambda one: _distance(one, target, place, _COARSE))
    return any(
        not _beyond_encoders(one, target) and _through_an_encoder(one, target, place) for one in sources[:_LIKELY]
    )


def _laid(plain: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """An (h, w, 4) float32 picture on what the other one, which is opaque, shows where it shows nothing.

    On white where that is next to nowhere: a corner that one tile lacks is no background.
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
    """Whether a picture shows more than an even background where the one laid on it shows nothing.

    A lake beside its shore: calm water passes for noise. Then an encoder must explain it, or nothing does.
    """
    if not free.any():
        return False
    return bool(furthest_of_three(np.abs(made[..., :3] - wanted[..., :3]))[free].mean() > _SAME)


def background_behind(plain: np.ndarray, wanted: np.ndarray) -> np.ndarray | None:
    """What an opaque (h, w, 4) float32 picture shows where a transparent one shows nothing, as `background_under`.

    0 to 255, colours multiplied by opacity. Or what shines through it, where that is next to nowhere; None where
    neither tells.
    """
    free = plain[..., 3] == 0
    if np.count_nonzero(free) > _GROUND * free.size:
        return background_under(wanted[..., :3], free)
    through = plain[..., 3] < _THIN
    if np.count_nonzero(through) <= _GROUND * free.size:
        return None
    hidden = 1 - plain[..., 3:] / np.float32(255)
    return background_under((wanted[..., :3] - plain[..., :3]) / np.maximum(hidden, np.float32(0.1)), through)


def background_under(colours: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The even gradient, or the one colour, (h, w, 3) or (3,), that an (h, w, 3) picture's free pixels lie on."""
    values = colours[free]
    middle = np.median(values, axis=0)
    even = _near(values, middle)
    restless = even <= 0.5
    if even < _EVEN:  # corners of a gradient may mostly be one
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
    """The share of (P, 3) colours that are next to what they should be."""
    return np.count_nonzero(furthest_of_three(np.abs(values - wanted)) <= _SAME) / len(values)


def _bgr(picture: np.ndarray) -> np.ndarray:
    """The colours of a (h, w, 4) float32 picture as OpenCV encodes them."""
    return np.ascontiguousarray(picture[..., 2::-1].clip(0, 255).astype(np.uint8))


def _blocks_apart(plain: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether (h, w, 4) pictures differ by more than encoders do on average: no encoder need be tried out."""
    off = plain[..., :3] - wanted[..., :3]
    light = off @ _LUMA
    height, width = light.shape
    light = cv2.copyMakeBorder(light, 0, -height % 8, 0, -width % 8, cv2.BORDER_REPLICATE)
    blocks = cv2.resize(light, (light.shape[1] // 8, light.shape[0] // 8), interpolation=cv2.INTER_AREA)
    if max(map(abs, cv2.minMaxLoc(blocks)[:2])) > _BLOCK_LIGHT:
        return True
    return bool(np.abs(cv2.blur(off, (16, 16))).max() > _BLOCK)


def _encoded(source: np.ndarray, quality: int, sampling: int) -> np.ndarray:
    """A (h, w, 3) uint8 picture through JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", source, options)[1], cv2.IMREAD_COLOR))


_Encodings = dict[tuple[int, int], np.ndarray]
_Place = tuple[slice, slice]  # rows and columns


def _encodings(source: np.ndarray, qualities: Iterable[int]) -> _Encodings:
    """A (h, w, 3) uint8 picture through JPEG of these qualities, by quality and sampling of colours."""
    return {(quality, one): _encoded(source, quality, one) for quality in qualities for one in _SAMPLINGS}


def _nearest(tried: _Encodings, target: np.ndarray) -> tuple[int, int]:
    """Quality and sampling of the encoding that comes nearest to a picture."""
    return min(tried, key=lambda one: cv2.norm(tried[one], target, cv2.NORM_L2))


def _distance(source: np.ndarray, target: np.ndarray, place: _Place, qualities: Iterable[int]) -> float:
    """How far the nearest of some encodings is from a picture, in one place."""
    part, wanted = (np.ascontiguousarray(picture[place]) for picture in (source, target))
    tried = _encodings(part, qualities)
    return cv2.norm(tried[_nearest(tried, wanted)], wanted, cv2.NORM_L2)


def _most_changed(source: np.ndarray, target: np.ndarray) -> _Place:
    """Where two (h, w, 3) uint8 pictures differ most: the rows and columns that show an encoder's quality best.

    Large enough to tell it, and on the encoder's grid.
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
    """Whether one of two (h, w, 3) uint8 pictures may be the other encoded, by the colours that it has.

    Encoders make colours; two tiles of one palette are strewn with the same ones.
    """
    changed = (furthest_of_three(cv2.absdiff(source, target)) > _SAME).ravel()
    plain, copy = (picture.reshape(-1, 3).astype(np.float32) for picture in (source, target))
    return not changed.any() or has_own_colours(copy, plain, changed)


def _beyond_encoders(source: np.ndarray, target: np.ndarray) -> bool:
    """Whether two (h, w, 3) uint8 pictures differ otherwise than encoders make them, told by a few tries.

    Elsewhere, or somewhere by far more than encoders do there.
    """
    tried, apart = _encodings(source, _ROUGH), cv2.norm(source, target, cv2.NORM_L2)
    likeness, like, nearest = -1.0, (0, 0), np.inf
    for name, made in tried.items():
        size, left = cv2.norm(made, source, cv2.NORM_L2), cv2.norm(made, target, cv2.NORM_L2)
        if size and apart:  # the cosine of the angle between what this encoder changed and what was changed
            likeness = max(likeness, (size**2 + apart**2 - left**2) / (2 * size * apart))
        if abs(size - apart) < nearest:
            nearest, like = abs(size - apart), name
    if apart and likeness < _ALIKE:
        return True
    error = _error(source, tried[like], _BLOCKS_AROUND)
    off = furthest_of_three(np.abs(cv2.blur(source.astype(np.float32) - target, (3, 3))))
    return bool((off > _PLACE + _HOPELESS * np.maximum(error, _LEAST)).any())


def _like(source: np.ndarray, target: np.ndarray, tried: _Encodings) -> tuple[int, int]:
    """The encoding that is as far from its source as another picture is."""
    size = cv2.norm(source, target, cv2.NORM_L2)
    return min(tried, key=lambda one: abs(cv2.norm(tried[one], source, cv2.NORM_L2) - size))


def _error(source: np.ndarray, encoded: np.ndarray, around: np.ndarray) -> np.ndarray:
    """(h, w) float32: how far an encoder moves the mean of 3 x 3 pixels around a place."""
    off = np.abs(cv2.blur(encoded.astype(np.float32) - source, (3, 3)))
    return np.asarray(cv2.dilate(furthest_of_three(off), around))


def _through_an_encoder(source: np.ndarray, target: np.ndarray, place: _Place) -> bool:
    """Whether one (h, w, 3) uint8 picture is the other through JPEG, of whatever quality, or an encoder like it.

    place: where its quality is told.
    """
    # Only its very quality and its neighbours come nearer than others do, so all are tried.
    part, wanted = (np.ascontiguousarray(picture[place]) for picture in (source, target))
    tried = _encodings(part, _QUALITIES)
    around, _ = _nearest(tried, wanted)
    tried |= _encodings(part, (around - 1, around + 1))
    made = _encoded(source, *_nearest(tried, wanted)).astype(np.float32)
    left = made - target
    # Another encoder errs about as much as this one where this one errs as much altogether.
    error = _error(source, _encoded(source, *_like(part, wanted, tried)), _AROUND)
    touched = error > _SAME
    equal = np.count_nonzero((furthest_of_three(np.abs(left)) <= _SAME) & touched)
    if equal > _KNOWN * np.count_nonzero(touched):
        return bool(np.abs(left).max() <= _ROUNDED)
    return nothing_stands_out(left, np.ones(left.shape[:2], dtype=bool), made, _ENCODERS * error)

"""Analysis by synthesis: one whole picture is made into the other by the usual means, to see whether it is a copy.

Resized by the filters in use, laid on the other's background, encoded as JPEG: whoever made the copy by these left next
to nothing between what is made here and the copy. Two drawings that only look alike stay apart whatever is tried.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from gandam_studio.core.duplicates.colours import weighted
from gandam_studio.core.duplicates.redrawing import nothing_stands_out, shown_alike

_PILLOW = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_OPENCV = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)
_OPAQUE = 250
_LIKELY = 3  # filters tried out with an encoder: compression hides which it was
_LARGEST = 512  # pixels a side: of larger pictures the middle is encoded
_QUALITIES, _FINER = (15, 30, 45, 60, 75, 85, 93), (6, 3, 1)  # of JPEG: tried out first, and steps around the best
_PURE, _NEARLY_PURE = 2.0, 40.0  # levels: as near to black or white a background is that; and where an encoder rings
_SAMPLINGS = (  # of colours: 4:2:0, which most programs choose, and the others
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
)
_BLOCK = 44.0  # levels: JPEG at quality 30 moves the mean of 16 x 16 pixels of small sprites by up to 40
# Times the error of JPEG around a place: what another encoder may leave there. WebP at quality 80 comes to .14 to .33,
# JPEG encoded once more to .1 to .6, of pictures with a part drawn anew 1 in 20 below 1.2 and none of 360 below .37.
_ENCODERS = 0.35
_SAME = 3.0  # levels
_KNOWN, _ROUNDED = (
    0.5,
    24.0,
)  # of what an encoder changed, how much shows it to be this one; levels that rounding leaves
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
        if _made_of(np.ascontiguousarray(plain[:, ::-1] if mirrored else plain), np.ascontiguousarray(other)):
            return True
    return False


def _made_of(plain: np.ndarray, other: np.ndarray) -> bool:
    """Whether the other picture is the plain one resized, laid on a background or encoded, or any of these."""
    size = other.shape[1::-1]
    resized = size != plain.shape[1::-1]
    opaque = int(other[..., 3].min()) >= _OPAQUE
    if not resized and not opaque:
        return False  # pixel by pixel they were compared before
    wanted = weighted(other)
    made = resizings(plain, size) if resized else [weighted(plain)]
    if opaque:
        made = [_laid(one, wanted) for one in made]
    made.sort(key=lambda one: cv2.norm(one, wanted, cv2.NORM_L2))
    if shown_alike(made[0], wanted):
        return True
    return opaque and any(_encoded(one[..., :3], wanted[..., :3]) for one in made[:_LIKELY])


def _laid(plain: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """An (h, w, 4) float32 picture on what the other one, which is opaque, shows where it shows nothing."""
    hidden = 1 - plain[..., 3:] / np.float32(255)
    free = hidden[..., 0] == 1
    if not hidden.any():
        return plain
    made = plain.copy()
    made[..., :3] += hidden * (_plane(wanted[..., :3], free) if free.any() else np.float32(255))
    made[..., 3] = 255
    return np.rint(made)


def _plane(colours: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The even gradient, or the one colour, (h, w, 3) or (3,), that an (h, w, 3) picture's free pixels lie on."""
    ys, xs = np.nonzero(free)
    values = colours[ys, xs]
    middle = np.median(values, axis=0)
    restless = not _mostly_near(values, middle)
    if restless:
        design = np.stack([np.ones(len(ys)), ys / free.shape[0], xs / free.shape[1]], axis=1)
        slopes = np.linalg.lstsq(design, values.astype(np.float64), rcond=None)[0]
        if _mostly_near(values, design @ slopes):
            down, across = (np.arange(side) / side for side in free.shape)
            plane = slopes[0] + down[:, None, None] * slopes[1] + across[:, None] * slopes[2]
            return np.asarray(plane.clip(0, 255), dtype=np.float32)
    for pure in (0, 255):
        if np.abs(middle - pure).max() <= (_NEARLY_PURE if restless else _PURE):
            middle = np.full(3, pure)
    return np.asarray(middle, dtype=np.float32)


def _mostly_near(values: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether most of (P, 3) colours are next to what they should be."""
    return 2 * np.count_nonzero(np.abs(values - wanted).max(axis=1) <= _SAME) > len(values)


def _encoded(plain: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether one (h, w, 3) float32 picture is the other through JPEG, of whatever quality, or an encoder like it."""
    off = plain - wanted
    if np.abs(cv2.blur(off, (16, 16))).max() > _BLOCK:
        return False
    source, target = (np.ascontiguousarray(one[..., ::-1].clip(0, 255).astype(np.uint8)) for one in (plain, wanted))
    tried: dict[tuple[int, int], np.ndarray] = {}

    def attempt(quality: int, sampling: int) -> None:
        if (quality, sampling) not in tried and 1 <= quality <= 100:
            options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
            tried[quality, sampling] = np.asarray(
                cv2.imdecode(cv2.imencode(".jpg", source, options)[1], cv2.IMREAD_COLOR)
            )

    def nearest() -> tuple[int, int]:
        return min(tried, key=lambda one: cv2.norm(tried[one], target, cv2.NORM_L2))

    for quality in _QUALITIES:
        attempt(quality, _SAMPLINGS[0])
    for sampling in _SAMPLINGS[1:]:
        attempt(nearest()[0], sampling)
    for step in _FINER:
        around, sampling = nearest()
        attempt(around - step, sampling)
        attempt(around + step, sampling)
    made = tried[nearest()][..., ::-1].astype(np.float32)
    left = made - wanted
    everywhere = np.ones(wanted.shape[:2], dtype=bool)
    # Another encoder: it errs about as much as this one where this one errs as much altogether.
    size = cv2.norm(off, cv2.NORM_L2)
    like = min(tried.values(), key=lambda one: abs(cv2.norm(one, source, cv2.NORM_L2) - size))
    error = cv2.dilate(np.abs(cv2.blur(like[..., ::-1].astype(np.float32) - plain, (3, 3))).max(axis=2), _AROUND)
    touched = error > _SAME
    equal = np.count_nonzero((np.abs(left).max(axis=2) <= _SAME) & touched)
    if equal > _KNOWN * np.count_nonzero(touched):
        return bool(np.abs(left).max() <= _ROUNDED)
    return nothing_stands_out(left, everywhere, made, _ENCODERS * error)

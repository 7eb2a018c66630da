"""Comparison of whole canvases, untrimmed and including their background.

Trimming fails for a picture that was composited on white and compressed: ringing is taken for the sprite and enlarges
its box. But a copy that was only re-encoded or resized fills its canvas like the original. So pictures of the same
aspect ratio are also compared untrimmed. Transparent ones are composited on the other's background, which is read where
the transparent picture is empty, since a sprite that fills its canvas leaves no border.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from gandam_studio.core.duplicates.colours import colour_shift, furthest_of_three, weighted
from gandam_studio.core.duplicates.synthesis import background_behind, resizings
from gandam_studio.core.hashing.content import Content

_LONGEST = 128  # pixels; larger canvases are reduced to this
_OPAQUE = 250
_BLUR = 0.7  # standard deviation, pixels of the smaller canvas: below it resampling filters differ
_LIGHT = 0.8  # of full scale: least mean of a sprite that is compared on black instead of white
_ANOTHER = 0.1  # of full scale: colours further apart are different backgrounds
_SEEN = 0.02  # least squared distance from the background, summed over channels, of a pixel of the sprite

# Residuals are below .54 for resized copies, below .22 for JPEG copies at quality 30, and above .61 for other sprites
# (the fitting species of tests/benchmarks/duplicates_quality.py).
_TIP, _SLOPE = 0.45, 15.0  # residual at a logit of 0, and logits per unit of residual

_HOPELESS = -30.0  # logits below which no encoder is tried

_LAID_KEPT = 4  # a canvas is put on white, its own background and a few others, each in two orientations

_SMEAR = 2.5  # standard deviation, pixels: the resolution that JPEG leaves of a small sprite's colours
_QUALITIES = (30, 60, 85)  # JPEG qualities that are tried; others are close enough to these
# JPEG copies at quality 30 to 95 are within .023 of a picture encoded like this; nine in ten recoloured ones are at
# least .030 away (150 real recolours of the fitting species, saved at quality 30).
_ENCODED = 0.025


@dataclass(frozen=True)
class Canvas:
    """A whole picture, at most `_LONGEST` pixels wide and high.

    Attributes:
        pixels: (h, w, 4) uint8, colours multiplied by opacity.
        size: width and height of the picture as it is.
        background: (3,) float32 in [0, 1], the border's median colour; None for a picture with transparency.
        light: whether white would hide it.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    background: np.ndarray | None
    light: bool = False
    _laid: dict[tuple[bool, bytes], _Laid] = field(default_factory=dict, repr=False, compare=False)

    def laid_on(self, background: np.ndarray, *, mirrored: bool) -> _Laid:
        """Return its differences from a (3,) float32 background, mirrored or not. Caches the last few."""
        name = mirrored, background.tobytes()
        made = self._laid.get(name)
        if made is None:
            while len(self._laid) >= _LAID_KEPT:
                self._laid.pop(next(iter(self._laid)))
            made = self._laid[name] = _Laid(_off(_scaled(self.pixels, mirrored), background))
        return made


class _Laid:
    """The (h, w, 3) float32 differences of a canvas from a background, and what `evidence` derives from them."""

    def __init__(self, off: np.ndarray) -> None:
        self.off = off
        self._encoded: dict[int, np.ndarray] = {}

    @cached_property
    def blurred(self) -> np.ndarray:
        """(h, w, 3) blurred, to remove differences between resampling filters."""
        return np.asarray(cv2.GaussianBlur(self.off, (0, 0), _BLUR))

    @cached_property
    def squared(self) -> np.ndarray:
        """(h, w, 3) squares of `blurred`."""
        return np.square(self.blurred)

    def encoded(self, background: np.ndarray, quality: int) -> np.ndarray:
        """Return the (h, w, 3) differences after JPEG compression on the background that they are from."""
        if quality not in self._encoded:
            self._encoded[quality] = _encoded(self.off, background, quality)
        return self._encoded[quality]


def canvas_of(rgba: np.ndarray) -> Canvas:
    """Return the canvas of an (H, W, 4) uint8 picture of at least one pixel."""
    height, width = rgba.shape[:2]
    background = None
    if int(rgba[..., 3].min()) >= _OPAQUE:
        border = np.concatenate([rgba[0], rgba[-1], rgba[:, 0], rgba[:, -1]])
        background = np.median(border[:, :3], axis=0).astype(np.float32) / 255
    made = rgba.astype(np.float32)
    made[..., :3] *= made[..., 3:] / np.float32(255)
    scale = _LONGEST / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        made = np.asarray(cv2.resize(made, size, interpolation=cv2.INTER_AREA))
    shown = float(made[..., 3].sum())
    light = background is None and float(made[..., :3].sum()) > 3 * _LIGHT * shown
    return Canvas(np.rint(made).astype(np.uint8), (width, height), background, light)


def same_aspect(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two (width, height) have the same aspect ratio, up to rounding to whole pixels."""
    return bool(abs(np.log(a[0] / b[0]) - np.log(a[1] / b[1])) <= 1 / min(*a, *b))


def evidence(a: Canvas, b: Canvas, *, mirrored: bool) -> float:
    """Return the logit that two canvases show the same picture (see `measures.Comparison`); -inf if not comparable.

    mirrored: whether b is mirrored first. Based on the share of the sprite's variance that remains in the difference: 0
    for equal canvases, 1 and more for unrelated ones.
    """
    laid = _laid(a, b, mirrored)
    if laid is None:
        return -np.inf
    found = _evidence(laid[0], laid[1])
    if (a.background is None) != (b.background is None) and _HOPELESS < found < 0:
        # Few pixels lose much of their colour in an encoder: the transparent picture, encoded, tells whether they did.
        plain, copy = laid[:2] if a.background is None else laid[1::-1]
        for quality in _QUALITIES:
            encoded = _Laid(plain.encoded(laid[2], quality))
            found = max(found, _evidence(encoded, copy))
    return found


def _evidence(first_laid: _Laid, second_laid: _Laid) -> float:
    """`evidence` of two canvases on one background."""
    laid = first_laid, second_laid
    power = laid[0].squared + laid[1].squared
    seen = power[..., 0] + power[..., 1] + power[..., 2] > 2 * _SEEN
    if not seen.any():
        return -np.inf
    first, second = laid[0].blurred[seen], laid[1].blurred[seen]
    off = first - second
    left = 2 * float(np.vdot(off, off)) / len(off) / (_spread(first) + _spread(second) + 1e-6)
    return float(_SLOPE * (_TIP - left))


def _spread(values: np.ndarray) -> float:
    """Variance of (P, 3) values, summed over columns. By two products, as reducing such a narrow array is slow."""
    mean = np.ones(len(values), dtype=np.float32) @ values / len(values)
    return float(np.vdot(values, values)) / len(values) - float(mean @ mean)


def encoders_error(a: Canvas, b: Canvas, *, mirrored: bool) -> bool:
    """Whether the colours of two canvases of the same picture differ by JPEG compression only.

    Analysis by synthesis: a small sprite bleeds into its background and loses much of its colour, so each is encoded
    and compared with the other. mirrored: whether b is mirrored first.
    """
    laid = _laid(a, b, mirrored)
    if laid is None:
        return False
    first, second, background = laid
    if _shift(first.off, second.off) <= _ENCODED:
        return True
    pairs = ((first, second.off), (second, first.off))
    return any(_shift(x.encoded(background, quality), y) <= _ENCODED for x, y in pairs for quality in _QUALITIES)


def resampled_shift(a: np.ndarray, b: np.ndarray, factors: tuple[int, int], *, mirrored: bool) -> float | None:
    """Return the `colours.colour_shift` between two whole pictures once one is resized to the other.

    Analysis by synthesis: common filters are tried in both directions, and the best one counts. a, b: (H, W, 4) uint8.
    factors: how many times the pixels of each are repeated. mirrored: whether b is mirrored first. None if neither was
    resized, or only by repeating pixels.
    """
    if a.shape == b.shape and factors == (1, 1):
        return None
    if mirrored:
        b = np.ascontiguousarray(b[:, ::-1])
    best, shift = np.inf, None
    for one, other, factor in ((a, b, factors[0]), (b, a, factors[1])):
        small = np.ascontiguousarray(one[::factor, ::factor])
        if small.shape == other.shape:
            continue
        wanted, size = weighted(other), other.shape[1::-1]
        made = resizings(small, size)
        off = [cv2.norm(one, wanted, cv2.NORM_L2) / one.size**0.5 for one in made]
        nearest = int(np.argmin(off))
        if off[nearest] < best:
            # If repeating pixels explains it best, `relations` compares the pixels themselves.
            resampled = nearest > 0 or any(large % few for large, few in zip(size, small.shape[1::-1], strict=True))
            best, shift = off[nearest], colour_shift(made[nearest], wanted) if resampled else None
    return shift


def with_opacity_of(donor: Content, donor_size: tuple[int, int], rgba: np.ndarray, *, mirrored: bool) -> Content:
    """Return the content of an opaque picture, with the silhouette of another picture that fills its canvas alike.

    donor, donor_size: the other's content and its (width, height). rgba: (H, W, 4) uint8. mirrored: whether the two
    are mirror images.
    """
    x, y, width, height = donor.box
    opacity = np.zeros((donor_size[1], donor_size[0]), dtype=np.uint8)
    opacity[y : y + height, x : x + width] = donor.rgba[..., 3]
    if mirrored:
        opacity = np.ascontiguousarray(opacity[:, ::-1])
    if opacity.shape != rgba.shape[:2]:
        opacity = np.asarray(cv2.resize(opacity, rgba.shape[1::-1], interpolation=cv2.INTER_NEAREST))
    x, y, width, height = cv2.boundingRect(opacity)
    part = slice(y, y + height), slice(x, x + width)
    made = rgba[part].copy()
    made[..., 3] = opacity[part]
    made[made[..., 3] == 0] = 0
    return Content(made, (x, y, width, height), donor.flags)


def _background(a: Canvas, b: Canvas) -> np.ndarray | None:
    """The (3,) background to composite both on; None if their backgrounds differ."""
    known = [one.background for one in (a, b) if one.background is not None]
    if len(known) == 2 and float(np.abs(known[0] - known[1]).max()) > _ANOTHER:
        return None
    if known:
        return np.asarray(np.mean(known, axis=0, dtype=np.float32))
    return (np.zeros if a.light and b.light else np.ones)(3, dtype=np.float32)


def _laid(a: Canvas, b: Canvas, mirrored: bool) -> tuple[_Laid, _Laid, np.ndarray] | None:
    """Both on the smaller one's grid and on one background, and that (3,) or (h, w, 3) background; or None."""
    if not same_aspect(a.size, b.size):
        return None
    one_opaque = (a.background is None) != (b.background is None)
    background = _background(a, b)
    if background is None:
        return None
    if a.pixels.shape == b.pixels.shape and not one_opaque:
        return a.laid_on(background, mirrored=False), b.laid_on(background, mirrored=mirrored), background
    size = min((x.pixels.shape[1::-1] for x in (a, b)), key=lambda one: one[0] * one[1])
    scaled = [_scaled(a.pixels, False), _scaled(b.pixels, mirrored)]
    for place, one in enumerate(scaled):
        if one.shape[1::-1] != size:
            scaled[place] = np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA))
    if one_opaque:
        plain, other = scaled if a.background is None else scaled[::-1]
        behind = background_behind(plain * np.float32(255), other * np.float32(255))
        background = background if behind is None else behind / np.float32(255)
    return _Laid(_off(scaled[0], background)), _Laid(_off(scaled[1], background)), background


def _scaled(pixels: np.ndarray, mirrored: bool) -> np.ndarray:
    """Convert uint8 pixels to (h, w, 4) float32 in [0, 1], mirrored or not."""
    return np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels).astype(np.float32) / 255


def _off(scaled: np.ndarray, background: np.ndarray) -> np.ndarray:
    """(h, w, 3) differences of premultiplied (h, w, 4) pixels from their background."""
    return np.asarray(scaled[..., :3] - scaled[..., 3:] * background)


def _encoded(laid: np.ndarray, background: np.ndarray, quality: int) -> np.ndarray:
    """(h, w, 3) float32 difference from the background after JPEG compression."""
    colours = np.rint(np.clip(laid + background, 0, 1) * 255).astype(np.uint8)
    _, stream = cv2.imencode(".jpg", np.ascontiguousarray(colours[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    made = np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR))[..., ::-1]
    return made.astype(np.float32) / 255 - background


def _shift(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square difference of the sprite's blurred colours, in [0, 1], without the background."""
    seen = (furthest_of_three(np.maximum(np.abs(first), np.abs(second))) > _ANOTHER).astype(np.float32)
    share, off = (cv2.GaussianBlur(x, (0, 0), _SMEAR) for x in (seen, first - second))
    total = float((share * share * seen).sum())
    power = np.einsum("yxc,yxc->yx", off, off) / 3
    return float(np.sqrt((power * seen).sum() / total)) if total else 0.0

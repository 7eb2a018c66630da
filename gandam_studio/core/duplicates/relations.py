"""What two pictures are to each other, in words, decided on their own pixels once they lie on each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from gandam_studio.core.duplicates.colours import Colours, colour_shift, same_drawing, steps_alike, weighted
from gandam_studio.core.duplicates.enlarging import enlargement
from gandam_studio.core.duplicates.measures import confidence_of, distance_of
from gandam_studio.core.duplicates.tiles import SIDE
from gandam_studio.core.hashing.content import Content

# From least to most unlike: a pair's relation is the strongest of what applies.
EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED = "exact", "re-encoded", "resized", "cropped", "mirrored"
RECOLOURED, NEAR, FRAME = "recoloured", "near", "frame"
RELATIONS = (EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED, RECOLOURED, NEAR, FRAME)
DUPLICATES = frozenset((EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED))  # one of two can go; the others are relatives

_SAME = 3  # levels of 255: no eye and few encoders tell these apart
_CHANGED = 40  # levels: a pixel drawn anew, not an encoder's error
_SCALE = 0.045  # of log size: contents whose scale differs less are taken for the same scale
_MAYBE_SCALE = 0.13  # and these too, if their pixels then agree: a cut-off edge looks like a stretch
_STRETCH = 0.02  # of log aspect, or one pixel of the smaller side: nobody resizes a sprite by unequal factors
# Recoloured pictures are one drawing. Of 3,023 recoloured copies compared on one grid 99.9 % lie above .95 in
# silhouette and .74 in steps; different sprites that came this far at .81 to .86 or .5 (one pair of twins aside).
_STEPS, _STEPS_WEIGHT, _STEPS_BLUR = 0.65, 25.0, 0.8
_SILHOUETTE, _SILHOUETTE_WEIGHT = 0.92, 60.0
# Copies resized by Pillow and OpenCV come to 0 with the right filter, 99 of 100 recoloured ones lie above .02.
_RESAMPLED = 0.02
_SHIFTED = 0.07  # of full scale: no encoder moves the mean colour of a quarter of the picture so far


@dataclass(frozen=True)
class Transform:
    """What maps the second picture onto the first: mirror it, then x1 = scale_x * x2 + shift_x, likewise y, in pixels.

    Attributes:
        mirrored, recoloured, resized, cropped, re_encoded: which changes apply, cropped meaning one shows more of the
            sprite or has other margins.
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

    def inverted(self, first_width: int, second_width: int) -> Transform:
        """What maps the first picture onto the second.

        Both whole pictures' widths are needed to mirror the other one.
        """
        shift_x, shift_y = -self.shift_x / self.scale_x, -self.shift_y / self.scale_y
        if self.mirrored:
            shift_x = second_width - (first_width - self.shift_x) / self.scale_x
        return replace(self, scale_x=1 / self.scale_x, scale_y=1 / self.scale_y, shift_x=shift_x, shift_y=shift_y)

    def apply(self, second: np.ndarray, width: int, height: int) -> np.ndarray:
        """The second picture laid on the first one's (height, width) canvas, for blinking and differences.

        RGBA uint8.
        """
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
        transform: what maps the second onto the first.
        distance: 0 for the same pixels (mirrored or not), to 1; 0.5 is where the judgement tips.
        confidence: probability that the relation holds.
    """

    relation: str
    transform: Transform
    distance: float
    confidence: float


@dataclass(frozen=True)
class _Overlay:
    """Two contents on one grid.

    Attributes:
        first, second: (h, w, 4) float32, 0 to 255, colours multiplied by opacity.
        beyond: the share of all visible pixels that lie where only one of the two pictures reaches.
        shift: the second content's place on the first's, pixels; None where they were brought to one size.
    """

    first: np.ndarray
    second: np.ndarray
    beyond: float
    shift: tuple[int, int] | None


def decide(
    first: Content,
    second: Content,
    sizes: tuple[tuple[int, int], tuple[int, int]],
    *,
    mirrored: bool,
    parameters: np.ndarray,
    logit: float,
    encoded: bool | None = None,
    whole: bool = False,
    resampled: Callable[[], float | None] = lambda: None,
) -> Verdict:
    """The relation of two contents judged the same picture.

    sizes: (width, height) of both whole pictures. parameters: how the second's tile was laid on the first's, after the
    mirror. logit: the evidence so far (`measures.Comparison`); equal pixels make the distance 0.
    encoded: whether their colours are known to differ by an encoder's error alone; None when that is to be judged here.
    whole: whether the whole canvases lie on each other, so that boxes' proportions prove nothing.
    resampled: gives how far the colours are apart once one picture is resized to the other, None when that is unknown.
    """
    turned = second.rgba[:, ::-1] if mirrored else second.rgba
    stretch_x, stretch_y = 1 + float(parameters[0]), 1 + float(parameters[2])
    # Repeated pixels are undone first, so that what was enlarged by a whole factor is compared pixel by pixel too; not
    # where that parts pictures of one size, of which only one is made of such pixels.
    factor, other_factor = enlargement(first.rgba), enlargement(turned)
    scale_x = first.box[2] / (second.box[2] * stretch_x)
    if abs(np.log(scale_x)) < abs(np.log(scale_x * other_factor / factor)):
        factor = other_factor = 1
    mine, other = first.rgba[::factor, ::factor], turned[::other_factor, ::other_factor]
    scale_x, scale_y = mine.shape[1] / (other.shape[1] * stretch_x), mine.shape[0] / (other.shape[0] * stretch_y)
    apart = max(abs(np.log(scale_x)), abs(np.log(scale_y)))
    guess = _corner(mine, parameters)
    overlay = _on_one_grid(mine, other, guess) if apart < _MAYBE_SCALE else None
    if overlay is None or (apart > _SCALE and not _agree(overlay)):
        overlay = _reduced(mine, other)
    else:
        scale_x = scale_y = 1.0
    scale_x, scale_y = scale_x * factor / other_factor, scale_y * factor / other_factor
    resized = overlay.shift is None or factor != other_factor
    change = _changes(overlay, encoded, resampled)
    exact = not resized and change.equal and overlay.beyond == 0
    cropped = overlay.beyond > (0 if change.equal else 0.02) or (
        exact and not mirrored and _canvas(first, sizes[0]) != _canvas(second, sizes[1])
    )
    left = (sizes[1][0] - second.box[0] - second.box[2]) if mirrored else second.box[0]
    corner = overlay.shift or guess
    transform = Transform(
        mirrored=mirrored,
        scale_x=scale_x,
        scale_y=scale_y,
        shift_x=first.box[0] + factor * corner[0] - scale_x * left,
        shift_y=first.box[1] + factor * corner[1] - scale_y * second.box[1],
        recoloured=change.recoloured,
        resized=resized,
        cropped=bool(cropped),
        re_encoded=not change.equal and not change.recoloured and not change.redrawn and not resized,
    )
    relation = NEAR if change.redrawn else (transform.words or (EXACT,))[-1]
    evidence = np.array(logit - change.doubt)
    distance, confidence = float(distance_of(evidence)), float(confidence_of(evidence))
    if exact:
        distance, confidence = 0.0, 1.0
    elif resized and not whole and _stretched(scale_x, scale_y, min(*first.box[2:], *second.box[2:])):
        # Two machines of one build, not one machine enlarged.
        distance, confidence = max(distance, 1 - confidence, 0.95), min(confidence, 0.05)
    return Verdict(relation, transform, distance, confidence)


def _stretched(scale_x: float, scale_y: float, side: int) -> bool:
    """Whether the two axes are scaled differently by more than a box's rounding to whole pixels explains."""
    return bool(abs(np.log(scale_x / scale_y)) > max(_STRETCH, 1.0 / side))


@dataclass(frozen=True)
class _Change:
    """How the colours of an overlay differ.

    `equal`, or `recoloured`, or `redrawn` in places, or none (an encoder's error). `doubt`: what speaks against the
    pictures being the same one, logits from 0.
    """

    equal: bool
    recoloured: bool
    redrawn: bool
    doubt: float = 0.0


def _changes(overlay: _Overlay, encoded: bool | None, resampled: Callable[[], float | None]) -> _Change:
    """Judge an overlay's colours; encoded, resampled: see `decide`."""
    first, second = overlay.first, overlay.second
    both = (first[..., 3] > 64) & (second[..., 3] > 64)
    either = (first[..., 3] > 64) | (second[..., 3] > 64)
    off = np.abs(first - second).max(axis=2)
    if not both.any() or float(off.max()) <= _SAME:
        return _Change(True, False, False)
    share_same = float((off[either] <= _SAME).mean())
    pixelwise = overlay.shift is not None
    same_mask = float(both.sum()) >= 0.97 * float(either.sum())
    # Encoders err everywhere; a redrawn part changes some pixels much and leaves most of the others alone.
    changed = off > _CHANGED
    inside = both
    if encoded is not None:  # laid on a background and perhaps compressed: the rim bleeds
        inside = cv2.erode(both.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
        changed &= inside
    drawn_alike = pixelwise and same_drawing(first, second, inside)
    by_colour = pixelwise and same_mask and share_same < 0.998
    colours = Colours(first[both], second[both]) if by_colour else None
    if colours and encoded is None and drawn_alike and colours.reduced():
        return _Change(False, (resampled() or 0.0) > _RESAMPLED, False)  # smoothing makes many colours of few as well
    if colours and colours.map():
        return _Change(False, True, False)
    if pixelwise and not drawn_alike and share_same > 0.35 and float(changed[either].mean()) > 0.01:
        return _Change(False, False, True)
    if colours and encoded is None and drawn_alike and colours.new():
        return _Change(False, True, False, _doubt(overlay, both, either))
    if encoded is not None:
        recoloured = not encoded
    elif (shift := resampled()) is not None:
        recoloured = shift > _RESAMPLED
    else:
        recoloured = colour_shift(first, second) > _SHIFTED
    return _Change(False, recoloured, False, _doubt(overlay, both, either) if recoloured else 0.0)


def _doubt(overlay: _Overlay, both: np.ndarray, either: np.ndarray) -> float:
    """How much speaks against two pictures of different colours being one drawing, logits from 0.

    Colours say nothing then, so outlines must lie on outlines, and on one grid the silhouettes on each other. both,
    either: (h, w) bool, where both and where one at least is seen.
    """
    first, second = (cv2.GaussianBlur(picture, (0, 0), _STEPS_BLUR) for picture in (overlay.first, overlay.second))
    doubt = _STEPS_WEIGHT * max(0.0, _STEPS - steps_alike(first, second, both))
    if overlay.shift is not None:
        doubt += _SILHOUETTE_WEIGHT * max(0.0, _SILHOUETTE - np.count_nonzero(both) / np.count_nonzero(either))
    return float(doubt)


def _agree(overlay: _Overlay) -> bool:
    """Whether nearly all pixels of both are the same where both reach."""
    shown = (overlay.first[..., 3] > 64) | (overlay.second[..., 3] > 64)
    off = np.abs(overlay.first - overlay.second).max(axis=2)
    return bool(shown.any() and (off[shown] <= _SAME).mean() > 0.9)


def _corner(first: np.ndarray, parameters: np.ndarray) -> tuple[float, float]:
    """Where the second content's corner lies on the first (h, w, 4), pixels of the first, by the tiles' alignment."""
    height, width = first.shape[:2]
    stretch_x, shift_x, stretch_y, shift_y = (float(value) for value in parameters)
    x = 0.5 + (-0.5 - shift_x / SIDE) / (1 + stretch_x)
    y = 0.5 + (-0.5 - shift_y / SIDE) / (1 + stretch_y)
    return x * width, y * height


def _on_one_grid(first: np.ndarray, second: np.ndarray, guess: tuple[float, float]) -> _Overlay:
    """Contents of one scale laid on each other at the whole-pixel shift, near the guess, where they agree best."""
    a, b = weighted(first), weighted(second)
    small = [np.rint(x).astype(np.uint8) for x in (a, b)]
    alphas = [np.ascontiguousarray(x[..., 3]) for x in small]
    larger = max(a.shape[0] * a.shape[1], b.shape[0] * b.shape[1])
    best = np.inf
    x, y = round(guess[0]), round(guess[1])
    for place in _shifts(guess, a.shape, b.shape):
        mine, other = _window(a.shape, b.shape, *place)
        pixels = (mine[0].stop - mine[0].start) * (mine[1].stop - mine[1].start)
        if pixels <= 0:
            continue
        # Opacity counts as much as all colours, or recoloured pictures would slide.
        cost = cv2.norm(small[0][mine], small[1][other], cv2.NORM_L1) / (4 * pixels)
        cost += cv2.norm(alphas[0][mine], alphas[1][other], cv2.NORM_L1) / pixels + 64 * (1 - pixels / larger)
        if cost < best:
            best, (x, y) = cost, place
        if best == 0:
            break
    mine, other = _window(a.shape, b.shape, x, y)
    total = cv2.countNonZero(alphas[0]) + cv2.countNonZero(alphas[1])
    within = int(np.count_nonzero(alphas[0][mine])) + int(np.count_nonzero(alphas[1][other]))
    return _Overlay(a[mine], b[other], 1 - within / max(1, total), (x, y))


def _shifts(guess: tuple[float, float], first: tuple[int, ...], second: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Places (x, y) for the second's corner.

    Those that put a corner on the first's corner, then all around the guess.
    """
    corners = (0, first[1] - second[1]), (0, first[0] - second[0])
    columns, rows = (
        dict.fromkeys((*ends, *range(round(g) - 2, round(g) + 3))) for ends, g in zip(corners, guess, strict=True)
    )
    return ((x, y) for y in rows for x in columns)


def _window(
    first: tuple[int, ...], second: tuple[int, ...], x: int, y: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The rectangle both reach with the second's corner at (x, y) of the first, as slices of each."""
    left, top = max(0, x), max(0, y)
    right, bottom = max(left, min(first[1], x + second[1])), max(top, min(first[0], y + second[0]))
    return (slice(top, bottom), slice(left, right)), (slice(top - y, bottom - y), slice(left - x, right - x))


def _reduced(first: np.ndarray, second: np.ndarray) -> _Overlay:
    """Contents of different scale, both brought to the smaller one's size."""
    width, height = min(first.shape[1], second.shape[1]), min(first.shape[0], second.shape[0])
    a, b = (cv2.resize(weighted(x), (width, height), interpolation=cv2.INTER_AREA) for x in (first, second))
    return _Overlay(np.asarray(a), np.asarray(b), 0.0, None)


def _canvas(content: Content, size: tuple[int, int]) -> tuple[int, ...]:
    """What must agree for two pictures with equal contents to be equal as a whole."""
    return (*size, *content.box[:2])

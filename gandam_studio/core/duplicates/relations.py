"""What two pictures are to each other, in words, decided on their own pixels once they lie on each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import cv2
import numpy as np

from gandam_studio.core.duplicates.colours import (
    FEWER,
    NEAREST,
    TOUCHED,
    Colours,
    both_ways,
    colour_shift,
    furthest,
    reduced_to_palette,
    same_drawing,
    steps_alike,
)
from gandam_studio.core.duplicates.drawings import SEEN, Drawing, Form
from gandam_studio.core.duplicates.measures import confidence_of, distance_of
from gandam_studio.core.duplicates.redrawing import is_white, shown_alike, solid_colours
from gandam_studio.core.duplicates.tiles import SIDE
from gandam_studio.core.hashing.content import Content

# From least to most unlike: a pair's relation is the strongest of what applies.
EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED = "exact", "re-encoded", "resized", "cropped", "mirrored"
RECOLOURED, NEAR, FRAME = "recoloured", "near", "frame"
RELATIONS = (EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED, RECOLOURED, NEAR, FRAME)
DUPLICATES = frozenset((EXACT, RE_ENCODED, RESIZED, CROPPED, MIRRORED))  # one of two can go; the others are relatives

_SAME = 3  # levels of 255: no eye and few encoders tell these apart
_UNTOUCHED, _NOISIEST = 0.5, 128.0  # of the pixels that noise leaves alone, and the most that it adds to one, levels
_WHITE = (
    0.3  # of the differences' power, how much neighbours may share: 1 / 9 of white noise, nearly all of a new colour
)
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
_PAINTED = 0.7  # of the pixels may stay what they were under a thin coat of paint
_BOTH_CUT = 0.01  # of its visible pixels: more beyond each other's edge, and neither picture can stand for the other
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

    @classmethod
    def of_wholes(cls, size: tuple[int, int], other: tuple[int, int], mirrored: bool) -> Transform:
        """What maps one whole picture onto another that was made of it, by their (width, height)."""
        resized = size != other
        return cls(mirrored, size[0] / other[0], size[1] / other[1], resized=resized, re_encoded=not resized)

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
        seen: of either, (h, w) bool, where the sprite is.
        beyond: the share of all visible pixels that lie where only one of the two pictures reaches.
        shift: the second content's place on the first's, pixels; None where they were brought to one size.
        coloured: gives of either, (h, w) int, which colour each pixel has, where the pixels are the pictures' own.
        hard: whether no pixel is translucent, so that as many colours were drawn as are counted.
    """

    first: np.ndarray
    second: np.ndarray
    seen: tuple[np.ndarray, np.ndarray]
    beyond: float
    shift: tuple[int, int] | None
    coloured: Callable[[], tuple[np.ndarray, np.ndarray]] | None
    hard: bool = False

    @cached_property
    def off(self) -> np.ndarray:
        """(h, w) float32: the greatest difference of the four channels."""
        off = self.first - self.second
        return furthest(np.abs(off, out=off))

    @cached_property
    def both(self) -> np.ndarray:
        """(h, w) bool: where both sprites are."""
        return np.asarray(self.seen[0] & self.seen[1])

    @cached_property
    def either(self) -> np.ndarray:
        """(h, w) bool: where at least one sprite is."""
        return np.asarray(self.seen[0] | self.seen[1])

    @cached_property
    def seen_by_both(self) -> int:
        """How many pixels `both` has."""
        return int(np.count_nonzero(self.both))

    @cached_property
    def seen_by_either(self) -> int:
        """How many pixels `either` has."""
        return int(np.count_nonzero(self.either))

    def share(self, pixels: np.ndarray) -> float:
        """Of all pixels where a sprite is, the share that (h, w) bool marks; at least one must be there."""
        return np.count_nonzero(pixels & self.either) / self.seen_by_either

    def colours(self) -> Colours | None:
        """The colours of the pixels that both sprites show; None where pixels were mixed."""
        if self.coloured is None:
            return None
        both = self.both
        places = np.flatnonzero(both)
        mine, other = (colours.take(places) for colours in self.coloured())
        moved = self.off.take(places) > TOUCHED
        return Colours(mine, other, moved, lambda: (self.second[both] - self.first[both])[:, :3])


def decide(
    drawn: Drawing,
    other_drawn: Drawing,
    sizes: tuple[tuple[int, int], tuple[int, int]],
    *,
    mirrored: bool,
    parameters: np.ndarray,
    logit: float,
    encoded: Callable[[], bool] | None = None,
    whole: Callable[[], bool] = lambda: False,
    resampled: Callable[[], float | None] = lambda: None,
    remade: Callable[[Transform], Transform | None] = lambda _: None,
    hiding: Callable[[], bool] = lambda: False,
    lent: bool = False,
) -> Verdict:
    """The relation of two contents judged the same picture.

    sizes: (width, height) of both whole pictures. parameters: how the second's tile was laid on the first's, after the
    mirror. logit: the evidence so far (`measures.Comparison`); equal pixels make the distance 0.
    encoded: says whether their colours differ by an encoder's error alone; None when that is to be judged here.
    whole: says whether the whole canvases lie on each other, so that boxes' proportions prove nothing.
    resampled: gives how far the colours are apart once one picture is resized to the other, None when that is unknown.
    remade: gives what maps one onto the other where one can be made of the other as a whole, given what their contents
        say; None where it cannot.
    hiding: says whether a picture shows more than its content, as specks that were taken for background.
    lent: whether one has the other's silhouette, so that what else it shows is not in its content.
    """
    first, second = drawn.content, other_drawn.content
    stretch_x, stretch_y = 1 + float(parameters[0]), 1 + float(parameters[2])
    # Repeated pixels are undone first, so that what was enlarged by a whole factor is compared pixel by pixel too; not
    # where that parts pictures of one size, of which only one is made of such pixels.
    factor, other_factor = drawn.enlargement, other_drawn.enlargement
    scale_x = first.box[2] / (second.box[2] * stretch_x)
    if abs(np.log(scale_x)) < abs(np.log(scale_x * other_factor / factor)):
        factor = other_factor = 1
    mine, other = drawn.form(factor=factor), other_drawn.form(mirrored=mirrored, factor=other_factor)
    (height, width), (other_height, other_width) = mine.alpha.shape, other.alpha.shape
    scale_x, scale_y = width / (other_width * stretch_x), height / (other_height * stretch_y)
    apart = max(abs(np.log(scale_x)), abs(np.log(scale_y)))
    guess = _corner(mine.alpha, parameters)
    boxes_apart = max(abs(np.log(width / other_width)), abs(np.log(height / other_height)))
    # A cut-off edge may have led the alignment astray.
    overlay = _on_one_grid(mine, other, guess) if min(apart, boxes_apart) < _MAYBE_SCALE else None
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
    places = ((first.box, sizes[0], factor), ((left, second.box[1]), sizes[1], other_factor))
    frames = [_Frame(box[0] / times, box[1] / times, w / times, h / times) for box, (w, h), times in places]
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
    made: Transform | None = None
    if change.recoloured:
        # Where every pixel has a colour of its own, noise looks like new colours, and so does what a rim lets through.
        made = remade(transform) if encoded is not None else None
        if made or (encoded is None and _noisy(overlay) and _copied(mine, other, overlay, False, *frames)):
            change = _Change(False, False, False)
            transform = replace(transform, recoloured=False, re_encoded=not resized)
    elif not change.redrawn:
        # A lent silhouette hides what else is shown: there only the whole pictures tell.
        proven = not lent and (exact or _copied(mine, other, overlay, change.equal, *frames)) and not hiding()
        made = None if proven else remade(transform)
        if not proven and made is None:
            change, exact = replace(change, redrawn=True), False
            transform = replace(transform, re_encoded=False)
    if made and not exact:
        transform = replace(made, recoloured=False)
    relation = NEAR if change.redrawn else (transform.words or (EXACT,))[-1]
    evidence = np.array(logit - change.doubt)
    distance, confidence = float(distance_of(evidence)), float(confidence_of(evidence))
    if exact:
        distance, confidence = 0.0, 1.0
    elif resized and _stretched(scale_x, scale_y, min(*first.box[2:], *second.box[2:])) and not whole():
        # Two machines of one build, not one machine enlarged.
        distance, confidence = max(distance, 1 - confidence, 0.95), min(confidence, 0.05)
    return Verdict(relation, transform, distance, confidence)


@dataclass(frozen=True)
class _Frame:
    """A picture around its content, in the content's pixels: how much it shows left of and above it; its sides."""

    left: float
    top: float
    width: float
    height: float


def _copied(first: Form, second: Form, overlay: _Overlay, equal: bool, frame: _Frame, other_frame: _Frame) -> bool:
    """Whether contents on one grid are the same drawing: their pixels are, and what one shows alone was cut off.

    equal: whether their pixels were found equal, as they may be on another grid too. frame, other_frame: the pictures
    around the contents.
    """
    if overlay.shift is None:
        return equal
    if not equal and not shown_alike(overlay.first, overlay.second):
        return False
    x, y = overlay.shift
    beyond = []
    for seen, frame_, left, top, shape in (
        (first.seen, other_frame, x, y, second.seen.shape),
        (second.seen, frame, -x, -y, first.seen.shape),
    ):
        alone = seen.copy()
        _unmark(alone, left, top, shape[1], shape[0])
        count = int(np.count_nonzero(alone))
        _unmark(alone, left - frame_.left, top - frame_.top, frame_.width, frame_.height)
        if np.count_nonzero(alone) < count:  # where the other picture shows nothing, rather than ends
            return False
        beyond.append(count / max(1, int(np.count_nonzero(seen))))
    return min(beyond) <= _BOTH_CUT


def _unmark(marked: np.ndarray, x: float, y: float, width: float, height: float) -> None:
    """Unmark the pixels of (h, w) bool that begin inside a rectangle."""
    left, top, right, bottom = (max(0, int(np.ceil(side))) for side in (x, y, x + width, y + height))
    marked[top:bottom, left:right] = False


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


def _changes(overlay: _Overlay, encoded: Callable[[], bool] | None, resampled: Callable[[], float | None]) -> _Change:
    """Judge an overlay's colours; encoded, resampled: see `decide`."""
    off = overlay.off
    if not overlay.seen_by_both or float(off.max()) <= _SAME:
        return _Change(True, False, False)
    share_same = overlay.share(off <= _SAME)
    pixelwise = overlay.shift is not None
    same_mask = overlay.seen_by_both >= 0.97 * overlay.seen_by_either
    # Encoders err everywhere; a redrawn part changes some pixels much and leaves most of the others alone.
    changed = off > _CHANGED
    inside = overlay.both
    if encoded is not None:  # laid on a background and perhaps compressed: the rim bleeds
        inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
        changed &= inside
    drawn_alike: bool | None = None

    def alike() -> bool:
        # Most recolours are settled by their colours alone.
        nonlocal drawn_alike
        if drawn_alike is None:
            drawn_alike = pixelwise and same_drawing(overlay.first, overlay.second, inside)
        return drawn_alike

    colours = overlay.colours() if pixelwise and same_mask and share_same < 0.998 else None
    if colours and colours.merged() and (_to_palette(overlay) or shown_alike(overlay.first, overlay.second)):
        return _Change(False, False, False)
    mapped = bool(colours and colours.map())
    if colours and encoded is None and colours.reduced() and alike():
        if (resampled() or 0.0) > _RESAMPLED:
            return _Change(False, True, False)  # smoothing makes many colours of few as well
        if not mapped or shown_alike(overlay.first, overlay.second):
            return _Change(False, False, False)
    fewer = colours is not None and encoded is None and (colours.fewer or not overlay.hard)
    if mapped:
        return _Change(False, not (fewer and _proven_to_palette(overlay)), False)
    if pixelwise and share_same > 0.35 and overlay.share(changed) > 0.01 and not alike():
        copied = colours is not None and colours.reduced() and shown_alike(overlay.first, overlay.second)
        return _Change(False, False, not copied)
    if colours and encoded is None and colours.new() and alike():
        if fewer and _proven_to_palette(overlay):
            return _Change(False, False, False)
        return _Change(False, True, False, _doubt(overlay))
    if colours and encoded is None and share_same < _PAINTED and colours.one_for_one():
        return _Change(False, True, False)
    if encoded is not None:
        recoloured = not encoded()
    elif (shift := resampled()) is not None:
        recoloured = shift > _RESAMPLED
    else:
        recoloured = colour_shift(overlay.first, overlay.second) > _SHIFTED
    return _Change(False, recoloured, False, _doubt(overlay) if recoloured else 0.0)


def _noisy(overlay: _Overlay) -> bool:
    """Whether the pixels of an overlay may differ by noise; fast, since those of nearly all recolours do not."""
    off = overlay.off
    if overlay.shift is None or overlay.share(off <= _SAME) > _UNTOUCHED or float(off.max()) > _NOISIEST:
        return False
    return is_white(overlay.first[..., :3] - overlay.second[..., :3], overlay.both, overlay.first[..., :3])


def _to_palette(overlay: _Overlay) -> bool:
    """Whether one of an overlay's pictures is the other in fewer colours, each pixel in the nearest of them."""
    first, second = (solid_colours(picture, overlay.both) for picture in (overlay.first, overlay.second))
    if not both_ways(second - first):
        return False
    return any(reduced_to_palette(*pair, farther=NEAREST, share=FEWER) for pair in ((first, second), (second, first)))


def _proven_to_palette(overlay: _Overlay) -> bool:
    """`_to_palette`, and nothing else changed."""
    return _to_palette(overlay) and shown_alike(overlay.first, overlay.second)


def _doubt(overlay: _Overlay) -> float:
    """How much speaks against two pictures of different colours being one drawing, logits from 0.

    Colours say nothing then, so outlines must lie on outlines, and on one grid the silhouettes on each other.
    """
    first, second = (cv2.GaussianBlur(picture, (0, 0), _STEPS_BLUR) for picture in (overlay.first, overlay.second))
    doubt = _STEPS_WEIGHT * max(0.0, _STEPS - steps_alike(first, second, overlay.both))
    if overlay.shift is not None:
        doubt += _SILHOUETTE_WEIGHT * max(0.0, _SILHOUETTE - overlay.seen_by_both / overlay.seen_by_either)
    return float(doubt)


def _agree(overlay: _Overlay) -> bool:
    """Whether nearly all pixels of both are the same where both reach."""
    return bool(overlay.seen_by_either) and overlay.share(overlay.off <= _SAME) > 0.9


def _corner(first: np.ndarray, parameters: np.ndarray) -> tuple[float, float]:
    """Where the second content's corner lies on the first (h, w), pixels of the first, by the tiles' alignment."""
    height, width = first.shape[:2]
    stretch_x, shift_x, stretch_y, shift_y = (float(value) for value in parameters)
    x = 0.5 + (-0.5 - shift_x / SIDE) / (1 + stretch_x)
    y = 0.5 + (-0.5 - shift_y / SIDE) / (1 + stretch_y)
    return x * width, y * height


def _on_one_grid(first: Form, second: Form, guess: tuple[float, float]) -> _Overlay:
    """Contents of one scale laid on each other at the whole-pixel shift, near the guess, where they agree best."""
    size, other_size = first.alpha.shape, second.alpha.shape
    larger = max(size[0] * size[1], other_size[0] * other_size[1])
    best = np.inf
    x, y = round(guess[0]), round(guess[1])
    columns, rows = (_shifts(*each) for each in zip((x, y), size[::-1], other_size[::-1], strict=True))
    for (down, top, bottom), (right, left, end) in itertools.product(rows, columns):
        pixels = (bottom - top) * (end - left)
        # Opacity counts as much as all colours, or recoloured pictures would slide. Most places are given up for what
        # lies beyond, or for their opacity, before colours are looked at.
        cost = 64 * (1 - pixels / larger)
        if cost >= best:
            continue
        mine = slice(top, bottom), slice(left, end)
        other = slice(top - down, bottom - down), slice(left - right, end - right)
        cost = cv2.norm(first.alpha[mine], second.alpha[other], cv2.NORM_L1) / pixels + cost
        if cost >= best:
            continue
        cost = cv2.norm(first.rounded[mine], second.rounded[other], cv2.NORM_L1) / (4 * pixels) + cost
        if cost < best:
            best, (x, y) = cost, (right, down)
        if best == 0:
            break
    mine, other = _window(size, other_size, x, y)
    total = first.visible + second.visible
    within = np.count_nonzero(first.alpha[mine]) + np.count_nonzero(second.alpha[other])
    return _Overlay(
        first.weighted[mine],
        second.weighted[other],
        (first.seen[mine], second.seen[other]),
        1 - within / max(1, total),
        (x, y),
        lambda: (first.colours[mine], second.colours[other]),
        first.hard and second.hard,
    )


@lru_cache(maxsize=4096)
def _shifts(guess: int, first: int, second: int) -> tuple[tuple[int, int, int], ...]:
    """Places for the second's start along one axis, and from where to where both then reach.

    Those that put an end on an end of the first, then all around the guess. first, second: sides, pixels.
    """
    places = dict.fromkeys((0, first - second, *range(guess - 2, guess + 3)))
    reaches = ((place, max(0, place), min(first, place + second)) for place in places)
    return tuple(reach for reach in reaches if reach[2] > reach[1])


def _window(
    first: tuple[int, ...], second: tuple[int, ...], x: int, y: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The rectangle both reach with the second's corner at (x, y) of the first, as slices of each."""
    left, top = max(0, x), max(0, y)
    right, bottom = max(left, min(first[1], x + second[1])), max(top, min(first[0], y + second[0]))
    return (slice(top, bottom), slice(left, right)), (slice(top - y, bottom - y), slice(left - x, right - x))


def _reduced(first: Form, second: Form) -> _Overlay:
    """Contents of different scale, both brought to the smaller one's size."""
    (height, width), (other_height, other_width) = first.alpha.shape, second.alpha.shape
    size = min(width, other_width), min(height, other_height)
    a, b = (np.asarray(cv2.resize(x.weighted, size, interpolation=cv2.INTER_AREA)) for x in (first, second))
    return _Overlay(a, b, (a[..., 3] > SEEN, b[..., 3] > SEEN), 0.0, None, None)


def _canvas(content: Content, size: tuple[int, int]) -> tuple[int, ...]:
    """What must agree for two pictures with equal contents to be equal as a whole."""
    return (*size, *content.box[:2])

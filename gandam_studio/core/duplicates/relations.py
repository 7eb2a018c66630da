"""Decides the relation of two pictures from their aligned pixels at full resolution."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import ModuleType

import cv2
import numpy as np

from gandam_studio.core.duplicates import compiled
from gandam_studio.core.duplicates.colours import (
    FEWER,
    NEAREST,
    TOUCHED,
    Colours,
    Tabulated,
    both_ways,
    colour_shift,
    furthest,
    reduced_to_palette,
    same_drawing,
    steps_alike,
    tabulated,
    tinted,
)
from gandam_studio.core.duplicates.drawings import SEEN, STEPS_BLUR, Drawing, Form
from gandam_studio.core.duplicates.measures import judged
from gandam_studio.core.duplicates.redrawing import is_white, shown_alike, solid_colours
from gandam_studio.core.duplicates.tiles import SIDE
from gandam_studio.core.duplicates.verdicts import (
    EXACT,
    NEAR,
    Transform,
    Verdict,
)
from gandam_studio.core.hashing.content import Content
from gandam_studio.core.hashing.layout import Flag

_SAME = 3  # levels of 255: invisible, and within the error of most encoders
_FAINT = 32  # levels: the greatest opacity of what can hardly be seen
_UNTOUCHED, _NOISIEST = 0.5, 128.0  # most pixels that noise leaves unchanged (share), and its largest change in levels
# Largest share of the differences' power that neighbours have in common: 1 / 9 for white noise, nearly all for a new
# colour.
_WHITE = 0.3
_CHANGED = 40  # levels: a redrawn pixel, not an encoder's error
_SCALE = 0.045  # log size: contents whose scales differ by less have the same scale
_MAYBE_SCALE = 0.13  # and up to this, if their pixels agree then: a cut-off edge looks like a stretch
_UNLIKE, _LITTLE = 0.95, 0.05  # least distance and greatest confidence of contents of unequal proportions
_STRETCH = 0.02  # log aspect ratio, or one pixel of the smaller side: sprites are not resized by unequal factors
# Recoloured pictures must be the same drawing. Of 3,023 recoloured copies on one grid 99.9 % have more than .95 in
# silhouette and .74 in steps; different sprites that get this far have .81 to .86, or .5 (except one pair of twins).
_STEPS, _STEPS_WEIGHT = 0.65, 25.0
_SILHOUETTE, _SILHOUETTE_WEIGHT = 0.92, 60.0
_SAME_STEPS = 0.8  # least correlation of steps for contents of one size to be compared pixel by pixel
# 0 for copies resized by Pillow and OpenCV, with the right filter; above .02 for 99 of 100 recoloured ones.
_RESAMPLED = 0.02
_PAINTED = 0.7  # largest share of pixels that a slight tint leaves unchanged
_BOTH_CUT = 0.01  # of the visible pixels: if both have more beyond the other's edge, neither can replace the other
_OPAQUE = int(Flag.OPAQUE)
_SHIFTED = 0.07  # of full scale: more than any encoder changes the mean colour of a quarter of the picture


@dataclass(frozen=True)
class _Overlay:
    """Two contents on one grid.

    Attributes:
        first, second: (h, w, 4) float32 in [0, 255], premultiplied.
        seen: for both, (h, w) bool, the pixels of the sprite.
        beyond: the share of all visible pixels outside the overlap.
        shift: offset of the second content on the first in pixels; None if they were resized to one size.
        forms: the contents; None after resizing, which mixes colours.
        hard: whether no pixel is translucent, so that the number of colours is meaningful.
    """

    first: np.ndarray
    second: np.ndarray
    seen: tuple[np.ndarray, np.ndarray]
    beyond: float
    shift: tuple[int, int] | None
    forms: tuple[Form, Form] | None
    hard: bool = False

    @cached_property
    def off(self) -> np.ndarray:
        """(h, w) float32: the largest difference over the four channels."""
        off = self.first - self.second
        return furthest(np.abs(off, out=off))

    @property
    def faint(self) -> bool:
        """Whether nothing is opaque enough for `_SAME` to be little of it."""
        return float(max(self.first[..., 3].max(initial=0), self.second[..., 3].max(initial=0))) < _FAINT

    @cached_property
    def both(self) -> np.ndarray:
        """(h, w) bool: the pixels of both sprites."""
        return np.asarray(self.seen[0] & self.seen[1])

    @cached_property
    def either(self) -> np.ndarray:
        """(h, w) bool: the pixels of at least one sprite."""
        return np.asarray(self.seen[0] | self.seen[1])

    @cached_property
    def largest(self) -> float:
        """The largest of `off`."""
        return float(self.off.max())

    @cached_property
    def untouched(self) -> float:
        """The share of `either` that differs by no more than the eye sees."""
        return self.share(self.off <= _SAME)

    @cached_property
    def changed(self) -> float:
        """The share of `either` that differs by more than an encoder's error."""
        return self.share(self.off > _CHANGED)

    @cached_property
    def seen_by_both(self) -> int:
        """Number of pixels in `both`."""
        return int(np.count_nonzero(self.both))

    @cached_property
    def seen_by_either(self) -> int:
        """Number of pixels in `either`."""
        return int(np.count_nonzero(self.either))

    def count_compiled(self, kernels: ModuleType) -> None:
        """Fill in the properties that most pairs need. The contents must not have been resized."""
        assert self.forms is not None
        assert self.shift is not None
        first, second = self.forms
        off, both, counts, largest = kernels.differences(
            first.weighted, second.weighted, first.seen, second.seen, *self.shift, _SAME, _CHANGED
        )
        shared, every, same, changed = counts.tolist()
        self.__dict__.update(off=off, both=both, seen_by_both=shared, seen_by_either=every, largest=largest)
        if every:
            self.__dict__.update(untouched=same / every, changed=changed / every)

    def blurred(self) -> tuple[np.ndarray, np.ndarray]:
        """Both blurred a little, as far as the overlap shows them."""
        first, second = self.forms or (None, None)
        return _blurred(self.first, first), _blurred(self.second, second)

    def share(self, pixels: np.ndarray) -> float:
        """Return the share of `either` that (h, w) bool marks; 0 if `either` is empty, as where all is translucent."""
        return np.count_nonzero(pixels & self.either) / max(1, self.seen_by_either)

    def colours(self) -> Colours | None:
        """Return the colours of the pixels in `both`; None after resizing, which mixes colours."""
        if self.forms is None or self.shift is None:
            return None
        both, (x, y) = self.both, self.shift
        first, second = (form.colours for form in self.forms)

        def off() -> np.ndarray:
            return np.asarray((self.second[both] - self.first[both])[:, :3])

        if compiled.kernels is not None:
            found: Tabulated = compiled.kernels.tabulated(first, second, x, y, self.off, both, TOUCHED)
            return Colours(*found, off)
        mine, other = _window(first.shape, second.shape, x, y)
        places = np.flatnonzero(both)
        moved = self.off.take(places) > TOUCHED
        return Colours(*tabulated(first[mine].take(places), second[other].take(places), moved), off)


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
    briefly: bool = False,
    dropped: bool = False,
) -> Verdict:
    """Decide the relation of two contents that were judged to be the same picture.

    The callables are expensive and called only if needed.

    Args:
        drawn, other_drawn: the contents of the first and second picture.
        sizes: (width, height) of both whole pictures.
        mirrored: whether the second is mirrored.
        parameters: alignment of the second's tile with the first's, after mirroring.
        logit: the evidence so far (`measures.Comparison`); the distance of equal pixels is 0 regardless.
        encoded: whether the colours differ only by an encoder's error; None to decide that here.
        whole: whether the whole canvases match, so that the proportions of the boxes do not matter.
        resampled: the difference of colours once one picture is resized to the other; None if unknown.
        remade: given the transform between the contents, the transform between the whole pictures if one can be made
            from the other, else None.
        hiding: whether a picture has more than its content, such as specks that were taken for background.
        lent: whether one has the silhouette of the other, so that its content may lack something.
        briefly: whether it is enough to know of contents of unequal proportions that they have them.
        dropped: whether it is enough to know of what is further than `links.LOOSEST` that it is.
    """
    first, second = drawn.content, other_drawn.content
    stretch_x, stretch_y = 1 + float(parameters[0]), 1 + float(parameters[2])
    # Undo repeated pixels first, so that enlarged copies can be compared pixel by pixel. Not if that makes the scales
    # differ more, as for pictures of one size of which only one has repeated pixels.
    factor, other_factor = drawn.enlargement, other_drawn.enlargement
    scale_x = first.box[2] / (second.box[2] * stretch_x)
    if max(factor, other_factor) > 1 and abs(np.log(scale_x)) < abs(np.log(scale_x * other_factor / factor)):
        factor = other_factor = 1
    mine, other = drawn.form(factor=factor), other_drawn.form(mirrored=mirrored, factor=other_factor)
    (height, width), (other_height, other_width) = mine.alpha.shape, other.alpha.shape
    scale_x, scale_y = width / (other_width * stretch_x), height / (other_height * stretch_y)
    apart = _apart(scale_x, scale_y)
    guess = _corner(mine.alpha, parameters)
    boxes_apart = _apart(width / other_width, height / other_height)
    side = min(*first.box[2:], *second.box[2:])
    stretched = _stretched(scale_x * factor / other_factor, scale_y * factor / other_factor, side)
    # A cut-off edge may have misled the alignment.
    by_a_pixel = max(abs(width - other_width), abs(height - other_height)) <= 1  # of few, that is much
    overlay = on_one_grid(mine, other, guess) if by_a_pixel or min(apart, boxes_apart) < _MAYBE_SCALE else None
    if overlay is None or (apart > _SCALE and not _agree(overlay) and not (boxes_apart == 0 and _stepping(overlay))):
        # Unlike in the end, too, unless it is found that neither picture was resized.
        if stretched and (briefly or (dropped and boxes_apart > 0 and sizes[0] != sizes[1] and not whole())):
            scales = scale_x * factor / other_factor, scale_y * factor / other_factor
            return Verdict(NEAR, Transform(mirrored, *scales), _UNLIKE, _LITTLE)
        overlay = _reduced(mine, other)
    else:
        scale_x = scale_y = 1.0
    scale_x, scale_y = scale_x * factor / other_factor, scale_y * factor / other_factor
    change = _changes(overlay, encoded, resampled)
    if encoded is None and (in_place := _recoloured_in_place(mine, other, overlay, change, resampled)):
        overlay, change = in_place
        scale_x = scale_y = factor / other_factor
    resized = overlay.shift is None or factor != other_factor
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
        # If every pixel has its own colour, noise looks like new colours, and so does background at translucent edges.
        noisy = encoded is None and _noisy(overlay)
        shifted = encoded is not None or _opaque(first, second)  # strong JPEG does that
        if (shifted or noisy) and not tinted(overlay.first, overlay.second):
            spoiled = replace(transform, recoloured=False, re_encoded=not resized)
            made = remade(spoiled) if shifted else None
            if made or (noisy and _copied(mine, other, overlay, False, *frames)):
                change, transform = _Change(False, False, False), spoiled
    elif not change.redrawn:
        # A lent silhouette may hide differences, so only the whole pictures are proof.
        proven = not lent and (exact or _copied(mine, other, overlay, change.equal, *frames)) and not hiding()
        made = None if proven else remade(transform)
        if not proven and made is None:
            change, exact = replace(change, redrawn=True), False
            transform = replace(transform, re_encoded=False)
    elif encoded is not None or (overlay.shift is not None and _resized(*sizes)):
        # What shows through at translucent edges looks like a redrawn part, and so does a size a few pixels off.
        made = remade(replace(transform, re_encoded=not resized))
        if made:
            change = _Change(False, False, False)
    if made and not exact:
        transform = replace(made, recoloured=False)
    relation = NEAR if change.redrawn else (transform.words or (EXACT,))[-1]
    distance, confidence = (0.0, 1.0) if exact else judged(logit - change.doubt)
    if not exact and (
        resized and (made is None or made.resized) and _stretched(scale_x, scale_y, side) and not whole()
    ):
        # Two similar sprites, not one that was enlarged.
        distance, confidence = max(distance, 1 - confidence, _UNLIKE), min(confidence, _LITTLE)
    return Verdict(relation, transform, distance, confidence)


def _opaque(first: Content, second: Content) -> bool:
    """Whether both contents are of opaque pictures."""
    return int(first.flags) & int(second.flags) & _OPAQUE > 0  # `Flag` itself is slow


def _resized(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two pictures of (width, height) differ in size, and not in their proportions."""
    return size != other and abs(np.log(size[0] * other[1] / (size[1] * other[0]))) <= 1 / min(*size, *other)


def _apart(scale_x: float, scale_y: float) -> float:
    """How far two factors are from 1, whichever is further, in logarithms."""
    return 0.0 if scale_x == scale_y == 1 else float(max(abs(np.log(scale_x)), abs(np.log(scale_y))))


@dataclass(frozen=True)
class _Frame:
    """A picture around its content, in pixels of the content: the margins to the left and above, and its sides."""

    left: float
    top: float
    width: float
    height: float


def _copied(first: Form, second: Form, overlay: _Overlay, equal: bool, frame: _Frame, other_frame: _Frame) -> bool:
    """Whether contents on one grid are the same drawing: the pixels agree, and parts that only one has were cut off.

    equal: whether their pixels were found equal, possibly on another grid. frame, other_frame: the pictures around the
    contents.
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
        if np.count_nonzero(alone) < count:  # the other picture is empty here, not cut off
            return False
        beyond.append(count / max(1, int(np.count_nonzero(seen))))
    return min(beyond) <= _BOTH_CUT


def _unmark(marked: np.ndarray, x: float, y: float, width: float, height: float) -> None:
    """Clear the pixels of (h, w) bool whose corner is inside a rectangle."""
    left, top, right, bottom = (max(0, int(np.ceil(side))) for side in (x, y, x + width, y + height))
    marked[top:bottom, left:right] = False


def _stretched(scale_x: float, scale_y: float, side: int) -> bool:
    """Whether the axes are scaled differently, by more than rounding to whole pixels explains."""
    return bool(abs(np.log(scale_x / scale_y)) > max(_STRETCH, 1.0 / side))


@dataclass(frozen=True)
class _Change:
    """How the colours of an overlay differ: `equal`, `recoloured`, `redrawn` in places, or none (an encoder's error).

    `doubt`: evidence against the same picture, in logits >= 0.
    """

    equal: bool
    recoloured: bool
    redrawn: bool
    doubt: float = 0.0

    @property
    def proven(self) -> bool:
        """Whether every pixel is explained: by the same colours, or by one map of colours and nothing against it."""
        return self.equal or (self.recoloured and not self.doubt)


def _changes(overlay: _Overlay, encoded: Callable[[], bool] | None, resampled: Callable[[], float | None]) -> _Change:
    """Judge an overlay's colours; encoded, resampled: see `decide`."""
    change = _by_colours(overlay, encoded, resampled)
    if change.proven or encoded is not None or overlay.shift is None or overlay.largest <= _SAME:
        return change
    return _Change(False, True, False) if tinted(overlay.first, overlay.second) else change


def _recoloured_in_place(
    first: Form, second: Form, overlay: _Overlay, change: _Change, resampled: Callable[[], float | None]
) -> tuple[_Overlay, _Change] | None:
    """Overlay contents of one size as they lie; returns that and the change, or None if that is no proven recolour.

    New colours lead the search for the best place astray where a picture is opaque everywhere: then nothing else tells
    places apart. overlay, change: found by that search; what is proven there stays.
    """
    if change.proven or overlay.shift == (0, 0) or first.alpha.shape != second.alpha.shape:
        return None
    if not change.doubt and not tinted(first.weighted, second.weighted):
        return None
    in_place = _overlaid(first, second, 0, 0)
    found = _changes(in_place, None, resampled)
    return (in_place, found) if found.recoloured and found.proven else None


def _by_colours(
    overlay: _Overlay, encoded: Callable[[], bool] | None, resampled: Callable[[], float | None]
) -> _Change:
    """`_changes`, but for what is the same change everywhere, however small."""
    off = overlay.off
    if not overlay.seen_by_both or overlay.largest <= _SAME:
        same = overlay.largest <= _SAME and (overlay.largest == 0 or not overlay.faint)
        return _Change(same, False, False)
    share_same = overlay.untouched
    pixelwise = overlay.shift is not None
    same_mask = overlay.seen_by_both >= 0.97 * overlay.seen_by_either
    inside = overlay.both
    if encoded is not None:  # composited and perhaps compressed, so the edges bleed
        inside = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    drawn_alike: bool | None = None

    def alike() -> bool:
        # Not needed for most recolours.
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
            return _Change(False, True, False)  # smoothing also turns few colours into many
        if not mapped or shown_alike(overlay.first, overlay.second):
            return _Change(False, False, False)
    fewer = colours is not None and encoded is None and (colours.fewer or not overlay.hard)
    if mapped:
        return _Change(False, not (fewer and _proven_to_palette(overlay)), False)
    # Encoders make errors everywhere; a redrawn part changes some pixels a lot and leaves most others alone.
    if (
        pixelwise
        and share_same > 0.35
        and (overlay.changed if encoded is None else overlay.share((off > _CHANGED) & inside)) > 0.01
        and not alike()
    ):
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
    """Whether the pixels of an overlay may differ by noise. Fast for nearly all recolours."""
    if overlay.shift is None or overlay.untouched > _UNTOUCHED or overlay.largest > _NOISIEST:
        return False
    return is_white(overlay.first[..., :3] - overlay.second[..., :3], overlay.both, overlay.first[..., :3])


def _to_palette(overlay: _Overlay) -> bool:
    """Whether one picture of an overlay is the other with fewer colours, each pixel having the nearest of them."""
    first, second = (solid_colours(picture, overlay.both) for picture in (overlay.first, overlay.second))
    if not both_ways(second - first):
        return False
    return any(reduced_to_palette(*pair, farther=NEAREST, share=FEWER) for pair in ((first, second), (second, first)))


def _proven_to_palette(overlay: _Overlay) -> bool:
    """`_to_palette`, and nothing else changed."""
    return _to_palette(overlay) and shown_alike(overlay.first, overlay.second)


def _blurred(picture: np.ndarray, form: Form | None) -> np.ndarray:
    """An (h, w, 4) picture, blurred a little. All of a form is blurred once."""
    if form is not None and form.weighted.shape == picture.shape:
        return form.blurred
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), STEPS_BLUR))


def _doubt(overlay: _Overlay) -> float:
    """Evidence against two pictures of different colours being the same drawing, in logits >= 0.

    Since colours do not help, outlines must match, and on one grid the silhouettes, too.
    """
    first, second = overlay.blurred()
    doubt = _STEPS_WEIGHT * max(0.0, _STEPS - steps_alike(first, second, overlay.both))
    if overlay.shift is not None:
        doubt += _SILHOUETTE_WEIGHT * max(0.0, _SILHOUETTE - overlay.seen_by_both / overlay.seen_by_either)
    return float(doubt)


def _agree(overlay: _Overlay) -> bool:
    """Whether nearly all pixels in the overlap are the same."""
    return bool(overlay.seen_by_either) and overlay.untouched > 0.9


def _stepping(overlay: _Overlay) -> bool:
    """Whether steps lie on steps and silhouettes on each other: a texture that repeats may be aligned elsewhere too."""
    if overlay.seen_by_both < _SILHOUETTE * overlay.seen_by_either:
        return False
    return steps_alike(overlay.first, overlay.second, overlay.both) > _SAME_STEPS


def _corner(first: np.ndarray, parameters: np.ndarray) -> tuple[float, float]:
    """The second content's corner on the first (h, w), in pixels of the first, by the alignment of tiles."""
    height, width = first.shape[:2]
    stretch_x, shift_x, stretch_y, shift_y = (float(value) for value in parameters)
    x = 0.5 + (-0.5 - shift_x / SIDE) / (1 + stretch_x)
    y = 0.5 + (-0.5 - shift_y / SIDE) / (1 + stretch_y)
    return x * width, y * height


def on_one_grid(first: Form, second: Form, guess: tuple[float, float]) -> _Overlay:
    """Overlay contents of one scale at the whole-pixel shift near the guess where they agree best."""
    x, y = round(guess[0]), round(guess[1])
    if compiled.kernels is not None:
        x, y = compiled.kernels.best_shift(first.alpha, first.rounded, second.alpha, second.rounded, x, y)
    else:
        x, y = best_shift(first, second, x, y)
    return _overlaid(first, second, x, y)


def _overlaid(first: Form, second: Form, x: int, y: int) -> _Overlay:
    """Overlay contents of one scale with the second's corner at (x, y) of the first."""
    mine, other = _window(first.alpha.shape, second.alpha.shape, x, y)
    total = first.visible + second.visible
    within = np.count_nonzero(first.alpha[mine]) + np.count_nonzero(second.alpha[other])
    overlay = _Overlay(
        first.weighted[mine],
        second.weighted[other],
        (first.seen[mine], second.seen[other]),
        1 - within / max(1, total),
        (x, y),
        (first, second),
        first.hard and second.hard,
    )
    if compiled.kernels is not None:
        overlay.count_compiled(compiled.kernels)
    return overlay


def best_shift(first: Form, second: Form, x: int, y: int) -> tuple[int, int]:
    """The whole-pixel shift near (x, y) at which two contents agree best."""
    size, other_size = first.alpha.shape, second.alpha.shape
    larger = max(size[0] * size[1], other_size[0] * other_size[1])
    best = np.inf
    columns, rows = (_shifts(*each) for each in zip((x, y), size[::-1], other_size[::-1], strict=True))
    for (down, top, bottom), (right, left, end) in itertools.product(rows, columns):
        pixels = (bottom - top) * (end - left)
        # Opacity has the same weight as all colours, or recoloured pictures would drift. Most shifts are rejected for
        # their small overlap or their opacity before colours are compared.
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
    return x, y


@lru_cache(maxsize=4096)
def _shifts(guess: int, first: int, second: int) -> tuple[tuple[int, int, int], ...]:
    """(shift, start, end) along one axis: shifts of the second to try, and the overlap.

    First those that align ends with the first, then those around the guess. first, second: sides in pixels.
    """
    places = dict.fromkeys((0, first - second, *range(guess - 2, guess + 3)))
    reaches = ((place, max(0, place), min(first, place + second)) for place in places)
    return tuple(reach for reach in reaches if reach[2] > reach[1])


def _window(
    first: tuple[int, ...], second: tuple[int, ...], x: int, y: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The overlap with the second's corner at (x, y) of the first, as slices of each."""
    left, top = max(0, x), max(0, y)
    right, bottom = max(left, min(first[1], x + second[1])), max(top, min(first[0], y + second[0]))
    return (slice(top, bottom), slice(left, right)), (slice(top - y, bottom - y), slice(left - x, right - x))


def _reduced(first: Form, second: Form) -> _Overlay:
    """Overlay contents of different scales, both resized to the smaller one's size."""
    (height, width), (other_height, other_width) = first.alpha.shape, second.alpha.shape
    size = min(width, other_width), min(height, other_height)
    a, b = (np.asarray(cv2.resize(x.weighted, size, interpolation=cv2.INTER_AREA)) for x in (first, second))
    return _Overlay(a, b, (a[..., 3] > SEEN, b[..., 3] > SEEN), 0.0, None, None)


def _canvas(content: Content, size: tuple[int, int]) -> tuple[int, ...]:
    """The size and the content's offset; pictures with equal contents are equal if these are."""
    return (*size, *content.box[:2])

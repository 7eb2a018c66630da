"""The whole step from a sample to clean pixels: palette, opacity, outline, stray pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing import oklab
from gandam_studio.core.finishing.cleaning import CLEAR, Indices, cleaned, stray_share
from gandam_studio.core.finishing.ground import Colour, cut_out
from gandam_studio.core.finishing.palette import SOLID, Palette, packed, palette_of, unpacked

Pixels = NDArray[np.uint8]

BINARY, KEPT = "binary", "keep"
ALPHAS = (BINARY, KEPT)
MOST_EACH = 256
"""Colours of a palette for one picture alone."""
LEAN = 1.0
"""How much outlines lean to the colours of the data's, unless another is chosen."""
_MOST_OUTLINES = 0.9
_FRINGE = 3
"""How often the outermost soft pixels beside an outline are cut away: a line, then the corners left of it."""
_LEAN_UNIT = 0.008  # of squared distance, for each e-th part that a colour is rarer on outlines


@dataclass(frozen=True)
class Traits:
    """What the pictures that a run learned from are like, in some palette.

    Attributes:
        stray: share of their solid pixels that are stray (`cleaning.stray`).
        outline: how often each colour of the palette occurs on their outlines, (K,), sums to 1; None: not known.
    """

    stray: float
    outline: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Finish:
    """How samples are finished.

    Attributes:
        palette: colours for all pictures; None leaves them as they are, unless `each` is set.
        each: so many colours of its own for every picture, 0 for none.
        alpha: BINARY: pixels are clear or opaque; KEPT: opacity stays.
        share: at most this share of a picture's solid pixels is stray; None cleans nothing.
        lean: how much pixels of the outline lean to the colours of the data's outlines, 0 not at all.
        traits: of the data, for the outlines.
        background: what pictures without transparency are cut out of (`ground.cut_out`); None leaves them whole.
    """

    palette: Palette | None = None
    each: int = 0
    alpha: str = BINARY
    share: float | None = None
    lean: float = 0.0
    traits: Traits | None = None
    background: Colour | None = None

    def __post_init__(self) -> None:
        if self.alpha not in ALPHAS:
            raise UserError(f"opacity is {' or '.join(ALPHAS)}, not {self.alpha!r}")
        if not 0 <= self.each <= MOST_EACH:
            raise UserError(f"a picture can have up to {MOST_EACH} colours of its own, not {self.each}")
        if self.palette is not None and self.each:
            raise UserError("choose one palette for all pictures, or one for each")

    def palette_for(self, picture: Pixels) -> Palette | None:
        """The palette that a picture (H, W, 3 or 4) gets, None where it keeps its colours or shows nothing."""
        if not self.each:
            return self.palette
        if picture.shape[2] == 4 and not (picture[..., 3] >= SOLID).any():
            return None
        return palette_of([picture], self.each)


def with_alpha(picture: Pixels, background: Colour | None = None) -> Pixels:
    """(H, W, 3 or 4) -> (H, W, 4), a copy; without transparency it is cut out of the `background`, if there is one."""
    if picture.shape[2] == 4:
        return picture.copy()
    if background is not None:
        return cut_out(picture, background)
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def outline(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W): solid pixels beside a clear one (above, below, left, right); what is outside of the picture is clear."""
    wide = np.pad(solid, 1)
    inside = wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
    return np.asarray(solid & ~inside)


def places(
    picture: Pixels, palette: Palette, *, least_alpha: int = SOLID, lean: float = 0.0, traits: Traits | None = None
) -> Indices:
    """The palette's colour for every pixel of (H, W, 3 or 4): the nearest in OKLab; clear below `least_alpha`.

    With `lean`, pixels on the outline lean to the colours that are frequent on the data's outlines, and soft pixels
    right outside of such an outline, a fringe, are cut away. An opaque pixel whose colour is in the palette
    keeps it.
    """
    solid = picture[..., 3] >= least_alpha if picture.shape[2] == 4 else np.ones(picture.shape[:2], np.bool_)
    found = np.full(solid.shape, CLEAR, np.int32)
    if not solid.any():
        return found
    values, where = np.unique(packed(picture[..., :3])[solid], return_inverse=True)
    costs = oklab.squared_distances(oklab.from_srgb(unpacked(values)), palette.lab)
    exact = values[:, None] == packed(palette.rgb)[None, :]
    costs[exact] = -1
    found[solid] = costs.argmin(axis=1)[where.ravel()]
    if not lean or traits is None or traits.outline is None:
        return found
    rarer = -np.log(np.maximum(np.array(traits.outline), 1e-4))
    leaning = costs + lean * _LEAN_UNIT * rarer
    leaning[exact] = -1
    on_outlines = np.full(solid.shape, CLEAR, np.int32)
    on_outlines[solid] = leaning.argmin(axis=1)[where.ravel()]
    soft = np.zeros(solid.shape, np.bool_)
    soft[solid] = ~exact.any(axis=1)[where.ravel()]
    if picture.shape[2] == 4:
        soft |= solid & (picture[..., 3] < 255)
    edge = outline(solid)
    if least_alpha == SOLID:
        usual = np.append(_usual(np.array(traits.outline)), False)  # the last place is that of CLEAR
        for _ in range(_FRINGE):
            beside = _beside(usual[on_outlines] & solid) | ~_beside(solid)  # or a corner that was left alone
            fringe = edge & soft & ~usual[on_outlines] & beside
            if not fringe.any():
                break
            solid &= ~fringe
            edge = outline(solid)
        found[~solid] = CLEAR
    found[edge] = on_outlines[edge]
    return found


def _usual(shares: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The fewest colours that make up most of the data's outlines, (K,)."""
    order = np.argsort(-shares, kind="stable")
    needed = int(np.searchsorted(np.cumsum(shares[order]), _MOST_OUTLINES)) + 1
    usual = np.zeros(len(shares), np.bool_)
    usual[order[:needed]] = True
    return usual


def _beside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W): pixels with one of the mask above, below, left or right of them."""
    wide = np.pad(mask, 1)
    return np.asarray(wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:])


def finished(picture: Pixels, finish: Finish) -> Pixels:
    """Finish one sample: (H, W, 3 or 4) uint8 -> (H, W, 4). Clear pixels are all zero.

    Finishing twice changes nothing more. A mirrored picture gives the mirrored result.
    """
    rgba = with_alpha(picture, finish.background)
    binary = finish.alpha == BINARY
    palette = finish.palette_for(rgba)
    least = SOLID if binary else 1
    if palette is not None:
        found = places(rgba, palette, least_alpha=least, lean=finish.lean, traits=finish.traits)
        if finish.share is not None:
            found = cleaned(found, palette, finish.share, outline_moves=binary)
        return painted(found, palette, None if binary else rgba[..., 3])
    if binary:
        rgba[..., 3] = np.where(rgba[..., 3] >= SOLID, 255, 0)
    rgba[rgba[..., 3] == 0] = 0
    return rgba


def painted(indices: Indices, palette: Palette, alpha: NDArray[np.uint8] | None = None) -> Pixels:
    """(H, W) places in a palette -> (H, W, 4) RGBA, opaque where it is not clear, or of opacity `alpha`."""
    solid = indices != CLEAR
    rgba = np.zeros((*indices.shape, 4), np.uint8)
    rgba[solid, :3] = palette.rgb[indices[solid]]
    rgba[..., 3] = np.where(solid, 255, 0) if alpha is None else np.where(solid, alpha, 0)
    return rgba


def traits_of(pictures: Iterable[Pixels], palette: Palette | None = None, each: int = 0) -> Traits:
    """What pictures (H, W, 3 or 4) are like in a palette, or in one of `each` colours for every picture, uncleaned."""
    own = Finish(palette, each)
    found: list[Indices] = []
    edges = np.zeros(len(palette.colours) if palette else 0)
    for picture in pictures:
        rgba = with_alpha(picture)
        colours = own.palette_for(rgba)
        if colours is None:
            continue
        indices = places(rgba, colours)
        found.append(indices)
        if palette is not None:
            at = indices[outline(indices != CLEAR)]
            edges += np.bincount(at, minlength=len(edges))
    share = stray_share(found)
    return Traits(share, tuple((edges / edges.sum()).tolist()) if edges.sum() else None)


def shares(pictures: Sequence[Pixels]) -> float:
    """The share of stray pixels of RGBA pictures as they are: equal colours, not palettes, are compared."""
    found = []
    for picture in pictures:
        rgba = with_alpha(picture)
        values = packed(rgba[..., :3]).astype(np.int32)
        values[rgba[..., 3] < SOLID] = CLEAR
        found.append(values)
    return stray_share(found)


def outline_gap(pictures: Iterable[Pixels], real: Iterable[Pixels]) -> float:
    """How far apart the outlines of two sets of pictures are: the mean difference of their lightness, quantile by
    quantile (Wasserstein distance), in units of OKLab.
    """
    quantiles = np.linspace(0, 1, 1001)
    one, two = (_outline_lightness(some) for some in (pictures, real))
    if not len(one) or not len(two):
        return float("nan")
    return float(np.abs(np.quantile(one, quantiles) - np.quantile(two, quantiles)).mean())


def _outline_lightness(pictures: Iterable[Pixels]) -> NDArray[np.float64]:
    found = [np.zeros(0)]
    for picture in pictures:
        rgba = with_alpha(picture)
        found.append(oklab.from_srgb(rgba[outline(rgba[..., 3] >= SOLID), :3])[:, 0])
    return np.concatenate(found)

"""Palettes, and how one is chosen from pictures: the colours among theirs that stand best for all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing import oklab

Pixels = NDArray[np.uint8]

MOST_COLOURS = 1024
"""Colours in a palette."""
SOLID = 128
"""A pixel of at least this opacity is solid."""
_CANDIDATES = 1024  # colours to choose from: costs grow with their square
_ROUNDS = 30
_AT_ONCE = 1 << 20  # pixels whose colours are counted together


@dataclass(frozen=True)
class Palette:
    """Some colours, each once, in a fixed order.

    Attributes:
        colours: (red, green, blue), 0 to 255 each. name: what to call it.
    """

    colours: tuple[tuple[int, int, int], ...]
    name: str = ""

    @classmethod
    def of(cls, rgb: Pixels | Iterable[tuple[int, int, int]], name: str = "") -> Palette:
        """Build one from (N, 3) colours; repeated ones are left out. Raises UserError for none or too many."""
        found = dict.fromkeys((int(r), int(g), int(b)) for r, g, b in rgb)
        if not found:
            raise UserError("the palette has no colours")
        if len(found) > MOST_COLOURS:
            raise UserError(f"the palette has more than {MOST_COLOURS:,} colours")
        return cls(tuple(found), name)

    @cached_property
    def rgb(self) -> Pixels:
        """(K, 3) uint8."""
        return np.array(self.colours, np.uint8)

    @cached_property
    def lab(self) -> oklab.Lab:
        """(K, 3) in OKLab."""
        return oklab.from_srgb(self.rgb)

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        """(K, K) distances between its colours in millionths, whole so that equal ones compare as equal."""
        return np.asarray(np.rint(np.sqrt(oklab.squared_distances(self.lab, self.lab)) * 1e6).astype(np.int64))

    @property
    def digest(self) -> str:
        """Names its colours and their order."""
        return hashlib.sha256(self.rgb.tobytes()).hexdigest()


def packed(rgb: Pixels) -> NDArray[np.uint32]:
    """(..., 3) uint8 -> (...) 0xRRGGBB."""
    wide = rgb.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])


def unpacked(values: NDArray[np.uint32]) -> Pixels:
    """(...) 0xRRGGBB -> (..., 3) uint8."""
    return np.stack([values >> 16 & 255, values >> 8 & 255, values & 255], axis=-1).astype(np.uint8)


def counted_colours(pictures: Iterable[Pixels]) -> tuple[Pixels, NDArray[np.int64]]:
    """The colours of the solid pixels of (H, W, 3 or 4) pictures, (N, 3) sorted, and how often each occurs, (N,)."""
    values: NDArray[np.uint32] = np.zeros(0, np.uint32)
    counts: NDArray[np.int64] = np.zeros(0, np.int64)
    waiting: list[NDArray[np.uint32]] = []
    for picture in pictures:
        colours = packed(picture[..., :3])
        waiting.append(colours[picture[..., 3] >= SOLID] if picture.shape[2] == 4 else colours.ravel())
        if sum(map(len, waiting)) >= max(_AT_ONCE, len(values)):
            values, counts = _merged(values, counts, waiting)
            waiting = []
    values, counts = _merged(values, counts, waiting)
    return unpacked(values), counts


def _merged(
    values: NDArray[np.uint32], counts: NDArray[np.int64], more: list[NDArray[np.uint32]]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Colours that were counted, sorted, and pixels that were not, counted together."""
    if not more:
        return values, counts
    new, often = np.unique(np.concatenate(more), return_counts=True)
    found, places = np.unique(np.concatenate([values, new]), return_inverse=True)
    sums = np.bincount(places.ravel(), np.concatenate([counts, often]), minlength=len(found))
    return found, sums.astype(np.int64)


def palette_of(pictures: Iterable[Pixels], size: int, name: str = "") -> Palette:
    """The `size` colours of some pictures that stand best for all (k-medoids in OKLab), from dark to light.

    All colours are the pictures' own. A colour counts by the square root of how often it occurs, so that eyes and
    lights are not lost among large areas. Equal pictures give equal palettes; mirroring them changes nothing.
    Raises UserError when no pixel is solid.
    """
    rgb, counts = counted_colours(pictures)
    if not len(rgb):
        raise UserError("the pictures are empty: there are no colours to choose from")
    if len(rgb) > size:
        rgb, weights = _candidates(rgb, counts)
        rgb = rgb[medoids(oklab.from_srgb(rgb), weights, size)]
    lightness = np.rint(oklab.from_srgb(rgb)[:, 0] * 1e6).astype(np.int64)
    return Palette.of(rgb[np.lexsort((packed(rgb), lightness))], name)


def _candidates(rgb: Pixels, counts: NDArray[np.int64]) -> tuple[Pixels, NDArray[np.float64]]:
    """At most `_CANDIDATES` colours with their weights: the most frequent of each cell of OKLab, as small as fit."""
    weights = np.sqrt(counts.astype(np.float64))
    lab = oklab.even(oklab.from_srgb(rgb))
    step = 0.005
    while len(rgb) > _CANDIDATES:
        cells = np.floor(lab / step).astype(np.int64)
        # One number a cell, in the order of its coordinates: unique rows take numpy ten times as long.
        cells -= cells.min(axis=0)
        _, place = np.unique(np.ravel_multi_index(cells.T, cells.max(axis=0) + 1), return_inverse=True)
        # The first of each cell, when sorted by cell, then by frequency, then by colour.
        order = np.lexsort((packed(rgb), -counts, place))
        firsts = order[np.unique(place[order], return_index=True)[1]]
        if len(firsts) <= _CANDIDATES:
            return rgb[firsts], np.asarray(np.bincount(place, weights), np.float64)
        step *= 1.25
    return rgb, weights


def medoids(points: oklab.Lab, weights: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The indices, sorted, of `count` points (N, D) from which the weighted squared distances of all are small.

    The k-medoids problem: built greedily as in PAM (Kaufman and Rousseeuw 1990), then improved by alternation (Park and
    Jun 2009). Nothing is random; of equal choices the first counts.
    """
    if len(points) <= count:
        return np.arange(len(points))
    cost = oklab.squared_distances(points, points)
    # From each point to the nearest medoid; the first medoid is the one from which all are near.
    chosen = [int(np.argmin(cost @ weights))]
    nearest = cost[chosen[0]].copy()
    gain = np.empty_like(cost)
    while len(chosen) < count:
        np.subtract(nearest[None, :], cost, out=gain)
        gains = np.maximum(gain, 0, out=gain) @ weights
        gains[chosen] = -1
        chosen.append(int(np.argmax(gains)))
        nearest = np.minimum(nearest, cost[chosen[-1]])
    now = np.array(sorted(chosen))
    for _ in range(_ROUNDS):
        owner = np.argmin(cost[now], axis=0)
        then = now.copy()
        for index in range(count):
            own = np.flatnonzero(owner == index)
            if len(own):
                then[index] = own[np.argmin(cost[np.ix_(own, own)] @ weights[own])]
        then.sort()
        if np.array_equal(then, now):
            break
        now = then
    return now

"""Whether colours were exchanged: judged on the pixels of two pictures that lie on each other."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

# The share of a colour that changes where it was exchanged: redrawn parts leave most of it elsewhere alone. The less is
# asked the better colours follow from colours.
_ALTOGETHER, _MOSTLY = 0.7, 0.4
TOUCHED = 8  # levels of 255: a colour that was meant to change, or that an encoder spoiled
# How well brightness steps and colour steps of changed places must correlate to be the same drawing. Of 175 real
# recolours whose colours do not simply follow from colours 174 come above both, of 5,977 sprites with a mark, an eye or
# a patch drawn anew 9 (pokesprite's second generation of icons).
_STEPS_OF_BRIGHTNESS, _STEPS_OF_COLOUR = 0.5, 0.8
# The share of pixels whose colour became what it mostly becomes: an encoder spoils each pixel in its own way (.45 at
# most in 1,500 pictures through JPEG, WebP and noise), a painter gives a colour a new one (.64 in 99 of 100).
_BY_COLOUR = 0.55
# Reducing to few colours merges several into their mean and leaves the others: next to no changed pixel has a colour of
# its own, and those of one colour share little of their change. One of 1,252 real recolours is taken for it; three in
# four of 500 sprites reduced to 8, 16 or 32 colours are recognised.
_ALONE, _OFF_CENTRE = 0.05, 0.93
_PALETTE = 256  # colours of a palette file
# Reduced by whatever program, every pixel has the nearest of the colours left (all of 359 sprites in 16 colours, with
# at most .7 of theirs); of 2,474 real recolours two look the same.
NEAREST, FEWER = 1.5, 0.75
_ONE_WAY = 0.6  # of the mean size of the changes, how long their mean may be: .48 for 98 of 100 palettes
_ONE_FOR_ONE = 0.995  # of the pixels whose colour became what it mostly becomes
_TABLE = 1 << 14  # pairs of colours up to which counting all of them is faster than sorting those that occur


def weighted(rgba: np.ndarray) -> np.ndarray:
    """(h, w, 4) float32, 0 to 255, colours multiplied by opacity."""
    made = rgba.astype(np.float32)
    if (rgba[..., 3] < 255).any():
        made[..., :3] *= made[..., 3:] / np.float32(255)
    return made


def palette_exchanged(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two contents, (h, w, 4) uint8, have one silhouette, pixel for pixel, and colours that map to each other.

    Decides where the tiles cannot: a palette of dark for light is no smooth map, but still one colour for another.
    """
    if first.shape != second.shape:
        return False
    mine, other = first[..., 3] > 64, second[..., 3] > 64
    if not mine.any() or np.count_nonzero(mine != other) > 0.005 * np.count_nonzero(mine):
        return False
    both = mine & other
    return Colours.of(first[both].astype(np.float32), second[both].astype(np.float32)).map()


def reduced_to_palette(first: np.ndarray, second: np.ndarray, *, farther: float, share: float = 1.0) -> bool:
    """Whether the second's colours are fewer and each pixel's is about the nearest of them to what the first has there.

    first, second: (P, 3) float32, 0 to 255, the same places. farther: levels, how much farther than the nearest colour
    the chosen one may be. share: of the first's colours, how many the second may have.
    """
    if not len(first):
        return False
    off = first - second
    chosen = np.sqrt(np.einsum("ij,ij->i", off, off))
    worst = int(chosen.argmax())  # settles most pairs before any colour is numbered
    off = second - first[worst]
    if chosen[worst] > np.sqrt(np.einsum("ij,ij->i", off, off).min()) + farther:
        return False
    (kinds, number), (shades, _) = numbered(first), numbered(second)
    if len(shades) > min(_PALETTE, share * len(kinds)) or len(shades) == len(kinds):
        return False
    nearest = np.concatenate(
        [
            np.sqrt(np.square(part[:, None] - shades).sum(axis=2).min(axis=1))
            for part in np.array_split(kinds, -(-len(kinds) * len(shades) // _TABLE))
        ]
    )
    return bool((chosen <= nearest[number] + farther).all())


def both_ways(off: np.ndarray) -> bool:
    """Whether (P, 3) changes of colour cancel out on the whole, as those to a palette do, and coats of paint do not."""
    if not len(off):
        return True
    return bool(np.square(off.mean(axis=0)).sum() <= _ONE_WAY**2 * np.square(off).sum(axis=1).mean())


def named(pixels: np.ndarray) -> np.ndarray:
    """(P,) one number for each (P, 3) colour, 0 to 255."""
    return np.asarray(np.rint(pixels) @ np.array([1, 256, 65536]))


def numbered(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The (K, 3) different colours of (P, 3) ones, 0 to 255, and which of them each pixel has."""
    codes = named(pixels)
    _, first, number = np.unique(codes, return_index=True, return_inverse=True)
    return pixels[first], number


def furthest(off: np.ndarray) -> np.ndarray:
    """(...) the greatest of the four channels of (..., 4), many times faster than `max` along so short an axis."""
    pairs = np.maximum(off[..., ::2], off[..., 1::2])
    return np.asarray(np.maximum(pairs[..., 0], pairs[..., 1]))


def furthest_of_three(off: np.ndarray) -> np.ndarray:
    """(...) the greatest of the three channels of (..., 3), likewise."""
    return np.asarray(np.maximum(np.maximum(off[..., 0], off[..., 1]), off[..., 2]))


class Colours:
    """The colours of two pictures of one silhouette at the same P places."""

    def __init__(self, index: np.ndarray, target: np.ndarray, moved: np.ndarray, off: Callable[[], np.ndarray]) -> None:
        """index, target: (P,) int, which colour each pixel has in either picture, numbered in the colours' order.

        moved: (P,) bool, which pixels differ by more than an encoder's error. off: gives the (P, 3) float32 differences
        of their colours.
        """
        self._index, self._mine = _renumbered(index)
        self._target, self._other = _renumbered(target)
        self._moved, self._off = moved, off
        self._share_moved = int(np.count_nonzero(moved)) / max(1, len(moved))
        self._count()

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray) -> Colours:
        """The colours of (P, 4) float32 pixels, 0 to 255."""
        moved = furthest(np.abs(second - first)) > TOUCHED
        return cls(_coded(first), _coded(second), moved, lambda: second[:, :3] - first[:, :3])

    @property
    def fewer(self) -> bool:
        """Whether one picture has so many fewer colours than the other as a palette leaves."""
        return min(self._mine, self._other) <= FEWER * max(self._mine, self._other)

    def map(self) -> bool:
        """Whether colours follow from colours, both ways.

        Few colours, and nearly every pixel of a colour becomes the same other colour: a palette was exchanged. Colours
        may merge one way; where a few split too, those that change must change nearly wherever they occur: a redrawn
        part uses colours that elsewhere stayed.
        """
        count, mine, other = len(self._moved), self._mine, self._other
        if min(mine, other) > max(4, count // 6) or mine * other > 1 << 22 or self._share_moved <= 0.02:
            return False
        worse, better = sorted(self._follows)
        if worse < 0.8:
            return False
        together = min(_together(self._index, mine, self._moved), _together(self._target, other, self._moved))
        return together >= (_MOSTLY if worse >= 0.95 and better >= 0.97 else _ALTOGETHER)

    def one_for_one(self) -> bool:
        """Whether each of few colours became one other, however near: no encoder spares colours so."""
        return min(self._mine, self._other) <= max(4, len(self._moved) // 6) and min(self._follows) >= _ONE_FOR_ONE

    def new(self) -> bool:
        """Whether the colours of one drawing were chosen anew, rather than spoiled by an encoder."""
        return self._share_moved > 0.02 and min(self._follows) > _BY_COLOUR

    def merged(self) -> bool:
        """Whether many of one picture's colours became one of the other's each, as they do for a palette file.

        Some of them then become lighter and others darker; a coat of paint moves them all one way.
        """
        follows = self._follows[1 if self._mine < self._other else 0]
        if not self.fewer or follows <= 0.99:
            return False
        return both_ways(self._off()[self._moved])

    def reduced(self) -> bool:
        """Whether one picture is the other with similar colours merged into their mean, as for a palette file.

        They may still be a recolour whose colours merge; `same_drawing` tells.
        """
        there, back = self._follows
        return (there > 0.99 and self._merges(self._target, self._sources)) or (
            back > 0.99 and self._merges(self._index, self._targets)
        )

    def _count(self) -> None:
        """Count which colours become which: the share of pixels that go where most of their colour goes, both ways.

        And how many colours each colour comes from (`_sources`) and goes to (`_targets`).
        """
        mine, other, pixels = self._mine, self._other, len(self._index)
        names = self._index * np.int64(other) + self._target
        if mine * other <= max(_TABLE, 2 * pixels):
            table = np.bincount(names, minlength=mine * other).reshape(mine, other)
            most, back = table.max(axis=1), table.max(axis=0)
            self._targets, self._sources = (table > 0).sum(axis=1), (table > 0).sum(axis=0)
        else:
            pairs, counts = np.unique(names, return_counts=True)
            most, back = np.zeros(mine, dtype=np.int64), np.zeros(other, dtype=np.int64)
            np.maximum.at(most, pairs // other, counts)
            np.maximum.at(back, pairs % other, counts)
            self._targets = np.bincount(pairs // other, minlength=mine)
            self._sources = np.bincount(pairs % other, minlength=other)
        self._follows = float(most.sum() / pixels), float(back.sum() / pixels)

    def _merges(self, after: np.ndarray, sources: np.ndarray) -> bool:
        """Whether colours (P,) are the other picture's, some of them merged; `sources`: of each, from how many."""
        touched = self._moved
        if not touched.any():
            return False
        colour = after[touched]
        if np.count_nonzero(sources[colour] == 1) > _ALONE * len(colour):
            return False
        off = self._off()[touched]
        count = np.bincount(colour)[:, None]
        summed = np.stack([np.bincount(colour, weights=off[:, channel]) for channel in range(3)], axis=1)
        shared = (np.square(summed) / np.maximum(count, 1)).sum()
        return bool(shared < _OFF_CENTRE**2 * np.square(off).sum())


def same_drawing(first: np.ndarray, second: np.ndarray, both: np.ndarray) -> bool:
    """Whether what changed between two pictures is colours only: light and dark parts and outlines lie where they lay.

    first, second: (h, w, 4) float32, 0 to 255, colours multiplied by opacity. both: (h, w) bool, the pixels to go by.
    Looks at neighbouring pixels of which one changed at least: a redrawn part has its steps elsewhere.
    """
    touched = both & (furthest(np.abs(first - second)) > TOUCHED)
    mine, other = _steps(first, second, both, touched)
    if not len(mine):
        return True
    brightness = _cosine(mine[:, :3] @ _LUMA, other[:, :3] @ _LUMA)
    colour = _cosine(np.abs(mine).max(axis=1), np.abs(other).max(axis=1))
    return brightness > _STEPS_OF_BRIGHTNESS and colour > _STEPS_OF_COLOUR


def steps_alike(first: np.ndarray, second: np.ndarray, both: np.ndarray) -> float:
    """How well the sizes of the steps from pixel to pixel correlate, -1 to 1, whichever way they lead.

    1 where one picture has none. Arguments as of `same_drawing`.
    """
    mine, other = (np.abs(steps).max(axis=1) for steps in _steps(first, second, both, both))
    if not len(mine):
        return 1.0
    return _cosine(mine - mine.mean(), other - other.mean())


def _steps(first: np.ndarray, second: np.ndarray, both: np.ndarray, touched: np.ndarray) -> tuple[np.ndarray, ...]:
    """(S, 4) differences of neighbours in each picture, where both pixels are in `both` and one of them is touched."""
    everywhere, later, earlier = slice(None), slice(1, None), slice(None, -1)
    found = []
    for here, there in (((later,), (earlier,)), ((everywhere, later), (everywhere, earlier))):
        wanted = both[here] & both[there] & (touched[here] | touched[there])
        found.append([(picture[here] - picture[there])[wanted] for picture in (first, second)])
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _coded(pixels: np.ndarray) -> np.ndarray:
    """(P,) int64: which colour each of (P, 4) pixels has, numbered from 0."""
    return np.unique(named(pixels[:, :3]), return_inverse=True)[1]


def _renumbered(colours: np.ndarray) -> tuple[np.ndarray, int]:
    """(P,) colour numbers without gaps, in the same order, and how many there are."""
    there = np.bincount(colours) > 0
    count = int(np.count_nonzero(there))
    return (colours if count == len(there) else (np.cumsum(there) - 1)[colours]), count


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    """Cosine of the angle between two vectors; 1 where one of them is nothing."""
    power = float((x * x).sum() * (y * y).sum())
    return float((x * y).sum()) / power**0.5 if power > 0 else 1.0


def _together(colour: np.ndarray, colours: int, moved: np.ndarray) -> float:
    """Of the other pixels of a changed pixel's colour, the share that changed too, on average.

    colour: (P,) which of `colours` colours each pixel has. moved: (P,) which pixels changed. 0 where most changed
    pixels are the only ones of their colour, which says nothing.
    """
    here = colour[moved]
    total, changed = np.bincount(colour, minlength=colours), np.bincount(here, minlength=colours)
    telling = (total > 1)[here]
    if np.count_nonzero(telling) < 0.5 * len(telling):
        return 0.0
    share = (changed - 1) / np.maximum(total - 1, 1)
    return float(share[here[telling]].mean())


def colour_shift(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square difference of the mean colours of 4 x 4 cells, 0 to 1: what survives resampling and compression.

    Only pixels well inside both pictures count: at the rim, colours mix with what was behind.
    """
    inside = ((first[..., 3] > 200) & (second[..., 3] > 200)).astype(np.uint8)
    core = cv2.erode(inside, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if cv2.countNonZero(core) < 20:
        core = inside
    mask = core.astype(np.float32)[..., None]
    layers = np.concatenate([(first[..., :3] - second[..., :3]) * mask / 255, mask], axis=2)
    cells = cv2.resize(layers, (4, 4), interpolation=cv2.INTER_AREA)
    weight = cells[..., 3]
    if not weight.any():
        return 0.0
    off = np.square(cells[..., :3] / np.maximum(weight, 1e-6)[..., None]).mean(axis=2)
    return float(np.sqrt((off * weight).sum() / weight.sum()))

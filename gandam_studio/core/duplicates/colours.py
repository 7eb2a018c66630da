"""Whether colours were exchanged: judged on the pixels of two pictures that lie on each other."""

from __future__ import annotations

import cv2
import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

# The share of a colour that changes where it was exchanged: redrawn parts leave most of it elsewhere alone. The less is
# asked the better colours follow from colours.
_ALTOGETHER, _MOSTLY = 0.7, 0.4
_TOUCHED = 8  # levels of 255: a colour that was meant to change, or that an encoder spoiled
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


def weighted(rgba: np.ndarray) -> np.ndarray:
    """(h, w, 4) float32, 0 to 255, colours multiplied by opacity."""
    made = rgba.astype(np.float32)
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
    return Colours(first[both].astype(np.float32), second[both].astype(np.float32)).map()


class Colours:
    """The colours of two pictures of one silhouette: (P, 4) float32 pixels at the same places, 0 to 255."""

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        self._off = second[:, :3] - first[:, :3]
        self._moved = np.abs(second - first).max(axis=1) > _TOUCHED
        self._index, self._target = _coded(first), _coded(second)
        self._follows = _followers(self._index, self._target)

    def map(self) -> bool:
        """Whether colours follow from colours, both ways.

        Few colours, and nearly every pixel of a colour becomes the same other colour: a palette was exchanged. Colours
        may merge one way; where a few split too, those that change must change nearly wherever they occur: a redrawn
        part uses colours that elsewhere stayed.
        """
        count, mine, other = len(self._moved), int(self._index.max()) + 1, int(self._target.max()) + 1
        if min(mine, other) > max(4, count // 6) or mine * other > 1 << 22 or self._moved.mean() <= 0.02:
            return False
        worse, better = sorted(self._follows)
        together = min(_together(self._index, self._moved), _together(self._target, self._moved))
        return together >= (_MOSTLY if worse >= 0.95 and better >= 0.97 else _ALTOGETHER) and worse >= 0.8

    def new(self) -> bool:
        """Whether the colours of one drawing were chosen anew, rather than spoiled by an encoder."""
        return bool(self._moved.mean() > 0.02) and min(self._follows) > _BY_COLOUR

    def reduced(self) -> bool:
        """Whether one picture is the other with similar colours merged into their mean, as for a palette file."""
        there, back = self._follows
        return (there > 0.99 and self._merges(self._index, self._target)) or (
            back > 0.99 and self._merges(self._target, self._index)
        )

    def _merges(self, before: np.ndarray, after: np.ndarray) -> bool:
        """Whether the colours after are those before, some of them merged."""
        touched = self._moved
        if not touched.any():
            return False
        pairs = np.unique(after * (int(before.max()) + 1) + before)
        sources = np.bincount(pairs // (int(before.max()) + 1))
        if (sources[after[touched]] == 1).mean() > _ALONE:
            return False
        colour, off = after[touched], self._off[touched]
        count = np.bincount(colour)[:, None]
        summed = np.stack([np.bincount(colour, weights=off[:, channel]) for channel in range(3)], axis=1)
        shared = (np.square(summed) / np.maximum(count, 1)).sum()
        return bool(shared < _OFF_CENTRE**2 * np.square(off).sum())


def same_drawing(first: np.ndarray, second: np.ndarray, both: np.ndarray) -> bool:
    """Whether what changed between two pictures is colours only: light and dark parts and outlines lie where they lay.

    first, second: (h, w, 4) float32, 0 to 255, colours multiplied by opacity. both: (h, w) bool, the pixels to go by.
    Looks at neighbouring pixels of which one changed at least: a redrawn part has its steps elsewhere.
    """
    touched = both & (np.abs(first - second).max(axis=2) > _TOUCHED)
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
    return np.unique(np.rint(pixels[:, :3]) @ np.array([1, 256, 65536]), return_inverse=True)[1]


def _followers(index: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """The share of pixels that go where most of their colour goes, from colours (P,) to colours (P,) and back."""
    pairs, counts = np.unique(index * (int(target.max()) + 1) + target, return_counts=True)
    shares = []
    for colour in (pairs // (int(target.max()) + 1), pairs % (int(target.max()) + 1)):
        most = np.zeros(int(colour.max()) + 1, dtype=np.int64)
        np.maximum.at(most, colour, counts)
        shares.append(float(most.sum() / len(index)))
    return shares[0], shares[1]


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    """Cosine of the angle between two vectors; 1 where one of them is nothing."""
    power = float((x * x).sum() * (y * y).sum())
    return float((x * y).sum()) / power**0.5 if power > 0 else 1.0


def _together(colour: np.ndarray, moved: np.ndarray) -> float:
    """Of the other pixels of a changed pixel's colour, the share that changed too, on average.

    colour: (P,) which colour each pixel has. moved: (P,) which pixels changed. 0 where most changed pixels are the
    only ones of their colour, which says nothing.
    """
    total = np.bincount(colour)[colour[moved]]
    changed = np.bincount(colour[moved], minlength=int(colour.max()) + 1)[colour[moved]]
    telling = total > 1
    if telling.mean() < 0.5:
        return 0.0
    return float(((changed[telling] - 1) / (total[telling] - 1)).mean())


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

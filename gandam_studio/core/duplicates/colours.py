"""Detects recolouring, from the pixels of two aligned pictures."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from gandam_studio.core.duplicates import compiled

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

# Least share of a colour's pixels that changes if the colour was replaced; redrawing a part leaves most pixels of the
# colour elsewhere unchanged. The second applies if one colour maps to another almost without exception.
_ALTOGETHER, MOSTLY = 0.7, 0.4
TOUCHED = 8  # levels of 255: a deliberate change of colour, or an encoder's error
# Least correlation of brightness steps and colour steps at changed places for the same drawing. Of 175 real recolours
# without a simple map of colours 174 exceed both; of 5,977 sprites with a redrawn mark, eye or patch 9 do (pokesprite's
# second generation of icons).
_STEPS_OF_BRIGHTNESS, _STEPS_OF_COLOUR = 0.5, 0.8
# Least share of pixels that change to the most frequent new colour of their old one. An encoder changes each pixel
# differently (at most .45 in 1,500 pictures with JPEG, WebP or noise); a recolour maps a colour to one new colour (.64
# in 99 of 100).
_BY_COLOUR = 0.55
# Reducing the palette merges some colours into their mean and keeps the others: almost no changed pixel has a colour of
# its own, and the changes within one colour have little in common. One of 1,252 real recolours is mistaken for it;
# three in four of 500 sprites reduced to 8, 16 or 32 colours are recognised.
_ALONE, _OFF_CENTRE = 0.05, 0.93
_PALETTE = 256  # colours of a palette file
# After a reduction by any program every pixel has the nearest remaining colour (all of 359 sprites in 16 colours, with
# at most .7 of their colours); two of 2,474 real recolours look the same.
NEAREST, FEWER = 1.5, 0.75
_ONE_WAY = 0.6  # largest length of the mean change, relative to the mean length of changes: .48 for 98 of 100 palettes
_ONE_FOR_ONE = 0.995  # share of pixels that change to the most frequent new colour of their old one
# A turned hue keeps the greatest and the least channel of every pixel, a brighter or darker picture all ratios. Nothing
# but rounding remains, at most 2 levels in programs that keep hue and saturation in 8 bits.
_KEPT, _DARKEST = 2.0, 0.02
_TINTED = 3.0  # levels: less is invisible
_ROUNDING = 1e-9  # more than the order of summation changes
_TABLE = 1 << 14  # pairs of colours up to which a full table is faster than sorting the pairs that occur


def weighted(rgba: np.ndarray) -> np.ndarray:
    """Return (h, w, 4) float32 in [0, 255] with premultiplied colours."""
    if compiled.kernels is not None and rgba.flags.writeable:  # the only kind of array that it takes
        whole: np.ndarray = compiled.kernels.weighted(rgba)
        return whole
    made = rgba.astype(np.float32)
    if (rgba[..., 3] < 255).any():
        made[..., :3] *= made[..., 3:] / np.float32(255)
    return made


def palette_exchanged(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two (h, w, 4) uint8 contents have the same silhouette, pixel by pixel, and colours that map one to one.

    Decides where tiles cannot: swapping dark and light is no smooth map, but still a map of colours.
    """
    if first.shape != second.shape:
        return False
    mine, other = first[..., 3] > 64, second[..., 3] > 64
    if not mine.any() or np.count_nonzero(mine != other) > 0.005 * np.count_nonzero(mine):
        return False
    both = mine & other
    return Colours.of(first[both].astype(np.float32), second[both].astype(np.float32)).map()


def tinted(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether one of two pictures is the other with its hue turned or its brightness scaled, the same everywhere.

    Such a change may be small where a picture is nearly grey or black, but no encoder, noise or palette makes it.
    first, second: (h, w, 4) float32 in [0, 255], premultiplied.
    """
    if first.shape != second.shape or not first.size:
        return False
    off = furthest(np.abs(first - second))
    worst = divmod(int(off.argmax()), off.shape[1])  # decides most pairs
    if off[worst] <= _TINTED or not _one_tint(first[worst][None], second[worst][None]):
        return False
    if float(np.abs(first[..., 3] - second[..., 3]).max()) > 1:
        return False
    return _one_tint(first.reshape(-1, 4), second.reshape(-1, 4))


def _one_tint(first: np.ndarray, second: np.ndarray) -> bool:
    """`tinted` for (P, 4) colours."""
    return _hue_turned(first, second) or _scaled_alike(first, second)


def _hue_turned(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether (P, 4) colours have the same greatest and least channels."""
    for extreme in (np.maximum, np.minimum):
        mine, other = (extreme(extreme(x[:, 0], x[:, 1]), x[:, 2]) for x in (first, second))
        if float(np.abs(mine - other).max()) > _KEPT:
            return False
    return True


def _scaled_alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether one of two (P, 4) colours is the other times one factor, or white where that is too bright."""
    if float(first[:, :3].sum()) > float(second[:, :3].sum()):
        first, second = second, first
    darker, lighter, limit = first[:, :3], second[:, :3], second[:, 3:]
    for part in (lighter < limit - _KEPT, lighter <= limit):  # those that were not cut off; all, if none were
        power = float(np.square(darker[part]).sum())
        factor = float((darker[part] * lighter[part]).sum()) / max(1.0, power)
        if factor > 1 + _DARKEST and float(np.abs(np.minimum(factor * darker, limit) - lighter).max()) <= _KEPT:
            return True
    return False


def reduced_to_palette(first: np.ndarray, second: np.ndarray, *, farther: float, share: float = 1.0) -> bool:
    """Whether the second has fewer colours, and each pixel has about the nearest of them to its colour in the first.

    first, second: (P, 3) float32 in [0, 255] at the same places. farther: levels by which the chosen colour may be
    farther away than the nearest. share: largest number of colours of the second, relative to the first.
    """
    if not len(first):
        return False
    off = first - second
    chosen = np.sqrt(np.einsum("ij,ij->i", off, off))
    worst = int(chosen.argmax())  # decides most pairs quickly
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
    """Whether (P, 3) changes of colour mostly cancel out, as with a reduced palette but not with a tint."""
    if not len(off):
        return True
    return bool(np.square(off.mean(axis=0)).sum() <= _ONE_WAY**2 * np.square(off).sum(axis=1).mean())


def named(pixels: np.ndarray) -> np.ndarray:
    """Return (P,) numbers that identify (P, 3) colours in [0, 255]."""
    return np.asarray(np.rint(pixels) @ np.array([1, 256, 65536]))


def numbered(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (K, 3) distinct colours of (P, 3) pixels in [0, 255], and the (P,) index of each pixel's colour."""
    codes = named(pixels)
    _, first, number = np.unique(codes, return_index=True, return_inverse=True)
    return pixels[first], number


def furthest(off: np.ndarray) -> np.ndarray:
    """Return the maximum over the four channels of (..., 4); much faster than `max` along such a short axis."""
    pairs = np.maximum(off[..., ::2], off[..., 1::2])
    return np.asarray(np.maximum(pairs[..., 0], pairs[..., 1]))


def furthest_of_three(off: np.ndarray) -> np.ndarray:
    """Return the maximum over the three channels of (..., 3)."""
    return np.asarray(np.maximum(np.maximum(off[..., 0], off[..., 1]), off[..., 2]))


Tabulated = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float | None]


class Colours:
    """The colours of two pictures with the same silhouette at the same P places."""

    def __init__(
        self,
        index: np.ndarray,
        target: np.ndarray,
        moved: np.ndarray,
        counts: np.ndarray,
        together: float | None,
        off: Callable[[], np.ndarray],
    ) -> None:
        """The arguments, but for `off`, are those that `tabulated` returns.

        off: returns the (P, 3) float32 differences of the colours.
        """
        self._index, self._target, self._moved = index, target, moved
        self._mine, self._other, moves, most, back, self._last, self._first = counts.tolist()
        self.share_moved, self.follows = moves / max(1, len(moved)), (most / len(moved), back / len(moved))
        self._moves = moves
        self._nearly_together, self._off = together, off

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray) -> Colours:
        """Compare (P, 4) float32 pixels in [0, 255]."""
        moved = furthest(np.abs(second - first)) > TOUCHED
        return cls(*tabulated(_coded(first), _coded(second), moved), lambda: second[:, :3] - first[:, :3])

    @property
    def fewer(self) -> bool:
        """Whether one picture has so many fewer colours that the palette may have been reduced."""
        return min(self._mine, self._other) <= FEWER * max(self._mine, self._other)

    def map(self) -> bool:
        """Whether the colours of each picture determine those of the other: the palette was replaced.

        There are few colours, and nearly all pixels of a colour change to the same other colour. Colours may merge in
        one direction. If some split as well, changed colours must change nearly everywhere: a redrawn part uses colours
        that stay unchanged elsewhere.
        """
        count, mine, other = len(self._moved), self._mine, self._other
        if min(mine, other) > max(4, count // 6) or mine * other > 1 << 22 or self.share_moved <= 0.02:
            return False
        worse, better = sorted(self.follows)
        if worse < 0.8:
            return False
        least = MOSTLY if worse >= 0.95 and better >= 0.97 else _ALTOGETHER
        together = self._nearly_together
        if together is None or abs(together - least) < _ROUNDING:
            together = min(
                share_together(self._index, mine, self._moved), share_together(self._target, other, self._moved)
            )
        return together >= least

    def one_for_one(self) -> bool:
        """Whether each of few colours changed to exactly one other, however similar. No encoder does this."""
        return min(self._mine, self._other) <= max(4, len(self._moved) // 6) and min(self.follows) >= _ONE_FOR_ONE

    def new(self) -> bool:
        """Whether the colours were changed deliberately rather than by an encoder."""
        return self.share_moved > 0.02 and min(self.follows) > _BY_COLOUR

    def merged(self) -> bool:
        """Whether several colours of one picture became one colour of the other, as in a reduced palette.

        Then some become lighter and others darker, whereas a tint changes all in the same direction.
        """
        follows = self.follows[1 if self._mine < self._other else 0]
        if not self.fewer or follows <= 0.99:
            return False
        return both_ways(self._off()[self._moved])

    def reduced(self) -> bool:
        """Whether similar colours of one picture are merged into their mean in the other, as in a reduced palette.

        This may also be a recolour that merges colours; `same_drawing` tells them apart.
        """
        there, back = self.follows
        return (there > 0.99 and self._merges(self._target, self._last)) or (
            back > 0.99 and self._merges(self._index, self._first)
        )

    def _merges(self, after: np.ndarray, alone: int) -> bool:
        """Whether (P,) colours result from merging those of the other picture.

        alone: the number of moved pixels whose colour comes from one colour only.
        """
        if not self._moves or alone > _ALONE * self._moves:
            return False
        touched = self._moved
        return are_means(after[touched], self._off()[touched])


def are_means(colour: np.ndarray, off: np.ndarray) -> bool:
    """Whether each of (P,) colour numbers is about the mean of what became it: the (P, 3) changes cancel out."""
    count = np.bincount(colour)[:, None]
    summed = np.stack([np.bincount(colour, weights=off[:, channel]) for channel in range(3)], axis=1)
    shared = (np.square(summed) / np.maximum(count, 1)).sum()
    return bool(shared < _OFF_CENTRE**2 * np.square(off).sum())


def tabulated(index: np.ndarray, target: np.ndarray, moved: np.ndarray) -> Tabulated:
    """Count which colours change to which; see `pixels_numba.tabulated`, which returns the same, and `share_together`.

    index, target: (P,) int, the number of each pixel's colour in the first and second picture. moved: (P,) bool, the
    pixels that differ by more than an encoder's error.
    """
    (index, mine), (target, other), pixels = _renumbered(index), _renumbered(target), len(index)
    names = index * np.int64(other) + target
    if mine * other <= max(_TABLE, 2 * pixels):
        table = np.bincount(names, minlength=mine * other).reshape(mine, other)
        most, back = table.max(axis=1), table.max(axis=0)
        targets, sources = (table > 0).sum(axis=1), (table > 0).sum(axis=0)
    else:
        pairs, counts = np.unique(names, return_counts=True)
        most, back = np.zeros(mine, dtype=np.int64), np.zeros(other, dtype=np.int64)
        np.maximum.at(most, pairs // other, counts)
        np.maximum.at(back, pairs % other, counts)
        targets = np.bincount(pairs // other, minlength=mine)
        sources = np.bincount(pairs % other, minlength=other)
    alone = [int(np.count_nonzero(there[after[moved]] == 1)) for there, after in ((sources, target), (targets, index))]
    counted = [mine, other, int(np.count_nonzero(moved)), int(most.sum()), int(back.sum()), *alone]
    return index, target, moved, np.array(counted, dtype=np.int64), None


def same_drawing(first: np.ndarray, second: np.ndarray, both: np.ndarray) -> bool:
    """Whether only colours changed between two pictures: light and dark parts and outlines are in the same places.

    first, second: (h, w, 4) float32 in [0, 255], premultiplied. both: (h, w) bool, the pixels to compare. Compares the
    steps between neighbouring pixels of which at least one changed; a redrawn part has steps in other places.
    """
    touched = both & (furthest(np.abs(first - second)) > TOUCHED)
    if compiled.kernels is not None:
        mine, other, sizes, other_sizes = compiled.kernels.steps(first, second, both, touched)
    else:
        mine, other = _steps(first, second, both, touched)
        sizes, other_sizes = (furthest(np.abs(steps)) for steps in (mine, other))
    if not len(mine):
        return True
    brightness = _cosine(mine[:, :3] @ _LUMA, other[:, :3] @ _LUMA)
    colour = _cosine(sizes, other_sizes)
    return brightness > _STEPS_OF_BRIGHTNESS and colour > _STEPS_OF_COLOUR


def steps_alike(first: np.ndarray, second: np.ndarray, both: np.ndarray) -> float:
    """Return the correlation, in [-1, 1], of the sizes of steps between pixels, regardless of their sign.

    1 if there are none. Arguments as for `same_drawing`.
    """
    if compiled.kernels is not None:
        _, _, mine, other = compiled.kernels.steps(first, second, both, both)
    else:
        mine, other = (furthest(np.abs(steps)) for steps in _steps(first, second, both, both))
    if not len(mine):
        return 1.0
    return _cosine(mine - mine.mean(), other - other.mean())


def _steps(first: np.ndarray, second: np.ndarray, both: np.ndarray, touched: np.ndarray) -> tuple[np.ndarray, ...]:
    """(S, 4) differences of neighbours in each picture, where both are in `both` and at least one is in `touched`."""
    everywhere, later, earlier = slice(None), slice(1, None), slice(None, -1)
    found = []
    for here, there in (((later,), (earlier,)), ((everywhere, later), (everywhere, earlier))):
        wanted = both[here] & both[there] & (touched[here] | touched[there])
        found.append([(picture[here] - picture[there])[wanted] for picture in (first, second)])
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _coded(pixels: np.ndarray) -> np.ndarray:
    """(P,) int64: the number of each pixel's colour, from 0; pixels are (P, 4)."""
    return np.unique(named(pixels[:, :3]), return_inverse=True)[1]


def _renumbered(colours: np.ndarray) -> tuple[np.ndarray, int]:
    """(P,) colour numbers without gaps, in the same order, and their count."""
    there = np.bincount(colours) > 0
    count = int(np.count_nonzero(there))
    return (colours if count == len(there) else (np.cumsum(there) - 1)[colours]), count


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    """Cosine of the angle between two vectors; 1 if one of them is zero."""
    power = float((x * x).sum() * (y * y).sum())
    return float((x * y).sum()) / power**0.5 if power > 0 else 1.0


def share_together(colour: np.ndarray, colours: int, moved: np.ndarray) -> float:
    """For changed pixels, the mean share of the other pixels of the same colour that changed too.

    colour: (P,) number of each pixel's colour, below `colours`. moved: (P,) bool, the changed pixels. 0 if most changed
    pixels are the only ones of their colour, which tells nothing.
    """
    here = colour[moved]
    total, changed = np.bincount(colour, minlength=colours), np.bincount(here, minlength=colours)
    telling = (total > 1)[here]
    if np.count_nonzero(telling) < 0.5 * len(telling):
        return 0.0
    share = (changed - 1) / np.maximum(total - 1, 1)
    return float(share[here[telling]].mean())


def colour_shift(first: np.ndarray, second: np.ndarray) -> float:
    """Return the root mean square difference, in [0, 1], of the mean colours of 4 x 4 cells.

    These means survive resampling and compression. Only pixels inside both sprites count, since colours mix with the
    background at the edges.
    """
    inside = ((first[..., 3] > 200) & (second[..., 3] > 200)).astype(np.uint8)
    core = cv2.erode(inside, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    if cv2.countNonZero(core) < 20:
        core = inside
    if compiled.kernels is not None:
        layers = compiled.kernels.layers(first, second, core)
    else:
        mask = core.astype(np.float32)[..., None]
        layers = np.concatenate([(first[..., :3] - second[..., :3]) * mask / 255, mask], axis=2)
    cells = cv2.resize(layers, (4, 4), interpolation=cv2.INTER_AREA)
    weight = cells[..., 3]
    if not weight.any():
        return 0.0
    off = np.square(cells[..., :3] / np.maximum(weight, 1e-6)[..., None]).mean(axis=2)
    return float(np.sqrt((off * weight).sum() / weight.sum()))

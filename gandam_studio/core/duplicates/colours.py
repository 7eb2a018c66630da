"""Whether colours were exchanged: judged on the pixels of two pictures that lie on each other."""

from __future__ import annotations

import cv2
import numpy as np

# The share of a colour that changes where it was exchanged: redrawn parts leave most of it elsewhere alone. The less is
# asked the better colours follow from colours.
_ALTOGETHER, _MOSTLY = 0.7, 0.4


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
    return is_colour_map(first[both].astype(np.float32), second[both].astype(np.float32))


def is_colour_map(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether colours follow from colours, both ways: (P, 4) pixels at the same places.

    Few colours, and nearly every pixel of a colour becomes the same other colour: a palette was exchanged. Colours may
    merge one way; where a few split too, those that change must change nearly wherever they occur: a redrawn part uses
    colours that elsewhere stayed.
    """
    code = np.array([1, 256, 65536])
    mine, index = np.unique(np.rint(first[:, :3]) @ code, return_inverse=True)
    other, target = np.unique(np.rint(second[:, :3]) @ code, return_inverse=True)
    if min(len(mine), len(other)) > max(4, len(first) // 6) or len(mine) * len(other) > 1 << 22:
        return False
    counts = np.zeros((len(mine), len(other)), dtype=np.int64)
    np.add.at(counts, (index, target), 1)
    follows = sorted((int(counts.max(axis=1).sum()), int(counts.max(axis=0).sum())))
    moved = np.abs(first - second).max(axis=1) > 8
    if moved.mean() <= 0.02:
        return False
    strict = follows[0] >= 0.95 * len(first) and follows[1] >= 0.97 * len(first)
    together = min(_together(index, moved), _together(target, moved))
    return together >= (_MOSTLY if strict else _ALTOGETHER) and follows[0] >= 0.8 * len(first)


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

"""The collection: which sprite has which index, with originals and copies as found in real folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gandam_studio.samples.mechas.biped import BUILDS, draw_biped, draw_walker
from gandam_studio.samples.mechas.dice import Dice
from gandam_studio.samples.mechas.forms import PRIMARY, SECONDARY
from gandam_studio.samples.mechas.palettes import paint
from gandam_studio.samples.mechas.scene import HEIGHT, SIZE, WIDTH, Scene
from gandam_studio.samples.mechas.vehicles import draw_crawler, draw_plane, draw_tank, draw_truck

__all__ = ["SIZE", "SpriteTruth", "kind_of", "render", "sprite", "truth", "truths"]

# Weights in percent.
KINDS = (("hero", 20), ("soldier", 19), ("heavy", 12), ("scout", 12), ("knight", 11), ("brute", 6), ("walker", 8),
         ("tank", 4), ("plane", 4), ("crawler", 3), ("truck", 1))  # fmt: skip
NOT_BIPEDAL = frozenset({"tank", "plane", "crawler", "truck"})
RELATIONS = (("original", 77), ("mirrored", 5), ("recoloured", 6), ("exact", 3), ("re-encoded", 3), ("resized", 3),
             ("cropped", 2), ("near", 1))  # fmt: skip
WRONG_FACING = 16  # percent of originals that face right


@dataclass(frozen=True, slots=True)
class SpriteTruth:
    """Ground truth about a sprite of the collection.

    Attributes:
        index: its index in the collection.
        file: its file name.
        facing: "left" or "right", as shown.
        bipedal: whether it walks on two legs.
        kind: class of machine, such as "hero", "walker", "tank".
        family: name shared by an original and all its copies.
        relation: "original", or how it was made from `original`: "exact" (same bytes), "re-encoded" (colours cut to
            5-6-5 bits), "mirrored", "recoloured", "resized" (doubled), "cropped" (to its content), "near" (other
            equipment).
        original: file name of the original; for an original, its own.
    """

    index: int
    file: str
    facing: str
    bipedal: bool
    kind: str
    family: str
    relation: str
    original: str


def _weighted(options: tuple[tuple[str, int], ...], throw: int) -> str:
    for name, weight in options:
        throw -= weight
        if throw < 0:
            return name
    raise AssertionError("weights must add up to 100")


def file_name(index: int) -> str:
    """The file name of a sprite."""
    return f"mecha-{index:06d}.png"


def _relation(seed: int, index: int) -> str:
    return "original" if index == 0 else _weighted(RELATIONS, Dice(seed, index, 1).below(100))


def _original(seed: int, index: int) -> int:
    """The index of the original that `index` was made from: one shortly before it."""
    if _relation(seed, index) == "original":
        return index
    source = index - 1 - Dice(seed, index, 2).below(min(60, index))
    while _relation(seed, source) != "original":
        source -= 1
    return source


def kind_of(seed: int, index: int) -> str:
    """The class of machine of an original."""
    return _weighted(KINDS, Dice(seed, index, 3).below(100))


def _faces_right(seed: int, index: int) -> bool:
    return Dice(seed, index, 4).chance(WRONG_FACING)


def truth(seed: int, index: int) -> SpriteTruth:
    """The ground truth about `sprite(seed, index)`, without drawing it."""
    relation, source = _relation(seed, index), _original(seed, index)
    kind = kind_of(seed, source)
    right = _faces_right(seed, source) != (relation == "mirrored")
    return SpriteTruth(
        index=index,
        file=file_name(index),
        facing="right" if right else "left",
        bipedal=kind not in NOT_BIPEDAL,
        kind=kind,
        family=f"{kind}-{source:06d}",
        relation=relation,
        original=file_name(source),
    )


def truths(seed: int, count: int) -> Iterator[SpriteTruth]:
    """Yield the ground truth about the first `count` sprites."""
    return (truth(seed, index) for index in range(count))


@lru_cache(maxsize=16)
def _pattern(number: int) -> NDArray[np.bool_]:
    """Camouflage blotches, bool (70, 96): bilinear noise on a lattice of 8 pixels, with a threshold near its middle."""
    dice = Dice(number, 77)
    lattice = np.array([[dice.below(256) for _ in range(WIDTH // 8 + 2)] for _ in range(HEIGHT // 8 + 2)], np.int64)
    row, y = np.divmod(np.arange(HEIGHT), 8)
    column, x = np.divmod(np.arange(WIDTH), 8)
    rows = lattice[row] * (8 - y)[:, None] + lattice[row + 1] * y[:, None]
    noise = rows[:, column] * (8 - x) + rows[:, column + 1] * x
    return np.asarray(noise > 64 * 140)


def render(seed: int, index: int, *, coat: int = 0, gear: int = 0) -> NDArray[np.uint8]:
    """Draw an original as RGBA uint8 (64, 64, 4), optionally with another coat of paint or other equipment."""
    kind, body, equipment = kind_of(seed, index), Dice(seed, index, 5), Dice(seed, index, 6, gear)
    scene = Scene(_faces_right(seed, index))
    if kind in BUILDS:
        draw_biped(scene, body, kind, equipment)
    else:
        draw = {"walker": draw_walker, "tank": draw_tank, "plane": draw_plane, "crawler": draw_crawler}
        draw.get(kind, draw_truck)(scene, body, equipment)
    camouflage = Dice(seed, index, 7)
    if camouflage.chance(10):
        scene.camouflage(_pattern(camouflage.below(16)), PRIMARY, SECONDARY)
    return scene.picture(paint(seed, index, coat))


def sprite(seed: int, index: int) -> NDArray[np.uint8]:
    """Draw a sprite of the collection as RGBA uint8 (H, W, 4), 64 x 64 unless it is a resized or cropped copy.

    Fully transparent pixels are (0, 0, 0, 0); alpha is 0 or 255.
    """
    relation, source = _relation(seed, index), _original(seed, index)
    if relation == "recoloured":
        return render(seed, source, coat=1 + Dice(seed, index, 8).below(30))
    picture = render(seed, source)
    if relation == "near":
        return _regeared(picture, seed, source, index)
    if relation == "mirrored":
        return np.ascontiguousarray(picture[:, ::-1])
    if relation == "resized":
        return picture.repeat(2, axis=0).repeat(2, axis=1)
    if relation == "re-encoded":
        return _five_six_five(picture)
    if relation == "cropped":
        return _cropped(picture)
    return picture


def _regeared(picture: NDArray[np.uint8], seed: int, source: int, index: int) -> NDArray[np.uint8]:
    """The same machine with other equipment; some kinds carry little, so several attempts may be needed."""
    for attempt in range(50):
        other = render(seed, source, gear=50 * index + attempt + 1)
        if (other != picture).any():
            return other
    raise AssertionError(f"sprite {source} of collection {seed} has no other gear")


def _five_six_five(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reduce colours to 5, 6 and 5 bits, scaled back to 0 to 255."""
    wide = picture.astype(np.uint16)
    red, green, blue = wide[..., 0] >> 3, wide[..., 1] >> 2, wide[..., 2] >> 3
    channels = [(red << 3) | (red >> 2), (green << 2) | (green >> 4), (blue << 3) | (blue >> 2), wide[..., 3]]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _cropped(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crop the transparent margins."""
    shown = picture[..., 3] > 0
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    return np.ascontiguousarray(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])

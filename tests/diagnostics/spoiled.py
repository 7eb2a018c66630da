"""Sprites spoiled in known ways and strengths: a person sees at once which of two sets is better."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from known_sprites import blurred
from PIL import Image

from trainer.diagnostics.likeness import Array

Random = np.random.Generator
NEARLY_WHITE = 238


def inside(pictures: Array) -> np.ndarray:
    """Where pictures (N, H, W, 3) are not background: bool (N, H, W, 1)."""
    return (pictures < NEARLY_WHITE).any(-1, keepdims=True)


def noisy(pictures: Array, strength: float, random: Random) -> Array:
    """Noise of `strength` levels everywhere."""
    return np.clip(pictures + random.normal(0, strength, pictures.shape), 0, 255).astype(np.uint8)


def grainy(pictures: Array, strength: float, random: Random) -> Array:
    """Noise inside the figures alone."""
    return np.where(inside(pictures), noisy(pictures, strength, random), pictures)


def streaked(pictures: Array, strength: float, random: Random, axis: int) -> Array:
    """Stripes inside the figures: horizontal ones along axis 2, vertical ones along axis 1."""
    shape = list(pictures.shape)
    shape[axis] = 1
    striped = np.clip(pictures + random.normal(0, strength, shape), 0, 255)
    return np.where(inside(pictures), striped, pictures).astype(np.uint8)


def compressed(pictures: Array, quality: int) -> Array:
    """Written as JPEG and read again."""
    found = []
    for picture in pictures:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(stream)))
    return np.stack(found)


def shuffled(pictures: Array, side: int, random: Random, share: float = 1.0) -> Array:
    """A share of the pictures cut into pieces of `side` pixels that change places."""
    found, parts = pictures.copy(), pictures.shape[1] // side
    for picture in found:
        if random.random() >= share:
            continue
        pieces = picture.reshape(parts, side, parts, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
        pieces = pieces[random.permutation(len(pieces))]
        picture[:] = pieces.reshape(parts, parts, side, side, 3).swapaxes(1, 2).reshape(picture.shape)
    return found


def mosaics(pictures: Array, side: int, random: Random) -> Array:
    """Pieces of `side` pixels of different pictures, each at its place."""
    found = pictures.copy()
    for top in range(0, pictures.shape[1], side):
        for left in range(0, pictures.shape[2], side):
            piece = np.s_[top : top + side, left : left + side]
            found[:, piece[0], piece[1]] = pictures[random.permutation(len(pictures)), piece[0], piece[1]]
    return found


def repainted(pictures: Array, share: float, random: Random) -> Array:
    """The colours of a share of the figures replaced by others at random, alike where they were alike."""
    found = pictures.copy()
    for picture in found:
        if random.random() >= share:
            continue
        number = (picture // 64 * np.array([16, 4, 1])).sum(-1)
        seen = inside(picture)[..., 0]
        picture[seen] = random.integers(0, 230, (64, 3))[number[seen]]
    return found


def repeated(pictures: Array, count: int, random: Random) -> Array:
    """`count` of the pictures, over and over: half collapsed."""
    rows = random.permutation(len(pictures))[:count]
    return pictures[rows[np.arange(len(pictures)) % count]]


def mixed(pictures: Array, share: float, random: Random) -> Array:
    """Each picture averaged with another one, whose part is `share` (mixup)."""
    others = pictures[random.permutation(len(pictures))]
    return np.round((1 - share) * pictures + share * others).astype(np.uint8)


def faded(pictures: Array, saturation: float) -> Array:
    """Less colourful: grey at 0."""
    grey = pictures.mean(-1, keepdims=True)
    return np.round(grey + (pictures - grey) * saturation).astype(np.uint8)


def ladders(pictures: Array, seed: int = 5) -> Iterator[tuple[str, list[Array]]]:
    """Each way of spoiling `pictures` (N, side, side, 3), of at least 32 px, and its steps, from untouched to worst."""
    large = pictures.shape[1] // 32

    def random() -> Random:
        return np.random.default_rng(seed)  # The same noise at every strength.

    yield "blur", [pictures, *(blurred(pictures, side) for side in (3, 5, 7))]
    yield "noise", [pictures, *(noisy(pictures, strength, random()) for strength in (16, 32, 64))]
    yield "grain", [pictures, *(grainy(pictures, strength, random()) for strength in (24, 48, 96))]
    for name, axis in (("horizontal streaks", 2), ("vertical streaks", 1)):
        yield name, [pictures, *(streaked(pictures, strength, random(), axis) for strength in (24, 48, 96))]
    yield "JPEG", [pictures, *(compressed(pictures, quality) for quality in (60, 25, 8))]
    yield "shuffled, share", [pictures, *(shuffled(pictures, 8 * large, random(), share) for share in (0.25, 0.5, 1))]
    yield "shuffled, pieces", [pictures, *(shuffled(pictures, side * large, random()) for side in (16, 8, 4))]
    yield "mosaics", [pictures, *(mosaics(pictures, side * large, random()) for side in (16, 8, 4))]
    yield "other colours", [pictures, *(repainted(pictures, share, random()) for share in (0.25, 0.5, 1))]
    yield "few repeated", [pictures, *(repeated(pictures, count, random()) for count in (32, 8, 2))]
    yield "mixed", [pictures, *(mixed(pictures, share, random()) for share in (0.15, 0.3, 0.5))]
    yield "faded", [pictures, *(faded(pictures, saturation) for saturation in (0.6, 0.3, 0))]

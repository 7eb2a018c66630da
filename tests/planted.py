"""Drawn walkers with known facing, in kinds that have nothing else in common."""

from __future__ import annotations

import numpy as np


def walker(kind: int, number: int) -> np.ndarray:
    """A (40, 40, 4) figure that faces left: kinds differ in build, numbers in colour and pose."""
    rng = np.random.default_rng(1000 * kind + number)
    base = np.random.default_rng(kind)
    picture = np.zeros((40, 40, 4), np.uint8)

    def part(x: int, y: int, w: int, h: int, colour: np.ndarray) -> None:
        x, y = x + int(rng.integers(-1, 2)), y + int(rng.integers(-1, 2))
        picture[max(0, y) : y + h, max(0, x) : x + w] = (*colour, 255)

    tone = rng.integers(60, 160, 3)
    width, height = int(base.integers(10, 18)), int(base.integers(12, 20))
    part(12, 10, width, height, tone)  # body
    part(
        int(base.integers(4, 9)), int(base.integers(5, 12)), int(base.integers(8, 12)), 8, tone // 2
    )  # head, to the left
    part(12 + width - 3, int(base.integers(12, 24)), int(base.integers(6, 11)), 4, tone + 60)  # tail
    for leg in range(int(base.integers(1, 4))):
        part(13 + 5 * leg, 10 + height, 3, int(base.integers(5, 9)), tone // 3)
    return picture


def planted(kinds: int = 4, each: int = 12, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Walkers of some kinds, each mirrored at random; +1 for those facing left."""
    truth = np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), kinds * each)
    pictures = [walker(kind, number) for kind in range(kinds) for number in range(each)]
    mirrored = [
        one if side > 0 else np.ascontiguousarray(one[:, ::-1]) for one, side in zip(pictures, truth, strict=True)
    ]
    return mirrored, truth

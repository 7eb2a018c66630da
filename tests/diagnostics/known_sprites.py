"""Procedural sprites with known relations, for which the right answers are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from trainer.diagnostics.diagnose import Diagnostics, Findings
from trainer.diagnostics.likeness import Array, RealPictures
from trainer.diagnostics.variety import box_blur


@cache
def _sprites(count: int, seed: int) -> Array:
    """Symmetric creatures of random blocks on white, all different: uint8 (count, 32, 32, 3)."""
    random = np.random.default_rng(seed)
    pictures = np.full((count, 32, 32, 3), 255, np.uint8)
    for picture in pictures:
        palette = random.integers(0, 230, (4, 3))
        half = random.integers(-2, 4, (12, 6))
        body = np.concatenate([half, half[:, ::-1]], 1)
        body[:, 9:] = random.integers(-2, 4, (12, 3))  # One arm holds something.
        big = np.kron(body, np.ones((2, 2), int))
        top, left = random.integers(2, 7, 2)
        seen = big >= 0
        region = picture[top : top + 24, left : left + 24]
        region[seen] = palette[big[seen]]
    return pictures


def jittered(pictures: Array, random: np.random.Generator) -> Array:
    """Shifted by up to a pixel, slightly recoloured, with noise."""
    if not len(pictures):
        return pictures
    moved = np.stack([np.roll(p, tuple(random.integers(-1, 2, 2)), (0, 1)) for p in pictures])
    noise = random.normal(0, 8, (len(moved), 1, 1, 3)) + random.normal(0, 4, moved.shape)
    return np.clip(moved + noise, 0, 255).astype(np.uint8)


def blurred(pictures: Array, side: int) -> Array:
    """Box-blurred."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    return box_blur(x, side).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


@dataclass
class Known:
    """A data set and unseen pictures, from which samples are made."""

    training: Array
    held_out: Array
    unseen: Array
    diagnostics: Diagnostics
    random: np.random.Generator

    def modes(self, count: int, source: Array, samples: int = 256) -> Array:
        """`samples` jittered copies of `count` pictures of `source`."""
        chosen = self.random.permutation(len(source))[:count]
        return jittered(source[chosen[self.random.integers(0, count, samples)]], self.random)

    def copies(self, samples: int = 256) -> Array:
        """Jittered training pictures."""
        return jittered(self.training[self.random.integers(0, len(self.training), samples)], self.random)

    def fresh(self, samples: int = 256) -> Array:
        """Pictures that are no copies of any."""
        return self.unseen[self.random.permutation(len(self.unseen))[:samples]]

    def look(self, samples: Array) -> Findings:
        """Diagnose."""
        return self.diagnostics.look(samples)


def known(seed: int, training: int = 100, held_out: int = 20) -> Known:
    """A data set of different sprites and 400 more."""
    order = np.random.default_rng(seed).permutation(training + held_out + 400)
    pictures = _sprites(training + held_out + 400, 7)[order]
    parts = pictures[:training], pictures[training : training + held_out], pictures[training + held_out :]
    real = RealPictures(parts[0], np.arange(training)), RealPictures(parts[1], np.arange(training, training + held_out))
    return Known(*parts, Diagnostics(*real, 256, seed), np.random.default_rng(seed + 1000))

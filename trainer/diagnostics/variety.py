"""How many different pictures a generator draws, from one set of samples, beside the same figures of real pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from trainer.diagnostics.intervals import Z95, wilson
from trainer.diagnostics.likeness import among

BLURS = (1, 3, 5, 7)
"""Sides of the box blurs that real pictures are compared under, in pixels of 32 x 32."""


@dataclass(frozen=True)
class Variety:
    """Variety of m pictures.

    Attributes:
        samples: m.
        pairs: C, the pairs that look alike.
        n2: the effective number of different pictures, 1 / sum of squared probabilities (Arora & Zhang 2018), which is
            not the size of the support. None without a pair that looks alike; `low` is its lower bound then.
        low, high: its 95 % interval, by the jackknife over pictures; `high` is infinite without a pair.
        distinct: D, the number of groups among the m pictures.
        chao1: an estimate from below of the number of different pictures in all (Chao 1984).
        top: rows of the largest group, its head first. top_share, top_low, top_high: its share, Wilson's 95 % interval.
    """

    samples: int
    pairs: int
    n2: float | None
    low: float
    high: float
    distinct: int
    chao1: float
    top: tuple[int, ...]
    top_share: float
    top_low: float
    top_high: float


def variety(pictures: torch.Tensor, tau: float) -> Variety:
    """Measure pictures (m, 3, 32, 32) on white, m >= 3, where distances below `tau` look alike."""
    return variety_of(among(pictures) < tau)


def variety_of(alike: torch.Tensor) -> Variety:
    """Variety from a symmetric (m, m) bool matrix of look-alikes."""
    m = len(alike)
    degree = alike.sum(1).double().numpy()
    pairs = int(degree.sum()) // 2
    groups = _groups(alike.numpy())
    sizes = np.array([len(group) for group in groups])
    single, double = int((sizes == 1).sum()), int((sizes == 2).sum())
    chao1 = len(groups) + single * (single - 1) / (2 * (double + 1))
    top = max(groups, key=len)
    low_share, high_share = wilson(len(top), m)
    n2, low, high = _n2(degree, pairs, m)
    return Variety(
        m, pairs, n2, low, high, len(groups), chao1, tuple(int(row) for row in top), len(top) / m, low_share, high_share
    )


def _n2(degree: np.ndarray, pairs: int, m: int) -> tuple[float | None, float, float]:
    """(estimate, lower end, upper end) of 1 / P(two samples look alike)."""
    all_pairs = m * (m - 1) / 2
    if pairs == 0:
        return None, all_pairs / 3, math.inf  # The rule of three.
    share = pairs / all_pairs
    without = (pairs - degree) / ((m - 1) * (m - 2) / 2)
    error = math.sqrt((m - 1) / m * float(((without - without.mean()) ** 2).sum()))
    spread = max(error / share, 1 / math.sqrt(pairs))
    return 1 / share, math.exp(-Z95 * spread) / share, math.exp(Z95 * spread) / share


def _groups(alike: np.ndarray) -> list[np.ndarray]:
    """Greedy groups: the picture with the most look-alikes left and these, then the next."""
    left = np.ones(len(alike), dtype=bool)
    degree = alike.sum(1).astype(np.int64)
    groups = []
    while left.any():
        head = int(np.argmax(np.where(left, degree, -1)))
        members = np.flatnonzero(alike[head] & left)
        members = np.concatenate([[head], members[members != head]])
        left[members] = False
        degree -= alike[:, members].sum(1)
        groups.append(members)
    return groups


def sharpness(pictures: torch.Tensor) -> float:
    """The median over pictures (N, 3, 32, 32) of mean |x - blur3(x)| of their grey values."""
    grey = pictures.mean(1, keepdim=True)
    return float((grey - box_blur(grey, 3)).abs().mean((1, 2, 3)).median())


def box_blur(pictures: torch.Tensor, side: int) -> torch.Tensor:
    """Average over side x side pixels, `side` odd; the edge's pixels are repeated."""
    if side == 1:
        return pictures
    reach = side // 2
    return functional.avg_pool2d(functional.pad(pictures, (reach,) * 4, mode="replicate"), side, stride=1)


class RealVariety:
    """Variety of the same number of real pictures, blurred until they are as sharp as the samples.

    Attributes:
        sharpness: of the real pictures themselves.
    """

    def __init__(self, pictures: torch.Tensor, tau: float) -> None:
        """`pictures`: distinct real pictures (n, 3, 32, 32), as many as there are samples where there are so many."""
        self._pictures, self._tau = pictures, tau
        self._sharpness = [sharpness(box_blur(pictures, side)) for side in BLURS]
        self._found: dict[int, Variety] = {}
        self.sharpness = self._sharpness[0]

    def at(self, sharp: float) -> Variety:
        """Their variety under the blur that brings them nearest to the sharpness `sharp`."""
        nearest = min(range(len(BLURS)), key=lambda index: abs(self._sharpness[index] - sharp))
        if nearest not in self._found:
            self._found[nearest] = variety(box_blur(self._pictures, BLURS[nearest]), self._tau)
        return self._found[nearest]

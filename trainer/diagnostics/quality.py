"""KID of samples against held-out pictures, beside what training pictures of the same set score."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from trainer.kid import Reference

SUBSETS = 30
LARGEST_SUBSET = 256
LEAST_HELD_OUT = 8
LIKE_REAL = 3.0
"""Below this |z|, samples are "like real ones" in these features."""


@dataclass(frozen=True)
class Quality:
    """KID of samples and its place among real pictures.

    Attributes:
        kid: against the held-out pictures; error: its standard error, by the jackknife over samples.
        floor_mean, floor_sd: of the KID of 30 subsets of the training pictures against the held-out ones.
        z: (kid - floor_mean) / sqrt(floor_sd^2 + error^2).
    """

    kid: float
    error: float
    floor_mean: float
    floor_sd: float
    z: float


class QualityScale:
    """The real pictures' side of `quality`: standardised features and the floor.

    Attributes:
        possible: whether there are at least 8 held-out pictures.
    """

    def __init__(self, training: torch.Tensor, held_out: torch.Tensor, seed: int = 0) -> None:
        """`training` (n_T, d) and `held_out` (n_H, d): features."""
        self.possible = len(held_out) >= LEAST_HELD_OUT and len(training) >= LEAST_HELD_OUT
        if not self.possible:
            return
        reference = Reference.of(training)
        self._mean, self._deviation = reference.mean, reference.deviation
        self._held_out = self._standardised(held_out)
        own = self._standardised(training)
        size = min(LARGEST_SUBSET, 3 * len(own) // 4)
        source = torch.Generator().manual_seed(seed)
        within = _within(self._held_out)
        floor = []
        for _ in range(SUBSETS):
            rows = torch.randperm(len(own), generator=source)[:size]
            floor.append(_kid(own[rows], self._held_out, within)[0])
        values = torch.tensor(floor, dtype=torch.double)
        self.floor_mean, self.floor_sd = float(values.mean()), float(values.std())

    def measure(self, samples: torch.Tensor) -> Quality | None:
        """Quality of features (m, d), m >= 3; None if it is not possible."""
        if not self.possible:
            return None
        kid, error = _kid(self._standardised(samples), self._held_out, _within(self._held_out))
        z = (kid - self.floor_mean) / max(math.hypot(self.floor_sd, error), 1e-12)
        return Quality(kid, error, self.floor_mean, self.floor_sd, z)

    def _standardised(self, features: torch.Tensor) -> torch.Tensor:
        return (features.double() - self._mean) / self._deviation


def _kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _within(y: torch.Tensor) -> float:
    k = _kernel(y, y)
    return float((k.sum() - k.diagonal().sum()) / (len(y) * (len(y) - 1)))


def _kid(x: torch.Tensor, y: torch.Tensor, within_y: float) -> tuple[float, float]:
    """KID (Binkowski et al. 2018) of x (m, d) and y (n, d), and its standard error by the jackknife over x."""
    m = len(x)
    k = _kernel(x, x)
    own = k.sum(1) - k.diagonal()
    cross = _kernel(x, y).mean(1)
    value = own.sum() / (m * (m - 1)) + within_y - 2 * cross.mean()
    without = (own.sum() - 2 * own) / ((m - 1) * (m - 2)) + within_y - 2 * (cross.sum() - cross) / (m - 1)
    error = ((m - 1) / m * ((without - without.mean()) ** 2).sum()).sqrt()
    return float(value), float(error)

"""KID of samples against held-out pictures, beside what training pictures of the same set score, whole or in pieces."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch

from trainer.diagnostics.likeness import Array
from trainer.kid import Reference, kernel, within
from trainer.protocol.diagnosis import QualityFacts
from trainer.protocol.suitability import LEAST_HELD_OUT

SUBSETS = 30
LARGEST_SUBSET = 256
PARTS = 4
"""Jumbled pictures have PARTS x PARTS pieces."""


class RealFeatures(NamedTuple):
    """Features of real pictures in one space: `training` (n_T, d), `held_out` (n_H, d), `jumbled` (n, d) or None."""

    training: torch.Tensor
    held_out: torch.Tensor
    jumbled: torch.Tensor | None = None


def jumbled(pixels: Array, count: int, seed: int = 0) -> Array:
    """`count` pictures, each of 4 x 4 pieces of different pictures of `pixels` (N, H, W, C), at their places.

    They have the colours, edges and outlines of real pictures, and show nothing: what is farther from real pictures
    than these is not good, whatever else it is. H and W must be multiples of 4.
    """
    source = np.random.default_rng(seed)
    out = np.empty((count, *pixels.shape[1:]), pixels.dtype)
    height, width = pixels.shape[1] // PARTS, pixels.shape[2] // PARTS
    for top in range(0, pixels.shape[1], height):
        for left in range(0, pixels.shape[2], width):
            rows = source.integers(0, len(pixels), count)
            piece = slice(top, top + height), slice(left, left + width)
            out[:, piece[0], piece[1]] = pixels[rows, piece[0], piece[1]]
    return out


class QualityScale:
    """The real pictures' side of `quality`: standardised features and the floor.

    Attributes:
        possible: whether there are at least 8 held-out pictures.
    """

    def __init__(self, features: RealFeatures, seed: int = 0, *, one_scale: bool = False) -> None:
        """`one_scale`: features are divided by one deviation for all instead of each by its own."""
        training, held_out = features.training, features.held_out
        self.possible = len(held_out) >= LEAST_HELD_OUT and len(training) >= LEAST_HELD_OUT
        if not self.possible:
            return
        reference = Reference.of(training, one_scale=one_scale)
        self._standardised = reference.standardised
        self._held_out = self._standardised(held_out)
        own = reference.features
        size = min(LARGEST_SUBSET, 3 * len(own) // 4)
        source = torch.Generator().manual_seed(seed)
        self._within = float(within(self._held_out))
        floor = []
        for _ in range(SUBSETS):
            rows = torch.randperm(len(own), generator=source)[:size]
            floor.append(kid_with_error(own[rows], self._held_out, self._within)[0])
        values = torch.tensor(floor, dtype=torch.double)
        self.floor_mean, self.floor_sd = float(values.mean()), float(values.std())
        self._jumbled: float | None = None
        if features.jumbled is not None:
            self._jumbled = kid_with_error(self._standardised(features.jumbled), self._held_out, self._within)[0]

    def measure(self, samples: torch.Tensor) -> QualityFacts | None:
        """Quality of features (m, d), m >= 3; None if it is not possible."""
        if not self.possible:
            return None
        kid, error = kid_with_error(self._standardised(samples), self._held_out, self._within)
        z = (kid - self.floor_mean) / max(math.hypot(self.floor_sd, error), 1e-12)
        return QualityFacts(kid, error, self.floor_mean, self.floor_sd, z, self._jumbled)

    def difference(self, ours: torch.Tensor, others: torch.Tensor) -> tuple[float, float]:
        """How much farther the first features (m, d) are than the second (m, d), and the standard error of that.

        Row i of both is drawn from the same latent, so the jackknife leaves out both: what a latent does to both alike
        does not count. Needs `possible`.
        """
        (first, without), (second, without_others) = (
            _leaving_out(self._standardised(one), self._held_out, self._within) for one in (ours, others)
        )
        return first - second, _jackknife(without - without_others)


def kid_with_error(x: torch.Tensor, y: torch.Tensor, within_y: float) -> tuple[float, float]:
    """KID (Binkowski et al. 2018) of x (m, d) and y (n, d), and its standard error by the jackknife over x."""
    value, without = _leaving_out(x, y, within_y)
    return value, _jackknife(without)


def _leaving_out(x: torch.Tensor, y: torch.Tensor, within_y: float) -> tuple[float, torch.Tensor]:
    """KID of x (m, d) and y, and the m values without each row of x."""
    m = len(x)
    k = kernel(x, x)
    own = k.sum(1) - k.diagonal()
    cross = kernel(x, y).mean(1)
    value = own.sum() / (m * (m - 1)) + within_y - 2 * cross.mean()
    without = (own.sum() - 2 * own) / ((m - 1) * (m - 2)) + within_y - 2 * (cross.sum() - cross) / (m - 1)
    return float(value), without


def _jackknife(without: torch.Tensor) -> float:
    """The standard error of a value, from the m values without each row (Efron and Stein 1981)."""
    m = len(without)
    return float(((m - 1) / m * ((without - without.mean()) ** 2).sum()).sqrt())

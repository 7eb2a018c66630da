"""Clipped Density and Clipped Coverage (Salvy, Talbot & Thirion 2025), written anew from the paper's definitions.

Both are read as shares: of the samples that are as good as real pictures, and of the real pictures that samples come
near to. Outliers count for little, because what one picture adds is bounded, and so are the balls of outlying reals.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from trainer.protocol.diagnosis import ClippedFacts

NEIGHBOURS = 5
CHUNK = 1024


def clipped(real: torch.Tensor, samples: torch.Tensor, k: int = NEIGHBOURS) -> ClippedFacts | None:
    """Compare features of real pictures (N, d) and of samples (M, d); None with fewer than 2 k of either.

    Every real picture has a ball that reaches to its k-th nearest other one.
    """
    if min(len(real), len(samples)) < 2 * k:
        return None
    real, samples = real.double(), samples.double()
    to_real = torch.cat([_distances(part, real) for part in real.split(CHUNK)])
    to_real.fill_diagonal_(torch.inf)
    reach = to_real.kthvalue(k, dim=1).values
    bounded = reach.clamp(max=float(reach.median()))
    balls = torch.cat([(_distances(part, real) <= bounded).sum(1) for part in samples.split(CHUNK)])
    inside = torch.zeros(len(real), dtype=torch.long)
    for part in samples.split(CHUNK):
        inside += (_distances(part, real) < reach).sum(0)
    best = _share((to_real <= bounded).sum(1), k)
    density = min(1.0, _share(balls, k) / best) if best else 0.0
    return ClippedFacts(density, _calibrated(_share(inside, k), len(real), len(samples), k), k, len(real))


def _distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.cdist(
        x, y, compute_mode="donot_use_mm_for_euclid_dist" if x.shape[1] < 64 else "use_mm_for_euclid_dist"
    )


def _share(counts: torch.Tensor, k: int) -> float:
    """The mean of counts / k, each bounded by 1."""
    return float((counts.double() / k).clamp(max=1).mean())


def _calibrated(score: float, real: int, samples: int, k: int) -> float:
    """The share of good samples that would give this score: `expected` the other way round."""
    return min(1.0, float(np.searchsorted(expected(real, samples, k), score - 1e-9)) / samples)


def expected(real: int, samples: int, k: int) -> np.ndarray:
    """The expected bounded share of a ball that is filled, for 0, 1 ... `samples` good samples: (samples + 1,).

    Good samples and the N - 1 other real pictures are exchangeable, so around a real picture they come in random order.
    At least i samples lie in its ball if, of the first i + k - 1, at least i are samples: a hypergeometric chance.
    """
    m = np.arange(samples + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, real + samples + k + 1)))])

    def ways(n: np.ndarray | int, taken: int) -> np.ndarray:
        n = np.asarray(n)
        possible = n >= taken
        safe = np.where(possible, n, taken)
        return np.where(possible, logs[safe] - logs[taken] - logs[safe - taken], -np.inf)

    total = np.zeros(samples + 1)
    for i in range(1, k + 1):
        first = i + k - 1
        for good in range(i, first + 1):
            chance = ways(m, good) + ways(real - 1, first - good) - ways(real - 1 + m, first)
            total += np.exp(np.where(np.isfinite(chance), chance, -math.inf))
    return total / k

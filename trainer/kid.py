"""Kernel Inception Distance (Binkowski et al. 2018) in any feature space; unbiased, so it can be negative."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Reference:
    """Real features, standardised by their own mean and deviation.

    Attributes:
        features: (M, d). mean, deviation: (d,); clamped from below, since constant backgrounds do not vary.
    """

    features: torch.Tensor
    mean: torch.Tensor
    deviation: torch.Tensor

    @classmethod
    def of(cls, features: torch.Tensor) -> Reference:
        """From real features (M, d), M >= 2."""
        x = features.double()
        mean, deviation = x.mean(0), x.std(0)
        deviation = deviation.clamp_min(0.1 * float(deviation.median()) + 1e-6)
        return cls((x - mean) / deviation, mean, deviation)

    def kid(self, features: torch.Tensor) -> float:
        """KID of generated features (N, d), N >= 2, against these."""
        return kid(self.features, (features.double() - self.mean) / self.deviation)


def kid(x: torch.Tensor, y: torch.Tensor) -> float:
    """The unbiased squared MMD of (M, d) and (N, d) with kernel (x.y / d + 1)^3 (Binkowski 2018, section 4)."""
    return float(within(x) + within(y) - 2 * kernel(x, y).mean())


def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(x.y / d + 1)^3 of every row of (M, d) with every row of (N, d): (M, N)."""
    return (a @ b.T / a.shape[1] + 1) ** 3


def within(a: torch.Tensor) -> torch.Tensor:
    """The mean of the kernel over pairs of different rows of (M, d), M >= 2."""
    k = kernel(a, a)
    return (k.sum() - k.diagonal().sum()) / (len(a) * (len(a) - 1))

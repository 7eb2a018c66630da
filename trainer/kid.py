"""Kernel Inception Distance (Binkowski et al. 2018) in any feature space; unbiased, so it can be negative."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Reference:
    """Real features that others are compared with, standardised.

    Attributes:
        features: (M, d), standardised. mean: (d,). deviation: (d,), clamped from below, since constant backgrounds do
            not vary, or (), one for all features.
    """

    features: torch.Tensor
    mean: torch.Tensor
    deviation: torch.Tensor

    @classmethod
    def of(cls, features: torch.Tensor, *, one_scale: bool = False) -> Reference:
        """From real features (M, d), M >= 2.

        `one_scale`: the features are comparable with each other, so that all are divided by one deviation, the root of
        their mean variance, instead of each by its own.
        """
        x = features.double()
        mean, deviation = x.mean(0), x.std(0)
        if one_scale:
            deviation = x.var(0).mean().sqrt().clamp_min(1e-9)
        else:
            deviation = deviation.clamp_min(0.1 * float(deviation.median()) + 1e-6)
        return cls((x - mean) / deviation, mean, deviation)

    def standardised(self, features: torch.Tensor) -> torch.Tensor:
        """Features (N, d) on the scale of these."""
        return (features.double() - self.mean) / self.deviation

    def kid(self, features: torch.Tensor) -> float:
        """KID of generated features (N, d), N >= 2, against these."""
        return kid(self.features, self.standardised(features))


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

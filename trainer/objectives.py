"""What the two networks play for. Losses only compute; the training step reports them.

x are raw scores of real pictures, g of generated ones, (B,), float32; s = softplus.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn import functional


class DiscriminatorLoss(NamedTuple):
    """The loss, and its real and generated parts where it has parts (they sum to it)."""

    total: torch.Tensor
    real: torch.Tensor
    fake: torch.Tensor


def discriminator_loss(
    kind: str, x: torch.Tensor, g: torch.Tensor, noise: torch.Tensor | None = None
) -> DiscriminatorLoss:
    """The discriminator's loss, averaged over the batch.

    - bce: -log sigmoid(x) - log(1 - sigmoid(g)) (Goodfellow 2014, equation 1); `noise` (2, B) in [0, 1] holds label
      noise: real labels 1 - noise[0], generated labels noise[1].
    - wasserstein: mean(g) - mean(x) (Arjovsky 2017, equation 2).
    - hinge: max(0, 1 - x) + max(0, 1 + g) (Lim & Ye 2017; Miyato 2018, equation 16).
    - least-squares: ((x - 1)^2 + g^2) / 2 (Mao 2017, equation 2, a = 0, b = 1).
    - relativistic: s(-(x - g)), pairing (Jolicoeur-Martineau 2018; Huang 2024, equation 2); halves reported as parts.
    """
    if kind == "relativistic":
        total = functional.softplus(g - x).mean()
        return DiscriminatorLoss(total, total / 2, total / 2)
    real, fake = real_loss(kind, x, noise), fake_loss(kind, g, noise)
    return DiscriminatorLoss(real + fake, real, fake)


def real_loss(kind: str, x: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
    """The real pictures' part of `discriminator_loss`. Raises ValueError for an objective without parts."""
    if kind == "bce":
        labels = torch.ones_like(x) if noise is None else 1 - noise[0]
        return functional.binary_cross_entropy_with_logits(x, labels)
    if kind == "wasserstein":
        return -x.mean()
    if kind == "hinge":
        return functional.relu(1 - x).mean()
    if kind == "least-squares":
        return (x - 1).square().mean() / 2
    raise ValueError(f"unknown objective {kind!r}")


def fake_loss(kind: str, g: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
    """The generated pictures' part of `discriminator_loss`. Raises ValueError for an objective without parts."""
    if kind == "bce":
        labels = torch.zeros_like(g) if noise is None else noise[1]
        return functional.binary_cross_entropy_with_logits(g, labels)
    if kind == "wasserstein":
        return g.mean()
    if kind == "hinge":
        return functional.relu(1 + g).mean()
    if kind == "least-squares":
        return g.square().mean() / 2
    raise ValueError(f"unknown objective {kind!r}")


def generator_loss(kind: str, g: torch.Tensor, x: torch.Tensor | None = None) -> torch.Tensor:
    """The generator's loss, averaged over the batch; `x` are needed by "relativistic" only.

    bce: -log sigmoid(g), the non-saturating form, target exactly 1. wasserstein, hinge: -mean(g).
    least-squares: (g - 1)^2 / 2. relativistic: s(-(g - x)).
    """
    if kind == "bce":
        return functional.softplus(-g).mean()
    if kind in ("wasserstein", "hinge"):
        return -g.mean()
    if kind == "least-squares":
        return (g - 1).square().mean() / 2
    if kind == "relativistic" and x is not None:
        return functional.softplus(x - g).mean()
    raise ValueError(f"unknown objective {kind!r}" if x is not None else "relativistic needs scores of real pictures")


def needs_reals(kind: str) -> bool:
    """Whether the generator's loss looks at real pictures."""
    return kind == "relativistic"

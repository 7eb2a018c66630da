"""Gradient penalties on the discriminator, differentiable twice."""

from __future__ import annotations

from collections.abc import Callable

import torch

Critic = Callable[[torch.Tensor], torch.Tensor]


def squared_gradient(scores: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """|d scores_i / d pictures_i|^2 for each picture, (B,); `pictures` must require gradients."""
    (gradient,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
    return gradient.to(scores.dtype).square().flatten(1).sum(1)


def zero_centred(scores: torch.Tensor, pictures: torch.Tensor, weight: float | torch.Tensor) -> torch.Tensor:
    """weight / 2 * E|grad D|^2: R1 on real pictures, R2 on generated ones (Mescheder 2018, equation 9)."""
    return squared_gradient(scores, pictures).mean() * (weight / 2)


def gradient_penalty(
    critic: Critic, real: torch.Tensor, fake: torch.Tensor, mix: torch.Tensor, weight: float | torch.Tensor
) -> torch.Tensor:
    """weight * E(|grad D(m)| - 1)^2 at m = mix * real + (1 - mix) * fake (Gulrajani 2017, equation 3).

    real, fake (B, C, H, W), detached; mix (B,) ~ U(0, 1).
    """
    share = mix.view(-1, *[1] * (real.ndim - 1))
    middle = (share * real + (1 - share) * fake).detach().requires_grad_()
    norm = (squared_gradient(critic(middle), middle) + 1e-12).sqrt()
    return (norm - 1).square().mean() * weight

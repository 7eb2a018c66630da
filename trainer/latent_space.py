"""Arithmetic of latents: truncation, variations, and paths between them. Latents are (..., L), drawn from N(0, 1)."""

from __future__ import annotations

import math

import torch

from trainer.protocol.errors import TrainerError
from trainer.randomness import generator

AROUND = "around"
"""Purpose of the random numbers of variations."""


def staged(z: torch.Tensor, latent: int, stages: int) -> torch.Tensor:
    """Latents (N, L), or (N, stages * L) with one for each stage, as (N, stages, L). Raises TrainerError."""
    if z.shape[1] == latent:
        return z[:, None].expand(-1, stages, -1)
    if z.shape[1] != latent * stages:
        raise TrainerError(f"these latents have {z.shape[1]:,} numbers, but this generator takes {latent:,}")
    return z.reshape(len(z), stages, latent)


def truncated(z: torch.Tensor, share: float) -> torch.Tensor:
    """Latents pulled towards the average one: 1 changes nothing, 0 leaves only the average (zero).

    StyleGAN's truncation (Karras et al. 2019, section B), whose average is the origin for latents from N(0, 1).
    """
    return z * share


def around(z: torch.Tensor, radius: float, first: int, count: int) -> torch.Tensor:
    """Variations `first`, `first + 1`, ... of z (L,): (count, L). A radius of 0 changes nothing, 1 forgets z.

    sqrt(1 - r^2) z + r n with n ~ N(0, 1) is again from N(0, 1), so variations lie where the generator was trained.
    Variation k adds the same n to every z.
    """
    noise = torch.stack([torch.randn(z.shape[-1], generator=generator(0, AROUND, first + k)) for k in range(count)])
    return math.sqrt(max(0.0, 1 - radius * radius)) * z + radius * noise


def slerp(a: torch.Tensor, b: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Spherical interpolation (Shoemake 1985; White 2016 for latents) of (L,) vectors at `share` (S,): (S, L).

    Lengths are interpolated linearly.
    """
    lengths = a.norm(), b.norm()
    share = share[:, None]
    if min(lengths) < 1e-12:  # The average latent has no direction.
        return a + (b - a) * share
    one, two = a / lengths[0], b / lengths[1]
    angle = torch.arccos((one * two).sum().clamp(-1, 1))
    if angle < 1e-4:
        direction = one + (two - one) * share
    elif math.pi - float(angle) < 1e-3:  # Opposite latents: no great circle is the shortest one.
        return a + (b - a) * share
    else:
        direction = (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * two) / torch.sin(angle)
    found = direction * (lengths[0] * (1 - share) + lengths[1] * share)
    return torch.where(share == 0, a, found)  # Where a path begins is the sample itself, to the last bit.


def walk(points: torch.Tensor, steps: int) -> torch.Tensor:
    """A closed walk through `points` (P, L), `steps` latents from each to the next: (P * steps, L)."""
    share = torch.arange(steps) / steps
    return torch.cat([slerp(points[i], points[(i + 1) % len(points)], share) for i in range(len(points))])


def path(points: torch.Tensor, steps: int) -> torch.Tensor:
    """An open path through `points` (P, L) that ends at the last: ((P - 1) * steps + 1, L)."""
    return torch.cat([walk(points, steps)[: (len(points) - 1) * steps], points[-1:]])

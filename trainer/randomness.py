"""Randomness without state: every draw is keyed by (seed, purpose, number), so resuming needs no saved generators.

Draws are made for the global batch and sliced by rank, so the number of ranks does not change an experiment.
"""

from __future__ import annotations

import hashlib

import torch


def derived_seed(seed: int, purpose: str, number: int = 0) -> int:
    """A 63-bit seed from (seed, purpose, number): BLAKE2b, so that neighbouring numbers share nothing."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, purpose: str, number: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator on `device` for one purpose and number."""
    return torch.Generator(device=device).manual_seed(derived_seed(seed, purpose, number))


def latents(seed: int, purpose: str, count: int, size: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """`count` latent vectors z ~ N(0, 1), (count, size), alike on every device; row i depends only on (seed, i)."""
    rows = [torch.randn(size, generator=generator(seed, purpose, i)) for i in range(count)]
    return torch.stack(rows).to(device)

"""Stateless randomness: random numbers are keyed by (seed, purpose, number), so checkpoints hold no generators.

They are drawn for the global batch and sliced by rank, so that results do not depend on the number of ranks.
"""

from __future__ import annotations

import hashlib

import torch


def derived_seed(seed: int, purpose: str, number: int = 0) -> int:
    """A 63-bit seed from (seed, purpose, number): a BLAKE2b hash, so that neighbouring numbers are unrelated."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, purpose: str, number: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A new random generator on `device` for one purpose and number."""
    return torch.Generator(device=device).manual_seed(derived_seed(seed, purpose, number))


def latents(seed: int, purpose: str, count: int, size: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """`count` latent vectors z ~ N(0, 1), (count, size), alike on every device; row i depends only on (seed, i)."""
    rows = [torch.randn(size, generator=generator(seed, purpose, i)) for i in range(count)]
    return torch.stack(rows).to(device)

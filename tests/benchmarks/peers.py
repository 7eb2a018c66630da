"""What the contenders from PyPI have in common: seeds, batches and counts (gan_peers.py, flow_peers.py).

Each is trained by its package's own networks, losses and settings. To be kind to them, their batches lie in memory, and
neither grids nor checkpoints are written. Pictures are not mirrored: sprites look one way.
"""

from __future__ import annotations

import abc
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

BATCH = 16  # What lightweight-gan and rectified-flow-pytorch advise; few small steps suit a short time better.
DRAWN = 32  # Pictures drawn at once.
CPU = torch.device("cpu")


class Peer(abc.ABC):
    """One contender in training.

    Attributes:
        seconds: trained, counted by who calls `step`. iterations, images: steps done, and pictures seen.
        device: where it is trained. batches: without end, float (BATCH, 3, H, W) in [0, 1], there.
    """

    def __init__(self, pixels: np.ndarray[Any, Any], seed: int, device: torch.device = CPU) -> None:
        """`pixels`: uint8 (N, H, W, 3), already cut down to the training part. Networks are to be built after this."""
        self.seconds, self.iterations, self.images, self.device = 0.0, 0, 0, device
        rows = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        self.batches = _batches(rows, torch.Generator().manual_seed(seed), device)
        torch.manual_seed(seed)
        random.seed(seed)

    @abc.abstractmethod
    def train(self) -> None:
        """One iteration on the next of `batches`."""

    @abc.abstractmethod
    def sample(self, count: int) -> torch.Tensor:
        """Pictures of fresh noise, (count, 3, H, W), in [0, 1] but for what goes beyond."""

    def step(self) -> None:
        """One iteration, counted."""
        self.train()
        self.iterations += 1
        self.images += BATCH

    @torch.no_grad()
    def draw(self, count: int) -> np.ndarray[Any, Any]:
        """`count` pictures of fresh noise, uint8 (count, H, W, 3)."""
        torch.manual_seed(7)
        drawn = torch.cat([self.sample(DRAWN) for _ in range(-(-count // DRAWN))])[:count]
        return drawn.cpu().clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def _batches(pixels: torch.Tensor, state: torch.Generator, device: torch.device) -> Iterator[torch.Tensor]:
    while True:
        order = torch.randperm(len(pixels), generator=state)
        for index in range(0, len(order) - BATCH + 1, BATCH):
            yield pixels[order[index : index + BATCH]].to(device).float() / 255

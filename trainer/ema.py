"""The running average of the generator's weights, with a half-life in pictures (Karras 2018; Karras 2024)."""

from __future__ import annotations

import copy

import torch

from trainer.networks import Generator
from trainer.protocol.settings import Ema


class Average:
    """The averaged generator.

    Attributes:
        network: a copy of the generator in evaluation mode.
    """

    def __init__(self, generator: Generator, settings: Ema) -> None:
        self._settings = settings
        self.network = copy.deepcopy(generator).eval().requires_grad_(False)
        self._average: list[torch.Tensor] = list(self.network.parameters())
        self._source: list[torch.Tensor] = list(generator.parameters())
        self._buffers = list(zip(self.network.buffers(), generator.buffers(), strict=True))

    @torch.no_grad()
    def update(self, batch: int, images_seen: int) -> None:
        """Move towards the generator after a step on `batch` pictures; `images_seen` include them."""
        half_life = float(self._settings.half_life)
        if self._settings.ramp > 0:
            half_life = min(half_life, max(self._settings.ramp * images_seen, 1e-8))
        keep = 0.5 ** (batch / half_life)
        torch._foreach_lerp_(self._average, self._source, 1 - keep)

    @torch.no_grad()
    def refresh_buffers(self) -> None:
        """Copy running statistics, which are averages already; call it before using or saving the average."""
        for ours, theirs in self._buffers:
            ours.copy_(theirs)

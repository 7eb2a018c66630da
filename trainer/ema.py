"""Running averages of the generator's weights, with a half-life (Karras 2018) or as powers of time (Karras 2024)."""

from __future__ import annotations

import copy

import torch

from trainer import post_hoc
from trainer.networks import Generator
from trainer.protocol.errors import TrainerError
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


class PowerAverages:
    """Averages of the widths `post_hoc.WIDTHS`, of which one of any width can be made afterwards.

    They begin with the first step; of a run that kept none until then, with the weights it had.
    """

    def __init__(self, generator: Generator) -> None:
        self._source = dict(generator.named_parameters())
        self._averages = {
            stem: (post_hoc.exponent(width), [value.detach().clone() for value in self._source.values()])
            for width, stem in zip(post_hoc.WIDTHS, STEMS, strict=True)
        }

    @torch.no_grad()
    def update(self, batch: int, images_seen: int) -> None:
        """Add the generator's weights after a step on `batch` pictures; `images_seen` include them."""
        source: list[torch.Tensor] = list(self._source.values())
        for power, average in self._averages.values():
            keep = post_hoc.kept(power, images_seen - batch, images_seen)
            torch._foreach_lerp_(average, source, 1 - keep)

    def tensors(self) -> dict[str, dict[str, torch.Tensor]]:
        """The averaged parameters by the name of their file in a checkpoint, copied to the CPU."""
        return {
            stem: {name: value.cpu().clone() for name, value in zip(self._source, average, strict=True)}
            for stem, (_, average) in self._averages.items()
        }

    @torch.no_grad()
    def restore(self, saved: dict[str, dict[str, torch.Tensor]]) -> None:
        """Continue from a checkpoint's files; where it has none, from the generator's weights. Raises TrainerError."""
        for stem, (_, average) in self._averages.items():
            tensors = saved.get(stem, {name: value.detach() for name, value in self._source.items()})
            for (name, value), own in zip(self._source.items(), average, strict=True):
                if name not in tensors or tensors[name].shape != value.shape:
                    raise TrainerError(f"the checkpoint's {stem} does not match the generator ({name})", "checkpoint")
                own.copy_(tensors[name])


STEMS = tuple(f"power_{round(1000 * width):03}" for width in post_hoc.WIDTHS)
"""Names of the averages' files in a checkpoint, without suffix."""

"""The judge of quality: features of EfficientNet-Lite0's first layers, whose weights come with the program.

Some more layers come with it for the facing assistant (`trainer.facing_halves`).

These layers see edges, textures and the parts they make up, as a network knows them that was trained on photographs.
Of all features that were compared on pairs of grids whose order is plain to a person, they are the only ones without
the whole network that order all of them by far (docs/experiments.md, `tests/benchmarks/judges.py`).

resources/lite0-front holds the weights, as `docs/lite0_front.py` takes them from the package of `trainer.lite0`, and
says where they are from.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from trainer.lite0 import SIDE, Layer, layers_of, prepared, through
from trainer.protocol.measured import JUDGE
from trainer.protocol.resources import resource_path

NAME = JUDGE
LAYERS = 24
"""Convolutions: the stem and the first four stages, half of the network and 250 thousand of its weights."""
WIDTH = 80
FURTHER_LAYERS = 21
"""Convolutions that follow: those of the fifth and sixth stage, to the end of block 15 of 16."""
FILE, FURTHER_FILE = "weights.npz", "further.npz"


def bundled_layers() -> list[Layer]:
    """All layers whose weights come with the program, in single precision."""
    return layers_of(
        (stored[f"weight{index}"], stored[f"bias{index}"])
        for stored, count in ((_stored(FILE), LAYERS), (_stored(FURTHER_FILE), FURTHER_LAYERS))
        for index in range(count)
    )


def _stored(file: str) -> dict[str, torch.Tensor]:
    with np.load(resource_path("lite0-front", file), allow_pickle=False) as stored:
        return {name: torch.from_numpy(stored[name]).float() for name in stored.files}


class Lite0Front(nn.Module):
    """uint8 (N, H, W, 3 or 4) -> (N, 160) float32: mean and standard deviation over places of 80 channels."""

    name = NAME
    one_scale = True

    def __init__(self, side: int = SIDE) -> None:
        """`side`: that of the pictures as the layers see them, in pixels."""
        super().__init__()
        self._side = side
        for name, values in _stored(FILE).items():
            self.register_buffer(name, values, persistent=False)

    def _layers(self) -> list[Layer]:
        named = dict(self.named_buffers())
        return layers_of((named[f"weight{index}"], named[f"bias{index}"]) for index in range(LAYERS))

    @torch.no_grad()
    def forward(self, pixels: np.ndarray[Any, Any], chunk: int = 32) -> torch.Tensor:
        """Features of `pixels`; pictures with alpha are composited over white."""
        layers = self._layers()
        parts = []
        for x in prepared(pixels, chunk, layers[0].weight.device, self._side):
            x = through(layers, x)
            parts.append(torch.cat([x.mean((2, 3)), x.flatten(2).std(2, unbiased=False)], 1))
        return torch.cat(parts).cpu() if parts else torch.empty(0, 2 * WIDTH)

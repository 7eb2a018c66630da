"""Features of pictures from a random convolutional network with a fixed seed (after Naeem et al. 2020).

They need no download and little time. Values are comparable with each other only, not with published FID or KID.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from trainer.randomness import derived_seed

NAME = "random-conv-1"
"""The name of this feature space, shown with every value measured in it."""

WIDTHS = (32, 64, 128, 128)


class RandomFeatures(nn.Module):
    """uint8 (N, H, W, 3 or 4) -> (N, 704) float32: per-channel mean and standard deviation after each of 4 layers."""

    name = NAME
    one_scale = False
    """Whether features are comparable with each other, so that distances scale them all alike."""

    def __init__(self) -> None:
        super().__init__()
        source = torch.Generator().manual_seed(derived_seed(20_190_801, NAME))
        self.layers = nn.ModuleList()
        width = 3
        for index, channels in enumerate(WIDTHS):
            layer = nn.Conv2d(width, channels, 3, 1 if index == 0 else 2, 1)
            fan_in = layer.weight[0].numel()
            layer.weight.data = torch.randn(layer.weight.shape, generator=source) * (2 / fan_in) ** 0.5
            assert layer.bias is not None
            layer.bias.data = torch.randn(channels, generator=source) * 0.1
            self.layers.append(layer)
            width = channels
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, pixels: np.ndarray[Any, Any], chunk: int = 128) -> torch.Tensor:
        """Features of `pixels`; pictures with alpha are composited over white."""
        device = next(self.parameters()).device
        parts = []
        for first in range(0, len(pixels), chunk):
            x = torch.from_numpy(np.ascontiguousarray(pixels[first : first + chunk])).to(device).permute(0, 3, 1, 2)
            x = x.float() / 127.5 - 1
            if x.shape[1] == 4:
                alpha = (x[:, 3:] + 1) / 2
                x = x[:, :3] * alpha + (1 - alpha)
            pooled = []
            for layer in self.layers:
                x = torch.relu(layer(x))
                pooled += [x.mean((2, 3)), x.flatten(2).std(2, unbiased=False)]
            parts.append(torch.cat(pooled, 1))
        return torch.cat(parts).cpu()

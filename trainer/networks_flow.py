"""The network of a flow: a small UNet that predicts the picture within noise, and the generator that draws with it."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from trainer.protocol.shapes import CHANGE_FEATURES, TIME_FEATURES

GROUP = 8
"""Channels that are normalised together."""


class Block(nn.Module):
    """x + conv(act(norm(conv(act(norm(x)))) scaled and shifted by the time)), the last convolution zero at the start.

    The block of Dhariwal & Nichol 2021 (section 3, "adaptive group normalisation") and Ho et al. 2020.
    """

    def __init__(self, inputs: int, outputs: int, features: int) -> None:
        super().__init__()
        self.norm, self.second_norm = _norm(inputs), _norm(outputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.scale_shift = nn.Linear(features, 2 * outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        _zero(self.second)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """x (B, C, H, W), told (B, features): what is known about time, class and changes -> (B, outputs, H, W)."""
        scale, shift = self.scale_shift(told)[:, :, None, None].chunk(2, 1)
        y = self.second_norm(self.first(functional.silu(self.norm(x))))
        return self.skip(x) + self.second(functional.silu(y * (1 + scale) + shift))


class Attention(nn.Module):
    """Every place of a small map looks at every other one (Vaswani et al. 2017), four heads; zero at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = 4 if channels % 4 == 0 else 1
        self.norm = _norm(channels)
        self.asked = nn.Conv2d(channels, 3 * channels, 1)
        self.answer = nn.Conv2d(channels, channels, 1)
        _zero(self.answer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same shape."""
        count, channels, height, width = x.shape
        parts = self.asked(self.norm(x)).reshape(count, 3 * self.heads, channels // self.heads, height * width)
        query, key, value = parts.transpose(2, 3).chunk(3, 1)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return x + self.answer(mixed.transpose(2, 3).reshape(count, channels, height, width))


class UNet(nn.Module):
    """Noisy pictures, times and what else is told -> the network's raw prediction, of a picture's shape.

    Pixels are taken together in squares of `patch` (and so are the predicted ones), and then seen by `blocks` blocks a
    stage on the way in and on the way out, with a skip from each (Ronneberger et al. 2015). `widths` are the channels
    of the stages, inner to outer; the innermost map has 4x4 places and an attention.
    """

    def __init__(self, widths: tuple[int, ...], channels: int, patch: int, blocks: int, classes: int) -> None:
        super().__init__()
        outer = widths[::-1]
        self.patch, features = patch, 4 * outer[0]
        self.waves: torch.Tensor
        self.register_buffer("waves", torch.exp(torch.linspace(0, math.log(1000), TIME_FEATURES // 2)))
        self.time = nn.Sequential(nn.Linear(TIME_FEATURES, features), nn.SiLU(), nn.Linear(features, features))
        self.classes = nn.Embedding(classes + 1, features) if classes else None
        self.changes = nn.Linear(CHANGE_FEATURES, features, bias=False)
        nn.init.zeros_(self.changes.weight)
        self.enter = nn.Conv2d(channels * patch**2, outer[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for before, width in zip((outer[0], *outer), outer, strict=False):
            stage = nn.ModuleList(Block(before if i == 0 else width, width, features) for i in range(blocks))
            self.down.append(stage)
        self.middle = Block(outer[-1], outer[-1], features)
        self.attention = Attention(outer[-1])
        for width, before in zip(outer[::-1], (outer[-1], *outer[::-1]), strict=False):
            stage = nn.ModuleList(Block((before if i == 0 else width) + width, width, features) for i in range(blocks))
            self.up.append(stage)
        self.norm = _norm(outer[0])
        self.leave = nn.Conv2d(outer[0], channels * patch**2, 3, padding=1)
        _zero(self.leave)

    def told(
        self, times: torch.Tensor, labels: torch.Tensor | None = None, changes: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What the blocks are told: times (B,) in [0, 1], labels (B,) (the last class: not told), changes (B, 9)."""
        angles = times.float()[:, None] * self.waves
        told = self.time(torch.cat([angles.cos(), angles.sin()], 1))
        if self.classes is not None and labels is not None:
            told = told + self.classes(labels)
        if changes is not None:
            told = told + self.changes(changes)
        return functional.silu(told)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """x (B, C, H, W), told (B, features) -> (B, C, H, W), float32."""
        x = self.enter(functional.pixel_unshuffle(x, self.patch))
        kept: list[torch.Tensor] = []
        for index, stage in enumerate(self.down):
            if index:
                x = functional.avg_pool2d(x, 2)
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, told)
                kept.append(x)
        x = self.attention(self.middle(x, told))
        for index, stage in enumerate(self.up):
            if index:
                x = functional.interpolate(x, scale_factor=2, mode="nearest")
            for block in stage:  # type: ignore[attr-defined]
                x = block(torch.cat([x, kept.pop()], 1), told)
        return functional.pixel_shuffle(self.leave(functional.silu(self.norm(x))).float(), self.patch)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(next(g for g in range(max(1, channels // GROUP), 0, -1) if channels % g == 0), channels)


def _zero(layer: nn.Conv2d) -> None:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)

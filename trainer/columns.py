"""4x4 convolutions with stride 2, and their transposes, as one matrix product of columns, for bfloat16 on CPUs.

Each output's 4x4 inputs become a row ("im2col": Chellapilla, Puri & Simard 2006), so that the output and both
gradients are matrix products, which processors with bfloat16 instructions compute several times as fast as oneDNN's
gradient of the weights. Columns have an adjoint, defined here as their derivative, so that gradient penalties can
differentiate twice. Sums are in float32, as in torch's own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd import Function
from torch.nn import functional

from trainer.winograd import halves

LEAST = 128  # With fewer channels, copying columns takes longer than the products save (measured with AMX).


def suits(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether `layer` can be computed here and gets faster."""
    return halves(layer) and min(layer.in_channels, layer.out_channels) >= LEAST


def _columns(x: torch.Tensor) -> torch.Tensor:
    """Pictures (N, C, 2H, 2W) -> the inputs of each output, (N * H * W, 16 C), by row, column and channel."""
    count, channels, height, width = x.shape
    padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    windows = padded.unfold(1, 4, 2).unfold(2, 4, 2).permute(0, 1, 2, 4, 5, 3)
    return windows.reshape(count * (height // 2) * (width // 2), 16 * channels)


def _fold(columns: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
    """The adjoint of `_columns`: for every pixel of pictures of `shape`, the sum of its copies; channels-last."""
    count, channels, height, width = shape
    rows, sides = height // 2, width // 2
    taps = columns.view(count, rows, sides, 2, 2, 2, 2, channels)
    sums = columns.new_zeros(count, rows + 1, 2, sides + 1, 2, channels)
    for down in range(2):
        for right in range(2):
            part = taps[:, :, :, down, :, right].permute(0, 1, 3, 2, 4, 5)
            sums[:, down : down + rows, :, right : right + sides] += part
    padded = sums.view(count, height + 2, width + 2, channels)
    return padded[:, 1:-1, 1:-1].contiguous().permute(0, 3, 1, 2)


class Columns(Function):
    """`_columns`, differentiable."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Apply `_columns`."""
        ctx.shape = tuple(x.shape)
        return _columns(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """The adjoint."""
        return Fold.apply(gradients[0], ctx.shape)


class Fold(Function):
    """`_fold`, differentiable."""

    @staticmethod
    def forward(ctx: Any, columns: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
        """Apply `_fold`."""
        return _fold(columns, shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """The adjoint."""
        return Columns.apply(gradients[0]), None


def _by_tap(weight: torch.Tensor) -> torch.Tensor:
    """Weights (K, C, 4, 4) -> (K, 16 C), in the order of columns."""
    return weight.permute(0, 2, 3, 1).flatten(1)


def convolve(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`conv2d(x, weight, stride=2, padding=1)`: x (N, C, 2H, 2W), weight (K, C, 4, 4) -> channels-last (N, K, H, W)."""
    count, _, height, width = x.shape
    y = Columns.apply(x) @ _by_tap(weight).T
    return y.view(count, height // 2, width // 2, weight.shape[0]).permute(0, 3, 1, 2)


def convolve_transposed(y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`conv_transpose2d(y, weight, stride=2, padding=1)`: y (N, K, H, W), weight (K, C, 4, 4) -> (N, C, 2H, 2W).

    The adjoint of `convolve`.
    """
    count, outer, height, width = y.shape
    columns = y.permute(0, 2, 3, 1).reshape(-1, outer) @ _by_tap(weight)
    return Fold.apply(columns, (count, weight.shape[1], 2 * height, 2 * width))

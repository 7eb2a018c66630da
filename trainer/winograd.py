"""Fast 4x4 convolutions with stride 2, and their transposes, on CPUs.

A 4x4 convolution of stride 2 is a 2x2 convolution of stride 1 over the four phases (even and odd rows and columns) of
its padded input. That one is computed by Winograd's minimal filtering F(4x4, 2x2) (Winograd 1980; Lavin & Gray 2016,
equation 10) with the points 0, 1, -1, 2 and infinity: 25 matrix products instead of 64 for every 4x4 outputs, a factor
of 2.56. Each of the linear maps around them has its adjoint as derivative, which is defined here too, so that gradient
penalties can differentiate twice. Results differ from direct convolution by rounding (relative error about 1e-6).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd import Function
from torch.nn import functional

TILE = 4  # Outputs a side of one tile.
TAPS = TILE + 1  # Positions a side of one tile, and points.

# Toom-Cook for the points a = 0, 1, -1, 2: rows of B are the coefficients of prod_{k != i} (x - a_k), of G the powers
# of a_i over prod_{k != i} (a_i - a_k), columns of A the powers of a_i; the last row or column is infinity's.
_B = torch.tensor(
    [[2.0, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1]], dtype=torch.float64
)
_G = torch.tensor([[1 / 2, 0], [-1 / 2, -1 / 2], [-1 / 6, 1 / 6], [1 / 6, 1 / 3], [0, 1]], dtype=torch.float64)
_A = torch.tensor([[1.0, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 0], [0, 1, -1, 8, 1]], dtype=torch.float64)
B, G, A = (torch.kron(matrix, matrix) for matrix in (_B, _G, _A))  # (25, 25), (25, 4), (16, 25): both directions.


PLACED: dict[tuple[int, torch.device, torch.dtype], torch.Tensor] = {}
"""Copies of the matrices above on other devices (see `placed`)."""


def placed(matrix: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """One of the matrices above, on the device and in the type of `like`.

    Kept in `PLACED` for devices other than the CPU, since CUDA graphs must not copy from the host.
    """
    if like.device == matrix.device or type(like) is not torch.Tensor:
        return matrix.to(like.device, like.dtype)
    key = (id(matrix), like.device, like.dtype)
    if key not in PLACED:
        PLACED[key] = matrix.to(like.device, like.dtype)
    return PLACED[key]


LEAST = 32  # With fewer channels the transforms take longer than the products save (measured with AVX2).


def halves(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether `layer` is a plain 4x4 convolution of stride 2, or its transpose."""
    plain = layer.kernel_size == (4, 4) and layer.stride == (2, 2) and layer.padding == (1, 1)
    return plain and layer.dilation == (1, 1) and layer.groups == 1 and layer.output_padding == (0, 0)


def suits(layer: nn.Conv2d | nn.ConvTranspose2d, height: int, width: int) -> bool:
    """Whether `layer`, with `height` x `width` as its smaller side, can be computed here and gets faster."""
    wide = min(layer.in_channels, layer.out_channels) >= LEAST
    return halves(layer) and wide and height % TILE == 0 and width % TILE == 0


def _spread(x: torch.Tensor) -> torch.Tensor:
    """Pictures (N, C, 2H, 2W) -> their tiles' phases, transformed: (25, N * H/4 * W/4, 4C)."""
    count, channels, height, width = x.shape
    rows, columns = height // 2 // TILE, width // 2 // TILE
    padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    phases = padded.view(count, height // 2 + 1, 2, width // 2 + 1, 2, channels)
    tiles = phases.unfold(1, TAPS, TILE).unfold(3, TAPS, TILE)  # (N, rows, 2, columns, 2, C, 5, 5)
    tiles = tiles.permute(6, 7, 0, 1, 3, 2, 4, 5).reshape(TAPS**2, -1)
    return (placed(B, x) @ tiles).view(TAPS**2, count * rows * columns, 4 * channels)


def _gather(spread: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
    """The adjoint of `_spread`: back to pictures of `shape`."""
    count, channels, height, width = shape
    rows, columns = height // 2 // TILE, width // 2 // TILE
    tiles = (placed(B, spread).T @ spread.reshape(TAPS**2, -1)).view(TAPS, TAPS, count, rows, columns, 2, 2, channels)
    tiles = tiles.permute(2, 3, 0, 5, 4, 1, 6, 7)  # (N, rows, 5, 2, columns, 5, 2, C)
    phases = spread.new_zeros(count, rows * TILE + 1, 2, columns * TILE + 1, 2, channels)
    whole = phases[:, :-1, :, :-1].unflatten(3, (columns, TILE)).unflatten(1, (rows, TILE))
    whole.copy_(tiles[:, :, :TILE, :, :, :TILE])
    phases[:, TILE::TILE, :, :-1].unflatten(3, (columns, TILE)).add_(tiles[:, :, TILE, :, :, :TILE])
    phases[:, :-1, :, TILE::TILE].unflatten(1, (rows, TILE)).add_(tiles[:, :, :TILE, :, :, TILE])
    phases[:, TILE::TILE, :, TILE::TILE].add_(tiles[:, :, TILE, :, :, TILE])
    padded = phases.view(count, height + 2, width + 2, channels)
    return padded[:, 1:-1, 1:-1].contiguous().permute(0, 3, 1, 2)


def _join(products: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
    """Products (25, N * H/4 * W/4, C) -> outputs of `shape` (N, C, H, W), channels-last."""
    count, channels, height, width = shape
    rows, columns = height // TILE, width // TILE
    tiles = (placed(A, products) @ products.reshape(TAPS**2, -1)).view(TILE, TILE, count, rows, columns, channels)
    return tiles.permute(2, 3, 0, 4, 1, 5).reshape(count, height, width, channels).permute(0, 3, 1, 2)


def _part(y: torch.Tensor) -> torch.Tensor:
    """The adjoint of `_join`: (N, C, H, W) -> (25, N * H/4 * W/4, C)."""
    count, channels, height, width = y.shape
    rows, columns = height // TILE, width // TILE
    tiles = y.permute(0, 2, 3, 1).reshape(count, rows, TILE, columns, TILE, channels).permute(2, 4, 0, 1, 3, 5)
    products = placed(A, y).T @ tiles.reshape(TILE**2, -1)
    return products.view(TAPS**2, count * rows * columns, channels)


def _kernels(weight: torch.Tensor) -> torch.Tensor:
    """Weights (K, C, 4, 4) -> transformed (25, K, 4C)."""
    outer, inner = weight.shape[:2]
    taps = weight.permute(0, 2, 3, 1).reshape(outer, 2, 2, 2, 2, inner).permute(1, 3, 0, 2, 4, 5)
    return (placed(G, weight) @ taps.reshape(4, -1)).view(TAPS**2, outer, 4 * inner)


def _weights(kernels: torch.Tensor, inner: int) -> torch.Tensor:
    """The adjoint of `_kernels`: back to (K, C, 4, 4), channels-last."""
    outer = kernels.shape[1]
    taps = (placed(G, kernels).T @ kernels.reshape(TAPS**2, -1)).view(2, 2, outer, 2, 2, inner)
    return taps.permute(2, 0, 3, 1, 4, 5).reshape(outer, 4, 4, inner).permute(0, 3, 1, 2)


class Spread(Function):
    """`_spread`, differentiable."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Apply `_spread`."""
        ctx.shape = tuple(x.shape)
        return _spread(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """The adjoint."""
        return Gather.apply(gradients[0], ctx.shape)


class Gather(Function):
    """`_gather`, differentiable."""

    @staticmethod
    def forward(ctx: Any, spread: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
        """Apply `_gather`."""
        return _gather(spread, shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """The adjoint."""
        return Spread.apply(gradients[0]), None


class Join(Function):
    """`_join`, differentiable."""

    @staticmethod
    def forward(ctx: Any, products: torch.Tensor, shape: tuple[int, int, int, int]) -> torch.Tensor:
        """Apply `_join`."""
        return _join(products, shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """The adjoint."""
        return Part.apply(gradients[0]), None


class Part(Function):
    """`_part`, differentiable."""

    @staticmethod
    def forward(ctx: Any, y: torch.Tensor) -> torch.Tensor:
        """Apply `_part`."""
        ctx.shape = tuple(y.shape)
        return _part(y)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """The adjoint."""
        return Join.apply(gradients[0], ctx.shape)


class Kernels(Function):
    """`_kernels`, differentiable."""

    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor) -> torch.Tensor:
        """Apply `_kernels`."""
        ctx.inner = weight.shape[1]
        return _kernels(weight)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """The adjoint."""
        return Weights.apply(gradients[0], ctx.inner)


class Weights(Function):
    """`_weights`, differentiable."""

    @staticmethod
    def forward(ctx: Any, kernels: torch.Tensor, inner: int) -> torch.Tensor:
        """Apply `_weights`."""
        return _weights(kernels, inner)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """The adjoint."""
        return Kernels.apply(gradients[0]), None


class Products(Function):
    """(25, T, 4C), (25, K, 4C) -> (25, T, K); torch's derivative would transpose the kernels' gradient."""

    @staticmethod
    def forward(ctx: Any, spread: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
        """Sum over 4C."""
        ctx.save_for_backward(spread, kernels)
        return torch.bmm(spread, kernels.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Gradients of both inputs, if needed."""
        spread, kernels = ctx.saved_tensors
        of_spread = torch.bmm(gradients[0], kernels) if ctx.needs_input_grad[0] else None
        of_kernels = torch.bmm(gradients[0].transpose(1, 2), spread) if ctx.needs_input_grad[1] else None
        return of_spread, of_kernels


def convolve(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`conv2d(x, weight, stride=2, padding=1)`: x (N, C, 2H, 2W), weight (K, C, 4, 4) -> (N, K, H, W), channels-last.

    H and W are multiples of 4.
    """
    shape = (x.shape[0], weight.shape[0], x.shape[2] // 2, x.shape[3] // 2)
    products = Products.apply(Spread.apply(x), Kernels.apply(weight))
    return Join.apply(products, shape)


def convolve_transposed(y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """`conv_transpose2d(y, weight, stride=2, padding=1)`: y (N, K, H, W), weight (K, C, 4, 4) -> (N, C, 2H, 2W).

    H and W are multiples of 4. The adjoint of `convolve`.
    """
    shape = (y.shape[0], weight.shape[1], y.shape[2] * 2, y.shape[3] * 2)
    spread = torch.bmm(Part.apply(y), Kernels.apply(weight))
    return Gather.apply(spread, shape)

"""Layers shared by the networks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from trainer import winograd
from trainer.distributed import Ranks
from trainer.protocol.shapes import group_of


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation (Ioffe & Szegedy 2015) over (B, C, H, W) whose statistics span the ranks it trains with.

    torch's SyncBatchNorm exists for CUDA only; this one is differentiable on every device.

    Attributes:
        ranks: set by the game it plays in: networks that one process tries alone never wait for the others.
        remembers: whether the running statistics move. False where the same batch passes a second time.
    """

    ranks = Ranks()
    remembers = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise `x`; in training mode by the statistics of the global batch."""
        if not self.training or (self.ranks.count == 1 and self.remembers):
            return super().forward(x)
        if self.ranks.count == 1:
            return functional.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)
        from torch.distributed.nn.functional import all_reduce

        with full_precision(x.device):  # As torch's own: half the bits are too few for sums over a batch.
            whole = x.float()
            count = x.numel() / x.shape[1] * self.ranks.count
            moments = torch.stack([whole.sum((0, 2, 3)), whole.square().sum((0, 2, 3))])
            mean, square = all_reduce(moments) / count
            variance = (square - mean.square()).clamp_min(0.0)
            if self.remembers:
                self._remember(mean.detach(), variance.detach() * count / max(count - 1, 1))
            scale = self.weight * torch.rsqrt(variance + self.eps)
            y = whole * scale[None, :, None, None] + (self.bias - mean * scale)[None, :, None, None]
        return y.to(x.dtype)

    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


@contextlib.contextmanager
def remembering(norms: Iterable[BatchNorm2d], whether: bool) -> Iterator[None]:
    """Within this, the running statistics of `norms` move or stay."""
    norms = list(norms)
    before = [norm.remembers for norm in norms]
    for norm in norms:
        norm.remembers = whether
    try:
        yield
    finally:
        for norm, was in zip(norms, before, strict=True):
            norm.remembers = was


class Conv2d(nn.Conv2d):
    """torch's convolution, in training computed faster where `winograd` is set and the layer suits.

    Attributes:
        winograd: set by the training step. Pictures drawn and exports made in evaluation mode never use it.
    """

    winograd = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, K, H', W')."""
        if self.winograd and self.training and winograd.suits(self, x.shape[2] // 2, x.shape[3] // 2):
            with full_precision(x.device):  # Its fractions lose too much in bfloat16.
                y = winograd.convolve(x.to(self.weight.dtype), self.weight)
            return y if self.bias is None else y + self.bias[:, None, None]
        return super().forward(x)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's transposed convolution; a 1x1 map is one matrix product, others as `Conv2d` where `winograd` is set."""

    winograd = False

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """(B, C, H, W) -> (B, K, H', W')."""
        if not (self.winograd and self.training) or output_size is not None:
            return super().forward(x, output_size)
        if x.shape[2:] == (1, 1) and self.padding == (0, 0) and self.output_padding == (0, 0) and self.groups == 1:
            y = x.flatten(1) @ self.weight.permute(0, 2, 3, 1).flatten(1)
            y = y.unflatten(1, (*self.kernel_size, self.out_channels)).permute(0, 3, 1, 2)
        elif winograd.suits(self, x.shape[2], x.shape[3]):
            with full_precision(x.device):
                y = winograd.convolve_transposed(x.to(self.weight.dtype), self.weight)
        else:
            return super().forward(x)
        return y if self.bias is None else y + self.bias[:, None, None]


class OpponentConv2d(nn.Conv2d):
    """A convolution that sees colours as lightness and two differences (red - green, yellow - blue), orthonormal.

    The differences count `weight` times as much as lightness: most of a sprite's variance is its dark outline on a
    light ground, and a network that learns along the steepest slope leaves colour for last. At 1 it is `nn.Conv2d`. A
    channel beyond the first three (alpha) is left alone, and so are pictures with fewer. The matrix is multiplied into
    the kernel, so it costs nothing by the pixel; beside spectral normalisation it multiplies that bound, too.
    """

    axes: torch.Tensor | None

    def __init__(self, inputs: int, outputs: int, kernel: int, padding: int, weight: float) -> None:
        super().__init__(inputs, outputs, kernel, padding=padding)
        axes = opponent_axes(inputs, weight) if weight != 1 and inputs >= 3 else None
        self.register_buffer("axes", axes, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, K, H', W')."""
        if self.axes is None:
            return super().forward(x)
        return self._conv_forward(x, torch.einsum("kohw,oi->kihw", self.weight, self.axes), self.bias)


def opponent_axes(channels: int, weight: float) -> torch.Tensor:
    """(channels, channels): RGB to lightness and `weight` times two colour differences, alpha as it is."""
    axes = torch.eye(channels)
    rows = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
    axes[:3, :3] = functional.normalize(rows, dim=1) * torch.tensor([[1.0], [weight], [weight]])
    return axes


class Dropout(nn.Module):
    """Dropout (Srivastava 2014) whose masks come from a given generator, for the global batch, sliced by rank.

    Attributes:
        source: (generator, rank, ranks) set by the training step; torch's own generator when None.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.source: tuple[torch.Generator, int, int] | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Zero a share of `x` and scale the rest; the identity in evaluation mode."""
        if not self.training or self.share == 0:
            return x
        if self.source is None:
            return functional.dropout(x, self.share, training=True)
        source, rank, ranks = self.source
        shape = (x.shape[0] * ranks, *x.shape[1:])
        drawn = torch.rand(shape, generator=source, device=x.device)[rank * x.shape[0] : (rank + 1) * x.shape[0]]
        return x * (drawn >= self.share).to(x.dtype).mul_(1 / (1 - self.share))


class MinibatchStd(nn.Module):
    """Appends one channel: the standard deviation over groups of pictures (Karras et al. 2018, section 3).

    Attributes:
        batch: pictures in the whole batch, set by the game: its groups stay the same however it is split among ranks
            and micro-batches, each of which holds whole groups. 0: what is given is the whole batch.
    """

    batch = 0

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def group_of(self, count: int) -> int:
        """How many of `count` pictures are compared with each other."""
        return group_of(count, self.group)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C + 1, H, W); B need not be a multiple of the group, unless it is part of `batch`."""
        b, c, h, w = x.shape
        group = self.group_of(self.batch or b)
        grouped = x.float().reshape(b // group, group, c, h, w)
        # Spelt out: on processors `var` over this axis takes as long as a convolution.
        variance = (grouped - grouped.mean(1, keepdim=True)).square().mean(1)
        spread = (variance + 1e-8).sqrt().mean((1, 2, 3))
        plane = spread.repeat_interleave(group).reshape(b, 1, 1, 1).expand(b, 1, h, w)
        return torch.cat([x, plane.to(x.dtype)], 1)


def full_precision(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Within this, float32 stays float32 whatever mixed precision is on around it."""
    return contextlib.nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def spectral(module: Any, norm: str) -> Any:
    """`module` with its weight divided by its largest singular value (Miyato 2018) when `norm` is "spectral"."""
    return nn.utils.parametrizations.spectral_norm(module) if norm == "spectral" else module


def up(x: torch.Tensor) -> torch.Tensor:
    """Twice the side, bilinear."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def down(x: torch.Tensor) -> torch.Tensor:
    """Half the side: the mean of 2x2 pixels, the adjoint of nearest and, up to scale, the inverse of bilinear `up`."""
    return functional.avg_pool2d(x, 2)

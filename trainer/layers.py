"""Layers shared by the networks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from trainer import columns, winograd
from trainer.distributed import Ranks
from trainer.protocol.shapes import group_of


class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation (Ioffe & Szegedy 2015) over (B, C, H, W) whose statistics span the ranks it trains with.

    torch's SyncBatchNorm exists for CUDA only; this one is differentiable on every device.

    Attributes:
        ranks: set by `Game`; networks that are tried on one rank alone must not wait for the others.
        remembers: whether to update the running statistics; False when the same batch passes a second time.
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

        with full_precision(x.device):  # As in torch: half precision is not enough for sums over a batch.
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
    """Within this context, update the running statistics of `norms` or not."""
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
    """A convolution that is computed faster in training, if `winograd` is set and the layer suits.

    In float32 by `trainer.winograd`, in bfloat16, for which that is not precise enough, by `trainer.columns`.

    Attributes:
        winograd: set by `Game`; never used in evaluation mode.
    """

    winograd = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, K, H', W')."""
        if not (self.winograd and self.training):
            return super().forward(x)
        narrow = in_bfloat16(x.device)
        if narrow and columns.suits(self):
            y = columns.convolve(x.bfloat16(), self.weight.bfloat16())
        elif not narrow and winograd.suits(self, x.shape[2] // 2, x.shape[3] // 2):
            y = winograd.convolve(x, self.weight)
        else:
            return super().forward(x)
        return y if self.bias is None else y + self.bias.to(y.dtype)[:, None, None]


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution; with `winograd` set as `Conv2d`, 1x1 maps as one matrix product."""

    winograd = False

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """(B, C, H, W) -> (B, K, H', W')."""
        if not (self.winograd and self.training) or output_size is not None:
            return super().forward(x, output_size)
        narrow = in_bfloat16(x.device)
        if x.shape[2:] == (1, 1) and self.padding == (0, 0) and self.output_padding == (0, 0) and self.groups == 1:
            y = x.flatten(1) @ self.weight.permute(0, 2, 3, 1).flatten(1)
            y = y.unflatten(1, (*self.kernel_size, self.out_channels)).permute(0, 3, 1, 2)
        elif narrow and columns.suits(self):
            y = columns.convolve_transposed(x.bfloat16(), self.weight.bfloat16())
        elif not narrow and winograd.suits(self, x.shape[2], x.shape[3]):
            y = winograd.convolve_transposed(x, self.weight)
        else:
            return super().forward(x)
        return y if self.bias is None else y + self.bias.to(y.dtype)[:, None, None]


class OpponentConv2d(nn.Conv2d):
    """A convolution of lightness and two colour differences (red - green, yellow - blue), orthonormal.

    Differences are scaled by `weight`: most of a sprite's variance is its dark outline on a light background, so that
    networks learn colour last. With a weight of 1 it is `nn.Conv2d`. Alpha is not changed, nor are pictures with fewer
    than three channels. The matrix is multiplied into the kernel, which costs nothing per pixel; it also scales the
    bound of spectral normalisation.
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
    """(channels, channels): RGB to lightness and `weight` times two colour differences; alpha is unchanged."""
    axes = torch.eye(channels)
    rows = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
    axes[:3, :3] = functional.normalize(rows, dim=1) * torch.tensor([[1.0], [weight], [weight]])
    return axes


class Dropout(nn.Module):
    """Dropout (Srivastava 2014) with masks from a given generator, drawn for the global batch and sliced by rank.

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
        batch: pictures in the whole batch, set by `Game`, so that groups do not depend on how it is split among ranks
            and micro-batches (which hold whole groups). 0: the input is the whole batch.
    """

    batch = 0

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def group_of(self, count: int) -> int:
        """How many of `count` pictures are compared with each other."""
        return group_of(count, self.group)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C + 1, H, W); a part of `batch` must hold whole groups."""
        b, c, h, w = x.shape
        group = self.group_of(self.batch or b)
        grouped = x.float().reshape(b // group, group, c, h, w)
        # Written out, since `var` over this axis is slow on CPUs.
        variance = (grouped - grouped.mean(1, keepdim=True)).square().mean(1)
        spread = (variance + 1e-8).sqrt().mean((1, 2, 3))
        plane = spread.repeat_interleave(group).reshape(b, 1, 1, 1).expand(b, 1, h, w)
        return torch.cat([x, plane.to(x.dtype)], 1)


def full_precision(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Within this context, mixed precision is off."""
    return contextlib.nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def in_bfloat16(device: torch.device) -> bool:
    """Whether networks run in bfloat16 here (see `Machine.autocast`)."""
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)


def spectral(module: Any, norm: str) -> Any:
    """`module` with its weight divided by its largest singular value (Miyato 2018) when `norm` is "spectral"."""
    return nn.utils.parametrizations.spectral_norm(module) if norm == "spectral" else module


def up(x: torch.Tensor) -> torch.Tensor:
    """Double the side, bilinear."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def down(x: torch.Tensor) -> torch.Tensor:
    """Halve the side: the mean of 2x2 pixels."""
    return functional.avg_pool2d(x, 2)

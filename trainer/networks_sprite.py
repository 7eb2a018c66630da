"""Small norm-free residual networks for sprites, after "The GAN is dead; long live the GAN!" (Huang et al. 2024)."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from trainer.layers import BatchNorm2d, MinibatchStd, OpponentConv2d, down, full_precision, spectral, up
from trainer.protocol.config import TrainConfig
from trainer.protocol.shapes import stages

SLOPE = 0.2
SHARPNESS = 4.0
"""What the scores of palette colours are multiplied by: places decide for one of them within few steps."""


def _initialise(layer: nn.Conv2d | nn.Linear, gain: float = math.sqrt(2 / (1 + SLOPE**2))) -> None:
    """He initialisation (He et al. 2015, equation 14): standard deviation gain / sqrt(fan in), zero bias."""
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(fan_in))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class Residual(nn.Module):
    """x + conv3(act(conv3(act(x)))), the last convolution zero at the start (Zhang, Dauphin & Ma 2019)."""

    def __init__(self, channels: int, norm: str, batch_norm: Callable[[int], nn.Module] = BatchNorm2d) -> None:
        super().__init__()
        first, second = nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, channels, 3, padding=1)
        _initialise(first)
        nn.init.zeros_(second.weight)
        assert second.bias is not None
        nn.init.zeros_(second.bias)
        if norm == "spectral":  # A zero matrix has no direction to normalise by.
            _initialise(second, 0.1)
        self.first, self.second = spectral(first, norm), spectral(second, norm)
        self.norm = batch_norm(channels) if norm == "batch" else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same shape."""
        y = self.first(functional.leaky_relu(self.norm(x), SLOPE))
        return x + self.second(functional.leaky_relu(y, SLOPE))


class SpriteGenerator(nn.Module):
    """A learned 4x4 basis scaled by a linear map of z, then residual stages joined by bilinear doubling.

    With `modulation` the channels that enter a stage are scaled by 1 + another linear map of z (self-modulation, Chen
    et al. 2019, without its shift and normalisation), so that pictures can differ at every scale.
    With `skips` every stage adds its own picture to the doubled sum of those before ("output skips", Karras et al.
    2020, figure 7b), so that large areas of colour need not pass through the few channels of the last stage.
    With `palette` a linear map of z makes so many colours, and the stages draw scores of them instead of a picture:
    each place has the mean of the colours weighted by the softmax of its scores. So parts are plain where one wins.
    """

    def __init__(
        self,
        latent: int,
        widths: tuple[int, ...],
        channels: int,
        norm: str,
        modulation: bool = False,
        skips: bool = False,
        palette: int = 0,
        batch_norm: Callable[[int], nn.Module] = BatchNorm2d,
    ) -> None:
        super().__init__()
        self.basis = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.linear = nn.Linear(latent, widths[0])
        _initialise(self.linear, 1.0)
        self.stages = nn.ModuleList(Residual(width, norm, batch_norm) for width in widths)
        self.scales = nn.ModuleList(nn.Linear(latent, width) for width in widths if modulation)
        for scale in self.scales:
            assert isinstance(scale, nn.Linear)
            _initialise(scale, 0.5)
        pairs = itertools.pairwise(widths)
        self.changes = nn.ModuleList(nn.Conv2d(a, b, 1, bias=False) for a, b in pairs)
        for change in self.changes:
            assert isinstance(change, nn.Conv2d)
            _initialise(change, 1.0)
        drawn = palette or channels
        self.pictures = nn.ModuleList(nn.Conv2d(width, drawn, 1) for width in widths[:-1] if skips)
        self.picture = nn.Conv2d(widths[-1], drawn, 3, padding=1)
        for picture in (*self.pictures, self.picture):
            assert isinstance(picture, nn.Conv2d)
            _initialise(picture, 0.3)
        self.palette = self._new_palette(latent, palette, channels) if palette else None

    @staticmethod
    def _new_palette(latent: int, count: int, channels: int) -> nn.Linear:
        """Random colours that vary with z, the first nearly white or, with alpha, nearly clear."""
        palette = nn.Linear(latent, count * channels)
        _initialise(palette, 0.5)
        assert palette.bias is not None
        nn.init.uniform_(palette.bias, -1.5, 1.5)
        with torch.no_grad():
            palette.bias[:channels] = torch.tensor([2.5, 2.5, 2.5, -2.5][:channels])
        return palette

    @property
    def mixing_stages(self) -> int:
        """Stages that can be given latents of their own (see `staged`); 1 without modulation."""
        return max(1, len(self.scales))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, latent) -> (B, channels, 4 * 2^(stages - 1), same) in [-1, 1]."""
        return self._drawn([z] * self.mixing_stages)

    def staged(self, z: torch.Tensor) -> torch.Tensor:
        """z (B, mixing_stages, latent), a latent for each stage, coarse to fine ("style mixing", Karras et al. 2019,
        section 3.1) -> pictures as `forward` gives them."""
        return self._drawn(list(z.unbind(1)))

    def _drawn(self, z: list[torch.Tensor]) -> torch.Tensor:
        drawn: torch.Tensor | None = None
        with full_precision(z[0].device):  # The 4x4 core and the scales stay in float32.
            factors = [1 + scale(own.float())[:, :, None, None] for scale, own in zip(self.scales, z, strict=False)]
            x = self.basis * self.linear(z[0].float())[:, :, None, None]
            x = self.stages[0](x * factors[0] if factors else x)
        for index, (change, stage) in enumerate(zip(self.changes, list(self.stages)[1:], strict=True), 1):
            if self.pictures:
                part = self.pictures[index - 1](functional.leaky_relu(x, SLOPE)).float()
                drawn = up(part if drawn is None else drawn + part)
            x = up(change(x))
            x = stage(x * factors[index].to(x.dtype) if factors else x)
        part = self.picture(functional.leaky_relu(x, SLOPE))
        drawn = part if drawn is None else drawn + part.float()
        return torch.tanh(drawn) if self.palette is None else self._coloured(drawn, z[-1])

    def _coloured(self, scores: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Scores (B, colours, H, W) and latents (B, latent) -> pictures (B, channels, H, W)."""
        assert self.palette is not None
        with full_precision(z.device):
            colours = torch.tanh(self.palette(z.float())).unflatten(1, (scores.shape[1], -1))
            shares = (SHARPNESS * scores.float()).softmax(1)
            return (colours.transpose(1, 2) @ shares.flatten(2)).unflatten(2, scores.shape[2:])

    def entering_weights(self) -> torch.Tensor:
        """What z meets first, (rows, latent): the map that scales the 4x4 basis, weighted by the basis, and the maps of
        the modulation and the palette."""
        basis = self.linear.weight * self.basis.flatten(2).norm(dim=2).T
        maps = [*self.scales, *([] if self.palette is None else [self.palette])]
        return torch.cat([basis, *(one.weight for one in maps if isinstance(one, nn.Linear))]).detach()


class SpriteCritic(nn.Module):
    """The reverse of the generator: residual stages joined by 2x2 means, then a learned 4x4 basis, to (B, widths[-1]).

    With `skips` every stage also sees the reduced picture ("input skips", Karras et al. 2020, figure 7b), both
    halved in power. `colour_weight` multiplies the colour differences it sees (OpponentConv2d).
    """

    def __init__(
        self,
        widths: tuple[int, ...],
        channels: int,
        norm: str,
        minibatch_std: bool,
        skips: bool = False,
        colour_weight: float = 1.0,
        batch_norm: Callable[[int], nn.Module] = BatchNorm2d,
    ) -> None:
        super().__init__()

        def seeing(width: int, kernel: int) -> nn.Module:
            layer = OpponentConv2d(channels, width, kernel, kernel // 2, colour_weight)
            _initialise(layer, 1.0)
            return spectral(layer, norm)

        self.picture = seeing(widths[0], 3)
        self.pictures = nn.ModuleList(seeing(width, 1) for width in widths[1:] if skips)
        self.stages = nn.ModuleList(Residual(width, norm, batch_norm) for width in widths)
        changes = [nn.Conv2d(a, b, 1, bias=False) for a, b in itertools.pairwise(widths)]
        for change in changes:
            _initialise(change, 1.0)
        self.changes = nn.ModuleList(spectral(change, norm) for change in changes)
        self.spread = MinibatchStd() if minibatch_std else nn.Identity()
        last = widths[-1] + minibatch_std
        self.basis = nn.Conv2d(last, last, 4, groups=last, bias=False)
        _initialise(self.basis, 1.0)
        self.features = last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, channels, H, W) in [-1, 1] -> (B, features)."""
        picture, x = x, self.picture(x)
        for index, stage in enumerate(self.stages):
            if index:
                x = self.changes[index - 1](down(x))
            if index and self.pictures:
                picture = down(picture)
                x = (x + self.pictures[index - 1](picture)) * math.sqrt(0.5)
            if index == len(self.stages) - 1:
                break
            x = stage(x)
        with full_precision(x.device):  # The 4x4 core stays in float32.
            x = self.spread(self.stages[-1](x.float()))
            return self.basis(functional.leaky_relu(x, SLOPE)).flatten(1)


def sprite(config: TrainConfig, latent: int) -> tuple[nn.Module, nn.Module, nn.Linear]:
    """Generator, discriminator core and head of the residual family, at the configuration's picture size."""
    a, found = config.architecture, stages(config.architecture, config.data.size)
    channels = config.data.channels
    norm = functools.partial(BatchNorm2d, eps=a.norm_eps, momentum=a.norm_momentum)
    generator = SpriteGenerator(
        latent, found.generator, channels, a.generator_norm, a.modulation, a.skips, a.palette, norm
    )
    core = SpriteCritic(
        found.discriminator, channels, a.discriminator_norm, a.minibatch_std, a.skips, a.colour_weight, norm
    )
    head = nn.Linear(core.features, 1)
    _initialise(head, 1.0)
    return generator, core, spectral(head, a.discriminator_norm)

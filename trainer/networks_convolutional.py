"""The plain convolutional networks: the GANdam Project's (2019) and DCGAN's (Radford, Metz & Chintala 2015)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainer.layers import BatchNorm2d, Conv2d, ConvTranspose2d, Dropout, MinibatchStd, spectral
from trainer.protocol.config import TrainConfig
from trainer.protocol.settings import Architecture
from trainer.protocol.shapes import normed_blocks, stages


class Shape(nn.Module):
    """(B, C * side * side) -> (B, C, side, side)."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.channels, self.side = channels, side

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Reshape."""
        return x.reshape(-1, self.channels, self.side, self.side)  # Exports would trace len(x) as a constant.


def gandam(config: TrainConfig, latent: int) -> tuple[nn.Module, nn.Module, nn.Linear]:
    """The GANdam Project's networks; 3x3 kernels, stride 2. Presets hold the layer tables.

    Generator block: ConvTranspose 3x3 stride 2 -> ReLU -> BatchNorm; the last gives the picture through tanh.
    Discriminator block: Conv 3x3 stride 2 -> LeakyReLU 0.2 -> [BatchNorm in the first blocks] -> Dropout; dense layers.
    Initialised as Keras does (Glorot uniform, zero bias). Returns (generator, discriminator core, head).
    """
    a, found = config.architecture, stages(config.architecture, config.data.size)
    generator: list[nn.Module] = []
    width = latent
    for units in a.generator_dense:
        generator += [nn.Linear(width, units), nn.ReLU()]
        width = units
    if a.generator_base_channels:
        generator += [nn.Linear(width, a.generator_base_channels * a.base**2), nn.ReLU()]
        width = a.generator_base_channels
    generator.append(Shape(width, a.base))
    for channels in found.generator:
        generator += [_doubling(width, channels, 3), nn.ReLU()]
        generator += [_norm(channels, a)] if a.generator_norm == "batch" else []
        width = channels
    generator += [_doubling(width, config.data.channels, 3), nn.Tanh()]

    core: list[nn.Module] = []
    width, side = config.data.channels, config.data.size
    normed = normed_blocks(a, found)
    for index, channels in enumerate(found.discriminator):
        core += [spectral(nn.Conv2d(width, channels, 3, 2, 1), a.discriminator_norm), nn.LeakyReLU(0.2)]
        if index < normed:
            core.append(_norm(channels, a))
        core += [Dropout(a.dropout)] if a.dropout else []
        width, side = channels, side // 2
    core += [MinibatchStd()] if a.minibatch_std else []
    core.append(nn.Flatten())
    width = (width + a.minibatch_std) * side**2
    for units in a.discriminator_dense:
        core.append(spectral(nn.Linear(width, units), a.discriminator_norm))
        core.append(nn.ReLU() if a.dense_activation == "relu" else nn.LeakyReLU(0.2))
        width = units
    networks = nn.Sequential(*generator), nn.Sequential(*core)
    head = nn.Linear(width, 1)
    for module in (*networks[0].modules(), *networks[1].modules(), head):
        _glorot(module)
    return *networks, spectral(head, a.discriminator_norm)


def dcgan(config: TrainConfig, latent: int) -> tuple[nn.Module, nn.Module, nn.Linear]:
    """DCGAN's networks: 4x4 kernels, stride 2, BatchNorm before ReLU, weights ~ N(0, 0.02) (Radford 2015, section 3).

    The first generator layer is a transposed convolution from 1x1 to 4x4; the last of the discriminator the reverse.
    Returns (generator, discriminator core, head).
    """
    a, found = config.architecture, stages(config.architecture, config.data.size)
    normed = a.generator_norm == "batch"
    generator: list[nn.Module] = [Shape(latent, 1)]
    width = latent
    for index, channels in enumerate(found.generator):
        stride, padding = (1, 0) if index == 0 else (2, 1)
        generator.append(ConvTranspose2d(width, channels, 4, stride, padding, bias=not normed))
        generator += [_norm(channels, a)] if normed else []
        generator.append(nn.ReLU())
        width = channels
    generator += [ConvTranspose2d(width, config.data.channels, 4, 2, 1, bias=False), nn.Tanh()]

    core: list[nn.Module] = []
    width = config.data.channels
    for index, channels in enumerate(found.discriminator):
        batch = a.discriminator_norm == "batch" and index > 0
        core.append(spectral(Conv2d(width, channels, 4, 2, 1, bias=not batch and index > 0), a.discriminator_norm))
        core += [_norm(channels, a)] if batch else []
        core.append(nn.LeakyReLU(0.2))
        core += [Dropout(a.dropout)] if a.dropout else []
        width = channels
    core += [MinibatchStd()] if a.minibatch_std else []
    core.append(nn.Flatten())
    head = nn.Linear((width + a.minibatch_std) * 16, 1, bias=False)
    networks = nn.Sequential(*generator), nn.Sequential(*core)
    for module in (*networks[0].modules(), *networks[1].modules(), head):
        _normal(module)
    return *networks, spectral(head, a.discriminator_norm)


def _norm(channels: int, architecture: Architecture) -> BatchNorm2d:
    return BatchNorm2d(channels, eps=architecture.norm_eps, momentum=architecture.norm_momentum)


def _doubling(width: int, channels: int, kernel: int) -> nn.ConvTranspose2d:
    """A transposed convolution, stride 2, whose output is exactly twice as wide (Keras' "same")."""
    return nn.ConvTranspose2d(width, channels, kernel, 2, padding=1, output_padding=1)


def _weight(module: Any) -> torch.Tensor:
    if hasattr(module, "parametrizations"):
        return module.parametrizations.weight.original
    return module.weight


def _glorot(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(_weight(module))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _normal(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(_weight(module), 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)

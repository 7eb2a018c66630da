"""Builds generator and discriminator from a configuration, for any picture size, with or without classes."""

from __future__ import annotations

import math

import torch
from torch import nn

from trainer.layers import full_precision
from trainer.protocol.config import TrainConfig
from trainer.protocol.shapes import CLASS_FEATURES
from trainer.randomness import derived_seed


class Generator(nn.Module):
    """Latents (and classes) to pictures.

    Attributes:
        latent: length of z. classes: number of classes, 0 for none.
    """

    def __init__(self, core: nn.Module, latent: int, classes: int) -> None:
        super().__init__()
        self.latent, self.classes = latent, classes
        self.core = core
        if classes:
            self.class_vectors = nn.Embedding(classes, CLASS_FEATURES)

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """z (B, latent), labels (B,) int64 in [0, classes) -> pictures (B, C, H, W) in [-1, 1], float32."""
        if self.classes:
            z = torch.cat([z, self._vectors(z, labels)], 1)
        return self.core(z).float()

    @property
    def mixing_stages(self) -> int:
        """How many latents, coarse to fine, one picture can be drawn from; 1 where stages cannot be mixed."""
        return int(getattr(self.core, "mixing_stages", 1))

    def staged(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """As `forward`, from a latent for each stage: z (B, mixing_stages, latent)."""
        if self.mixing_stages == 1:
            return self.forward(z[:, 0], labels)
        if self.classes:
            vectors = self._vectors(z, labels)[:, None].expand(-1, z.shape[1], -1)
            z = torch.cat([z, vectors], 2)
        staged: torch.Tensor = self.core.staged(z)  # type: ignore[operator]
        return staged.float()

    def _vectors(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        if labels is None:
            labels = torch.zeros(len(z), dtype=torch.long, device=z.device)
        vectors: torch.Tensor = self.class_vectors(labels)
        return vectors


class Discriminator(nn.Module):
    """Pictures (and classes) to raw scores; classes by projection (Miyato & Koyama 2018, equation 3).

    `core` maps pictures to (B, features); `head` those to one score.
    """

    def __init__(self, core: nn.Module, head: nn.Linear, classes: int) -> None:
        super().__init__()
        self.core, self.head, self.classes = core, head, classes
        if classes:
            self.class_vectors = nn.Embedding(classes, head.in_features)

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        """x (B, C, H, W) in [-1, 1], labels (B,) -> raw scores (B,), float32, higher is more real."""
        features = self.core(x)
        with full_precision(x.device):
            features = features.float()
            score = self.head(features).squeeze(1)
            if self.classes and labels is not None:
                score = score + (features * self.class_vectors(labels)).sum(1) / math.sqrt(features.shape[1])
        return score


def build_networks(config: TrainConfig, classes: int = 0) -> tuple[Generator, Discriminator]:
    """The two networks on the CPU, initialised by the configuration's seed. Raises ValueError for a flow."""
    from trainer import networks_convolutional, networks_sprite

    if config.is_flow:
        raise ValueError("a flow has no discriminator")
    classes = classes or class_count(config)
    architecture = config.architecture
    kinds = {
        "gandam": networks_convolutional.gandam,
        "dcgan": networks_convolutional.dcgan,
        "sprite": networks_sprite.sprite,
    }
    latent = architecture.latent + (CLASS_FEATURES if classes else 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(config.seed, "weights"))
        generator, core, head = kinds[architecture.kind](config, latent)
        return Generator(generator, architecture.latent, classes), Discriminator(core, head, classes)


def class_count(config: TrainConfig) -> int:
    """The number of classes that a run learns, 0 for none."""
    return len(config.data.condition) + 1 if config.data.condition else 0


def parameter_count(module: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters())

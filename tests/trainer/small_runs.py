"""Configurations and pictures for small real runs: narrow networks and tiny batches."""

from __future__ import annotations

import numpy as np
import torch

from trainer.dataset import TrainingSet
from trainer.protocol.config import TrainConfig, fit_data
from trainer.protocol.overrides import apply_overrides
from trainer.protocol.presets import load_preset, preset_names

# Narrow networks and tiny batches: every code path, little arithmetic.
SMALL = {
    "gandam": ["generator_base_channels=0", "generator_dense=24,16", "discriminator_dense=12", "architecture.latent=8",
               "architecture.base=1", "generator_channels=24,16,12,8", "discriminator_channels=6,8,12,16,16",
               "architecture.size=32"],
    "dcgan": ["architecture.latent=8", "generator_channels=16,12,8,6", "discriminator_channels=4,6,8,12"],
    "sprite": ["architecture.size=32", "architecture.latent=8", "generator_channels=16,12,8,6",
               "discriminator_channels=6,8,12,16"],
    "unet": ["architecture.size=32", "architecture.blocks=1", "generator_channels=16,8,8", "flow.steps=3",
             "flow.grid_steps=2"],
}  # fmt: skip
ADVERSARIAL = [name for name in preset_names() if not load_preset(name).is_flow]
"""Presets with a discriminator."""
COMMON = ["batch.size=8", "sampling.count=4", "precision.channels_last=off", "precision.kind=fp32", "device=cpu"]


def small_config(preset: str, *overrides: str, channels: int = 3) -> TrainConfig:
    """A preset with narrow networks at 32 px; all other settings are its own."""
    config = load_preset(preset)
    config = fit_data(config, 32, channels)
    texts = [*SMALL[config.architecture.kind], *COMMON]
    if config.data.subset:
        texts.append("data.subset=8")
    return apply_overrides(config, [*texts, *overrides])


def shapes(count: int, channels: int, seed: int = 0) -> np.ndarray:
    """Coloured discs on white, or on transparency if there is alpha: uint8 (count, 32, 32, channels)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    pictures = np.full((count, 32, 32, channels), 255, np.uint8)
    for picture in pictures:
        cy, cx, radius = (*random.integers(10, 22, 2).tolist(), int(random.integers(5, 10)))
        inside = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
        picture[inside, :3] = random.integers(0, 200, 3)
        if channels == 4:
            picture[..., 3] = np.where(inside, 255, 0)
    return pictures


def training_set(config: TrainConfig, count: int = 24) -> TrainingSet:
    """The same pictures as a data set, without a run."""
    pixels = torch.from_numpy(shapes(count, config.data.channels))
    fill = torch.tensor([1.0, 1.0, 1.0, -1.0][: config.data.channels])
    return TrainingSet(pixels, torch.arange(count), torch.arange(0), None, None, (), fill)

"""A run with a checkpoint, trained by the trainer in its own process: narrow networks, two steps."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from PIL import Image
from warm_starts import trainer_command

from trainer.protocol.run_directory import RunDirectory

NARROW = (
    "architecture.latent=8", "generator_channels=16,12,8,6", "discriminator_channels=6,8,12,16", "batch.size=8",
    "sampling.count=16", "precision.channels_last=off", "precision.kind=fp32", "device=cpu",
)  # fmt: skip


def discs(count: int, seed: int = 0) -> np.ndarray:
    """Coloured discs off the middle, on white: uint8 (count, 32, 32, 3)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    pictures = np.full((count, 32, 32, 3), 255, np.uint8)
    for picture in pictures:
        cy, cx, radius = (*random.integers(8, 24, 2).tolist(), int(random.integers(4, 9)))
        picture[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = random.integers(0, 200, 3)
    return pictures


NARROW_FLOW = (
    "generator_channels=8,8,8", "batch.size=8", "sampling.count=16", "precision.channels_last=off",
    "precision.kind=fp32", "device=cpu", "flow.grid_steps=1", "flow.steps=3", "ema.enabled=false",
    "optimiser.lr_g=0.02", "schedule.warmup=0",
)  # fmt: skip


def trained_run(
    folder: Path, iterations: int = 2, count: int = 32, preset: str = "sprite-r3-cpu",
    settings: tuple[str, ...] = NARROW,
) -> RunDirectory:  # fmt: skip
    """Train in `folder`, which must not exist; its parent is made."""
    pictures = folder.parent / f"{folder.name}-pictures"
    pictures.mkdir(parents=True)
    for index, picture in enumerate(discs(count)):
        Image.fromarray(picture).save(pictures / f"{index:03}.png")
    words = [word for setting in (*settings, f"stop.iterations={iterations}") for word in ("--set", setting)]
    for arguments in (["new", str(folder), "--preset", preset, "--data", str(pictures), *words],
                      ["train", str(folder)]):  # fmt: skip
        done = subprocess.run(trainer_command(*arguments), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return RunDirectory(folder)

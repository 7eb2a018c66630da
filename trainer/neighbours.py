"""Finds the training and held-out pictures nearest to a sample, by the diagnostics' own distance, mirror images too."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from trainer.dataset import load_training_set
from trainer.diagnostics.likeness import Array, RealPictures, Scale, scale_of, small
from trainer.protocol.run_directory import RunDirectory
from trainer.real_sides import real_sides


@dataclass(frozen=True)
class Near:
    """A real picture near a sample.

    Attributes:
        row: of dataset.npy. held_out: whether it was kept from training. mirrored: its mirror image is nearer.
        distance: as a share of the distance below which pictures look alike (`likeness.Scale.tau`).
        pixels: uint8 (H, W, C), mirrored where that is nearer.
    """

    row: int
    held_out: bool
    mirrored: bool
    distance: float
    pixels: Array


class Neighbours:
    """A run's real pictures, ready to be compared with samples. Raises TrainerError if they cannot be read."""

    def __init__(self, run: RunDirectory) -> None:
        data = load_training_set(run, run.config(), torch.device("cpu"), verify=False)
        self._rows = data.train, data.held_out
        self._sides: tuple[RealPictures, RealPictures] = real_sides(data)
        self._scale: Scale | None = None

    @property
    def scale(self) -> Scale:
        """What counts as looking alike among these pictures; measured on first use."""
        if self._scale is None:
            self._scale = scale_of(self._sides[0])
        return self._scale

    def nearest(self, picture: Array, count: int) -> tuple[list[Near], list[Near]]:
        """The `count` nearest training pictures of uint8 (H, W, C), and the nearest held-out ones, nearest first."""
        x = small(picture[None])
        tau = max(self.scale.tau, 1e-9)
        found = []
        for held_out, (side, rows) in enumerate(zip(self._sides, self._rows, strict=True)):
            distance, mirrored = side.distances(x)
            order = distance.argsort(stable=True)[:count].tolist()
            found.append([
                Near(
                    int(rows[i]), bool(held_out), bool(mirrored[i]), float(distance[i]) / tau,
                    side.pixels[i][:, ::-1].copy() if mirrored[i] else side.pixels[i],
                )
                for i in order
            ])  # fmt: skip
        return found[0], found[1]

    def copies(self, pixels: Array) -> torch.Tensor:
        """Which samples, uint8 (N, H, W, C), look like a training picture: (N,) bool."""
        return self._sides[0].compare(small(pixels)).distance < self.scale.tau

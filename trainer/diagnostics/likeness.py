"""One distance for "the same picture": blocks of pixels, compared under small shifts and mirroring.

Pictures on white are averaged to 32 x 32 pixels and shifted, then over blocks of 4 x 4: 192 numbers in [0, 1]. Features
of networks and gradients do not find soft or blurred copies at any threshold that does not match different sprites too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

SIDE = 32
BLOCK = 4
NEAR = 1
"""Largest shift of a real picture, in pixels of 32 x 32, when a sample is compared with it."""
FAR = 2
"""Largest shift between two samples."""
LOOK_ALIKE = 0.6
"""The distance tau below which pictures look alike, as a share of the median distance between nearest training
pictures of different families."""
LOO_ROWS = 1024
CHUNK = 512
KEPT = 8
"""Chunks of real pictures whose variants are kept in memory, 7 MB each."""

Array = np.ndarray[Any, Any]


def on_white(pixels: Array) -> torch.Tensor:
    """uint8 (N, H, W, 3 or 4) -> float32 (N, 3, H, W) in [0, 1], composited over white."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 255
    if x.shape[1] == 4:
        alpha = x[:, 3:]
        x = x[:, :3] * alpha + (1 - alpha)
    return x


def small(pixels: Array) -> torch.Tensor:
    """uint8 (N, H, W, 3 or 4) -> float32 (N, 3, 32, 32) in [0, 1] on white, by averaging areas."""
    parts = []
    for first in range(0, len(pixels), CHUNK):
        x = on_white(pixels[first : first + CHUNK])
        parts.append(x if x.shape[2:] == (SIDE, SIDE) else functional.interpolate(x, size=(SIDE, SIDE), mode="area"))
    return torch.cat(parts) if parts else torch.empty(0, 3, SIDE, SIDE)


def shifts(reach: int) -> list[tuple[int, int]]:
    """All shifts (dx, dy) of up to `reach` pixels, no shift first."""
    found = [(dx, dy) for dy in range(-reach, reach + 1) for dx in range(-reach, reach + 1)]
    return sorted(found, key=lambda shift: (abs(shift[0]) + abs(shift[1]), shift))


def blocks(pictures: torch.Tensor, reach: int = 0, mirrored: bool = False) -> torch.Tensor:
    """(N, 3, 32, 32) -> (V, N, 192): the averages over 4 x 4 blocks of every variant.

    Variants are the shifts by up to `reach` (the edge's pixels are repeated), then the same of the mirror images.
    """
    sides = [pictures, pictures.flip(3)] if mirrored else [pictures]
    count = len(pictures)
    if not reach:
        return torch.stack([functional.avg_pool2d(side, BLOCK).flatten(1) for side in sides])
    found = pictures.new_empty(len(sides), (2 * reach + 1) ** 2, count, pictures.shape[1] * (SIDE // BLOCK) ** 2)
    if not count:
        return found.flatten(0, 1)
    for side, of_side in zip(sides, found, strict=True):
        padded = functional.pad(side, (reach,) * 4, mode="replicate")
        # All pictures' channels as those of one picture, and last in memory: the same averages in a third of the time.
        wide = padded.flatten(0, 1)[None].contiguous(memory_format=torch.channels_last)
        for (dx, dy), variant in zip(shifts(reach), of_side, strict=True):
            part = wide[:, :, reach - dy : reach - dy + SIDE, reach - dx : reach - dx + SIDE]
            variant.copy_(functional.avg_pool2d(part, BLOCK)[0].reshape(count, -1))
    return found.flatten(0, 1)


def squared_distances(x: torch.Tensor, variants: torch.Tensor) -> torch.Tensor:
    """The least squared Euclidean distances of x (N, d) to the variants (V, M, d): (N, M)."""
    return _lengthened(_least(x, variants), x)


def _squared_distances_mirrored(x: torch.Tensor, variants: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same where the second half of the variants are mirror images, and whether one of these is nearest."""
    half = len(variants) // 2
    own, mirrored = _least(x, variants[:half]), _least(x, variants[half:])
    turned = mirrored < own
    return _lengthened(torch.minimum(own, mirrored, out=own), x), turned


def _least(x: torch.Tensor, variants: torch.Tensor) -> torch.Tensor:
    """The least squared distances less the squares of x, (N, M)."""
    least: torch.Tensor | None = None
    for variant in variants:
        far = torch.addmm((variant * variant).sum(1)[None, :], x, variant.T, alpha=-2)
        least = far if least is None else torch.minimum(least, far, out=least)
    assert least is not None
    return least


def _lengthened(least: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return least.add_((x * x).sum(1)[:, None]).clamp_min_(0)


def among(pictures: torch.Tensor) -> torch.Tensor:
    """Distances (m, m) between samples (m, 3, 32, 32), under shifts of up to 2 pixels; infinite to itself."""
    least = squared_distances(blocks(pictures)[0], blocks(pictures, FAR))
    least = torch.minimum(least, least.T).sqrt()
    least.fill_diagonal_(torch.inf)
    return least


@dataclass(frozen=True)
class Comparison:
    """Samples compared with real pictures.

    Attributes:
        distance: (N,) from each sample to its nearest real picture. row: (N,) that picture's row.
        mirrored: (N,) whether its mirror image is nearer than itself.
        of_reals: (M,) from each real picture to its nearest sample.
    """

    distance: torch.Tensor
    row: torch.Tensor
    mirrored: torch.Tensor
    of_reals: torch.Tensor


class RealPictures:
    """Training or held-out pictures, ready to be compared with samples.

    Attributes:
        pixels: uint8 (M, H, W, 3 or 4).
        families: (M,) int64, equal numbers for pictures of one family.
    """

    def __init__(self, pixels: Array, families: Array) -> None:
        self.pixels = pixels
        self.families = torch.from_numpy(np.asarray(families, dtype=np.int64))
        self._kept: list[torch.Tensor] = []

    def __len__(self) -> int:
        return len(self.pixels)

    def compare(self, pictures: torch.Tensor) -> Comparison:
        """Compare samples (N, 3, 32, 32) with every real picture, mirrored or not, shifted by up to a pixel."""
        x = blocks(pictures)[0]
        distance = torch.full((len(x),), torch.inf)
        row = torch.zeros(len(x), dtype=torch.long)
        mirrored = torch.zeros(len(x), dtype=torch.bool)
        of_reals = []
        for first, variants in self._variants():
            least, nearer_mirrored = _squared_distances_mirrored(x, variants)
            of_reals.append(least.min(0).values)
            value, at = least.min(1)
            closer = value < distance
            distance = torch.where(closer, value, distance)
            row = torch.where(closer, at + first, row)
            turned = nearer_mirrored.gather(1, at[:, None])[:, 0]
            mirrored = torch.where(closer, turned, mirrored)
        reals = torch.cat(of_reals).sqrt() if of_reals else torch.empty(0)
        return Comparison(distance.sqrt(), row, mirrored, reals)

    def distances(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From one sample (1, 3, 32, 32) to every real picture, shifted by up to a pixel: its distance, (M,), and
        whether its mirror image is nearer than itself, (M,)."""
        x = blocks(picture)[0]
        far, turned = [torch.empty(0)], [torch.empty(0, dtype=torch.bool)]
        for _first, variants in self._variants():
            least, nearer_mirrored = _squared_distances_mirrored(x, variants)
            far.append(least[0])
            turned.append(nearer_mirrored[0])
        return torch.cat(far).sqrt(), torch.cat(turned)

    def leave_one_out(self, rows: Array) -> torch.Tensor:
        """For the real pictures `rows` (K,): the distance to the nearest of another family (K,), infinite if none."""
        own_families = self.families[torch.from_numpy(np.asarray(rows, dtype=np.int64))]
        x = blocks(small(self.pixels[rows]))[0]
        least = torch.full((len(x),), torch.inf)
        for first, variants in self._variants():
            related = own_families[:, None] == self.families[first : first + variants.shape[1]][None, :]
            far = squared_distances(x, variants)
            least = torch.minimum(least, far.masked_fill_(related, torch.inf).min(1).values)
        return least.sqrt()

    def _variants(self) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield (first row, variants (18, K, 192)) in pieces, which are kept for all but large sets."""
        for number, first in enumerate(range(0, len(self), CHUNK)):
            if number < len(self._kept):
                yield first, self._kept[number]
                continue
            made = blocks(small(self.pixels[first : first + CHUNK]), NEAR, mirrored=True)
            if number < KEPT:
                self._kept.append(made)
            yield first, made


@dataclass(frozen=True)
class Scale:
    """What counts as looking alike in a set of training pictures.

    Attributes:
        tau: the distance below which two pictures look alike.
        median: the median distance from a training picture to the nearest of another family.
        alike: k0, the share of training pictures that look like one of another family.
    """

    tau: float
    median: float
    alike: float


def scale_of(real: RealPictures) -> Scale:
    """The scale of training pictures; of 1,024 of them, evenly spread, where there are more."""
    rows = np.unique(np.linspace(0, len(real) - 1, min(len(real), LOO_ROWS)).round().astype(np.int64))
    distances = real.leave_one_out(rows)
    finite = distances[torch.isfinite(distances)]
    if not len(finite):
        return Scale(0.0, 0.0, 0.0)
    median = float(finite.median())
    tau = LOOK_ALIKE * median
    return Scale(tau, median, float((distances < tau).double().mean()))

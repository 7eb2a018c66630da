"""Differentiable augmentation of what the discriminator sees (Zhao et al. 2020; Karras et al. 2020), on the device.

Shifts are products with one-hot matrices: exact, deterministic and twice differentiable, as gradient penalties need.
Parameters are drawn separately, so that a step can be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from trainer.layers import full_precision
from trainer.protocol.settings import Augmentation
from trainer.protocol.shapes import CHANGE_FEATURES


@dataclass(frozen=True)
class AugmentParams:
    """How each of B pictures is augmented; None where a kind of augmentation is off.

    Attributes:
        shift: (B, 2) int64, rows down and columns right. turns: (B,) int64, quarter turns.
        brightness, saturation, contrast: (B,) float32, 0 for no change. hole: (B, 2) int64, upper left corner, or
            -size for none; hole_size: its side in pixels.
    """

    shift: torch.Tensor | None = None
    turns: torch.Tensor | None = None
    brightness: torch.Tensor | None = None
    saturation: torch.Tensor | None = None
    contrast: torch.Tensor | None = None
    hole: torch.Tensor | None = None
    hole_size: int = 0

    def part(self, first: int, last: int) -> AugmentParams:
        """The parameters of pictures first .. last - 1."""
        names = ("shift", "turns", "brightness", "saturation", "contrast", "hole")
        values = {name: getattr(self, name) for name in names}
        return AugmentParams(
            **{name: None if value is None else value[first:last] for name, value in values.items()},
            hole_size=self.hole_size,
        )


def draw_augmentation(
    settings: Augmentation, count: int, size: int, probability: float, source: torch.Generator
) -> AugmentParams | None:
    """Draw the parameters for `count` pictures of side `size`; None when every kind is off."""
    device = source.device

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=source, device=device)

    def chosen() -> torch.Tensor:
        return uniform(count) < probability

    def amount(largest: float) -> torch.Tensor | None:
        return (uniform(count) * 2 - 1) * largest * chosen() if largest > 0 else None

    shift = turns = hole = None
    if (reach := int(settings.translation * size)) > 0:
        shift = (uniform(count, 2) * (2 * reach + 1)).long().clamp_max(2 * reach) - reach
        shift = shift * chosen()[:, None]
    if settings.rotation:
        turns = (uniform(count) * 4).long().clamp_max(3) * chosen()
    hole_size = int(settings.cutout * size)
    if hole_size > 0:
        corner = (uniform(count, 2) * (size - hole_size + 1)).long()
        hole = torch.where(chosen()[:, None], corner, -size)
    colours = amount(settings.brightness), amount(settings.saturation), amount(settings.contrast)
    if all(value is None for value in (shift, turns, *colours, hole)):
        return None
    return AugmentParams(shift, turns, *colours, hole, hole_size)


def told(changes: AugmentParams, size: int) -> torch.Tensor:
    """The changes as numbers for a network, (B, 9), all 0 for an unchanged picture.

    A flow that is told how its pictures were changed draws unchanged ones (Karras et al. 2022, section 5).
    """
    colours = changes.brightness, changes.saturation, changes.contrast
    given = next(value for value in (changes.shift, changes.turns, changes.hole, *colours) if value is not None)
    none = torch.zeros(len(given), device=given.device)
    columns = [none] * CHANGE_FEATURES
    if changes.shift is not None:
        columns[0], columns[1] = (8 / size * changes.shift).float().unbind(1)
    if changes.turns is not None:
        for quarter in (1, 2, 3):
            columns[1 + quarter] = (changes.turns == quarter).float()
    for index, value in enumerate(colours, 5):
        if value is not None:
            columns[index] = 4 * value
    if changes.hole is not None:
        columns[8] = (changes.hole[:, 0] >= 0).float()
    return torch.stack(columns, 1)


def augment(x: torch.Tensor, changes: AugmentParams | None, fill: torch.Tensor) -> torch.Tensor:
    """Augment pictures (B, C, H, W) in [-1, 1]; uncovered pixels become `fill` (C,)."""
    if changes is None:
        return x
    with full_precision(x.device):
        x = x.float()
        if changes.turns is not None:
            x = _turned(x, changes.turns)
        if changes.shift is not None:
            x = _shifted(x, changes.shift, fill)
        x = _coloured(x, changes)
        if changes.hole is not None:
            x = _holed(x, changes.hole, changes.hole_size, fill)
    return x


def _shifted(x: torch.Tensor, shift: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    places = torch.arange(x.shape[2], device=x.device)
    plane = fill.view(1, -1, 1, 1)
    rows = (places[None, :, None] - shift[:, 0, None, None] == places).to(x.dtype)[:, None]
    columns = (places[None, :, None] - shift[:, 1, None, None] == places).to(x.dtype)[:, None]
    return rows @ (x - plane) @ columns.transpose(2, 3) + plane


def _turned(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    mask = turns.view(-1, 1, 1, 1)
    for quarter in (1, 2, 3):
        x = torch.where(mask == quarter, torch.rot90(x, quarter, (2, 3)), x)
    return x


def _coloured(x: torch.Tensor, changes: AugmentParams) -> torch.Tensor:
    if changes.brightness is None and changes.saturation is None and changes.contrast is None:
        return x
    colour, rest = x[:, :3], x[:, 3:]
    if changes.brightness is not None:
        colour = colour + 2 * changes.brightness.view(-1, 1, 1, 1)
    if changes.saturation is not None:
        grey = colour.mean(1, keepdim=True)
        colour = grey + (colour - grey) * (1 + changes.saturation.view(-1, 1, 1, 1))
    if changes.contrast is not None:
        mean = colour.mean((1, 2, 3), keepdim=True)
        colour = mean + (colour - mean) * (1 + changes.contrast.view(-1, 1, 1, 1))
    return torch.cat([colour, rest], 1)


def _holed(x: torch.Tensor, hole: torch.Tensor, size: int, fill: torch.Tensor) -> torch.Tensor:
    places = torch.arange(x.shape[2], device=x.device)
    inside = (places >= hole[:, :, None]) & (places < hole[:, :, None] + size)
    mask = (inside[:, 0, :, None] & inside[:, 1, None, :])[:, None]
    return torch.where(mask, fill.view(1, -1, 1, 1), x)


def adapted(probability: float, signal: float, settings: Augmentation, images: int) -> float:
    """The next adaptive probability (Karras 2020, section 3.1): from 0 to 1 in 500,000 pictures at most.

    `signal`: E[sign(D(x) - D(G(z)))] since the last step, which suits relativistic losses, too.
    """
    step = images / 500_000
    moved = probability + (step if signal > settings.target else -step)
    return min(max(moved, 0.0), settings.ceiling)

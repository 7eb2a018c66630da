"""Pictures behind a diagnosis: samples beside the real pictures nearest to them, and the members of a group."""

from __future__ import annotations

import numpy as np
import torch

from trainer.diagnostics.diagnose import Findings
from trainer.diagnostics.likeness import Array, RealPictures

PAIRS = 8
MEMBERS = 16


def nearest_sheet(pixels: Array, found: Findings, training: RealPictures, held_out: RealPictures) -> Array:
    """The samples nearest to training pictures, at most one for each of these: a picture of up to 8 columns and three
    rows, the sample above, its nearest training picture, mirrored if that is nearer, and its nearest held-out picture
    (white if there is none)."""
    chosen = _closest(found)
    rows = [pixels[chosen], _turned(training.pixels, found.to_training.row, found.to_training.mirrored, chosen)]
    if found.to_held_out is None:
        rows.append(np.full_like(rows[0], 255))
    else:
        rows.append(_turned(held_out.pixels, found.to_held_out.row, found.to_held_out.mirrored, chosen))
    return _laid(np.stack(rows))


def group_sheet(pixels: Array, found: Findings) -> Array:
    """Up to 16 members of the largest group, in one row."""
    return _laid(pixels[list(found.variety.top[:MEMBERS])][None])


def nearest_distances(found: Findings, tau: float) -> list[float]:
    """The distances of the columns of `nearest_sheet` from their training pictures, as shares of tau."""
    return [round(float(found.to_training.distance[row]) / max(tau, 1e-9), 3) for row in _closest(found)]


def _closest(found: Findings) -> list[int]:
    """Rows of the closest samples to different training pictures."""
    chosen: list[int] = []
    sources: set[int] = set()
    for row in found.to_training.distance.argsort(stable=True).tolist():
        source = int(found.to_training.row[row])
        if source not in sources:
            sources.add(source)
            chosen.append(row)
        if len(chosen) == PAIRS:
            break
    return chosen


def _turned(pixels: Array, rows: torch.Tensor, mirrored: torch.Tensor, chosen: list[int]) -> Array:
    found = [pixels[int(rows[i])] for i in chosen]
    return np.stack([picture[:, ::-1] if mirrored[i] else picture for picture, i in zip(found, chosen, strict=True)])


def _laid(cells: Array) -> Array:
    """(rows, columns, H, W, C) -> one picture."""
    rows, columns, height, width, channels = cells.shape
    return np.ascontiguousarray(cells.swapaxes(1, 2).reshape(rows * height, columns * width, channels))

"""The weights of linear resampling of tiles along one axis."""

from __future__ import annotations

import numpy as np


def sampling(stretch: np.ndarray, shift: np.ndarray, side: int) -> np.ndarray:
    """(P, side, side) float32: the weight of each source pixel in each target pixel, for (P,) stretches and shifts.

    See `alignment.align` for stretch and shift.
    """
    centre = (side - 1) / 2
    place = (1 + stretch)[:, None] * (np.arange(side) - centre) + shift[:, None] + centre
    return np.maximum(0, 1 - np.abs(place[:, :, None] - np.arange(side))).astype(np.float32)


def resampled(tiles: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Resample (P, side, side, C) tiles by (P, 4) parameters of `alignment.align`, by products of matrices."""
    count, side, _, channels = tiles.shape
    rows = sampling(parameters[:, 2], parameters[:, 3], side) @ tiles.reshape(count, side, side * channels)
    columns = sampling(parameters[:, 0], parameters[:, 1], side)[:, None]
    return np.asarray((columns @ rows.reshape(tiles.shape)).reshape(tiles.shape))

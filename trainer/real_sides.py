"""The training and held-out pictures of a run, as the diagnostics compare samples with them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from trainer.dataset import TrainingSet, real_pixels
from trainer.diagnostics.likeness import Array, RealPictures
from trainer.diagnostics.quality import RealFeatures, jumbled

FEATURE_ROWS = 1024
"""Most real pictures of a kind whose features are computed."""
JUMBLED = 256
"""How many jumbled pictures are compared."""
Sides = tuple[RealPictures, RealPictures]
"""Training and held-out pictures."""


def real_sides(data: TrainingSet) -> Sides:
    """The pictures of a training set; the second side may be empty."""
    families = data.families if data.families is not None else torch.arange(len(data.pixels))

    def side(rows: torch.Tensor) -> RealPictures:
        if not len(rows):
            return RealPictures(np.zeros((0, *data.pixels.shape[1:]), np.uint8), np.zeros(0, np.int64))
        return RealPictures(real_pixels(data, rows), families[rows].numpy())

    return side(data.train), side(data.held_out)


def real_features(sides: Sides, features_of: Callable[[Array], torch.Tensor]) -> RealFeatures:
    """Features of both sides, of evenly spread pictures where there are more than 1,024, (0, 1) for none; and of
    jumbled training pictures."""

    def features(side: RealPictures) -> torch.Tensor:
        if not len(side):
            return torch.empty(0, 1)
        return features_of(side.pixels[:: math.ceil(len(side) / FEATURE_ROWS)])

    pieces = features_of(jumbled(sides[0].pixels, JUMBLED)) if len(sides[0]) else None
    return RealFeatures(features(sides[0]), features(sides[1]), pieces)

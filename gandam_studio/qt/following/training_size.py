"""The picture size that the next run will have, as the Train screen shows it and the Recipe panel must say it."""

from __future__ import annotations

from dataclasses import dataclass

from gandam_studio.core.runs import size_to_train
from trainer.protocol.presets import load_preset

FIRST_PRESET = "sprite-flow-cpu"
"""The preset that Train begins with: the first of docs/contest.md."""


@dataclass(frozen=True)
class TrainingSize:
    """Attributes:
    preset: the preset chosen on Train.
    own: the preset's picture size.
    by_hand: the size set on Train instead; 0 if none was.
    """

    preset: str
    own: int
    by_hand: int = 0

    def side(self, recipe_side: int) -> int:
        """The side in pixels of the training pictures, with a recipe of that size."""
        return self.by_hand or size_to_train(self.own, recipe_side)


def first_training_size() -> TrainingSize:
    """What holds before the Train screen was visited."""
    return TrainingSize(FIRST_PRESET, load_preset(FIRST_PRESET).data.size)

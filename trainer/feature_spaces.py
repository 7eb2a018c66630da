"""The feature spaces that quality can be measured in."""

from __future__ import annotations

from trainer.features import RandomFeatures
from trainer.lite0 import Lite0Features
from trainer.lite0_front import Lite0Front
from trainer.protocol.measured import AUTO, FRONT, LITE0, RANDOM

FeatureSpace = RandomFeatures | Lite0Features | Lite0Front
_SPACES: dict[str, type[FeatureSpace]] = {
    AUTO: Lite0Front, FRONT: Lite0Front, RANDOM: RandomFeatures, LITE0: Lite0Features,
}  # fmt: skip


def feature_space(name: str = AUTO) -> FeatureSpace:
    """The network that computes features, by one of `protocol.measured.FEATURES`.

    Raises TrainerError if lite0 was asked for and is not installed.
    """
    return _SPACES[name]()

"""The feature spaces that quality can be measured in: a fixed random network, or EfficientNet-Lite0 where installed."""

from __future__ import annotations

from collections.abc import Callable

from trainer.features import RandomFeatures
from trainer.lite0 import Lite0Features, weights_path
from trainer.protocol.errors import TrainerError


def feature_space(name: str, say: Callable[[str], None]) -> RandomFeatures | Lite0Features:
    """The network that computes features, by one of `protocol.measured.FEATURES`.

    Raises TrainerError if lite0 was asked for and is not installed.
    """
    if name == "lite0":
        return Lite0Features()
    if name == "auto" and weights_path() is not None:
        try:
            return Lite0Features()
        except TrainerError as error:
            say(f"{error}; measuring with random-conv")
    return RandomFeatures()

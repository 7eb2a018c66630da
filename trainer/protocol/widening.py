"""Whether a run's last stages are wider: chosen once, before its first iteration, by the time that its limits leave."""

from __future__ import annotations

import dataclasses

from trainer.protocol.config import TrainConfig
from trainer.protocol.shapes import widened


def is_open(config: TrainConfig) -> bool:
    """Whether the choice is still to be made."""
    architecture = config.architecture
    return bool(architecture.wide_from and architecture.wide_channels) and not config.is_flow


def settled(config: TrainConfig, iterations: int | None) -> TrainConfig:
    """The configuration with the channels for a run of so many iterations (None: no limit), and nothing left to choose.

    Without a limit they are the wide ones, since there is any time.
    """
    if not is_open(config):
        return config
    architecture = config.architecture
    if iterations is None or iterations >= architecture.wide_from:
        architecture = widened(architecture)
    return dataclasses.replace(config, architecture=dataclasses.replace(architecture, wide_from=0))

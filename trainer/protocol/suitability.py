"""Checks that a configuration fits its pictures, before a run is created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.untrusted import shortened

LEAST_PICTURES = 2
LEAST_HELD_OUT = 8
"""Pictures, held out and trained on, that quality (KID) needs."""


def check_data(config: TrainConfig, shape: Sequence[int], info: dict[str, Any]) -> None:
    """Raise TrainerError (cause "data") if the configuration does not fit pictures of `shape` (H, W, C).

    `info` is the contents of dataset.json; missing or malformed lists are left to the trainer.
    """
    size, channels = config.data.size, config.data.channels
    if tuple(shape) != (size, size, channels):
        given = "data.size" if shape[0] != size else "data.channels"
        raise TrainerError(
            f"{given}: the pictures are {shape[1]}x{shape[0]} with {shape[2]} channels, "
            f"but the settings say {size}x{size} with {channels}",
            "data",
        )
    split, ids, tags = (info.get(name) for name in ("split", "ids", "tags"))
    if isinstance(split, list):
        check_count(training_count(config, sum(part == "train" for part in split)))
    elif isinstance(ids, list):
        check_count(training_count(config, len(ids)))
    if isinstance(tags, list) or tags is None:
        check_tags(config, tags or [])


def training_count(config: TrainConfig, pictures: int) -> int:
    """How many of the `pictures` not held out a run trains on."""
    if config.data.every_other:
        pictures -= pictures // 2
    return min(pictures, config.data.subset) if config.data.subset else pictures


def check_count(pictures: int) -> None:
    """Raise TrainerError if there are too few pictures."""
    if pictures < LEAST_PICTURES:
        raise TrainerError(f"there are {pictures} pictures to train on; at least {LEAST_PICTURES} are needed", "data")


def check_tags(config: TrainConfig, tags: Sequence[Any]) -> None:
    """Raise TrainerError if no picture has a class of `data.condition`; a picture's class is its first tag in there.

    `tags`: of each picture.
    """
    wanted = config.data.condition
    first = {next((tag for tag in wanted if tag in own), None) for own in tags if isinstance(own, list | tuple)}
    for tag in wanted:
        if tag not in first:
            raise TrainerError(f"no picture has the tag {shortened(repr(tag))} that data.condition asks for", "data")

"""Sends events to TensorBoard and Weights & Biases, if installed; events.jsonl remains the reference."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer.protocol import files
from trainer.protocol.config import TrainConfig
from trainer.protocol.events import MetricMeasured, Progress, SamplesSaved, TrainEvent


class TensorBoard:
    """Writes curves, metrics and fixed grids below RUN/tensorboard."""

    def __init__(self, run: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        files.refuse_link(run / "tensorboard")
        self._run = run
        self._writer: Any = SummaryWriter(str(run / "tensorboard"))

    def write(self, event: TrainEvent) -> None:
        """Send one event."""
        if isinstance(event, Progress):
            for name, value in means(event).items():
                self._writer.add_scalar(name, value, event.iteration)
            self._writer.add_scalar("pictures_per_s", event.pictures_per_s, event.iteration)
        elif isinstance(event, MetricMeasured) and event.value is not None:
            self._writer.add_scalar(event.name, event.value, event.iteration)
        elif isinstance(event, SamplesSaved):
            self._writer.add_image("fixed", _pixels(self._run / event.fixed), event.iteration, dataformats="HWC")

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()


class WandB:
    """Logs to Weights & Biases; used only if WANDB_MODE or WANDB_API_KEY is set, since it may use the network."""

    def __init__(self, run: Path, config: TrainConfig) -> None:
        import wandb  # type: ignore[import-not-found,unused-ignore]

        self._wandb, self._run = wandb, run
        wandb.init(dir=str(run), name=run.name, id=run.name, resume="allow", config=config.to_json())

    def write(self, event: TrainEvent) -> None:
        """Send one event."""
        if isinstance(event, Progress):
            self._wandb.log(means(event), step=event.iteration)
        elif isinstance(event, MetricMeasured) and event.value is not None:
            self._wandb.log({event.name: event.value}, step=event.iteration)
        elif isinstance(event, SamplesSaved):
            self._wandb.log({"fixed": self._wandb.Image(str(self._run / event.fixed))}, step=event.iteration)

    def close(self) -> None:
        """Finish the run there."""
        self._wandb.finish()


class Trackers:
    """The trackers available on this machine. One that fails is dropped; training continues."""

    def __init__(self, run: Path, config: TrainConfig) -> None:
        self._found: dict[str, TensorBoard | WandB] = {}
        self._failures: list[str] = []
        if importlib.util.find_spec("tensorboard"):
            self._try("TensorBoard", lambda: self._found.update({"TensorBoard": TensorBoard(run)}))
        if importlib.util.find_spec("wandb") and (os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_MODE")):
            self._try("Weights & Biases", lambda: self._found.update({"Weights & Biases": WandB(run, config)}))

    @property
    def names(self) -> list[str]:
        """The trackers in use."""
        return list(self._found)

    def write(self, event: TrainEvent) -> None:
        """Send one event."""
        for name, tracker in list(self._found.items()):
            self._try(name, functools.partial(tracker.write, event))

    def close(self) -> None:
        """Flush and close."""
        for name, tracker in list(self._found.items()):
            self._try(name, tracker.close)
        self._found.clear()

    def failures(self) -> list[str]:
        """Messages about failures since the last call."""
        failures, self._failures = self._failures, []
        return failures

    def _try(self, name: str, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception as error:  # Third-party code can raise anything.
            self._found.pop(name, None)
            self._failures.append(f"{name} failed and is no longer used: {error}")


def means(event: Progress) -> dict[str, float]:
    """The mean of each curve over the event's iterations, since one write per iteration would cost too much."""
    found = {name: [v for v in values if v is not None] for name, values in event.curves.items()}
    return {name: sum(values) / len(values) for name, values in found.items() if values}


def _pixels(path: Path) -> Any:
    import numpy as np
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))

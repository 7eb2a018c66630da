"""The checkpoints a run has kept, with the quality measured there, for a person to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainer.protocol.events import MetricMeasured, RunResumed
from trainer.protocol.run_directory import CHECKPOINT_STATE, RunDirectory
from trainer.protocol.untrusted import Values, read_json_object
from trainer.protocol.weights import POST_HOC

BEST = "best"
QUALITY = "kid"
_STATE_BYTES = 4 << 20


@dataclass(frozen=True)
class KeptCheckpoint:
    """A checkpoint.

    Attributes:
        name: what the trainer's --iteration takes: the iteration, "best" or "post-hoc". iteration: generator steps
            done.
        quality: the KID measured at it, or before it and nearest to it (lower is better); None without one.
        measured_at: the iteration at which that was. width: of an average made after training, else 0.
    """

    name: str
    iteration: int
    quality: float | None = None
    measured_at: int = 0
    width: float = 0.0

    @property
    def is_best(self) -> bool:
        """Whether these are the weights that were kept for their quality."""
        return self.name == BEST


def kept_checkpoints(run: RunDirectory, measured: Iterable[MetricMeasured] = ()) -> list[KeptCheckpoint]:
    """The checkpoints of a run that are there now, newest first, with the best at its place. Reads no weights."""
    values = sorted((event.iteration, event.value) for event in measured if event.value is not None)
    found = [_with_quality(str(int(folder.name)), int(folder.name), values) for folder in run.checkpoints()]
    try:
        state = Values(read_json_object(run.checkpoints_path / BEST / CHECKPOINT_STATE, max_bytes=_STATE_BYTES))
        found.append(_with_quality(BEST, state.integer("iteration"), values))
    except (OSError, ValueError):
        pass
    return sorted(found, key=lambda one: (one.iteration, one.is_best), reverse=True)


def drawable_checkpoints(run: RunDirectory, measured: Iterable[MetricMeasured] = ()) -> list[KeptCheckpoint]:
    """As `kept_checkpoints`, with the average that was made after training below the others of its iteration."""
    found = kept_checkpoints(run, measured)
    try:
        state = Values(read_json_object(run.checkpoints_path / POST_HOC / CHECKPOINT_STATE, max_bytes=_STATE_BYTES))
        width = state.object("post_hoc").number("width", least=0.0, most=1.0)
        average = KeptCheckpoint(POST_HOC, state.integer("iteration"), width=width)
    except (OSError, ValueError):
        return found
    place = sum(one.iteration >= average.iteration for one in found)
    return [*found[:place], average, *found[place:]]


def _with_quality(name: str, iteration: int, values: list[tuple[int, float]]) -> KeptCheckpoint:
    before = [pair for pair in values if pair[0] <= iteration]
    return KeptCheckpoint(name, iteration, before[-1][1], before[-1][0]) if before else KeptCheckpoint(name, iteration)


def measured_quality(run: RunDirectory) -> list[MetricMeasured]:
    """The measurements of quality in a run's events, all in the features of the newest.

    Without those that a resumed run discarded. Reads all events.
    """
    found: list[MetricMeasured] = []
    for event in run.events().read():
        if isinstance(event, MetricMeasured) and event.name == QUALITY:
            found.append(event)
        elif isinstance(event, RunResumed) and event.checkpoint:
            found = [one for one in found if one.iteration <= event.iteration]
    return [one for one in found if one.features == found[-1].features]


def nearest(found: list[KeptCheckpoint], iteration: float) -> KeptCheckpoint | None:
    """The checkpoint nearest to a moment of the timeline; of several at the same iteration, the numbered one."""
    return min(found, key=lambda one: (abs(one.iteration - iteration), not one.name.isdecimal()), default=None)

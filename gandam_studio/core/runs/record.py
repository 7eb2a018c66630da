"""What is known of one run, folded from its events: curves, samples, checkpoints, meters, spikes and its story."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gandam_studio.core.runs.curves import SmoothedCurve
from trainer.protocol import events as ev

DEFAULT_HALF_LIFE = 50.0
MAX_GAP = 1_000_000
"""Iterations without curves that a run's events may have altogether: a place is kept for every iteration."""
MAX_CURVES = 32


@dataclass
class RecordChanges:
    """What a batch of events changed: each part of a view repaints only for its own."""

    curves: bool = False
    samples: bool = False
    checkpoints: bool = False
    metrics: bool = False
    spikes: bool = False
    story: bool = False
    truncated: bool = False


@dataclass
class Pace:
    """Parallel lists, one entry a Progress event: where the run was and how fast."""

    iteration: list[int] = field(default_factory=list)
    images_seen: list[int] = field(default_factory=list)
    wall_time: list[float] = field(default_factory=list)
    pictures_per_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)


class RunRecord:
    """One run's past and present. Not thread-safe: it belongs to one thread at a time.

    Attributes:
        curves: name -> SmoothedCurve, in the order in which they appeared.
        samples: SamplesSaved events by iteration, one a sample point. checkpoints: CheckpointSaved by iteration.
        metrics: name -> MetricMeasured events by iteration. spikes: SpikeFound by spike iteration.
        story: every event but Progress and Heartbeat, oldest first, earlier attempts included.
        started: the newest RunStarted, or None. progress: the newest Progress without its curves, or None.
        last: the newest event, or None. attempts: iterations at which a new attempt took over.
        unknown: events of kinds this version does not know.
        skipped: events that were left out, since they claim iterations this run cannot have come to.
    """

    def __init__(self, half_life: float = DEFAULT_HALF_LIFE) -> None:
        self.half_life = half_life
        self.curves: dict[str, SmoothedCurve] = {}
        self.samples: list[ev.SamplesSaved] = []
        self.checkpoints: list[ev.CheckpointSaved] = []
        self.metrics: dict[str, list[ev.MetricMeasured]] = {}
        self.spikes: list[ev.SpikeFound] = []
        self.story: list[ev.TrainEvent] = []
        self.pace = Pace()
        self.started: ev.RunStarted | None = None
        self.progress: ev.Progress | None = None
        self.last: ev.TrainEvent | None = None
        self.attempts: list[int] = []
        self.unknown = 0
        self.skipped = 0
        self._pending: list[ev.Progress] = []
        self._pending_end = 0
        self._seen = False
        self._reached = 0
        self._gaps = 0

    @property
    def last_iteration(self) -> int:
        """The newest iteration that counts."""
        steps = max([*self.pace.iteration[-1:], 0])
        return max(steps, self.samples[-1].iteration if self.samples else 0)

    def apply(self, events: Iterable[ev.TrainEvent]) -> RecordChanges:
        """Fold in events, oldest first; says what changed."""
        changes = RecordChanges()
        for event in events:
            if not self._plausible(event):
                self.skipped += 1
                continue
            self.last = event
            if isinstance(event, ev.Progress):
                self._progress(event, changes)
            elif not isinstance(event, ev.Heartbeat):
                self._happening(event, changes)
        self._write_pending()
        return changes

    def _plausible(self, event: ev.TrainEvent) -> bool:
        """Whether `event` speaks of iterations within reach of those known before.

        The start of a run may lie far from 0: after a checkpoint of another run.
        """
        attempt = isinstance(event, ev.RunStarted) or (isinstance(event, ev.RunResumed) and bool(event.checkpoint))
        moves = attempt or isinstance(event, ev.Progress)
        start = end = max(event.iteration, event.spike_iteration if isinstance(event, ev.SpikeFound) else 0)
        gap = 0
        if isinstance(event, ev.Progress) and (longest := max(map(len, event.curves.values()), default=0)):
            start = (event.first_iteration or event.iteration) - 1
            end = max(end, start + longest)
            gap = end - start - longest
        begins = attempt and not (self.pace.iteration or self.samples or self.metrics)
        if begins or not self._seen:
            self._reached = start
        self._seen = True
        gap += max(0, start - self._reached)
        if self._gaps + gap > MAX_GAP:
            return False
        self._gaps += gap
        self._reached = end if moves else max(self._reached, end)
        return True

    def _progress(self, event: ev.Progress, changes: RecordChanges) -> None:
        first = event.first_iteration or event.iteration
        known = self.pace.iteration[-1] if self.pace.iteration else self._last_measured()
        if first <= known:
            self._truncate(first - 1, changes)
        if self._pending and first != self._pending_end + 1:
            self._write_pending()
        if first >= 1:
            self._pending.append(event)
            self._pending_end = max(event.iteration, first)
        self.pace.iteration.append(event.iteration)
        self.pace.images_seen.append(event.images_seen)
        self.pace.wall_time.append(event.wall_time)
        self.pace.pictures_per_s.append(event.pictures_per_s)
        self.pace.memory_mb.append(event.memory_mb)
        self.progress = event
        changes.curves = True

    def _last_measured(self) -> int:
        return max((events[-1].iteration for events in self.metrics.values() if events), default=0)

    def _write_pending(self) -> None:
        """Write a stretch of Progress events at once: a backlog of thousands costs a few array operations a curve."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        first = pending[0].first_iteration or pending[0].iteration
        for name in dict.fromkeys(name for event in pending for name in event.curves):
            if name not in self.curves and len(self.curves) >= MAX_CURVES:
                continue
            values: list[float | None] = []
            for event in pending:
                values += [None] * ((event.first_iteration or event.iteration) - first - len(values))
                values += event.curves.get(name, ())
            self.curve(name).write(first, values)

    def _happening(self, event: ev.TrainEvent, changes: RecordChanges) -> None:
        self.story.append(event)
        changes.story = True
        if isinstance(event, ev.RunStarted):
            self.started = event
        elif isinstance(event, ev.RunResumed):
            if event.checkpoint:
                self._truncate(event.iteration, changes)
                self.attempts.append(event.iteration)
        elif isinstance(event, ev.SamplesSaved):
            _insert(self.samples, event, event.iteration, replace=True)
            changes.samples = True
        elif isinstance(event, ev.CheckpointSaved):
            _insert(self.checkpoints, event, event.iteration, replace=True)
            changes.checkpoints = True
        elif isinstance(event, ev.MetricMeasured):
            _insert(self.metrics.setdefault(event.name, []), event, event.iteration, replace=True)
            changes.metrics = True
        elif isinstance(event, ev.SpikeFound):
            self.spikes.append(event)
            self.spikes.sort(key=lambda spike: spike.spike_iteration)
            changes.spikes = True
        elif isinstance(event, ev.UnknownEvent):
            self.unknown += 1

    def curve(self, name: str) -> SmoothedCurve:
        """The curve of that name, made empty when it is new."""
        if name not in self.curves:
            self.curves[name] = SmoothedCurve(self.half_life)
        return self.curves[name]

    def settle(self) -> None:
        """Do now what drawing the curves would have to: for whoever folds a long past away from the window."""
        for curve in self.curves.values():
            curve.settle()

    def set_half_life(self, half_life: float) -> None:
        """Smooth every curve anew; iterations, 0 switches smoothing off."""
        self.half_life = half_life
        for curve in self.curves.values():
            curve.set_half_life(half_life)

    def images_seen_at(self, iteration: float) -> float:
        """Real pictures seen at an iteration, linear between Progress events."""
        return _interpolated(iteration, self.pace.iteration, self.pace.images_seen)

    def iteration_at(self, images_seen: float) -> float:
        """The iteration at which so many real pictures had been seen."""
        return _interpolated(images_seen, self.pace.images_seen, self.pace.iteration)

    def sample_at(self, iteration: float) -> ev.SamplesSaved | None:
        """The newest sample point at or before `iteration`, else the first; None when there is none."""
        return self.samples[self.sample_index(iteration)] if self.samples else None

    def sample_index(self, iteration: float) -> int:
        """Where `sample_at`'s answer stands in `samples`; 0 when there is none."""
        return max(0, bisect.bisect_right(self.samples, iteration, key=lambda sample: sample.iteration) - 1)

    def around(self, iteration: float) -> list[ev.SamplesSaved]:
        """The sample points before, at (nearest to) and after an iteration; fewer at the ends."""
        if not self.samples:
            return []
        at = min(range(len(self.samples)), key=lambda i: abs(self.samples[i].iteration - iteration))
        return self.samples[max(0, at - 1) : at + 2]

    def _truncate(self, iteration: int, changes: RecordChanges) -> None:
        """What earlier attempts wrote beyond `iteration` no longer counts (the story keeps it)."""
        self._write_pending()
        for curve in self.curves.values():
            curve.truncate(iteration)
        keep = bisect.bisect_right(self.pace.iteration, iteration)
        for series in vars(self.pace).values():
            del series[keep:]
        kept: list[list[Any]] = [self.samples, self.checkpoints, *self.metrics.values()]
        for events in kept:
            del events[bisect.bisect_right(events, iteration, key=lambda event: event.iteration) :]
        self.spikes = [spike for spike in self.spikes if spike.spike_iteration <= iteration]
        changes.truncated = changes.curves = changes.samples = changes.checkpoints = True
        changes.metrics = changes.spikes = True


def _insert(events: list, event: ev.TrainEvent, iteration: int, *, replace: bool) -> None:
    """Keep `events` ordered by iteration; the later event of the same iteration wins."""
    at = bisect.bisect_left(events, iteration, key=lambda other: other.iteration)
    if replace and at < len(events) and events[at].iteration == iteration:
        events[at] = event
    else:
        events.insert(at, event)


def _interpolated(x: float, xs: list[int], ys: list[int]) -> float:
    """Piecewise linear through (0, 0) and the points; beyond the last point the last slope goes on."""
    if not xs or xs[-1] <= 0:
        return 0.0
    at = bisect.bisect_left(xs, x)
    if at >= len(xs):
        return ys[-1] * (x / xs[-1])
    x0, y0 = (xs[at - 1], ys[at - 1]) if at else (0, 0)
    span = xs[at] - x0
    return ys[at] if span <= 0 else y0 + (ys[at] - y0) * (x - x0) / span

"""The record of a run, built from its events: curves, samples, checkpoints, metrics, spikes and log."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gandam_studio.core.runs.curves import SmoothedCurve
from gandam_studio.core.runs.diagnoses import Finding, finding_of
from trainer.protocol import events as ev
from trainer.protocol.measures import measured_by

DEFAULT_HALF_LIFE = 50.0
MAX_GAP = 1_000_000
"""Limit for the iterations without curves, since space is kept for all iterations."""
MAX_CURVES = 32
AT_ONCE = 0.1
"""A share of changed pictures that rises by so much from one event to the next sets in; the adaptive rule creeps."""
MAX_FINDINGS = 20_000
"""Diagnoses, and alarms, kept of a run; of more, the oldest are dropped."""


@dataclass
class RecordChanges:
    """What a batch of events changed, so that views repaint only the parts concerned."""

    curves: bool = False
    samples: bool = False
    checkpoints: bool = False
    metrics: bool = False
    spikes: bool = False
    diagnoses: bool = False
    story: bool = False
    truncated: bool = False


@dataclass
class Pace:
    """Parallel lists with one entry per Progress event."""

    iteration: list[int] = field(default_factory=list)
    images_seen: list[int] = field(default_factory=list)
    wall_time: list[float] = field(default_factory=list)
    pictures_per_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)


class RunRecord:
    """The record of a run. Not thread-safe.

    Attributes:
        curves: name -> SmoothedCurve, in the order in which they appeared.
        samples: SamplesSaved events by iteration, one per iteration. checkpoints: CheckpointSaved by iteration.
        metrics: name -> MetricMeasured events by iteration, all in the features of the newest; those in others, as
            before an update of the program, are under `measures.measured_by`. spikes: SpikeFound by spike iteration.
        diagnoses: what was found, by iteration, one per iteration. alarms: Alarm events by iteration.
        story: every event but Progress and Heartbeat, oldest first, earlier attempts included.
        started: the newest RunStarted, or None. progress: the newest Progress, or None.
        last: the newest event, or None. attempts: iterations at which new attempts began.
        changed_from: where the share of changed training pictures last rose at once; None if it never did.
        unknown: number of events of unknown kinds.
        skipped: number of events ignored because of implausible iterations.
    """

    def __init__(self, half_life: float = DEFAULT_HALF_LIFE) -> None:
        self.half_life = half_life
        self.curves: dict[str, SmoothedCurve] = {}
        self.samples: list[ev.SamplesSaved] = []
        self.checkpoints: list[ev.CheckpointSaved] = []
        self.metrics: dict[str, list[ev.MetricMeasured]] = {}
        self.spikes: list[ev.SpikeFound] = []
        self.diagnoses: list[Finding] = []
        self.alarms: list[ev.Alarm] = []
        self.story: list[ev.TrainEvent] = []
        self.pace = Pace()
        self.started: ev.RunStarted | None = None
        self.progress: ev.Progress | None = None
        self.last: ev.TrainEvent | None = None
        self.attempts: list[int] = []
        self.changed_from: int | None = None
        self.unknown = 0
        self.skipped = 0
        self._pending: list[ev.Progress] = []
        self._pending_end = 0
        self._seen = False
        self._reached = 0
        self._gaps = 0

    @property
    def last_iteration(self) -> int:
        """The last iteration known."""
        steps = max([*self.pace.iteration[-1:], 0])
        return max(steps, self.samples[-1].iteration if self.samples else 0)

    def apply(self, events: Iterable[ev.TrainEvent]) -> RecordChanges:
        """Add events, oldest first; returns what changed."""
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
        """Whether the iterations of `event` can follow those known so far.

        A run that continues another run's checkpoint does not start at 0.
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
        before = self.progress.augment_probability if self.progress and first > known else event.augment_probability
        if event.augment_probability >= before + AT_ONCE:
            self.changed_from = first
        elif self.changed_from is not None and self.changed_from >= first and event.augment_probability < AT_ONCE:
            self.changed_from = None
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
        """Write consecutive Progress events together, with a few array operations per curve."""
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
            self._measured(event)
            changes.metrics = True
        elif isinstance(event, ev.SpikeFound):
            self.spikes.append(event)
            self.spikes.sort(key=lambda spike: spike.spike_iteration)
            changes.spikes = True
        elif isinstance(event, ev.Diagnosed):
            _insert(self.diagnoses, finding_of(event), event.iteration, replace=True)
            del self.diagnoses[:-MAX_FINDINGS]
            changes.diagnoses = True
        elif isinstance(event, ev.Alarm):
            self.alarms.insert(bisect.bisect_right(self.alarms, event.iteration, key=_iteration), event)
            del self.alarms[:-MAX_FINDINGS]
            changes.diagnoses = True
        elif isinstance(event, ev.UnknownEvent):
            self.unknown += 1

    def _measured(self, event: ev.MetricMeasured) -> None:
        known = self.metrics.setdefault(event.name, [])
        if known and known[-1].features != event.features:
            apart = self.metrics.setdefault(measured_by(event.name, known[-1].features), [])
            for one in known:
                _insert(apart, one, one.iteration, replace=True)
            known.clear()
        _insert(known, event, event.iteration, replace=True)

    def curve(self, name: str) -> SmoothedCurve:
        """The curve of this name, created if it does not exist."""
        if name not in self.curves:
            self.curves[name] = SmoothedCurve(self.half_life)
        return self.curves[name]

    def settle(self) -> None:
        """Compute smoothed curves and their levels now (in another thread) instead of when drawing."""
        for curve in self.curves.values():
            curve.settle()

    def set_half_life(self, half_life: float) -> None:
        """Set the half-life of the smoothing, in iterations; 0 switches it off."""
        self.half_life = half_life
        for curve in self.curves.values():
            curve.set_half_life(half_life)

    def images_seen_at(self, iteration: float) -> float:
        """Real pictures seen at an iteration, interpolated between Progress events."""
        return _interpolated(iteration, self.pace.iteration, self.pace.images_seen)

    def iteration_at(self, images_seen: float) -> float:
        """The iteration at which this many real pictures had been seen."""
        return _interpolated(images_seen, self.pace.images_seen, self.pace.iteration)

    def sample_at(self, iteration: float) -> ev.SamplesSaved | None:
        """The newest sample point at or before `iteration`, else the first; None when there is none."""
        return self.samples[self.sample_index(iteration)] if self.samples else None

    def sample_index(self, iteration: float) -> int:
        """The index of `sample_at(iteration)` in `samples`; 0 when there is none."""
        return max(0, bisect.bisect_right(self.samples, iteration, key=lambda sample: sample.iteration) - 1)

    def diagnosis_at(self, iteration: float) -> Finding | None:
        """The newest diagnosis at or before `iteration`; None when there is none."""
        at = bisect.bisect_right(self.diagnoses, iteration, key=_iteration)
        return self.diagnoses[at - 1] if at else None

    def around(self, iteration: float) -> list[ev.SamplesSaved]:
        """The sample points before, at (nearest to) and after an iteration; fewer at the ends."""
        if not self.samples:
            return []
        at = min(range(len(self.samples)), key=lambda i: abs(self.samples[i].iteration - iteration))
        return self.samples[max(0, at - 1) : at + 2]

    def _truncate(self, iteration: int, changes: RecordChanges) -> None:
        """Drop everything beyond `iteration`, except the story."""
        self._write_pending()
        for curve in self.curves.values():
            curve.truncate(iteration)
        keep = bisect.bisect_right(self.pace.iteration, iteration)
        for series in vars(self.pace).values():
            del series[keep:]
        kept: list[list[Any]] = [
            self.samples, self.checkpoints, *self.metrics.values(), self.diagnoses, self.alarms
        ]  # fmt: skip
        for events in kept:
            del events[bisect.bisect_right(events, iteration, key=_iteration) :]
        self.spikes = [spike for spike in self.spikes if spike.spike_iteration <= iteration]
        changes.truncated = changes.curves = changes.samples = changes.checkpoints = True
        changes.metrics = changes.spikes = changes.diagnoses = True


def _iteration(event: ev.TrainEvent | Finding) -> int:
    return event.iteration


def _insert(events: list, event: ev.TrainEvent | Finding, iteration: int, *, replace: bool) -> None:
    """Insert into `events`, ordered by iteration; `replace` an event of the same iteration."""
    at = bisect.bisect_left(events, iteration, key=_iteration)
    if replace and at < len(events) and events[at].iteration == iteration:
        events[at] = event
    else:
        events.insert(at, event)


def _interpolated(x: float, xs: list[int], ys: list[int]) -> float:
    """Piecewise linear through (0, 0) and the points; proportional to x beyond the last one."""
    if not xs or xs[-1] <= 0:
        return 0.0
    at = bisect.bisect_left(xs, x)
    if at >= len(xs):
        return ys[-1] * (x / xs[-1])
    x0, y0 = (xs[at - 1], ys[at - 1]) if at else (0, 0)
    span = xs[at] - x0
    return ys[at] if span <= 0 else y0 + (ys[at] - y0) * (x - x0) / span

"""Spikes in training curves: values that differ from recent ones by many robust standard deviations.

Losses of GANs are tested in both directions; the others by their logarithms, upwards only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from trainer.protocol.events import Progress, RunStarted, SpikeFound, TrainEvent

WINDOW = 201
THRESHOLD = 6.0
MERGE = 50
WATCHED = ("loss_d", "loss_g", "loss", "grad_norm_d", "grad_norm_g", "penalty")
_LOSSES = ("loss_d", "loss_g")
_PENALISED = "grad_norm_d"
_MINIMUM = 50
_CHUNK = 1024


def robust_z(values: np.ndarray, past: int = WINDOW, first: int = 0) -> np.ndarray:
    """z_t = (x_t - median) / (1.4826 MAD) over the `past` finite values before t; float64 (n,).

    `values` (n,) finite. The factor makes the median absolute deviation consistent for normal noise (Hampel 1974).
    z is 0 until 50 values are known. MAD is at least 1e-6 of the median's size, so that rounding errors after constant
    values are no spikes. Values before index `first` only serve as past; their z is 0.
    """
    values = np.asarray(values, np.float64)
    z = np.zeros(len(values))
    for t in range(max(_MINIMUM, first), min(past, len(values))):
        z[t] = _z(values[t], values[:t][None])[0]
    for start in range(max(past, first), len(values), _CHUNK):
        end = min(start + _CHUNK, len(values))
        windows = np.lib.stride_tricks.sliding_window_view(values[start - past : end - 1], past)
        z[start:end] = _z(values[start:end], windows)
    return z


def _z(x: np.ndarray | float, windows: np.ndarray) -> np.ndarray:
    median = np.median(windows, axis=1)
    mad = np.median(np.abs(windows - median[:, None]), axis=1)
    scale = np.maximum(1.4826 * mad, 1e-6 * np.abs(median) + 1e-12)
    return (np.asarray(x) - median) / scale


class SpikeDetector:
    """Finds spikes in a growing curve, with the same results as for the whole curve at once."""

    def __init__(self) -> None:
        self._past = np.empty(0)

    def feed(self, values: np.ndarray) -> np.ndarray:
        """Robust z of the next raw values (n,), finite; see `robust_z`."""
        known = len(self._past)
        together = np.concatenate([self._past, values])
        z = robust_z(together, first=known)[known:]
        self._past = together[-WINDOW:]
        return z

    def forget(self) -> None:
        """Start over, for instance after resuming from an older checkpoint."""
        self._past = np.empty(0)


class SpikeFeed:
    """Turns Progress events into SpikeFound events, for the trainer and for readers of runs without SpikeFound events.

    Attempts that write SpikeFound themselves are skipped. Spikes of several curves within `MERGE` iterations count as
    one, named after the curve with the largest |z|. With a lazy penalty, the discriminator's gradient norms at
    iterations with a penalty are tested apart from the others. Norms, penalties and the loss of a flow, which is never
    negative, vary by factors, so they are tested by their logarithms.
    """

    def __init__(self) -> None:
        parts = [(name, part) for name in WATCHED for part in ((False, True) if name == _PENALISED else (None,))]
        self._detectors = {part: SpikeDetector() for part in parts}
        self._last = 0
        self._reported = -MERGE - 1
        self._told: set[int] = set()  # Attempts that write SpikeFound themselves.

    def feed(self, events: Iterable[TrainEvent]) -> list[SpikeFound]:
        """New spikes in these events, except in attempts that write their own."""
        batch = list(events)
        for event in batch:
            if isinstance(event, SpikeFound) or (isinstance(event, RunStarted) and event.finds_spikes):
                self._told.add(event.attempt)
        batch = [event for event in batch if event.attempt not in self._told]
        found: list[tuple[int, float, str, Progress]] = []
        for run in _joined(batch):
            found += self._spikes(run)
        return self._merged(sorted(found, key=lambda spike: spike[0]))

    def _spikes(self, events: list[Progress]) -> Iterator[tuple[int, float, str, Progress]]:
        if events[0].first_iteration <= self._last:
            for detector in self._detectors.values():
                detector.forget()
            self._reported = min(self._reported, events[0].first_iteration - MERGE - 1)
        self._last = events[-1].iteration
        for (name, penalised), detector in self._detectors.items():
            values, steps = _column(events, name, penalised)
            if name in _LOSSES:
                z = detector.feed(values)
                far = np.abs(z) > THRESHOLD
            else:  # A norm of 0 (hinge loss, all margins met) is not a spike, although its logarithm is.
                z = detector.feed(np.log(np.maximum(values, 1e-12)))
                far = z > THRESHOLD
            for at in np.flatnonzero(far):
                event = next((e for e in events if e.iteration >= steps[at]), events[-1])
                yield int(steps[at]), float(z[at]), name, event

    def _merged(self, found: list[tuple[int, float, str, Progress]]) -> list[SpikeFound]:
        spikes: list[SpikeFound] = []
        for step, z, name, event in found:
            if step - self._reported <= MERGE:
                if spikes and abs(z) > abs(spikes[-1].z):
                    spikes[-1] = _event(spikes[-1].spike_iteration, z, name, event)
                continue
            spikes.append(_event(step, z, name, event))
            self._reported = step
        return spikes


def _event(step: int, z: float, name: str, at: Progress) -> SpikeFound:
    return SpikeFound(
        sequence=at.sequence, attempt=at.attempt, iteration=at.iteration, images_seen=at.images_seen,
        wall_time=at.wall_time, spike_iteration=step, curve=name, z=round(z, 2),
    )  # fmt: skip


def _joined(events: list[TrainEvent]) -> list[list[Progress]]:
    """Progress events in stretches of growing iterations, so that each needs one array operation."""
    runs: list[list[Progress]] = []
    for event in events:
        if isinstance(event, Progress):
            if runs and runs[-1][-1].iteration < event.first_iteration:
                runs[-1].append(event)
            else:
                runs.append([event])
    return runs


def _column(events: list[Progress], name: str, penalised: bool | None) -> tuple[np.ndarray, np.ndarray]:
    """Finite values of a curve and their iterations: all, those with a penalty, or those without."""
    values: list[float] = []
    steps: list[int] = []
    for event in events:
        penalties = event.curves.get("penalty", ())
        for offset, value in enumerate(event.curves.get(name, ())):
            has = offset < len(penalties) and penalties[offset] is not None
            if value is not None and penalised in (None, has):
                values.append(value)
                steps.append(event.first_iteration + offset)
    return np.asarray(values, np.float64), np.asarray(steps, np.int64)

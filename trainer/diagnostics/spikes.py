"""Is something cool at the spikes? Whether pictures of fixed latents change more at spikes than elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.protocol.diagnosis import SpikeFacts

AROUND = 5
BLOCK = 10
PERMUTATIONS = 999
LEAST = 4


@dataclass(frozen=True)
class SpikeEffect:
    """Change of the pictures at spikes, beside that of windows without spikes.

    Attributes:
        ratio: how many times more the pictures change in windows with a spike than in others (1: no difference).
        p: p-value of "they change more", from permutations of blocks of 10 windows.
        with_spike, without: numbers of windows.
    """

    ratio: float
    p: float
    with_spike: int
    without: int


@dataclass(frozen=True)
class Window:
    """The stretch between two successive samples: iterations `since` (exclusive) to `until`, and `Drift.identity`."""

    since: int
    until: int
    identity: float


def spikes_in(windows: Sequence[Window], spikes: Sequence[int], every: int, seed: int = 0) -> SpikeFacts | None:
    """Whether pictures change more at the iterations `spikes`, over windows of `every` iterations in order of time.

    Other windows, as there are at the beginning of a run, are left out: longer ones change more. None without spikes.
    """
    if not spikes:
        return None
    usable = [window for window in windows if window.until - window.since == every and window.identity > 0]
    places = np.sort(np.asarray(spikes))
    ends = np.array([(window.since, window.until) for window in usable]).reshape(-1, 2)
    labels = np.searchsorted(places, ends[:, 1], "right") > np.searchsorted(places, ends[:, 0], "right")
    found = spike_effect([window.identity for window in usable], labels.tolist(), seed)
    with_spike = int(labels.sum())
    if found is None:
        return SpikeFacts(with_spike, len(usable) - with_spike, None, None)
    return SpikeFacts(found.with_spike, found.without, found.ratio, found.p)


def spike_effect(identity: Sequence[float], has_spike: Sequence[bool], seed: int = 0) -> SpikeEffect | None:
    """Compare windows between successive grids.

    Args:
        identity: `Drift.identity` of each window, in order of time, above 0.
        has_spike: whether a spike lies in it.
        seed: of the permutations.

    None if fewer than 4 windows have spikes or have none. The drift falls while a run settles and spikes come early, so
    each window is compared with the median of the 5 before and the 5 after it, and labels move in blocks.
    """
    logs = np.log(np.maximum(np.asarray(identity, dtype=float), 1e-6))
    labels = np.asarray(has_spike, dtype=bool)
    count = len(logs)
    if labels.sum() < LEAST or (~labels).sum() < LEAST:
        return None
    x = np.empty(count)
    for index in range(count):
        around = np.r_[logs[max(0, index - AROUND) : index], logs[index + 1 : index + 1 + AROUND]]
        x[index] = logs[index] - np.median(around)
    observed = _difference(x, labels)
    source = np.random.default_rng(seed)
    parts = [np.arange(first, min(first + BLOCK, count)) for first in range(0, count, BLOCK)]
    permuted = np.concatenate([source.permuted(np.tile(labels[part], (PERMUTATIONS, 1)), axis=1) for part in parts], 1)
    inside = permuted @ x / labels.sum()
    outside = (~permuted) @ x / (~labels).sum()
    at_least = int((inside - outside >= observed - 1e-12).sum())
    return SpikeEffect(math.exp(observed), (1 + at_least) / (1 + PERMUTATIONS), int(labels.sum()), int((~labels).sum()))


def _difference(x: np.ndarray, labels: np.ndarray) -> float:
    return float(x[labels].mean() - x[~labels].mean())

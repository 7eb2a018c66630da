"""Spikes: injected ones are found, noise is left in peace."""

from __future__ import annotations

import numpy as np

from gandam_studio.core.spikes import MERGE, THRESHOLD, SpikeDetector, SpikeFeed, robust_z
from trainer.events import Progress, SpikeFound


def _ar1(n: int, phi: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.zeros(n)
    for t in range(1, n):
        x[t] = phi * x[t - 1] + rng.normal()
    return x


def _events(values: np.ndarray, name: str = "loss_g", step: int = 20, first: int = 1) -> list[Progress]:
    return [
        Progress(
            iteration=first + start + len(chunk) - 1, first_iteration=first + start,
            curves={name: list(map(float, chunk))},
        )
        for start in range(0, len(values), step)
        for chunk in [values[start : start + step]]
    ]  # fmt: skip


def test_z_of_a_known_window() -> None:
    # The past is 0..200: median 100, median absolute deviation 50.
    z = robust_z(np.concatenate([np.arange(201.0), [100 + 1.4826 * 50 * 7]]))
    assert z[-1] == 7.0


def test_an_injected_jump_is_flagged_at_its_step_and_once() -> None:
    values = np.random.default_rng(1).normal(2.0, 0.1, 3000)
    values[1500:1504] += 3.0
    spikes = SpikeFeed().feed(_events(values))
    assert [spike.spike_iteration for spike in spikes] == [1501]
    assert spikes[0].curve == "loss_g"
    assert spikes[0].z > THRESHOLD


def test_at_most_one_false_flag_in_5000_steps_of_ar1_noise() -> None:
    flags = [len(SpikeFeed().feed(_events(_ar1(5000, phi, seed)))) for phi in (0.0, 0.5, 0.9) for seed in range(5)]
    assert np.mean(flags) <= 1.0
    assert np.median(flags) == 0


def test_feeding_piece_by_piece_gives_the_answers_of_the_whole() -> None:
    values = _ar1(2000, 0.5, 9)
    values[777] = 60.0
    detector = SpikeDetector()
    pieces = np.concatenate([detector.feed(values[start : start + 13]) for start in range(0, 2000, 13)])
    np.testing.assert_allclose(pieces, robust_z(values))


def test_spikes_of_several_curves_close_together_are_one() -> None:
    values = np.random.default_rng(1).normal(2.0, 0.1, 600)
    other = values.copy()
    values[400], other[410], other[400 + MERGE + 15] = 9.0, 30.0, 30.0
    events = [
        Progress(
            iteration=s + 20, first_iteration=s + 1,
            curves={"loss_d": values[s : s + 20].tolist(), "loss_g": other[s : s + 20].tolist()},
        )
        for s in range(0, 600, 20)
    ]  # fmt: skip
    spikes = SpikeFeed().feed(events)
    assert [(spike.spike_iteration, spike.curve) for spike in spikes] == [(401, "loss_g"), (466, "loss_g")]


def test_the_trainers_own_spikes_silence_the_feed() -> None:
    values = np.random.default_rng(1).normal(2.0, 0.1, 600)
    values[500] = 9.0
    feed = SpikeFeed()
    assert feed.feed([SpikeFound(spike_iteration=3, curve="loss_d", z=8.0)]) == []
    assert feed.feed(_events(values)) == []

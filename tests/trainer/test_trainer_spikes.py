"""Spikes: injected ones are found, noise is not."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import small_config

from trainer import progress
from trainer.batches import StepBatch
from trainer.game import Game
from trainer.objectives import GeneratorValues
from trainer.protocol.events import Progress, RunStarted, SpikeFound
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.spikes import MERGE, THRESHOLD, SpikeDetector, SpikeFeed, robust_z
from trainer.train_run import train_run


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


def _lazily_penalised(norms: np.ndarray, every: int = 8) -> list[Progress]:
    """Events of a discriminator whose every eighth gradient includes the penalty's and is three times as long."""
    has = np.arange(len(norms)) % every == 0
    events = _events(np.where(has, 3 * norms, norms), "grad_norm_d")
    penalties = _events(np.where(has, 1.0, np.nan), "penalty")
    return [
        replace(
            event, curves={**event.curves, "penalty": [None if np.isnan(v) else v for v in other.curves["penalty"]]}
        )
        for event, other in zip(events, penalties, strict=True)
    ]


def test_gradients_with_a_lazy_penalty_are_compared_with_each_other() -> None:
    norms = np.random.default_rng(2).lognormal(0.0, 0.3, 4000)  # Nine in a thousand lie beyond twice the median.
    assert len(SpikeFeed().feed(_lazily_penalised(norms))) <= 1
    with_penalty, without = norms.copy(), norms.copy()
    with_penalty[3000] *= 20
    without[3001] *= 20
    assert 3001 in [spike.spike_iteration for spike in SpikeFeed().feed(_lazily_penalised(with_penalty))]
    assert 3002 in [spike.spike_iteration for spike in SpikeFeed().feed(_lazily_penalised(without))]


def test_a_norm_that_falls_to_zero_is_no_spike() -> None:
    norms = np.random.default_rng(3).lognormal(0.0, 0.5, 3000)
    norms[100::100] = 0.0
    assert len(SpikeFeed().feed(_events(norms, "grad_norm_d"))) <= 1
    norms[2000] = 1000.0
    assert 2001 in [spike.spike_iteration for spike in SpikeFeed().feed(_events(norms, "grad_norm_d"))]


def test_the_penalty_told_is_the_last_critic_steps(make_run: Callable[..., RunDirectory]) -> None:
    overrides = ["stop.iterations=6", "critic_steps=2", "regulariser.kind=r1", "regulariser.weight=1"]
    run = make_run("r", small_config("dcgan", *overrides, "objective.kind=hinge", "regulariser.every=3"))
    train_run(run)
    told = [value for e in run.events().read() if isinstance(e, Progress) for value in e.curves["penalty"]]
    # Of steps 0, 1 | 2, 3 | 4, 5 | ... every third has a penalty: the last one of the second and of the fifth pair.
    assert [value is not None for value in told] == [False, True, False, False, True, False]


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


@pytest.mark.parametrize("preset", ["dcgan", "sprite-r3-cpu"])
def test_training_tells_an_injected_spike_with_grids_before_at_and_after(
    preset: str, make_run: Callable[..., RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "WRITE_S", (0.0, 1e9))  # Curves are written every 20 iterations, however fast.
    phase, calls = Game.generator_phase, [0]

    def jumping(self: Game, batch: StepBatch) -> GeneratorValues:
        calls[0] += 1
        return GeneratorValues(*(value * (1e5 if calls[0] == 83 else 1.0) for value in phase(self, batch)))

    monkeypatch.setattr(Game, "generator_phase", jumping)
    run = make_run("r", small_config(preset, "stop.iterations=130", "sampling.every=1000"))
    train_run(run)
    events = run.events().read()
    (started,) = (event for event in events if isinstance(event, RunStarted))
    assert started.finds_spikes
    assert (started.python, started.torch) == (platform.python_version(), torch.__version__)
    assert platform.system() in started.system
    spikes = [event for event in events if isinstance(event, SpikeFound)]
    found = next(spike for spike in spikes if spike.spike_iteration == 83)
    assert found.curve in ("loss_g", "grad_norm_g")
    assert abs(found.z) > THRESHOLD
    assert found.moments == {"before": 80, "at": 100, "after": 120}
    grids = {name: (run.path / path).read_bytes() for name, path in found.pictures.items()}
    assert len(set(grids.values())) == 3
    assert SpikeFeed().feed(events) == []  # Whoever reads the curves leaves this attempt's spikes to the trainer.


def test_curves_of_an_attempt_without_spikes_of_its_own_are_looked_at() -> None:
    values = np.random.default_rng(1).normal(2.0, 0.1, 600)
    values[300] = 9.0
    older = [replace(event, attempt=1) for event in _events(values)]
    newer = [replace(event, attempt=2) for event in _events(values, first=601)]
    found = SpikeFeed().feed([*older, RunStarted(attempt=2, finds_spikes=True), *newer])
    assert [(spike.attempt, spike.spike_iteration) for spike in found] == [(1, 301)]


def test_the_trainers_own_spikes_silence_the_feed() -> None:
    values = np.random.default_rng(1).normal(2.0, 0.1, 600)
    values[500] = 9.0
    feed = SpikeFeed()
    assert feed.feed([SpikeFound(spike_iteration=3, curve="loss_d", z=8.0)]) == []
    assert feed.feed(_events(values)) == []

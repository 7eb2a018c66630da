"""Error rates of the rules about failing runs, on curves with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from gandam_studio.core.runs.concerns import concern
from gandam_studio.core.runs.record import RunRecord
from trainer.protocol import events as ev

TRIALS = 200


def record_of(loss_d: np.ndarray, loss_g: np.ndarray, kid: tuple[np.ndarray, np.ndarray] | None = None) -> RunRecord:
    record = RunRecord()
    record.apply(
        [
            ev.Progress(
                sequence=1, iteration=len(loss_d), first_iteration=1,
                curves={"loss_d": loss_d.tolist(), "loss_g": loss_g.tolist()},
            )
        ]
    )  # fmt: skip
    if kid is not None:
        record.apply(
            [
                ev.MetricMeasured(sequence=2 + at, iteration=int(step), name="kid", value=float(value))
                for at, (step, value) in enumerate(zip(*kid, strict=True))
            ]
        )
    return record


def healthy(rng: np.random.Generator, count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Losses like those of real runs: a wild start, then factors of two around a level, with spikes of one step."""
    level_d, level_g = rng.uniform(0.1, 1.4), rng.uniform(0.7, 6)
    start = 1 + 20 * np.exp(-np.arange(count) / 10)
    losses = []
    for level in (level_d, level_g):
        values = level * np.exp(0.5 * rng.standard_normal(count)) * start
        values[rng.integers(0, count, 5)] *= rng.uniform(10, 1e6)
        losses.append(values)
    return losses[0], losses[1]


def share(kind: str, make, trials: int = TRIALS) -> float:  # type: ignore[no-untyped-def]
    """The share of simulated runs for which this is reported."""
    found = [concern(make(np.random.default_rng(seed))) for seed in range(trials)]
    return sum(one is not None and one.kind == kind for one in found) / trials


def quality(rng: np.random.Generator, power: float, noise: float = 0.05, count: int = 16) -> RunRecord:
    """A healthy run whose quality value falls by a power law, measured with this relative noise."""
    steps = np.linspace(100, 6000, count)
    values = steps**-power * (1 + noise * rng.standard_normal(count))
    return record_of(*healthy(rng), (steps, values))


def test_healthy_losses_are_never_called_ill() -> None:
    for kind in ("diverging", "discriminator", "flat"):
        assert share(kind, lambda rng: record_of(*healthy(rng))) == 0


def test_losses_that_explode_are_told_whenever_they_begin() -> None:
    def exploding(rng: np.random.Generator) -> RunRecord:
        loss_d, loss_g = healthy(rng)
        begins = int(rng.integers(0, 2500))
        steps = np.maximum(0, np.arange(3000) - begins)
        return record_of(loss_d, loss_g * np.exp(np.minimum(steps * 0.05, 20)))

    assert share("diverging", exploding) == 1


def test_losses_that_are_huge_from_the_start_are_told() -> None:
    rng = np.random.default_rng(0)
    loss_d, loss_g = healthy(rng, 150)
    found = concern(record_of(loss_d * 1e7, loss_g * 1e7))
    assert found is not None
    assert found.kind == "diverging"


def test_a_discriminator_that_has_won_is_told() -> None:
    def won(rng: np.random.Generator) -> RunRecord:
        loss_d, loss_g = healthy(rng)
        loss_d[1500:] = 1e-3 * np.exp(0.5 * rng.standard_normal(1500))
        return record_of(loss_d, loss_g)

    assert share("discriminator", won) == 1
    passing = np.ones(3000)
    passing[1000:1400] = 0.0
    assert concern(record_of(passing, np.ones(3000))) is None, "it lasted too short"


def test_a_critics_large_losses_are_normal() -> None:
    losses = np.linspace(1, 3000, 3000)
    assert concern(record_of(losses, losses), "wasserstein") is None
    assert concern(record_of(losses * 1e6, losses), "wasserstein") is not None


@pytest.mark.parametrize(("power", "most"), [(0.5, 0.0), (0.3, 0.0), (0.2, 0.02)])
def test_a_run_that_still_improves_is_seldom_called_flat(power: float, most: float) -> None:
    assert share("flat", lambda rng: quality(rng, power)) <= most


def test_a_run_that_does_not_improve_is_nearly_always_told() -> None:
    assert share("flat", lambda rng: quality(rng, 0.0)) >= 0.95


def test_few_measurements_say_nothing() -> None:
    assert share("flat", lambda rng: quality(rng, 0.0, count=10)) == 0

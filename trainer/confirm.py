"""The end point of an experiment's run: the quality of its best checkpoint, confirmed on other pictures.

The lowest of many values is low by luck too. So the checkpoint is chosen by pictures of some latents, and its quality
is that of pictures of other ones. Which checkpoints are looked at depends on the configuration alone, not on how fast
the machine was: those at multiples of `sampling.milestones` and the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from trainer.dataset import load_training_set
from trainer.diagnostics.diagnose import LEAST_SAMPLES, Diagnostics
from trainer.diagnostics.quality import QualityScale
from trainer.evaluate import facts_of, sides_of_array
from trainer.feature_spaces import feature_space
from trainer.protocol.diagnosis import rounded
from trainer.protocol.errors import TrainerError
from trainer.protocol.measured import Measured
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.suitability import LEAST_HELD_OUT
from trainer.randomness import derived_seed
from trainer.real_sides import real_features, real_sides
from trainer.sampling import load_trained, pictures

Say = Callable[[str], None]
CHOOSING = 512
"""Pictures of each checkpoint by which the best one is chosen."""


def confirm(
    run: RunDirectory, *, against: Path | None = None, samples: int = 1024, seed: int = 0,
    say: Say = lambda _text: None,
) -> dict[str, Any]:  # fmt: skip
    """Choose the best of a run's checkpoints and measure it on fresh latents.

    Args:
        run: a run with checkpoints.
        against: a dataset.npy whose held-out pictures the distance is to; the run's own when None. The verdict about
            variety and copies is always on the run's own pictures.
        samples: pictures that the chosen checkpoint is measured on, at least 16.
        seed: decides the latents; equal seeds choose and measure by equal latents, so that runs can be paired.

    Returns {"run", "iteration", "kid", "kid_error", "floor", "looks": [{"iteration", "kid"}], "seed", "held_out", and
    what `evaluate` says of the chosen one}. Raises TrainerError.
    """
    if samples < LEAST_SAMPLES:
        raise TrainerError(f"{samples} pictures are too few to judge; at least {LEAST_SAMPLES} are needed")
    own = real_sides(load_training_set(run, run.config(), torch.device("cpu"), verify=False))
    network = feature_space(Measured().features)
    sides = own if against is None else sides_of_array(against)[0]
    if len(sides[1]) < LEAST_HELD_OUT:
        raise TrainerError(
            f"{len(sides[1])} sprites are held out, and the quality (KID) needs at least {LEAST_HELD_OUT}", "data"
        )
    scale = QualityScale(real_features(sides, network), one_scale=network.one_scale)
    looks = []
    for iteration in _candidates(run):
        say(f"looking at iteration {iteration:,}")
        drawn = pictures(load_trained(run, iteration=iteration), CHOOSING, derived_seed(seed, "choose"))
        measured = scale.measure(network(drawn))
        assert measured is not None
        looks.append((measured.kid, iteration))
    kid, best = min(looks)
    say(f"confirming iteration {best:,}, whose distance was {kid:.3g}")
    drawn = pictures(load_trained(run, iteration=best), samples, derived_seed(seed, "confirm"))
    confirmed = scale.measure(network(drawn))
    assert confirmed is not None
    found = Diagnostics(*own, len(drawn), derived_seed(0, "diagnostics", 0)).look(drawn)
    return {
        **facts_of(found),
        "run": run.name,
        "iteration": best,
        "kid": rounded(confirmed.kid),
        "kid_error": rounded(confirmed.error),
        "floor": rounded(confirmed.floor_mean),
        "looks": [{"iteration": iteration, "kid": rounded(value)} for value, iteration in looks],
        "seed": seed,
        "held_out": len(sides[1]),
        "features": network.name,
    }


def _candidates(run: RunDirectory) -> list[int]:
    """Iterations of the checkpoints to choose from, oldest first."""
    there = [int(folder.name) for folder in run.checkpoints()]
    if not there:
        raise TrainerError(f"{run.name} has no checkpoint yet", "checkpoint")
    milestones = run.config().sampling.milestones
    if run.config().stop.minutes or not milestones:
        return there
    return [iteration for iteration in there if iteration % milestones == 0 or iteration == there[-1]]

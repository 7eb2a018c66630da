"""The pictures of a taste test: fresh, uncurated samples of two checkpoints, and real sprites."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.betting import FIRST, SECOND
from gandam_studio.core.experiments.folder import DONE, Experiment
from gandam_studio.core.experiments.tastes import EACH, REAL, Taste, new_taste
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.sampling import draw_sprites
from trainer.protocol.arrays import open_pictures
from trainer.protocol.picture_files import read_picture
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import UntrustedError, relative_parts

COUNT, REALS = 200, 60
Pictures = Mapping[str, list[np.ndarray[Any, Any]]]
"""Source -> pictures, uint8 (H, W, 3 or 4)."""


def begin_taste(
    experiment: Experiment, a: int, b: int, *, at: tuple[int, int] = (0, 0), each: int = EACH, job: Job = NULL_JOB
) -> tuple[Taste, Pictures]:
    """Begin a test of two measured cells, by their numbers.

    `at`: the iteration of a checkpoint of each that was looked at, 0 for the one that was chosen and measured; so two
    checkpoints of one run can be compared too. `each`: samples a side. Raises UserError and Cancelled.
    """
    outcomes = experiment.outcomes()
    names = []
    for number, iteration in zip((a, b), at, strict=True):
        outcome = outcomes.get(number)
        if outcome is None or outcome.state != DONE:
            raise UserError("only runs that are measured can be tasted")
        if iteration and iteration not in [outcome.iteration, *(known for known, _ in outcome.looks)]:
            raise UserError(f"iteration {iteration:,} of {outcome.run} was not looked at")
        names.append(f"{outcome.run}@{iteration or outcome.iteration}")
    taste = new_taste(experiment.folder, *names, count=COUNT, reals=REALS, each=each)
    return taste, pictures_of(experiment, taste, taste.round, job)


def pictures_of(experiment: Experiment, taste: Taste, number: int, job: Job = NULL_JOB) -> Pictures:
    """The pictures of a round of a test, the same whenever it is continued. Raises UserError and Cancelled."""
    found: dict[str, list[np.ndarray[Any, Any]]] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        for source, name in ((FIRST, taste.a), (SECOND, taste.b)):
            run, iteration = _named(experiment, name)
            target = Path(place) / source
            seed = taste.sample_seed(source, number)
            draw_sprites(run, target, count=taste.count, seed=seed, iteration=iteration, singly=True, job=job)
            found[source] = [_read(path) for path in sorted(target.glob("*.png"))]
            if len(found[source]) < taste.count:
                raise UserError(f"{run.name} drew too few pictures")
    found[REAL] = _reals(_named(experiment, taste.a)[0], taste)
    return found


def _named(experiment: Experiment, name: str) -> tuple[RunDirectory, int]:
    run, _, iteration = name.rpartition("@")
    try:
        if len(relative_parts(run)) != 1:
            raise UntrustedError("it leads elsewhere")
        return RunDirectory(experiment.runs_folder / run), int(iteration)
    except ValueError as error:
        raise UserError(f"{name} is no checkpoint: {error}") from None


def _read(path: Path) -> np.ndarray[Any, Any]:
    return np.asarray(read_picture(path, formats=["PNG"], follow_links=False).convert("RGBA"))


def _reals(run: RunDirectory, taste: Taste) -> list[np.ndarray[Any, Any]]:
    """Real sprites, as the networks see them."""
    if not taste.reals:
        return []
    try:
        pixels = open_pictures(run.dataset_path, follow_links=False)
    except (OSError, ValueError) as error:
        raise UserError(f"the sprites of {run.name} cannot be read: {error}") from None
    rows = np.random.default_rng(taste.seed).integers(0, len(pixels), taste.reals)
    return [np.asarray(pixels[row]) for row in rows]

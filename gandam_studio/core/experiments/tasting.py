"""The pictures of a taste test: fresh, uncurated samples of two checkpoints, and real sprites."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.betting import FIRST, SECOND
from gandam_studio.core.experiments.folder import DONE, Experiment
from gandam_studio.core.experiments.tastes import EACH, REAL, Taste, new_taste, tastes
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.checkpoints import kept_checkpoints
from gandam_studio.core.runs.sampling import draw_sprites
from trainer.protocol.arrays import open_pictures
from trainer.protocol.picture_files import read_picture
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import UntrustedError, relative_parts

COUNT, REALS = 200, 60
Pictures = Mapping[str, list[np.ndarray[Any, Any]]]
"""Source -> pictures, uint8 (H, W, 3 or 4)."""


Found = tuple[Taste, Pictures]
"""A test, and the pictures of its present round."""


def begin_taste(
    experiment: Experiment, a: int, b: int, *, at: tuple[int, int] = (0, 0), each: int = EACH, job: Job = NULL_JOB
) -> Found:
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
    return taste, pictures_of(experiment.runs_folder, taste, taste.round, job)


def begin_taste_of(
    one: RunDirectory, other: RunDirectory, *, at: tuple[int, int], each: int = EACH, job: Job = NULL_JOB
) -> Found:
    """Begin a test of two runs of a workspace, or of two checkpoints of one run; `at`: the iteration of each.

    The record is kept in the workspace. Raises UserError and Cancelled.
    """
    if one.path.parent != other.path.parent:
        raise UserError("only runs of one workspace can be tasted")
    names = [f"{run.name}@{iteration}" for run, iteration in zip((one, other), at, strict=True)]
    taste = new_taste(home_of(one), *names, count=COUNT, reals=REALS, each=each)
    return taste, pictures_of(one.path.parent, taste, taste.round, job)


def tastes_of(runs: Sequence[RunDirectory]) -> list[Taste]:
    """The tests between these runs, or between checkpoints of one of them, that are kept in their workspace."""
    if not runs or len({run.path.parent for run in runs}) > 1:
        return []
    names = {run.name for run in runs}
    return [taste for taste in tastes(home_of(runs[0])) if {_run_of(taste.a), _run_of(taste.b)} <= names]


def home_of(run: RunDirectory) -> Path:
    """The workspace of a run."""
    return run.path.parent.parent


def pictures_of(runs_folder: Path, taste: Taste, number: int, job: Job = NULL_JOB) -> Pictures:
    """The pictures of a round of a test, the same whenever it is continued. Raises UserError and Cancelled.

    `runs_folder`: where the runs lie that the test names.
    """
    found: dict[str, list[np.ndarray[Any, Any]]] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        for source, name in ((FIRST, taste.a), (SECOND, taste.b)):
            run, iteration = _named(runs_folder, name)
            target = Path(place) / source
            seed = taste.sample_seed(source, number)
            kept = _kept(run, iteration)
            draw_sprites(run, target, count=taste.count, seed=seed, iteration=kept, singly=True, job=job)
            found[source] = [_read(path) for path in sorted(target.glob("*.png"))]
            if len(found[source]) < taste.count:
                raise UserError(f"{run.name} drew too few pictures")
    found[REAL] = _reals(_named(runs_folder, taste.a)[0], taste)
    return found


def _run_of(name: str) -> str:
    return name.rpartition("@")[0]


def _kept(run: RunDirectory, iteration: int) -> str:
    """What the trainer calls the checkpoint of an iteration, which may be kept for its quality alone."""
    found = sorted((one for one in kept_checkpoints(run) if one.iteration == iteration), key=lambda one: one.is_best)
    if not found:
        raise UserError(f"{run.name} has no checkpoint of iteration {iteration:,} any more")
    return found[0].name


def _named(runs_folder: Path, name: str) -> tuple[RunDirectory, int]:
    run, _, iteration = name.rpartition("@")
    try:
        if len(relative_parts(run)) != 1:
            raise UntrustedError("it leads elsewhere")
        return RunDirectory(runs_folder / run), int(iteration)
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

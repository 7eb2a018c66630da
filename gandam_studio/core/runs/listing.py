"""The runs of a workspace: numbered folders, each complete in itself."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.labels import label_of
from gandam_studio.core.texts import LONGEST_NAME, checked
from trainer.protocol import files
from trainer.protocol.config import TrainConfig, fit_data
from trainer.protocol.errors import TrainerError
from trainer.protocol.manifest import read_manifest
from trainer.protocol.recipe import Recipe
from trainer.protocol.remedies import Remedy
from trainer.protocol.run_directory import REASON_LENGTH, RunDirectory, RunState
from trainer.protocol.settings import Extension
from trainer.protocol.suitability import check_data
from trainer.protocol.untrusted import UntrustedError, shortened

if TYPE_CHECKING:
    from gandam_studio.core.runs.datasets import PreparedDataset
    from gandam_studio.core.versions import ManifestVersion, SplitRule
    from gandam_studio.core.workspace import Workspace

_NUMBERED = re.compile(r"r([0-9]+)(?:-|$)")
_NUMBER_LENGTH = 9  # With a longer number, the next run's name could not be a folder name.
_NAME_LENGTH = 60
log = logging.getLogger(__name__)
# Smaller data sets are too small to learn from.
MINIMUM_PICTURES = 2


@dataclass(frozen=True)
class RunSummary:
    """A summary of a run.

    Attributes:
        run: its name, such as "r7-sprite-r3-cpu". folder: its path.
        state: its current state (trainer.protocol.run_directory.RunState).
        preset, manifest, version, parent: from its configuration; "" if that cannot be read.
        name, note: given by the person, or "" (see `labels`). created: when it was made, epoch seconds.
        problem: why the run (its state is "damaged" then) or its configuration cannot be read, or "".
    """

    run: str
    folder: Path
    state: RunState
    preset: str = ""
    manifest: str = ""
    version: str = ""
    parent: str = ""
    problem: str = ""
    name: str = ""
    note: str = ""
    created: float = 0.0

    @property
    def title(self) -> str:
        """What to call the run: its own name followed by its number, or its id."""
        number = self.run.partition("-")[0]
        return f"{self.name} ({number})" if self.name else self.run

    @property
    def date(self) -> float:
        """When it last trained, or was made, seconds since the epoch."""
        return self.state.wall_time or self.created

    def to_json(self) -> dict[str, Any]:
        """An element of the output of `gandam-studio runs --json`."""
        return {
            "run": self.run,
            "name": self.name,
            "note": self.note,
            "state": self.state.state,
            "images_seen": self.state.images_seen,
            "iteration": self.state.iteration,
            "manifest": self.manifest,
            "preset": self.preset,
            "version": self.version,
            "parent": self.parent,
            "reason": self.state.reason or self.problem,
            "folder": str(self.folder),
        }


def training_recipe(recipe: Recipe, config: TrainConfig) -> Recipe:
    """A version's recipe with the size and channels of a configuration."""
    background = recipe.background
    if config.data.channels == 4:
        background = "alpha"
    elif background == "alpha":
        background = "white"
    return dataclasses.replace(recipe, size=config.data.size, background=background)


def size_to_train(own: int, recipe_size: int) -> int:
    """The picture size of a run: the recipe's, unless that has its default size; then the preset's `own`."""
    return own if recipe_size == Recipe().size else recipe_size


def at_recipe_size(config: TrainConfig, recipe: Recipe) -> tuple[TrainConfig, str]:
    """A configuration at the picture size of the recipe, unless that has its default size.

    Returns the configuration, with penalties adapted to the size, and a note if recipe and preset differ, else "".
    Raises UserError.
    """
    own = config.data.size
    if recipe.size == own:
        return config, ""
    if size_to_train(own, recipe.size) == own:
        return config, f"at {own} px, the preset's size; the recipe's is {recipe.size} px"
    try:
        fitted = fit_data(config, recipe.size, config.data.channels)
    except ValueError as error:
        raise UserError(f"at {recipe.size} px, the recipe's size: {error}") from None
    return fitted, f"at {recipe.size} px, the recipe's size; the preset's is {own} px"


def create_run(
    workspace: Workspace, version: ManifestVersion, config: TrainConfig, *, parent: str = "",
    split: SplitRule | None = None, complete: Callable[[RunDirectory], None] | None = None, job: Job = NULL_JOB,
) -> RunDirectory:  # fmt: skip
    """Create a run's folder with prepared pictures, manifest and configuration.

    `split`: how to hold out sprites, instead of the version's splits. `complete` can add files before the folder gets
    its name. Raises UserError (too few sprites, a class without sprites, disk full) and Cancelled; no incomplete run
    is left behind.
    """
    from gandam_studio.core.runs.datasets import prepare
    from gandam_studio.core.versions.files import recipe_of

    parent = checked(parent, "the parent's name", LONGEST_NAME)
    recipe = training_recipe(recipe_of(workspace, version), config)
    prepared = prepare(workspace, version, recipe, split=split, job=job)
    if prepared.count < MINIMUM_PICTURES:
        raise UserError(f"{version.label} holds {prepared.count} sprites: too few to train on")
    _refuse_unsuitable(config, prepared)
    origin = dataclasses.replace(
        config.origin,
        manifest=version.digest,
        version=version.label,
        recipe=recipe.canonical(),
        parent=parent,
        facing_curated=_facing_was_curated(workspace.manifest_path(version.digest)),
    )
    # The schedules of a run that starts anew are made for its own limit.
    config = dataclasses.replace(config, origin=origin, extension=Extension())
    folder = workspace.folder / "runs" / _next_name(workspace, config.preset)
    try:
        return RunDirectory.create(
            folder, config, prepared.pixels_path, prepared.info_path, workspace.manifest_path(version.digest), complete
        )
    except TrainerError as error:
        raise UserError.of(error) from None


def _refuse_unsuitable(config: TrainConfig, prepared: PreparedDataset) -> None:
    size, channels = config.data.size, config.data.channels
    try:
        check_data(config, (size, size, channels), prepared.info())
    except TrainerError as error:
        raise UserError.of(error) from None


def runs(workspace: Workspace) -> list[RunSummary]:
    """All runs, oldest first; a broken one is listed with its problem rather than hidden."""
    return runs_in(workspace.folder / "runs")


def runs_in(folder: Path, known: Sequence[RunSummary] = ()) -> list[RunSummary]:
    """All runs in a folder of runs, oldest first; needs no workspace, so that any thread may ask.

    known: summaries read shortly before. Of these, runs that had ended and are not trained again are not read again.
    """
    ended = {run.folder: run for run in known if run.state.state not in ("running", "paused")}
    found = [path for path in _folders(folder) if _NUMBERED.match(path.name)]
    return [
        ended[path] if path in ended and not RunDirectory(path).is_locked() else summary(path)
        for path in sorted(found, key=lambda path: (_number(path), path.name))
    ]


def any_run_trains(workspace: Workspace) -> bool:
    """Whether a trainer lives on any run of the workspace, whoever started it. Cheap: looks at locks only."""
    return any(RunDirectory(path).is_locked() for path in _folders(workspace.folder / "runs"))


def summary(folder: Path) -> RunSummary:
    """The summary of a run's folder; a run that cannot be read is "damaged"."""
    label = label_of(folder)
    return dataclasses.replace(_summary(folder), name=label.name, note=label.note, created=_created(folder))


def _created(folder: Path) -> float:
    """When the run's data set was put into its folder, which nothing changes later; 0.0 if that is not known."""
    try:
        return (folder / "dataset.json").stat().st_mtime
    except OSError:
        return 0.0


def _summary(folder: Path) -> RunSummary:
    run = RunDirectory(folder)
    try:
        state = run.state()
        try:
            config = run.config()
        except TrainerError as error:
            return _damaged(run, error, state)
        origin = config.origin
        return RunSummary(run.name, folder, state, config.preset, origin.manifest, origin.version, origin.parent)
    except (OSError, UntrustedError) as error:
        return _damaged(run, error)
    except Exception as error:  # One bad folder must not hide the others.
        log.exception("looking at %s", folder)
        return _damaged(run, error)


def _damaged(run: RunDirectory, error: Exception, state: RunState | None = None) -> RunSummary:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    problem = shortened(reason, REASON_LENGTH) or type(error).__name__
    if state is not None and state.state in ("running", "paused"):  # It is being trained, so its state matters more.
        return RunSummary(run.name, run.path, state, problem=problem)
    state = dataclasses.replace(state or RunState("damaged"), state="damaged", reason=problem)
    return RunSummary(run.name, run.path, state, problem=problem)


def _folders(folder: Path) -> list[Path]:
    """Everything in the folder of runs that is a folder; nothing while that cannot be read."""
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def find_run(workspace: Workspace, text: str) -> RunDirectory:
    """Find a run by id, number ("r7"), its own name or "latest". Raises UserError."""
    folder = workspace.folder / "runs"
    names = [path.name for path in _folders(folder) if _NUMBERED.match(path.name)]
    names.sort(key=lambda name: _number(Path(name)))
    if text == "latest" and names:
        return RunDirectory(folder / names[-1])
    if not names:
        raise UserError("there is no run yet", Remedy.TRAIN)
    matches = [name for name in names if name == text] or [name for name in names if name.startswith(f"{text}-")]
    matches = matches or [name for name in names if text and label_of(folder / name).name == text]
    if len(matches) != 1:
        there = ", ".join(shortened(name) for name in names[-8:])
        raise UserError(f"there is no run {shortened(text)!r}; there are {there}")
    return RunDirectory(folder / matches[0])


def _next_name(workspace: Workspace, preset: str) -> str:
    folder = workspace.folder / "runs"
    try:
        files.own_folder(folder)
        highest = max((_number(path) for path in folder.iterdir()), default=0)
    except OSError as error:
        raise UserError(f"no run can be created in {folder}: {error.strerror or error}") from None
    return f"r{highest + 1}-{re.sub(r'[^A-Za-z0-9_-]+', '-', preset)[:_NAME_LENGTH] or 'custom'}"


def _number(path: Path) -> int:
    match = _NUMBERED.match(path.name)
    return int(match.group(1)) if match and len(match.group(1)) <= _NUMBER_LENGTH else 0


def _facing_was_curated(manifest: Path) -> bool:
    """Whether any picture of the version was flipped or has a known facing. Raises UserError."""
    try:
        return any(entry.flip or entry.facing != "unknown" for entry in read_manifest(manifest))
    except (OSError, ValueError) as error:
        raise UserError(f"the version's manifest cannot be read: {error}") from None

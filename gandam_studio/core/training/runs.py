"""The runs of a workspace: numbered folders, each complete in itself."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.texts import LONGEST_NAME, checked
from trainer.config import TrainConfig, fit_data
from trainer.errors import TrainerError
from trainer.recipe import Recipe
from trainer.run_directory import RunDirectory, RunState
from trainer.untrusted import shortened

if TYPE_CHECKING:
    from gandam_studio.core.versions import ManifestVersion
    from gandam_studio.core.workspace import Workspace

_NUMBERED = re.compile(r"r(\d+)(?:-|$)")
# Below this, a data set has too little to learn from and the trainer's batches repeat themselves.
MINIMUM_PICTURES = 2


@dataclass(frozen=True)
class RunSummary:
    """A run at a glance.

    Attributes:
        run: its name, such as "r7-sprite-r3-cpu"; folder: where it is.
        state: how it stands now (trainer.run_directory.RunState).
        preset, manifest, version, parent: of its configuration; "" when that cannot be read.
        problem: why the configuration cannot be read, else "".
    """

    run: str
    folder: Path
    state: RunState
    preset: str = ""
    manifest: str = ""
    version: str = ""
    parent: str = ""
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """The contract of `gandam-studio runs --json`."""
        return {
            "run": self.run,
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
    """A version's recipe at the size, and with the channels, that a configuration trains at."""
    background = recipe.background
    if config.data.channels == 4:
        background = "alpha"
    elif background == "alpha":
        background = "white"
    return dataclasses.replace(recipe, size=config.data.size, background=background)


def at_recipe_size(config: TrainConfig, recipe: Recipe) -> tuple[TrainConfig, str]:
    """A configuration whose picture size nobody has named, at the size that somebody has given the recipe.

    A recipe whose size was left alone gives way to the preset's. Returns the configuration, penalties fitted to the
    size, and one line to tell where recipe and preset disagree ("" where they do not).
    """
    own = config.data.size
    if recipe.size == own:
        return config, ""
    if recipe.size == Recipe().size:
        return config, f"at {own} px, the preset's size; for {recipe.size} px: --set data.size={recipe.size}"
    fitted = fit_data(config, recipe.size, config.data.channels)
    return fitted, f"at {recipe.size} px, the recipe's size; for the preset's {own} px: --set data.size={own}"


def create_run(
    workspace: Workspace, version: ManifestVersion, config: TrainConfig, *, parent: str = "", job: Job = NULL_JOB
) -> RunDirectory:
    """Make a run's folder: pictures prepared, manifest and configuration frozen together.

    Raises UserError (too few sprites, disk full) and Cancelled; no half-made run is left behind.
    """
    from gandam_studio.core.datasets import prepare
    from gandam_studio.core.versions.files import recipe_of

    parent = checked(parent, "the parent's name", LONGEST_NAME)
    recipe = training_recipe(recipe_of(workspace, version), config)
    prepared = prepare(workspace, version, recipe, job=job)
    if prepared.count < MINIMUM_PICTURES:
        raise UserError(f"{version.label} holds {prepared.count} sprites: too few to train on")
    origin = dataclasses.replace(
        config.origin,
        manifest=version.digest,
        version=version.label,
        recipe=recipe.canonical(),
        parent=parent,
        facing_curated=_facing_was_curated(workspace),
    )
    config = dataclasses.replace(config, origin=origin)
    folder = workspace.folder / "runs" / _next_name(workspace, config.preset)
    try:
        return RunDirectory.create(
            folder, config, prepared.pixels_path, prepared.info_path, workspace.manifest_path(version.digest)
        )
    except TrainerError as error:
        raise UserError(str(error)) from None


def runs(workspace: Workspace) -> list[RunSummary]:
    """All runs, oldest first; a broken one is listed with its problem rather than hidden."""
    folder = workspace.folder / "runs"
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.is_dir() and _NUMBERED.match(path.name)]
    return [summary(path) for path in sorted(found, key=lambda path: (_number(path), path.name))]


def any_run_trains(workspace: Workspace) -> bool:
    """Whether a trainer lives on any run of the workspace, whoever started it. Cheap: looks at locks only."""
    folder = workspace.folder / "runs"
    return folder.is_dir() and any(RunDirectory(path).is_locked() for path in folder.iterdir() if path.is_dir())


def summary(folder: Path) -> RunSummary:
    """A run's folder at a glance, wherever it lies."""
    run = RunDirectory(folder)
    state = run.state()
    try:
        config = run.config()
    except TrainerError as error:
        return RunSummary(run.name, folder, state, problem=str(error))
    origin = config.origin
    return RunSummary(run.name, folder, state, config.preset, origin.manifest, origin.version, origin.parent)


def find_run(workspace: Workspace, text: str) -> RunDirectory:
    """A run by name, by number ("r7") or "latest". Raises UserError."""
    folder = workspace.folder / "runs"
    names = [path.name for path in folder.iterdir() if _NUMBERED.match(path.name)] if folder.is_dir() else []
    names.sort(key=lambda name: _number(Path(name)))
    if text == "latest" and names:
        return RunDirectory(folder / names[-1])
    if not names:
        raise UserError("there is no run yet; start one with: gandam-studio train --preset NAME")
    matches = [name for name in names if name == text] or [name for name in names if name.startswith(f"{text}-")]
    if len(matches) != 1:
        raise UserError(f"there is no run {shortened(text)!r}; there are {', '.join(names[-8:])}")
    return RunDirectory(folder / matches[0])


def _next_name(workspace: Workspace, preset: str) -> str:
    folder = workspace.folder / "runs"
    folder.mkdir(exist_ok=True)
    highest = max((_number(path) for path in folder.iterdir()), default=0)
    return f"r{highest + 1}-{re.sub(r'[^A-Za-z0-9_-]+', '-', preset) or 'custom'}"


def _number(path: Path) -> int:
    match = _NUMBERED.match(path.name)
    return int(match.group(1)) if match else 0


def _facing_was_curated(workspace: Workspace) -> bool:
    query = "SELECT 1 FROM sprites WHERE flipped OR facing != 'unknown' LIMIT 1"
    return workspace.connection.execute(query).fetchone() is not None

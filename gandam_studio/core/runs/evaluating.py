"""Judges a checkpoint of a run, or a folder of pictures made by any program, in the trainer's process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.datasets import prepare
from gandam_studio.core.runs.process import ask
from trainer.protocol.measured import Measured
from trainer.protocol.run_directory import RunDirectory

if TYPE_CHECKING:
    from gandam_studio.core.versions.model import ManifestVersion
    from gandam_studio.core.workspace import Workspace

LEAST_SAMPLES, SAMPLES, MOST_SAMPLES = 16, 1024, 20_000
"""How many pictures may be looked at, and how many usually are."""


def evaluate_run(
    run: RunDirectory, *, iteration: str | None = None, samples: int = SAMPLES, seed: int = 0, grids: bool = False,
    measured: Measured | None = None, out: Path | None = None, force: bool = False, job: Job = NULL_JOB,
) -> dict[str, Any]:  # fmt: skip
    """Judge `samples` pictures drawn from a checkpoint.

    Args:
        iteration: the checkpoint's, "best", or None for the newest.
        grids: judge every stored grid of fresh samples instead.
        measured: how quality is measured.
        out: folder for the pictures behind the verdict. force: replace what is there.

    Returns the trainer's answer. Raises UserError, TrainerError if the run is gone, and Cancelled.
    """
    run.require_folder()
    words = ["--iteration", iteration] if iteration else []
    words += ["--grids"] if grids else (measured or Measured()).words()
    return _ask(run.path, words, samples, seed, out, force, job)


def evaluate_folder(
    workspace: Workspace, folder: Path, version: ManifestVersion, *, samples: int = SAMPLES, seed: int = 0,
    measured: Measured | None = None, out: Path | None = None, force: bool = False, job: Job = NULL_JOB,
) -> dict[str, Any]:  # fmt: skip
    """Judge the pictures in `folder` against a version; see `evaluate_run`."""
    against = prepare(workspace, version, job=job).pixels_path
    words = ["--against", str(against), *(measured or Measured()).words()]
    return _ask(folder, words, samples, seed, out, force, job)


def folder_problem(folder: Path) -> str:
    """Why `folder` cannot be judged as a folder of pictures, in one line; "" if it may be."""
    if not folder.is_absolute():
        return f"{folder} is no full path"
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if (folder / "config.json").is_file():
        return f"{folder} is a run's folder; its checkpoints can be evaluated on Train and Runs"
    return ""


def _ask(
    path: Path, words: list[str], samples: int, seed: int, out: Path | None, force: bool, job: Job
) -> dict[str, Any]:
    words = [*words, "--samples", str(samples), "--seed", str(seed)]
    if out is not None:
        if not out.parent.is_dir():
            raise UserError(f"there is no folder {out.parent}")
        words += ["--out", str(out.absolute()), *(["--force"] if force else [])]
    job.start("Drawing and comparing pictures", None)
    return ask("evaluate", str(path), *words, job=job)

"""Hands a run's model over: weights, settings, a model card and an example, written by the trainer's process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.process import ask
from gandam_studio.core.texts import LONGEST_MESSAGE, checked
from trainer.protocol import outputs
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory

FORMATS = ("safetensors", "onnx")


def model_target_problem(run: RunDirectory, target: Path) -> str:
    """Why a model cannot be written to the folder `target`, in one line; "" if it may be. The trainer looks closer."""
    if not target.is_absolute():
        return f"{target} is no full path"
    if not target.parent.is_dir():
        return f"there is no folder {target.parent}"
    try:
        outputs.check_place(target, near=[run.path])
    except TrainerError as error:
        return str(error)
    if target.exists() and not target.is_dir():
        return f"{target} is a file, but a folder is to be written"
    return ""


def export_model(
    run: RunDirectory, target: Path, *, note: str = "", formats: Sequence[str] = FORMATS,
    iteration: str | None = None, force: bool = False, job: Job = NULL_JOB,
) -> dict[str, Any]:  # fmt: skip
    """Write a checkpoint's generator into the folder `target`, each file compared with the original.

    Args:
        note: about rights, by the person, for the model card.
        formats: "safetensors", "onnx", "torchscript". iteration: of a checkpoint, "best", or None for the newest.
        force: replace an earlier export.

    Returns the trainer's answer: "files" {name: largest difference}, "skipped" {format: reason}. Raises UserError and
    Cancelled; the target is complete or unchanged.
    """
    if problem := model_target_problem(run, target):
        raise UserError(problem)
    note = checked(note, "the note", LONGEST_MESSAGE, lines=True)
    words = [word for name in formats for word in ("--format", name)]
    words += ["--iteration", iteration] if iteration else []
    words += ["--note", note] if note else []
    words += ["--force"] if force else []
    job.start("Exporting the model", None)
    return ask("export", str(run.path), "--out", str(target), *words, job=job)

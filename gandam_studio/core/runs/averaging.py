"""Makes an average of a run's weights whose width is chosen after training, in the trainer's process."""

from __future__ import annotations

from typing import Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.jobs import NULL_JOB, Job
from gandam_studio.core.runs.process import ask
from trainer.protocol.advice import setting_name
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory


def average_problem(run: RunDirectory) -> str:
    """Why no average can be made of a run, in one line; "" if it may be. Reads the run's settings."""
    try:
        keeps = run.config().ema.post_hoc
    except TrainerError as error:
        return str(error)
    if not keeps:
        name = setting_name("ema.post_hoc")
        return f"this run kept no averages of several widths; the setting “{name}” (ema.post_hoc) makes a run do so"
    return f"{run.name} is being trained; make its average when it has ended" if run.is_locked() else ""


def make_average(
    run: RunDirectory, *, width: float | None = None, iteration: str | None = None, job: Job = NULL_JOB
) -> dict[str, Any]:
    """Make the average of a width, from .03 to .25, or of the one that draws best; it is the checkpoint "post-hoc".

    `iteration`: of the checkpoint it ends at; None for the newest. Returns the trainer's answer, see
    `trainer.averaging.make_average`. Raises UserError, and Cancelled; an earlier average stays until the new one is
    complete.
    """
    if problem := average_problem(run):
        raise UserError(problem)
    words = ["--width", str(width)] if width is not None else []
    words += ["--iteration", iteration] if iteration else []
    job.start("Reading the checkpoints", None)
    return ask("average", str(run.path), *words, "--progress", job=job, label="Comparing widths")

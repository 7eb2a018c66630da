"""Move an experiment to the trash, with its runs or without."""

from __future__ import annotations

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.folder import Experiment
from gandam_studio.core.runs.export import trash_run
from gandam_studio.core.trash import to_trash


def trash_experiment(experiment: Experiment, *, with_runs: bool = False) -> list[str]:
    """Move the experiment's folder to the system's trash: its plan, what was measured, and its taste tests.

    `with_runs` moves the runs that were made for it too, before the folder, so that one that cannot be moved leaves an
    experiment that still opens. Without it they stay as runs of their own. Returns the names of the runs moved. Raises
    UserError while the experiment is carried out or one of these runs is trained, and where there is no trash.
    """
    if experiment.is_carried_out():
        raise UserError(f"experiment {experiment.name} is being carried out; stop it first")
    runs = [run for _cell, run in sorted(experiment.runs().items())] if with_runs else []
    for run in runs:
        if run.is_locked():
            raise UserError(f"{run.name} is being trained; stop it first")
    for run in runs:
        trash_run(run)
    to_trash(experiment.folder)
    return [run.name for run in runs]

"""Experiments that were begun and stand still."""

from __future__ import annotations

import contextlib
from pathlib import Path

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.folder import Experiment, experiments


def paused(workspace_folder: Path) -> list[tuple[str, int, int]]:
    """(title, runs left, runs of all) of the experiments that have runs, lack values and are not carried out.

    Oldest first; those that cannot be read are left out.
    """
    found: list[tuple[str, int, int]] = []
    for name in experiments(workspace_folder):
        with contextlib.suppress(UserError):
            one = Experiment.open(workspace_folder, name)
            total = len(one.plan.cells)
            left = total - len(one.outcomes())
            if left and one.runs() and not one.is_carried_out():
                found.append((one.title, left, total))
    return found

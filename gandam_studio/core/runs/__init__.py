"""The runs of a workspace: creating them from a version and a preset, starting them, listing them."""

from __future__ import annotations

from gandam_studio.core.runs.listing import (
    RunSummary,
    any_run_trains,
    at_recipe_size,
    create_run,
    find_run,
    runs,
    runs_in,
    size_to_train,
    summary,
)
from gandam_studio.core.runs.process import ask, available_devices, start, trainer_command
from gandam_studio.core.runs.proposing import Proposal, propose

__all__ = [
    "Proposal",
    "RunSummary",
    "any_run_trains",
    "ask",
    "at_recipe_size",
    "available_devices",
    "create_run",
    "find_run",
    "propose",
    "runs",
    "runs_in",
    "size_to_train",
    "start",
    "summary",
    "trainer_command",
]

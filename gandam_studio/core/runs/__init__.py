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
    summary,
)
from gandam_studio.core.runs.process import ask, start, trainer_command

__all__ = [
    "RunSummary",
    "any_run_trains",
    "ask",
    "at_recipe_size",
    "create_run",
    "find_run",
    "runs",
    "runs_in",
    "start",
    "summary",
    "trainer_command",
]

"""Requests between screens about runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ShowRun:
    """Request to watch a run on the Train screen.

    Attributes:
        folder: the run's folder, of this workspace or any other.
        start: whether to start or resume it as well. options: of `python -m trainer train`, for the start.
    """

    folder: Path
    start: bool = False
    options: tuple[str, ...] = ()

"""What one screen asks of another about runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ShowRun:
    """Watch a run on the Train screen.

    Attributes:
        folder: the run's folder, of this workspace or any other.
        start: start or resume it as well.
    """

    folder: Path
    start: bool = False

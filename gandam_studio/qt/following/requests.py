"""Requests between screens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ShowRun:
    """Request to watch a run on the Train screen.

    Attributes:
        folder: the run's folder, of this workspace or any other.
        start: whether to start or resume it as well.
    """

    folder: Path
    start: bool = False


@dataclass(frozen=True)
class ShowCopies:
    """Request to list on the Duplicates screen the groups that still hold copies in a version.

    Attributes:
        version: the version's label.
        copies: pairs of row numbers of sprites that are copies of each other, both in the version.
    """

    version: str
    copies: tuple[tuple[int, int], ...]

"""Requests between screens: what to show after going there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gandam_studio.core.workspace.query import Filter
from gandam_studio.core.workspace.seqsets import Seqs


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


@dataclass(frozen=True)
class ShowCopies:
    """Request to list on the Duplicates screen the groups that still hold copies in a version.

    Attributes:
        version: the version's label.
        copies: pairs of row numbers of sprites that are copies of each other, both in the version.
    """

    version: str
    copies: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class ShowSprites:
    """Request to select sprites on the Curate screen; a filter that hides some of them is cleared.

    Attributes:
        seqs: their row numbers.
    """

    seqs: Seqs


@dataclass(frozen=True)
class ShowFilter:
    """Request to set the filter of the Curate screen.

    Attributes:
        chosen: the filter; None leaves it as it is.
        panel: "details" or "recipe" opens the side panel at that page.
    """

    chosen: Filter | None = None
    panel: str = ""


@dataclass(frozen=True)
class SaveVersion:
    """Request to the Versions screen to put the keys into the note of the next version."""


@dataclass(frozen=True)
class ExploreRun:
    """Request to the Explore screen to draw from a run.

    Attributes:
        folder: of a run, of this workspace or any other, or of an exported model.
        moment: the iteration whose nearest checkpoint is chosen; None for the newest.
        checkpoint: the name of the one that is chosen instead, if it is there.
    """

    folder: Path
    moment: float | None = None
    checkpoint: str = ""

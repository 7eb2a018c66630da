"""Where a new workspace may go: a folder that does not exist yet, never inside another workspace."""

from __future__ import annotations

import os
from pathlib import Path

from trainer.protocol.outputs import is_workspace

_TRIES = 1000
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst")


def propose_folder(name: str, parent: Path) -> Path:
    """A new folder NAME, NAME-2 and so on in `parent`, or above it where that lies in a workspace.

    In the home folder where nothing can be written there.
    """
    for place in (outside_workspaces(parent), outside_workspaces(Path.home())):
        if place.is_dir() and os.access(place, os.W_OK):
            return free_path(place / name)
    return free_path(outside_workspaces(Path.home()) / name)


def outside_workspaces(folder: Path) -> Path:
    """`folder`, or the first one above it that lies in no workspace."""
    folder = folder.absolute()
    within = [place for place in (folder, *folder.parents) if is_workspace(place)]
    return within[-1].parent if within else folder


def free_path(path: Path) -> Path:
    """The path, or NAME-2, NAME-3 ... if that exists."""
    others = (path.with_stem(f"{path.stem}-{number}") for number in range(2, _TRIES))
    return next((one for one in (path, *others) if not os.path.lexists(one)), path)


def beside_sources(sources: list[Path]) -> tuple[str, Path]:
    """The name and the parent of a workspace for these sources: beside their folder, named after it."""
    first = sources[0].absolute()
    # One folder or archive names the workspace; loose pictures are named by the folder they lie in.
    own = first.is_dir() or (len(sources) == 1 and first.suffix.lower() in _ARCHIVES)
    place = first if own else first.parent
    stem = place.name if place.is_dir() else place.name.partition(".")[0]
    return f"{stem or 'sprites'}-workspace", place.parent


__all__ = ["beside_sources", "free_path", "outside_workspaces", "propose_folder"]

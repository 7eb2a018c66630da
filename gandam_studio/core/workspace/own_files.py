"""Writing inside a workspace: never through a link, a pipe or a device that came with it.

A workspace may be somebody else's. What lies in it under a name of ours is written to only where it is a plain file or
folder; otherwise a link in it would make us write wherever it points.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from gandam_studio.core.errors import UserError
from trainer.protocol.files import is_link, open_own

_FILES = (
    "workspace.lock", "workspace.lock.holder", "thumbnails/pictures.pack", "thumbnails/index.bin",
)  # fmt: skip
_FOLDERS = ("originals", "originals/packs", "originals/.incoming", "thumbnails", "manifests", "datasets")


def require_plain(folder: Path, *, writing: bool) -> None:
    """Raise UserError when what a workspace's files and folders are called is something else, such as a link.

    A reader is refused for the database only: whatever else it reads is checked as it is read.
    """
    require_regular(folder / "workspace.sqlite")
    if writing:
        require_regular(folder / "originals" / "index.sqlite")
        _require(folder, _FILES, stat.S_ISREG)
        _require(folder, _FOLDERS, stat.S_ISDIR)


def _require(folder: Path, names: Iterable[str], fits: Callable[[int], bool]) -> None:
    for name in names:
        path = folder / name
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        if not fits(mode) or is_link(path):
            kind = "a link" if is_link(path) else "no plain file" if fits is stat.S_ISREG else "no folder"
            raise UserError(f"{path} is {kind}: this workspace is damaged, or was made to mislead")


def require_regular(path: Path) -> None:
    """Raise UserError when something else than a regular file lies at `path`, or beside it as its log."""
    _require(path.parent, (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"), stat.S_ISREG)


def make_folder(path: Path) -> None:
    """Make a folder and its parents where it is not there. Raises OSError when it is a link to one."""
    path.mkdir(parents=True, exist_ok=True)
    if is_link(path):
        raise OSError(errno.ELOOP, "it is a link", str(path))


def open_for_update(path: Path) -> IO[bytes]:
    """Open a file of our own for writing in place, making it when it is not there, truncating nothing."""
    return os.fdopen(open_own(path, os.O_RDWR | os.O_CREAT), "r+b")

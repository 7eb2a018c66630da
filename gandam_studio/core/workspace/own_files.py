"""Safe writing inside a workspace: never through a link, a pipe or a device.

A workspace may come from somebody else. Its files and folders are written to only if they are regular ones, because a
link among them could redirect writes to any place.
"""

from __future__ import annotations

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
    """Raise UserError if a path of the workspace is not a regular file or folder as expected, but a link, for example.

    For reading, only the database is checked; everything else is checked when it is read.
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
            kind = "a link" if is_link(path) else "not a regular file" if fits is stat.S_ISREG else "not a folder"
            raise UserError(f"{path} is {kind}: this workspace is damaged or malicious")


def require_regular(path: Path) -> None:
    """Raise UserError if `path`, or one of SQLite's log files next to it, exists and is not a regular file."""
    _require(path.parent, (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"), stat.S_ISREG)


def open_for_update(path: Path) -> IO[bytes]:
    """Open a file of our own for writing in place, making it when it is not there, truncating nothing."""
    return os.fdopen(open_own(path, os.O_RDWR | os.O_CREAT), "r+b")

"""Folders of any number of files, gone through one by one: `os.walk`, `iterdir` and `rmtree` hold all names at once."""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trainer.protocol.files import flush_file

_AT_ONCE = 1024
_FLUSH_THREADS = 8


def files_under(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Every file below a folder, in no particular order; links to folders are not followed. Raises OSError."""
    with os.scandir(folder) as found:
        for entry in found:
            # A junction (Windows, told apart since Python 3.12) is a link too.
            if entry.is_dir(follow_symlinks=False) and not getattr(entry, "is_junction", bool)():
                yield from files_under(entry.path)
            else:
                yield entry


def is_empty(folder: Path) -> bool:
    """Whether nothing lies in a folder. Raises OSError."""
    with os.scandir(folder) as found:
        return next(found, None) is None


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A temporary folder, removed afterwards; `tempfile.TemporaryDirectory` would gather its names for that."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        remove(folder)


def flush(folder: Path) -> None:
    """Return once everything below a folder would survive a power cut. Raises OSError.

    On Linux one `syncfs` writes all of it out (a flush a file takes milliseconds each); elsewhere every file is
    flushed, several at a time.
    """
    if _sync_filesystem(folder):
        return
    files = files_under(folder)
    with concurrent.futures.ThreadPoolExecutor(_FLUSH_THREADS) as pool:
        while some := list(itertools.islice(files, _AT_ONCE)):
            list(pool.map(_flush_file, some))


def remove(folder: Path) -> None:
    """Remove a folder and all that is in it, as far as that can be done; nothing is raised."""
    with contextlib.suppress(OSError):
        while some := list(itertools.islice(files_under(folder), _AT_ONCE)):
            for entry in some:
                os.unlink(entry.path)
    shutil.rmtree(folder, ignore_errors=True)


def _sync_filesystem(folder: Path) -> bool:
    """Write out the file system that holds `folder`; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
        descriptor = os.open(folder, os.O_RDONLY)
    except (OSError, AttributeError):
        return False
    try:
        return bool(syncfs(descriptor) == 0)
    finally:
        os.close(descriptor)


def _flush_file(entry: os.DirEntry[str]) -> None:
    if entry.stat().st_nlink > 1:
        return  # a link to an original, which is on disk already
    flush_file(Path(entry.path))

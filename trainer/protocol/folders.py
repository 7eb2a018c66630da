"""Walking and removing folders with any number of files; `os.walk` and `rmtree` hold all names in memory."""

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

AT_ONCE = 1024
_FLUSH_THREADS = 8


def files_under(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Every file below a folder, in no particular order; links to folders are not followed. Raises OSError."""
    with os.scandir(folder) as found:
        for entry in found:
            # Windows junctions (recognised since Python 3.12) are links, too.
            if entry.is_dir(follow_symlinks=False) and not getattr(entry, "is_junction", bool)():
                yield from files_under(entry.path)
            else:
                yield entry


def is_empty(folder: Path) -> bool:
    """Whether a folder is empty. Raises OSError."""
    with os.scandir(folder) as found:
        return next(found, None) is None


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A temporary folder, removed afterwards; `tempfile.TemporaryDirectory` would collect all its names for that."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        remove(folder)


def flush(folder: Path) -> None:
    """Flush everything below a folder to disk. Raises OSError.

    On Linux with one `syncfs`, since flushing takes milliseconds per file; elsewhere file by file, in several threads.
    """
    if sync_filesystem(folder):
        return
    files = files_under(folder)
    with concurrent.futures.ThreadPoolExecutor(_FLUSH_THREADS) as pool:
        while some := list(itertools.islice(files, AT_ONCE)):
            list(pool.map(_flush_file, some))


def remove(folder: Path) -> None:
    """Remove a folder and its contents as far as possible, without raising."""
    with contextlib.suppress(OSError):
        while some := list(itertools.islice(files_under(folder), AT_ONCE)):
            for entry in some:
                os.unlink(entry.path)
    shutil.rmtree(folder, ignore_errors=True)


def sync_filesystem(folder: Path) -> bool:
    """Flush the file system that holds `folder`; returns False if the system cannot."""
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
        return  # A hard link to an original, which is already on disk.
    flush_file(Path(entry.path))

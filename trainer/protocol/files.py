"""Atomic writes: to a temporary file next to the target, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for binary writing so that readers see either the old file or the complete new one.

    The parent folder must exist. Raises OSError (disk full, no permission) with the old file untouched.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        with beside.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def replace(source: Path, target: Path) -> None:
    """`os.replace`, retried on Windows, where a reader or a virus scanner can hold the target for a moment."""
    for attempt in range(10):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if os.name != "nt" or attempt == 9:
                raise
            time.sleep(0.02 * (attempt + 1))


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically (see `atomic_writer`)."""
    with atomic_writer(path) as stream:
        stream.write(data)


def write_json(path: Path, value: Any, *, indent: int | None = 2) -> None:
    """Write `value` as UTF-8 JSON, atomically; raises ValueError for NaN and infinity."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=True, allow_nan=False)
    write_bytes(path, text.encode() + b"\n")


def write_own_json(path: Path, value: Any) -> None:
    """As `write_json`, for a file of our own in a folder of our own: neither may be a link. Raises OSError as well."""
    refuse_link(path.parent)
    refuse_link(path)
    write_json(path, value)


def is_link(path: Path | str) -> bool:
    """Whether `path` itself is a symbolic link or a Windows junction."""
    return os.path.islink(path) or getattr(os.path, "isjunction", lambda _path: False)(path)


def refuse_link(path: Path | str) -> None:
    """Raise OSError when `path` is a link: what is written into a folder from somebody else must stay in it."""
    if is_link(path):
        raise OSError(errno.ELOOP, "it is a symbolic link, and links are not written through", str(path))


def own_folder(path: Path) -> Path:
    """Create the folder `path` (not its parents) if missing, and return it. Raises OSError, also for a link."""
    refuse_link(path)
    path.mkdir(exist_ok=True)
    return path


def open_own(path: Path | str, flags: int, mode: int = 0o644) -> int:
    """As `os.open` for a regular file of our own, made with that mode where `flags` say so and it is missing.

    Raises OSError when it is a link, a pipe or a device.
    """
    if not hasattr(os, "O_NOFOLLOW") or flags & (os.O_WRONLY | os.O_RDWR):
        refuse_link(path)
        # Looked at before it is opened: opening a device can have effects of its own.
        if os.path.exists(path) and not os.path.isfile(path):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return descriptor


def open_append(path: Path) -> IO[bytes]:
    """Open a regular file for appending, made when it is missing. Raises OSError, also for a link or a FIFO."""
    return os.fdopen(open_own(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666), "ab")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex, read in chunks."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file, or copy it where that is not possible. Raises OSError."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def flush_file(path: Path) -> None:
    """Flush a file to disk. Raises OSError."""
    # Windows needs a writable handle for that.
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

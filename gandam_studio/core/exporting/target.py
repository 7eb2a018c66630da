"""Where an export goes: a file, a folder or a remote address, replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from gandam_studio.core.errors import UserError
from gandam_studio.core.exporting import folders
from gandam_studio.core.jobs import NULL_JOB, Cancelled, Job
from trainer import files

# Every exported folder holds this file; only folders with it are ever replaced. At an address it is the last to come
# and the first to go, so that a folder with it is whole.
MARKER = "export.json"
# Lies at an address from the first byte of an upload to its end.
UPLOADING = "export.uploading.json"
_UPLOADED_AT_ONCE = 256
_STALE_S = 3600.0


def is_remote(out: Path | str) -> bool:
    """Whether `out` is an address such as s3://bucket/data.zip rather than a path."""
    return isinstance(out, str) and "://" in out


@contextlib.contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """Write a file that appears whole or not at all. Raises UserError when it exists and `force` is False."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; this format is one file")
    if path.exists() and not force:
        raise UserError(f"{path} exists; use --force to replace it")
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_writer(path) as stream:
        yield stream


@contextlib.contextmanager
def new_folder(path: Path, *, force: bool) -> Iterator[Path]:
    """Fill a folder that appears whole or not at all; yields the one to fill.

    An empty folder is taken over. Another is replaced only with `force`, and only when it is an earlier export:
    nobody loses a folder of other things. Raises UserError.
    """
    _check_folder(path, force)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    part.mkdir()
    try:
        yield part
        folders.flush(part)
        _swap_in(part, path)
    finally:
        # Holds the old export now, or what was begun.
        folders.remove(part)


@contextlib.contextmanager
def remote(out: str, *, force: bool, job: Job = NULL_JOB) -> Iterator[Path]:
    """Yield a local path to write to; what is there afterwards is uploaded to the address.

    Needs fsspec and the package of the protocol. A single object appears whole (object stores do that). A folder
    cannot: while it is uploaded it holds `UPLOADING`, and only at the end `MARKER`. One that was interrupted is
    replaced like an earlier export. Raises UserError and Cancelled.
    """
    try:
        import fsspec
    except ImportError:
        raise UserError("remote targets need fsspec: pip install 'gandam-studio[remote]'") from None
    try:
        system, address = fsspec.core.url_to_fs(out)
        address = address.rstrip("/")
        taken = system.exists(address) and not (system.isdir(address) and not system.ls(address))
        begun = taken and system.exists(f"{address}/{UPLOADING}")
        foreign = taken and not begun and system.isdir(address) and not system.exists(f"{address}/{MARKER}")
    except Exception as error:
        # Whatever a protocol's package raises (no such protocol, no credentials, no network) is told in one line.
        raise UserError(f"cannot reach {out}: {_one_line(error)}") from None
    if foreign:
        raise UserError(f"{out} holds other things than an earlier export: remove it yourself, or choose another")
    if taken and not force:
        state = "holds an export that was interrupted" if begun else "exists"
        raise UserError(f"{out} {state}; use --force to replace it")
    with folders.scratch("gandam-export-") as folder:
        local = folder / (address.rsplit("/", 1)[-1] or "export")
        yield local
        try:
            if local.is_file():
                _upload_file(system, local, address)
            else:
                _upload_folder(system, local, address, job)
        except Cancelled:
            raise
        except Exception as error:
            raise UserError(f"cannot write {out}: {_one_line(error)}") from None


def _upload_file(system: Any, local: Path, address: str) -> None:
    # Stores of objects have no folders, and some would make a bucket of a misspelt name.
    if not system.async_impl:
        parent = address.rsplit("/", 1)[0]
        if parent:
            system.makedirs(parent, exist_ok=True)
    system.put_file(str(local), address)


def _upload_folder(system: Any, local: Path, address: str, job: Job) -> None:
    marker, uploading = f"{address}/{MARKER}", f"{address}/{UPLOADING}"
    _upload_file(system, local / MARKER, uploading)
    if system.exists(marker):
        system.rm_file(marker)
    # Only when that is gone: the listing may come from a cache.
    system.invalidate_cache()
    if old := [path for path in system.find(address) if path.rsplit("/", 1)[-1] != UPLOADING]:
        system.rm(old)
    job.start("Uploading", sum(1 for _ in folders.files_under(local)) - 1)
    paths = (Path(entry.path) for entry in folders.files_under(local))
    pairs = ((str(path), f"{address}/{path.relative_to(local).as_posix()}") for path in paths if path != local / MARKER)
    while some := list(itertools.islice(pairs, _UPLOADED_AT_ONCE)):
        if system.async_impl:
            system.put([place for place, _ in some], [target for _, target in some])
            job.advance(len(some))
        else:
            for place, target in some:
                _upload_file(system, Path(place), target)
                job.advance()
    _upload_file(system, local / MARKER, marker)
    system.rm_file(uploading)


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _check_folder(path: Path, force: bool) -> None:
    if path.is_file() or path.is_symlink():
        raise UserError(f"{path} is a file; this format is a folder")
    if not path.exists() or folders.is_empty(path):
        return
    if not force:
        raise UserError(f"{path} exists and is not empty; use --force to replace it")
    if not (path / MARKER).is_file():
        raise UserError(f"{path} holds other things than an earlier export: remove it yourself, or choose another")


def _sweep(path: Path) -> None:
    """Remove what killed exports to `path` left beside it; one that is still being written has younger folders."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for part in [entry for entry in path.parent.iterdir() if ours.fullmatch(entry.name)]:
        with contextlib.suppress(OSError, ValueError):  # it went in the meantime
            if max(os.stat(folder).st_mtime for folder, _, _ in os.walk(part)) < time.time() - _STALE_S:
                folders.remove(part)


def _swap_in(part: Path, path: Path) -> None:
    """Put `part` in the place of `path`; what was there goes to `part`'s place."""
    if not path.exists():
        part.rename(path)
        return
    if folders.is_empty(path):
        path.rmdir()
        part.rename(path)
        return
    if _exchange(part, path):
        return
    # No atomic exchange on this system: two renames, and the old one back when the second fails.
    aside = path.with_name(f"{part.name}.old")
    path.rename(aside)
    try:
        part.rename(path)
    except BaseException:
        aside.rename(path)
        raise
    folders.remove(aside)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two folders in one step: renameat2 on Linux, renamex_np on macOS; False where there is neither."""
    first, second = os.fsencode(a), os.fsencode(b)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform.startswith("linux"):
            at_working_folder, exchange = -100, 2
            return bool(library.renameat2(at_working_folder, first, at_working_folder, second, exchange) == 0)
        if sys.platform == "darwin":
            swap = 2
            return bool(library.renamex_np(first, second, swap) == 0)
    except (OSError, AttributeError, TypeError):
        pass
    return False

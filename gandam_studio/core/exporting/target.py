"""Where an export goes: a file, a folder or a remote address, replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from gandam_studio.core.errors import UserError
from trainer import files

# Every exported folder holds this file; only folders with it are ever replaced.
MARKER = "export.json"


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
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    part.mkdir()
    try:
        yield part
        for folder, _, names in os.walk(part):
            for name in names:
                _flush(Path(folder) / name)
        _swap_in(part, path)
    finally:
        # Holds the old export now, or what was begun.
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def remote(out: str, *, force: bool) -> Iterator[Path]:
    """Yield a local path to write to; what is there afterwards is uploaded to the address.

    Needs fsspec and the package of the protocol. Raises UserError. A single object appears whole (object stores
    do that); of a folder the marker is uploaded last.
    """
    try:
        import fsspec
    except ImportError:
        raise UserError("remote targets need fsspec: pip install 'gandam-studio[remote]'") from None
    try:
        system, address = fsspec.core.url_to_fs(out)
        taken = system.exists(address) and not (system.isdir(address) and not system.ls(address))
    except Exception as error:
        # Whatever a protocol's package raises (no such protocol, no credentials, no network) is told in one line.
        raise UserError(f"cannot reach {out}: {_one_line(error)}") from None
    if taken and not force:
        raise UserError(f"{out} exists; use --force to replace it")
    if taken and system.isdir(address) and not system.exists(f"{address.rstrip('/')}/{MARKER}"):
        raise UserError(f"{out} holds other things than an earlier export: remove it yourself, or choose another")
    with tempfile.TemporaryDirectory(prefix="gandam-export-") as folder:
        local = Path(folder) / (address.rstrip("/").rsplit("/", 1)[-1] or "export")
        yield local
        try:
            _upload(system, local, address)
        except Exception as error:
            raise UserError(f"cannot write {out}: {_one_line(error)}") from None


def _upload(system: Any, local: Path, address: str) -> None:
    if local.is_file():
        _make_parent(system, address)
        system.put_file(str(local), address)
        return
    if system.exists(address):
        system.rm(address, recursive=True)
    paths = sorted(path for path in local.rglob("*") if path.is_file())
    for path in sorted(paths, key=lambda path: path.name == MARKER and path.parent == local):
        target = f"{address.rstrip('/')}/{path.relative_to(local).as_posix()}"
        _make_parent(system, target)
        system.put_file(str(path), target)


def _make_parent(system: Any, address: str) -> None:
    parent = address.rsplit("/", 1)[0]
    if parent:
        system.makedirs(parent, exist_ok=True)


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _check_folder(path: Path, force: bool) -> None:
    if path.is_file() or path.is_symlink():
        raise UserError(f"{path} is a file; this format is a folder")
    if not path.exists() or not any(path.iterdir()):
        return
    if not force:
        raise UserError(f"{path} exists and is not empty; use --force to replace it")
    if not (path / MARKER).is_file():
        raise UserError(f"{path} holds other things than an earlier export: remove it yourself, or choose another")


def _swap_in(part: Path, path: Path) -> None:
    """Put `part` in the place of `path`; what was there goes to `part`'s place."""
    if not path.exists():
        part.rename(path)
        return
    if not any(path.iterdir()):
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
    shutil.rmtree(aside, ignore_errors=True)


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


def _flush(path: Path) -> None:
    """Have a file's bytes on disk before the folder gets its name."""
    if path.stat().st_nlink > 1:
        return  # a link to an original, which is there already
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())

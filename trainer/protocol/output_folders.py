"""Output folders: written as a whole, and replaced only if they hold nothing but an earlier output of the same kind.

Each holds a marker: a JSON file that describes it and, under "files", lists path and size of all other files, one per
line and sorted, so that writing and checking it need little memory. A folder is replaced only if its marker's content
is ours and all its files are listed and unchanged since the marker was written.
"""

from __future__ import annotations

import contextlib
import ctypes
import heapq
import itertools
import json
import os
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from trainer.protocol import folders
from trainer.protocol.outputs import OutputError, check_place, refuse_filled
from trainer.protocol.remedies import Remedy
from trainer.protocol.untrusted import (
    MAX_JSON_BYTES,
    UntrustedError,
    bounded_lines,
    open_regular,
    parse_json,
    shortened,
)

_FILES = b'  "files": ['
_MAX_LINE = 8 << 20  # the latent of a flow's sample is a long text
SORTED_AT_ONCE = 50_000
_STALE_S = 3600.0
# File systems store times with a precision of up to two seconds.
_SAME_TIME_S = 2.5
# Created by Finder and Explorer in the folders they show.
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class FolderKind:
    """A kind of output folder.

    Attributes:
        marker: the name of its marker.
        name: what it is, such as "imagefolder export".
        named: returns the kind that a marker's content describes, "" when it is not ours.
        earlier: matches the paths in folders written before markers had lists.
    """

    marker: str
    name: str
    named: Callable[[dict[str, Any]], str]
    earlier: re.Pattern[str]


def check_folder(path: Path | str, kind: FolderKind, *, force: bool, near: Iterable[Path] = ()) -> Path:
    """As `outputs.check_place`, for a folder that is new, empty or, with `force`, an earlier one of this kind.

    Raises OutputError, also for an earlier one with files that were added or changed.
    """
    real = check_place(path, near)
    if os.path.lexists(real) and not real.is_dir():
        raise OutputError(f"{path} is a file, but a folder is to be written")
    if not force:
        try:
            refuse_filled(path, real)
        except OutputError as error:
            raise OutputError(str(error), remedy=Remedy.REPLACE) from None
    elif real.is_dir():
        try:
            if not folders.is_empty(real):
                _refuse_others(path, real, kind)
        except OSError as error:
            raise OutputError(f"cannot read {path}: {error.strerror or error}") from None
    return real


@contextlib.contextmanager
def new_folder(path: Path | str, kind: FolderKind, *, force: bool, near: Iterable[Path] = ()) -> Iterator[Path]:
    """Write a folder atomically; yields a temporary one to fill, including its marker (`write_marker`).

    Raises OutputError (see `check_folder`) and OSError.
    """
    near = tuple(near)
    real = check_folder(path, kind, force=force, near=near)
    real.parent.mkdir(parents=True, exist_ok=True)
    _sweep(real)
    part = real.with_name(f".{real.name}.{uuid.uuid4().hex[:8]}.part")
    part.mkdir()
    try:
        yield part
        folders.flush(part)
        # The target may have changed while this one was written.
        check_folder(path, kind, force=force, near=near)
        _swap_in(part, real)
    finally:
        # The earlier one, or an incomplete new one.
        folders.remove(part)


def write_marker(path: Path, description: dict[str, Any]) -> None:
    """Write a folder's marker, once all other files are there. Raises OSError."""
    head = json.dumps(description, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False)
    with path.open("xb") as stream:
        stream.write(head.encode().removesuffix(b"\n}") + b",\n" + _FILES)
        for index, line in enumerate(_sorted(_lines(path.parent, path.name))):
            stream.write((b",\n    " if index else b"\n    ") + line.rstrip())
        stream.write(b"\n  ]\n}\n")


@contextlib.contextmanager
def opened_marker(path: Path) -> Iterator[tuple[dict[str, Any], Iterator[bytes] | None]]:
    """A marker's description and the lines of its list; None for an old one without a list.

    Raises UntrustedError and OSError.
    """
    with open_regular(path, follow_links=False) as stream:
        yield parsed_marker(stream)


def parsed_marker(stream: IO[bytes]) -> tuple[dict[str, Any], Iterator[bytes] | None]:
    """As `opened_marker`, from a stream that stays open while the lines are read. Raises UntrustedError."""
    head, lines = bytearray(), bounded_lines(stream, _MAX_LINE)
    listed = None
    for line in lines:
        if line == _FILES:
            listed = _listed(lines)
            head = bytearray(head.rstrip(b",\n") + b"\n}")
            break
        head += line + b"\n"
        if len(head) > MAX_JSON_BYTES:
            raise UntrustedError("a description that is too long")
    description = parse_json(bytes(head))
    if not isinstance(description, dict):
        raise UntrustedError("not a JSON object")
    return description, listed


def file_line(name: str, size: int) -> bytes:
    """A file's line in a marker; `name` is relative, with `/` as separator."""
    return json.dumps([name, size]).encode() + b"\n"


def unlisted(found: Iterable[bytes], listed: Iterable[bytes]) -> str:
    """The name in the first of the sorted lines `found` that is not in the sorted lines `listed`, or ""."""
    rest = iter(listed)
    wanted = next(rest, b"")
    for line in found:
        while wanted and wanted < line:
            wanted = next(rest, b"")
        if wanted != line:
            return str(json.loads(line)[0])
    return ""


def refuse_found(path: Path | str, name: str) -> None:
    """Raise OutputError for a file that does not belong to an earlier output ("": for none)."""
    if name:
        raise OutputError(
            f"{path} holds {shortened(name)}, which was added or changed since it was written: "
            "move that away, or choose another folder"
        )


def refuse_kind(path: Path | str, found: str, kind: FolderKind) -> None:
    """Raise OutputError for a folder that is not ours (`found` is "") or of another kind."""
    if not found:
        raise OutputError(
            f"{path} holds other files than an earlier {kind.name}: remove it yourself, or choose another folder"
        )
    if found != kind.name:
        raise OutputError(f"{path} holds an earlier {found}, which would be lost; choose another folder")


def _refuse_others(path: Path | str, real: Path, kind: FolderKind) -> None:
    marker = real / kind.marker
    with ExitStack() as stack:
        try:
            description, listed = stack.enter_context(opened_marker(marker))
        except (UntrustedError, OSError):
            description, listed = {}, None
        refuse_kind(path, kind.named(description), kind)
        latest = marker.stat().st_mtime + _SAME_TIME_S
        lines = _lines(real, kind.marker, latest)
        if listed is None:
            names = (json.loads(line) for line in lines)
            found = next((name for name, size in names if size < 0 or not kind.earlier.fullmatch(name)), "")
        else:
            try:
                found = unlisted(_sorted(lines), listed)
            except UntrustedError:
                found = kind.marker
    refuse_found(path, found)


def _lines(folder: Path, marker: str, latest: float = float("inf")) -> Iterator[bytes]:
    """A line for every file but the marker; with size -1 if it is not a regular file or newer than `latest`."""
    start = len(os.path.join(folder, ""))
    for entry in folders.files_under(folder):
        name = entry.path[start:].replace(os.sep, "/")
        if name == marker or entry.name in _LITTER:
            continue
        status = entry.stat(follow_symlinks=False)
        whole = entry.is_file(follow_symlinks=False) and status.st_mtime <= latest
        yield file_line(name, status.st_size if whole else -1)


def _listed(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a marker's list, as made by `file_line`."""
    for line in lines:
        if line == b"  ]":
            return
        yield line.removeprefix(b"    ").removesuffix(b",") + b"\n"


def _sorted(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines sorted, by way of temporary files when there are many."""
    with ExitStack() as stack:
        shares: list[IO[bytes]] = []
        while some := sorted(itertools.islice(lines, SORTED_AT_ONCE)):
            if not shares and len(some) < SORTED_AT_ONCE:
                yield from some
                return
            share = stack.enter_context(tempfile.TemporaryFile())
            share.writelines(some)
            share.seek(0)
            shares.append(share)
        yield from heapq.merge(*shares)


def _sweep(path: Path) -> None:
    """Remove old temporary folders next to `path`, left by processes that were killed."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.part")
    for part in [entry for entry in path.parent.iterdir() if ours.fullmatch(entry.name)]:
        with contextlib.suppress(OSError, ValueError):  # Removed meanwhile.
            if part.is_symlink() or not part.is_dir():
                continue
            newest = max(
                os.lstat(os.path.join(at, name)).st_mtime for at, _, names in os.walk(part) for name in ("", *names)
            )
            if newest < time.time() - _STALE_S:
                folders.remove(part)


def _swap_in(part: Path, path: Path) -> None:
    """Exchange `part` and `path`."""
    if not path.exists():
        part.rename(path)
        return
    if folders.is_empty(path):
        path.rmdir()
        part.rename(path)
        return
    if _exchange(part, path):
        return
    # No atomic exchange on this system: two renames; if the second fails, the first is undone.
    aside = path.with_name(f"{part.name}.old")
    path.rename(aside)
    try:
        part.rename(path)
    except BaseException:
        aside.rename(path)
        raise
    folders.remove(aside)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two folders atomically: renameat2 on Linux, renamex_np on macOS; returns False without either."""
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

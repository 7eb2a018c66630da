"""Checks for output paths given by users, and atomic writing to them.

Paths inside a workspace, parts of a run, and targets that are symbolic links, devices, named pipes or sockets are
refused, with or without `force`. Links among the parent folders are followed. For folders see `output_folders`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath
from typing import IO

from trainer.protocol import files
from trainer.protocol.errors import TrainerError
from trainer.protocol.remedies import Remedy
from trainer.protocol.untrusted import kind_of, shortened

RUN_FILES = frozenset({
    "config.json", "manifest.jsonl", "dataset.npy", "dataset.json", "events.jsonl", "samples", "checkpoints",
    "commands", "lock", "trainer.log", "tensorboard", "wandb", "about.json", "explored.json",
})  # fmt: skip
"""Names of the parts of a run's folder."""
_ELSEWHERE = "choose another place"


class OutputError(TrainerError):
    """An output path that is refused; the message is one line."""


def check_place(path: Path | str, near: Iterable[Path] = ()) -> Path:
    """The real path of an output, which need not exist: `..` and links among its parents are resolved.

    `near` are paths (of the workspace or run that is read) whose workspaces are also recognised through bind mounts and
    parts on other disks. Raises OutputError.
    """
    spelled = Path(path).absolute()
    try:
        real = _real(spelled)
        _refuse_workspaces(spelled, real)
        _refuse_near(spelled, real, near)
        _refuse_runs(spelled, real)
        mode = _mode(real)
    except (OSError, RuntimeError, ValueError) as error:  # A loop of links; a NUL.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no usable path"
        raise OutputError(f"cannot write {shortened(str(path))}: {reason}") from None
    if _is_reserved(real.name):
        raise OutputError(f"{spelled} is a device; {_ELSEWHERE}")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OutputError(f"{spelled} is {kind_of(mode)}; {_ELSEWHERE}")
    return real


def check_file(path: Path | str, *, force: bool, near: Iterable[Path] = ()) -> Path:
    """As `check_place`, for a file; an existing one is accepted only with `force`. Raises OutputError."""
    real = check_place(path, near)
    if real.is_dir():
        raise OutputError(f"{path} is a folder, but a file is to be written")
    if os.path.lexists(real) and not force:
        raise OutputError(f"{path} exists", remedy=Remedy.REPLACE)
    return real


def check_new(path: Path | str, near: Iterable[Path] = ()) -> Path:
    """As `check_place`, for a path that must not exist. Raises OutputError."""
    real = check_place(path, near)
    if os.path.lexists(real):
        raise OutputError(f"{path} exists already")
    return real


def check_new_folder(path: Path | str) -> Path:
    """As `check_place`, for a folder that is new or empty. Raises OutputError."""
    refuse_filled(path, Path(path))
    return check_place(path)


def check_new_run(path: Path | str) -> Path:
    """As `check_new_folder`, for a run; in a workspace only WORKSPACE/runs/NAME is accepted. Raises OutputError."""
    spelled = Path(path).absolute()
    runs = spelled.parent
    if runs.name != "runs" or not is_workspace(runs.parent):
        return check_new_folder(path)
    try:
        mode = _mode(spelled)
    except OSError as error:
        raise OutputError(f"cannot write {shortened(str(path))}: {error.strerror or error}") from None
    if mode and not stat.S_ISDIR(mode):
        raise OutputError(f"{path} exists already and is {kind_of(mode)}")
    refuse_filled(path, spelled)
    return spelled


def refuse_filled(path: Path | str, real: Path) -> None:
    """Raise OutputError unless `real` (`path` in messages) does not exist or is an empty folder."""
    try:
        if os.path.lexists(real) and (not real.is_dir() or any(real.iterdir())):
            raise OutputError(f"{path} exists already and is not an empty folder")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


@contextlib.contextmanager
def new_file(path: Path | str, *, force: bool, near: Iterable[Path] = ()) -> Iterator[IO[bytes]]:
    """Write a file atomically, creating its folder if missing.

    Raises OutputError (see `check_file`) and OSError.
    """
    near = tuple(near)
    real = check_file(path, force=force, near=near)
    real.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_writer(real) as stream:
        yield stream
        # Writing may have taken minutes, and the target may have changed.
        check_file(path, force=force, near=near)


def is_workspace(folder: Path) -> bool:
    """Whether a folder is a workspace, including one that has lost its database."""
    if os.path.lexists(folder / "workspace.sqlite"):
        return True
    return os.path.lexists(folder / "workspace.lock") and os.path.lexists(folder / "originals")


def is_run(folder: Path) -> bool:
    """Whether a folder is a run folder."""
    parts = ("dataset.npy", "events.jsonl", "checkpoints")
    return os.path.lexists(folder / "config.json") and any(os.path.lexists(folder / name) for name in parts)


def _real(spelled: Path) -> Path:
    """The path with `..` and links resolved, except for a link that it names itself."""
    if spelled.name in ("", ".."):
        return spelled.resolve()
    return spelled.parent.resolve() / spelled.name


def _around(path: Path) -> tuple[Path, ...]:
    return (path, *path.parents)


def _refuse_workspaces(spelled: Path, real: Path) -> None:
    # Also as spelled: a part of a workspace may be a link to another disk.
    for folder in dict.fromkeys((*_around(real), *_around(Path(os.path.normpath(spelled))))):
        if is_workspace(folder):
            raise OutputError(_inside(spelled, folder, folder in (real, spelled)))


def _inside(spelled: Path, workspace: Path, itself: bool) -> str:
    return f"{spelled} {'is a workspace' if itself else f'lies inside the workspace {workspace}'}; {_ELSEWHERE}"


def _refuse_near(spelled: Path, real: Path, near: Iterable[Path]) -> None:
    beneath = {identity: folder for folder in _around(real) if (identity := _identity(folder))}
    target = _identity(real)
    for path in near:
        absolute = Path(path).absolute()
        for workspace in filter(is_workspace, dict.fromkeys((*_around(absolute.resolve()), *_around(absolute)))):
            for part in _parts(workspace):
                if part in beneath:
                    raise OutputError(_inside(spelled, workspace, beneath[part] == real))
            if target and any(_identity(folder) == target for folder in workspace.parents):
                raise OutputError(f"{spelled} holds the workspace {workspace}; {_ELSEWHERE}")


def _parts(workspace: Path) -> set[tuple[int, int]]:
    """The identities (device and inode) of a workspace's folder and the folders in it."""
    found = {_identity(workspace)}
    with contextlib.suppress(OSError), os.scandir(workspace) as entries:
        found |= {_identity(Path(entry.path)) for entry in entries if entry.is_dir()}
    return {identity for identity in found if identity}


def _identity(path: Path) -> tuple[int, int] | None:
    """A file's or folder's identity (device and inode); None if it does not exist or the file system has none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None


def _refuse_runs(spelled: Path, real: Path) -> None:
    if is_run(real):
        raise OutputError(f"{spelled} is a run's folder; {_ELSEWHERE}")
    for folder in filter(is_run, real.parents):
        # Ignoring case, and the trailing dots and blanks that Windows drops.
        if real.relative_to(folder).parts[0].casefold().rstrip(". ") in RUN_FILES:
            raise OutputError(f"{spelled} is a part of the run {folder}; {_ELSEWHERE}")


def _mode(path: Path) -> int:
    """The mode of the path (of the link itself, if it is one); 0 if it does not exist."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _is_reserved(name: str) -> bool:
    """Whether the name is a device on Windows (NUL, CON, COM1 ...)."""
    if os.name != "nt":
        return False
    reserved = getattr(os.path, "isreserved", None)  # Since Python 3.13.
    return bool(reserved(name) if reserved else PureWindowsPath(name).is_reserved())

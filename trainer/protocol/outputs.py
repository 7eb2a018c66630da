"""The guard of everything that is written where a person says: which places are refused, and whole files or none.

Refused are places inside a workspace, what a run is made of, and targets that are symbolic links, devices, named pipes
or sockets, with or without `force`. Links among the parent folders are followed. Folders: `output_folders`.
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
from trainer.protocol.untrusted import kind_of, shortened

RUN_FILES = frozenset({
    "config.json", "manifest.jsonl", "dataset.npy", "dataset.json", "events.jsonl", "samples", "checkpoints",
    "commands", "lock", "trainer.log", "tensorboard", "wandb",
})  # fmt: skip
"""What a run's folder is made of."""
_ELSEWHERE = "choose another place"


class OutputError(TrainerError):
    """A place that is not written to; the message is one line."""


def check_place(path: Path | str, near: Iterable[Path] = ()) -> Path:
    """The real path of a place to write to: `..` folded, links among its parents followed. Nothing need be there.

    `near` are paths whose workspaces are recognised also by other ways that lead to them (bind mounts, parts that
    lie on other disks): the workspace that is read, the run that draws. Raises OutputError.
    """
    spelled = Path(path).absolute()
    try:
        real = _real(spelled)
        _refuse_workspaces(spelled, real)
        _refuse_near(spelled, real, near)
        _refuse_runs(spelled, real)
        mode = _mode(real)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links; a NUL
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no usable path"
        raise OutputError(f"cannot write {shortened(str(path))}: {reason}") from None
    if _is_reserved(real.name):
        raise OutputError(f"{spelled} is a device; {_ELSEWHERE}")
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OutputError(f"{spelled} is {kind_of(mode)}; {_ELSEWHERE}")
    return real


def check_file(path: Path | str, *, force: bool, near: Iterable[Path] = ()) -> Path:
    """As `check_place`, for a file; one that is there is replaced only with `force`. Raises OutputError."""
    real = check_place(path, near)
    if real.is_dir():
        raise OutputError(f"{path} is a folder, but a file is to be written")
    if os.path.lexists(real) and not force:
        raise OutputError(f"{path} exists; use --force to replace it")
    return real


def check_new(path: Path | str, near: Iterable[Path] = ()) -> Path:
    """As `check_place`, for something that must not be there yet. Raises OutputError."""
    real = check_place(path, near)
    if os.path.lexists(real):
        raise OutputError(f"{path} exists already")
    return real


def check_new_folder(path: Path | str) -> Path:
    """As `check_place`, for a folder that is new or empty. Raises OutputError."""
    refuse_filled(path, Path(path))
    return check_place(path)


def check_new_run(path: Path | str) -> Path:
    """As `check_new_folder`, for a run; in a workspace its place is WORKSPACE/runs/NAME. Raises OutputError."""
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
    """Raise OutputError unless `real` (told as `path`) is not there or an empty folder."""
    try:
        if os.path.lexists(real) and (not real.is_dir() or any(real.iterdir())):
            raise OutputError(f"{path} exists already and is not an empty folder")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


@contextlib.contextmanager
def new_file(path: Path | str, *, force: bool, near: Iterable[Path] = ()) -> Iterator[IO[bytes]]:
    """Write a file that appears whole or not at all, its folder made where it is missing.

    Raises OutputError (see `check_file`) and OSError.
    """
    near = tuple(near)
    real = check_file(path, force=force, near=near)
    real.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_writer(real) as stream:
        yield stream
        # Writing may have taken minutes, in which the place may have become something else.
        check_file(path, force=force, near=near)


def is_workspace(folder: Path) -> bool:
    """Whether a folder is a workspace, also a damaged one that has lost its database."""
    if os.path.lexists(folder / "workspace.sqlite"):
        return True
    return os.path.lexists(folder / "workspace.lock") and os.path.lexists(folder / "originals")


def is_run(folder: Path) -> bool:
    """Whether a folder is a run's."""
    parts = ("dataset.npy", "events.jsonl", "checkpoints")
    return os.path.lexists(folder / "config.json") and any(os.path.lexists(folder / name) for name in parts)


def _real(spelled: Path) -> Path:
    """The path without `..` and links, but for a link that it names itself."""
    if spelled.name in ("", ".."):
        return spelled.resolve()
    return spelled.parent.resolve() / spelled.name


def _around(path: Path) -> tuple[Path, ...]:
    return (path, *path.parents)


def _refuse_workspaces(spelled: Path, real: Path) -> None:
    # As it is spelled too: a part of a workspace may be a link to another disk.
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
    """The identities of a workspace's folder and of the folders in it."""
    found = {_identity(workspace)}
    with contextlib.suppress(OSError), os.scandir(workspace) as entries:
        found |= {_identity(Path(entry.path)) for entry in entries if entry.is_dir()}
    return {identity for identity in found if identity}


def _identity(path: Path) -> tuple[int, int] | None:
    """What a folder or file is, whatever it is called; None where there is none or the file system cannot say."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None


def _refuse_runs(spelled: Path, real: Path) -> None:
    if is_run(real):
        raise OutputError(f"{spelled} is a run's folder; {_ELSEWHERE}")
    for folder in filter(is_run, real.parents):
        # Without regard to case, and without the dots and blanks that Windows drops.
        if real.relative_to(folder).parts[0].casefold().rstrip(". ") in RUN_FILES:
            raise OutputError(f"{spelled} is a part of the run {folder}; {_ELSEWHERE}")


def _mode(path: Path) -> int:
    """The mode of what lies there, a link's own; 0 for nothing."""
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _is_reserved(name: str) -> bool:
    """Whether Windows takes the name for a device (NUL, CON, COM1 ...)."""
    if os.name != "nt":
        return False
    reserved = getattr(os.path, "isreserved", None)  # since Python 3.13
    return bool(reserved(name) if reserved else PureWindowsPath(name).is_reserved())

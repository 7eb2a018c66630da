"""The queue of runs: an ordered list of names in a file, read whenever it is needed."""

from __future__ import annotations

from pathlib import Path

from gandam_studio.core.errors import UserError
from trainer.protocol import files
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import UntrustedError, read_json, relative_parts

FILE = "queue.json"
_MOST = 1000
_MOST_BYTES = 1 << 20


def _is_name(name: object) -> bool:
    """Whether `name` is a plain name, which cannot lead out of the folder."""
    try:
        return isinstance(name, str) and len(name) <= 255 and relative_parts(name) == (name,)
    except UntrustedError:
        return False


def _waits(run: RunDirectory) -> bool:
    """Whether a run exists, can be read and was never started."""
    try:
        return run.config_path.is_file() and run.state().state == "created"
    except (OSError, ValueError):
        return False


class RunQueue:
    """The queue of one workspace's runs.

    It holds names; runs that were deleted or started are ignored.
    """

    def __init__(self, runs_folder: Path) -> None:
        self._folder = Path(runs_folder)
        self._path = self._folder / FILE

    def waiting(self) -> list[RunDirectory]:
        """The waiting runs, in order."""
        return [run for name in self._names() if _waits(run := RunDirectory(self._folder / name))]

    def add(self, name: str) -> None:
        """Append a run, unless it is already waiting. Raises UserError (disk full)."""
        names = self._names()
        if name not in names:
            self._write([*names, name])

    def remove(self, name: str) -> None:
        """Remove a run from the queue."""
        names = self._names()
        if name in names:
            names.remove(name)
            self._write(names)

    def move(self, name: str, offset: int) -> None:
        """Move a run towards the front (negative) or the end."""
        names = self._names()
        if name in names:
            at = names.index(name)
            names.insert(max(0, at + offset), names.pop(at))
            self._write(names)

    def take_next(self) -> RunDirectory | None:
        """Remove and return the first waiting run; None when there is none."""
        waiting = self.waiting()
        self._write([run.name for run in waiting[1:]])
        return waiting[0] if waiting else None

    def _names(self) -> list[str]:
        try:
            names = read_json(self._path, max_bytes=_MOST_BYTES)
        except (OSError, ValueError):
            return []
        return list(filter(_is_name, names[:_MOST])) if isinstance(names, list) else []

    def _write(self, names: list[str]) -> None:
        if names == self._names():
            return
        try:
            files.own_folder(self._folder)
            files.write_json(self._path, names)
        except OSError as error:
            raise UserError(f"the queue could not be written: {error.strerror or error}") from None

"""Runs that wait for their turn: an ordered list of names beside the runs, read anew whenever it is needed."""

from __future__ import annotations

from pathlib import Path

from gandam_studio.core.errors import UserError
from trainer import files
from trainer.run_directory import RunDirectory

FILE = "queue.json"


class RunQueue:
    """The queue of one workspace's runs.

    It holds names only; a run that was deleted, or is no longer waiting, drops out by itself.
    """

    def __init__(self, runs_folder: Path) -> None:
        self._folder = Path(runs_folder)
        self._path = self._folder / FILE

    def waiting(self) -> list[RunDirectory]:
        """Runs whose turn will come, first first."""
        return [run for name in self._names() if (run := RunDirectory(self._folder / name)).state().state == "created"]

    def add(self, name: str) -> None:
        """Put a run at the end; one that waits already stays where it is. Raises UserError (disk full)."""
        names = self._names()
        if name not in names:
            self._write([*names, name])

    def remove(self, name: str) -> None:
        """Take a run out; it is not deleted."""
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
            names = files.read_json(self._path)
        except (OSError, ValueError):
            return []
        # Names only: a path in this file must not lead out of the folder.
        return [name for name in names if isinstance(name, str) and name == Path(name).name and name not in ("", "..")]

    def _write(self, names: list[str]) -> None:
        if names == self._names():
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            files.write_json(self._path, names)
        except OSError as error:
            raise UserError(f"the queue could not be written: {error.strerror or error}") from None

"""A run's folder: files, lock, state and commands. The only interface between trainer and Studio."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from trainer.protocol import files, outputs
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError, io_failure
from trainer.protocol.events import (
    LIMITS,
    EventReader,
    Heartbeat,
    RunFailed,
    RunFinished,
    RunPaused,
    RunStopped,
    end_of_events,
)
from trainer.protocol.untrusted import UntrustedError, Values, open_regular, read_json_object, shortened

try:
    import fcntl
except ImportError:  # Windows.
    fcntl = None  # type: ignore[assignment,unused-ignore]

COMMANDS = ("pause", "resume", "stop", "sample", "checkpoint")
ABOUT = "about.json"
"""The file of a run's own name and note, which the Studio writes and the trainer ignores."""
PROGRESS = "progress:"
"""Begins a line on the error stream of a command with `--progress`: pictures done, and of all."""
CHECKPOINT_STATE = "state.json"
"""The file that makes a checkpoint's folder complete."""
STATES = ("created", "running", "paused", "interrupted", "stopped", "failed", "finished", "damaged")
"""States of a run; "damaged": its files cannot be read."""
CUT_SHORT = ("interrupted", "stopped", "failed")
"""States of a run that ended before its limit, and can be resumed."""
REASON_LENGTH = 500
_COMMAND_BYTES = 4096
_SETTINGS_BYTES = 1 << 20
DATASET_BYTES = 1 << 30  # A million pictures with ids and tags take a tenth of that.
_NUMBER_LENGTH = 18


@dataclass(frozen=True)
class RunState:
    """The state of a run.

    Attributes:
        state: one of `STATES`.
        iteration, images_seen, attempt: of the last event; 0 before the first.
        reason: one line: why it failed, stopped, was interrupted or is finished; "" otherwise.
        cause: machine-readable cause of a failure, or the limit that a finished run has reached; "" otherwise.
        wall_time: of the last event, seconds since the epoch; 0.0 before the first.
        checkpoint: relative path of the newest checkpoint, where training would resume; "" without one.
        damaged: lines after the last event that cannot be read as events and were skipped.
    """

    state: str
    iteration: int = 0
    images_seen: int = 0
    attempt: int = 0
    reason: str = ""
    cause: str = ""
    wall_time: float = 0.0
    checkpoint: str = ""
    damaged: int = 0


class RunDirectory:
    """The folder of a run.

    Attributes:
        path: the folder. name: its last part, the run's id.
        config_path, events_path, dataset_path, dataset_info_path, manifest_path, log_path: files in it.
        samples_path, checkpoints_path, commands_path: folders in it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.name = self.path.name
        self.config_path = self.path / "config.json"
        self.events_path = self.path / "events.jsonl"
        self.dataset_path = self.path / "dataset.npy"
        self.dataset_info_path = self.path / "dataset.json"
        self.manifest_path = self.path / "manifest.jsonl"
        self.log_path = self.path / "trainer.log"
        self.samples_path = self.path / "samples"
        self.checkpoints_path = self.path / "checkpoints"
        self.commands_path = self.path / "commands"
        self.lock_path = self.path / "lock"

    @classmethod
    def create(
        cls,
        path: Path | str,
        config: TrainConfig,
        dataset: Path,
        dataset_info: Path,
        manifest: Path | None = None,
        complete: Callable[[RunDirectory], None] | None = None,
    ) -> RunDirectory:
        """Create a run's folder atomically; big files are hard-linked if possible.

        `complete` can add to the run before its folder gets its name. Raises TrainerError when `path` exists and is not
        an empty folder, or on an I/O error.
        """
        path = outputs.check_new_run(path)
        beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            beside.mkdir(parents=True)
            new = cls(beside)
            for folder in (new.samples_path, new.checkpoints_path, new.commands_path):
                folder.mkdir()
            # They may come from an untrusted run, so links and devices are refused.
            open_regular(dataset, follow_links=False).close()
            files.link_or_copy(dataset, new.dataset_path)
            _copy_plain(dataset_info, new.dataset_info_path)
            if manifest is not None:
                _copy_plain(manifest, new.manifest_path)
            files.write_json(new.config_path, config.to_json())
            if complete is not None:
                complete(new)
            if path.exists():
                path.rmdir()
            files.replace(beside, path)
        except OSError as error:
            raise io_failure(f"cannot create the run {path}", error) from error
        except UntrustedError as error:
            raise TrainerError(f"cannot create the run {path}: {error}", "data") from None
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return cls(path)

    def config(self) -> TrainConfig:
        """The run's configuration. Raises TrainerError if there is no valid config.json."""
        try:
            return TrainConfig.from_json(read_json_object(self.config_path, max_bytes=_SETTINGS_BYTES))
        except FileNotFoundError:
            self.require_folder()
            raise TrainerError(f"{self.path} is not a run folder: it has no config.json") from None
        except (NotADirectoryError, IsADirectoryError, ValueError, TypeError, AttributeError) as error:
            raise TrainerError(f"{self.config_path}: {shortened(str(error), REASON_LENGTH)}", "data") from None
        except OSError as error:
            raise io_failure(f"cannot read {self.config_path}", error) from None

    def require_folder(self) -> None:
        """Raise TrainerError if the folder is not there (any more)."""
        if not self.path.is_dir():
            raise TrainerError(f"there is no folder {self.path}: the run was moved or deleted", "data")

    def dataset_info(self) -> dict[str, Any]:
        """The contents of dataset.json. Raises TrainerError."""
        try:
            return read_json_object(self.dataset_info_path, max_bytes=DATASET_BYTES)
        except ValueError as error:
            raise TrainerError(f"{self.dataset_info_path}: {shortened(str(error), REASON_LENGTH)}", "data") from None
        except OSError as error:
            raise TrainerError(f"cannot read {self.dataset_info_path}: {error.strerror or error}", "data") from None

    def events(self) -> EventReader:
        """A new reader at the beginning of the events."""
        return EventReader(self.events_path)

    def refuse_links(self) -> None:
        """Raise TrainerError when a path that the trainer writes to is a link, which could lead out of the folder."""
        for path in (
            self.config_path, self.events_path, self.log_path, self.lock_path, self.samples_path,
            self.checkpoints_path, self.commands_path, self.path / "tensorboard",
            self.dataset_path, self.dataset_info_path, self.manifest_path,
        ):  # fmt: skip
            if files.is_link(path):
                raise TrainerError(f"{path} is a symbolic link, and links in a run's folder are not followed", "data")

    @contextlib.contextmanager
    def locked(self, wait_s: float = 2.0) -> Any:
        """Hold the run's lock, as the trainer does. Raises TrainerError when another process holds it."""
        self.require_folder()  # The lock would create it.
        lock = FileLock(self.lock_path)
        try:
            files.refuse_link(self.lock_path)
            if self.lock_path.exists() and not self.lock_path.is_file():
                raise TrainerError(f"{self.lock_path} is not a file", "data")
            lock.acquire(timeout=wait_s)
        except Timeout:
            raise TrainerError(f"{self.name} is being trained by another process", "locked") from None
        except OSError as error:
            raise io_failure(f"cannot lock {self.path}", error) from error
        try:
            yield
        finally:
            lock.release()

    def is_locked(self) -> bool:
        """Whether a trainer is running on this run. Creates no files and does not prevent training.

        On POSIX this tries a shared lock, which fails while a trainer holds its exclusive one; on Windows it tries the
        lock itself. A trainer that starts at the same moment waits longer than either is held.
        """
        try:
            with open_regular(self.lock_path, follow_links=False) as stream:
                if fcntl is not None:
                    fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    return False
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return False
        lock = FileLock(self.lock_path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return False
        lock.release()
        return False

    def state(self) -> RunState:
        """The run's state, from its lock and its last event; reads only the end of the events.

        Raises OSError when the folder cannot be read, UntrustedError when its events are not a regular file.
        """
        alive = self.is_locked()
        event, damaged = end_of_events(self.events_path)
        newest = self.newest_checkpoint()
        checkpoint = newest.relative_to(self.path).as_posix() if newest else ""
        if event is None:
            return RunState("running" if alive else "created", checkpoint=checkpoint, damaged=damaged)
        state, reason, cause = _judge(event, alive)
        if state == "interrupted":
            reason = f"ended unexpectedly after iteration {event.iteration:,}"
        return RunState(
            state,
            event.iteration,
            event.images_seen,
            event.attempt,
            reason,
            cause,
            event.wall_time,
            checkpoint,
            damaged,
        )

    def checkpoints(self) -> list[Path]:
        """Complete checkpoint folders, oldest first (not verified; see trainer.checkpoints)."""
        try:
            names = [name for name in os.listdir(self.checkpoints_path) if is_number(name)]
        except (FileNotFoundError, NotADirectoryError):  # Not checked before: a folder can disappear at any moment.
            return []
        folders = (self.checkpoints_path / name for name in sorted(names, key=int))
        return [folder for folder in folders if (folder / CHECKPOINT_STATE).is_file()]

    def newest_checkpoint(self) -> Path | None:
        """The newest checkpoint's folder, or None."""
        return next(reversed(self.checkpoints()), None)

    def is_gone(self) -> bool:
        """Whether the folder was moved or deleted; a folder that cannot be accessed is not gone."""
        try:
            self.path.stat()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return False

    def request(self, command: str) -> None:
        """Send a command (one of `COMMANDS`) to the trainer. Raises TrainerError for others or an unwritable folder."""
        if command not in COMMANDS:
            raise TrainerError(f"{command!r} is not a command; there are {', '.join(COMMANDS)}")
        try:
            files.refuse_link(self.path)
            files.own_folder(self.commands_path)
            files.write_own_json(self.commands_path / command, {"requested": time.time()})
        except OSError as error:
            raise io_failure(f"cannot write to {self.commands_path}", error) from error

    def pending(self) -> list[str]:
        """Commands that the trainer has not taken yet."""
        if files.is_link(self.commands_path):
            return []
        return [name for name in COMMANDS if os.path.lexists(self.commands_path / name)]

    def take_commands(self, since: float = 0.0) -> list[str]:
        """Remove and return the waiting commands, oldest first, without those older than `since` (for the trainer)."""
        taken: list[tuple[float, str]] = []
        for name in self.pending():
            path = self.commands_path / name
            try:
                requested = Values(read_json_object(path, max_bytes=_COMMAND_BYTES)).number("requested")
            except (OSError, ValueError):
                requested = _modified(path)  # Made by hand (`touch commands/stop`).
            with contextlib.suppress(OSError):
                path.unlink()
                if requested >= since:
                    taken.append((requested, name))
        return [name for _, name in sorted(taken)]


def is_number(name: str) -> bool:
    """Whether a checkpoint's folder can have this name: ASCII digits only."""
    return name.isascii() and name.isdecimal() and len(name) <= _NUMBER_LENGTH


def _judge(event: Any, alive: bool) -> tuple[str, str, str]:
    if isinstance(event, RunFinished):
        reached = f"{LIMITS[event.limit]} reached" if event.limit in LIMITS else ""
        return "finished", reached, shortened(event.limit, 40)
    if isinstance(event, RunStopped):
        return "stopped", shortened(event.reason, REASON_LENGTH), ""
    if isinstance(event, RunFailed):
        return "failed", shortened(event.message, REASON_LENGTH), shortened(event.cause, 40)
    if not alive:
        return "interrupted", "", ""
    paused = isinstance(event, RunPaused) or (isinstance(event, Heartbeat) and event.state == "paused")
    return ("paused" if paused else "running"), "", ""


def _copy_plain(source: Path, target: Path) -> None:
    """Copy a regular file, not a link. Raises UntrustedError and OSError."""
    with open_regular(source, follow_links=False) as stream, target.open("xb") as out:
        shutil.copyfileobj(stream, out)


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0

"""Controls runs: start, pause, resume, stop, sample now; and the queue that starts the next run."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from gandam_studio.core import runs
from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.queue import RunQueue
from gandam_studio.qt.failures import explain
from gandam_studio.qt.session import ERROR, INFO, Session
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory, RunState
from trainer.protocol.untrusted import UntrustedError

POLL_MS = 1000
EXPERIMENT_MARK = "experiment.json"
"""In the folder of a run that was made for an experiment."""
STOP_TIMEOUT_S = 20.0
"""Time after a stop request until killing the process is offered."""


class RunControl(QObject):
    """Starts and controls the runs of a workspace. Trainers are separate processes that receive commands.

    Attributes:
        queue: waiting runs. autostart: whether to start the next one when no run is training.

    Signals:
        started: a trainer was started (RunDirectory). queue_changed: the queue changed.
        stop_timed_out: a trainer is still running long after a stop request (run's name).
    """

    started = Signal(object)
    queue_changed = Signal()
    stop_timed_out = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.runs_folder = session.workspace.folder / "runs"
        self.queue = RunQueue(self.runs_folder)
        self.autostart = True
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stop_requested: dict[str, float] = {}
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._look)
        self._poll.start()
        self._leave_cells()

    def _leave_cells(self) -> None:
        """Cells of an experiment wait for their experiment: opening the window continues none. Earlier versions kept
        them in this queue.
        """
        if self._session.read_only:
            return
        for run in self.queue.waiting():
            if (run.path / EXPERIMENT_MARK).is_file():
                with contextlib.suppress(UserError):
                    self.queue.remove(run.name)

    def live_run(self) -> RunDirectory | None:
        """The run that is training, as far as known from the index; the newest if there are several."""
        index = self._session.run_index
        if not index.is_read:
            return self.live_run_now()
        ended = {name for name, process in self.processes.items() if process.poll() is not None}
        live = [run.folder for run in index.live() if run.run not in ended]
        return RunDirectory(live[-1]) if live else self._starting()

    def live_run_now(self) -> RunDirectory | None:
        """The same, looking at every run's folder: for decisions, such as whether to start another run."""
        live = [run for run in self._run_folders() if run.is_locked()]
        return live[-1] if live else self._starting()

    def _starting(self) -> RunDirectory | None:
        """The newest run with a process of this window, which may not have locked its folder yet."""
        starting = [name for name, process in self.processes.items() if process.poll() is None]
        return RunDirectory(self.runs_folder / starting[-1]) if starting else None

    def start(self, run: RunDirectory, *options: str) -> bool:
        """Train or resume a run now; False if it could not be started (an error is posted).

        `options` are those of `python -m trainer train`.
        """
        before = self._state(run)
        try:
            self.processes[run.name] = runs.start(run, *options)
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return False
        self._stop_requested.pop(run.name, None)
        self._session.run_index.pending.note(run.path, "start", before)
        with contextlib.suppress(UserError):
            self.queue.remove(run.name)
        self.started.emit(run)
        self._session.runs_changed.emit()
        return True

    def start_or_queue(self, run: RunDirectory) -> bool:
        """Start a new run, or queue it if another one is training; True if it was started."""
        if self.live_run_now() is None:
            return self.start(run)
        try:
            self.queue.add(run.name)
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return False
        self._session.post(self.tr("{0} will start when the current run has ended.").format(run.name), INFO)
        self.queue_changed.emit()
        self._session.runs_changed.emit()
        return False

    def ask(self, run: RunDirectory, command: str) -> None:
        """Send a command through the run's folder: pause, resume, stop, sample or checkpoint."""
        try:
            run.request(command)
        except TrainerError as error:
            self._session.post(explain(error), ERROR)
            return
        # Every screen shows at once what the run was asked to do.
        self._session.run_index.pending.note(run.path, command, self._state(run))
        if command == "stop":
            self._stop_requested[run.name] = time.monotonic()

    @staticmethod
    def _state(run: RunDirectory) -> RunState:
        try:
            return run.state()
        except (OSError, UntrustedError):
            return RunState("damaged")

    def end_now(self, name: str) -> bool:
        """Kill a trainer that did not stop in time, if it was started by this window."""
        process = self.processes.get(name)
        if process is None or process.poll() is not None:
            return False
        process.kill()
        return True

    def exit_code(self, name: str) -> int | None:
        """Exit code of a run's process; None while it runs, or if this window did not start it."""
        process = self.processes.get(name)
        return None if process is None else process.poll()

    def release(self) -> None:
        """Release the processes when the window closes; running trainers continue."""
        self._poll.stop()
        for process in self.processes.values():
            if process.poll() is None:
                # Deliberately left running; without this, Python warns about an unreaped child.
                process.returncode = 0

    def _look(self) -> None:
        """Reap ended children, report changes, start the next run, check for stops that timed out."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in ended:
            del self.processes[name]
            self._stop_requested.pop(name, None)
            self._session.run_index.pending.forget(self.runs_folder / name)
        for name, since in list(self._stop_requested.items()):
            if time.monotonic() - since > STOP_TIMEOUT_S and name in self.processes:
                self.stop_timed_out.emit(name)
        if ended:
            self._session.runs_changed.emit()
        if self.autostart and (ended or self._queue_is_ready()):
            self.start_next()

    def _queue_is_ready(self) -> bool:
        return self.live_run() is None and bool(self.queue.waiting())

    def start_next(self) -> None:
        """Start the first waiting run, unless a run is training."""
        if self.live_run_now() is not None:
            return
        try:
            run = self.queue.take_next()
        except UserError as error:
            self._session.post(explain(error), ERROR)
            return
        if run is not None:
            self.start(run)
        self.queue_changed.emit()

    def _run_folders(self) -> list[RunDirectory]:
        try:
            found = [path for path in self.runs_folder.iterdir() if (path / "lock").is_file()]
        except OSError:
            return []
        return [RunDirectory(path) for path in sorted(found, key=_age)]


def _age(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0

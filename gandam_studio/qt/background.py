"""Long work off the GUI thread: one QThread per job, progress polled by the window, cancellation by exception."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from gandam_studio.core.jobs import Cancelled
from gandam_studio.core.workspace import Workspace

log = logging.getLogger(__name__)

# The first argument is the thread's own handle on the workspace, or None for a task started without a workspace.
JobFunction = Callable[[Any, "ProgressJob"], Any]


class ProgressJob:
    """The `core.jobs.Job` passed to work in another thread; the window polls its numbers.

    There is no signal per step, because a job may advance a hundred thousand times a second.

    Attributes:
        label: the current stage, "" before the first.
        total: units of the stage, None while unknown.
        done: units of the stage finished so far.
        stage_started: `time.monotonic()` when the stage began, seconds.
    """

    def __init__(self) -> None:
        self.label = ""
        self.total: int | None = None
        self.done = 0
        self.stage_started = time.monotonic()
        self._cancelled = False

    def start(self, label: str, total: int | None) -> None:
        """Begin a stage of `total` units, None if unknown."""
        self.check()
        self.label, self.total, self.done = label, total, 0
        self.stage_started = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """Count finished units; raises Cancelled after `cancel`."""
        self.done += count
        self.check()

    def check(self) -> None:
        """Raise Cancelled after `cancel`."""
        if self._cancelled:
            raise Cancelled

    def cancel(self) -> None:
        """Ask the work to stop at its next step; callable from any thread."""
        self._cancelled = True

    @property
    def is_cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._cancelled

    def seconds_left(self) -> float | None:
        """Estimate the time left from the rate of this stage; None until there is enough data."""
        elapsed = time.monotonic() - self.stage_started
        if not self.total or elapsed < 1.0 or self.done < max(1, self.total // 1000):
            return None
        return elapsed / self.done * max(0, self.total - self.done)


class BackgroundTask(QObject):
    """One job in its own thread.

    Attributes:
        title: what the user started, e.g. "Import".
        progress: the `ProgressJob` the work reports to.
        is_over: True once the outcome is reported.

    Signals:
        succeeded: the work returned (result); emitted in the GUI thread.
        failed: the work raised (the exception).
        cancelled: the work stopped on request.
        ended: always emitted last, also after `abandon`.
    """

    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()

    def __init__(self, title: str, workspace: Workspace | None, function: JobFunction, parent: QObject | None) -> None:
        super().__init__(parent)
        self.title = title
        self.progress = ProgressJob()
        self.is_over = False
        self._abandoned = False
        self._thread = _TaskThread(workspace, function, self.progress, self)
        self._thread.finished.connect(self._report)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def cancel(self) -> None:
        """Request a stop; `cancelled` follows, or `succeeded` if the work had already finished."""
        self.progress.cancel()

    def abandon(self) -> None:
        """Cancel, and report no outcome: the result is no longer wanted."""
        self._abandoned = True
        self.progress.cancel()

    def wait(self) -> None:
        """Block until the thread has ended; only for closing, because it freezes the window."""
        self._thread.wait()

    def _report(self) -> None:
        error = self._thread.error
        self.is_over = True
        if self._abandoned:
            pass
        elif error is None:
            self.succeeded.emit(self._thread.result)
        elif isinstance(error, Cancelled):
            self.cancelled.emit()
        else:
            self.failed.emit(error)
        self.ended.emit()


class Latest:
    """The newest of several tasks that compute the same thing.

    Following a new task abandons the previous one. No state has to be reset when work fails, because `is_waiting` asks
    the task itself.
    """

    def __init__(self) -> None:
        self._task: BackgroundTask | None = None

    @property
    def is_waiting(self) -> bool:
        """True while the task is running."""
        return self._task is not None and not self._task.is_over

    def follow(self, task: BackgroundTask) -> BackgroundTask:
        """Replace the current task with this one."""
        self.forget()
        self._task = task
        task.ended.connect(lambda: self._end(task))
        return task

    def forget(self) -> None:
        """Abandon the current task."""
        if self._task is not None:
            self._task.abandon()
        self._task = None

    def _end(self, task: BackgroundTask) -> None:
        if self._task is task:
            self._task = None


class _TaskThread(QThread):
    """Runs the function with this thread's own handle on the workspace."""

    def __init__(
        self, workspace: Workspace | None, function: JobFunction, progress: ProgressJob, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._function = function
        self._progress = progress
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Run the function. No exception may escape from here: it would end the program."""
        try:
            if self._workspace is None:
                self.result = self._function(None, self._progress)
            else:
                with self._workspace.for_this_thread() as workspace:
                    self.result = self._function(workspace, self._progress)
        except BaseException as error:
            self.error = error
            if not isinstance(error, Cancelled):
                log.debug("background work failed", exc_info=True)

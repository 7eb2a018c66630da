"""Long work off the GUI thread: one QThread a job, progress polled by the window, cancellation by exception."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal

from gandam_studio.core.jobs import Cancelled
from gandam_studio.core.workspace import Workspace

log = logging.getLogger(__name__)

# The first argument is the workspace: a door of the thread's own, None where a task was started without one.
JobFunction = Callable[[Any, "ProgressJob"], Any]


class ProgressJob:
    """The `core.jobs.Job` that work in another thread is given; the window reads its numbers when it likes.

    Nothing is signalled per step: a job may advance a hundred thousand times a second.

    Attributes:
        label: the present stage, "" before the first.
        total: units of the stage, None while unknown.
        done: units finished of the stage.
        stage_started: `time.monotonic()` when the stage began, seconds.
    """

    def __init__(self) -> None:
        self.label = ""
        self.total: int | None = None
        self.done = 0
        self.stage_started = time.monotonic()
        self._cancelled = False

    def start(self, label: str, total: int | None) -> None:
        """See Job."""
        self.check()
        self.label, self.total, self.done = label, total, 0
        self.stage_started = time.monotonic()

    def advance(self, count: int = 1) -> None:
        """See Job."""
        self.done += count
        self.check()

    def check(self) -> None:
        """See Job."""
        if self._cancelled:
            raise Cancelled

    def cancel(self) -> None:
        """Ask the work to stop at its next step; callable from any thread."""
        self._cancelled = True

    @property
    def is_cancelled(self) -> bool:
        """True once the person has asked for it."""
        return self._cancelled

    def seconds_left(self) -> float | None:
        """Estimate from this stage's own rate; None while there is too little to judge by."""
        elapsed = time.monotonic() - self.stage_started
        if not self.total or elapsed < 1.0 or self.done < max(1, self.total // 1000):
            return None
        return elapsed / self.done * max(0, self.total - self.done)


class BackgroundTask(QObject):
    """One job in its own thread.

    Attributes:
        title: what the person asked for, e.g. "Import".
        progress: the `ProgressJob` the work reports to.
        is_over: True from the moment the outcome is reported.

    Signals:
        succeeded: the work returned (its result); emitted in the GUI thread.
        failed: the work raised (the exception).
        cancelled: the work stopped because it was asked to.
        ended: emitted last, whatever happened, also after `abandon`.
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
        self._thread = _Worker(workspace, function, self.progress, self)
        self._thread.finished.connect(self._report)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` (or, when it was too late, `succeeded`) follows."""
        self.progress.cancel()

    def abandon(self) -> None:
        """Cancel, and let nobody hear of the outcome: it would answer a question that is not asked any more."""
        self._abandoned = True
        self.progress.cancel()

    def wait(self) -> None:
        """Block until the thread has ended; only for closing, when there is nothing left to keep responsive."""
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
    """The newest of several tasks that answer the same question.

    A newer one makes an older one's answer worthless, however late that comes: it is abandoned. Nothing has to be
    reset when work fails, for `is_waiting` asks the task itself.
    """

    def __init__(self) -> None:
        self._task: BackgroundTask | None = None

    @property
    def is_waiting(self) -> bool:
        """True while an answer is on its way."""
        return self._task is not None and not self._task.is_over

    def follow(self, task: BackgroundTask) -> BackgroundTask:
        """Wait for this task instead of any before."""
        self.forget()
        self._task = task
        task.ended.connect(lambda: self._end(task))
        return task

    def forget(self) -> None:
        """The question is not asked any more."""
        if self._task is not None:
            self._task.abandon()
        self._task = None

    def _end(self, task: BackgroundTask) -> None:
        if self._task is task:
            self._task = None


class _Worker(QThread):
    """Runs the function with a door to the workspace that belongs to this thread."""

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
        """QThread's entry: nothing raised here may escape, it would end the program."""
        try:
            if self._workspace is None:
                self.result = self._function(None, self._progress)
            else:
                with self._workspace.for_this_thread() as door:
                    self.result = self._function(door, self._progress)
        except BaseException as error:
            self.error = error
            if not isinstance(error, Cancelled):
                log.debug("background work failed", exc_info=True)

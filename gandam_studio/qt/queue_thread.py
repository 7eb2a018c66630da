"""A thread with a queue that callers replace: only what is wanted now is worked on."""

from __future__ import annotations

import contextlib
import logging
import threading
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QObject, QThread

from gandam_studio.core.workspace import Workspace

LONGEST_PAUSE_S = 0.1
log = logging.getLogger(__name__)


class QueueThread(QThread):
    """Base of loaders and decoders: a subclass's `run` calls `take` until it returns nothing.

    The thread starts with the first request. `want`, `want_first` and `stop` may be called from any thread.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: list[Any] = []
        self._change = threading.Condition()
        self._stopping = False
        self._free = threading.Event()
        self._free.set()

    def want(self, wanted: list[Any]) -> None:
        """Replace the queue."""
        with self._change:
            self._queue = wanted
        self._wake(wanted)

    def want_first(self, one: Any, most: int) -> None:
        """Move or add one request to the front; only the first `most` requests are kept."""
        with self._change:
            self._queue = [one, *(other for other in self._queue if other != one)][:most]
        self._wake([one])

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """While the block runs, the thread waits at its next call of `pause`.

        For work of the GUI thread within a frame: otherwise each of its calls that releases the GIL would have to
        wait for this thread to return it.
        """
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def pause(self) -> None:
        """Called by the thread between two pieces of work: wait while a `resting` block runs."""
        self._free.wait(LONGEST_PAUSE_S)

    def stop(self) -> None:
        """End the thread and wait for it."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self.wait()

    def take(self, count: int = 1) -> list[Any]:
        """Wait for requests and return up to `count` of them; an empty list means that the thread must stop."""
        with self._change:
            self._change.wait_for(lambda: self._queue or self._stopping)
            if self._stopping:
                return []
            taken, self._queue = self._queue[:count], self._queue[count:]
            return taken

    def _wake(self, wanted: list[Any]) -> None:
        if not wanted:
            return
        with self._change:
            self._change.notify()
        if not self.isRunning() and not self._stopping:
            self.start()


class WorkspaceThread(QueueThread):
    """A queue whose requests need a workspace: the thread calls `work` with up to `AT_ONCE` requests."""

    AT_ONCE = 1

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace

    def run(self) -> None:
        """Take requests until stopped."""
        try:
            with self._workspace.for_this_thread() as workspace:
                while wanted := self.take(self.AT_ONCE):
                    self._work(workspace, wanted)
        except Exception as error:
            # Such as a workspace whose folder is gone. The next request starts the thread again.
            log.warning("a loader stopped", exc_info=True)
            with self._change:
                lost, self._queue = self._queue, []
            if lost and not self._stopping:
                self.lost(lost, error)

    def _work(self, workspace: Workspace, wanted: list[Any]) -> None:
        try:
            self.work(workspace, wanted)
        except Exception:
            log.warning("one of %d requests failed", len(wanted), exc_info=True)

    def lost(self, wanted: list[Any], error: Exception) -> None:
        """Called with the requests that nobody will handle, because the workspace cannot be opened any more."""

    @abstractmethod
    def work(self, workspace: Workspace, wanted: list[Any]) -> None:
        """Handle the next requests; `workspace` is this thread's own handle on it."""

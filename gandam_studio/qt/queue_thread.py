"""A thread that works on what is wanted now, and forgets what was wanted before."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QObject, QThread

from gandam_studio.core.workspace import Workspace

LONGEST_PAUSE_S = 0.1
log = logging.getLogger(__name__)


class QueueThread(QThread):
    """Base of loaders and decoders: a subclass's `run` takes from the queue with `take` until that is empty-handed.

    The thread starts with the first wish. `want`, `want_first` and `stop` may be called from any thread.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: list[Any] = []
        self._change = threading.Condition()
        self._stopping = False
        self._free = threading.Event()
        self._free.set()

    def want(self, wanted: list[Any]) -> None:
        """Replace the queue; what was in it and is not named now is forgotten."""
        with self._change:
            self._queue = wanted
        self._wake(wanted)

    def want_first(self, one: Any, most: int) -> None:
        """Put one in front, also if it waits already; at most `most` are kept, the newest."""
        with self._change:
            self._queue = [one, *(other for other in self._queue if other != one)][:most]
        self._wake([one])

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """While the block runs, the thread pauses before its next piece of work (where it calls `pause`).

        For what the GUI thread does within a frame: each of its calls that lets go of the interpreter's lock would
        else wait until this thread gives it back.
        """
        self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    def pause(self) -> None:
        """Called by the thread between two pieces of work: wait while somebody is `resting` it."""
        self._free.wait(LONGEST_PAUSE_S)

    def stop(self) -> None:
        """End the thread and wait for it."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self.wait()

    def take(self, count: int = 1) -> list[Any]:
        """The next `count` of the queue, or fewer; waits for one. Empty once the thread shall stop."""
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
    """A queue whose wishes are seen to with a workspace: `work` is called in the thread, `AT_ONCE` wishes at most."""

    AT_ONCE = 1

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace

    def run(self) -> None:
        """QThread's entry."""
        try:
            with self._workspace.for_this_thread() as door:
                while wanted := self.take(self.AT_ONCE):
                    self._work(door, wanted)
        except Exception:
            # Such as a workspace that was taken away. The thread starts anew with the next wish.
            log.warning("a loader has ended", exc_info=True)

    def _work(self, door: Workspace, wanted: list[Any]) -> None:
        try:
            self.work(door, wanted)
        except Exception:
            log.warning("one of %d wishes failed", len(wanted), exc_info=True)

    def work(self, door: Workspace, wanted: list[Any]) -> None:
        """See to the next wishes; `door` is the workspace as this thread may use it."""
        raise NotImplementedError

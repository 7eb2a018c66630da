"""All runs of a workspace at a glance, read by one thread for every screen that lists them."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal

from gandam_studio.core.runs import RunSummary, runs_in

POLL_S = 2.0
ALIVE = ("running", "paused")
log = logging.getLogger(__name__)


class RunIndex(QObject):
    """Reads the folder of runs in a thread of its own: after `refresh`, and every two seconds while `watch` is on and
    a run is alive.

    Attributes:
        runs: the newest answer, oldest run first (`core.runs.RunSummary`); empty before the first.
        is_read: an answer has come.
        is_up_to_date: every `refresh` has been answered.

    Signals:
        changed: the runs, or how they stand, are not what they were (`runs`); also the first answer.
    """

    changed = Signal(list)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runs: list[RunSummary] = []
        self.is_read = False
        self._answered = 0
        self._reader = _Reader(folder, self)
        self._reader.read.connect(self._take)

    def refresh(self) -> None:
        """Read the runs soon; the thread starts with the first call."""
        self._reader.wake()

    def watch(self, watching: bool) -> None:
        """Whether the states of runs that are alive are kept fresh."""
        self._reader.watching = watching
        if watching:
            self.refresh()

    def summary(self, folder: Path) -> RunSummary | None:
        """The run in that folder; None for one that is not listed."""
        return next((run for run in self.runs if run.folder == folder), None)

    def any_alive(self) -> bool:
        """True when a listed run trains or is paused."""
        return any(run.state.state in ALIVE for run in self.runs)

    @property
    def is_up_to_date(self) -> bool:
        """True once the runs were read after the newest `refresh`."""
        return self._answered >= self._reader.asked

    def close(self) -> None:
        """End the thread and wait for it."""
        self._reader.stop()

    def _take(self, found: list[RunSummary], answered: int) -> None:
        is_news = not self.is_read or found != self.runs
        self.runs, self.is_read = found, True
        self._answered = answered
        if is_news:
            self.changed.emit(found)


class _Reader(QThread):
    read = Signal(list, int)

    def __init__(self, folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self.watching = False
        self.asked = 0
        self._folder = folder
        self._wanted = threading.Event()
        self._stopping = False

    def wake(self) -> None:
        self.asked += 1
        self._wanted.set()
        if not self.isRunning() and not self._stopping:
            self.start()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        self.wait()

    def run(self) -> None:
        """QThread's entry: nothing may escape it."""
        try:
            alive = False
            while not self._stopping:
                polling = self.watching and alive
                if not self._wanted.wait(POLL_S if polling else None) and not polling:
                    continue
                self._wanted.clear()
                if self._stopping:
                    return
                asked = self.asked
                found = runs_in(self._folder)
                alive = any(run.state.state in ALIVE for run in found)
                self.read.emit(found, asked)
        except Exception:
            log.exception("reading the runs has ended")

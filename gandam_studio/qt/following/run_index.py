"""The list of a workspace's runs, read off the GUI thread and shared by all screens."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QThread, QTimer, Signal

from gandam_studio.core.runs import RunSummary, runs_in
from gandam_studio.qt.following.pending import ALIVE, PendingCommands
from trainer.protocol.run_directory import RunDirectory

POLL_MS = 800
log = logging.getLogger(__name__)


class RunIndex(QObject):
    """Reads the folder of runs in a thread: after `refresh`, and again and again while a run trains or `watch` is on.

    Attributes:
        runs: the runs as last read, oldest first (`core.runs.RunSummary`); empty before the first read.
        is_read: whether the runs have been read.
        pending: commands given to runs and not carried out yet; see `texts.state_words`.

    Signals:
        changed: the runs or their states changed (`runs`); also emitted after the first read, and when a command is
            given to a run.
    """

    changed = Signal(list)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runs: list[RunSummary] = []
        self.is_read = False
        self.pending = PendingCommands(self)
        self.pending.changed.connect(lambda: self.changed.emit(self.runs))
        self._watching = False
        self._locked: frozenset[Path] = frozenset()
        self._requested = self._answered = 0
        self._closed = self._reading = False
        self._reader = _Reader(folder, self)
        self._reader.finished.connect(self._take)
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._look_again)
        self._poll.start()

    def refresh(self) -> None:
        """Read the runs soon."""
        self._requested += 1
        if not self._closed and not self._reading:
            self._begin()

    def watch(self, watching: bool) -> None:
        """Set whether the runs are polled even while none trains, because another program may start or delete one."""
        self._watching = watching
        if watching:
            self.refresh()

    def summary(self, folder: Path) -> RunSummary | None:
        """The run in that folder; None if it is not listed."""
        return next((run for run in self.runs if run.folder == folder), None)

    def live(self) -> list[RunSummary]:
        """The runs that a trainer is working on, oldest first, no matter what started it.

        A run can be locked before it has written that it trains, and after it has written that it has ended.
        """
        return [run for run in self.runs if run.folder in self._locked]

    def any_alive(self) -> bool:
        """True if a listed run is training or paused."""
        return bool(self._locked) or any(run.state.state in ALIVE for run in self.runs)

    def pending_of(self, run: RunSummary) -> str:
        """The command that a listed run has not carried out yet; "" without one."""
        return self.pending.of(run.folder, run.state)

    @property
    def is_up_to_date(self) -> bool:
        """True once the runs were read after the last `refresh`."""
        return self._answered >= self._requested

    def close(self) -> None:
        """Stop reading and wait for the thread."""
        self._closed = True
        self._poll.stop()
        self._reader.wait()

    def _look_again(self) -> None:
        if (self._watching or self.any_alive()) and self.is_up_to_date:
            self._requested += 1
            self._begin(self.runs)

    def _begin(self, known: Sequence[RunSummary] = ()) -> None:
        self._reading = True  # until the result is taken, after the thread has ended
        self._reader.known = known
        self._reader.asked = self._requested
        self._reader.start()

    def _take(self) -> None:
        self._reading = False
        if self._closed:
            return
        found, self._answered = self._reader.found, self._reader.asked
        is_news = not self.is_read or found != self.runs or self._reader.locked != self._locked
        self.runs, self.is_read, self._locked = found, True, self._reader.locked
        if not self.is_up_to_date:
            self._begin()
        if is_news:
            self.changed.emit(found)


class _Reader(QThread):
    """Reads the runs once per start."""

    def __init__(self, folder: Path, parent: QObject) -> None:
        super().__init__(parent)
        self.asked = 0
        self.known: Sequence[RunSummary] = ()
        self.found: list[RunSummary] = []
        self.locked: frozenset[Path] = frozenset()
        self._folder = folder

    def run(self) -> None:
        """Read the runs. No exception may escape from here."""
        try:
            self.found = runs_in(self._folder, self.known) if self.known else runs_in(self._folder)
            self.locked = frozenset(run.folder for run in self.found if RunDirectory(run.folder).is_locked())
        except Exception:
            log.exception("cannot read the runs")

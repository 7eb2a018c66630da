"""The thread that watches one run's folder: tails its events, decodes new grids, notices its state."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal
from PySide6.QtGui import QImage

from gandam_studio.core.run_record import RunRecord
from gandam_studio.qt.train.pictures import decode, inside
from trainer.events import EventReader, SamplesSaved, TrainEvent
from trainer.run_directory import RunDirectory, RunState
from trainer.spikes import SpikeFeed

POLL_S = 0.1
IDLE_POLL_S = 1.0
STATE_EVERY_S = 1.0
LONG_BACKLOG = 500
DRAWING_S = 0.5
LOG_TAIL_BYTES = 64 * 1024
log = logging.getLogger(__name__)
_ALIVE = ("running", "paused", "created")


class RunWatcher(QThread):
    """Watches a run that is live, finished or copied from another machine: all take this one path.

    Signals:
        opened: everything so far, folded (`RunRecord`); it belongs to the receiver from then on. Emitted again when
            the events file was replaced.
        events_arrived: new whole events since (list of TrainEvent) and the newest grids, decoded
            (dict: relative path -> QImage).
        state_changed: the run's `RunState` is another one now.
        log_grew: more of trainer.log (text).
        vanished: the run's folder is gone.
    """

    opened = Signal(object)
    events_arrived = Signal(object, object)
    state_changed = Signal(object)
    log_grew = Signal(str)
    vanished = Signal()

    def __init__(self, folder: Path, half_life: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run_directory = RunDirectory(folder)
        self._half_life = half_life
        self._wake = threading.Event()
        self._stopping = False
        self._state: RunState | None = None
        self._gone = False
        self._log_offset: int | None = None

    def poke(self) -> None:
        """Look now instead of at the next turn."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread and wait for it; at most a decode away."""
        self._stopping = True
        self._wake.set()
        self.wait()

    def run(self) -> None:
        """QThread's entry: nothing may escape it."""
        try:
            self._watch()
        except Exception:
            log.exception("watching %s has ended", self.run_directory.path)

    def _watch(self) -> None:
        reader, feed = self._open()
        since_state = 0.0
        while not self._stopping:
            alive = self._state is None or self._state.state in _ALIVE
            pause = POLL_S if alive else IDLE_POLL_S
            if self._wake.wait(pause):
                self._wake.clear()
                since_state = STATE_EVERY_S
            if self._stopping:
                return
            since_state += pause
            events = reader.read()
            if reader.restarts or (since_state >= STATE_EVERY_S and self._came_back()):
                reader, feed = self._open()
                continue
            if events:
                self._hand_over(events, feed)
            if self._gone:
                continue
            if since_state >= STATE_EVERY_S or any(_ends_or_begins(event) for event in events):
                self._look_at_state()
                self._read_log()
                since_state = 0.0

    def _open(self) -> tuple[EventReader, SpikeFeed]:
        """Fold the whole backlog here, off the GUI thread, and hand over the result."""
        reader, feed, record = self.run_directory.events(), SpikeFeed(), RunRecord(self._half_life)
        events = reader.read()
        record.apply(events)
        record.settle()
        self.opened.emit(record)
        self._came_back()
        if self._gone:
            return reader, feed
        self._look_at_state()
        self._read_log()
        # An old run's spikes take a while to find: they come after the curves are on screen, and the window is
        # given the interpreter for itself while it draws them.
        if len(events) > LONG_BACKLOG:
            self._wake.wait(DRAWING_S)
        if self._stopping:
            return reader, feed
        if spikes := feed.feed(events):
            self.events_arrived.emit(spikes, {})
        return reader, feed

    def _hand_over(self, events: list[TrainEvent], feed: SpikeFeed) -> None:
        pictures: dict[str, QImage] = {}
        newest = next((event for event in reversed(events) if isinstance(event, SamplesSaved)), None)
        if newest is not None:
            for relative in (newest.fixed, newest.random):
                path = inside(self.run_directory.path, relative)
                image = decode(path) if path else None
                if image is not None:
                    pictures[relative] = image
        self.events_arrived.emit([*events, *feed.feed(events)], pictures)

    def _look_at_state(self) -> None:
        state = self.run_directory.state()
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

    def _came_back(self) -> bool:
        """Look whether the folder is there; True when it was gone (a network drive) and must be read anew."""
        there = self.run_directory.path.is_dir()
        if not there and not self._gone:
            self.vanished.emit()
        came_back = there and self._gone
        self._gone = not there
        return came_back

    def _read_log(self) -> None:
        try:
            with self.run_directory.log_path.open("rb") as stream:
                size = stream.seek(0, 2)
                if self._log_offset is None or size < self._log_offset:
                    self._log_offset = max(0, size - LOG_TAIL_BYTES)
                if size == self._log_offset:
                    return
                stream.seek(self._log_offset)
                data = stream.read(size - self._log_offset)
        except OSError:
            return
        self._log_offset = size
        self.log_grew.emit(data.decode("utf-8", "replace"))


def _ends_or_begins(event: TrainEvent) -> bool:
    return event.kind.startswith("run_")

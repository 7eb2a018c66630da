"""The thread that watches a run's folder: tails its events, decodes new grids, follows its state."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal
from PySide6.QtGui import QImage

from gandam_studio.core.runs.record import RunRecord
from gandam_studio.qt.following.pictures import decode, inside
from trainer.protocol.events import EventReader, RunWarning, SamplesSaved, TrainEvent
from trainer.protocol.run_directory import RunDirectory, RunState
from trainer.protocol.spikes import SpikeFeed
from trainer.protocol.untrusted import UntrustedError, open_regular

POLL_S = 0.1
IDLE_POLL_S = 1.0
STATE_EVERY_S = 1.0
TROUBLE_SHOWN_AFTER_S = 1.0
LONG_BACKLOG = 500
DRAWING_S = 0.5
LOG_TAIL_BYTES = 64 * 1024
MOST_LOG_BYTES = 1 << 20
log = logging.getLogger(__name__)
_ALIVE = ("running", "paused", "created")


class RunWatcher(QThread):
    """Watches a run, whether it is training, finished or copied from another machine.

    Signals:
        opened: all events so far were read (`RunRecord`, owned by the receiver from then on). Emitted again after
            the events file was replaced.
        events_arrived: new complete events (list of TrainEvent) and the newest grids, decoded
            (dict: relative path -> QImage).
        state_changed: the run's state changed (`RunState`).
        log_grew: trainer.log grew (new text).
        vanished: the run's folder is gone.
        trouble_changed: the folder could not be read for a second or more (reason), or can be read again ("").
    """

    opened = Signal(object)
    events_arrived = Signal(object, object)
    state_changed = Signal(object)
    log_grew = Signal(str)
    vanished = Signal()
    trouble_changed = Signal(str)

    def __init__(self, folder: Path, half_life: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run_directory = RunDirectory(folder)
        self._half_life = half_life
        self._wake = threading.Event()
        self._stopping = False
        self._state: RunState | None = None
        self._gone = False
        self._log_offset: int | None = None
        self._reader: EventReader | None = None
        self._feed = SpikeFeed()
        self._since_state = 0.0
        self._trouble = ""
        self._trouble_since = 0.0
        self._trouble_shown = False
        self._left_out_told = False

    def poke(self) -> None:
        """Check the folder now instead of at the next poll."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread and wait for it, at most for one decode."""
        self._stopping = True
        self._wake.set()
        self.wait()

    def run(self) -> None:
        """Watch until stopped. No exception may escape from here."""
        try:
            self._watch()
        except Exception:
            log.exception("stopped watching %s", self.run_directory.path)

    def _watch(self) -> None:
        """Poll until stopped. If the folder cannot be read (just moved, a failing drive), only that poll is skipped."""
        pause = 0.0
        while not self._stopping:
            if self._wake.wait(pause):
                self._wake.clear()
                self._since_state = STATE_EVERY_S
            if self._stopping:
                return
            self._since_state += pause
            try:
                self._poll()
                self._note_recovery()
            except (OSError, UntrustedError) as error:
                self._note_trouble(error)
            alive = self._state is None or self._state.state in _ALIVE
            pause = POLL_S if alive else IDLE_POLL_S

    def _note_trouble(self, error: OSError | UntrustedError) -> None:
        """Log an error once instead of at every poll, and show it if it persists."""
        if not self._trouble:
            self._trouble_since = time.monotonic()
        if str(error) != self._trouble:
            self._trouble = str(error)
            log.warning("watching %s: %s", self.run_directory.path, error)
        if not self._trouble_shown and time.monotonic() - self._trouble_since >= TROUBLE_SHOWN_AFTER_S:
            self._trouble_shown = True
            self.trouble_changed.emit((error.strerror if isinstance(error, OSError) else None) or str(error))
            self._look_at_state()  # The poll may have failed before it reached the state.

    def _note_recovery(self) -> None:
        self._trouble = ""
        if self._trouble_shown:
            self._trouble_shown = False
            self.trouble_changed.emit("")

    def _poll(self) -> None:
        if self._reader is None:
            self._open()
            return
        events = self._reader.read()
        if self._reader.damaged and not self._left_out_told:
            events.append(self._left_out(self._reader.damaged, max((event.iteration for event in events), default=0)))
        if self._reader.restarts or (self._since_state >= STATE_EVERY_S and self._came_back()):
            self._reader = None
            self._open()
            return
        if events:
            self._hand_over(events)
        if self._gone:
            return
        if self._since_state >= STATE_EVERY_S or any(_ends_or_begins(event) for event in events):
            self._look_at_state()
            self._read_log()
            self._since_state = 0.0

    def _open(self) -> None:
        """Read the whole backlog here, off the GUI thread, and emit the result."""
        reader, record = self.run_directory.events(), RunRecord(self._half_life)
        events = reader.read()
        record.apply(events)
        self._left_out_told = False
        if left_out := reader.damaged + record.skipped:
            record.apply([self._left_out(left_out, record.last_iteration)])
        record.settle()
        self._reader, self._feed = reader, SpikeFeed()
        self.opened.emit(record)
        self._came_back()
        if not self._gone:
            self._look_at_state()
            self._read_log()
            # Finding the spikes of an old run takes a while: they follow once the curves are on screen, and this thread
            # leaves the interpreter to the window while it draws them.
            if len(events) > LONG_BACKLOG:
                self._wake.wait(DRAWING_S)
        if not self._stopping and (spikes := self._feed.feed(events)):
            self.events_arrived.emit(spikes, {})

    def _left_out(self, count: int, iteration: int) -> RunWarning:
        """The one line about events that cannot be read or believed."""
        self._left_out_told = True
        text = f"{count:,} of the events are damaged and were left out"
        return RunWarning(message=text, about="damaged", iteration=iteration)

    def _hand_over(self, events: list[TrainEvent]) -> None:
        pictures: dict[str, QImage] = {}
        newest = next((event for event in reversed(events) if isinstance(event, SamplesSaved)), None)
        if newest is not None:
            for relative in (newest.fixed, newest.random):
                with contextlib.suppress(OSError):  # events matter more; a picture is requested again when shown
                    path = inside(self.run_directory.path, relative)
                    image = decode(path) if path else None
                    if image is not None:
                        pictures[relative] = image
        self.events_arrived.emit([*events, *self._feed.feed(events)], pictures)

    def _look_at_state(self) -> None:
        try:
            state = self.run_directory.state()
        except OSError:  # checked again in a second
            return
        except UntrustedError as error:
            state = RunState("damaged", reason=str(error))
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

    def _came_back(self) -> bool:
        """Check that the folder exists; True if it was gone (a network drive) and must be read again."""
        there = not self.run_directory.is_gone()
        if not there and not self._gone:
            self.vanished.emit()
        came_back = there and self._gone
        self._gone = not there
        return came_back

    def _read_log(self) -> None:
        try:
            with open_regular(self.run_directory.log_path) as stream:
                size = stream.seek(0, 2)
                if self._log_offset is None or size < self._log_offset:
                    self._log_offset = max(0, size - LOG_TAIL_BYTES)
                if size == self._log_offset:
                    return
                stream.seek(self._log_offset)
                data = stream.read(min(size - self._log_offset, MOST_LOG_BYTES))
        except (OSError, UntrustedError):
            return
        self._log_offset += len(data)
        self.log_grew.emit(data.decode("utf-8", "replace"))


def _ends_or_begins(event: TrainEvent) -> bool:
    return event.kind.startswith("run_")

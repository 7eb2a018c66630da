"""The state of a run shared by its views: record, state, cursor and pictures, updated by a watcher thread."""

from __future__ import annotations

import contextlib
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from gandam_studio.core.runs.diagnoses import Finding
from gandam_studio.core.runs.record import DEFAULT_HALF_LIFE, RecordChanges, RunRecord
from gandam_studio.qt.failures import explain
from gandam_studio.qt.following.pending import PendingCommands
from gandam_studio.qt.following.pictures import FilePictureCache, inside
from gandam_studio.qt.following.watcher import RunWatcher
from gandam_studio.qt.responsiveness import set_aside
from gandam_studio.qt.widgets.plots.timeline import Timeline
from trainer.protocol.config import TrainConfig
from trainer.protocol.errors import TrainerError
from trainer.protocol.events import RunExtended, RunStarted, SamplesSaved, TrainEvent
from trainer.protocol.run_directory import RunDirectory, RunState

LOG_CHARACTERS = 200_000
LONG_RUN = 10_000
"""Iterations from which on a run's events are kept out of garbage collections."""


class RunFollower(QObject):
    """Follows one run, live or past, until it is closed.

    Attributes:
        run_directory: the run. config: its configuration, None if it cannot be read (`problem` has the reason).
        record: the events so far; empty until `opened`. state: the run's state.
        timeline: the cursor, in iterations. pictures: decoded grids. log_text: the end of trainer.log.

    Signals:
        opened: the backlog was read (again after the file was replaced).
        changed: new events were added to the record (`core.runs.record.RecordChanges`).
        events_arrived: the same events (list), for the log and notifications.
        state_changed: (RunState). log_grew: (text). vanished: the folder is gone.
        picture_loaded: a requested grid was decoded, or cannot be (absolute path).
        pending_changed: a command was given, or is not pending any more (`pending_command`).
        trouble_changed: the folder cannot be read (the reason, also `trouble`), or can be read again ("").
    """

    opened = Signal()
    changed = Signal(object)
    events_arrived = Signal(object)
    state_changed = Signal(object)
    log_grew = Signal(str)
    vanished = Signal()
    picture_loaded = Signal(str)
    pending_changed = Signal()
    trouble_changed = Signal(str)

    def __init__(self, folder: Path, parent: QObject | None = None, timeline: Timeline | None = None) -> None:
        super().__init__(parent)
        self.run_directory = RunDirectory(folder)
        self.problem = ""
        self.trouble = ""
        self.config = self._read_config()
        self.record = RunRecord()
        self.state = RunState("created")
        self.is_open = False
        self.is_gone = False
        self.log_text = ""
        self._commands: PendingCommands | None = None
        self.timeline = timeline or Timeline(self)
        self._owns_axis = timeline is None
        self.pictures = FilePictureCache(self)
        self.pictures.loaded.connect(self.picture_loaded)
        self._watcher = RunWatcher(folder, DEFAULT_HALF_LIFE, self)
        self._watcher.opened.connect(self._open)
        self._watcher.events_arrived.connect(self._take)
        self._watcher.state_changed.connect(self._take_state)
        self._watcher.log_grew.connect(self._take_log)
        self._watcher.vanished.connect(self._note_vanished)
        self._watcher.trouble_changed.connect(self._take_trouble)

    def start(self) -> None:
        """Start following the run."""
        self._watcher.start()

    def poke(self) -> None:
        """Check the folder now, after a command was sent to the trainer."""
        self._watcher.poke()

    def close(self) -> None:
        """Stop both threads. The run itself continues."""
        # Signals already queued by the threads must not be delivered: views may show another run by then.
        self.blockSignals(True)
        self._watcher.stop()
        self.pictures.close()

    @property
    def name(self) -> str:
        """The run's id."""
        return self.run_directory.name

    def share_commands(self, commands: PendingCommands) -> None:
        """Show the commands that were given to runs on any screen."""
        self._commands = commands
        commands.changed.connect(self.pending_changed)

    @property
    def pending_command(self) -> str:
        """The command that the run has not carried out yet; "" without one."""
        return self._commands.of(self.run_directory.path, self.state) if self._commands else ""

    @property
    def is_alive(self) -> bool:
        """True while a trainer appears to be working on the run."""
        return not self.is_gone and self.state.state in ("running", "paused")

    @property
    def pictures_at_once(self) -> int:
        """The micro-batch of the newest attempt: pictures held in memory at once."""
        if (started := self.record.started) is not None and (started.micro_batch or started.batch):
            return started.micro_batch or started.batch
        return (self.config.batch.micro or self.config.batch.size) if self.config else 0

    def sample(self, iteration: float | None = None) -> SamplesSaved | None:
        """The sample point at the cursor, or at an iteration."""
        return self.record.sample_at(self.timeline.shown if iteration is None else iteration)

    def diagnosis(self, iteration: float | None = None) -> Finding | None:
        """The newest diagnosis at or before the cursor, or an iteration; None when there is none."""
        return self.record.diagnosis_at(self.timeline.shown if iteration is None else iteration)

    def picture(self, relative: str) -> QImage | None:
        """A grid by its path in the events; None until it is decoded. Paths outside the run's folder are refused."""
        # Following links takes longer than painting, so only what has to be read is checked.
        if (known := self.pictures.cached(self.run_directory.path / relative)) is not None:
            return known
        path = inside(self.run_directory.path, relative)
        return self.pictures.get(path) if path else None

    def picture_is_lost(self, relative: str) -> bool:
        """Whether a grid was asked for and cannot be read."""
        path = inside(self.run_directory.path, relative)
        return path is None or self.pictures.is_lost(path)

    def _read_config(self) -> TrainConfig | None:
        try:
            return self.run_directory.config()
        except TrainerError as error:
            self.problem = explain(error)
            return None

    def _refresh_config(self) -> None:
        """Read the settings again: a start can choose the networks' widths, and a run is given other limits."""
        with contextlib.suppress(TrainerError):
            self.config = self.run_directory.config()

    def _open(self, record: RunRecord) -> None:
        record.set_half_life(self.record.half_life)
        self.record = record
        self._refresh_config()
        self.is_open = True
        if record.last_iteration >= LONG_RUN:
            set_aside()  # Scanning its events would hold the window up for as long as drawing them.
        self._set_axis()
        self.opened.emit()

    def _take(self, events: list[TrainEvent], pictures: dict[str, QImage]) -> None:
        for relative, image in pictures.items():
            self.pictures.put(self.run_directory.path / relative, image)
        if any(isinstance(event, RunStarted | RunExtended) for event in events):
            self._refresh_config()
        changes: RecordChanges = self.record.apply(events)
        if changes.curves or changes.samples or changes.truncated:
            self._set_axis()
        self.changed.emit(changes)
        self.events_arrived.emit(events)

    def _set_axis(self) -> None:
        if self._owns_axis:
            stops = [float(sample.iteration) for sample in self.record.samples]
            self.timeline.set_axis(float(self.record.last_iteration), stops)

    def _take_state(self, state: RunState) -> None:
        self.state = state
        self.is_gone = False
        self.state_changed.emit(state)

    def _take_log(self, text: str) -> None:
        self.log_text = (self.log_text + text)[-LOG_CHARACTERS:]
        self.log_grew.emit(text)

    def _take_trouble(self, trouble: str) -> None:
        self.trouble = trouble
        self.trouble_changed.emit(trouble)

    def _note_vanished(self) -> None:
        self.is_gone = True
        self.vanished.emit()

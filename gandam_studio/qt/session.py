"""The open workspace of a window: screens apply edits through the session and receive its change signals."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from gandam_studio.core.errors import UserError
from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.history import NOTHING, Changes
from gandam_studio.core.workspace.lookups import data_version
from gandam_studio.qt.background import BackgroundTask, JobFunction, ProgressJob
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.failures import explain

if TYPE_CHECKING:
    from gandam_studio.core.workspace.edits import Edit
    from gandam_studio.qt.following.run_index import RunIndex
    from gandam_studio.qt.following.training_size import TrainingSize

log = logging.getLogger(__name__)

FOLLOW_MS = 1500  # how often a read-only window checks for changes by another process
INFO, SUCCESS, WARNING, ERROR = "info", "success", "warning", "error"


class Session(QObject):
    """The open workspace, shared by all screens of a window.

    Attributes:
        workspace: the GUI thread's handle; work in other threads gets its own (see `start_job`).
        tasks: running background work.

    Signals:
        edits_applied: an edit, undo or redo took effect (`core.history.Changes`).
        sprites_imported: new sprites were added.
        duplicates_found: a search for duplicates has ended with a result.
        versions_changed: a version was committed or tagged.
        runs_changed: a run was created, or its state changed.
        training_size_changed: another preset or picture size was chosen for the next run (`training_size`).
        message_posted: a message for the user (text, severity "info", "success", "warning" or "error", whether it
            stays until dismissed).
        result_posted: something was written that can be shown in its folder (text, path).
        task_started: background work began (`BackgroundTask`).
        task_ended: background work ended, with any outcome (`BackgroundTask`).
        closing: the workspace is about to be closed; receivers must end their threads now.
    """

    edits_applied = Signal(object)
    sprites_imported = Signal()
    duplicates_found = Signal()
    versions_changed = Signal()
    runs_changed = Signal()
    training_size_changed = Signal()
    message_posted = Signal(str, str, bool)
    result_posted = Signal(str, object)
    task_started = Signal(object)
    task_ended = Signal(object)
    closing = Signal()

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.tasks: list[BackgroundTask] = []
        self._closed = False
        self._quiet: list[BackgroundTask] = []
        self._changing: BackgroundTask | None = None
        self._folding = False
        self._run_index: RunIndex | None = None
        self._training_size: TrainingSize | None = None
        if workspace.read_only:
            self._follow_writer()

    @property
    def run_index(self) -> RunIndex:
        """The workspace's runs, read off the GUI thread; created on first use."""
        if self._run_index is None:
            # Imported late: it pulls in all modules for configurations and runs.
            from gandam_studio.qt.following.run_index import RunIndex

            self._run_index = RunIndex(self.workspace.folder / "runs", self)
            self.runs_changed.connect(self._run_index.refresh)
            self.closing.connect(self._run_index.close)
            self._run_index.refresh()
        return self._run_index

    @property
    def training_size(self) -> TrainingSize:
        """The picture size of the next run, by what is chosen on Train."""
        if self._training_size is None:
            from gandam_studio.qt.following.training_size import first_training_size

            self._training_size = first_training_size()
        return self._training_size

    def set_training_size(self, size: TrainingSize) -> None:
        """Note what is chosen on Train."""
        if size != self._training_size:
            self._training_size = size
            self.training_size_changed.emit()

    @property
    def read_only(self) -> bool:
        """True if another window or command holds the workspace, so that nothing can be changed here."""
        return self.workspace.read_only

    @property
    def is_idle(self) -> bool:
        """True while no background work is under way, neither shown nor quiet."""
        return not self.tasks and not self._quiet

    # Edits

    def apply(self, edit: Edit, *, into: int = 0) -> Changes:
        """Apply an edit and notify every screen; the result is falsy if nothing changed.

        `into` is the number of an edit that it continues, if it can (`core.workspace.history.History.apply`).
        A UserError is posted as a message instead of raised.
        """
        return self._decide(lambda: self.workspace.apply(edit, into=into))

    def take_back(self, edit: int, parts: int, label: Callable[[int], str]) -> Changes:
        """Undo what the newest edit was continued by after its first `parts` deltas."""
        return self._decide(lambda: self.workspace.take_back(edit, parts, label))

    def undo(self) -> Changes:
        """Undo the newest edit."""
        changes = self._decide(self.workspace.undo)
        if changes:
            self.post(self.tr("Undone: {0}").format(changes.label), INFO)
        return changes

    def redo(self) -> Changes:
        """Redo the edit undone last."""
        changes = self._decide(self.workspace.redo)
        if changes:
            self.post(self.tr("Redone: {0}").format(changes.label), INFO)
        return changes

    def apply_later(self, edit: Callable[[Workspace, ProgressJob], Changes], label: str) -> BackgroundTask | None:
        """Apply a large change in the background: `edit(workspace, job)` applies it and returns its Changes.

        Other edits are refused until it is done, because they would wait for the database and freeze the window.
        Returns None if a large change is already running.
        """
        if not self.may_change():
            return None
        task = self.start_job(label, edit, self._finish_change)
        self._changing = task
        task.ended.connect(self._end_change)
        return task

    def _finish_change(self, changes: Changes) -> None:
        self.announce(changes)
        if changes:
            self.post(self.tr("{0} changed · Ctrl+Z undoes").format(sprites(len(changes.seqs))), SUCCESS)

    def _end_change(self) -> None:
        self._changing = None

    def may_change(self) -> bool:
        """Whether an edit can be made or undone now; says so while a large change is running."""
        if self._changing is not None:
            self.post(self.tr("A large change is still running."), WARNING)
        return self._changing is None

    def announce(self, changes: Changes) -> None:
        """Notify every screen of an edit that a background job has applied through its own handle."""
        if changes:
            self.edits_applied.emit(changes)
            self._fold_log()

    def _fold_log(self) -> None:
        """Checkpoint the database's write-ahead log in the background after a large edit is shown."""
        if self._folding or not self.workspace.log_is_long:
            return
        self._folding = True
        self.start_quiet_job(lambda workspace, job: workspace.fold_log(), lambda _nothing: None).ended.connect(
            self._end_folding
        )

    def _end_folding(self) -> None:
        self._folding = False

    def _decide(self, decision: Callable[[], Changes]) -> Changes:
        if not self.may_change():
            return NOTHING
        try:
            changes = decision()
        except UserError as error:
            self.post_failure(error)
            return NOTHING
        self.announce(changes)
        return changes

    def _follow_writer(self) -> None:
        """Poll for changes by the process that holds the workspace, and show them."""
        self._seen = self._data_version()
        look = QTimer(self, interval=FOLLOW_MS)
        look.timeout.connect(self._look)
        self.closing.connect(look.stop)
        look.start()

    def _look(self) -> None:
        version = self._data_version()
        if version != self._seen:
            self._seen = version
            for signal in (self.sprites_imported, self.versions_changed, self.runs_changed):
                signal.emit()

    def _data_version(self) -> int:
        """SQLite's counter that changes whenever another connection has committed."""
        return data_version(self.workspace)

    # Messages

    def post(self, text: str, severity: str = INFO, *, stays: bool = False) -> None:
        """Show a message that needs no answer.

        stays: until it is dismissed, for what must be read at leisure, such as a path; errors always stay.
        """
        self.message_posted.emit(text, severity, stays or severity == ERROR)

    def post_result(self, text: str, path: Path) -> None:
        """Show a message about a file or folder that was written, with a button that shows it in its folder."""
        self.post(text, SUCCESS, stays=True)
        self.result_posted.emit(text, path)

    # Background work

    def start_job(
        self,
        label: str,
        function: JobFunction,
        on_done: Callable[[Any], None] | None = None,
        on_error: Callable[[BaseException], None] | None = None,
        on_cancelled: Callable[[], None] | None = None,
    ) -> BackgroundTask:
        """Run `function(workspace, job)` in another thread, shown in the status strip with progress and Cancel.

        `workspace` is a handle that belongs to that thread, `job` a `core.jobs.Job`. The callbacks run in the GUI
        thread; without `on_error` a UserError is posted, and any other exception is logged and posted as a bug.
        """
        task = BackgroundTask(label, self.workspace, function, self)
        if on_done:
            task.succeeded.connect(on_done)
        if on_cancelled:
            task.cancelled.connect(on_cancelled)
        task.failed.connect(on_error or self.post_failure)
        task.ended.connect(lambda: self._end(task))
        if not self._closed:
            self.tasks.append(task)
            self.task_started.emit(task)
            task.start()
        return task

    def start_quiet_job(
        self,
        function: JobFunction,
        on_done: Callable[[Any], None],
        on_error: Callable[[BaseException], None] | None = None,
    ) -> BackgroundTask:
        """Like `start_job`, but not shown in the status strip: for short queries, and for what nobody waits for."""
        task = BackgroundTask("", self.workspace, function, self)
        task.succeeded.connect(on_done)
        task.failed.connect(on_error or self.post_failure)
        task.ended.connect(lambda: self._end_quiet(task))
        if not self._closed:
            self._quiet.append(task)
            task.start()
        return task

    def close(self) -> None:
        """Cancel running work, wait for it, and close the workspace."""
        self.closing.emit()
        self._closed = True  # work asked for by what is still being torn down does not begin
        for task in (*self.tasks, *self._quiet):
            task.cancel()
        for task in (*self.tasks, *self._quiet):
            task.wait()
            # A result already queued for this thread must not be handled with a closed workspace.
            task.blockSignals(True)
        self.workspace.close()

    def _end(self, task: BackgroundTask) -> None:
        if task in self.tasks:
            self.tasks.remove(task)
        self.task_ended.emit(task)
        task.deleteLater()

    def _end_quiet(self, task: BackgroundTask) -> None:
        self._quiet.remove(task)
        task.deleteLater()

    def post_failure(self, error: BaseException) -> None:
        """Post an error of background work; a custom `on_error` calls this too."""
        log.debug("background work failed", exc_info=error)
        folder = self.workspace.folder
        if folder.is_dir():
            self.post(explain(error), ERROR)
        else:  # whatever else is said is a consequence
            text = self.tr("The workspace's folder is missing: {0}. It was moved or deleted, or its drive was removed.")
            self.post(f"{text.format(folder)} {self.tr('Put it back to go on.')}", ERROR)

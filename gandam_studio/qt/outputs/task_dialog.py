"""The base of dialogs that do something long: a form, progress, Cancel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QFormLayout, QLabel, QLayout, QProgressBar, QPushButton, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.forms import add_row

POLL_MS = 100


class TaskDialog(QDialog):
    """Runs one task of the session at a time; closing cancels it first.

    Attributes:
        session: runs the work. form: what is asked for. problem: why the button cannot be pressed, or what went wrong.
            told: what is going on. start_button, close_button: subclasses name them. task: the work while it runs.
    """

    def __init__(self, session: Session, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.task: BackgroundTask | None = None
        self._closing = False
        self._locked: list[QWidget] = []  # fields that can be used again when the work is over
        self.setWindowTitle(title)
        self.form = QFormLayout()
        self.form.setVerticalSpacing(theme.SPACE)
        self.form.setHorizontalSpacing(2 * theme.SPACE)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.problem = QLabel(wordWrap=True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setProperty("role", "error")
        self.told = QLabel(wordWrap=True)
        self.told.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Progress"))
        self.bar.hide()
        self.close_button = QPushButton()
        self.close_button.clicked.connect(lambda _checked=False: self.reject())
        self.start_button = QPushButton()
        self.start_button.setProperty("role", "primary")
        self.start_button.clicked.connect(lambda _checked=False: self.start())
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._show_progress)

    def add_row(self, text: str, field: QWidget | QLayout, named: QWidget | None = None) -> QLabel:
        """Add a row to `form`: see `forms.add_row`."""
        return add_row(self.form, text, field, named)

    @abstractmethod
    def start(self) -> None:
        """Start the work."""

    def begin(self, work: Callable[[Any, Any], Any], on_done: Callable[[Any], None]) -> None:
        """Start `work` in the background and show its progress."""
        self.task = self.session.start_job(self.windowTitle(), work, on_done, self._fail)
        self.task.ended.connect(self._end)
        self._lock(True)
        self._show_progress()
        self._poll.start()

    @abstractmethod
    def _fail(self, error: BaseException) -> None:
        """Say why the work failed."""

    def _over(self, cancelled: bool) -> None:
        """The work is over, with any outcome."""

    def _lock(self, locked: bool) -> None:
        if locked:
            self._locked = [field for field in self._fields() if field.isEnabled()]
        for field in self._locked:
            field.setEnabled(not locked)
        self.start_button.setEnabled(not locked)
        self.bar.setVisible(locked)

    def _fields(self) -> list[QWidget]:
        roles = (QFormLayout.ItemRole.FieldRole, QFormLayout.ItemRole.SpanningRole)
        items = [self.form.itemAt(row, role) for row in range(self.form.rowCount()) for role in roles]
        return [widget for item in items if item is not None and (widget := item.widget()) is not None]

    def _show_progress(self) -> None:
        if self.task is None:
            return
        job = self.task.progress
        self.bar.setRange(0, job.total or 0)
        self.bar.setValue(min(job.done, job.total or 0))
        self.told.setText(self.tr("Cancelling…") if job.is_cancelled else job.label)

    def _end(self) -> None:
        self._poll.stop()
        cancelled = self.task is not None and self.task.progress.is_cancelled
        self.task = None
        self._lock(False)
        self._over(cancelled)
        if self._closing:
            super().reject()

    def reject(self) -> None:
        """Cancel the work, if there is any; otherwise close."""
        if self.task is not None:
            self.task.cancel()
            return
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Cancel the work first."""
        if self.task is not None:
            self._closing = True
            self.task.cancel()
            event.ignore()
            return
        super().closeEvent(event)

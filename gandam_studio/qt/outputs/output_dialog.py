"""The base of dialogs that write something: target, what is wrong with it, progress, Cancel, Show in folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.qt import icons, theme
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.failures import explain
from gandam_studio.qt.reveal import reveal
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.outside_text import wrapped

POLL_MS = 100


class OutputDialog(QDialog):
    """A form, where to write, and the work itself; subclasses add rows to `form` and say what is written.

    Attributes:
        session: runs the work. form: the rows above the target. target: the path's field. problem: why the button
            cannot be pressed, or "". start_button: starts the work. task: the work while it runs, else None.
        result: what was written, or None.
    """

    setting = "outputs/folder"

    def __init__(self, session: Session, title: str, start: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.task: BackgroundTask | None = None
        self.result_path: Path | None = None
        self._closing = False
        self.setWindowTitle(title)
        self.form = QFormLayout()
        self.form.setVerticalSpacing(theme.SPACE)
        self.form.setHorizontalSpacing(2 * theme.SPACE)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.target = QLineEdit()
        self.target.setAccessibleName(self.tr("Where to save"))
        self.target.textChanged.connect(lambda _text: self.check())
        self.browse_button = QPushButton(self.tr("Browse…"))
        self.browse_button.clicked.connect(lambda _checked=False: self.browse())
        self.replace = QCheckBox(self.tr("Replace what is there"))
        self.replace.toggled.connect(lambda _on: self.check())
        self.problem = QLabel(wordWrap=True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setProperty("role", "error")
        self.told = QLabel(wordWrap=True)
        self.told.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Progress"))
        self.bar.hide()
        self.reveal_button = QPushButton(self.tr("Show in folder"))
        icons.set_icon(self.reveal_button, "folder", "text", 16)
        self.reveal_button.clicked.connect(lambda _checked=False: self._reveal())
        self.reveal_button.hide()
        self.close_button = QPushButton(self.tr("Cancel"))
        self.close_button.clicked.connect(lambda _checked=False: self.reject())
        self.start_button = QPushButton(start)
        self.start_button.setProperty("role", "primary")
        self.start_button.clicked.connect(lambda _checked=False: self.start())
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._show_progress)
        self._lay_out()

    def _lay_out(self) -> None:
        where = QHBoxLayout()
        where.setSpacing(theme.SPACE)
        where.addWidget(self.target, 1)
        where.addWidget(self.browse_button)
        self._where = where
        buttons = QDialogButtonBox()
        buttons.addButton(self.reveal_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.close_button, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.addButton(self.start_button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.reveal_button.hide()  # The box shows what is added to it.
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(self.form)
        layout.addStretch(1)
        layout.addWidget(self.problem)
        layout.addWidget(self.told)
        layout.addWidget(self.bar)
        layout.addSpacing(theme.SPACE)
        layout.addWidget(buttons)
        self.start_button.setDefault(True)  # Now that it is in this dialog: Return presses it.
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 96)

    def add_target_row(self) -> None:
        """Add the rows of the target below those added so far."""
        label = QLabel(self.tr("Save &to"))
        label.setBuddy(self.target)
        self.form.addRow(label, self._where)
        self.form.addRow("", self.replace)

    # What subclasses say

    def reason(self, target: Path, *, force: bool) -> str:
        """Why nothing can be written to `target`, or "". Called on every change, so it must be quick."""
        raise NotImplementedError

    def writes_folder(self) -> bool:
        """Whether a folder is written."""
        return False

    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """The function that writes to `target`, for `Session.start_job`."""
        raise NotImplementedError

    def done_text(self, answer: Any, target: Path) -> str:
        """What was written, in a sentence."""
        raise NotImplementedError

    # Target

    def folder(self) -> Path:
        """The folder used last, if it is still there."""
        last = QSettings().value(self.setting)
        return Path(str(last)) if last and Path(str(last)).is_dir() else Path.home()

    def propose(self, name: str, suffix: str = "") -> None:
        """Write a target into the field that does not exist yet."""
        folder, number = self.folder(), 1
        path = folder / f"{name}{suffix}"
        while path.exists() and number < 1000:
            number += 1
            path = folder / f"{name}-{number}{suffix}"
        self.target.setText(str(path))
        self.target.setCursorPosition(0)

    def browse(self) -> None:
        """Ask for the target in a file dialog."""
        options = QFileDialog.Option.DontConfirmOverwrite
        if self.writes_folder():
            options |= QFileDialog.Option.ShowDirsOnly
        name, _ = QFileDialog.getSaveFileName(self, self.windowTitle(), self.target.text(), options=options)
        if name:
            self.target.setText(name)

    def check(self) -> None:
        """Say what is wrong, if anything is."""
        if self.task is not None:
            return
        text = self.target.text().strip()
        problem = self.reason(Path(text), force=False) if text else self.tr("Choose where to save.")
        exists = bool(problem and text) and os.path.lexists(text)
        hopeless = self.reason(Path(text), force=True) if exists else ""
        self.replace.setVisible(exists and not hopeless)
        if exists and not hopeless:
            taken = self.tr("There is something at this place already. Choose another name, or replace it.")
            problem = "" if self.replace.isChecked() else taken
        else:
            problem = hopeless or problem
        self.problem.setText(wrapped(_sentence(problem)))
        self.problem.setVisible(bool(problem))
        self.start_button.setEnabled(not problem)

    # Work

    def start(self) -> None:
        """Start the work."""
        target, force = Path(self.target.text().strip()), not self.replace.isHidden() and self.replace.isChecked()
        QSettings().setValue(self.setting, str(target.parent))
        self.reveal_button.hide()
        self.told.clear()
        self.task = self.session.start_job(
            self.windowTitle(), self.work(target, force=force), lambda answer: self._finish(answer, target), self._fail
        )
        self.task.ended.connect(self._end)
        self._lock(True)
        self._show_progress()
        self._poll.start()

    def _lock(self, locked: bool) -> None:
        for row in range(self.form.rowCount()):
            for role in (QFormLayout.ItemRole.FieldRole, QFormLayout.ItemRole.SpanningRole):
                item = self.form.itemAt(row, role)
                if item is not None and (widget := item.widget()) is not None:
                    widget.setEnabled(not locked)
        for part in (self.target, self.browse_button, self.start_button):
            part.setEnabled(not locked)
        self.bar.setVisible(locked)

    def _show_progress(self) -> None:
        if self.task is None:
            return
        job = self.task.progress
        self.bar.setRange(0, job.total or 0)
        self.bar.setValue(min(job.done, job.total or 0))
        self.told.setText(self.tr("Cancelling…") if job.is_cancelled else job.label)

    def _finish(self, answer: Any, target: Path) -> None:
        self.result_path = target
        text = self.done_text(answer, target)
        self.told.setText(wrapped(text))
        self.reveal_button.show()
        self.reveal_button.setFocus()
        self.close_button.setText(self.tr("Close"))
        self.session.post_result(text, target)

    def _fail(self, error: BaseException) -> None:
        self.told.clear()
        self.problem.setText(wrapped(_sentence(explain(error))))
        self.problem.show()
        self.start_button.setEnabled(True)

    def _end(self) -> None:
        """The work is over, with any outcome."""
        self._poll.stop()
        cancelled = self.task is not None and self.task.progress.is_cancelled and self.result_path is None
        self.task = None
        failed = self.problem.text() if self.problem.isVisible() else ""
        self._lock(False)
        if cancelled:
            self.told.setText(self.tr("Cancelled: nothing was written."))
        if self._closing:
            super().reject()
        elif self.result_path is None and not failed:
            self.check()
        elif self.result_path is not None:
            # The same again would only be refused: what was written is there now.
            self.start_button.setEnabled(False)

    def _reveal(self) -> None:
        if self.result_path is not None and not reveal(self.result_path):
            self.problem.setText(self.tr("The folder cannot be opened."))
            self.problem.show()

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


def _sentence(text: str) -> str:
    """A reason of the core as a sentence."""
    if not text:
        return ""
    start = text[0] if text[0] in "/\\" or text[1:2] == ":" else text[0].upper()
    return start + text[1:] + ("" if text.endswith((".", "…")) else ".")

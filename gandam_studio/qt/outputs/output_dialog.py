"""The base of dialogs that write something: target, what is wrong with it, progress, Cancel, Show in folder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError
from gandam_studio.qt import icons, theme
from gandam_studio.qt.failures import as_sentence, explain
from gandam_studio.qt.outputs.task_dialog import TaskDialog
from gandam_studio.qt.reveal import reveal
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.fitting import grow_to_text
from gandam_studio.qt.widgets.outside_text import wrapped
from gandam_studio.qt.widgets.path_field import PathField
from gandam_studio.qt.widgets.targets import ask_target, target_trouble


class OutputDialog(TaskDialog):
    """A form, where to write, and the work itself; subclasses add rows to `form` and say what is written.

    Attributes:
        target: the path's field; the rows of `form` stand above it. result_path: what was written, or None.
    """

    setting = "outputs/folder"

    def __init__(self, session: Session, title: str, start: str, parent: QWidget | None = None) -> None:
        super().__init__(session, title, parent)
        self.start_button.setText(start)
        self.close_button.setText(self.tr("Cancel"))
        self.result_path: Path | None = None
        self.target = PathField()
        self.target.setAccessibleName(self.tr("Where to save"))
        self.target.textChanged.connect(lambda _text: self.check())
        self.browse_button = QPushButton(self.tr("Browse…"))
        self.browse_button.clicked.connect(lambda _checked=False: self.browse())
        self.replace = QCheckBox(self.tr("Replace what is there"))
        self.replace.toggled.connect(lambda _on: self.check())
        self.reveal_button = QPushButton(self.tr("Show in folder"))
        icons.set_icon(self.reveal_button, "folder", "text", 16)
        self.reveal_button.clicked.connect(lambda _checked=False: self._reveal())
        self.reveal_button.hide()
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

    @abstractmethod
    def reason(self, target: Path, *, force: bool) -> str:
        """Why nothing can be written to `target`, or "". Called on every change, so it must be quick.

        May raise UserError instead.
        """

    def writes_folder(self) -> bool:
        """Whether a folder is written."""
        return False

    @abstractmethod
    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """The function that writes to `target`, for `Session.start_job`."""

    @abstractmethod
    def done_text(self, answer: Any, target: Path) -> str:
        """What was written, in a sentence."""

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
        name = ask_target(self, self.target.text(), folder=self.writes_folder())
        if name:
            self.target.setText(name)

    def check(self) -> None:
        """Say what is wrong, if anything is."""
        if self.task is not None:
            return
        text = self.target.text().strip()

        def reason(force: bool) -> str:
            try:
                return self.reason(Path(text), force=force) if text else self.tr("Choose where to save.")
            except UserError as error:
                return explain(error)

        problem = target_trouble(text, reason, self.replace)
        self.problem.setText(wrapped(as_sentence(problem)))
        self.problem.setVisible(bool(problem))
        grow_to_text(self)
        self.start_button.setEnabled(not problem)

    # Work

    def start(self) -> None:
        """Start the work."""
        target, force = Path(self.target.text().strip()), not self.replace.isHidden() and self.replace.isChecked()
        QSettings().setValue(self.setting, str(target.parent))
        self.reveal_button.hide()
        self.told.clear()
        self.begin(self.work(target, force=force), lambda answer: self._finish(answer, target))

    def _lock(self, locked: bool) -> None:
        super()._lock(locked)
        for part in (self.target, self.browse_button):
            part.setEnabled(not locked)

    def _finish(self, answer: Any, target: Path) -> None:
        self.result_path = target
        text = self.done_text(answer, target)
        self.told.setText(wrapped(text))
        grow_to_text(self)
        self.reveal_button.show()
        self.reveal_button.setFocus()
        self.close_button.setText(self.tr("Close"))
        self.session.post_result(text, target)

    def _fail(self, error: BaseException) -> None:
        self.told.clear()
        self.problem.setText(wrapped(as_sentence(explain(error))))
        self.problem.show()
        grow_to_text(self)
        self.start_button.setEnabled(True)

    def _over(self, cancelled: bool) -> None:
        if cancelled and self.result_path is None:
            self.told.setText(self.tr("Cancelled: nothing was written."))
            self.start_button.setFocus()  # It was on the other button, which would now close the dialog.
        if self._closing:
            return
        if self.result_path is not None:
            # The same again would only be refused: what was written is there now.
            self.start_button.setEnabled(False)
        elif not self.problem.isVisible() or not self.problem.text():
            self.check()

    def _reveal(self) -> None:
        if self.result_path is not None and not reveal(self.result_path):
            self.problem.setText(self.tr("The folder cannot be opened."))
            self.problem.show()

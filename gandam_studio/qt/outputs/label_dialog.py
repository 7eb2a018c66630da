"""Give a run or an experiment a name and a note."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import RunSummary
from gandam_studio.core.runs.labels import Label, label_of, set_label
from gandam_studio.core.texts import LONGEST_LABEL
from gandam_studio.qt import theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.widgets.forms import add_row
from gandam_studio.qt.widgets.outside_text import wrapped


class LabelDialog(QDialog):
    """Attributes:
    name, note: the texts; saved when the dialog is accepted. problem: why they cannot be, or "".
    """

    def __init__(
        self, before: Label, own: str, kept: str, save: Callable[[str, str], object], parent: QWidget | None = None
    ) -> None:
        """`before`: what is there. `own`: what it is called without a name. `kept`: what does not change, a sentence.

        `save` is called with the name and the note; a UserError that it raises is shown.
        """
        super().__init__(parent)
        self._save_label = save
        self.setWindowTitle(self.tr("Name and note"))
        self.name = QLineEdit(before.name)
        self.name.setMaxLength(LONGEST_LABEL)
        self.name.setPlaceholderText(own)
        self.note = QPlainTextEdit(before.note)
        self.note.setTabChangesFocus(True)
        self.note.setPlaceholderText(self.tr("What you tried, and what came of it"))
        self.note.setMinimumHeight(5 * self.fontMetrics().lineSpacing())
        remark = QLabel(wrapped(kept), wordWrap=True)
        remark.setTextFormat(Qt.TextFormat.PlainText)
        remark.setProperty("role", "secondary")
        self.problem = QLabel(wordWrap=True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setProperty("role", "error")
        self.problem.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.save_button = buttons.addButton(self.tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.save_button.setProperty("role", "primary")
        buttons.accepted.connect(self._save)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.setVerticalSpacing(theme.SPACE)
        form.setHorizontalSpacing(2 * theme.SPACE)
        add_row(form, self.tr("&Name"), self.name)
        add_row(form, self.tr("N&ote"), self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(form)
        layout.addWidget(remark)
        layout.addWidget(self.problem)
        layout.addSpacing(theme.SPACE)
        layout.addWidget(buttons)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 70)
        self.save_button.setDefault(True)  # Now that it is in this dialog: Return presses it.
        self.name.selectAll()

    def _save(self) -> None:
        try:
            self._save_label(self.name.text(), self.note.toPlainText())
        except UserError as error:
            text = explain(error)
            self.problem.setText(wrapped(text[:1].upper() + text[1:] + "."))
            self.problem.show()
            return
        self.accept()


class RunLabelDialog(LabelDialog):
    """The dialog about a run."""

    def __init__(self, run: RunSummary, parent: QWidget | None = None) -> None:
        kept = QCoreApplication.translate("RunLabelDialog", "The run's folder keeps its name: {0}").format(run.run)
        folder = run.folder
        super().__init__(
            label_of(folder), run.run, kept, lambda name, note: set_label(folder, name=name, note=note), parent
        )

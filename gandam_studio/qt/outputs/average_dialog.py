"""Average the weights of a run that has ended, over as much of it as draws best, or as a person chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialogButtonBox, QLabel, QPushButton, QVBoxLayout, QWidget

from gandam_studio.core.runs.averaging import average_problem, make_average
from gandam_studio.qt import icons, theme
from gandam_studio.qt.failures import as_sentence, explain
from gandam_studio.qt.outputs.task_dialog import TaskDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.fitting import grow_to_text
from gandam_studio.qt.widgets.outside_text import OutsideLabel, wrapped
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.weights import CANDIDATES, average_sentence


class AverageDialog(TaskDialog):
    """Signals:
    explore_requested: the average is to be seen on Explore.

    Attributes:
        widths: the choice. explore_button: shown when the average is made. answer: what was made last, or None.
    """

    explore_requested = Signal()

    def __init__(self, session: Session, folder: Path, title: str, parent: QWidget | None = None) -> None:
        """`title`: the run's, for people."""
        super().__init__(session, "", parent)
        self.setWindowTitle(self.tr("Average the checkpoints"))
        self.start_button.setText(self.tr("Make the average"))
        self._run = RunDirectory(folder)
        self.answer: dict[str, Any] | None = None
        heading = OutsideLabel(title)
        heading.setProperty("role", "title")
        explanation = QLabel(wordWrap=True)
        explanation.setProperty("role", "secondary")
        explanation.setText(
            self.tr(
                "Averages the network over the last part of the run: more of it gives calmer samples, less of it newer "
                "ones. The part that draws best is found on held-out sprites, which takes a minute or more."
            )
        )
        self.widths = ChoiceBox()
        self.widths.addItem(self.tr("What draws best"), None)
        for width in CANDIDATES:
            self.widths.addItem(self.tr("{0:g} of the run").format(width), width)
        self.widths.setToolTip(
            self.tr("How much of the run counts: the spread of the average as a share of the run (relative width).")
        )
        self.widths.currentIndexChanged.connect(lambda _index: self._check())  # What went wrong was of another width.
        self.add_row(self.tr("&Width"), self.widths)
        self.explore_button = QPushButton(self.tr("Explore it"))
        icons.set_icon(self.explore_button, "explore", "text", 16)
        self.explore_button.clicked.connect(lambda _checked=False: self._explore())
        buttons = QDialogButtonBox()
        buttons.addButton(self.explore_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.close_button, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.addButton(self.start_button, QDialogButtonBox.ButtonRole.AcceptRole)
        self.explore_button.hide()  # The box shows what is added to it.
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE)
        layout.setSpacing(theme.SPACE)
        for part in (heading, explanation):
            layout.addWidget(part)
        layout.addLayout(self.form)
        layout.addStretch(1)
        for widget in (self.problem, self.told, self.bar, buttons):
            layout.addWidget(widget)
        self.start_button.setDefault(True)  # Now that it is in this dialog: Return presses it.
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 80)
        self._name_close()
        self._check()

    def _check(self) -> None:
        problem = average_problem(self._run)
        self.problem.setText(wrapped(as_sentence(problem)) if problem else "")
        self.problem.setVisible(bool(problem))
        self.start_button.setEnabled(not problem)

    def start(self) -> None:
        """Make the average."""
        if self.task is not None or average_problem(self._run):
            return
        run, width = self._run, self.widths.currentData()
        self.problem.hide()
        self.explore_button.hide()
        self.begin(lambda _workspace, job: make_average(run, width=width, job=job), self._finish)

    def _finish(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        text = self.tr("The average of width {0:g} ends at iteration {1:,}.").format(
            answer["width"], answer["iteration"]
        )
        if sentence := average_sentence(answer):
            text += " " + as_sentence(sentence)
        self.told.setText(text + " " + self.tr("It can be chosen where checkpoints are."))
        self.explore_button.show()
        grow_to_text(self)

    def _fail(self, error: BaseException) -> None:
        self.problem.setText(wrapped(as_sentence(explain(error))))
        self.problem.show()
        grow_to_text(self)

    def _lock(self, locked: bool) -> None:
        super()._lock(locked)
        self._name_close()

    def _name_close(self) -> None:
        self.close_button.setText(self.tr("Cancel") if self.task is not None else self.tr("Close"))

    def _over(self, cancelled: bool) -> None:
        self._name_close()
        if cancelled:
            self.told.setText(self.tr("Cancelled."))
        elif self.answer is None or not self.problem.isHidden():
            self.told.clear()

    def _explore(self) -> None:
        self.explore_requested.emit()
        self.accept()

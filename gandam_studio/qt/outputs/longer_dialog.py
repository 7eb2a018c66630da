"""Train a finished run longer, or end a stopped one early: how much, and what its learning rates do then."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.runs import RunSummary
from gandam_studio.core.runs.longer import Further, options
from gandam_studio.qt import theme
from gandam_studio.qt.widgets.forms import add_row
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.outside_text import OutsideLabel, wrapped
from trainer.protocol.extension import AUTO, CONSTANT, COOLDOWN, Extended, More
from trainer.protocol.run_directory import RunDirectory

MINUTES, ITERATIONS = "minutes", "iterations"


class LongerDialog(QDialog):
    """Attributes:
    amount, unit, tail: the choices. statement: what the learning rates will do. start_button: accepts.
    """

    def __init__(self, run: RunSummary, busy: str = "", parent: QWidget | None = None, *, ends: bool = False) -> None:
        """`busy`: why no run can be started now, or "". `ends`: end it early by a cool-down, the only choice then."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("End early") if ends else self.tr("Train longer"))
        self._further, self._busy, self._ends = Further(RunDirectory(run.folder)), busy, ends
        title = OutsideLabel(run.title)
        title.setProperty("role", "title")
        self.amount = WholeBox(minimum=1, maximum=1_000_000, value=2 if ends else 10)
        self.unit = QComboBox()
        self.unit.addItem(self.tr("more minutes"), MINUTES)
        self.unit.addItem(self.tr("more iterations"), ITERATIONS)
        self.tail = QComboBox()
        if not ends:
            self.tail.addItem(self.tr("Let the trainer choose"), AUTO)
            self.tail.addItem(self.tr("Stay where the schedule ended"), CONSTANT)
        self.tail.addItem(self.tr("Fall to their end") if ends else self.tr("Go up once and cool down again"), COOLDOWN)
        self.statement = QLabel(wordWrap=True)
        self.statement.setTextFormat(Qt.TextFormat.PlainText)
        self.statement.setMinimumHeight(4 * self.fontMetrics().lineSpacing())
        self.statement.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.statement.setProperty("role", "secondary")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start_button = buttons.addButton(self.windowTitle(), QDialogButtonBox.ButtonRole.AcceptRole)
        self.start_button.setProperty("role", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(self.amount, 1)
        row.addWidget(self.unit, 1)
        form = QFormLayout()
        form.setVerticalSpacing(theme.SPACE)
        form.setHorizontalSpacing(2 * theme.SPACE)
        add_row(form, self.tr("&Train"), row, self.amount)
        if not ends:
            add_row(form, self.tr("&Learning rates"), self.tail)
        self.unit.setAccessibleName(self.tr("Minutes or iterations"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE)
        layout.setSpacing(2 * theme.SPACE)
        layout.addWidget(title)
        layout.addLayout(form)
        layout.addWidget(self.statement)
        layout.addWidget(buttons)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * 70)
        self.unit.currentIndexChanged.connect(lambda _index: self._change_unit())
        self.tail.currentIndexChanged.connect(lambda _index: self._show())
        self.amount.valueChanged.connect(lambda _value: self._show())
        self._show()
        self.start_button.setDefault(True)  # Now that it is in this dialog: Return presses it.
        self.amount.setFocus()
        self.amount.selectAll()

    def set_busy(self, busy: str) -> None:
        """Say why no run can be started now, or "" once one can."""
        if busy != self._busy:
            self._busy = busy
            self._show()

    @property
    def more(self) -> More:
        """The choices."""
        amount, tail = self.amount.value(), str(self.tail.currentData())
        if self.unit.currentData() == ITERATIONS:
            return More(iterations=amount, tail=tail)
        return More(minutes=float(amount), tail=tail)

    @property
    def options(self) -> tuple[str, ...]:
        """The choices as options of the trainer."""
        return options(self.more)

    def _change_unit(self) -> None:
        by_iterations = self.unit.currentData() == ITERATIONS
        self.amount.setSingleStep(500 if by_iterations else 1)
        values = (500, 2) if self._ends else (2000, 10)
        self.amount.setValue(values[0] if by_iterations else values[1])
        self._show()

    def _show(self) -> None:
        found = self._further.extended(self.more)
        possible = isinstance(found, Extended) and not self._busy
        self.start_button.setEnabled(possible)
        if isinstance(found, Extended):
            text = self._words(found)
            text = f"{self._busy}\n{text}" if self._busy else text
        else:
            refused = self.tr("This run cannot be ended early: {0}.") if self._ends else ""
            text = (refused or self.tr("This run cannot be trained longer: {0}.")).format(found)
        self.statement.setText(wrapped(text))
        self.statement.setAccessibleName(text)

    def _words(self, found: Extended) -> str:
        stop = found.config.stop
        if stop.iterations:
            end = self.tr("It will end at iteration {0:,}.").format(stop.iterations)
        else:
            end = self.tr("It will end after {0} minutes of training in all.").format(
                f"{stop.minutes:,.1f}".removesuffix(".0")
            )
        if often := self._further.often_seen(self.more):
            end += f" {often[0].upper()}{often[1:]}."
        what = found.statement[0].upper() + found.statement[1:]
        return f"{end} {what}. " + self.tr("This is written into the run's log and settings.")

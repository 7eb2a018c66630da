"""The checklist before a start: checks of the data with a link to fix them, and a trial step of the trainer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gandam_studio.core import runs
from gandam_studio.core.jobs import Job
from gandam_studio.core.runs.checks import NOTE, OK, WARNING, Check
from gandam_studio.qt import icons, theme
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.counts import duration, memory
from gandam_studio.qt.failures import explain
from gandam_studio.qt.widgets.outside_text import wrapped
from trainer.protocol import files
from trainer.protocol.config import TrainConfig

LINE_PX = 30
_ICONS = {OK: ("success", "kept"), NOTE: ("info", "info"), WARNING: ("warning", "warning")}


def measure_step(config: TrainConfig, job: Job) -> dict[str, Any]:
    """Measure the costs of a few real training steps with a configuration. Raises UserError."""
    with tempfile.TemporaryDirectory(prefix="gandam-preflight-") as folder:
        path = Path(folder) / "config.json"
        files.write_json(path, config.to_json())
        return runs.ask("preflight", str(path), job=job)


class PreflightCard(QFrame):
    """The results of the checks and the costs of a step.

    Attributes:
        shown: the checks that are shown. costs: what a step was measured to cost; None until it was.

    Signals:
        cure_requested: the user wants to fix a problem on another screen (the `Check`).
        end_requested: the user wants the run to end after so many training pictures (int).
        measured: the costs were measured (dict).
    """

    cure_requested = Signal(object)
    end_requested = Signal(int)
    measured = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self._task: BackgroundTask | None = None
        self._waiting: TrainConfig | None = None
        self.shown: list[Check] = []
        self.costs: dict[str, Any] | None = None
        title = QLabel(self.tr("Before you start"))
        title.setProperty("role", "title")
        self.measure_button = QPushButton(self.tr("Try a step"))
        self.measure_button.setToolTip(self.tr("Trains for a real step, to measure memory, time and disk space"))
        header = QHBoxLayout()
        header.addWidget(title)
        header.addStretch(1)
        header.addWidget(self.measure_button)
        self._checks = QVBoxLayout()
        self._checks.setSpacing(theme.HALF)
        self._numbers = QGridLayout()
        self._numbers.setHorizontalSpacing(3 * theme.SPACE)
        self._numbers.setVerticalSpacing(2)
        self.values: dict[str, QLabel] = {}
        for column, (key, text) in enumerate((
            ("memory", self.tr("PEAK MEMORY")), ("step", self.tr("TIME PER STEP")),
            ("disk", self.tr("DISK NEEDED")), ("finish", self.tr("TOTAL TIME")),
        )):  # fmt: skip
            name = QLabel(text)
            name.setProperty("role", "section")
            self.values[key] = QLabel("–")
            self.values[key].setProperty("role", "title")
            self._numbers.addWidget(name, 0, column)
            self._numbers.addWidget(self.values[key], 1, column)
        self._note = QLabel(wordWrap=True)
        self._note.setProperty("role", "secondary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 12)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(header)
        layout.addLayout(self._checks)
        layout.addLayout(self._numbers)
        layout.addWidget(self._note)

    def show_checks(self, checks: list[Check]) -> None:
        """Replace the results of the checks."""
        while (item := self._checks.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        self.shown = checks
        for check in checks:
            self._checks.addWidget(self._line(check))

    def _line(self, check: Check) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        line.setMinimumHeight(LINE_PX)  # The same height with and without a button.
        sign = QLabel()
        name, color = _ICONS[check.level]
        icons.set_pixmap(sign, name, QSize(16, 16), color)
        said = QLabel(wrapped(check.text[:1].upper() + check.text[1:], word=32))
        said.setTextFormat(Qt.TextFormat.PlainText)
        said.setWordWrap(True)
        row.addWidget(sign)
        row.addWidget(said, 1)
        if check.images:
            tip = self.tr("Ends the run after {0:,} training pictures").format(check.images)
            row.addWidget(_cure_button(self.tr("End sooner"), lambda: self.end_requested.emit(check.images), tip))
        elif check.cure and check.level != OK:
            text = self.tr("Go to {0}").format(check.cure)
            row.addWidget(_cure_button(text, lambda: self.cure_requested.emit(check)))
        return line

    def forget_costs(self) -> None:
        """Discard the costs after a change of the configuration."""
        self.costs = None
        for label in self.values.values():
            label.setText("–")
        self._note.clear()
        if self._task is not None:
            self._task.abandon()  # it measures the previous configuration

    def measure(self, config: TrainConfig) -> None:
        """Measure a step of this configuration; a new request replaces an older one."""
        self._waiting = config
        if self._task is not None:
            self._task.abandon()
            return
        self._begin()

    def _begin(self) -> None:
        config, self._waiting = self._waiting, None
        if config is None:
            return
        self.measure_button.setEnabled(False)
        self._note.setText(self.tr("Trying a step…"))
        self._task = BackgroundTask("", None, lambda _workspace, job: measure_step(config, job), self)
        self._task.succeeded.connect(self._show)
        self._task.failed.connect(lambda error: self._note.setText(wrapped(explain(error))))
        self._task.cancelled.connect(self._note.clear)
        self._task.ended.connect(self._end)
        self._task.start()

    def _end(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
        self._task = None
        self.measure_button.setEnabled(True)
        self._begin()

    def _show(self, costs: dict[str, Any]) -> None:
        self.costs = costs
        step, steps = costs["seconds_per_step"], costs["steps"]
        self.values["memory"].setText(memory(costs["memory_mb"]))
        self.values["step"].setText(f"{1000 * step:.0f} ms" if step < 1 else f"{step:.1f} s")
        self.values["disk"].setText(memory(costs["disk_mb"]))
        finish = costs["seconds"]
        self.values["finish"].setText(self.tr("no limit set") if finish is None else duration(finish))
        text = self.tr("{0} in {1}, {2:,.0f} pictures/s").format(
            costs["device"], costs["precision"], costs["pictures_per_s"]
        )
        if steps:
            text += self.tr(", {0:,} iterations").format(steps)
        if costs.get("micro_batch") and costs["micro_batch"] < costs["batch"]:
            text += self.tr(". Memory allows only {0} at once, so each batch is done in parts").format(
                costs["micro_batch"]
            )
        if wider := costs.get("wider"):
            text += f". {wider[:1].upper()}{wider[1:]}"
        self._note.setText(wrapped(text))
        self.measured.emit(costs)

    def cancel(self) -> None:
        """Stop measuring and wait for the process to end."""
        self._waiting = None
        if self._task is not None:
            self._task.cancel()
            self._task.wait()


def _cure_button(text: str, cure: Callable[[], object], tip: str = "") -> QPushButton:
    button = QPushButton(text)
    button.setProperty("role", "quiet")
    button.setToolTip(tip)
    button.clicked.connect(lambda _checked=False: cure())
    return button

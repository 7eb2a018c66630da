"""Plans an experiment: what to vary, against which base, how often and for how long; says what that can show."""

from __future__ import annotations

import re
import time
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.designs import FRACTIONAL, FULL, ONE_AT_A_TIME
from gandam_studio.core.experiments.drafting import PRESET, RUN, TEMPLATE, draw_up
from gandam_studio.core.experiments.folder import Experiment, experiments
from gandam_studio.core.experiments.plan import VERSION, Budget, Factor, Plan, load_template, parse_factor, ready_made
from gandam_studio.core.experiments.running import check_data, estimate
from gandam_studio.core.jobs import Cancelled
from gandam_studio.qt import icons, theme
from gandam_studio.qt.counts import counted
from gandam_studio.qt.failures import explain
from gandam_studio.qt.outputs.task_dialog import TaskDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.fitting import Reach, resize_within_screen
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.outside_text import wrapped
from trainer.protocol.advice import setting_name
from trainer.protocol.config import describe_fields
from trainer.protocol.errors import TrainerError
from trainer.protocol.presets import preset_names
from trainer.protocol.untrusted import one_line, shortened

CHECK_MS = 200
MOST_FACTORS = 8
_NO_FACTORS = ("origin", "extension", "stop", "sampling")
_NOT = ("seed", "device", "processes", "preset", "description", "data.size", "data.channels")


class FactorRow(QWidget):
    """A setting and its levels, "32 | 16"."""

    def __init__(self, dialog: NewExperimentDialog) -> None:
        super().__init__()
        self.setting = QComboBox()
        self.setting.setAccessibleName(dialog.tr("What is varied"))
        self.setting.addItem(dialog.tr("Data (versions)"), VERSION)
        for info in describe_fields():
            if info.path.partition(".")[0] not in _NO_FACTORS and info.path not in _NOT:
                self.setting.addItem(setting_name(info.path), info.path)
        self.levels = QLineEdit()
        self.levels.setAccessibleName(dialog.tr("Levels"))
        self.levels.setPlaceholderText(dialog.tr("32 | 16  (the base's first)"))
        self.remove = QToolButton()
        icons.set_icon(self.remove, "close", "secondary", 14)
        self.remove.setToolTip(dialog.tr("Do not vary this"))
        self.remove.setAccessibleName(dialog.tr("Do not vary this"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(self.setting, 3)
        row.addWidget(self.levels, 4)
        row.addWidget(self.remove)

    def factor(self) -> Factor | None:
        """The factor, or None while no level was typed. Raises UserError."""
        text = self.levels.text().strip()
        return parse_factor(f"{self.setting.currentData()}={text}") if text else None


class NewExperimentDialog(TaskDialog):
    """Attributes:
    made: the experiment that was created, or None. rows: what is varied.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, self.tr("New experiment"), parent)
        self.made: Experiment | None = None
        self.plan: Plan | None = None
        self.rows: list[FactorRow] = []
        self._seconds: tuple[dict[str, Any], float | None] | None = None
        self.base = ChoiceBox()
        self.data = ChoiceBox()
        self.title_field = QLineEdit()
        self.design = QComboBox()
        self.seeds = WholeBox(minimum=1, maximum=100, value=3)
        self.held_out = WholeBox(minimum=1, maximum=90, value=10, suffix=" %")
        self.held_out.setToolTip(self.tr("Share of the sprites kept from training: quality (KID) is measured by them"))
        self.budget = WholeBox(minimum=1, maximum=2_000_000_000, value=100_000)
        self.unit = QComboBox()
        self.add_button = QPushButton(self.tr("Vary another setting"))
        self.measure_button = QPushButton(self.tr("Measure how long it takes"))
        self.tells = QLabel(wordWrap=True)
        self.cost = QLabel(wordWrap=True)
        self.cost.setProperty("role", "title")
        self._check_soon = QTimer(self, singleShot=True, interval=CHECK_MS)
        self._check_soon.timeout.connect(self.check)
        self._fill()
        self._lay_out()
        self._connect()
        self._choose_base()

    def _fill(self) -> None:
        for name in ready_made():
            self.base.addItem(load_template(name).title, (TEMPLATE, name))
        for name in preset_names():
            self.base.addItem(self.tr("Preset {0}").format(name), (PRESET, name))
        for run in reversed(self.session.run_index.runs):
            self.base.addItem(self.tr("Run {0}").format(shortened(run.title, 50)), (RUN, run.run))
        for version in reversed(versions.versions(self.session.workspace)):
            note = f" – {version.message}" if version.message else ""
            self.data.addItem(shortened(one_line(f"{version.label}{note}"), 60), version.label)
        for text, kind in (
            (self.tr("One change at a time"), ONE_AT_A_TIME), (self.tr("Every combination (full)"), FULL),
            (self.tr("A balanced part of them (fractional)"), FRACTIONAL),
        ):  # fmt: skip
            self.design.addItem(text, kind)
        self.unit.addItem(self.tr("pictures a run"), "pictures")
        self.unit.addItem(self.tr("seconds a run"), "seconds")
        self.title_field.setPlaceholderText(self.tr("What it is to find out"))
        for widget, name in (
            (self.base, self.tr("Base")), (self.data, self.tr("Data")), (self.design, self.tr("Design")),
            (self.seeds, self.tr("Seeds")), (self.held_out, self.tr("Held out")),
            (self.budget, self.tr("Budget")), (self.unit, self.tr("Unit")),
        ):  # fmt: skip
            widget.setAccessibleName(name)

    def _lay_out(self) -> None:
        budget = QHBoxLayout()
        budget.setSpacing(theme.SPACE)
        budget.addWidget(self.budget, 1)
        budget.addWidget(self.unit, 1)
        self._factors = QVBoxLayout()
        self._factors.setSpacing(theme.HALF)
        factors = QWidget()
        column = QVBoxLayout(factors)
        column.setContentsMargins(0, 0, 0, 0)
        self.fixed = QLabel(wordWrap=True)
        column.addWidget(self.fixed)
        column.addLayout(self._factors)
        line = QHBoxLayout()
        line.addWidget(self.add_button)
        line.addStretch(1)
        column.addLayout(line)
        self.form.addRow(self.tr("Base"), self.base)
        self.form.addRow(self.tr("Data"), self.data)
        self.form.addRow(self.tr("Title"), self.title_field)
        self.form.addRow(self.tr("What is varied"), factors)
        self.form.addRow(self.tr("Design"), self.design)
        self.form.addRow(self.tr("Seeds"), self.seeds)
        self.form.addRow(self.tr("Held out"), self.held_out)
        self.form.addRow(self.tr("Budget"), budget)
        self.tells.setProperty("role", "secondary")
        self.start_button.setText(self.tr("Create"))
        self.close_button.setText(self.tr("Cancel"))
        buttons = QHBoxLayout()
        buttons.addWidget(self.measure_button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.start_button)
        page = QWidget()
        inner = QVBoxLayout(page)
        inner.setSpacing(theme.SPACE)
        inner.setContentsMargins(0, 0, theme.SPACE, 0)
        inner.addLayout(self.form)
        inner.addWidget(self.tells)
        inner.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(Reach(page), 1)
        # Beside the buttons, whatever is scrolled: what it costs, and why it cannot be created.
        layout.addWidget(self.cost)
        layout.addWidget(self.problem)
        layout.addWidget(self.told)
        layout.addWidget(self.bar)
        layout.addLayout(buttons)
        resize_within_screen(self, 680, 620)

    def _connect(self) -> None:
        self.base.activated.connect(lambda _index: self._choose_base())
        for combo in (self.data, self.design, self.unit):
            combo.activated.connect(lambda _index: self._check_soon.start())
        for box in (self.seeds, self.held_out, self.budget):
            box.valueChanged.connect(lambda _value: self._check_soon.start())
        self.title_field.textChanged.connect(lambda _text: self._check_soon.start())
        self.add_button.clicked.connect(lambda _checked=False: self.add_factor())
        self.measure_button.clicked.connect(lambda _checked=False: self.measure())

    def _choose_base(self) -> None:
        kind, name = self.base.currentData()
        template = load_template(name) if kind == TEMPLATE else None
        for row in list(self.rows):
            self._remove(row)
        self.add_button.setVisible(template is None)
        self.fixed.setVisible(template is not None)
        if template is not None:
            lines = [f"{one.title}: {' | '.join(level.title for level in one.levels)}" for one in template.factors]
            self.fixed.setText("\n".join(shortened(line, 120) for line in lines))
        if template is None:
            self.add_factor()
        else:
            self.design.setCurrentIndex(self.design.findData(template.design))
            self.seeds.setValue(len(template.seeds))
            self.unit.setCurrentIndex(0)
            self.budget.setValue(template.budget.pictures)
        self.check()

    def add_factor(self, path: str = "", levels: str = "") -> FactorRow:
        """Add a row for something that is varied."""
        row = FactorRow(self)
        row.setting.setCurrentIndex(max(0, row.setting.findData(path or "batch.size")))
        row.levels.setText(levels)
        row.setting.activated.connect(lambda _index: self._check_soon.start())
        row.levels.textChanged.connect(lambda _text: self._check_soon.start())
        row.remove.clicked.connect(lambda _checked=False: self._remove(row))
        self.rows.append(row)
        self._factors.addWidget(row)
        self.add_button.setEnabled(len(self.rows) < MOST_FACTORS)
        self._check_soon.start()
        return row

    def _remove(self, row: FactorRow) -> None:
        self.rows.remove(row)
        self._factors.removeWidget(row)
        row.hide()
        row.deleteLater()
        self.add_button.setEnabled(True)
        self._check_soon.start()

    # The plan

    def _draw_up(self) -> Plan:
        if self.data.currentData() is None:
            raise UserError(self.tr("There is no version yet: save one first"))
        factors = [factor for row in self.rows if (factor := row.factor()) is not None]
        if self.rows and not factors:
            raise UserError(self.tr("Type the levels of what is varied, such as 32 | 16"))
        amount = self.budget.value()
        pictures = self.unit.currentData() == "pictures"
        kind, name = self.base.currentData()
        return draw_up(
            self.session.workspace, self._name(), (kind, name), version=self.data.currentData(), factors=factors,
            design=self.design.currentData(), resolution=self._resolution(), seeds=self.seeds.value(),
            budget=Budget(amount) if pictures else Budget(0, float(amount)), title=self.title_field.text().strip(),
            held_out=self.held_out.value() / 100,
        )  # fmt: skip

    def _resolution(self) -> int:
        kind, name = self.base.currentData()
        fractional = self.design.currentData() == FRACTIONAL
        return load_template(name).resolution if kind == TEMPLATE and fractional else 0

    def _name(self) -> str:
        """A name for the folder, made from the title and not taken yet."""
        stem = re.sub(r"[^a-z0-9]+", "-", self.title_field.text().lower()).strip("-")[:40] or "experiment"
        there = set(experiments(self.session.workspace.folder))
        return next(n for i in range(1, 10_000) if (n := stem if i == 1 else f"{stem}-{i}") not in there)

    def check(self) -> None:
        """Make the plan, and say what it costs and can show, or what is wrong with it."""
        self._check_soon.stop()
        self.plan = None
        try:
            self.plan = self._draw_up()
        except (UserError, TrainerError, OSError, ValueError) as error:
            self.problem.setText(wrapped(explain(error), 400))
        else:
            self.problem.setText("")
        self.problem.setVisible(self.plan is None)
        if self.plan is not None:
            self._show_plan(self.plan)
        self.cost.setVisible(self.plan is not None)
        self.tells.setVisible(self.plan is not None)
        for button in (self.start_button, self.measure_button):
            button.setEnabled(self.plan is not None and not self.session.read_only and self.task is None)

    def _show_plan(self, plan: Plan) -> None:
        combinations = counted(len(plan.layout.combinations), self.tr("1 combination"), self.tr("{0} combinations"))
        seeds = counted(len(plan.seeds), self.tr("1 seed"), self.tr("{0} seeds"))
        runs = counted(len(plan.cells), self.tr("1 run"), self.tr("{0} runs"))
        text = self.tr("{0} × {1}: {2}").format(combinations, seeds, runs)
        if self._seconds is not None and self._seconds[0] == plan.to_json() and self._seconds[1] is not None:
            end = time.strftime("%Y-%m-%d %H:%M", time.localtime(time.time() + self._seconds[1]))
            minutes = max(1, round(self._seconds[1] / 60))
            text += self.tr(", about {0} minutes: finished about {1}").format(f"{minutes:,}", end)
        self.cost.setText(text)
        told, cannot = plan.layout.tells([factor.title for factor in plan.factors])
        lines = [self.tr("Tells {0}.").format(line) for line in told]
        lines += [self.tr("Cannot tell: {0}.").format(line) for line in cannot[:3]]
        if len(cannot) > 3:
            lines.append(self.tr("… and {0} more like that.").format(len(cannot) - 3))
        if len(plan.seeds) <= 3:
            lines.append(self.tr("With three seeds or fewer, an answer is suggestive at most."))
        self.tells.setText("\n".join(shortened(line, 300) for line in lines))

    # Work

    def measure(self) -> None:
        """Measure how long it would take, in the background."""
        self.check()
        plan = self.plan
        if plan is None:
            return

        def take(cost: dict[str, Any]) -> None:
            self._seconds = (plan.to_json(), cost["seconds"])

        self.begin(lambda _workspace, job: estimate(plan, job), take)

    def start(self) -> None:
        """Save the plan, once the data were found to fit it: what does not would show after hours of training."""
        self.check()
        plan = self.plan
        if plan is None:
            return

        def save(_checked: None) -> None:
            try:
                self.made = Experiment.create(self.session.workspace.folder, plan)
            except UserError as error:
                self._fail(error)
            else:
                self.accept()

        self.begin(lambda workspace, _job: check_data(workspace, plan), save)

    def _fail(self, error: BaseException) -> None:
        if not isinstance(error, Cancelled):
            self.problem.setText(wrapped(explain(error), 400))
            self.problem.show()

    def _over(self, cancelled: bool) -> None:
        self.told.setText("")
        if self.problem.isHidden() and (self._seconds is not None or cancelled):
            self.check()  # It would take away why the work failed.

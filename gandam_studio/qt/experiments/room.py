"""The room of experiments: their list; progress, effects and taste tests of the chosen one."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError
from gandam_studio.core.experiments.folder import Experiment, experiments
from gandam_studio.core.experiments.results import names_of, results, write_results
from gandam_studio.core.experiments.running import make_runs, retry_failed, start_detached
from gandam_studio.core.experiments.tastes import Taste, tastes
from gandam_studio.core.experiments.tasting import Found, Pictures, begin_taste, pictures_of
from gandam_studio.core.jobs import Job
from gandam_studio.qt import icons, theme
from gandam_studio.qt.experiments.effects_table import EffectsTable
from gandam_studio.qt.experiments.taste_tests import Offered, TasteChoice, TasteTests
from gandam_studio.qt.failures import explain
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.screen import EmptyState
from gandam_studio.qt.session import ERROR, INFO, Session
from gandam_studio.qt.widgets.fitting import WrappingRow
from gandam_studio.qt.widgets.outside_text import tip, wrapped
from gandam_studio.qt.widgets.tints import show_tints, tint
from trainer.protocol.untrusted import shortened

POLL_MS = 2000
_CELL_TONES = {"failed": "dropped", "done": "kept", "training": "accent", "made": "muted", "waiting": "muted"}


class ExperimentsRoom(QWidget):
    """Attributes:
    chosen: the experiment that is shown, or None.

    Signals:
        back_requested: the list of runs is wanted again. run_opened: the run of this folder is to be watched.
    offers_changed: other buttons can be pressed now.
    """

    back_requested = Signal()
    run_opened = Signal(object)
    offers_changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.chosen: Experiment | None = None
        self._processes: list[Popen[bytes]] = []
        self._told: dict[str, Any] = {}
        self._stamp: Any = None
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self.refresh)
        self.tests = TasteTests(session, self)
        self.tests.ended.connect(lambda _taste: self._note_picks())
        self._lay_out()

    def _lay_out(self) -> None:
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Experiments"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)  # Long titles are elided.
        self.list.currentItemChanged.connect(lambda _now, _before: self._choose())
        self.back_button = self._button("chevron-left", self.tr("Runs"), self.back_requested.emit)
        self.new_button = self._button("plus", self.tr("New experiment…"), self.ask_new)
        self.start_button = self._button("play", self.tr("Start"), self.start)
        self.stop_button = self._button("stop", self.tr("Stop"), self.stop)
        self.taste_button = self._button("sample", self.tr("Taste test…"), self.ask_taste)
        self.report_button = self._button("window", self.tr("Report…"), self.ask_report)
        self.label_button = self._button("tag", self.tr("Name and note…"), self.ask_label)
        self.delete_button = self._button("trash", self.tr("Delete…"), self.ask_delete)
        self._of_chosen = (
            self.start_button, self.stop_button, self.taste_button, self.report_button, self.label_button,
            self.delete_button,
        )  # fmt: skip
        upper = WrappingRow(spacing=theme.SPACE)
        for button in (self.back_button, self.new_button):
            upper.addWidget(button)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(14, theme.SPACE, theme.SPACE, theme.SPACE)
        column.setSpacing(theme.SPACE)
        column.addLayout(upper)
        column.addWidget(self.list, 1)
        self.title = QLabel(wordWrap=True)
        self.title.setProperty("role", "headline")
        self.question = QLabel(wordWrap=True)
        self.question.setProperty("role", "secondary")
        self.state = QLabel(wordWrap=True)
        self.bar = QProgressBar()
        self.bar.setAccessibleName(self.tr("Runs measured"))
        self.bar.setTextVisible(False)
        self.effects = EffectsTable()
        self.notes = QLabel(wordWrap=True)
        self.notes.setProperty("role", "secondary")
        self.cells = QTableWidget()
        self.cells.setColumnCount(6)
        self.cells.setHorizontalHeaderLabels([
            self.tr("Run"), self.tr("Combination"), self.tr("Seed"), self.tr("State"), self.tr("Quality (KID)"),
            self.tr("Verdict"),
        ])  # fmt: skip
        self.cells.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.cells.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.cells.setShowGrid(False)
        self.cells.verticalHeader().hide()
        self.cells.horizontalHeader().setSectionResizeMode(1, self.cells.horizontalHeader().ResizeMode.Stretch)
        self.cells.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.cells.cellActivated.connect(self._open_cell)
        self.cells.setAccessibleName(self.tr("Runs of the experiment"))
        show_tints(self.cells)
        buttons = WrappingRow(spacing=theme.SPACE)
        for button in self._of_chosen:
            buttons.addWidget(button)
        right = QWidget()
        shown = QVBoxLayout(right)
        shown.setContentsMargins(theme.SPACE, theme.SPACE, 14, theme.SPACE)
        shown.setSpacing(theme.SPACE)
        for widget in (self.title, self.question, self.state, self.bar):
            shown.addWidget(widget)
        shown.addLayout(buttons)
        tables = QSplitter(Qt.Orientation.Vertical)
        tables.addWidget(self.effects)
        tables.addWidget(self.cells)
        tables.setChildrenCollapsible(False)
        tables.setSizes([300, 220])
        shown.addWidget(self.notes)
        shown.addWidget(tables, 1)
        self.empty = EmptyState(
            "runs",
            self.tr("No experiments yet"),
            self.tr("An experiment trains several runs with equal compute and several seeds, and says which change "
                    "helped and how sure that is."),
        )  # fmt: skip
        self.empty.add_button(self.tr("New experiment…"), self.ask_new, primary=True)
        self.pages = QStackedWidget()
        self.pages.addWidget(right)
        self.pages.addWidget(self.empty)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(self.pages)
        split.setSizes([300, 900])
        split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)

    def _button(self, icon: str, text: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text)
        icons.set_icon(button, icon, "text", 16)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    # Life

    def activated(self) -> None:
        """Read the experiments, again and again while the room is shown."""
        self.refresh()
        self._poll.start()

    def deactivated(self) -> None:
        """Stop reading; experiments continue in their own processes."""
        self._poll.stop()

    def closing(self) -> None:
        """Release the processes, which continue without the window."""
        self.deactivated()
        for process in self._processes:
            if process.poll() is None:
                process.returncode = 0  # Left running deliberately; Python would warn about it.
        self._processes = []

    def refresh(self) -> None:
        """Read the list and the chosen experiment again."""
        self._processes = [process for process in self._processes if process.poll() is None]
        names = experiments(self.session.workspace.folder)
        if names != [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]:
            self._list(names)
        self.pages.setCurrentIndex(0 if names else 1)
        self._show()

    def _list(self, names: list[str]) -> None:
        before = self.chosen.name if self.chosen else (names[-1] if names else "")
        self.list.blockSignals(True)
        self.list.clear()
        for name in names:
            title = name
            try:
                title = Experiment.open(self.session.workspace.folder, name).title
            except UserError as error:  # A damaged one does not hide the others.
                title = f"{name}: {error}"
            item = QListWidgetItem(shortened(title, 100))
            item.setToolTip(tip(title))
            item.setData(Qt.ItemDataRole.UserRole, name)
            self.list.addItem(item)
            if name == before:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        self._choose()

    def _choose(self) -> None:
        item = self.list.currentItem()
        self._stamp = None
        if item is None:
            self.chosen = None
            return
        try:
            self.chosen = Experiment.open(self.session.workspace.folder, item.data(Qt.ItemDataRole.UserRole))
        except UserError as error:
            self.chosen = None
            why = explain(error)
            self.session.post(why, ERROR)
            self._show_damaged(item.data(Qt.ItemDataRole.UserRole), why)
        self._show()

    def _show_damaged(self, name: str, why: str) -> None:
        """Why it cannot be read, in the place of what another one has found."""
        self._told = {}
        self.title.setText(wrapped(name, 200))
        self.state.setText(wrapped(why, 300))
        for widget in (self.question, self.notes, self.bar):
            widget.hide()
        self.effects.show_effects([])
        self.cells.setRowCount(0)

    def _show(self) -> None:
        chosen = self.chosen
        if chosen is None:
            for button in self._of_chosen:
                button.setEnabled(False)
            self.offers_changed.emit()
            return
        running = chosen.is_carried_out()
        stamp = (chosen.name, running, *_times(chosen))
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._told = results(chosen)
        except UserError as error:
            self.state.setText(wrapped(explain(error), 300))
            return
        self._show_results(self._told, running)

    def _show_results(self, told: dict[str, Any], running: bool) -> None:
        self.title.setText(wrapped(told["title"], 200))
        about = [wrapped(text, longest) for text, longest in ((told["question"], 300), (told["note"], 600)) if text]
        self.question.setText("\n".join(about))
        self.question.setVisible(bool(about))
        self.bar.show()
        self.bar.setRange(0, told["total"])
        self.bar.setValue(told["done"] + told["missing"])
        self.state.setText(self._state_text(told, running))
        self.effects.show_effects(told["effects"])
        self.notes.setText(wrapped(" ".join(self._notes(told)), 900))
        self.notes.setVisible(bool(self.notes.text()))
        self._show_cells(told["cells"], running)
        finished = told["complete"] and not told["missing"]
        self.start_button.setText(self._start_text(told))
        self.start_button.setEnabled(not running and not finished and not self.session.read_only)
        self.stop_button.setEnabled(running)
        self.taste_button.setEnabled(told["done"] >= 2)
        self.report_button.setEnabled(told["done"] >= 1)
        self.label_button.setEnabled(not self.session.read_only)
        self.delete_button.setEnabled(not running and not self.session.read_only)
        self.offers_changed.emit()

    def _start_text(self, told: dict[str, Any]) -> str:
        if told["complete"] and told["missing"]:
            return self.tr("Try again what failed")
        return self.tr("Go on") if _is_begun(told) else self.tr("Start")

    def _state_text(self, told: dict[str, Any], running: bool) -> str:
        text = self.tr("{0} of {1} runs measured").format(told["done"], told["total"])
        if told["missing"]:
            text += self.tr(", {0} failed and left out as missing values").format(told["missing"])
        if running:
            return text + self.tr("; being carried out now")
        if told["complete"]:
            return text
        if not _is_begun(told):
            return text + self.tr("; not started")
        left = told["total"] - told["done"] - told["missing"]
        return text + self.tr("; paused, {0} left").format(left)

    def _notes(self, told: dict[str, Any]) -> list[str]:
        notes = [self.tr("Cannot tell: {0}.").format(line) for line in told["design"]["cannot_tell"][:3]]
        if told["measure"]["note"]:
            notes.append(self.tr("Note: {0}.").format(told["measure"]["note"]))
        if (growth := told["growth"]) is not None:
            if growth["answer"] == "predicted":
                parts = [
                    self.tr("{0:,} sprites: KID {1:.3g} ({2:.3g} to {3:.3g})").format(
                        one["pictures"], one["estimate"], one["low"], one["high"]
                    )
                    for one in growth["kid"]
                ]
                notes.append(self.tr("What more sprites would buy: {0}; {1}.").format("; ".join(parts), growth["why"]))
            else:
                notes.append(self.tr("What more sprites would buy: cannot tell; {0}.").format(growth["why"]))
        begun = [taste for taste in told["tastes"] if taste["picks"]]
        notes += [self.tr("Taste test: {0}.").format(taste["words"]) for taste in begun[-2:]]
        return notes

    def _show_cells(self, cells: list[dict[str, Any]], running: bool) -> None:
        self.cells.setRowCount(len(cells))
        ordered = sorted(cells, key=lambda one: one["order"])
        # One after the other: the first that has a run and no value is trained or measured now.
        now = next((cell["cell"] for cell in ordered if cell["state"] == "training"), None) if running else None
        for row, cell in enumerate(ordered):
            kid = "–" if cell.get("kid") is None else _number(cell["kid"], cell.get("kid_error") or 0.0)
            verdict = cell.get("verdict") or cell["why"] or "–"
            number = cell["run"].partition("-")[0] or "–"
            state = cell["state"]
            if state == "training" and cell["cell"] != now:
                state = "made"
            texts = (number, cell["name"], str(cell["seed"]), self._state_word(state), kid, verdict)
            for column, text in enumerate(texts):
                item = QTableWidgetItem(shortened(text, 200))
                item.setToolTip(tip(cell["why"] or text))
                if column == 0 and cell["run"]:
                    item.setData(Qt.ItemDataRole.UserRole, cell["run"])
                    item.setToolTip(tip(self.tr("{0}: a double click or Enter watches it").format(cell["run"])))
                if column == 3:
                    tint(item, _CELL_TONES[state])
                self.cells.setItem(row, column, item)
        self.cells.resizeColumnsToContents()
        self.cells.horizontalHeader().setSectionResizeMode(1, self.cells.horizontalHeader().ResizeMode.Stretch)

    def _open_cell(self, row: int, _column: int) -> None:
        item = self.cells.item(row, 0)
        name = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        if self.chosen is None or not name:
            return
        folder = self.chosen.runs_folder / name
        if folder.parent == self.chosen.runs_folder and folder.is_dir():
            self.run_opened.emit(folder)
        else:
            self.session.post(self.tr("{0} was deleted; what was measured of it is kept.").format(name), INFO)

    def _state_word(self, state: str) -> str:
        return {
            "waiting": self.tr("not made yet"), "made": self.tr("waiting"), "training": self.tr("in progress"),
            "done": self.tr("measured"), "failed": self.tr("missing"),
        }[state]  # fmt: skip

    # What can be done

    def ask_new(self) -> None:
        """Plan an experiment."""
        from gandam_studio.qt.experiments.new_dialog import NewExperimentDialog

        dialog = NewExperimentDialog(self.session, self)
        run_dialog(dialog)
        if dialog.made is not None:
            self.chosen = dialog.made
            self.refresh()

    def start(self) -> None:
        """Create the missing runs, and start a process that runs the experiment."""
        experiment = self.chosen
        if experiment is None:
            return
        if self._told.get("complete"):
            retry_failed(experiment)

        def begin(_made: int) -> None:
            try:
                self._processes.append(start_detached(self.session.workspace.folder, experiment))
            except UserError as error:
                self.session.post(explain(error), ERROR)
            self.session.runs_changed.emit()
            self.refresh()

        self.start_button.setEnabled(False)
        task = self.session.start_job(
            self.tr("Making the runs of the experiment"),
            lambda workspace, job: make_runs(workspace, experiment, job),
            begin,
        )
        task.ended.connect(self._look_again)

    def _look_again(self) -> None:
        self._stamp = None
        self._show()

    def stop(self) -> None:
        """Ask the process to stop, with a checkpoint of the run that trains."""
        if self.chosen is not None:
            try:
                self.chosen.ask_to_stop()
                self.session.post(self.tr("Stopping after this step, with a checkpoint."), INFO)
            except UserError as error:
                self.session.post(explain(error), ERROR)

    def ask_report(self) -> None:
        """Make a report: the effects, and the first runs."""
        experiment = self.chosen
        if experiment is None or not self._told.get("done"):
            self.session.post(self.tr("No run of an experiment is measured yet."), INFO)
            return
        from gandam_studio.core.reports.trying import shown_runs
        from gandam_studio.core.reports.writing import MOST_RUNS
        from gandam_studio.qt.outputs.report_dialog import ReportDialog

        try:
            runs = shown_runs(experiment.folder, MOST_RUNS)
        except UserError as error:
            self.session.post(explain(error), ERROR)
            return
        about = shortened(experiment.title, 200)
        run_dialog(ReportDialog(self.session, runs, about, self, experiment=experiment.folder))

    def ask_label(self) -> None:
        """Give the experiment another title, or note something about it."""
        experiment = self.chosen
        if experiment is None:
            return
        from gandam_studio.core.experiments.naming import name_experiment
        from gandam_studio.qt.outputs.label_dialog import LabelDialog

        kept = self.tr("Its folder keeps its name: {0}").format(experiment.name)
        dialog = LabelDialog(
            experiment.label, experiment.plan.title, kept,
            lambda title, note: name_experiment(experiment, title=title, note=note), self,
        )  # fmt: skip
        if run_dialog(dialog):
            self._list(experiments(self.session.workspace.folder))

    def ask_delete(self) -> None:
        """Move the experiment to the trash after confirmation, and its runs if the person says so."""
        experiment = self.chosen
        if experiment is None:
            return
        made = len(experiment.runs())
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Delete an experiment"))
        box.setText(self.tr("Move “{0}” to the trash?").format(wrapped(experiment.title, 100)))
        box.setInformativeText(self.tr("What was measured and its taste tests are moved too; versions and sprites are "
                                       "kept."))  # fmt: skip
        runs = QCheckBox(self.tr("Move its {0} runs too").format(made))
        if made:
            box.setCheckBox(runs)
        delete = box.addButton(self.tr("Move to trash"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        run_dialog(box)
        if box.clickedButton() is delete:
            self.delete(experiment, with_runs=runs.isChecked())

    def delete(self, experiment: Experiment, *, with_runs: bool) -> None:
        """Move an experiment to the trash."""
        from gandam_studio.core.experiments.removing import trash_experiment

        try:
            trash_experiment(experiment, with_runs=with_runs)
        except UserError as error:
            self.session.post(explain(error), ERROR)
        self.session.runs_changed.emit()
        self.refresh()

    def ask_taste(self) -> None:
        """Choose what to compare, draw the samples, and start the test."""
        experiment = self.chosen
        if experiment is None:
            return
        earlier = tastes(experiment.folder)
        names = names_of(experiment.plan, experiment.outcomes())
        dialog = TasteChoice(self._offered(), earlier, names, self)
        if run_dialog(dialog) != QDialog.DialogCode.Accepted:
            return
        chosen, pair, at, each = dialog.earlier(), dialog.pair(), dialog.checkpoints(), dialog.samples_a_side()

        def begin(job: Job) -> Found:
            if chosen is not None:
                return chosen, pictures_of(experiment.runs_folder, chosen, chosen.round, job)
            return begin_taste(experiment, *pair, at=at, each=each, job=job)

        self.tests.start(begin, lambda taste, pictures: self.show_taste(taste, pictures))

    def _offered(self) -> list[Offered]:
        """The measured runs, and the checkpoints that were looked at: the one that was measured first."""
        found = []
        for cell in self._told["cells"]:
            if cell["state"] == "done":
                checkpoints = [(self.tr("Iteration {0:,}, the measured one").format(cell["iteration"]), 0)]
                checkpoints += [
                    (self.tr("Iteration {0:,}").format(look["iteration"]), look["iteration"])
                    for look in cell["looks"]
                    if look["iteration"] != cell["iteration"]
                ]
                found.append(Offered(cell["cell"], f"{cell['name']}, seed {cell['seed']}", checkpoints))
        return found

    def show_taste(self, taste: Taste, pictures: Pictures) -> None:
        """Continue a test until its dialog is closed."""
        experiment = self.chosen
        if experiment is None:
            return
        names = names_of(experiment.plan, experiment.outcomes())
        runs = experiment.runs_folder
        self.tests.show(taste, pictures, lambda test, number, job: pictures_of(runs, test, number, job), names)

    def _note_picks(self) -> None:
        if self.chosen is not None:
            try:
                write_results(self.chosen)  # Reports contain the picks.
            except UserError as error:
                self.session.post(explain(error), ERROR)
        self._look_again()


def _is_begun(told: dict[str, Any]) -> bool:
    return any(cell["run"] for cell in told["cells"])


def _number(kid: float, error: float) -> str:
    return f"{kid:,.0f} ± {error:,.0f}" if abs(kid) >= 1000 else f"{kid:.4g} ± {error:.2g}"


def _times(experiment: Experiment) -> tuple[Any, ...]:
    """A value that changes when there is something new to show."""
    found = []
    for path in (experiment.results_path, experiment.folder / "cells", experiment.folder / "tastes"):
        try:
            found.append(path.stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return (*found, len(experiment.runs()))

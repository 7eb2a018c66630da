"""Evaluate: judge a kept checkpoint, or a folder of pictures made by any program, and show what was found."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core import versions
from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import RunSummary
from gandam_studio.core.runs.diagnoses import GROUP, NEAREST, Finding, finding_in
from gandam_studio.core.runs.evaluating import (
    LEAST_SAMPLES,
    MOST_SAMPLES,
    SAMPLES,
    evaluate_folder,
    evaluate_run,
    folder_problem,
)
from gandam_studio.qt import theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.following.pictures import decode
from gandam_studio.qt.outputs.checkpoint_box import CheckpointBox
from gandam_studio.qt.outputs.task_dialog import TaskDialog
from gandam_studio.qt.questions import run_dialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.diagnosis.cards import DiagnosisCards
from gandam_studio.qt.widgets.diagnosis.sheet_dialog import DiagnosisSheetDialog
from gandam_studio.qt.widgets.fitting import Reach, resize_within_screen
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.outside_text import wrapped
from gandam_studio.qt.widgets.path_field import PathField
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import shortened

SHEETS = "sheets"


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation found, and the pictures behind it (None: cannot be read)."""

    finding: Finding
    sheets: dict[str, QImage | None]


class EvaluationDialog(TaskDialog):
    """A form, the evaluation in a child process, and its cards; subclasses say what is judged.

    Attributes:
        samples: how many pictures are looked at. cards: what was found. evaluated: the newest result, or None.
    """

    def __init__(self, session: Session, title: str, parent: QWidget | None = None) -> None:
        super().__init__(session, title, parent)
        self.start_button.setText(self.tr("Evaluate"))
        self.close_button.setText(self.tr("Close"))
        self.evaluated: Evaluated | None = None
        self._where = ""
        self.samples = WholeBox(minimum=LEAST_SAMPLES, maximum=MOST_SAMPLES, value=SAMPLES)
        self.samples.setGroupSeparatorShown(True)
        self.samples.setToolTip(self.tr("More samples give clearer answers and take longer"))
        self.cards = DiagnosisCards(with_drift=False)
        self.cards.pictures_wanted.connect(self.show_pictures)
        self._lay_out()
        self.cards.show_note(
            self.tr("Answers: how many different sprites are drawn, whether they copy training pictures, and how good "
                    "they are.")
        )  # fmt: skip

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox()
        buttons.addButton(self.close_button, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.addButton(self.start_button, QDialogButtonBox.ButtonRole.AcceptRole)
        reach = Reach(self.cards)
        reach.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE, 2 * theme.SPACE)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(self.form)
        layout.addWidget(reach, 1)
        layout.addWidget(self.problem)
        layout.addWidget(self.told)
        layout.addWidget(self.bar)
        layout.addWidget(buttons)
        self.start_button.setDefault(True)
        resize_within_screen(self, 1040, 560)

    # What subclasses say

    @abstractmethod
    def reason(self) -> str:
        """Why nothing can be evaluated, or ""."""

    @abstractmethod
    def what(self) -> str:
        """What is judged, a few words."""

    @abstractmethod
    def work(self) -> Callable[[Any, Any, Path], dict[str, Any]]:
        """The evaluation, called with the workspace, the job, and the folder to write the sheets to."""

    # Work

    def check(self) -> None:
        """Say what is missing, if anything is."""
        if self.task is not None:
            return
        problem = self.reason()
        self.problem.setText(wrapped(problem))
        self.problem.setVisible(bool(problem))
        self.start_button.setEnabled(not problem)

    def start(self) -> None:
        """Evaluate."""
        if self.task is not None or self.reason():
            return
        work, self._where = self.work(), self.what()
        self.problem.hide()
        self.told.clear()

        def evaluate(workspace: Any, job: Any) -> Evaluated:
            with tempfile.TemporaryDirectory(prefix="gandam-") as scratch:
                folder = Path(scratch) / SHEETS
                answer = work(workspace, job, folder)
                sheets = {name: decode(folder / f"{name}.png") for name in (NEAREST, GROUP)}
            return Evaluated(finding_in(answer), sheets)

        self.begin(evaluate, self._finish)

    def _lock(self, locked: bool) -> None:
        super()._lock(locked)
        self.close_button.setText(self.tr("Cancel") if locked else self.tr("Close"))

    def _finish(self, found: Evaluated) -> None:
        self.told.clear()
        self.show_evaluated(found.finding, found.sheets)

    def show_evaluated(self, finding: Finding, sheets: dict[str, QImage | None]) -> None:
        """Show what was found, and the pictures behind it by name (None: they cannot be read)."""
        self.evaluated = Evaluated(
            replace(finding, pictures={name: f"{name}.png" for name in (NEAREST, GROUP)}), sheets
        )
        self.cards.show_finding(self.evaluated.finding, where=self._where or self.what())

    def _fail(self, error: BaseException) -> None:
        text = explain(error)
        self.problem.setText(wrapped(text[:1].upper() + text[1:]))
        self.problem.show()

    def _over(self, cancelled: bool) -> None:
        self.told.setText(self.tr("Cancelled.") if cancelled else "")

    def show_pictures(self, name: str) -> None:
        """Show the pictures behind a card."""
        if self.evaluated is not None:
            dialog = DiagnosisSheetDialog(name, self.evaluated.finding, self._where, self)
            dialog.show_sheet(self.evaluated.sheets.get(name))
            run_dialog(dialog)


class RunEvaluationDialog(EvaluationDialog):
    """Evaluates a checkpoint of a run.

    Attributes:
        runs, checkpoints: the choices.
    """

    def __init__(
        self, session: Session, runs: Sequence[RunSummary], folder: Path, moment: float | None = None,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        """`folder`: the run chosen at first. `moment`: the iteration whose nearest checkpoint is chosen at first."""
        super().__init__(session, "", parent)
        self.setWindowTitle(self.tr("Evaluate a run"))
        self.runs = ChoiceBox()
        for one in reversed(runs):
            self.runs.addItem(shortened(one.title, 80), one.folder)
        if folder not in {one.folder for one in runs}:
            self.runs.insertItem(0, shortened(folder.name, 80), folder)
        at = next((i for i in range(self.runs.count()) if self.runs.itemData(i) == folder), 0)
        self.runs.setCurrentIndex(at)
        self.checkpoints = CheckpointBox(session)
        self.checkpoints.listed.connect(self.check)
        self.add_row(self.tr("&Run"), self.runs)
        self.add_row(self.tr("&Checkpoint"), self.checkpoints)
        self.add_row(self.tr("&Samples to look at"), self.samples)
        self.runs.currentIndexChanged.connect(lambda _index: self.checkpoints.show_run(self.run))
        self.checkpoints.show_run(self.run, moment)

    @property
    def run(self) -> RunDirectory:
        """The chosen run."""
        return RunDirectory(self.runs.currentData())

    def reason(self) -> str:
        """Why nothing can be evaluated, or ""."""
        return "" if self.checkpoints.chosen else self.tr("This run has no checkpoint yet, so nothing can be drawn.")

    def what(self) -> str:
        """What is judged, in a few words."""
        chosen = self.checkpoints.chosen
        return self.tr("iteration {0:,}").format(chosen.iteration) if chosen else ""

    def work(self) -> Callable[[Any, Any, Path], dict[str, Any]]:
        """The function that evaluates."""
        run, chosen, samples = self.run, self.checkpoints.chosen, self.samples.value()
        name = chosen.name if chosen else None
        return lambda _workspace, job, out: evaluate_run(run, iteration=name, samples=samples, out=out, job=job)


class FolderEvaluationDialog(EvaluationDialog):
    """Evaluates a folder of pictures against a version.

    Attributes:
        folder: the field with the folder. versions: the choices.
    """

    setting = "evaluation/folder"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, "", parent)
        self.setWindowTitle(self.tr("Evaluate a folder of pictures"))
        self.folder = PathField()
        self.folder.setAccessibleName(self.tr("Folder of pictures"))
        self.folder.textChanged.connect(lambda _text: self.check())
        self.browse_button = QPushButton(self.tr("Browse…"))
        self.browse_button.clicked.connect(lambda _checked=False: self.browse())
        where = QWidget()
        row = QHBoxLayout(where)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE)
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse_button)
        self.versions = ChoiceBox()
        try:
            self._known = list(reversed(versions.versions(session.workspace)))
        except UserError:
            self._known = []
        for one in self._known:
            self.versions.addItem(shortened(f"{one.label} – {one.message}" if one.message else one.label, 80))
        self.add_row(self.tr("&Folder"), where, self.folder)
        self.add_row(self.tr("Compare with &version"), self.versions)
        self.add_row(self.tr("&Samples to look at"), self.samples)
        self.check()

    def browse(self) -> None:
        """Ask for the folder."""
        last = self.folder.text().strip() or str(QSettings().value(self.setting) or Path.home())
        chosen = QFileDialog.getExistingDirectory(self, self.windowTitle(), last)
        if chosen:
            QSettings().setValue(self.setting, chosen)
            self.folder.setText(chosen)

    def reason(self) -> str:
        """Why nothing can be evaluated, or ""."""
        if not self._known:
            return self.tr("There is no version to compare with; save one on Versions.")
        text = self.folder.text().strip()
        problem = folder_problem(Path(text)) if text else self.tr("Choose a folder of pictures.")
        return problem[:1].upper() + problem[1:] if not problem.startswith(("/", "\\")) else problem

    def what(self) -> str:
        """What is judged, in a few words."""
        return shortened(Path(self.folder.text().strip()).name, 60)

    def work(self) -> Callable[[Any, Any, Path], dict[str, Any]]:
        """The function that evaluates."""
        folder, samples = Path(self.folder.text().strip()), self.samples.value()
        version = self._known[max(0, self.versions.currentIndex())]
        return lambda workspace, job, out: evaluate_folder(
            workspace, folder, version, samples=samples, out=out, job=job
        )

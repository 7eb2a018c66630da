"""Make a report of runs, or of an experiment: one page of HTML that anybody can open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QLabel, QWidget

from gandam_studio.core.reports.writing import MOST_RUNS, MOST_SAMPLES, SAMPLES, ReportPlan, check_report, write_report
from gandam_studio.qt.outputs.output_dialog import OutputDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.numbers import WholeBox
from gandam_studio.qt.widgets.outside_text import wrapped
from trainer.protocol.run_directory import RunDirectory

LARGEST_SEED = 2**31 - 1
OPEN = "report/open"


class ReportDialog(OutputDialog):
    """Attributes:
    samples, seed, exact: the choices. open_after: whether the page is opened when it is made.
    """

    setting = "report/folder"

    def __init__(
        self, session: Session, runs: Sequence[RunDirectory], about: str, parent: QWidget | None = None, *,
        experiment: Path | None = None,
    ) -> None:  # fmt: skip
        """`about`: what the report is about, in words. `experiment`: the folder of one, whose results come first."""
        super().__init__(session, "", self.tr("Make the report"), parent)
        self.setWindowTitle(self.tr("Report"))
        self._runs, self._experiment = list(runs), experiment
        subject = QLabel(wrapped(about), wordWrap=True)
        subject.setTextFormat(Qt.TextFormat.PlainText)
        told = QLabel(
            self.tr("One page with verdicts, charts, samples and how to check them. It opens in any browser, without a "
                    "network, and stays below 10 MB."), wordWrap=True,
        )  # fmt: skip
        told.setProperty("role", "secondary")
        self.samples = WholeBox(minimum=0, maximum=MOST_SAMPLES, value=SAMPLES)
        self.samples.setSpecialValueText(self.tr("those saved last"))
        self.samples.setToolTip(self.tr("New samples of the newest checkpoint, in their order: nobody picks them"))
        self.seed = WholeBox(minimum=0, maximum=LARGEST_SEED, value=0)
        self.seed.setToolTip(self.tr("Equal seeds draw equal samples"))
        self.exact = QCheckBox(self.tr("Never round colours; leave more moments out instead"))
        self.open_after = QCheckBox(self.tr("Open it in the browser"))
        self.open_after.setChecked(str(QSettings().value(OPEN, "true")) == "true")
        self.form.addRow(told)
        self.form.addRow(QLabel(self.tr("About")), subject)
        self.add_row(self.tr("Final &samples"), self.samples)
        self.add_row(self.tr("S&eed"), self.seed)
        self.form.addRow("", self.exact)
        self.add_target_row()
        self.form.addRow("", self.open_after)
        self.samples.valueChanged.connect(lambda count: self.seed.setEnabled(count > 0))
        names = [run.name.partition("-")[0] for run in self._runs[:MOST_RUNS]]
        self.propose(f"{experiment.name if experiment else '-'.join(names)}-report", ".html")
        self.check()

    @property
    def plan(self) -> ReportPlan:
        """The choices."""
        return ReportPlan(self.samples.value(), self.seed.value(), None, self.exact.isChecked())

    def reason(self, target: Path, *, force: bool) -> str:
        """Why nothing can be written to `target`, or "". Raises UserError."""
        check_report(self._runs, target, experiment=self._experiment, force=force)
        return ""

    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """The function that writes to `target`."""
        runs, plan, experiment = self._runs, self.plan, self._experiment
        return lambda _workspace, job: write_report(runs, target, plan, experiment=experiment, force=force, job=job)

    def done_text(self, answer: Any, target: Path) -> str:
        """What was written, in a sentence."""
        text = self.tr("A report of {0:.1f} MB is in {1}").format(answer["bytes"] / 1e6, target)
        shown, known = sum(answer["moments"]), sum(answer["known"])
        if shown < known:
            text += ". " + self.tr("It holds {0:,} of {1:,} moments, to stay small.").format(shown, known)
        return text

    def _finish(self, answer: Any, target: Path) -> None:
        super()._finish(answer, target)
        wanted = self.open_after.isChecked()
        QSettings().setValue(OPEN, "true" if wanted else "false")
        if wanted and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(target))):
            self.problem.setText(self.tr("No browser could be opened; the report is there all the same."))
            self.problem.show()

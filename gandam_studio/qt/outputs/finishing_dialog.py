"""What dialogs share that write finished samples: the look beside a preview, the format, the size, the way back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QVBoxLayout, QWidget

from gandam_studio.core.runs import handing_over, sampling
from gandam_studio.core.runs.candidates import take_in
from gandam_studio.core.runs.sampling import check_target
from gandam_studio.qt import theme
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.outputs.finish_panel import Draw, FinishPanel, FinishPreview
from gandam_studio.qt.outputs.output_dialog import OutputDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.fitting import Columns, Reach, resize_within_screen
from gandam_studio.qt.widgets.numbers import WholeBox
from trainer.protocol.run_directory import RunDirectory

FOLDER, SHEET, BOTH, ALL, ASEPRITE, MOVING = "folder", "sheet", "both", "all", "aseprite", "moving"
SUFFIXES = {SHEET: (".png",), ASEPRITE: sampling.ASEPRITE, MOVING: sampling.MOVING}
"""Of what is written as one file; the first is proposed."""


class FinishingDialog(OutputDialog):
    """Subclasses say which run draws, and what.

    Attributes:
        panel: how the samples look. preview: some of them, before and after.
        layout_box, steps, scale, take: the choices.
    """

    setting = "sprites/folder"

    def __init__(self, session: Session, start: str, moving: str, parent: QWidget | None = None) -> None:
        """`moving`: what to call an animation of the samples."""
        self.panel = FinishPanel()
        self.preview = FinishPreview(session, self.panel)
        super().__init__(session, "", start, parent)
        self._proposed = ""
        self.layout_box = QComboBox()
        for text, kind in (
            (self.tr("A folder of PNG files"), FOLDER),
            (self.tr("One sheet with all of them"), SHEET),
            (self.tr("Both: the folder, with a sheet and where each lies"), BOTH),
            (self.tr("All: the folder, with sheet and Aseprite document"), ALL),
            (self.tr("An Aseprite document, one frame each"), ASEPRITE),
            (moving, MOVING),
        ):
            self.layout_box.addItem(text, kind)
        self.steps = WholeBox(minimum=1, maximum=100, value=8)
        self.steps.setSuffix(self.tr(" frames to the next"))
        self.scale = QComboBox()
        self._show_scales()
        self.take = QCheckBox(self.tr("Also take them into the workspace, as candidates"))
        self.take.setToolTip(
            self.tr("They are tagged “generated”. No version holds them, unless you keep them and save it with them.")
        )
        self.take.setEnabled(not session.read_only)
        self.layout_box.currentIndexChanged.connect(lambda _index: self.change_layout())
        self.panel.look_changed.connect(self.check)
        self.steps.valueChanged.connect(lambda _value: self.check())
        self.scale.currentIndexChanged.connect(lambda _index: self.check())

    def _lay_out(self) -> None:
        """The form on the left, the preview beside it."""
        super()._lay_out()
        whole = self.layout()
        assert isinstance(whole, QVBoxLayout)
        for _ in range(2):  # the form, and the space below it
            whole.takeAt(0)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.form)
        column.addStretch(1)
        page = Reach(Columns(left, self.preview, (0, 1), 2 * theme.SPACE, (0, 0, 0, 0)))
        page.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        whole.insertWidget(0, page, 1)
        resize_within_screen(self, 1180, 660)

    def add_rows(self, widest: QLabel | None = None) -> None:
        """Add the rows of format, size, look and target; `widest`: the widest label of the rows above."""
        labels = [self.add_row(self.tr("&As"), self.layout_box)]
        self.add_row(self.tr("&Time"), self.steps)
        labels.append(self.add_row(self.tr("Si&ze"), self.scale))
        self.form.addRow(self.panel)
        self.panel.align_labels([*labels, *([widest] if widest else [])])
        self.add_target_row()
        self.form.addRow("", self.take)

    # What subclasses say

    @property
    @abstractmethod
    def run(self) -> RunDirectory:
        """The run that draws."""

    @abstractmethod
    def name(self) -> str:
        """What to call the file or folder, without suffix."""

    @abstractmethod
    def amount(self) -> tuple[int, int]:
        """How many pictures are written as chosen, and the side of each in pixels, 0 where that is not known."""

    def is_walk(self) -> bool:
        """Whether an animation goes from each sample to the next in `steps`, instead of showing one after the other."""
        return False

    @abstractmethod
    def drawing(self) -> Callable[[Any], Draw]:
        """What draws the samples to write, called with the job; the choices must not be read later."""

    def lacking(self) -> str:
        """Why nothing can be drawn as chosen, "" if it can."""
        return ""

    # The dialog

    def change_layout(self) -> None:
        """Show the fields of the chosen format."""
        kind = self.layout_box.currentData()
        self.form.setRowVisible(self.steps, kind == MOVING and self.is_walk())
        self.form.setRowVisible(self.scale, kind != ASEPRITE)
        self.form.setRowVisible(self.take, not self._moves())
        self._show_scales()
        self.propose_name()

    def _moves(self) -> bool:
        return bool(self.layout_box.currentData() == MOVING)

    def _show_scales(self) -> None:
        before = self.scale.currentData()
        self.scale.blockSignals(True)
        self.scale.clear()
        for scale in (1, 2, 3, 4, 8):
            text = self.tr("As drawn") if scale == 1 else self.tr("{0} times as large").format(scale)
            self.scale.addItem(text, (scale,))
        if self.writes_folder():
            self.scale.addItem(self.tr("1, 2 and 4 times as large"), (1, 2, 4))
        # Qt's own search does not compare tuples.
        found = [index for index in range(self.scale.count()) if self.scale.itemData(index) == before]
        self.scale.setCurrentIndex(found[0] if found else 0)
        self.scale.blockSignals(False)

    def propose_name(self) -> None:
        """Propose a target, unless the person has written one."""
        typed = self.target.text().strip()
        if typed and typed != self._proposed:
            self.check()
            return
        self.propose(self.name(), SUFFIXES.get(self.layout_box.currentData(), ("",))[0])
        self._proposed = self.target.text().strip()
        self.check()

    def done(self, result: int) -> None:
        """Give up the preview."""
        self.preview.stop()
        super().done(result)

    def writes_folder(self) -> bool:
        """Whether a folder is written rather than a file."""
        return self.layout_box.currentData() not in SUFFIXES

    def reason(self, target: Path, *, force: bool) -> str:
        """Why nothing can be written to `target`, or "". Raises UserError."""
        if problem := self.lacking():
            return problem
        kind = self.layout_box.currentData()
        suffixes = SUFFIXES.get(kind, ())
        if suffixes and target.suffix.lower() not in suffixes:
            return self.tr("The name must end in {0}.").format(", ".join(suffixes))
        _ = self.panel.look
        count, side = self.amount()
        if side and (problem := handing_over.plan_problem(target, self._plan(), count, side)):
            return problem
        if kind in (ASEPRITE, MOVING):
            handing_over.check_place(self.run, target, force=force)
        else:
            check_target(self.run, target, folder=self.writes_folder(), force=force)
        return ""

    def _plan(self) -> handing_over.HandOverPlan:
        kind = self.layout_box.currentData()
        scales = (1,) if kind == ASEPRITE else self.scale.currentData()
        return handing_over.HandOverPlan(scales, kind in (BOTH, ALL), kind == ALL, self.steps.value())

    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """The function that writes to `target`."""
        self.preview.stop()
        run, look, drawing, plan = self.run, self.panel.look, self.drawing(), self._plan()
        take = self.take.isChecked() and not self._moves()
        count, _ = self.amount()

        def write(workspace: Any, job: Any) -> dict[str, Any]:
            made = handing_over.hand_over(run, target, drawing(job), look, plan, count=count, force=force, job=job)
            taken = take_in(workspace, made, job=job) if take else None
            return {"count": len(made.pictures), "iteration": made.samples.facts["iteration"], "taken": taken}

        return write

    def done_text(self, answer: Any, target: Path) -> str:
        """What was written, in a sentence."""
        text = self.tr("{0} from iteration {1:,}: {2}").format(sprites(answer["count"]), answer["iteration"], target)
        if answer["taken"] is not None:
            self.session.sprites_imported.emit()
            text += self.tr(". New in the workspace: {0}, in no version yet.").format(sprites(answer["taken"]))
        return text


class HandOverDialog(FinishingDialog):
    """Writes samples that are there already, such as chosen ones of Explore."""

    def __init__(
        self, session: Session, run: RunDirectory, samples: handing_over.Samples, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, "", "", parent)
        self.setWindowTitle(self.tr("Hand over"))
        self.start_button.setText(self.tr("Write"))
        self.layout_box.setItemText(
            self.layout_box.findData(MOVING), self.tr("A GIF, WebP or APNG of one after the other")
        )
        self._run, self._samples = run, samples
        self.panel.show_data(run.dataset_path.is_file())
        self.add_rows()
        self.change_layout()
        self.preview.show_samples(run, samples)

    @property
    def run(self) -> RunDirectory:
        """The run that draws."""
        return self._run

    def name(self) -> str:
        """What to call the file or folder, without suffix."""
        return f"{self._run.name}-{self._samples.facts.get('iteration')}-chosen"

    def amount(self) -> tuple[int, int]:
        """How many pictures are written, and the side of each."""
        return len(self._samples.pictures), self._samples.pictures[0].shape[0]

    def drawing(self) -> Callable[[Any], Draw]:
        """What draws the samples to write."""
        samples = self._samples
        return lambda _job: lambda _folder: samples

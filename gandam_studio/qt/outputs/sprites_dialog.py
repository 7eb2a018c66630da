"""Make new sprites: draw any number from a checkpoint of any run, finish them, and write them for other programs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs import RunSummary, handing_over
from gandam_studio.core.runs.candidates import take_in
from gandam_studio.core.runs.checkpoints import KeptCheckpoint, kept_checkpoints, measured_quality, nearest
from gandam_studio.core.runs.sampling import MOST, check_target
from gandam_studio.qt import icons, theme
from gandam_studio.qt.background import Latest
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.outputs.checkpoint_box import checkpoint_words
from gandam_studio.qt.outputs.finish_panel import FinishPanel, FinishPreview
from gandam_studio.qt.outputs.output_dialog import OutputDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.fitting import Reach, resize_within_screen
from gandam_studio.qt.widgets.numbers import WholeBox
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import shortened

FOLDER, SHEET, BOTH, ALL, ASEPRITE, WALK = "folder", "sheet", "both", "all", "aseprite", "walk"
SUFFIXES = {SHEET: (".png",), ASEPRITE: handing_over.ASEPRITE, WALK: handing_over.MOVING}
"""Of what is written as one file; the first is proposed."""
PREVIEWED = 6
_PATIENCE_MS = 600
LARGEST_SEED = 2**31 - 1


class SpritesDialog(OutputDialog):
    """Attributes:
    runs, checkpoints, count, seed, layout_box, scale, take: the choices. panel: how they look. preview: some of them.
    """

    setting = "sprites/folder"

    def __init__(
        self,
        session: Session,
        runs: Sequence[RunSummary],
        folder: Path,
        moment: float | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`folder`: the run chosen at first. `moment`: the iteration whose nearest checkpoint is chosen at first."""
        self.panel = FinishPanel()
        self.preview = FinishPreview(session, self.panel)
        super().__init__(session, "", "", parent)
        self.setWindowTitle(self.tr("New sprites"))
        self.start_button.setText(self.tr("Make sprites"))
        self._moment = moment
        self._found: list[KeptCheckpoint] = []
        self._reading = Latest()
        self._proposed = ""
        self.runs = QComboBox()
        self.checkpoints = QComboBox()
        self.nearest_note = QLabel(wordWrap=True)
        self.nearest_note.setProperty("role", "secondary")
        self.count = WholeBox(minimum=1, maximum=MOST, value=64)
        self.seed = WholeBox(minimum=0, maximum=LARGEST_SEED, value=secrets.randbelow(1_000_000))
        self.dice_button = QPushButton(self.tr("Another"))
        icons.set_icon(self.dice_button, "sample", "text", 16)
        self.dice_button.setToolTip(self.tr("Another seed, for other sprites"))
        self.dice_button.clicked.connect(lambda _checked=False: self.seed.setValue(secrets.randbelow(1_000_000)))
        self.layout_box = QComboBox()
        for text, kind in (
            (self.tr("A folder of PNG files"), FOLDER),
            (self.tr("One sheet with all of them"), SHEET),
            (self.tr("Both: the folder, with a sheet and where each lies"), BOTH),
            (self.tr("All: the folder, with sheet and Aseprite document"), ALL),
            (self.tr("An Aseprite document, one frame each"), ASEPRITE),
            (self.tr("A GIF, WebP or APNG from each to the next"), WALK),
        ):
            self.layout_box.addItem(text, kind)
        self.scale = QComboBox()
        self._show_scales()
        self.steps = WholeBox(minimum=1, maximum=100, value=8)
        self.steps.setSuffix(self.tr(" frames to the next"))
        self.take = QCheckBox(self.tr("Also take them into the workspace, as candidates"))
        self.take.setToolTip(
            self.tr("They are tagged “generated”, and no version holds them until you keep them in Curate.")
        )
        self.take.setEnabled(not session.read_only)
        self._add_rows()
        self._wait = QTimer(self, interval=_PATIENCE_MS, singleShot=True)
        self._wait.timeout.connect(self._draw_preview)
        listed = {one.folder for one in runs}
        for one in reversed(runs):
            self.runs.addItem(shortened(one.title, 80), one.folder)
        if folder not in listed:
            self.runs.insertItem(0, shortened(folder.name, 80), folder)
        self.runs.setCurrentIndex(max(0, self._index_of(folder)))
        self.runs.currentIndexChanged.connect(lambda _index: self._change_run())
        self.checkpoints.currentIndexChanged.connect(lambda _index: self._change_checkpoint())
        self.layout_box.currentIndexChanged.connect(lambda _index: self._change_layout())
        self.seed.valueChanged.connect(lambda _value: self._change_seed())
        self.panel.look_changed.connect(self.check)
        self.steps.valueChanged.connect(lambda _value: self.check())
        self.count.valueChanged.connect(lambda _value: self.check())
        self._change_layout()
        self._read()

    def _lay_out(self) -> None:
        """The form on the left, the preview beside it."""
        super()._lay_out()
        whole = self.layout()
        assert isinstance(whole, QVBoxLayout)
        for _ in range(2):  # the form, and the space below it
            whole.takeAt(0)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, theme.SPACE, 0)
        column.addLayout(self.form)
        column.addStretch(1)
        reach = Reach(left)
        reach.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        reach.setMinimumWidth(left.fontMetrics().averageCharWidth() * 66)
        both = QHBoxLayout()
        both.setSpacing(2 * theme.SPACE)
        both.addWidget(reach)
        both.addWidget(self.preview, 1)
        whole.insertLayout(0, both, 1)
        resize_within_screen(self, 1180, 660)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw the preview."""
        super().showEvent(event)
        self._wait.start()

    def done(self, result: int) -> None:
        """Give up the preview."""
        self._wait.stop()
        self.preview.stop()
        super().done(result)

    def _draw_preview(self) -> None:
        if not self.isVisible() or self.task is not None:
            return
        run, one, seed = self.run, self.checkpoint, self.seed.value()
        if one is None:
            self.preview.clear(self.tr("This run has no checkpoint yet."))
            return
        self.preview.draw(
            run,
            lambda job: handing_over.drawn_by(run, count=PREVIEWED, seed=seed, iteration=one.name, job=job),
        )

    def _change_seed(self) -> None:
        self._propose()
        self._wait.start()

    def _change_layout(self) -> None:
        kind = self.layout_box.currentData()
        self.form.setRowVisible(self.steps, kind == WALK)
        self.form.setRowVisible(self.scale, kind != ASEPRITE)
        self.form.setRowVisible(self.take, kind != WALK)
        self._show_scales()
        self._propose()

    def _show_scales(self) -> None:
        before = self.scale.currentData()
        self.scale.blockSignals(True)
        self.scale.clear()
        for scale in (1, 2, 3, 4, 8):
            text = self.tr("As drawn") if scale == 1 else self.tr("{0} times as large").format(scale)
            self.scale.addItem(text, (scale,))
        if self.writes_folder():
            self.scale.addItem(self.tr("1, 2 and 4 times as large"), (1, 2, 4))
        self.scale.setCurrentIndex(max(0, self.scale.findData(before)))
        self.scale.blockSignals(False)

    def _add_rows(self) -> None:
        seeds = QWidget()
        row = QHBoxLayout(seeds)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.seed, 1)
        row.addWidget(self.dice_button)
        for text, widget, buddy in (
            (self.tr("&Run"), self.runs, self.runs),
            (self.tr("&Checkpoint"), self.checkpoints, self.checkpoints),
            ("", self.nearest_note, None),
            (self.tr("How &many"), self.count, self.count),
            (self.tr("S&eed"), seeds, self.seed),
            (self.tr("&As"), self.layout_box, self.layout_box),
            (self.tr("&Time"), self.steps, self.steps),
            (self.tr("Si&ze"), self.scale, self.scale),
        ):
            label = QLabel(text)
            if buddy is not None:
                label.setBuddy(buddy)
                buddy.setAccessibleName(text.replace("&", ""))
            self.form.addRow(label, widget)
        self.seed.setToolTip(self.tr("Equal seeds draw equal sprites from the same checkpoint."))
        self.checkpoints.setToolTip(
            self.tr("A saved state of the run. Quality: KID, the distance to the training pictures; lower is better.")
        )
        self.form.addRow(self.panel)
        labels = [self.form.labelForField(widget) for widget in (self.runs, self.checkpoints, self.count)]
        self.panel.align_labels(max(label.sizeHint().width() for label in labels if label is not None))
        self.add_target_row()
        self.form.addRow("", self.take)

    def _index_of(self, folder: Path) -> int:
        return next((i for i in range(self.runs.count()) if self.runs.itemData(i) == folder), -1)

    @property
    def run(self) -> RunDirectory:
        """The chosen run."""
        return RunDirectory(self.runs.currentData())

    @property
    def checkpoint(self) -> KeptCheckpoint | None:
        """The chosen checkpoint, None while they are read."""
        index = self.checkpoints.currentIndex()
        return self._found[index] if 0 <= index < len(self._found) else None

    def _change_run(self) -> None:
        self._moment = None
        self._read()

    def _read(self) -> None:
        """List the run's checkpoints at once, then again with their quality, whose events may take a while to read."""
        run = self.run
        self._show_checkpoints(kept_checkpoints(run))
        self._reading.follow(
            self.session.start_quiet_job(
                lambda _workspace, _job: kept_checkpoints(run, measured_quality(run)),
                self._show_checkpoints,
                lambda _error: None,
            )
        )

    def _show_checkpoints(self, found: list[KeptCheckpoint]) -> None:
        if self.task is not None:
            return
        before = self.checkpoint.name if self._found and self.checkpoint else None
        self._found = found
        self.checkpoints.blockSignals(True)
        self.checkpoints.clear()
        for position, one in enumerate(found):
            self.checkpoints.addItem(checkpoint_words(one, newest=position == 0))
        names = [one.name for one in found]
        chosen = nearest(found, self._moment) if self._moment is not None else None
        if chosen is not None:
            self.checkpoints.setCurrentIndex(found.index(chosen))
        elif before in names:
            self.checkpoints.setCurrentIndex(names.index(before))
        self.checkpoints.blockSignals(False)
        self._change_checkpoint(keep_moment=True)

    def _change_checkpoint(self, *, keep_moment: bool = False) -> None:
        if not keep_moment:
            self._moment = None
        one, text = self.checkpoint, ""
        if one is not None and self._moment is not None and one.iteration != round(self._moment):
            text = self.tr("No checkpoint of {0:,} is kept; this one is nearest.").format(round(self._moment))
        self.nearest_note.setText(text)
        self.form.setRowVisible(self.nearest_note, bool(text))
        self._propose()
        if self.isVisible():
            self._wait.start()

    def _propose(self) -> None:
        """Propose a target, unless the person has written one."""
        typed = self.target.text().strip()
        if typed and typed != self._proposed:
            self.check()
            return
        at = f"-{self.checkpoint.iteration}" if self.checkpoint else ""
        suffix = SUFFIXES.get(self.layout_box.currentData(), ("",))[0]
        self.propose(f"{self.run.name}{at}-seed-{self.seed.value()}", suffix)
        self._proposed = self.target.text().strip()
        self.check()

    def writes_folder(self) -> bool:
        """See `OutputDialog`."""
        return self.layout_box.currentData() not in SUFFIXES

    def reason(self, target: Path, *, force: bool) -> str:
        """See `OutputDialog`."""
        if not self._found:
            return self.tr("This run has no checkpoint yet, so there is nothing to draw with.")
        kind = self.layout_box.currentData()
        suffixes = SUFFIXES.get(kind, ())
        if suffixes and target.suffix.lower() not in suffixes:
            return self.tr("The name must end in {0}.").format(", ".join(suffixes))
        try:
            _ = self.panel.look
        except UserError as error:
            return str(error)
        if kind == WALK and (problem := handing_over.walk_problem(self.count.value(), self.steps.value())):
            return problem
        if kind in (ASEPRITE, WALK):
            return handing_over.check_place(self.run, target, force=force)
        return check_target(self.run, target, folder=self.writes_folder(), force=force)

    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """See `OutputDialog`."""
        self.preview.stop()
        run, chosen, kind = self.run, self.checkpoint, self.layout_box.currentData()
        count, seed, steps = self.count.value(), self.seed.value(), self.steps.value()
        iteration = chosen.name if chosen else None
        look, take = self.panel.look, self.take.isChecked() and kind != WALK
        scales = (1,) if kind == ASEPRITE else self.scale.currentData()
        plan = handing_over.Plan(scales, kind in (BOTH, ALL), kind == ALL, steps)

        def draw(workspace: Any, job: Any) -> dict[str, Any]:
            if kind == WALK:
                drawn = handing_over.walked_by(run, count=count, steps=steps, seed=seed, iteration=iteration, job=job)
            else:
                drawn = handing_over.drawn_by(run, count=count, seed=seed, iteration=iteration, job=job)
            made = handing_over.hand_over(run, target, drawn, look, plan, force=force, job=job)
            taken = take_in(workspace, made, job=job) if take else None
            return {"count": len(made.pictures), "iteration": made.samples.facts["iteration"], "taken": taken}

        return draw

    def done_text(self, answer: Any, target: Path) -> str:
        """See `OutputDialog`."""
        text = self.tr("{0} from iteration {1:,}: {2}").format(sprites(answer["count"]), answer["iteration"], target)
        if answer["taken"] is not None:
            self.session.sprites_imported.emit()
            text += "\n" + self.tr("New in the workspace: {0}. Keep those that may be trained on.").format(
                sprites(answer["taken"])
            )
        return text

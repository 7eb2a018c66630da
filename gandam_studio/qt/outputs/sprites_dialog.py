"""Make new sprites: draw any number from a checkpoint of any run, finish them, and write them for other programs."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from gandam_studio.core.runs import RunSummary, handing_over
from gandam_studio.core.runs.checkpoints import KeptCheckpoint, drawable_checkpoints, measured_quality, nearest
from gandam_studio.core.runs.sampling import MOST, Choice
from gandam_studio.qt import icons
from gandam_studio.qt.background import Latest
from gandam_studio.qt.outputs.checkpoint_box import checkpoint_words
from gandam_studio.qt.outputs.finish_panel import Draw
from gandam_studio.qt.outputs.finishing_dialog import MOVING, FinishingDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.numbers import WholeBox
from trainer.protocol.errors import TrainerError
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.settings import OTHER
from trainer.protocol.untrusted import shortened

LARGEST_SEED = 2**31 - 1
PREVIEWED = 6
_PATIENCE_MS = 600


class SpritesDialog(FinishingDialog):
    """Attributes:
    runs, checkpoints, kinds, count, seed: the choices, besides those of `FinishingDialog`; `kinds` are classes.
    """

    def __init__(
        self,
        session: Session,
        runs: Sequence[RunSummary],
        folder: Path,
        moment: float | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`folder`: the run chosen at first. `moment`: the iteration whose nearest checkpoint is chosen at first."""
        super().__init__(session, "", "", parent)
        self.setWindowTitle(self.tr("New sprites"))
        self.start_button.setText(self.tr("Make sprites"))
        self.layout_box.setItemText(
            self.layout_box.findData(MOVING), self.tr("A GIF, WebP or APNG from each to the next")
        )
        self._moment = moment
        self._found: list[KeptCheckpoint] = []
        self._side = 0
        self._reading = Latest()
        self.runs = ChoiceBox()
        self.checkpoints = ChoiceBox(None, Qt.TextElideMode.ElideRight)
        self.nearest_note = QLabel(wordWrap=True)
        self.nearest_note.setProperty("role", "secondary")
        self.kinds = ChoiceBox()
        self.kinds.setToolTip(self.tr("Of which class sprites are; all kinds come in turns."))
        self.count = WholeBox(minimum=1, maximum=MOST, value=64)
        self.seed = WholeBox(minimum=0, maximum=LARGEST_SEED, value=secrets.randbelow(1_000_000))
        self.dice_button = QPushButton(self.tr("Another"))
        icons.set_icon(self.dice_button, "sample", "text", 16)
        self.dice_button.setToolTip(self.tr("Another seed, for other sprites"))
        self.dice_button.clicked.connect(lambda _checked=False: self.seed.setValue(secrets.randbelow(1_000_000)))
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
        self.seed.valueChanged.connect(lambda _value: self._change_seed())
        self.count.valueChanged.connect(lambda _value: self.check())
        self.kinds.currentIndexChanged.connect(lambda _index: self._wait.start())
        self.change_layout()
        self._read()

    def _add_rows(self) -> None:
        seeds = QWidget()
        row = QHBoxLayout(seeds)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.seed, 1)
        row.addWidget(self.dice_button)
        self.add_row(self.tr("&Run"), self.runs)
        widest = self.add_row(self.tr("&Checkpoint"), self.checkpoints)
        self.add_row("", self.nearest_note)
        self.add_row(self.tr("C&lass"), self.kinds)
        self.add_row(self.tr("How &many"), self.count)
        self.add_row(self.tr("S&eed"), seeds, self.seed)
        self.seed.setToolTip(self.tr("Equal seeds draw equal sprites from the same checkpoint."))
        self.checkpoints.setToolTip(
            self.tr("A saved state of the run. Quality: KID, the distance to the training pictures; lower is better.")
        )
        self.add_rows(widest)

    # Preview

    def showEvent(self, event: QShowEvent) -> None:
        """Draw the preview."""
        super().showEvent(event)
        self._wait.start()

    def done(self, result: int) -> None:
        """Give up the preview."""
        self._wait.stop()
        super().done(result)

    def _draw_preview(self) -> None:
        if not self.isVisible() or self.task is not None:
            return
        run, one, seed, choice = self.run, self.checkpoint, self.seed.value(), self._choice()
        if one is None:
            self.preview.clear(self.tr("This run has no checkpoint yet."))
            return
        self.preview.draw(
            run,
            lambda job: handing_over.drawn_by(
                run, count=PREVIEWED, seed=seed, iteration=one.name, choice=choice, job=job
            ),
        )

    def _change_seed(self) -> None:
        self.propose_name()
        self._wait.start()

    # Runs and checkpoints

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
        self.panel.show_data(run.dataset_path.is_file())
        self._show_kinds()
        self._show_checkpoints(drawable_checkpoints(run))
        self._reading.follow(
            self.session.start_quiet_job(
                lambda _workspace, _job: drawable_checkpoints(run, measured_quality(run)),
                self._show_checkpoints,
                lambda _error: None,
            )
        )

    def _show_kinds(self) -> None:
        """Offer the classes that the run learned; nothing for one without. Its size is needed later as well."""
        tags: tuple[str, ...] = ()
        self._side = 0
        with contextlib.suppress(TrainerError):  # Drawing will say so.
            data = self.run.config().data
            tags, self._side = data.condition, data.size
        self.kinds.blockSignals(True)
        self.kinds.clear()
        self.kinds.addItem(self.tr("All kinds"), "")
        for tag in (*tags, OTHER) if tags else ():
            self.kinds.addItem(shortened(tag, 40), tag)
        self.kinds.blockSignals(False)
        self.form.setRowVisible(self.kinds, bool(tags))

    def _choice(self) -> Choice:
        """Which samples are drawn, beyond their number and seed."""
        return Choice(tag=self.kinds.currentData() or "")

    def amount(self) -> tuple[int, int]:
        """How many pictures are written, and the side of each."""
        moves = self.layout_box.currentData() == MOVING
        return self.count.value() * (self.steps.value() if moves else 1), self._side

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
        self.propose_name()
        if self.isVisible():
            self._wait.start()

    # What is written

    def name(self) -> str:
        """What to call the file or folder, without suffix."""
        at = f"-{self.checkpoint.iteration}" if self.checkpoint else ""
        return f"{self.run.name}{at}-seed-{self.seed.value()}"

    def is_walk(self) -> bool:
        """Whether an animation goes from each sample to the next in `steps`."""
        return True

    def lacking(self) -> str:
        """Why nothing can be drawn as chosen, "" if it can."""
        if not self._found:
            return self.tr("This run has no checkpoint yet, so there is nothing to draw with.")
        if self.layout_box.currentData() == MOVING:
            return handing_over.walk_problem(self.count.value(), self.steps.value())
        return ""

    def drawing(self) -> Callable[[Any], Draw]:
        """What draws the samples to write."""
        run, chosen, kind = self.run, self.checkpoint, self.layout_box.currentData()
        count, seed, steps = self.count.value(), self.seed.value(), self.steps.value()
        iteration, choice = chosen.name if chosen else None, self._choice()
        if kind == MOVING:
            return lambda job: handing_over.walked_by(
                run, count=count, steps=steps, seed=seed, iteration=iteration, tag=choice.tag, job=job
            )
        return lambda job: handing_over.drawn_by(
            run, count=count, seed=seed, iteration=iteration, choice=choice, job=job
        )

"""Make new sprites: draw any number from a checkpoint of any run, as PNG files, as one sheet, or both."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from gandam_studio.core.runs import RunSummary
from gandam_studio.core.runs.checkpoints import KeptCheckpoint, kept_checkpoints, measured_quality, nearest
from gandam_studio.core.runs.sampling import MOST, check_target, draw_sprites
from gandam_studio.qt import icons
from gandam_studio.qt.background import Latest
from gandam_studio.qt.counts import sprites
from gandam_studio.qt.outputs.checkpoint_box import checkpoint_words
from gandam_studio.qt.outputs.output_dialog import OutputDialog
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.numbers import WholeBox
from trainer.protocol.run_directory import RunDirectory
from trainer.protocol.untrusted import shortened

FOLDER, SHEET, BOTH = "folder", "sheet", "both"
LARGEST_SEED = 2**31 - 1


class SpritesDialog(OutputDialog):
    """Attributes:
    runs, checkpoints, count, seed, layout_box: the choices.
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
            (self.tr("Both: the folder, with a sheet in it"), BOTH),
        ):
            self.layout_box.addItem(text, kind)
        self._add_rows()
        listed = {one.folder for one in runs}
        for one in reversed(runs):
            self.runs.addItem(shortened(one.title, 80), one.folder)
        if folder not in listed:
            self.runs.insertItem(0, shortened(folder.name, 80), folder)
        self.runs.setCurrentIndex(max(0, self._index_of(folder)))
        self.runs.currentIndexChanged.connect(lambda _index: self._change_run())
        self.checkpoints.currentIndexChanged.connect(lambda _index: self._change_checkpoint())
        self.layout_box.currentIndexChanged.connect(lambda _index: self._propose())
        self.seed.valueChanged.connect(lambda _value: self._propose())
        self._read()

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
        self.add_target_row()

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

    def _propose(self) -> None:
        """Propose a target, unless the person has written one."""
        typed = self.target.text().strip()
        if typed and typed != self._proposed:
            self.check()
            return
        at = f"-{self.checkpoint.iteration}" if self.checkpoint else ""
        self.propose(f"{self.run.name}{at}-seed-{self.seed.value()}", "" if self.writes_folder() else ".png")
        self._proposed = self.target.text().strip()
        self.check()

    def writes_folder(self) -> bool:
        """See `OutputDialog`."""
        return self.layout_box.currentData() != SHEET

    def reason(self, target: Path, *, force: bool) -> str:
        """See `OutputDialog`."""
        if not self._found:
            return self.tr("This run has no checkpoint yet, so there is nothing to draw with.")
        return check_target(self.run, target, folder=self.writes_folder(), force=force)

    def work(self, target: Path, *, force: bool) -> Callable[[Any, Any], Any]:
        """See `OutputDialog`."""
        run, chosen, kind = self.run, self.checkpoint, self.layout_box.currentData()
        count, seed = self.count.value(), self.seed.value()
        iteration = chosen.name if chosen else None

        def draw(_workspace: Any, job: Any) -> dict[str, Any]:
            return draw_sprites(
                run, target, count=count, seed=seed, iteration=iteration, singly=kind != SHEET, sheet=kind == BOTH,
                force=force, job=job,
            )  # fmt: skip

        return draw

    def done_text(self, answer: Any, target: Path) -> str:
        """See `OutputDialog`."""
        return self.tr("{0} from iteration {1:,}: {2}").format(
            sprites(len(answer["seeds"])), answer["iteration"], target
        )

"""The choices of how samples look when they are handed over, and a preview of them before and after."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from PySide6.QtCore import QSettings, QTimer, Signal
from PySide6.QtGui import QHideEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.errors import UserError
from gandam_studio.core.finishing.finish import BINARY, KEPT, LEAN, MOST_EACH
from gandam_studio.core.finishing.palette_files import SUFFIXES
from gandam_studio.core.finishing.sheet import laid_out
from gandam_studio.core.runs.handing_over import (
    COLOURS,
    COLOURS_EACH,
    DATA,
    EACH,
    OWN,
    FinishedSamples,
    Look,
    Samples,
    finish_samples,
    with_alpha,
)
from gandam_studio.qt import theme
from gandam_studio.qt.background import Latest
from gandam_studio.qt.failures import explain
from gandam_studio.qt.following.pictures import to_image
from gandam_studio.qt.session import Session
from gandam_studio.qt.widgets.before_after import BeforeAfter
from gandam_studio.qt.widgets.choice_box import ChoiceBox
from gandam_studio.qt.widgets.forms import add_row
from gandam_studio.qt.widgets.numbers import DecimalBox, WholeBox
from gandam_studio.qt.widgets.outside_text import wrapped
from gandam_studio.qt.widgets.path_field import PathField
from gandam_studio.qt.widgets.swatches import Swatches
from trainer.protocol.run_directory import RunDirectory

FILE = "file"
_FOLDER = "palettes/folder"
_PATIENCE_MS = 250
"""A number that is being typed or a dragged arrow changes nothing until it rests."""

Draw = Callable[[Path], Samples]


class FinishPanel(QWidget):
    """Palette, opacity or background, stray pixels and outlines; `look` says what is chosen.

    Attributes:
        palette_box, lacking, file, colours, alpha, background, cleans, times, outline: the fields. swatches: the
            palette's colours.

    Signals:
        look_changed: another look is chosen.
    """

    look_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.palette_box = ChoiceBox()
        for text, kind in (
            (self.tr("Of the training pictures"), DATA),
            (self.tr("Of these sprites"), OWN),
            (self.tr("Each sprite its own"), EACH),
            (self.tr("From a file"), FILE),
            (self.tr("As drawn, without a palette"), ""),
        ):
            self.palette_box.addItem(text, kind)
        self.palette_box.setToolTip(self.tr("Every pixel gets the colour of the palette that looks nearest (in OKLab)"))
        self.lacking = QLabel(wordWrap=True)
        self.lacking.setProperty("role", "secondary")
        self.lacking.setText(
            self.tr("The training pictures of this model are missing: there is nothing to compare with.")
        )
        self._before_lacking: tuple[bool, float] | None = None
        self.file = PathField()
        self.file.setAccessibleName(self.tr("Palette file"))
        self.file.setPlaceholderText(" ".join(SUFFIXES))
        self.browse_button = QPushButton(self.tr("Browse…"))
        self.browse_button.clicked.connect(lambda _checked=False: self.browse())
        self._file_row = QWidget()
        row = QHBoxLayout(self._file_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.file, 1)
        row.addWidget(self.browse_button)
        self.colours = WholeBox(minimum=1, maximum=MOST_EACH, value=COLOURS)
        self.colours.setSuffix(self.tr(" at most"))
        self.swatches = Swatches()
        self.alpha = QComboBox()
        self.alpha.addItem(self.tr("Clear or opaque"), BINARY)
        self.alpha.addItem(self.tr("As drawn"), KEPT)
        self.alpha.setToolTip(self.tr("Pixel art has no half-clear pixels"))
        self.background = QComboBox()
        self.background.addItem(self.tr("Clear"), True)
        self.background.addItem(self.tr("As drawn"), False)
        self.background.setToolTip(
            self.tr("The run draws no transparency: sprites are cut out of the background of its training pictures")
        )
        self.cleans = QCheckBox(self.tr("Clean stray pixels, to"))
        self.cleans.setChecked(True)
        self.cleans.setToolTip(
            self.tr(
                "A stray pixel has none of its colour around it. Those that differ least from a neighbour go first."
            )
        )
        self.times = DecimalBox()
        self.times.setRange(0, 10)
        self.times.setSingleStep(0.25)
        self.times.setDecimals(2)
        self.times.setValue(1)
        self.times.setSuffix(self.tr(" times the training pictures'"))
        self.times.setToolTip(self.tr("How many may be left, compared with the training pictures (0: none)"))
        self.times.setAccessibleName(self.tr("Stray pixels left"))
        self.outline = DecimalBox()
        self.outline.setRange(0, 8)
        self.outline.setSingleStep(0.5)
        self.outline.setDecimals(2)
        self.outline.setValue(LEAN)
        self.outline.setToolTip(
            self.tr("How much outlines become like the training pictures': their colours, no soft fringe (0: not)")
        )
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(theme.SPACE)
        self._form.setHorizontalSpacing(2 * theme.SPACE)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        add_row(self._form, self.tr("&Palette"), self.palette_box)
        add_row(self._form, "", self.lacking)
        add_row(self._form, self.tr("Palette &file"), self._file_row, self.file)
        add_row(self._form, self.tr("Co&lours"), self.colours)
        add_row(self._form, "", self.swatches)
        add_row(self._form, self.tr("&Opacity"), self.alpha)
        add_row(self._form, self.tr("&Background"), self.background)
        cleaning = QWidget()
        row = QHBoxLayout(cleaning)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.cleans)
        row.addWidget(self.times, 1)
        self._cleaning = cleaning
        add_row(self._form, "", cleaning)
        add_row(self._form, self.tr("Out&lines"), self.outline)
        self._resting = QTimer(self, interval=_PATIENCE_MS, singleShot=True)
        self._resting.timeout.connect(self.look_changed)
        self.palette_box.currentIndexChanged.connect(lambda _index: self._change_palette())
        for choice in (self.alpha, self.background):
            choice.currentIndexChanged.connect(lambda _index: self.look_changed.emit())
        self.cleans.toggled.connect(self.times.setEnabled)
        self._form.setRowVisible(self.lacking, False)
        self._form.setRowVisible(self.background, False)
        self.cleans.toggled.connect(lambda _on: self.look_changed.emit())
        self.file.textChanged.connect(lambda _text: self._resting.start())
        for box in (self.colours, self.times, self.outline):
            box.valueChanged.connect(lambda _value: self._resting.start())
        self._show_rows()

    def show_data(self, at_hand: bool) -> None:
        """Offer the choices that need the training pictures, or only the others if these are missing."""
        if at_hand == (self._before_lacking is None):
            return
        item = cast(QStandardItemModel, self.palette_box.model()).item(self.palette_box.findData(DATA))
        item.setEnabled(at_hand)
        if self._before_lacking is not None:
            cleaned, lean = self._before_lacking
            self._before_lacking = None
        else:
            self._before_lacking = self.cleans.isChecked(), self.outline.value()
            cleaned, lean = False, 0.0
            if self.palette_box.currentData() == DATA:
                self.palette_box.setCurrentIndex(self.palette_box.findData(OWN))
        self.cleans.setChecked(cleaned)
        self.outline.setValue(lean)
        for part in (self.cleans, self.outline):
            part.setEnabled(at_hand)
        self._form.setRowVisible(self.lacking, not at_hand)

    def show_background(self, opaque: bool) -> None:
        """Offer a clear background instead of opacity for samples that are `opaque`: without transparency."""
        self._form.setRowVisible(self.background, opaque)
        self._form.setRowVisible(self.alpha, not opaque)

    def align_labels(self, others: Sequence[QLabel]) -> None:
        """Give these labels and the panel's own one width, so that fields stand below those of another form."""
        labels: list[QWidget] = list(others)
        for row in range(self._form.rowCount()):
            item = self._form.itemAt(row, QFormLayout.ItemRole.LabelRole)
            if item is not None and (label := item.widget()) is not None:
                labels.append(label)
        width = max(label.sizeHint().width() for label in labels)
        for label in labels:
            label.setMinimumWidth(width)

    @property
    def look(self) -> Look:
        """What is chosen. Raises UserError when no palette file is named."""
        kind = self.palette_box.currentData()
        alpha, cut = self.alpha.currentData(), bool(self.background.currentData())
        if not kind:
            return Look(alpha=alpha, cut=cut)
        if kind == FILE:
            kind = self.file.text().strip()
            if not kind:
                raise UserError(self.tr("Choose a palette file."))
            if kind in (DATA, OWN, EACH):
                kind = str(Path(kind).absolute())
        times = self.times.value() if self.cleans.isChecked() else None
        return Look(kind, self.colours.value(), alpha, times, self.outline.value(), cut)

    def _change_palette(self) -> None:
        kind = self.palette_box.currentData()
        usual = {EACH: COLOURS_EACH}.get(kind, COLOURS)
        if self.colours.value() in (COLOURS, COLOURS_EACH):
            self.colours.setValue(usual)
        self._show_rows()
        self._resting.stop()
        self.look_changed.emit()

    def _show_rows(self) -> None:
        kind = self.palette_box.currentData()
        self._form.setRowVisible(self._file_row, kind == FILE)
        self._form.setRowVisible(self.colours, kind in (DATA, OWN, EACH))
        self._form.setRowVisible(self.swatches, kind not in (EACH, ""))
        self._form.setRowVisible(self._cleaning, bool(kind))
        self._form.setRowVisible(self.outline, kind not in (EACH, ""))

    def browse(self) -> None:
        """Ask for a palette file."""
        last = QSettings().value(_FOLDER)
        folder = str(last) if last and Path(str(last)).is_dir() else str(Path.home())
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        name, _ = QFileDialog.getOpenFileName(
            self, self.tr("Palette file"), folder, self.tr("Palettes ({0})").format(patterns)
        )
        if name:
            QSettings().setValue(_FOLDER, str(Path(name).parent))
            self.file.setText(name)

    def show_palette(self, done: FinishedSamples | None) -> None:
        """Show the colours that samples were finished in."""
        palette = done.finish.palette if done is not None else None
        self.swatches.set_colours(palette.colours if palette is not None else [])


class FinishPreview(QWidget):
    """Samples before and after, finished anew whenever the panel's look changes.

    Attributes:
        pictures: both sides. told: what is seen: colours, stray pixels, or why there is nothing. done: what is shown.

    Signals:
        finished: other samples are shown, or the same in another look; `done` holds them, None after a failure.
    """

    finished = Signal()

    def __init__(self, session: Session, panel: FinishPanel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._panel = session, panel
        self._run: RunDirectory | None = None
        self._samples: Samples | None = None
        self._drawing, self._finishing = Latest(), Latest()
        self.done: FinishedSamples | None = None
        self.pictures = BeforeAfter()
        self.told = QLabel(wordWrap=True)
        self.told.setProperty("role", "secondary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.HALF)
        layout.addWidget(self.pictures, 1)
        layout.addWidget(self.told)
        panel.look_changed.connect(self.refresh)

    def clear(self, text: str) -> None:
        """Show a text instead of samples."""
        self._drawing.forget()
        self._finishing.forget()
        self._samples = self.done = None
        self.pictures.set_message(text)
        self.told.setText("")
        self._panel.show_palette(None)

    def draw(self, run: RunDirectory, draw: Callable[[Any], Draw]) -> None:
        """Draw samples in the background and show them; `draw` is called with the job, as `hand_over` wants it."""
        self.clear(self.tr("Drawing…"))
        self._run = run

        def work(_workspace: Any, job: Any) -> Samples:
            with tempfile.TemporaryDirectory(prefix="gandam-", ignore_cleanup_errors=True) as scratch:
                return draw(job)(Path(scratch) / "drawn")

        task = self._session.start_quiet_job(work, lambda samples: self.show_samples(run, samples), self._fail)
        self._drawing.follow(task)

    def show_samples(self, run: RunDirectory, samples: Samples) -> None:
        """Show these samples of a run."""
        self._run, self._samples = run, samples
        self._panel.show_background(samples.pictures[0].shape[2] == 3 and run.dataset_path.is_file())
        if self.pictures.before.image is None:
            self.pictures.set_message(self.tr("Finding colours…"))
        self.refresh()

    def refresh(self) -> None:
        """Finish the samples shown in the panel's look."""
        run, samples = self._run, self._samples
        if run is None or samples is None:
            return
        try:
            look = self._panel.look
        except UserError as error:
            self._fail(error)
            return

        def work(_workspace: Any, job: Any) -> tuple[FinishedSamples, str]:
            done = finish_samples(run, samples, look, job=job)
            return done, _told(done)

        self._finishing.follow(self._session.start_quiet_job(work, self._show, self._fail))

    def _show(self, found: tuple[FinishedSamples, str]) -> None:
        self.done, text = found
        self.told.setText(text)
        self.pictures.set_images(
            _sheet([with_alpha(p) for p in self.done.samples.pictures]), _sheet(self.done.pictures)
        )
        self._panel.show_palette(self.done)
        self.finished.emit()

    def _fail(self, error: BaseException) -> None:
        self.done = None
        text = explain(error)
        text = text[:1].upper() + text[1:]
        if self._samples is None:
            self.pictures.set_message(text)
        else:
            if self.pictures.before.image is None:
                self.pictures.set_message("")  # The samples that were announced will not come.
            self.told.setText(wrapped(text))
        self.finished.emit()

    def stop(self) -> None:
        """Give up what is being drawn."""
        self._drawing.forget()
        self._finishing.forget()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw nothing for nobody."""
        self.stop()
        super().hideEvent(event)


def _told(done: FinishedSamples) -> str:
    from PySide6.QtCore import QCoreApplication

    def tr(text: str) -> str:
        return QCoreApplication.translate("FinishPreview", text)

    parts = [tr("{0:,} colours").format(done.colours)] if done.colours else []
    parts.append(tr("stray pixels {0:.1f} %").format(100 * done.stray))
    if done.data_stray is not None:
        parts.append(tr("training pictures {0:.1f} %").format(100 * done.data_stray))
    return " · ".join(parts)


def _sheet(pictures: Sequence[np.ndarray]) -> Any:
    # The panes are higher than wide.
    return to_image(laid_out(pictures, max(1, math.isqrt(len(pictures) * 2 // 3))))

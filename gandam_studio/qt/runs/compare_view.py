"""Compares up to four runs: differences, overlaid curves, sample grids after the same number of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QT_TRANSLATE_NOOP, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from gandam_studio.core.errors import UserError
from gandam_studio.core.runs.comparison import compare
from gandam_studio.core.runs.labels import label_of
from gandam_studio.core.runs.record import RunRecord
from gandam_studio.core.runs.samples import SampleSpot
from gandam_studio.qt import theme
from gandam_studio.qt.failures import explain
from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.runs.difference_table import DifferenceTable
from gandam_studio.qt.widgets.outside_text import tip, wrapped
from gandam_studio.qt.widgets.plots.curve_plot import Series
from gandam_studio.qt.widgets.plots.plot_panel import PlotPanel
from gandam_studio.qt.widgets.plots.timeline import Timeline
from gandam_studio.qt.widgets.plots.timeline_bar import TimelineBar
from gandam_studio.qt.widgets.sample_grid import SampleGrid
from trainer.protocol.diagnosis_cards import summary
from trainer.protocol.measures import meaning, title
from trainer.protocol.untrusted import shortened

DASHES = ("solid", "dash", "dot", "solid")
CURVES = (
    ("loss_d", QT_TRANSLATE_NOOP("CompareView", "Discr. loss"), False),
    ("loss_g", QT_TRANSLATE_NOOP("CompareView", "Gen. loss"), False),
    ("d_fake", QT_TRANSLATE_NOOP("CompareView", "Gen. score"), False),
    ("grad_norm_g", QT_TRANSLATE_NOOP("CompareView", "Gen. gradient"), True),
)
"""The curves compared, titles that fit above narrow plots, and whether their scale is logarithmic at first."""
FLOW_CURVES = (
    ("loss", QT_TRANSLATE_NOOP("CompareView", "Flow's loss"), True),
    ("error_some_noise", QT_TRANSLATE_NOOP("CompareView", "Error, some noise"), True),
)
"""The same of flows, which have none of the others but the gradient."""
REFRESH_MS = 100


class CompareView(QWidget):
    """Attributes:
    timeline: the cursor, in pictures seen, since batch sizes may differ. followers: one per run.

    Signals:
        menu_requested: the menu of a sample is wanted (SampleSpot, its RunFollower, global position).
    """

    menu_requested = Signal(object, object, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.timeline = Timeline(self)
        self.followers: list[RunFollower] = []
        self.table = DifferenceTable()
        self.grids: list[SampleGrid] = []
        self.bar = TimelineBar(self.timeline, self.tr("pictures seen"))
        self.plots = PlotPanel(self.timeline, columns=4)
        self._refresh = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._refresh.timeout.connect(self._extend)
        self._grid_row = QHBoxLayout()
        self._grid_row.setSpacing(theme.SPACE)
        self._lay_out()
        self.timeline.moved.connect(lambda _position: self.show_grids())

    def _lay_out(self) -> None:
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.HALF)
        column.addLayout(self._grid_row, 1)
        column.addWidget(self.bar)
        split = QSplitter(Qt.Orientation.Vertical)
        for widget, stretch in ((upper, 4), (self.plots, 3), (self.table, 3)):
            split.addWidget(widget)
            split.setStretchFactor(split.count() - 1, stretch)
        split.setChildrenCollapsible(False)
        split.setSizes([340, 210, 200])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, theme.SPACE, 14, theme.SPACE)
        layout.addWidget(split)

    def show_runs(self, folders: list[Path]) -> None:
        """Show one to four runs, replacing the current ones."""
        self.close_runs()
        self.timeline.reset()
        while len(self.grids) > len(folders):
            grid = self.grids.pop()
            self._grid_row.removeWidget(grid)
            grid.deleteLater()
        while len(self.grids) < len(folders):
            self.grids.append(SampleGrid("", widest=self.tr("88,888,888 pictures (last)")))
            # A long name is elided instead of widening the window.
            self.grids[-1].title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            position = len(self.grids) - 1
            self.grids[-1].menu_requested.connect(
                lambda index, at, position=position: self._ask_menu(position, index, at)
            )
            self.grids[-1].cell_clicked.connect(lambda index, position=position: self._choose(position, index))
            self._grid_row.addWidget(self.grids[-1], 1)
        for grid, folder in zip(self.grids, folders, strict=True):
            show_title(grid, folder)
            grid.view.selected = None
            grid.set_widest(self._note(88_888_888, ended=True))
            grid.view.set_image(None, 0, 0)
            grid.view.set_message(self.tr("Reading…"))
            grid.note.clear()
            grid.footer.hide()
        self.table.setVisible(len(folders) > 1)
        if len(folders) > 1:
            try:
                self.table.show_comparison(compare(folders))
            except UserError as error:
                self.table.summary.setText(wrapped(explain(error)))
        for folder in folders:
            follower = RunFollower(folder, self, self.timeline)
            follower.opened.connect(self._set_plots)
            follower.changed.connect(lambda _changes: self._refresh.start())
            follower.picture_loaded.connect(lambda _path: self.show_grids())
            follower.trouble_changed.connect(lambda _trouble: self.show_grids())
            follower.vanished.connect(self.show_grids)
            self.followers.append(follower)
            follower.start()

    def show_titles(self) -> None:
        """Show the runs' names and notes again, which may have changed."""
        for grid, follower in zip(self.grids, self.followers, strict=False):
            show_title(grid, follower.run_directory.path)

    def close_runs(self) -> None:
        """Stop following."""
        for follower in self.followers:
            follower.close()
            follower.deleteLater()
        self.followers = []

    def _set_plots(self) -> None:
        known = {name for follower in self.followers if follower.is_open for name in follower.record.curves}
        # Until anything is known, the plots of most runs wait empty.
        rows = [row for row in (*CURVES, *FLOW_CURVES) if row[0] in known] or CURVES
        plots, meanings = [], [f"{title(name)} ({name}): {meaning(name)}" for name, _short, _log in rows]
        for name, short, log in rows:
            series = [
                overlaid(follower, name, position)
                for position, follower in enumerate(self.followers)
                if follower.is_open and name in follower.record.curves
            ]
            plots.append((self.tr(str(short)), series, log))
        self.plots.set_plots(plots, [follower.record for follower in self.followers], meanings)
        self._extend()

    def _extend(self) -> None:
        """Extend the axis to the longest run, with the sample points of all runs as stops."""
        records = [follower.record for follower in self.followers]
        last = max((record.images_seen_at(record.last_iteration) for record in records), default=0.0)
        stops = {float(sample.images_seen) for record in records for sample in record.samples}
        self.timeline.set_axis(last, sorted(stops))
        self.plots.schedule()
        self.show_grids()

    def spot(self, position: int, index: int | None) -> SampleSpot | None:
        """A place in a run's grid as it is shown; None while there are no samples."""
        if position >= len(self.followers):
            return None
        follower = self.followers[position]
        sample = follower.record.sample_at(follower.record.iteration_at(self.timeline.shown) + 0.5)
        return None if sample is None else SampleSpot(follower.run_directory, sample, "fixed", index)

    @property
    def chosen(self) -> tuple[SampleSpot, RunFollower] | None:
        """The sample that was clicked last; without one, the first run's whole grid. None without samples."""
        position = next((i for i, grid in enumerate(self.grids) if grid.view.selected is not None), 0)
        index = self.grids[position].view.selected if self.grids else None
        spot = self.spot(position, index)
        return (spot, self.followers[position]) if spot else None

    def _choose(self, position: int, index: int) -> None:
        for i, grid in enumerate(self.grids):
            grid.view.selected = index if i == position else None
            grid.view.update()

    def _ask_menu(self, position: int, index: int | None, at: QPoint) -> None:
        if (spot := self.spot(position, index)) is not None:
            self.menu_requested.emit(spot, self.followers[position], at)

    def show_grids(self) -> None:
        """Show every run's newest sample point at or before the cursor."""
        if len(self.followers) != len(self.grids):
            return  # The selection is changing: the cursor is reset before the new runs are added.
        for follower, grid in zip(self.followers, self.grids, strict=True):
            iteration = follower.record.iteration_at(self.timeline.shown)
            sample = follower.record.sample_at(iteration + 0.5)
            self._show_verdict(follower, grid, iteration + 0.5)
            if sample is None:
                if follower.trouble:
                    grid.view.set_message(self.tr("Cannot be read: {0}").format(shortened(follower.trouble, 200)))
                elif follower.is_gone:
                    grid.view.set_message(self.tr("The run's folder is missing."))
                elif follower.is_open:
                    grid.view.set_message(self.tr("No samples yet."))
                continue
            image = follower.picture(sample.fixed)
            if image is None and follower.picture_is_lost(sample.fixed):
                grid.view.set_image(None, 0, 0)
                grid.view.set_message(self.tr("These samples cannot be read."))
                grid.note.setText(self._note(sample.images_seen, ended=False))
            if image is not None:
                grid.view.set_image(image, sample.rows, sample.columns)
                ended = self.timeline.shown > follower.record.images_seen_at(follower.record.last_iteration) * 1.001
                grid.note.setText(self._note(sample.images_seen, ended=ended))

    def _show_verdict(self, follower: RunFollower, grid: SampleGrid, iteration: float) -> None:
        """The verdict of that moment, below the grid; nothing for a run that was not diagnosed."""
        finding = follower.diagnosis(iteration)
        found = finding.diagnosis if finding is not None else None
        text = ""
        if found is not None and finding is not None:
            text = self.tr("{0} (iteration {1:,})").format(summary(found).title, finding.iteration)
        grid.footer.setText(text)
        grid.footer.setVisible(bool(follower.record.diagnoses))

    def _note(self, images_seen: int, *, ended: bool) -> str:
        """The note above a grid, shorter with three or four runs."""
        narrow = len(self.grids) > 2
        text = f"{images_seen:,}" if narrow else self.tr("{0:,} pictures").format(images_seen)
        return text + (self.tr(" (last)") if ended else "")


def show_title(grid: SampleGrid, folder: Path) -> None:
    """Name a run above its grid."""
    label = label_of(folder)
    grid.set_title(shortened(label.name or folder.name))
    grid.title.setToolTip(tip("\n".join(line for line in (label.name, folder.name, label.note) if line)))


def overlaid(follower: RunFollower, name: str, position: int) -> Series:
    """A run's curve over pictures seen; runs differ in colour and dash."""
    record: RunRecord = follower.record
    short = shortened(follower.name.split("-", 1)[0], 12)

    def to_axis(iterations: np.ndarray) -> np.ndarray:
        pace = record.pace
        if not pace.iteration:
            return iterations
        # Before the first Progress event, its rate is assumed.
        return np.interp(iterations, [0, *pace.iteration], [0, *pace.images_seen])

    return Series(
        short, record.curve(name), f"plot_{position % 4 + 1}", DASHES[position % 4], to_axis, record.iteration_at
    )

"""The grids of a run: the same samples, new ones and real sprites side by side, or the samples around a spike."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QPoint, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from gandam_studio.core.runs.samples import SampleSpot
from gandam_studio.qt import icons, theme
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.following.pictures import real_sheet
from gandam_studio.qt.following.texts import jump_reason, jump_size, jump_title
from gandam_studio.qt.widgets.outside_text import OutsideLabel, tip
from gandam_studio.qt.widgets.sample_grid import SampleGrid
from trainer.protocol.events import SamplesSaved, SpikeFound


class GridArea(QStackedWidget):
    """Shows the sample point under the cursor.

    Attributes:
        raw: whether samples are shown as they were drawn, before their background was cleaned (see `show_raw`).

    Signals:
        cell_clicked: a cell was clicked ("fixed", "random" or "real", index).
        moment_chosen: a spike's grid was clicked (iteration).
        menu_requested: the menu of a sample or of its grid is wanted (SampleSpot, global position).
    """

    cell_clicked = Signal(str, int)
    moment_chosen = Signal(float)
    menu_requested = Signal(object, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._follower: RunFollower | None = None
        self._task: BackgroundTask | None = None
        self._real_for: tuple | None = None
        self._complete: SamplesSaved | None = None
        self._spike: SpikeFound | None = None
        self.raw = False
        self.fixed = SampleGrid(
            self.tr("Same samples over time"),
            self.tr("Drawn from the same random numbers (latents) every time, so that you see each sample develop"),
        )
        self.random = SampleGrid(
            self.tr("New random samples"),
            self.tr("Drawn from new random numbers (latents) every time: what the network can do altogether"),
        )
        self.real = SampleGrid(
            self.tr("Real sprites"),
            self.tr("Some of the training pictures, from all over the data set, to compare with"),
        )
        for grid, which in ((self.fixed, "fixed"), (self.random, "random"), (self.real, "real")):
            grid.cell_clicked.connect(lambda index, which=which: self.cell_clicked.emit(which, index))
            if which != "real":
                grid.menu_requested.connect(lambda index, at, which=which: self._ask_menu(which, index, at))
        self.moments = [SampleGrid(text) for text in (self.tr("Before"), self.tr("At the jump"), self.tr("After"))]
        self._moments_at: list[float] = []
        for position, grid in enumerate(self.moments):
            grid.cell_clicked.connect(lambda _index, position=position: self._choose(position))
            grid.menu_requested.connect(lambda index, at, position=position: self._ask_moment_menu(position, index, at))
        self.spike_title = OutsideLabel()
        self.spike_title.setProperty("role", "title")
        self.addWidget(_row(self.fixed, self.random, self.real))
        self.addWidget(self._spike_page())

    def _spike_page(self) -> QWidget:
        close = QToolButton()
        close.setText(self.tr("Back to the cursor"))
        icons.set_icon(close, "close", "secondary", 16)
        close.clicked.connect(lambda _checked=False: self.show_spike(None))
        header = QHBoxLayout()
        header.addWidget(self.spike_title, 1)
        header.addWidget(close)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.HALF)
        layout.addLayout(header)
        layout.addWidget(_row(*self.moments), 1)
        return page

    def set_follower(self, follower: RunFollower) -> None:
        """Show a run."""
        self._follower = follower
        self._real_for = self._complete = None
        if self._task is not None:
            self._task.abandon()  # another run's sprites
        for grid in (self.fixed, self.random, self.real):
            grid.view.set_image(None, 0, 0)
            grid.note.clear()
        self.fixed.view.set_message(self.tr("The first samples will appear here."))
        self.show_spike(None)

    def spot(self, which: str, index: int | None) -> SampleSpot | None:
        """A place in the "fixed" or "random" grid at the cursor; None while there are no samples."""
        sample = self._follower.sample() if self._follower is not None else None
        if self._follower is None or sample is None:
            return None
        return SampleSpot(self._follower.run_directory, sample, which, index, self.raw)

    def _ask_menu(self, which: str, index: int | None, at: QPoint) -> None:
        if (spot := self.spot(which, index)) is not None:
            self.menu_requested.emit(spot, at)

    def _ask_moment_menu(self, position: int, index: int | None, at: QPoint) -> None:
        if self._follower is None or self._spike is None:
            return
        path, sample = spike_moments(self._follower, self._spike)[position]
        if sample is not None:
            # Grids around a spike show the fixed latents.
            spot = SampleSpot(self._follower.run_directory, replace(sample, fixed=path), "fixed", index)
            self.menu_requested.emit(spot, at)

    def show_raw(self, raw: bool) -> None:
        """Show the samples as they were drawn, or with their background cleaned. Those around a spike stay cleaned."""
        self.raw, self._complete = raw, None
        self.refresh()

    def refresh(self) -> None:
        """Update after the cursor moved or a picture was loaded."""
        follower = self._follower
        if follower is None:
            return
        if self._spike is not None:
            self._show_moments(self._spike)
            return
        sample = follower.sample()
        if sample is None or sample is self._complete:
            return
        pictures = [follower.picture(sample.grid(which, self.raw)) for which in ("fixed", "random")]
        for grid, picture in zip((self.fixed, self.random), pictures, strict=True):
            _show(grid, picture, sample)
        self._complete = sample if all(pictures) else None
        self._load_real(follower, sample)
        self._prefetch(follower, sample)

    def _prefetch(self, follower: RunFollower, sample: SamplesSaved) -> None:
        """Decode the adjacent sample points in advance."""
        samples = follower.record.samples
        at = follower.record.sample_index(sample.iteration)
        for other in (*samples[at + 1 : at + 3], *samples[max(0, at - 1) : at]):
            follower.picture(other.grid("fixed", self.raw))
            follower.picture(other.grid("random", self.raw))
        follower.picture(sample.grid("fixed", self.raw))

    # Real sprites

    def _load_real(self, follower: RunFollower, sample: SamplesSaved) -> None:
        key = (follower.run_directory.path, sample.rows, sample.columns)
        if self._real_for == key or self._task is not None:
            return
        self._real_for = key
        dataset = follower.run_directory.dataset_path
        self._task = BackgroundTask("", None, lambda _w, _j: real_sheet(dataset, sample.rows, sample.columns), self)
        self._task.succeeded.connect(lambda image: self._show_real(image, sample))
        self._task.failed.connect(lambda _error: self._show_real(None, sample))
        self._task.ended.connect(self._end_task)
        self._task.start()

    def _show_real(self, image: QImage | None, sample: SamplesSaved) -> None:
        self.real.view.set_message("" if image else self.tr("The training pictures cannot be read."))
        rows = 0 if image is None else max(1, image.height() // max(1, image.width() // sample.columns))
        self.real.view.set_image(image, rows, sample.columns)

    def _end_task(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
        self._task = self._complete = None  # Another run may be waiting for its real sprites.
        self.refresh()

    def wait(self) -> None:
        """Wait for the loading to end, before closing."""
        if self._task is not None:
            self._task.wait()

    # Spikes

    def show_spike(self, spike: SpikeFound | None) -> None:
        """Show the sample points before, at and after a spike; None returns to the cursor."""
        self._spike = spike
        self._complete = None
        self.setCurrentIndex(0 if spike is None else 1)
        self.refresh()

    @property
    def spike(self) -> SpikeFound | None:
        """The spike shown, or None."""
        return self._spike

    def _show_moments(self, spike: SpikeFound) -> None:
        assert self._follower is not None
        reason = jump_reason(spike, self._follower.record.changed_from)
        self.spike_title.setText(". ".join(part for part in (jump_title(spike), reason) if part))
        self.spike_title.setToolTip(tip(jump_size(spike)))
        moments = spike_moments(self._follower, spike)
        self._moments_at = [sample.iteration if sample else 0.0 for _path, sample in moments]
        for grid, (path, sample) in zip(self.moments, moments, strict=True):
            if sample is None:
                grid.view.set_image(None, 0, 0)
                grid.view.set_message(self.tr("No samples were saved here."))
                grid.note.clear()
            else:
                _show(grid, self._follower.picture(path), sample)

    def _choose(self, position: int) -> None:
        if position < len(self._moments_at):
            self.moment_chosen.emit(float(self._moments_at[position]))


def spike_moments(follower: RunFollower, spike: SpikeFound) -> list[tuple[str, SamplesSaved | None]]:
    """Path and sample point before, at and after a spike: the grids saved for it, or else the nearest points."""
    record = follower.record
    nearest = record.sample_at(spike.spike_iteration)
    own = [spike.pictures.get(name, "") for name in ("before", "at", "after")]
    if nearest is not None and all(own):
        at = [spike.moments.get(name, nearest.iteration) for name in ("before", "at", "after")]
        return [(path, replace(nearest, iteration=when)) for path, when in zip(own, at, strict=True)]
    before = [sample for sample in record.samples if sample.iteration < spike.spike_iteration]
    after = [sample for sample in record.samples if sample.iteration >= spike.spike_iteration]
    # "At" is the first sample point affected by the spike.
    chosen = [before[-1] if before else None, after[0] if after else None, after[1] if len(after) > 1 else None]
    return [(sample.fixed if sample else "", sample) for sample in chosen]


def _show(grid: SampleGrid, image: QImage | None, sample: SamplesSaved) -> None:
    if image is not None:
        grid.view.set_image(image, sample.rows, sample.columns)
        grid.note.setText(
            f"{sample.iteration:,}" if sample.iteration else QCoreApplication.translate("train", "untrained")
        )
        grid.view.setAccessibleDescription(f"{sample.rows} x {sample.columns}, {sample.iteration:,}")


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(theme.SPACE)
    for widget in widgets:
        layout.addWidget(widget, 1)
    return row

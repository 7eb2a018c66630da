"""Details of a sample: the same latent over time, and the nearest training pictures."""

from __future__ import annotations

import logging

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gandam_studio.core.runs.nearest import Neighbour, nearest_training
from gandam_studio.qt import icons, theme
from gandam_studio.qt.background import BackgroundTask
from gandam_studio.qt.following.follower import RunFollower
from gandam_studio.qt.following.pictures import to_image, to_pixels
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.outside_text import wrapped
from gandam_studio.qt.widgets.sample_grid import crisp, paint_checker
from trainer.protocol.arrays import open_pictures
from trainer.protocol.events import SamplesSaved

NEIGHBOURS = 6
FILM = 6
COPY_DISTANCE = 0.04
"""Root mean square distance below which a sample counts as a copy of a training picture."""
log = logging.getLogger(__name__)


class ZoomedPicture(QWidget):
    """A small, crisp picture on a checkerboard, with a caption.

    Signals:
        clicked: the picture was clicked.
    """

    clicked = Signal()

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self.caption = ""
        self._side = side
        self.highlighted = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """A square and a line of text."""
        return QSize(self._side, self._side + (16 if self.caption else 0))

    def show_picture(self, image: QImage, caption: str = "", tip: str = "") -> None:
        """Show a picture."""
        self._image, self.caption = image, caption
        self.setToolTip(tip)
        self.setAccessibleName(tip or caption)
        self.updateGeometry()
        self.update()

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint picture, frame and caption."""
        area = QRectF(0, 0, self._side, self._side)
        if not self._image.isNull():
            if self._image.hasAlphaChannel():
                paint_checker(painter, area.toRect())
            ratio = self.devicePixelRatioF()
            pixmap = QPixmap.fromImage(crisp(self._image, round(self._side * ratio), round(self._side * ratio)))
            pixmap.setDevicePixelRatio(ratio)
            painter.drawPixmap(area.topLeft(), pixmap)
        painter.setPen(theme.color("accent" if self.highlighted else "border"))
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
        if self.caption:
            font = self.font()
            font.setPixelSize(10)
            painter.setFont(font)
            painter.setPen(theme.color("secondary"))
            painter.drawText(QRectF(0, self._side + 2, self._side, 14), Qt.AlignmentFlag.AlignCenter, self.caption)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell."""
        self.clicked.emit()


class SampleZoom(QFrame):
    """The pane next to the grids.

    Signals:
        closed: the close button was clicked. moment_chosen: a picture of the film was clicked (iteration).
    """

    closed = Signal()
    moment_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(292)
        self._follower: RunFollower | None = None
        self._index = 0
        self._which = "fixed"
        self._raw = False
        self._shown_key: tuple | None = None
        self._task: BackgroundTask | None = None
        self._again: QImage | None = None  # the sample that a search was asked for meanwhile
        self._title = QLabel()
        self._title.setProperty("role", "title")
        close = QToolButton()
        icons.set_icon(close, "close", "secondary", 16)
        close.setAccessibleName(self.tr("Close"))
        close.clicked.connect(lambda _checked=False: self.closed.emit())
        self._large = ZoomedPicture(256)
        self._film_title = _section(self.tr("THE SAME SAMPLE OVER TIME"))
        self._film = [ZoomedPicture(76) for _ in range(FILM)]
        self._near_title = _section(self.tr("NEAREST TRAINING PICTURES"))
        self.near_note = QLabel(wordWrap=True)
        self.near_note.setProperty("role", "secondary")
        self.near = [ZoomedPicture(76) for _ in range(NEIGHBOURS)]
        self.film_at: list[float] = []
        for position, picture in enumerate(self._film):
            picture.setCursor(Qt.CursorShape.PointingHandCursor)
            picture.clicked.connect(lambda position=position: self._choose(position))
        self._lay_out(close)

    def _lay_out(self, close: QToolButton) -> None:
        header = QHBoxLayout()
        header.addWidget(self._title, 1)
        header.addWidget(close)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(14, 8, 8, 8)
        column.setSpacing(theme.SPACE)
        column.addLayout(header)
        column.addWidget(self._large)
        column.addWidget(self._film_title)
        column.addLayout(_rows(self._film))
        column.addWidget(self._near_title)
        column.addWidget(self.near_note)
        column.addLayout(_rows(self.near))
        column.addStretch(1)
        area = QScrollArea(widgetResizable=True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 0, 0, 0)
        layout.addWidget(area)

    def show_sample(self, follower: RunFollower, which: str, index: int) -> None:
        """Show cell `index` of the "fixed", "random" or "real" grid."""
        self._follower, self._which, self._index = follower, which, index
        self._shown_key = None
        self.refresh()

    def show_raw(self, raw: bool) -> None:
        """Show samples as they were drawn, or with their background cleaned."""
        self._raw = raw
        self._shown_key = None
        self.refresh()

    def refresh(self) -> None:
        """Update after the cursor or the grids changed."""
        follower = self._follower
        if follower is None or self.isHidden():
            return
        sample = follower.sample()
        if sample is None or self._which == "real":
            return
        path = sample.grid(self._which, self._raw)
        grid, cleaned = follower.picture(path), follower.picture(sample.grid(self._which))
        if grid is None or cleaned is None or (path, self._index) == self._shown_key:
            return
        self._shown_key = (path, self._index)
        picture = cell_of(grid, sample, self._index)
        self._large.show_picture(picture)
        kind = self.tr("Sample {0}") if self._which == "fixed" else self.tr("New random sample {0}")
        self._title.setText(kind.format(self._index + 1) + self.tr(" at {0:,}").format(sample.iteration))
        self._show_film(follower, sample)
        # What is left of noise is no difference to a training picture.
        self._look_for_neighbours(cell_of(cleaned, sample, self._index))

    def show_real(self, follower: RunFollower, picture: QImage) -> None:
        """Show a training picture, enlarged only."""
        self._follower, self._which = follower, "real"
        self._forget_search()
        self._title.setText(self.tr("Training picture"))
        self._large.show_picture(picture)
        for widget in (self._film_title, *self._film, self._near_title, self.near_note, *self.near):
            widget.hide()

    def _show_film(self, follower: RunFollower, sample: SamplesSaved) -> None:
        fixed = self._which == "fixed"
        self._film_title.setVisible(fixed)
        chosen = _spread(follower.record.samples, sample, FILM) if fixed else []
        self.film_at = [float(other.iteration) for other in chosen]
        for position, widget in enumerate(self._film):
            widget.setVisible(position < len(chosen))
            if position < len(chosen):
                other = chosen[position]
                grid = follower.picture(other.grid("fixed", self._raw))
                if grid is None:
                    self._shown_key = None  # Requested; this runs again when it is decoded.
                picture = cell_of(grid, other, self._index) if grid else QImage()
                widget.highlighted = other is sample
                widget.show_picture(picture, f"{other.iteration:,}", self.tr("Iteration {0:,}").format(other.iteration))

    def _choose(self, position: int) -> None:
        if position < len(self.film_at):
            self.moment_chosen.emit(self.film_at[position])

    def _look_for_neighbours(self, sample: QImage) -> None:
        """Search off the GUI thread; while a search runs, only the newest request waits."""
        if self._task is not None:
            self._task.abandon()  # it searches for another sample
            self._again = sample
            return
        follower = self._follower
        assert follower is not None
        dataset, pixels = follower.run_directory.dataset_path, to_pixels(sample)
        self._task = BackgroundTask(
            self.tr("Nearest"), None, lambda _workspace, job: _neighbours(dataset, pixels, job), self
        )
        self._task.succeeded.connect(self._show_neighbours)
        self._task.failed.connect(self._show_failure)
        self._task.ended.connect(self._end_search)
        self._task.start()

    def _show_neighbours(self, found: list[tuple[Neighbour, np.ndarray]]) -> None:
        self._near_title.show()
        self.near_note.show()
        nearest = found[0][0] if found else None
        if nearest and nearest.distance < COPY_DISTANCE:
            self.near_note.setText(self.tr("Nearly a copy of a training picture."))
        elif nearest and nearest.mirrored:
            self.near_note.setText(
                self.tr(
                    "The nearest picture is a mirror image. The number is the distance: 0 is the same picture, 1 "
                    "the opposite."
                )
            )
        else:
            self.near_note.setText(
                self.tr("The number is the distance: 0 is the same picture, 1 the opposite. Mirror images count too.")
            )
        for position, widget in enumerate(self.near):
            widget.setVisible(position < len(found))
            if position < len(found):
                neighbour, pixels = found[position]
                shown = pixels[:, ::-1] if neighbour.mirrored else pixels
                mark = "⇋ " if neighbour.mirrored else ""
                tip = self.tr("Training picture {0}").format(neighbour.index + 1)
                tip += self.tr(", mirrored") if neighbour.mirrored else ""
                widget.show_picture(to_image(shown), f"{mark}{neighbour.distance:.3f}", tip)

    def _show_failure(self, error: Exception) -> None:
        log.info("cannot find the nearest pictures: %s", error)
        self._near_title.show()
        self.near_note.show()
        self.near_note.setText(wrapped(self.tr("The training pictures cannot be read: {0}").format(error), word=24))
        for widget in self.near:
            widget.hide()

    def _end_search(self) -> None:
        if self._task is not None:
            self._task.deleteLater()
        self._task = None
        if (sample := self._again) is not None and self._follower is not None:
            self._again = None
            self._look_for_neighbours(sample)

    def _forget_search(self) -> None:
        self._again = None
        if self._task is not None:
            self._task.abandon()

    def wait(self) -> None:
        """Wait for a running search, before closing."""
        self._forget_search()
        if self._task is not None:
            self._task.wait()


def _neighbours(dataset, pixels, job):
    pictures = open_pictures(dataset)
    if pictures.shape[-1] == 3:
        pixels = pixels[..., :3]
    found = nearest_training(dataset, pixels, NEIGHBOURS, job)
    return [(neighbour, np.array(pictures[neighbour.index])) for neighbour in found]


def cell_of(grid: QImage, sample: SamplesSaved, index: int) -> QImage:
    """Cut cell `index` from a grid picture."""
    rows, columns = max(1, sample.rows), max(1, sample.columns)
    width, height = grid.width() // columns, grid.height() // rows
    return grid.copy(index % columns * width, index // columns * height, width, height)


def _spread(samples: list[SamplesSaved], current: SamplesSaved, count: int) -> list[SamplesSaved]:
    """`count` sample points spread over the run, including the current one."""
    if len(samples) <= count:
        return list(samples)
    picked = {round(i * (len(samples) - 1) / (count - 1)) for i in range(count)}
    at = samples.index(current)
    if at not in picked:
        picked.remove(min(picked, key=lambda index: abs(index - at)))
        picked.add(at)
    return [samples[index] for index in sorted(picked)]


def _section(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "section")
    return label


def _rows(pictures: list[ZoomedPicture]) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(theme.SPACE)
    for start in range(0, len(pictures), 3):
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE + 4)
        for picture in pictures[start : start + 3]:
            row.addWidget(picture)
        row.addStretch(1)
        column.addLayout(row)
    return column

"""A grid of samples painted from one picture, with crisp pixels and clickable cells."""

from __future__ import annotations

import functools
import math

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QColor,
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event, painting
from gandam_studio.qt.widgets.outside_text import OutsideLabel

CHECKER = 8


def crisp(image: QImage, width: int, height: int) -> QImage:
    """Scale pixel art to (width, height) device pixels without blur or uneven pixels.

    Whole-number enlargements use nearest neighbour. Others are enlarged to the next whole number and averaged down,
    which keeps edges sharp to one pixel. Reductions are averaged.
    """
    if image.isNull() or width < 1 or height < 1:
        return QImage()
    factor = width / image.width()
    smooth, fast = Qt.TransformationMode.SmoothTransformation, Qt.TransformationMode.FastTransformation
    ignore = Qt.AspectRatioMode.IgnoreAspectRatio
    if factor > 1:
        whole = math.ceil(factor)
        image = image.scaled(image.width() * whole, image.height() * whole, ignore, fast)
        if image.width() == width and image.height() == height:
            return image
    return image.scaled(width, height, ignore, smooth)


class GridPicture(QWidget):
    """Paints a grid picture as large as possible, at a whole-number scale if that is not much smaller.

    Attributes:
        rows, columns: numbers of cells. selected: the marked cell, or None.

    Signals:
        cell_clicked: (index, counted row by row).
        menu_requested: right click or the menu key (index, None outside of cells; global position).
    """

    accessible_role = QAccessible.Role.Graphic

    cell_clicked = Signal(int)
    menu_requested = Signal(object, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._scaled: QPixmap | None = None
        self._scaled_for: tuple[int, int, int, float] | None = None
        self.rows = self.columns = 0
        self.selected: int | None = None
        self._hovered: int | None = None
        self._message = ""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(96, 96)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.notifier().changed.connect(self.update)

    def accessible_value(self) -> str:
        """The chosen sample, or how many there are."""
        count = self.rows * self.columns
        if self.selected is not None:
            return self.tr("sample {0} of {1}").format(self.selected + 1, count)
        return self.tr("{0} samples").format(count) if self._image is not None else self._message

    def sizeHint(self) -> QSize:
        """A square size."""
        return QSize(320, 320)

    @property
    def image(self) -> QImage | None:
        """The picture shown."""
        return self._image

    def set_image(self, image: QImage | None, rows: int, columns: int) -> None:
        """Show a picture of `rows` x `columns` cells."""
        self._image, self.rows, self.columns = image, rows, columns
        self.update()

    @property
    def message(self) -> str:
        """The text shown while there is no picture."""
        return self._message

    def set_message(self, text: str) -> None:
        """Set the text shown while there is no picture."""
        self._message = text
        self.update()

    def cell(self, index: int) -> QImage:
        """One cell at its original size."""
        if self._image is None or not self.rows or not self.columns:
            return QImage()
        width, height = self._image.width() // self.columns, self._image.height() // self.rows
        return self._image.copy(index % self.columns * width, index // self.columns * height, width, height)

    def target(self) -> QRectF:
        """Rectangle of the picture, logical pixels."""
        if self._image is None or self._image.isNull():
            return QRectF()
        ratio = self.devicePixelRatioF()
        room = (self.width() * ratio, self.height() * ratio)
        factor = min(room[0] / self._image.width(), room[1] / self._image.height())
        if factor >= 1 and math.floor(factor) / factor > 0.9:
            factor = math.floor(factor)
        width, height = round(self._image.width() * factor), round(self._image.height() * factor)
        left, top = (round(room[0]) - width) // 2, (round(room[1]) - height) // 2
        return QRectF(left / ratio, top / ratio, width / ratio, height / ratio)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint the picture, with frames around the hovered and the selected cell."""
        if self._image is None or self._image.isNull():
            painter.setPen(theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._message)
            return
        target = self.target()
        if self._image.hasAlphaChannel():
            paint_checker(painter, target.toAlignedRect())
        painter.drawPixmap(target.topLeft(), self._pixmap(target))
        for index, color in ((self._hovered, "muted"), (self.selected, "accent")):
            if index is not None and index < self.rows * self.columns:
                painter.setPen(QPen(theme.color(color), 2))
                painter.drawRect(self._cell_rect(index, target).adjusted(1, 1, -1, -1))
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRect(target.adjusted(-1.5, -1.5, 1.5, 1.5))

    def _pixmap(self, target: QRectF) -> QPixmap:
        assert self._image is not None
        ratio = self.devicePixelRatioF()
        key = (self._image.cacheKey(), round(target.width() * ratio), round(target.height() * ratio), ratio)
        if self._scaled is None or self._scaled_for != key:
            self._scaled = QPixmap.fromImage(crisp(self._image, key[1], key[2]))
            self._scaled.setDevicePixelRatio(ratio)
            self._scaled_for = key
        return self._scaled

    def _cell_rect(self, index: int, target: QRectF) -> QRectF:
        width, height = target.width() / self.columns, target.height() / self.rows
        return QRectF(
            target.left() + index % self.columns * width, target.top() + index // self.columns * height, width, height
        )

    def cell_at(self, point: QPoint) -> int | None:
        """The cell under a point, or None."""
        target = self.target()
        if not self.columns or not self.rows or not target.contains(point.toPointF()):
            return None
        column = int((point.x() - target.left()) / target.width() * self.columns)
        row = int((point.y() - target.top()) / target.height() * self.rows)
        return min(row, self.rows - 1) * self.columns + min(column, self.columns - 1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Highlight the cell under the pointer."""
        hovered = self.cell_at(event.position().toPoint())
        if hovered != self._hovered:
            self._hovered = hovered
            self.setCursor(Qt.CursorShape.ArrowCursor if hovered is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def leaveEvent(self, event) -> None:
        """Remove the highlight."""
        self._hovered = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Click a cell."""
        index = self.cell_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index is not None:
            self.cell_clicked.emit(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down go to the sample before and after the chosen one; Left and Right belong to the timeline."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        count = self.rows * self.columns
        if step is None or not count or self._image is None:
            super().keyPressEvent(event)
            return
        start = self.selected if self.selected is not None else (-1 if step > 0 else count)
        self.cell_clicked.emit(min(max(start + step, 0), count - 1))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the cell under the pointer or, from the keyboard, of the chosen or first one."""
        if self._image is None or self._image.isNull():
            return
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            index = self.selected or 0
            at = self._cell_rect(index, self.target()).center().toPoint()
            self.menu_requested.emit(index, self.mapToGlobal(at))
        else:
            self.menu_requested.emit(self.cell_at(event.pos()), event.globalPos())
        event.accept()


class SampleGrid(QFrame):
    """A grid with a caption; `widest` is the longest note it will show.

    Attributes:
        title, note: above the grid. footer: a line below it, hidden until it is wanted.

    Signals:
        cell_clicked: (index, counted row by row). menu_requested: see `GridPicture`.
    """

    cell_clicked = Signal(int)
    menu_requested = Signal(object, QPoint)

    def __init__(self, title: str, tip: str = "", widest: str = "88,888,888", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "panel")
        self.title = OutsideLabel(title, elide=Qt.TextElideMode.ElideRight)
        self.title.setProperty("role", "title")
        self.title.setToolTip(tip)
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.set_widest(widest)
        self.view = GridPicture(self)
        self.view.setAccessibleName(title)
        self.view.cell_clicked.connect(self.cell_clicked)
        self.view.menu_requested.connect(self.menu_requested)
        header = QHBoxLayout()
        header.addWidget(self.title, 1)
        header.addWidget(self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.SPACE, theme.HALF + 2, theme.SPACE, theme.SPACE)
        layout.setSpacing(theme.HALF)
        self.footer = OutsideLabel(elide=Qt.TextElideMode.ElideRight)
        self.footer.setProperty("role", "secondary")
        self.footer.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.footer.hide()
        layout.addLayout(header)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.footer)

    def set_title(self, text: str) -> None:
        """Change the title, which screen readers are told as the grid's name."""
        self.title.setText(text)
        self.view.setAccessibleName(text)

    def set_widest(self, note: str) -> None:
        """Reserve space for the longest note, so that a change at a cursor move does not trigger a new layout."""
        self.note.setFixedSize(self.note.fontMetrics().horizontalAdvance(note) + 2, 20)


def paint_checker(painter: QPainter, area: QRect) -> None:
    """Paint a subtle checkerboard to indicate transparency; it begins at the area's top left."""
    shades = theme.color("checker_a").rgba(), theme.color("checker_b").rgba()
    tile = _checker_tile(*shades, painter.device().devicePixelRatioF())
    painter.drawTiledPixmap(area, QPixmap.fromImage(tile))


@functools.lru_cache(maxsize=8)
def _checker_tile(ground: int, shade: int, ratio: float) -> QImage:
    """Two by two squares, cached: filling each square of an area takes thirty times as long as tiling it."""
    image = QImage(QSize(2 * CHECKER, 2 * CHECKER) * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor(ground))
    with painting(image) as painter:
        for x in (0, CHECKER):
            painter.fillRect(x, x, CHECKER, CHECKER, QColor(shade))
    return image

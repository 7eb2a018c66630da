"""The grid of samples: as large as they fit, with their names, picks and stars; arrows move between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QContextMenuEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gandam_studio.qt import icons, theme
from gandam_studio.qt.explore.cells import Cell
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.sample_grid import crisp, paint_checker

GAP = 6
LEAST, LARGEST = 24, 256
"""Logical side of a picture."""
MARK = 14
FAVOURITE, MORE, LESS = "favourite", "more", "less"
_MARKS = {FAVOURITE: ("star", "accent"), MORE: ("plus", "kept"), LESS: ("minus", "dropped")}


class LatentGrid(QWidget):
    """Attributes:
    cells: the samples. current: number of the chosen one, -1 without any.

    Signals:
        current_changed: another sample is chosen. activated: double click or Enter on a sample.
        menu_requested: right click or the menu key (global position).
    """

    accessible_role = QAccessible.Role.Graphic

    current_changed = Signal()
    activated = Signal()
    menu_requested = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells: list[Cell] = []
        self.current = -1
        self._room = 0
        self._images: list[QImage] = []
        self._pixmaps: dict[int, QPixmap] = {}
        self._drawn_for: tuple[int, float] = (0, 0.0)
        self._marks: dict[int, list[str]] = {}
        self._hovered: int | None = None
        self._message = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        theme.notifier().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """Room for 36 samples of usual size."""
        return QSize(720, 480)

    def accessible_value(self) -> str:
        """The chosen sample, or how many there are."""
        cell = self.chosen
        if cell is not None:
            return self.tr("{0}, sample {1} of {2}").format(cell.name, self.current + 1, len(self.cells))
        return self.tr("{0} samples").format(len(self.cells)) if self.cells else self._message

    @property
    def chosen(self) -> Cell | None:
        """The chosen sample."""
        return self.cells[self.current] if 0 <= self.current < len(self.cells) else None

    @property
    def message(self) -> str:
        """What is shown while there are no samples."""
        return self._message

    def show_cells(self, cells: Sequence[Cell], room: int = 0) -> None:
        """Show samples; the chosen place stays. `room`: how many there will be."""
        old = zip(self.cells, self._images, strict=True)
        kept = {index: image for index, (cell, image) in enumerate(old) if cells[index : index + 1] == [cell]}
        self.cells, self._room = list(cells), max(room, len(cells))
        self._images = [kept[index] if index in kept else cell.image() for index, cell in enumerate(cells)]
        self._pixmaps = {index: pixmap for index, pixmap in self._pixmaps.items() if index in kept}
        self._message = ""
        if self.current >= len(cells) or (self.current < 0 and cells):
            self.current = min(max(self.current, 0), len(cells) - 1)
        self.update()

    def show_message(self, text: str) -> None:
        """Show a text instead of samples."""
        self.cells, self._images, self.current = [], [], -1
        self._room = 0
        self._message = text
        self.update()

    def set_marks(self, marks: dict[int, list[str]]) -> None:
        """Which marks stand on which samples."""
        if marks != self._marks:
            self._marks = marks
            self.update()

    def choose(self, index: int) -> None:
        """Choose a sample."""
        if self.cells and (index := min(max(index, 0), len(self.cells) - 1)) != self.current:
            self.current = index
            self.update()
            self.current_changed.emit()

    # Layout

    def _caption(self) -> int:
        return self.fontMetrics().height() + 2

    def arrangement(self) -> tuple[int, int]:
        """(columns, logical side of a picture) with which all samples fit and are largest."""
        count = max(1, self._room)
        best = (1, 0)
        for columns in range(1, count + 1):
            rows = math.ceil(count / columns)
            across = (self.width() - GAP) // columns - GAP
            down = (self.height() - GAP) // rows - GAP - self._caption()
            side = min(across, down, LARGEST)
            if side > best[1]:
                best = (columns, side)
        columns, side = best
        if self._images:  # Whole steps of the screen's pixels, unless that makes pictures much smaller.
            own, ratio = max(1, self._images[0].width()), self.devicePixelRatioF()
            factor = side * ratio / own
            if factor >= 1 and math.floor(factor) / factor > 0.8:
                side = int(math.floor(factor) * own / ratio)
        return columns, max(LEAST, side)

    def cell_rect(self, index: int) -> QRect:
        """Where the picture of a sample is."""
        columns, side = self.arrangement()
        rows = math.ceil(self._room / columns)
        used = columns * (side + GAP) - GAP, rows * (side + GAP + self._caption()) - GAP
        left = max(GAP, (self.width() - used[0]) // 2)
        top = max(GAP, min((self.height() - used[1]) // 2, 3 * GAP))
        x, y = index % columns, index // columns
        return QRect(left + x * (side + GAP), top + y * (side + GAP + self._caption()), side, side)

    def cell_at(self, point: QPoint) -> int | None:
        """The sample under a point."""
        for index in range(len(self.cells)):
            if self.cell_rect(index).adjusted(0, 0, GAP, self._caption()).contains(point):
                return index
        return None

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint pictures, names and marks."""
        if not self.cells:
            painter.setPen(theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._message)
            return
        _, side = self.arrangement()
        ratio = self.devicePixelRatioF()
        if self._drawn_for != (side, ratio):
            self._pixmaps.clear()
            self._drawn_for = (side, ratio)
        for index, cell in enumerate(self.cells):
            self._paint_cell(painter, index, cell, self.cell_rect(index))

    def _paint_cell(self, painter: QPainter, index: int, cell: Cell, area: QRect) -> None:
        image = self._images[index]
        if image.hasAlphaChannel():
            paint_checker(painter, area)
        if index not in self._pixmaps:
            ratio = self.devicePixelRatioF()
            pixmap = QPixmap.fromImage(crisp(image, round(area.width() * ratio), round(area.height() * ratio)))
            pixmap.setDevicePixelRatio(ratio)
            self._pixmaps[index] = pixmap
        painter.drawPixmap(area.topLeft(), self._pixmaps[index])
        for number, mark in enumerate(self._marks.get(index, [])):
            icon, color = _MARKS[mark]
            spot = QRect(area.right() - (number + 1) * (MARK + 3), area.top() + 3, MARK, MARK)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("surface", 0.85))
            painter.drawEllipse(spot.adjusted(-2, -2, 2, 2))
            painter.drawPixmap(spot.topLeft(), icons.pixmap(icon, MARK, color))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if index == self.current:
            painter.setPen(QPen(theme.color("accent", 1.0 if self.hasFocus() else 0.55), 2))
            painter.drawRect(QRectF(area).adjusted(-1, -1, 1, 1))
        elif index == self._hovered:
            painter.setPen(QPen(theme.color("muted"), 1))
            painter.drawRect(QRectF(area).adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.setPen(theme.color("text" if index == self.current else "secondary"))
        place = QRect(area.left() - GAP // 2, area.bottom() + 2, area.width() + GAP, self._caption())
        text = self.fontMetrics().elidedText(cell.caption or cell.name, Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, text)

    # Keys and mouse

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home and End move; Enter activates."""
        columns, _ = self.arrangement()
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        key = Qt.Key(event.key())
        if not self.cells or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif key in steps:
            wanted = self.current + steps[key]
            if 0 <= wanted < len(self.cells):
                self.choose(wanted)
        elif key == Qt.Key.Key_Home:
            self.choose(0)
        elif key == Qt.Key.Key_End:
            self.choose(len(self.cells) - 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the sample under the pointer."""
        index = self.cell_at(event.position().toPoint())
        if index is not None:
            self.setFocus()
            self.choose(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Activate the sample under the pointer."""
        if event.button() == Qt.MouseButton.LeftButton and self.cell_at(event.position().toPoint()) is not None:
            self.activated.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Highlight the sample under the pointer."""
        hovered = self.cell_at(event.position().toPoint())
        if hovered != self._hovered:
            self._hovered = hovered
            self.update()

    def leaveEvent(self, event: object) -> None:
        """Remove the highlight."""
        self._hovered = None
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show that keys go here."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show that they do not."""
        super().focusOutEvent(event)
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of a sample."""
        if not self.cells:
            return
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self.menu_requested.emit(self.mapToGlobal(self.cell_rect(max(0, self.current)).center()))
        elif (index := self.cell_at(event.pos())) is not None:
            self.choose(index)
            self.menu_requested.emit(event.globalPos())
        event.accept()

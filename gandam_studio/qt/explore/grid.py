"""The grid of samples: as large as they fit, with their names, picks and stars; arrows move between them."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

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
_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
FAVOURITE, MORE, LESS = "favourite", "more", "less"
_MARKS = {FAVOURITE: ("star", "accent"), MORE: ("plus", "kept"), LESS: ("minus", "dropped")}


class LatentGrid(QWidget):
    """Attributes:
    cells: the samples. current: number of the chosen one, -1 without any. selected: numbers of several, to be handed
        over together.

    Signals:
        current_changed: another sample is chosen. selection_changed: others are selected.
        activated: double click or Enter on a sample.
        menu_requested: right click or the menu key (global position).
    """

    accessible_role = QAccessible.Role.Graphic

    current_changed = Signal()
    selection_changed = Signal()
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
        self._anchor = 0  # where a range begins
        self.selected: set[int] = set()
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
            text = self.tr("{0}, sample {1} of {2}").format(cell.name, self.current + 1, len(self.cells))
            return self.tr("{0}, selected").format(text) if self.current in self.selected else text
        return self.tr("{0} samples").format(len(self.cells)) if self.cells else self._message

    @property
    def chosen(self) -> Cell | None:
        """The chosen sample."""
        return self.cells[self.current] if 0 <= self.current < len(self.cells) else None

    @property
    def message(self) -> str:
        """What is shown while there are no samples."""
        return self._message

    def select(self, indices: Iterable[int]) -> None:
        """Select these samples, beside the chosen one; none for none."""
        wanted = {index for index in indices if 0 <= index < len(self.cells)}
        if wanted != self.selected:
            self.selected = wanted
            self.update()
            self.selection_changed.emit()

    def select_all(self) -> None:
        """Select all samples, or none if all are."""
        everything = set(range(len(self.cells)))
        self.select(() if self.selected == everything else everything)

    def toggle(self, index: int) -> None:
        """Select a sample as well, or no longer."""
        self.select(self.selected ^ {index})

    def show_cells(self, cells: Sequence[Cell], room: int = 0) -> None:
        """Show samples; the chosen place stays, and what is selected too if these are the same, drawn otherwise.

        `room`: how many there will be.
        """
        if any(cell.name != before.name for cell, before in zip(cells, self.cells, strict=False)):
            self.select(())
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
        self.select(())
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
        own = self._images[0].width() if self._images else 0
        return _arranged(self._room, self.width(), self.height(), self._caption(), own, self.devicePixelRatioF())

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
            self._paint_mark(painter, spot, icon, color)
        if index in self.selected:
            painter.fillRect(area, theme.color("accent", 0.2))
            self._paint_mark(painter, QRect(area.left() + 3, area.top() + 3, MARK, MARK), "keep", "accent")
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if index == self.current or index in self.selected:
            painter.setPen(QPen(theme.color("accent", 1.0 if self.hasFocus() else 0.55), 2))
            painter.drawRect(QRectF(area).adjusted(-1, -1, 1, 1))
        elif index == self._hovered:
            painter.setPen(QPen(theme.color("muted"), 1))
            painter.drawRect(QRectF(area).adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.setPen(theme.color("text" if index == self.current else "secondary"))
        place = QRect(area.left() - GAP // 2, area.bottom() + 2, area.width() + GAP, self._caption())
        text = self.fontMetrics().elidedText(cell.caption or cell.name, Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_mark(self, painter: QPainter, spot: QRect, icon: str, color: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface", 0.85))
        painter.drawEllipse(spot.adjusted(-2, -2, 2, 2))
        painter.drawPixmap(spot.topLeft(), icons.pixmap(icon, MARK, color))

    # Keys and mouse

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home and End move, with Shift they select too; Ctrl+Space selects one more; Enter activates."""
        columns, _ = self.arrangement()
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(self.cells) - 1}
        key, modifiers = Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if not self.cells or modifiers & ~(_CONTROL | _SHIFT):
            super().keyPressEvent(event)
        elif key in steps or key in ends:
            wanted = ends[key] if key in ends else self.current + steps[key]
            if 0 <= wanted < len(self.cells):
                self._go(wanted, modifiers)
        elif key == Qt.Key.Key_Space and modifiers == _CONTROL:
            self.toggle(self.current)
            self._anchor = self.current
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not modifiers:
            self.activated.emit()
        else:
            super().keyPressEvent(event)

    def _go(self, index: int, modifiers: Qt.KeyboardModifier) -> None:
        """Choose a sample; with Shift, select all up to there; with Ctrl, what is selected stays."""
        if modifiers & _SHIFT:
            if not self.selected:
                self._anchor = self.current
            self.select(range(min(self._anchor, index), max(self._anchor, index) + 1))
        elif not modifiers:
            self.select(())
        self.choose(index)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the sample under the pointer; Ctrl selects it too, Shift all up to there."""
        index = self.cell_at(event.position().toPoint())
        if index is None:
            return
        self.setFocus()
        modifiers = event.modifiers() & (_CONTROL | _SHIFT)
        if event.button() == Qt.MouseButton.RightButton and index in self.selected:
            modifiers = _CONTROL
        elif modifiers == _CONTROL:
            self.select((self.selected or {self.current} - {index}) ^ {index})
            self._anchor = index
        self._go(index, modifiers)

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
        elif self.cell_at(event.pos()) is not None:
            self.menu_requested.emit(event.globalPos())
        event.accept()


@functools.lru_cache(maxsize=8)
def _arranged(room: int, width: int, height: int, caption: int, own: int, ratio: float) -> tuple[int, int]:
    """`LatentGrid.arrangement`, cached: it is asked for each cell whenever the pointer moves.

    Args:
        room: number of cells. width, height: of the grid. caption: height of a name. All logical pixels.
        own: pixels across a sample, 0 without any. ratio: of the screen's pixels to logical ones.
    """
    best = (1, 0)
    for columns in range(1, max(1, room) + 1):
        rows = math.ceil(max(1, room) / columns)
        across = (width - GAP) // columns - GAP
        down = (height - GAP) // rows - GAP - caption
        side = min(across, down, LARGEST)
        if side > best[1]:
            best = (columns, side)
    columns, side = best
    if own:  # Whole steps of the screen's pixels, unless that makes pictures much smaller.
        factor = side * ratio / own
        if factor >= 1 and math.floor(factor) / factor > 0.8:
            side = int(math.floor(factor) * own / ratio)
    return columns, max(LEAST, side)

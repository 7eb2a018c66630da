"""The gallery: a grid view with a current cell and a selection, controlled by keyboard and mouse."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.qt.curate.rubber_band import RubberBand
from gandam_studio.qt.widgets.grid_view import LARGEST, SMALLEST, GridView

EDGE = 8  # logical pixels between the cell scrolled to and the edge of the view


class Gallery(GridView):
    """A grid of sprites with one current cell and any number of selected ones.

    Signals:
        current_changed: the current sprite changed (its row number, 0 for none).
        selection_changed: the selection changed.
        opened: a sprite was double-clicked (its row number).
        menu_requested: the context menu was requested (global position).
        tile_changed: the size of the cells changed (side of a tile, logical pixels).
    """

    shows_focus = True  # by the current cell's frame

    current_changed = Signal(int)
    selection_changed = Signal()
    opened = Signal(int)
    menu_requested = Signal(QPoint)
    tile_changed = Signal(int)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        self._anchor = -1
        self._band = RubberBand(self, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Gallery"))

    def show_order(self, order: Seqs) -> None:
        """Show other sprites; the current sprite stays current if it is among them, otherwise its position does.

        Sprites that are no longer shown are deselected, so that no edit reaches hidden ones.
        """
        seq, place = self.current_seq, self.current
        self.rows.show(order)
        self._measure()
        found = self.rows.position_of(seq) if seq else None
        if found is None:
            found = min(max(place, 0), len(order) - 1)
        narrowed = self.selection.keep(order)
        self._set_current(found, scroll=bool(seq))
        self.viewport().update()
        if narrowed:
            self._selection_changed()

    def set_tile(self, side: int) -> None:
        """Resize the cells; the current cell, or else the one in the middle, stays in view."""
        side = min(LARGEST, max(SMALLEST, side))
        if side == self._tile:
            return
        visible = self.visible()
        kept = self.current if self.current in visible else visible.start
        offset = self.rect_of(kept).top() if len(self.order) else 0
        self._tile = side
        self._cells = None
        self._measure()
        if len(self.order):
            self.verticalScrollBar().setValue(self.verticalScrollBar().value() + self.rect_of(kept).top() - offset)
        self.viewport().update()
        self.tile_changed.emit(side)

    # Current and selected

    @property
    def current_seq(self) -> int:
        """Row number of the current sprite, 0 for none."""
        return int(self.order[self.current]) if 0 <= self.current < len(self.order) else 0

    def targets(self) -> Seqs:
        """The sprites an action applies to: the selected ones, or else the current one."""
        if self.selection.count:
            return self.selection.seqs()
        return np.array([self.current_seq] if self.current_seq else [], dtype=np.int64)

    def go_to(self, position: int, *, extend: bool = False, select: bool = True, ahead: bool = True) -> None:
        """Make a cell current and select it, or extend the selection from the anchor to it, or keep the selection.

        `ahead`: also keep the next row in the direction of the move in view.
        """
        if not 0 <= position < len(self.order):
            return
        anchor = self._anchor if 0 <= self._anchor < len(self.order) else position
        if extend:
            first, last = sorted((anchor, position))
            self.selection.set(self.order[first : last + 1])
        else:
            if select:
                self.selection.set(self.order[position : position + 1])
            anchor = position
        self._set_current(position, ahead=ahead)
        self._anchor = anchor
        if extend or select:
            self._selection_changed()

    def reveal(self, seqs: Seqs) -> int:
        """Select those of these sprites that are shown, with the first of them current; returns how many there are."""
        places = np.flatnonzero(np.isin(self.order, seqs))
        if not len(places):
            return 0
        self.selection.set(self.order[places])
        if self.current not in places:
            self._set_current(int(places[0]))
        else:
            self.scroll_to(self.current, ahead=1)
        self._selection_changed()
        return len(places)

    def select_all(self) -> None:
        """Select every sprite the filter shows."""
        self.selection.set(self.order)
        self._selection_changed()

    def select_none(self) -> None:
        """Select nothing; the current cell stays."""
        self.selection.clear()
        self._selection_changed()

    def invert_selection(self) -> None:
        """Invert the selection within the sprites shown."""
        chosen = self.selection.seqs()
        self.selection.set(self.order[~np.isin(self.order, chosen)])
        self._selection_changed()

    def toggle_current(self) -> None:
        """Add the current sprite to the selection, or remove it."""
        if self.current_seq:
            self.selection.toggle(self.current_seq)
            self._selection_changed()

    def make_selection_current(self) -> None:
        """Unless the current cell is selected, make a selected one current, in view if possible."""
        if not self.selection.count or self.current_seq in self.selection:
            return
        chosen, visible = self.selection.seqs(), self.visible()
        for span in (visible, range(len(self.order))):
            places = np.flatnonzero(np.isin(self.order[span.start : span.stop], chosen))
            if len(places):
                self._set_current(span.start + int(places[0]), scroll=False)
                return

    def _set_current(self, position: int, *, scroll: bool = True, ahead: bool = True) -> None:
        before, self.current = self.current, position
        self._anchor = position
        for one in (before, position):
            if 0 <= one < len(self.order):
                self.update_cell(one)
        if scroll and position >= 0:
            self.scroll_to(position, ahead=0 if not ahead else -1 if position < before else 1)
        self._announce(QAccessible.Event.Focus)
        self.current_changed.emit(self.current_seq)

    def _announce(self, what: QAccessible.Event) -> None:
        """Tell screen readers about the current cell."""
        if QAccessible.isActive() and self.current >= 0:
            event = QAccessibleEvent(self, what)
            event.setChild(self.current)
            QAccessible.updateAccessibility(event)

    def _selection_changed(self) -> None:
        chosen = self.current_seq in self.selection
        self._announce(QAccessible.Event.Selection if chosen else QAccessible.Event.SelectionWithin)
        self.viewport().update()
        self.selection_changed.emit()

    def scroll_to(self, position: int, *, ahead: int = 0) -> None:
        """Scroll a cell into view, no further than needed.

        `ahead`: with the row below it (1) or above it (-1), as far as the view has room for both.
        """
        rect, height = self.rect_of(position), self.viewport().height()
        bar = self.verticalScrollBar()
        more = max(0, min(self._grid.cell_height, height - rect.height() - 2 * EDGE))
        above, below = more if ahead < 0 else 0, more if ahead > 0 else 0
        if rect.top() < above:
            bar.setValue(bar.value() + rect.top() - above - EDGE)
        elif rect.bottom() > height - below:
            bar.setValue(bar.value() + rect.bottom() - height + below + EDGE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the current cell in view."""
        seen = self.current in self.visible()
        super().resizeEvent(event)
        if seen:
            self.scroll_to(self.current)

    # Keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home, End and Page keys move; Shift extends the selection, Ctrl keeps it."""
        modifiers = event.modifiers()
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        target = self._target_of_key(Qt.Key(event.key()))
        if target is not None and len(self.order):
            position = min(max(target, 0), len(self.order) - 1)
            extend = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
            self.go_to(position, extend=extend, select=not control)
        else:
            super().keyPressEvent(event)

    def _target_of_key(self, key: Qt.Key) -> int | None:
        columns = self._grid.columns
        page = max(1, self.viewport().height() // self._grid.cell_height) * columns
        last = len(self.order) - 1
        if key == Qt.Key.Key_Home:
            return 0
        if key == Qt.Key.Key_End:
            return last
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_Down: columns,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
        }.get(key)
        if step is None:
            return None
        if self.current < 0:
            return 0
        target = self.current + step
        # Up and down stay in their column, and do nothing at the edge.
        if abs(step) == columns and not 0 <= target <= last:
            short_last_row = step > 0 and self.current // columns < last // columns
            return last if short_last_row else self.current
        return target

    # Mouse

    def position_at(self, point: QPoint) -> int | None:
        """The cell under a point of the viewport."""
        return self._grid.at(point.x(), point.y(), self.verticalScrollBar().value())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click selects, Ctrl toggles, Shift extends the selection, and a drag starts a rubber band."""
        point = event.position().toPoint()
        position = self.position_at(point)
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() == Qt.MouseButton.RightButton:
            if position is not None and int(self.order[position]) not in self.selection:
                self.go_to(position, ahead=False)
            return
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self._band.press(point, keep=control or shift)
        if position is None:
            if not control and not shift:
                self.select_none()
        elif shift:
            self.go_to(position, extend=True, ahead=False)
        elif control:
            self.go_to(position, select=False, ahead=False)
            self.toggle_current()
        else:
            self.go_to(position, ahead=False)  # or the cells would move away below the mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move the rubber band."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._band.move(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the rubber band."""
        self._band.release()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open the sprite."""
        position = self.position_at(event.position().toPoint())
        if position is not None and event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(int(self.order[position]))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Request the menu at the mouse or, from the keyboard, at the current cell."""
        where = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.current >= 0:
            where = self.viewport().mapToGlobal(self.rect_of(self.current).center())
        self.menu_requested.emit(where)

    def select_band(self, band: QRect, before: np.ndarray | None) -> None:
        """Select the cells under `band` (content coordinates), in addition to the selection `before` if given."""
        if before is None:
            self.selection.clear()
        else:
            self.selection.restore(before)
        ranges = self._grid.within(band)
        if ranges:
            self.selection.add(np.concatenate([self.order[one.start : one.stop] for one in ranges]))
        self._selection_changed()

    def paint_over(self, painter: QPainter, scrolled: int) -> None:
        """Paint the rubber band."""
        self._band.paint(painter, scrolled)

    @property
    def repaints_on_scroll(self) -> bool:
        """True while a rubber band is shown."""
        return self._band.is_active

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Repaint the current cell's frame, which shows the focus."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Repaint the current cell's frame."""
        super().focusOutEvent(event)
        self.viewport().update()

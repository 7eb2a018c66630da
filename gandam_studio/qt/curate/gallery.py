"""The gallery: a grid that draws only what is seen, for a thousand sprites and for a million.

An own scroll area rather than QListView: the list lays out every item (1.2 s and 700 MB for a million), this one
computes where a cell lies. What the list would bring, it brings itself: keyboard, rubber band, accessibility.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from gandam_studio.core.history import Changes
from gandam_studio.core.seqsets import Seqs
from gandam_studio.core.sprite import Sprite
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import theme
from gandam_studio.qt.curate.cell_painter import CellPainter
from gandam_studio.qt.curate.geometry import Grid
from gandam_studio.qt.curate.pictures import PictureCache, Wanted
from gandam_studio.qt.curate.rows import Rows
from gandam_studio.qt.curate.rubber_band import RubberBand
from gandam_studio.qt.curate.selection import Selection

SMALLEST, LARGEST, USUAL = 48, 320, 144
CAPTION_FROM = 88  # tiles smaller than this show no names
AHEAD = 2  # rows loaded beyond what is seen, in both directions


class Gallery(QAbstractScrollArea):
    """A view of sprites with one current cell and any number of selected ones.

    Attributes:
        selection: which sprites are selected, whether or not the view shows them.
        pictures: thumbnails; shared with the large view.
        current: position of the current cell; -1 when the view is empty.

    Signals:
        current_changed: the current cell is another one (its row number, 0 for none).
        selection_changed: other sprites are selected.
        opened: a sprite was double-clicked (its row number).
        menu_asked: the context menu is wanted (global position).
        tile_changed: cells have another size (side of a tile, logical pixels).
    """

    current_changed = Signal(int)
    selection_changed = Signal()
    opened = Signal(int)
    menu_asked = Signal(QPoint)
    tile_changed = Signal(int)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = Rows(workspace)
        self.selection = Selection()
        self.pictures = PictureCache(workspace, self)
        self.pictures.arrived.connect(self._show_arrived)
        self.current = -1
        self._anchor = -1
        self._tile = USUAL
        self._cells: CellPainter | None = None
        self._grid = Grid(0, 1, self._tile)
        self._wish = QTimer(self, singleShot=True, interval=0)
        self._wish.timeout.connect(self._ask_for_pictures)
        self._band = RubberBand(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always there: its coming and going would change the number of columns.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(self.tr("Gallery"))
        theme.notifier().changed.connect(self._forget_look)

    # What is shown

    @property
    def order(self) -> Seqs:
        """Row numbers in the order shown."""
        return self.rows.order

    def show_order(self, order: Seqs) -> None:
        """Show other sprites; the current one stays current if it is among them, else its place does."""
        seq, place = self.current_seq, self.current
        self.rows.show(order)
        self._measure()
        found = self.rows.position_of(seq) if seq else None
        if found is None:
            found = min(max(place, 0), len(order) - 1)
        self._set_current(found, scroll=bool(seq))
        self.viewport().update()

    def remove(self, seqs: Seqs) -> None:
        """Take sprites out of the view without asking the database for the rest."""
        if len(seqs):
            self.show_order(self.order[~np.isin(self.order, seqs)])

    def show_changes(self, changes: Changes) -> None:
        """Repaint what an edit touched, as far as it is seen."""
        self.rows.forget()
        if not len(changes.seqs):
            return
        visible = self.visible()
        shown = self.order[visible.start : visible.stop]
        for offset in np.flatnonzero(np.isin(shown, changes.seqs)).tolist():
            self.viewport().update(self.rect_of(visible.start + offset))
        if "crop" in changes.fields:
            self._wish.start()

    def sprite(self, position: int) -> Sprite:
        """The sprite in a cell."""
        return self.rows[position]

    @property
    def current_seq(self) -> int:
        """Row number of the current sprite, 0 for none."""
        return int(self.order[self.current]) if 0 <= self.current < len(self.order) else 0

    def visible(self) -> range:
        """Positions of the cells that are seen, also in part."""
        top = self.verticalScrollBar().value()
        return self._grid.span(top, top + self.viewport().height())

    @property
    def tile(self) -> int:
        """Side of a tile, logical pixels."""
        return self._tile

    def set_tile(self, side: int) -> None:
        """Make the cells larger or smaller; what is current, else what is in the middle, stays in sight."""
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

    def targets(self) -> Seqs:
        """What an action acts on: the selected sprites, else the current one."""
        if self.selection.count:
            return self.selection.seqs()
        return np.array([self.current_seq] if self.current_seq else [], dtype=np.int64)

    def go_to(self, position: int, *, extend: bool = False, select: bool = True) -> None:
        """Make a cell current and select it alone, or everything from the anchor to it, or leave the selection be."""
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
        self._set_current(position)
        self._anchor = anchor
        if extend or select:
            self._selection_changed()

    def select_all(self) -> None:
        """Select every sprite the filter shows."""
        self.selection.set(self.order)
        self._selection_changed()

    def select_none(self) -> None:
        """Select nothing; the current cell stays."""
        self.selection.clear()
        self._selection_changed()

    def invert_selection(self) -> None:
        """Select what is shown and not selected, and nothing else."""
        chosen = self.selection.seqs()
        self.selection.set(self.order[~np.isin(self.order, chosen)])
        self._selection_changed()

    def toggle_current(self) -> None:
        """Select the current sprite too, or no longer."""
        if self.current_seq:
            self.selection.toggle(self.current_seq)
            self._selection_changed()

    def _set_current(self, position: int, *, scroll: bool = True) -> None:
        before, self.current = self.current, position
        self._anchor = position
        for one in (before, position):
            if 0 <= one < len(self.order):
                self.viewport().update(self.rect_of(one))
        if scroll and position >= 0:
            self.scroll_to(position)
        self.current_changed.emit(self.current_seq)

    def _selection_changed(self) -> None:
        self.viewport().update()
        self.selection_changed.emit()

    def scroll_to(self, position: int) -> None:
        """Bring a cell into sight, by no more than needed."""
        rect, height = self.rect_of(position), self.viewport().height()
        bar = self.verticalScrollBar()
        if rect.top() < 0:
            bar.setValue(bar.value() + rect.top() - 8)
        elif rect.bottom() > height:
            bar.setValue(bar.value() + rect.bottom() - height + 8)

    # Keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows, Home, End and Page keys move; Shift extends the selection, Ctrl leaves it as it is."""
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
        # Up and down stay in their column; at the edge they stay where they are.
        if abs(step) == columns and not 0 <= target <= last:
            short_last_row = step > 0 and self.current // columns < last // columns
            return last if short_last_row else self.current
        return target

    # Mouse

    def position_at(self, point: QPoint) -> int | None:
        """The cell under a point of the viewport."""
        return self._grid.at(point.x(), point.y(), self.verticalScrollBar().value())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click makes current and selects; Ctrl adds or takes away; Shift selects up to here; a drag is a band."""
        point = event.position().toPoint()
        position = self.position_at(point)
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() == Qt.MouseButton.RightButton:
            if position is not None and int(self.order[position]) not in self.selection:
                self.go_to(position)
            return
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self._band.press(point, keep=control or shift)
        if position is None:
            if not control and not shift:
                self.select_none()
        elif shift:
            self.go_to(position, extend=True)
        elif control:
            self.go_to(position, select=False)
            self.toggle_current()
        else:
            self.go_to(position)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Stretch the rubber band."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._band.move(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The rubber band has done its work."""
        self._band.release()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Look at the sprite closely."""
        position = self.position_at(event.position().toPoint())
        if position is not None and event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(int(self.order[position]))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu, at the mouse or, from the keyboard, at the current cell."""
        where = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard and self.current >= 0:
            where = self.viewport().mapToGlobal(self.rect_of(self.current).center())
        self.menu_asked.emit(where)

    def select_band(self, band: QRect, before: np.ndarray | None) -> None:
        """Select the cells under a rectangle of the whole height, added to the selection `before` if given."""
        if before is None:
            self.selection.clear()
        else:
            self.selection.restore(before)
        ranges = self._grid.within(band)
        if ranges:
            self.selection.add(np.concatenate([self.order[one.start : one.stop] for one in ranges]))
        self._selection_changed()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells that meet the exposed rectangle; those without a picture yet are asked for."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), theme.color("canvas"))
        scrolled = self.verticalScrollBar().value()
        cells = self._painter()
        caption = self._grid.caption > 0
        focused = self.hasFocus()
        incomplete = False
        for position in self._grid.span(event.rect().top() + scrolled, event.rect().bottom() + scrolled):
            rect = self._grid.cell(position, scrolled)
            if not rect.intersects(event.rect()):
                continue
            sprite = self.rows[position]
            incomplete = incomplete or not self.pictures.is_right(sprite, self._fit(sprite))
            cells.paint(
                painter,
                rect,
                sprite,
                self.pictures.get(sprite),
                selected=sprite.seq in self.selection,
                current=position == self.current,
                focused=focused,
                caption=caption,
            )
        self._band.paint(painter, scrolled)
        painter.end()
        if incomplete and not self._wish.isActive():
            self._wish.start()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Move the pixels there are; only the strip that comes into sight is painted."""
        if self._band.is_active:
            self.viewport().update()
        else:
            self.viewport().scroll(dx, dy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew; the first cell in sight stays in sight."""
        first = self.visible().start if len(self.order) else 0
        self._measure()
        if len(self.order) and event.oldSize().width() != event.size().width():
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self.rect_of(first).top() - 8)

    def focusInEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        """The current cell's frame shows where keys go."""
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        """See focusInEvent."""
        super().focusOutEvent(event)
        self.viewport().update()

    def changeEvent(self, event: QEvent) -> None:
        """Another font or screen: measure again."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._forget_look()

    def _painter(self) -> CellPainter:
        ratio = self.devicePixelRatioF()
        if self._cells is None or self._cells.ratio != ratio:
            font = self.font()
            font.setPointSizeF(max(7.5, font.pointSizeF() * 0.88))
            self._cells = CellPainter(self._tile, ratio, font)
        return self._cells

    def _forget_look(self) -> None:
        self._cells = None
        self._measure()
        self.viewport().update()

    def _fit(self, sprite: Sprite) -> int:
        """Side of the square the whole original would fill, device pixels: a crop asks for more of it."""
        fit = self._painter().fit
        if not sprite.crop:
            return fit
        largest = max(sprite.width, sprite.height)
        return min(largest, -(-fit * largest // max(sprite.crop[2:])))

    def rect_of(self, position: int) -> QRect:
        """Where a cell lies in the viewport."""
        return self._grid.cell(position, self.verticalScrollBar().value())

    def _measure(self) -> None:
        caption = QFontMetrics(self.font()).height() - 2 if self._tile >= CAPTION_FROM else 0
        self._grid = Grid(len(self.order), max(1, self.viewport().width()), self._tile, caption)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, self._grid.height - self.viewport().height()))
        bar.setPageStep(max(1, self.viewport().height()))
        bar.setSingleStep(max(1, self._grid.cell_height // 3))

    # Pictures

    def _ask_for_pictures(self) -> None:
        """What is seen first, then the rows around it."""
        visible = self.visible()
        reach = AHEAD * self._grid.columns
        after = range(visible.stop, min(len(self.order), visible.stop + reach))
        before = range(max(0, visible.start - reach), visible.start)
        wanted = []
        for position in (*visible, *after, *before):
            sprite = self.rows[position]
            wanted.append(Wanted(sprite, self._fit(sprite)))
        self.pictures.want(wanted)

    def _show_arrived(self, seqs: list[int]) -> None:
        visible = self.visible()
        shown = self.order[visible.start : visible.stop]
        for offset in np.flatnonzero(np.isin(shown, seqs)).tolist():
            self.viewport().update(self.rect_of(visible.start + offset))

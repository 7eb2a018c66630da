"""A page of suggestions: sprites as they would look, of which a click or Space marks the wrong ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import theme
from gandam_studio.qt.curate.gallery import Gallery
from gandam_studio.qt.widgets.geometry import GAP, Grid
from gandam_studio.qt.widgets.grid_view import LARGEST
from gandam_studio.qt.widgets.rows import Rows

Look = Mapping[str, Any]
"""Fields of a sprite that a suggestion changes, such as {"flipped": True}."""
_BAR = 3  # height of the bar below the cells of a stack


class _WouldBe(Rows):
    """Sprites as they would look."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.look: Callable[[int], Look] = lambda seq: {}

    def _keep(self, number: int, sprites: list[Sprite]) -> None:
        super()._keep(number, [dataclasses.replace(one, **self.look(one.seq)) for one in sprites])

    def _page(self, number: int) -> list[Sprite]:
        super()._page(number)
        return self._pages[number]


class AssistGrid(Gallery):
    """The selection is what is marked wrong.

    Signals:
        marked: a sprite was marked or unmarked (its row number).
        seen_changed: more of the page was in view, or another page is shown.
    """

    marked = Signal(int)
    seen_changed = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        self._would_be = _WouldBe(workspace)
        self.rows = self._would_be
        self._stacks: dict[int, int] = {}
        self._seen: set[int] = set()  # positions
        self.verticalScrollBar().valueChanged.connect(lambda _value: self.note_seen())
        self._note_later = QTimer(self, singleShot=True, interval=0)  # once the layout has settled
        self._note_later.timeout.connect(self.note_seen)
        self.tile_changed.connect(lambda _side: self._note_later.start())
        self._usual_tile = 0  # the side of cells on pages, while they are large
        self.setAccessibleName(self.tr("Suggestions"))

    def show_page(
        self, seqs: Sequence[int], look: Callable[[int], Look], stacks: Mapping[int, int], *, large: bool = False
    ) -> None:
        """Show a page from its top, with nothing marked.

        stacks: row number -> stack, for sprites in one.
        large: show the sprites as large as cells can be, for a question about one of them.
        """
        if large and not self._usual_tile:
            self._usual_tile = self.tile
            self.set_tile(LARGEST)
        elif not large and self._usual_tile:
            self.set_tile(self._usual_tile)
            self._usual_tile = 0
        self._would_be.look = look
        self._stacks = dict(stacks)
        self.selection.clear()
        self.show_order(np.array(seqs, np.int64))
        self.verticalScrollBar().setValue(0)
        self._seen.clear()
        self.seen_changed.emit()
        if len(seqs):
            self._set_current(0)
        self.selection_changed.emit()

    @property
    def room(self) -> int:
        """How many cells of a page are wholly visible."""
        size = self.viewport().size()
        caption = self._grid.caption
        grid = Grid(0, max(1, size.width()), self._usual_tile or self.tile, caption)
        return grid.columns * max(1, (size.height() - GAP) // grid.cell_height)

    @property
    def has_unseen(self) -> bool:
        """Whether sprites of the page were not in view yet."""
        return len(self._seen) < len(self.order)

    def note_seen(self) -> None:
        """Note what is in view now, once the page has its size."""
        height = self.viewport().height()
        self.count_as_seen([place for place in self.visible() if 0 <= self._middle(place) <= height])

    def count_as_seen(self, positions: Iterable[int]) -> None:
        """Note sprites that were in view, here or on a page like this one."""
        before = len(self._seen)
        self._seen.update(positions)
        if len(self._seen) > before:
            self.seen_changed.emit()

    def _middle(self, position: int) -> int:
        """The height of the middle of a sprite, in the viewport."""
        return self.rect_of(position).top() + self._tile // 2

    def show_unseen(self) -> bool:
        """Scroll on to sprites of the page that were not in view yet; False if all were."""
        self.note_seen()
        place = next((one for one in range(len(self.order)) if one not in self._seen), -1)
        if place < 0:
            return False
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + self.rect_of(place).top() - GAP)
        self.note_seen()
        self.count_as_seen([place])  # whatever the window's size is, this comes to an end
        self._set_current(place, ahead=False)
        return True

    def repaint_page(self) -> None:
        """Show what has changed."""
        self._would_be.forget()
        self.viewport().update()

    def toggle(self, position: int) -> None:
        """Mark the sprite at a position as wrong, or take that back."""
        if 0 <= position < len(self.order):
            self._set_current(position, ahead=False)
            self.toggle_current()
            self.repaint_page()
            self.marked.emit(int(self.order[position]))

    def toggle_stack(self) -> int:
        """Mark all of the current sprite's stack, or take that back if all are marked; returns how many there are."""
        stack = self._stacks.get(self.current_seq)
        if stack is None:
            self.toggle(self.current)
            return 1
        members = np.array([seq for seq in self.order.tolist() if self._stacks.get(seq) == stack], np.int64)
        marked = [seq for seq in members.tolist() if seq in self.selection]
        if len(marked) == len(members):
            self.selection.remove(members)
        else:
            self.selection.add(members)
        self.repaint_page()
        self._selection_changed()
        self.marked.emit(self.current_seq)
        return len(members)

    def toggle_page(self) -> None:
        """Mark what is not marked, and take back what is."""
        self.selection.set(np.array([seq for seq in self.order.tolist() if seq not in self.selection], np.int64))
        self.repaint_page()
        self._selection_changed()
        self.marked.emit(self.current_seq)

    def stack_size(self) -> int:
        """How many sprites of the page are in the current one's stack; 0 for a sprite alone."""
        stack = self._stacks.get(self.current_seq)
        return 0 if stack is None else sum(1 for seq in self.order.tolist() if self._stacks.get(seq) == stack)

    def go_to(self, position: int, *, extend: bool = False, select: bool = True, ahead: bool = True) -> None:
        """Make a cell current; moving marks nothing."""
        super().go_to(position, select=False, ahead=ahead)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A larger view shows more of the page."""
        super().resizeEvent(event)
        self._note_later.start()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click marks a sprite, or takes that back."""
        position = self.position_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and position is not None:
            self.toggle(position)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """There is no rubber band here."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """There is no rubber band here."""

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Two clicks are two clicks."""
        self.mousePressEvent(event)

    def paint_over(self, painter: QPainter, scrolled: int) -> None:
        """Join the cells of a stack by a bar."""
        order = self.order
        painter.setPen(QPen(theme.color("accent"), _BAR))
        visible = self.visible()
        for position in range(visible.start, min(visible.stop, len(order))):
            stack = self._stacks.get(int(order[position]))
            if stack is None:
                continue
            rect = self._grid.cell(position, scrolled)
            goes_on = position + 1 < len(order) and self._stacks.get(int(order[position + 1])) == stack
            beside = self._grid.cell(position + 1, scrolled) if goes_on else rect
            right = beside.left() if goes_on and beside.top() == rect.top() else rect.right()
            y = rect.top() + self._tile + 1
            painter.drawLine(QPoint(rect.left(), y), QPoint(right, y))

    @property
    def repaints_on_scroll(self) -> bool:
        """Stacks' bars scroll with the cells, but are drawn over them."""
        return bool(self._stacks)

"""Base of the gallery: lays out cells by arithmetic, draws the visible ones, and requests their pictures.

Not a QListView, which stores a layout of every item (a second and hundreds of megabytes for a million): here the
position of a cell is computed. Selection and accessibility are implemented in `gallery` and `accessible`.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QRect, Qt, QTimer
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QScrollBar, QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.history import Changes
from gandam_studio.core.workspace.seqsets import Seqs
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.widgets.cell_painter import OVERHANG, WHOLE_KEPT, CellPainter
from gandam_studio.qt.widgets.geometry import GAP, Grid
from gandam_studio.qt.widgets.picture_cache import CellStyle, Composed, PictureCache, Wanted
from gandam_studio.qt.widgets.rows import Rows, WantedRows
from gandam_studio.qt.widgets.selection import Selection

SMALLEST, LARGEST, USUAL = 48, 320, 144
CAPTION_FROM = 88  # smaller tiles show no names
AHEAD = 4  # rows loaded beyond the visible ones, in both directions
_STYLED = (QEvent.Type.Polish, QEvent.Type.StyleChange)


class _OpaqueScrollBar(QScrollBar):
    """A scroll bar that fills its own background.

    The style sheet's is transparent: Qt paints the window and everything else below it at every step of a scroll.
    """

    shows_focus = True  # it never has it

    def event(self, event: QEvent) -> bool:
        """Be opaque again after the style sheet was applied, which makes every styled scroll bar transparent."""
        handled = super().event(event)
        if event.type() in _STYLED:
            self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        return handled

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Fill the background, then paint as usual where there is something to scroll."""
        painter.fillRect(event.rect(), theme.color("window"))
        painter.end()  # the style uses a painter of its own
        if self.maximum() > self.minimum():
            super().paintEvent(event)


class GridView(QAbstractScrollArea):
    """Draws sprites in a grid, with one current cell and any number of selected ones.

    Attributes:
        rows: the sprites in display order.
        selection: which sprites are selected.
        pictures: thumbnails.
        current: position of the current cell; -1 if the view is empty.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Created here, since for a scroll bar created by Qt, PySide6 searches all widget types for its class.
        self.setViewport(QWidget())
        self.setVerticalScrollBar(_OpaqueScrollBar(Qt.Orientation.Vertical))
        self.rows = Rows(workspace)
        self.selection = Selection()
        self.pictures = PictureCache(workspace, self)
        self.pictures.rows_fetched.connect(self._take_rows)
        self.pictures.composed.connect(self._keep_composed)
        self.pictures.arrived.connect(self._show_arrived)
        self.current = -1
        self._tile = USUAL
        self._cells: CellPainter | None = None
        self._loaders_cells: CellPainter | None = None  # its twin for the loader thread
        self._grid = Grid(0, 1, self._tile)
        self._request_later = QTimer(self, singleShot=True, interval=0)
        self._request_later.timeout.connect(self._request_pictures)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always visible, so that the number of columns does not change.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        theme.notifier().changed.connect(self._discard_painter)

    @property
    def order(self) -> Seqs:
        """Row numbers in display order."""
        return self.rows.order

    def show_changes(self, changes: Changes) -> None:
        """Repaint the visible cells changed by an edit."""
        self.rows.forget()
        if not len(changes.seqs):
            return
        visible = self.visible()
        shown = self.order[visible.start : visible.stop]
        for offset in np.flatnonzero(np.isin(shown, changes.seqs)).tolist():
            self.update_cell(visible.start + offset)
        if "crop" in changes.fields:
            self._request_later.start()

    def sprite(self, position: int) -> Sprite:
        """The sprite in a cell."""
        return self.rows[position]

    def visible(self) -> range:
        """Positions of the cells that are at least partly visible."""
        top = self.verticalScrollBar().value()
        return self._grid.span(top, top + self.viewport().height())

    @property
    def tile(self) -> int:
        """Side of a tile, logical pixels."""
        return self._tile

    @property
    def grid(self) -> Grid:
        """The current layout of the cells."""
        return self._grid

    def rect_of(self, position: int) -> QRect:
        """Rectangle of a cell in the viewport."""
        return self._grid.cell(position, self.verticalScrollBar().value())

    def update_cell(self, position: int) -> None:
        """Repaint a cell, with what extends below it."""
        self.viewport().update(self.rect_of(position).adjusted(0, 0, 0, OVERHANG))

    def _measure(self) -> None:
        caption = QFontMetrics(self.font()).height() - 2 if self._tile >= CAPTION_FROM else 0
        self._grid = Grid(len(self.order), max(1, self.viewport().width()), self._tile, caption)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, self._grid.height - self.viewport().height()))
        bar.setPageStep(max(1, self.viewport().height()))
        bar.setSingleStep(max(1, self._grid.cell_height // 3))

    # Painting

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Draw the cells in the exposed rectangle, and request missing pictures."""
        with self.pictures.resting():
            self._paint(painter, event.rect())

    def _paint(self, painter: QPainter, exposed: QRect) -> None:
        painter.fillRect(exposed, theme.color("canvas"))
        exposed.setTop(exposed.top() - OVERHANG)
        scrolled = self.verticalScrollBar().value()
        cells, pictures, selection, cell = self._painter(), self.pictures, self.selection, self._grid.cell
        caption, focused = self._grid.caption > 0, self.hasFocus()
        incomplete = False
        span = self._grid.span(exposed.top() + scrolled, exposed.bottom() + scrolled)
        for position, sprite in zip(span, self.rows.between(span), strict=False):
            rect = cell(position, scrolled)
            if not rect.intersects(exposed):
                continue
            picture = pictures.get(sprite)
            incomplete = incomplete or not pictures.is_right(sprite, cells.fit_of(sprite))
            current = position == self.current
            cells.paint(
                painter,
                rect,
                sprite,
                picture,
                selected=sprite.seq in selection,
                current=current,
                focused=current and focused,
                caption=caption,
            )
        self.paint_over(painter, scrolled)
        if incomplete and not self._request_later.isActive():
            self._request_later.start()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Scroll the existing pixels; only the exposed strip is painted, and the rows ahead are loaded."""
        self._request_later.start()
        if self.repaints_on_scroll:
            self.viewport().update()
        else:
            self.viewport().scroll(dx, dy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out again, keeping the first visible cell in view."""
        first = self.visible().start if len(self.order) else 0
        self._measure()
        if len(self.order) and event.oldSize().width() != event.size().width():
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self.rect_of(first).top() - 8)

    def paint_over(self, painter: QPainter, scrolled: int) -> None:
        """Draw over the cells; the viewport is scrolled down by `scrolled` logical pixels."""

    @property
    def repaints_on_scroll(self) -> bool:
        """True while something is drawn over the cells that does not scroll with them."""
        return False

    def changeEvent(self, event: QEvent) -> None:
        """Measure again for another font or screen."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._discard_painter()

    def _painter(self) -> CellPainter:
        ratio = self.devicePixelRatioF()
        if self._cells is None or self._cells.ratio != ratio:
            font = self.font()
            font.setPointSizeF(max(7.5, font.pointSizeF() * 0.88))
            self._cells = CellPainter(self._tile, ratio, font)
            self._loaders_cells = self._cells.twin()
        return self._cells

    def _discard_painter(self) -> None:
        self._cells = None
        self._measure()
        self.viewport().update()

    # Pictures

    def _request_pictures(self) -> None:
        with self.pictures.resting():
            self._load_visible()

    def _load_visible(self) -> None:
        """Request the pictures of the visible cells first, then of the rows around them."""
        visible = self.visible()
        reach = AHEAD * self._grid.columns
        after = range(visible.stop, min(len(self.order), visible.stop + reach))
        before = range(max(0, visible.start - reach), visible.start)
        cells, pictures, selection = self._painter(), self.pictures, self.selection
        cells.room = max(WHOLE_KEPT, 2 * (len(visible) + 2 * reach))
        caption, height = self._grid.caption > 0, self._grid.cell_height - GAP
        assert self._loaders_cells is not None
        drawn = {
            selected: CellStyle(self._loaders_cells, (selected, False, False, caption), height)
            for selected in (False, True)
        }
        wanted: list[Wanted | WantedRows] = []
        for span in (visible, after, before):
            for sprite in self.rows.between(span) if span is visible else self.rows.known(span):
                fit, picture = cells.fit_of(sprite), pictures.get(sprite)
                cell = drawn[sprite.seq in selection]
                if not pictures.is_right(sprite, fit):
                    wanted.append(Wanted(sprite, fit, cell))
                elif picture is not None and cells.whole(sprite, picture[0], cell.look) is None and span is not visible:
                    wanted.append(Wanted(sprite, fit, cell, picture))
        # Rows are small, and are read further ahead, so that pictures need not wait for them.
        wanted += self.rows.missing(range(visible.stop, after.stop + reach))
        wanted += self.rows.missing(range(max(0, before.start - reach), visible.start))
        pictures.want(wanted)

    def _take_rows(self, wanted: WantedRows, sprites: list[Sprite]) -> None:
        """Store fetched sprites and request their pictures."""
        self.rows.take(wanted, sprites)
        self._request_later.start()

    def _keep_composed(self, composed: list[Composed]) -> None:
        """Cache the cells drawn by the loader, unless they are outdated."""
        for one in composed:
            if self._cells is not None and one.cell.cells is self._loaders_cells:
                self._cells.keep(one.sprite, one.picture, one.cell.look, one.whole)

    def _show_arrived(self, seqs: list[int]) -> None:
        visible, arrived = self.visible(), set(seqs)
        for position, seq in zip(visible, self.order[visible.start : visible.stop].tolist(), strict=True):
            if seq in arrived:
                self.update_cell(position)

"""The differences as pictures; only visible cells are looked up, loaded and drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from gandam_studio.core.versions import VersionDiff
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_event
from gandam_studio.qt.versions.diff_cells import (
    ADDED,
    CHANGED,
    REMOVED,
    DiffCell,
    Section,
    SpriteLookup,
    sections,
    suitable_tile,
)
from gandam_studio.qt.widgets.cell_painter import PADDING, CellPainter
from gandam_studio.qt.widgets.picture_cache import PictureCache, Wanted
from gandam_studio.qt.widgets.sprite_painting import draw_chip

TILES = (64, 240)  # minimum and maximum side of a tile, logical pixels
TILE = 112
USUAL = (96, 160)  # range of sizes chosen automatically
GAP = 12
PAIR_GAP = 28
ARROW = 22
MARGIN = 2 * theme.SPACE
_COLORS = {REMOVED: "dropped", ADDED: "kept", CHANGED: "flipped"}


@dataclass(frozen=True)
class _Block:
    """Layout of a section: top of its heading, columns, cell size and gap, in content pixels."""

    section: Section
    top: int
    columns: int
    cell: QSize
    gap: int
    head: int

    @property
    def bottom(self) -> int:
        """Where the next section can start."""
        rows = -(-len(self.section.cells) // self.columns)
        return self.top + self.head + rows * (self.cell.height() + GAP) + theme.SPACE

    def rect(self, index: int) -> QRect:
        """Rectangle of a cell."""
        row, column = divmod(index, self.columns)
        x = MARGIN + column * (self.cell.width() + self.gap)
        return QRect(QPoint(x, self.top + self.head + row * (self.cell.height() + GAP)), self.cell)


class DiffView(QAbstractScrollArea):
    """Shows a VersionDiff with thumbnails; `show_diff(None)` clears it. Ctrl+wheel changes the size.

    Attributes:
        pictures: its picture cache; must be stopped before the workspace is closed.
        tile: side of a tile, logical pixels; see `set_tile`.

    Signals:
        tile_changed: the size was changed by the wheel or chosen for the sprites shown (int).
    """

    accessible_role = QAccessible.Role.Graphic

    tile_changed = Signal(int)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pictures = PictureCache(workspace, self)
        self.pictures.arrived.connect(lambda _seqs: self.viewport().update())
        self.setAccessibleName(self.tr("Differences"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.verticalScrollBar().setSingleStep(40)
        self._lookup = SpriteLookup(workspace)
        self.tile = TILE
        self._by_hand = False
        self.sections: list[Section] = []
        self._blocks: list[_Block] = []
        self._cells: CellPainter | None = None
        self._request_later = QTimer(self, singleShot=True, interval=0)
        self._request_later.timeout.connect(self._load_visible)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._request_later.start())
        theme.notifier().changed.connect(self._restyle)

    def show_diff(self, diff: VersionDiff | None) -> None:
        """Show these differences, scrolled to the top."""
        self._lookup.clear()
        self.sections = sections(diff) if diff else []
        self.setAccessibleDescription(diff.summary if diff else "")
        if self.sections and not self._by_hand:
            self.set_tile(suitable_tile(self.sections, *USUAL, PADDING), by_hand=False)
            self.tile_changed.emit(self.tile)
        self._lay_out()
        self.verticalScrollBar().setValue(0)
        self._request_later.start()
        self.viewport().update()

    def set_tile(self, side: int, *, by_hand: bool = True) -> None:
        """Set the side of the tiles (logical pixels, within TILES), keeping the scroll position.

        A size set by hand is kept; otherwise it is chosen for the sprites shown.
        """
        side = min(max(side, TILES[0]), TILES[1])
        self._by_hand |= by_hand
        if side == self.tile:
            return
        bar = self.verticalScrollBar()
        place = bar.value() / max(1, bar.maximum())
        self.tile = side
        self._restyle()
        self._lay_out()
        bar.setValue(round(place * bar.maximum()))
        self._request_later.start()

    def cell_at(self, point: QPoint) -> DiffCell | None:
        """The cell under a point of the viewport."""
        point = point + QPoint(0, self.verticalScrollBar().value())
        for block, index in self._indexes(QRect(point, QSize(1, 1))):
            if block.rect(index).contains(point):
                return block.section.cells[index]
        return None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out again for the new width."""
        super().resizeEvent(event)
        self._lay_out()
        self._request_later.start()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll, or zoom with Ctrl."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.set_tile(self.tile + (16 if event.angleDelta().y() > 0 else -16))
            self.tile_changed.emit(self.tile)
            event.accept()
            return
        super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        """Show a cell's name and details in a tool tip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self.cell_at(event.pos())
            if cell:
                QToolTip.showText(event.globalPos(), "\n".join(filter(None, (cell.caption, cell.tip))), self)
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    @paint_event
    def paintEvent(self, event: QPaintEvent, painter: QPainter) -> None:
        """Paint the visible headings and cells."""
        offset = self.verticalScrollBar().value()
        painter.translate(0, -offset)
        seen = event.rect().translated(0, offset)
        cells = self._cell_painter()
        self._lookup.fetch(block.section.cells[index].entry.id for block, index in self._indexes(seen))
        for block in self._blocks:
            if block.top + block.head > seen.top() and block.top < seen.bottom():
                self._draw_heading(painter, block)
        for block, index in self._indexes(seen):
            self._draw_cell(painter, cells, block.rect(index), block.section.kind, block.section.cells[index])

    def _draw_heading(self, painter: QPainter, block: _Block) -> None:
        section = block.section
        text = f"{section.title} {len(section.cells):,}"
        chip = draw_chip(painter, QPoint(MARGIN, block.top + 6), text, _COLORS[section.kind])
        painter.setPen(theme.color("secondary"))
        room = QRect(chip.right() + 10, chip.top(), self.viewport().width() - chip.right() - 10 - MARGIN, chip.height())
        remark = painter.fontMetrics().elidedText(section.remark, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, remark)

    def _draw_cell(self, painter: QPainter, cells: CellPainter, rect: QRect, kind: str, cell: DiffCell) -> None:
        tile = QRect(rect.topLeft(), QSize(self.tile, self.tile))
        if cell.before is not None:
            self._draw_tile(painter, cells, tile, cell, older=True)
        if kind == CHANGED:
            self._draw_arrow(painter, QPointF(tile.right() + 1 + ARROW / 2, tile.center().y()))
            tile.translate(self.tile + ARROW, 0)
        if cell.after is not None:
            self._draw_tile(painter, cells, tile, cell, older=False)
        line = painter.fontMetrics().height()
        under = QRect(rect.left() + 1, rect.top() + self.tile + 4, rect.width() - 2, line)
        caption = painter.fontMetrics().elidedText(cell.caption, Qt.TextElideMode.ElideMiddle, under.width())
        painter.setPen(theme.color("secondary"))
        painter.drawText(under, Qt.AlignmentFlag.AlignVCenter, caption)
        if cell.note:
            note = painter.fontMetrics().elidedText(cell.note, Qt.TextElideMode.ElideRight, under.width())
            painter.setPen(theme.color(_COLORS[kind]))
            painter.drawText(under.translated(0, line + 1), Qt.AlignmentFlag.AlignVCenter, note)

    def _draw_tile(self, painter: QPainter, cells: CellPainter, tile: QRect, cell: DiffCell, *, older: bool) -> None:
        entry = cell.before if older else cell.after
        assert entry is not None
        sprite = self._lookup.get(entry)
        if sprite is None:
            painter.setPen(QPen(theme.color("border"), 1, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(tile.adjusted(0, 0, -1, -1), theme.RADIUS, theme.RADIUS)
            return
        picture = self.pictures.get(sprite)
        cells.paint(painter, tile, sprite, picture, selected=False, current=False, focused=False, caption=False)

    def _draw_arrow(self, painter: QPainter, centre: QPointF) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("muted"), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        tip = centre + QPointF(6, 0)
        painter.drawLine(centre - QPointF(6, 0), tip)
        painter.drawPolyline(QPolygonF([tip + QPointF(-4, -4), tip, tip + QPointF(-4, 4)]))
        painter.restore()

    def _indexes(self, area: QRect) -> Iterator[tuple[_Block, int]]:
        """Every cell in the rows that intersect an area of the content."""
        for block in self._blocks:
            first_top = block.top + block.head
            step = block.cell.height() + GAP
            first = max(0, (area.top() - first_top) // step)
            last = (area.bottom() - first_top) // step
            count = len(block.section.cells)
            for index in range(first * block.columns, min(count, (last + 1) * block.columns)):
                yield block, index

    def _lay_out(self) -> None:
        width = self.viewport().width() - 2 * MARGIN
        line = self.fontMetrics().height()
        top = theme.HALF
        self._blocks = []
        for section in self.sections:
            wide = section.kind == CHANGED
            noted = any(cell.note for cell in section.cells[:1])
            cell = QSize(2 * self.tile + ARROW if wide else self.tile, self.tile + 4 + line * (2 if noted else 1) + 1)
            gap = PAIR_GAP if wide else GAP
            columns = max(1, (width + gap) // (cell.width() + gap))
            block = _Block(section, top, columns, cell, gap, line + 22)
            self._blocks.append(block)
            top = block.bottom
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, top - self.viewport().height()))
        bar.setPageStep(self.viewport().height())

    def _load_visible(self) -> None:
        height = self.viewport().height()
        top = self.verticalScrollBar().value()
        shown = list(self._indexes(QRect(0, top, self.viewport().width(), height + height // 2)))
        self._lookup.fetch(block.section.cells[index].entry.id for block, index in shown)
        found = [self._lookup.get(block.section.cells[index].entry) for block, index in shown]
        fit = self._cell_painter().fit
        self.pictures.want([Wanted(sprite, fit) for sprite in found if sprite is not None])

    def _cell_painter(self) -> CellPainter:
        ratio = self.devicePixelRatioF()
        if self._cells is None or self._cells.ratio != ratio:
            self._cells = CellPainter(self.tile, ratio, self.font())
        return self._cells

    def _restyle(self) -> None:
        self._cells = None
        self.viewport().update()

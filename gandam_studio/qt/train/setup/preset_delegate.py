"""Paints the list of presets: each name, and below it what the preset is for."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_item

MARGIN, GAP = 10, 5


class PresetDelegate(QStyledItemDelegate):
    """Two lines an entry: the text, and the tool tip as its description."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Room for two lines."""
        return QSize(super().sizeHint(option, index).width(), 2 * option.fontMetrics.height() + 2 * GAP)

    @paint_item
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint name and description."""
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.fillRect(option.rect, theme.color("accent_soft" if chosen else "surface"))
        area, line = option.rect.adjusted(MARGIN, GAP, -MARGIN, -GAP), option.fontMetrics.height()
        painter.setPen(theme.color("text"))
        painter.drawText(area, Qt.AlignmentFlag.AlignTop, str(index.data(Qt.ItemDataRole.DisplayRole)))
        description = str(index.data(Qt.ItemDataRole.ToolTipRole) or "")
        painter.setPen(theme.color("secondary"))
        below = area.adjusted(0, line, 0, 0)
        shown = option.fontMetrics.elidedText(description, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignTop, shown)

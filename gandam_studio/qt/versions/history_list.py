"""The history: the current state, then every version, with lines to their parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gandam_studio.core.versions import ManifestVersion
from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_item
from gandam_studio.qt.versions import wording
from gandam_studio.qt.versions.lanes import RowLanes, lay_out
from gandam_studio.qt.widgets.outside_text import tip
from gandam_studio.qt.widgets.sprite_painting import draw_chip

LANE = 16
DOT = 5
_LANE_COLORS = ("plot_1", "plot_2", "plot_3", "plot_4")
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class HistoryRow:
    """One row: a version, or the current state (`version` is None)."""

    version: ManifestVersion | None
    parent: ManifestVersion | None
    lanes: RowLanes
    is_head: bool = False


class HistoryModel(QAbstractListModel):
    """Rows with the newest first; row 0 is the current state."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[HistoryRow] = []
        self._present = ""

    def show(self, versions: list[ManifestVersion], head: ManifestVersion | None) -> None:
        """Show `versions`, given oldest first; the current state was derived from `head`."""
        by_number = {version.number: version for version in versions}
        newest = list(reversed(versions))
        present = max(by_number, default=0) + 1
        lanes = lay_out(
            [(present, head.number if head else None), *((version.number, version.parent) for version in newest)]
        )
        self.beginResetModel()
        self.rows = [HistoryRow(None, head, lanes[0])] if versions else []
        self.rows += [
            HistoryRow(version, by_number.get(version.parent or 0), lane, head == version)
            for version, lane in zip(newest, lanes[1:], strict=True)
        ]
        self.endResetModel()

    def set_present(self, text: str) -> None:
        """Set the text about the current state; "" while it is computed."""
        self._present = text
        if self.rows:
            self.dataChanged.emit(self.index(0), self.index(0))

    def second_line(self, row: int) -> str:
        """The second line of a row, in smaller text."""
        found = self.rows[row]
        if found.version is None:
            return self._present
        parts = [wording.when_briefly(found.version.at), wording.size(found.version, found.parent)]
        if found.parent is not None and found.version.parent != found.version.number - 1:
            parts.append(wording.tr("from {0}").format(found.parent.label))
        return " · ".join(parts)

    def first_line(self, row: int) -> str:
        """The first line of a row, in larger text."""
        version = self.rows[row].version
        return wording.tr("Current state") if version is None else wording.title(version)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """Number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A description for screen readers and tool tips, or the row itself."""
        if not index.isValid():
            return None
        version = self.rows[index.row()].version
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(version.message) or None if version else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            label = version.label if version else wording.tr("now")
            tags = ", ".join(version.tags) if version else ""
            return ", ".join(filter(None, (label, self.first_line(index.row()), self.second_line(index.row()), tags)))
        return None


class HistoryList(QListView):
    """Signals:
    version_chosen: the current row changed (its number in the list; 0 is the current state).
    """

    version_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.history = HistoryModel(self)
        self.setModel(self.history)
        self.setItemDelegate(_RowDelegate(self))
        self.setAccessibleName(wording.tr("History of versions"))
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet("QListView { border: none; background: transparent; }")
        self.selectionModel().currentChanged.connect(lambda now, _before: self.version_chosen.emit(now.row()))
        theme.notifier().changed.connect(self.viewport().update)

    @property
    def current(self) -> int:
        """The current row; -1 for none."""
        return self.currentIndex().row()

    def go_to(self, row: int) -> None:
        """Make a row current and scroll to it."""
        index = self.history.index(row)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def row_of(self, version: ManifestVersion | None) -> int:
        """The row of a version (None: the current state); -1 if it is not listed."""
        for row, found in enumerate(self.history.rows):
            if (found.version.number if found.version else 0) == (version.number if version else 0):
                return row
        return -1


class _RowDelegate(QStyledItemDelegate):
    """Paints graph lines and dot on the left, then two lines of text."""

    def __init__(self, view: HistoryList) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Size of a row."""
        return QSize(160, option.fontMetrics.height() * 2 + 22)

    @paint_item
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a row."""
        row = self._view.history.rows[index.row()]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = option.rect.adjusted(6, 2, -6, -2)
        if option.state & QStyle.StateFlag.State_Selected:
            self._fill(painter, area, "accent_soft", bool(option.state & QStyle.StateFlag.State_HasFocus))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            self._fill(painter, area, "hover", False)
        gutter = LANE * max(found.lanes.width for found in self._view.history.rows) + 10
        self._draw_lines(painter, QRect(area.left() + 4, option.rect.top(), gutter, option.rect.height()), row)
        self._draw_text(painter, area.adjusted(gutter + 4, 5, -10, -5), index.row(), row)

    def _fill(self, painter: QPainter, area: QRect, color: str, focused: bool) -> None:
        painter.setBrush(theme.color(color))
        painter.setPen(QPen(theme.color("accent"), 1) if focused else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(area).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)

    def _draw_lines(self, painter: QPainter, area: QRect, row: HistoryRow) -> None:
        top, middle, bottom = area.top(), area.center().y() + 0.5, area.bottom() + 1

        def x(lane: int) -> float:
            return area.left() + LANE * lane + LANE / 2 + 1

        painter.setBrush(Qt.BrushStyle.NoBrush)
        for start, end in row.lanes.above:
            painter.setPen(QPen(_lane_color(max(start, end)), 2))
            path = QPainterPath(QPointF(x(start), top))
            path.cubicTo(QPointF(x(start), middle - 4), QPointF(x(end), top + 4), QPointF(x(end), middle))
            painter.drawPath(path)
        for lane in row.lanes.below:
            dashed = row.version is None and lane == row.lanes.node
            painter.setPen(QPen(_lane_color(lane), 2, Qt.PenStyle.DotLine if dashed else Qt.PenStyle.SolidLine))
            painter.drawLine(QPointF(x(lane), middle), QPointF(x(lane), bottom))
        painter.setPen(QPen(_lane_color(row.lanes.node), 2))
        hollow = row.version is None or not row.is_head
        painter.setBrush(theme.color("surface") if hollow else _lane_color(row.lanes.node))
        painter.drawEllipse(QPointF(x(row.lanes.node), middle), DOT, DOT)

    def _draw_text(self, painter: QPainter, area: QRect, number: int, row: HistoryRow) -> None:
        model = self._view.history
        metrics = QFontMetrics(painter.font())
        line = metrics.height()
        right = area.right()
        for tag in reversed(row.version.tags if row.version else ()):
            width = metrics.horizontalAdvance(tag) + 12
            draw_chip(painter, QPoint(right - width, area.top()), tag, "flipped")
            right -= width + 4
        label = row.version.label if row.version else wording.tr("now")
        chip = draw_chip(painter, area.topLeft(), label, "accent" if row.version else "warning")
        painter.setPen(theme.color("text" if row.version is None or row.version.message else "muted"))
        bold = QFont(painter.font())
        bold.setWeight(QFont.Weight.DemiBold)
        painter.save()
        painter.setFont(bold)
        first = QRect(chip.right() + 8, area.top(), right - chip.right() - 12, line + 4)
        text = QFontMetrics(bold).elidedText(model.first_line(number), Qt.TextElideMode.ElideRight, first.width())
        painter.drawText(first, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()
        painter.setPen(theme.color("secondary"))
        second = QRect(area.left(), area.top() + line + 7, area.width(), line)
        text = metrics.elidedText(model.second_line(number), Qt.TextElideMode.ElideRight, second.width())
        painter.drawText(second, Qt.AlignmentFlag.AlignVCenter, text)


def _lane_color(lane: int) -> QColor:
    return theme.color(_LANE_COLORS[lane % len(_LANE_COLORS)])

"""The largest families as bars: how many sprites each has and how many it would count for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import theme
from gandam_studio.qt.painting import paint_item
from gandam_studio.qt.widgets.cell_painter import CellPainter
from gandam_studio.qt.widgets.picture_cache import PictureCache, Wanted

TILE = 40
BAR = 5

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class FamilyRow:
    """A family in the list.

    Attributes:
        sprite: the one shown for the family.
        count: its sprites that are not dropped.
        counts_for: how many sprites it would count for: `count`, the cap, or its summed weight.
    """

    sprite: Sprite
    count: int
    counts_for: float


class FamilyModel(QAbstractListModel):
    """Families, largest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: Sequence[FamilyRow] = ()

    def show(self, rows: Sequence[FamilyRow]) -> None:
        """Replace the families."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """Number of families."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A description for screen readers and tool tips, or the family itself."""
        roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)
        if not index.isValid() or role not in roles:
            return None
        row = self.rows[index.row()]
        return self.tr("{0}: {1}, would count for {2}").format(row.sprite.name, row.count, f"{row.counts_for:g}")


class _FamilyDelegate(QStyledItemDelegate):
    def __init__(self, pictures: PictureCache, view: FamilyList) -> None:
        super().__init__(view)
        self._pictures = pictures
        self._view = view
        self._cells: CellPainter | None = None
        theme.notifier().changed.connect(self._forget)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Size of a row."""
        return QSize(120, TILE + 10)

    @paint_item
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a row: picture, bar and numbers."""
        row = self._view.families.rows[index.row()]
        area = option.rect.adjusted(4, 2, -4, -2)
        ratio = painter.device().devicePixelRatio()
        if self._cells is None or self._cells.ratio != ratio:
            self._cells = CellPainter(TILE, ratio, QFont(option.font))
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft"))
            painter.drawRoundedRect(area, theme.RADIUS_SMALL, theme.RADIUS_SMALL)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        box = QRect(area.x() + 3, area.y() + (area.height() - TILE) // 2, TILE, TILE)
        picture = self._pictures.get(row.sprite)
        plain = {"selected": False, "current": False, "focused": False, "caption": False}
        self._cells.paint(painter, box, row.sprite, picture, **plain)
        self._draw_words(painter, area.adjusted(TILE + 14, 4, -8, -6), row)

    def _draw_words(self, painter: QPainter, area: QRect, row: FamilyRow) -> None:
        metrics = painter.fontMetrics()
        number = f"{row.count:,}"
        if abs(row.counts_for - row.count) > 1e-9:
            number = f"{row.count:,} → {row.counts_for:,.3g}"
        painter.setPen(theme.color("secondary"))
        top = QRect(area.x(), area.y(), area.width(), metrics.height())
        painter.drawText(top, Qt.AlignmentFlag.AlignRight, number)
        room = area.width() - metrics.horizontalAdvance(number) - 8
        painter.setPen(theme.color("text"))
        painter.drawText(top, 0, metrics.elidedText(row.sprite.name, Qt.TextElideMode.ElideMiddle, room))
        most = max(1, self._view.most)
        bar = QRectF(area.x(), area.bottom() - BAR, area.width(), BAR)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for share, color in ((1.0, "pressed"), (row.count / most, "border_strong"), (row.counts_for / most, "accent")):
            painter.setBrush(theme.color(color))
            width = max(float(BAR), bar.width() * min(1.0, share))
            painter.drawRoundedRect(QRectF(bar.x(), bar.y(), width, BAR), BAR / 2, BAR / 2)

    @property
    def fit(self) -> int:
        """Side of the square available to a picture, device pixels."""
        return max(1, int((TILE - 8) * self._view.devicePixelRatioF()))

    def _forget(self) -> None:
        self._cells = None


class FamilyList(QListView):
    """Attributes:
    families: the model.
    most: size of the largest family, the scale of the bars.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.families = FamilyModel(self)
        self.pictures = PictureCache(workspace, self)
        self.pictures.arrived.connect(lambda _seqs: self.viewport().update())
        self.most = 1
        self.setAccessibleName(self.tr("Families, largest first"))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._delegate = _FamilyDelegate(self.pictures, self)
        self.setItemDelegate(self._delegate)
        self.setModel(self.families)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._load_visible())

    def show_families(self, rows: Sequence[FamilyRow]) -> None:
        """Replace the families."""
        self.most = max((row.count for row in rows), default=1)
        place = self.verticalScrollBar().value()
        self.families.show(rows)
        self.verticalScrollBar().setValue(place)
        self._load_visible()

    def _load_visible(self) -> None:
        first = max(0, self.indexAt(QPoint(4, 1)).row())
        last = first + self.viewport().height() // (TILE + 10) + 6
        self.pictures.want([Wanted(row.sprite, self._delegate.fit) for row in self.families.rows[first:last]])

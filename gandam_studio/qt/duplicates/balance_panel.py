"""How the data set is balanced: the largest families, and what a cap or a weight would make of them."""

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
    Signal,
)
from PySide6.QtGui import QFont, QPainter
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gandam_studio.core.sprite import Sprite
from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import theme
from gandam_studio.qt.curate.cell_painter import CellPainter
from gandam_studio.qt.curate.pictures import PictureCache, Wanted
from gandam_studio.qt.duplicates.rules_panel import PreviewText, section

TILE = 40
BAR = 5

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class FamilyRow:
    """A family as the list shows it.

    Attributes:
        sprite: the one that stands for it.
        count: sprites in it that are not dropped.
        counts_for: how many sprites it would count for under the choice made: `count`, the cap, or its summed weight.
    """

    sprite: Sprite
    count: int
    counts_for: float


class FamilyModel(QAbstractListModel):
    """Families, the largest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: Sequence[FamilyRow] = ()

    def show(self, rows: Sequence[FamilyRow]) -> None:
        """Take other families."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """See QAbstractItemModel."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A family in words, for screen readers and tool tips."""
        roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)
        if not index.isValid() or role not in roles:
            return None
        row = self.rows[index.row()]
        return self.tr("{0}: {1} sprites, would count for {2}").format(
            row.sprite.name, row.count, f"{row.counts_for:g}"
        )


class _FamilyDelegate(QStyledItemDelegate):
    def __init__(self, pictures: PictureCache, view: FamilyList) -> None:
        super().__init__(view)
        self._pictures = pictures
        self._view = view
        self._cells: CellPainter | None = None
        theme.notifier().changed.connect(self._forget)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """See QStyledItemDelegate."""
        return QSize(120, TILE + 10)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """See QStyledItemDelegate."""
        row = self._view.families.rows[index.row()]
        area = option.rect.adjusted(4, 2, -4, -2)
        ratio = painter.device().devicePixelRatio()
        if self._cells is None or self._cells.ratio != ratio:
            self._cells = CellPainter(TILE, ratio, QFont(option.font))
        painter.save()
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
        painter.restore()

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
        """Side of the square a picture may fill, device pixels."""
        return max(1, int((TILE - 8) * self._view.devicePixelRatioF()))

    def _forget(self) -> None:
        self._cells = None


class FamilyList(QListView):
    """Attributes:
    families: the model.
    most: size of the largest family: bars are drawn on its scale.
    """

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.families = FamilyModel(self)
        self.pictures = PictureCache(workspace, self)
        self.pictures.arrived.connect(lambda _seqs: self.viewport().update())
        self.most = 1
        self.setAccessibleName(self.tr("Families, the largest first"))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._delegate = _FamilyDelegate(self.pictures, self)
        self.setItemDelegate(self._delegate)
        self.setModel(self.families)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._ask_for_pictures())

    def show_families(self, rows: Sequence[FamilyRow]) -> None:
        """Take other families."""
        self.most = max((row.count for row in rows), default=1)
        place = self.verticalScrollBar().value()
        self.families.show(rows)
        self.verticalScrollBar().setValue(place)
        self._ask_for_pictures()

    def _ask_for_pictures(self) -> None:
        first = max(0, self.indexAt(QPoint(4, 1)).row())
        last = first + self.viewport().height() // (TILE + 10) + 6
        self.pictures.want([Wanted(row.sprite, self._delegate.fit) for row in self.families.rows[first:last]])


class BalancePanel(QWidget):
    """Signals:
    choice_changed: another treatment of large families is considered (mode, cap).
    apply_asked: carry out what the preview says.
    """

    AS_IT_IS, CAP, WEIGHT = "none", "cap", "weight"

    choice_changed = Signal(str, int)
    apply_asked = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        explanation = QLabel(
            self.tr(
                "A family is one character in all its colours and forms. Large families teach the network favourites."
            ),
            wordWrap=True,
        )
        explanation.setProperty("role", "secondary")
        self.list = FamilyList(workspace)
        self.headline = QLabel(wordWrap=True)
        self.headline.setProperty("role", "title")
        self.preview = QLabel(wordWrap=True)
        self.preview.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.apply_button = QPushButton(self.tr("Apply to the data set"))
        self.apply_button.setProperty("role", "primary")
        self.apply_button.setToolTip(self.tr("One edit: one undo takes all of it back"))
        self.apply_button.clicked.connect(lambda _checked=False: self.apply_asked.emit())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 14)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(explanation)
        layout.addWidget(self.headline)
        layout.addWidget(self.list, 1)
        layout.addLayout(self._choices())
        layout.addWidget(section(self.tr("What would happen")))
        layout.addWidget(self.preview)
        layout.addWidget(self.apply_button)

    @property
    def mode(self) -> str:
        """`AS_IT_IS`, `CAP` or `WEIGHT`."""
        button = self._group.checkedButton()
        return str(button.property("mode")) if button else self.AS_IT_IS

    def show_preview(self, preview: PreviewText) -> None:
        """Say what applying would do."""
        self.preview.setText("<br>".join(preview.lines))
        self.apply_button.setEnabled(preview.possible)

    def _choices(self) -> QVBoxLayout:
        self._group = QButtonGroup(self)
        column = QVBoxLayout()
        column.setSpacing(theme.HALF)
        self.as_it_is = self._choice(self.AS_IT_IS, self.tr("Every sprite counts the same"))
        self.weigh = self._choice(self.WEIGHT, self.tr("Every family counts the same (weights)"))
        self.cap = self._choice(self.CAP, self.tr("At most"))
        self.cap_number = QSpinBox()
        self.cap_number.setRange(1, 9999)
        self.cap_number.setValue(3)
        self.cap_number.setAccessibleName(self.tr("Sprites a family may keep"))
        self.cap_number.valueChanged.connect(lambda _value: self._tell())
        row = QHBoxLayout()
        row.setSpacing(theme.HALF)
        row.addWidget(self.cap)
        row.addWidget(self.cap_number)
        row.addWidget(QLabel(self.tr("a family, the best ones")))
        row.addStretch()
        column.addWidget(self.as_it_is)
        column.addWidget(self.weigh)
        column.addLayout(row)
        self.as_it_is.setChecked(True)
        return column

    def _choice(self, mode: str, text: str) -> QRadioButton:
        button = QRadioButton(text)
        button.setProperty("mode", mode)
        button.toggled.connect(lambda on: self._tell() if on else None)
        self._group.addButton(button)
        return button

    def _tell(self) -> None:
        self.choice_changed.emit(self.mode, self.cap_number.value())

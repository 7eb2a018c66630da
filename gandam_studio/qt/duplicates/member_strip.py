"""The row of a group's sprites, with their relation to the best one and their status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.core.workspace.sprite import Sprite
from gandam_studio.qt import theme
from gandam_studio.qt.duplicates.wording import relation_color, relation_to, short_relation_name
from gandam_studio.qt.painting import paint_item
from gandam_studio.qt.widgets.cell_painter import CellPainter
from gandam_studio.qt.widgets.picture_cache import PictureCache, Wanted
from gandam_studio.qt.widgets.sprite_painting import draw_chip

TILE = 92
GAP = 10

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class MemberCard:
    """A sprite in the row.

    Attributes:
        sprite: the sprite.
        relation: its relation to `other`; "" for the best one itself.
        other: the name of the sprite it is related to, usually the best one; "" for the best one itself.
    """

    sprite: Sprite
    relation: str
    other: str = ""


class MemberModel(QAbstractListModel):
    """The members in display order, best first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.members: Sequence[MemberCard] = ()

    def show(self, members: Sequence[MemberCard]) -> None:
        """Show another group, or update the current one and keep its current member."""
        if [card.sprite.seq for card in members] == [card.sprite.seq for card in self.members]:
            self.members = members
            if members:
                self.dataChanged.emit(self.index(0), self.index(len(members) - 1))
            return
        self.beginResetModel()
        self.members = members
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        """Number of members."""
        return 0 if parent.isValid() else len(self.members)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A description for screen readers and tool tips, or the member itself."""
        roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole)
        if not index.isValid() or role not in roles:
            return None
        card = self.members[index.row()]
        sprite = card.sprite
        relation = relation_to(card.relation, card.other) if card.relation else self.tr("best of the group")
        return self.tr("{0}, {1} × {2}, {3}, {4}").format(
            sprite.name, sprite.width, sprite.height, relation, sprite.status
        )


class _MemberDelegate(QStyledItemDelegate):
    def __init__(self, pictures: PictureCache, view: MemberStrip) -> None:
        super().__init__(view)
        self._pictures = pictures
        self._view = view
        self._cells: CellPainter | None = None
        theme.notifier().changed.connect(self._forget)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Size of a cell."""
        line = option.fontMetrics.height()
        return QSize(TILE + GAP, TILE + 3 * line + 22)

    @paint_item
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a member."""
        card = self._view.members.members[index.row()]
        ratio = painter.device().devicePixelRatio()
        if self._cells is None or self._cells.ratio != ratio:
            self._cells = CellPainter(TILE, ratio, QFont(option.font))
        cells = self._cells
        state = option.state
        line = option.fontMetrics.height()
        box = QRect(option.rect.x(), option.rect.y() + 2, TILE, TILE)
        current = bool(state & QStyle.StateFlag.State_Selected)
        cells.paint(
            painter,
            box,
            card.sprite,
            self._pictures.get(card.sprite),
            selected=current,
            current=current,
            focused=bool(state & QStyle.StateFlag.State_HasFocus),
            caption=False,
        )
        painter.setPen(theme.color("text" if current else "secondary"))
        name = PurePath(card.sprite.name).stem
        name = option.fontMetrics.elidedText(name, Qt.TextElideMode.ElideMiddle, TILE)
        painter.drawText(QRect(box.x(), box.y() + TILE + 3, TILE, line + 2), Qt.AlignmentFlag.AlignLeft, name)
        corner = QPoint(box.x(), box.y() + TILE + line + 8)
        text = short_relation_name(card.relation) if card.relation else self.tr("best")
        text = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, TILE - 14)
        chip = draw_chip(painter, corner, text, relation_color(card.relation) if card.relation else "kept")
        if card.other:
            painter.setPen(theme.color("secondary"))
            like = card.relation in ("near", "frame")
            of = self.tr("like {0}") if like else self.tr("of {0}")
            # The end of a name tells it apart: "of …000308".
            room = TILE - option.fontMetrics.horizontalAdvance(of.format(""))
            name = option.fontMetrics.elidedText(PurePath(card.other).stem, Qt.TextElideMode.ElideLeft, room)
            of = of.format(name)
            painter.drawText(QRect(box.x(), chip.bottom() + 2, TILE, line + 2), Qt.AlignmentFlag.AlignLeft, of)

    @property
    def fit(self) -> int:
        """Side of the square available to a picture, device pixels."""
        return max(1, int((TILE - 8) * self._view.devicePixelRatioF()))

    def _forget(self) -> None:
        self._cells = None


class MemberStrip(QListView):
    """Attributes:
    members: the model.

    Signals:
        member_chosen: the current member changed (its row; -1 for none).
        updown: Up (-1) or Down (1) was pressed, for the previous or next group.
    """

    member_chosen = Signal(int)
    updown = Signal(int)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.members = MemberModel(self)
        self.pictures = PictureCache(workspace, self)
        self.pictures.arrived.connect(lambda _seqs: self.viewport().update())
        self.setAccessibleName(self.tr("Sprites of the group"))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        # The style sheet's frame and padding are meant for text lists.
        self.setStyleSheet("QListView { background: transparent; border: none; } QListView::item { padding: 0; }")
        self.setViewportMargins(12, 4, 12, 0)
        delegate = _MemberDelegate(self.pictures, self)
        self._delegate = delegate
        self.setItemDelegate(delegate)
        self.setModel(self.members)
        self.setFixedHeight(TILE + 3 * self.fontMetrics().height() + 46)
        self.horizontalScrollBar().valueChanged.connect(lambda _value: self._load_visible())
        self.members.modelReset.connect(self._load_visible)
        self.selectionModel().currentChanged.connect(lambda now, _before: self.member_chosen.emit(now.row()))

    @property
    def current(self) -> int:
        """Row of the current member; -1 if there is none."""
        return self.currentIndex().row()

    def current_card(self) -> MemberCard | None:
        """The current member."""
        return self.members.members[self.current] if 0 <= self.current < len(self.members.members) else None

    def go_to(self, row: int) -> None:
        """Make a member current and scroll to it."""
        index = self.members.index(row)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def step(self, step: int) -> None:
        """Move to the next (1) or previous (-1) member."""
        row = self.current + step
        if 0 <= row < self.members.rowCount():
            self.go_to(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down are forwarded to the list of groups; letters are left to the actions."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        own = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)
        if step:
            self.updown.emit(step)
        elif event.key() in own:
            super().keyPressEvent(event)
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Load the pictures of newly visible members."""
        super().resizeEvent(event)
        self._load_visible()

    def _load_visible(self) -> None:
        shown = self.members.members
        first = max(0, self.indexAt(QPoint(1, 8)).row())
        last = first + self.viewport().width() // (TILE + GAP) + 3
        self.pictures.want([Wanted(card.sprite, self._delegate.fit) for card in shown[first:last]])

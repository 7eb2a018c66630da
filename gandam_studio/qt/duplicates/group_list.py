"""The list of cards, one per group, least certain first; only visible cards are built."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QKeyEvent, QPainter, QPainterPath, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gandam_studio.core.workspace import Workspace
from gandam_studio.qt import icons, theme
from gandam_studio.qt.duplicates.findings import GroupCard
from gandam_studio.qt.duplicates.group_model import SHOWN, GroupModel
from gandam_studio.qt.duplicates.wording import group_summary, relation_color, relation_name
from gandam_studio.qt.painting import FOCUS_WIDTH, paint_item
from gandam_studio.qt.widgets.cell_painter import CellPainter
from gandam_studio.qt.widgets.picture_cache import PictureCache, Wanted
from gandam_studio.qt.widgets.sprite_painting import CHIP_GAP, CHIP_PADDING, chips_that_fit, draw_chip

TILE = 68
MARGIN = 12
GAP = 6
FEWER, FEWEST = 3, 2  # pictures on a card in a narrow window, and in a very narrow one
AHEAD = 4  # cards loaded beyond the visible ones


class GroupDelegate(QStyledItemDelegate):
    """Paints a card: relations and confidence, the first pictures with their status, what they are copies of."""

    def __init__(self, pictures: PictureCache, view: GroupList) -> None:
        super().__init__(view)
        self._pictures = pictures
        self._view = view
        self._cells: CellPainter | None = None
        theme.notifier().changed.connect(self._forget)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Size of a card; all have the same height."""
        line = option.fontMetrics.height()
        return QSize(TILE, line * 2 + TILE + 4 * GAP + 12)

    @paint_item
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint a card."""
        model = self._view.cards
        card, sprites = model.card(index.row()), model.sprites(index.row())
        area = option.rect.adjusted(MARGIN - 6, 3, -6, -3)
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        self._draw_frame(painter, area, chosen, bool(state & QStyle.StateFlag.State_HasFocus))
        inner = area.adjusted(10, 8, -10, -6)
        self._draw_head(painter, inner, card)
        top = inner.top() + option.fontMetrics.height() + 4 + GAP
        cells = self._painter_for(painter)
        fits = max(1, (inner.width() + GAP) // (TILE + GAP))
        for place, sprite in enumerate(sprites[:fits]):
            box = QRect(inner.left() + place * (TILE + GAP), top, TILE, TILE)
            picture = self._pictures.get(sprite)
            # Cells are cached on the canvas colour, including corners and a strip below, not on the card's colour.
            rounded = QPainterPath()
            rounded.addRoundedRect(QRectF(box), theme.RADIUS, theme.RADIUS)
            painter.setClipPath(rounded)
            cells.paint(painter, box, sprite, picture, selected=False, current=False, focused=False, caption=False)
            painter.setClipping(False)
        hidden = len(card.seqs) - fits
        if hidden > 0:
            self._draw_more(painter, QRect(inner.left() + (fits - 1) * (TILE + GAP), top, TILE, TILE), hidden + 1)
        foot = QRect(inner.left(), top + TILE + GAP - 1, inner.width(), option.fontMetrics.height() + 2)
        self._draw_foot(painter, foot, card, group_summary(card, sprites[0].name), self._view.is_settled(card))

    def _draw_frame(self, painter: QPainter, area: QRect, chosen: bool, focused: bool) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme.color("accent_soft" if chosen else "surface"))
        framed = chosen and focused
        width = FOCUS_WIDTH if framed else 1
        painter.setPen(QPen(theme.color("accent" if framed else "control" if chosen else "border"), width))
        inset = width / 2
        painter.drawRoundedRect(QRectF(area).adjusted(inset, inset, -inset, -inset), theme.RADIUS, theme.RADIUS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_head(self, painter: QPainter, area: QRect, card: GroupCard) -> None:
        percent = self.tr("{0} %").format(round(card.confidence * 100))
        advance = painter.fontMetrics().horizontalAdvance
        names = [relation_name(relation) for relation in card.relations]
        widths = [advance(name) + CHIP_PADDING for name in names]
        more = advance(f"+{len(names)}") + CHIP_PADDING
        shown = chips_that_fit(widths, more, area.width() - advance(percent) - 8)
        place = area.topLeft()
        for relation, name in zip(card.relations[:shown], names, strict=False):
            place = QPoint(draw_chip(painter, place, name, relation_color(relation)).right() + CHIP_GAP, place.y())
        if shown < len(names):
            draw_chip(painter, place, f"+{len(names) - shown}", "secondary")
        painter.setPen(theme.color("muted"))
        line = QRect(area.left(), area.top(), area.width(), painter.fontMetrics().height() + 4)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, percent)

    def _draw_more(self, painter: QPainter, box: QRect, hidden: int) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface", 0.84))
        painter.drawRoundedRect(box, theme.RADIUS, theme.RADIUS)
        painter.setPen(theme.color("text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"+{hidden:,}")

    def _draw_foot(self, painter: QPainter, area: QRect, card: GroupCard, summary: str, settled: bool) -> None:
        middle = Qt.AlignmentFlag.AlignVCenter
        right = area.right()
        if settled:
            tick = icons.pixmap("success", 14, "kept")
            painter.drawPixmap(right - 14, area.center().y() - 6, tick)
            right -= 20
        room = right - area.left()
        painter.setPen(theme.color("secondary"))
        shown = painter.fontMetrics().elidedText(summary, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRect(area.left(), area.top(), room, area.height()), middle, shown)

    def _painter_for(self, painter: QPainter) -> CellPainter:
        ratio = painter.device().devicePixelRatio()
        if self._cells is None or self._cells.ratio != ratio:
            self._cells = CellPainter(TILE, ratio, QFont(painter.font()))
        return self._cells

    @property
    def fit(self) -> int:
        """Side of the square available to a picture, device pixels."""
        return max(1, int((TILE - 8) * self._view.devicePixelRatioF()))

    def _forget(self) -> None:
        self._cells = None


class GroupList(QListView):
    """Attributes:
    cards: the model.

    Signals:
        group_chosen: the current card changed (its row; -1 for none).
        sideways: Left (-1) or Right (1) was pressed, for the previous or next sprite of the group.
    """

    group_chosen = Signal(int)
    sideways = Signal(int)

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = GroupModel(workspace, self)
        self.pictures = PictureCache(workspace, self)
        self.pictures.arrived.connect(lambda _seqs: self.viewport().update())
        self.setAccessibleName(self.tr("Groups of duplicates"))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.show_pictures(SHOWN)
        self.setFrameShape(QListView.Shape.NoFrame)
        # The style sheet's frame and padding are meant for text lists.
        self.setStyleSheet("QListView { background: transparent; border: none; } QListView::item { padding: 0; }")
        self._delegate = GroupDelegate(self.pictures, self)
        self.setItemDelegate(self._delegate)
        self.setModel(self.cards)
        self._settled_rule: Callable[[GroupCard], bool] = lambda _card: False
        self._request_later = QTimer(self, singleShot=True, interval=0)
        self._request_later.timeout.connect(self._load_visible)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._request_later.start())
        self.cards.modelReset.connect(self._request_later.start)
        self.cards.dataChanged.connect(lambda *_: self._request_later.start())
        self.selectionModel().currentChanged.connect(lambda now, _before: self.group_chosen.emit(now.row()))

    def show_pictures(self, count: int) -> None:
        """Make the cards wide enough for `count` pictures: SHOWN, or FEWER or FEWEST in a narrow window."""
        self.setFixedWidth(2 * MARGIN + count * TILE + (count - 1) * GAP + 26)

    def set_settled_rule(self, rule: Callable[[GroupCard], bool]) -> None:
        """Set `rule(card)`, which returns whether a group is settled; settled cards get a tick."""
        self._settled_rule = rule

    def is_settled(self, card: GroupCard) -> bool:
        """Whether the group is settled."""
        return self._settled_rule(card)

    @property
    def current(self) -> int:
        """Row of the current card; -1 if there is none."""
        return self.currentIndex().row()

    def go_to(self, row: int) -> None:
        """Make a card current and scroll to it."""
        index = self.cards.index(row)
        self.setCurrentIndex(index)
        self.scrollTo(index)

    def step(self, step: int) -> None:
        """Move to the card below (1) or above (-1)."""
        row = self.current + step
        if 0 <= row < self.cards.rowCount():
            self.go_to(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right step through the group's sprites; letters are left to the actions."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step:
            self.sideways.emit(step)
        elif event.text() and event.text().isprintable():
            event.ignore()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Load the pictures of newly visible cards."""
        super().resizeEvent(event)
        self._request_later.start()

    def _load_visible(self) -> None:
        first = self.indexAt(QPoint(self.viewport().width() // 2, 1)).row()
        count = self.cards.rowCount()
        if first < 0 and count:
            first = 0
        high = max(1, self.sizeHintForRow(0)) if count else 1
        rows = range(max(0, first), min(count, max(0, first) + self.viewport().height() // high + 2 + AHEAD))
        self.pictures.want([Wanted(sprite, self._delegate.fit) for row in rows for sprite in self.cards.sprites(row)])

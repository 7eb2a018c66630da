"""What is kept, as a strip of pictures with names: chosen ones make a path, and can be renamed, moved and removed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QItemSelectionModel, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeyEvent, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QListView, QListWidget, QListWidgetItem, QWidget

from gandam_studio.qt.widgets.sample_grid import crisp

SIDE = 56
_NUMBER = Qt.ItemDataRole.UserRole


class FavouritesBar(QListWidget):
    """Signals:
    shown: a favourite is to be shown as the chosen sample (number). renamed: by the person (number, text).
    remove_wanted: of the chosen ones. chosen_changed: others are chosen. reordered: moved into another order (numbers).
    around_wanted: double click or Enter on one (number). menu_wanted: right click (global position).
    """

    shown = Signal(int)
    renamed = Signal(int, str)
    remove_wanted = Signal()
    chosen_changed = Signal()
    reordered = Signal(list)
    around_wanted = Signal(int)
    menu_wanted = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Favourites"))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setIconSize(QSize(SIDE, SIDE))
        self.setGridSize(QSize(SIDE + 28, SIDE + self.fontMetrics().height() + 8))
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setWordWrap(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(self.gridSize().height() + 16)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._ask_menu)
        self.itemChanged.connect(self._rename)
        self.itemSelectionChanged.connect(self.chosen_changed.emit)
        self.currentItemChanged.connect(self._show)
        self.itemClicked.connect(self._show)
        self.itemDoubleClicked.connect(lambda item: self.around_wanted.emit(item.data(_NUMBER)))

    def show_favourites(self, names: Sequence[str], images: Sequence[QImage]) -> None:
        """Show others; those of the same names stay chosen, and keys go on from the one they were at."""
        chosen = {item.text() for item in self.selectedItems()}
        row, at = self.currentRow(), self.currentItem().text() if self.currentItem() is not None else ""
        there = names.index(at) if at in names else min(row, len(names) - 1)
        self.blockSignals(True)
        self.clear()
        ratio = self.devicePixelRatioF()
        for number, (name, image) in enumerate(zip(names, images, strict=True)):
            scaled = crisp(image, round(SIDE * ratio), round(SIDE * ratio))
            pixmap = QPixmap.fromImage(scaled)
            pixmap.setDevicePixelRatio(ratio)
            item = QListWidgetItem(QIcon(pixmap), name)
            item.setData(_NUMBER, number)
            item.setToolTip(name)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable)
            self.addItem(item)
            item.setSelected(name in chosen)
        self.setCurrentRow(there, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.blockSignals(False)
        self.chosen_changed.emit()

    @property
    def chosen(self) -> list[int]:
        """Numbers of the chosen ones, in order."""
        return sorted(item.data(_NUMBER) for item in self.selectedItems())

    def edit_current(self) -> None:
        """Let the name of the current one be typed."""
        if (item := self.currentItem()) is not None:
            self.editItem(item)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes, Enter shows variations, Alt with an arrow moves; Escape goes on to the screen."""
        key = Qt.Key(event.key())
        item = self.currentItem()
        if event.modifiers() == Qt.KeyboardModifier.AltModifier and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._move(-1 if key == Qt.Key.Key_Left else 1)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_wanted.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and item is not None:
            self.around_wanted.emit(item.data(_NUMBER))
        elif key == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _show(self, item: QListWidgetItem | None, _before: object = None) -> None:
        if item is not None and item.data(_NUMBER) is not None:
            self.shown.emit(item.data(_NUMBER))

    def _rename(self, item: QListWidgetItem) -> None:
        if (number := item.data(_NUMBER)) is not None:
            self.renamed.emit(number, item.text())

    def _move(self, by: int) -> None:
        here, there = self.currentRow(), self.currentRow() + by
        if here >= 0 and 0 <= there < self.count():
            order = list(range(self.count()))
            order[here], order[there] = order[there], order[here]
            self.reordered.emit(order)
            self.setCurrentRow(there)

    def _ask_menu(self, at: QPoint) -> None:
        if self.itemAt(at) is not None:
            self.menu_wanted.emit(self.viewport().mapToGlobal(at))

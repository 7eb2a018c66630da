"""Coloured text in item views that follows the theme: items name a colour, which is looked up when they are painted."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidgetItem,
    QTreeWidgetItem,
)

from gandam_studio.qt import theme

_TOKEN = Qt.ItemDataRole.UserRole + 900


class _TintDelegate(QStyledItemDelegate):
    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        """Set the colour that the item names."""
        super().initStyleOption(option, index)
        if token := index.data(_TOKEN):
            palette = option.palette
            palette.setColor(QPalette.ColorRole.Text, theme.color(token))
            option.palette = palette


def show_tints(view: QAbstractItemView) -> None:
    """Show the colours of `tint` in a view without a delegate of its own."""
    view.setItemDelegate(_TintDelegate(view))


def tint(item: QListWidgetItem | QTableWidgetItem | QTreeWidgetItem, token: str, column: int = 0) -> None:
    """Give an item's text a colour of the theme; its view must have been passed to `show_tints`."""
    if isinstance(item, QTreeWidgetItem):
        item.setData(column, _TOKEN, token)
    else:
        item.setData(_TOKEN, token)

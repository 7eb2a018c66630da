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

TINT_ROLE = Qt.ItemDataRole.UserRole + 900
"""Where an item, or a model, names the colour of its text."""


class _TintDelegate(QStyledItemDelegate):
    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        """Set the colour that the item names."""
        super().initStyleOption(option, index)
        if token := index.data(TINT_ROLE):
            palette = option.palette
            palette.setColor(QPalette.ColorRole.Text, theme.color(token))
            option.palette = palette


def show_tints(view: QAbstractItemView) -> None:
    """Show the colours of `tint`, or of a model's `TINT_ROLE`, in a view without a delegate of its own."""
    view.setItemDelegate(_TintDelegate(view))


def tint(item: QListWidgetItem | QTableWidgetItem | QTreeWidgetItem, token: str, column: int = 0) -> None:
    """Give an item's text a colour of the theme; its view must have been passed to `show_tints`."""
    if isinstance(item, QTreeWidgetItem):
        item.setData(column, TINT_ROLE, token)
    else:
        item.setData(TINT_ROLE, token)

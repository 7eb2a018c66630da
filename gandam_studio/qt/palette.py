"""The command palette (Ctrl+K): find any action by typing part of its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from gandam_studio.qt import theme

SHOWN = 12


@dataclass(frozen=True)
class Command:
    """An action and the menu it is in."""

    action: QAction
    menu: str

    @property
    def text(self) -> str:
        """The action's name without the mnemonic mark."""
        return self.action.text().replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…")


def match(query: str, text: str) -> int | None:
    """Penalty of matching `query` with `text`: 0 is best, None is no match.

    Every word of the query must occur. The start of a word is better than the middle, and early is better than late.
    """
    score = 0
    lowered = text.lower()
    for word in query.lower().split():
        position = lowered.find(word)
        if position < 0:
            return None
        starts = position == 0 or not lowered[position - 1].isalnum()
        score += position + (0 if starts else 100)
    return score


class CommandPalette(QFrame):
    """A search field and a short list over the window; Enter runs the command, Escape closes."""

    def __init__(self, commands: Iterable[Command], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "panel")
        self.setAccessibleName(self.tr("Command palette"))
        self._commands = [command for command in commands if command.action.isVisible()]
        self.field = QLineEdit(placeholderText=self.tr("Type a command…"))
        self.field.setAccessibleName(self.tr("Command"))
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemActivated.connect(lambda _item: self.run())
        self.list.itemClicked.connect(lambda _item: self.run())
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.SPACE, theme.SPACE, theme.SPACE, theme.SPACE)
        layout.setSpacing(theme.SPACE)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        self._search("")

    def show_over(self, window: QWidget) -> None:
        """Open in the upper middle of the window, with the focus in the field."""
        width = min(560, window.width() - 4 * theme.SPACE)
        height = min(420, window.height() - 80)
        corner = window.mapToGlobal(window.rect().topLeft())
        self.setGeometry(corner.x() + (window.width() - width) // 2, corner.y() + 64, width, height)
        self.show()
        self.field.setFocus()

    def run(self) -> None:
        """Close the palette, then trigger the chosen action, which may depend on the previous focus."""
        item = self.list.currentItem()
        if item is None:
            return
        action: QAction = item.data(Qt.ItemDataRole.UserRole)
        self.close()
        action.trigger()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Forward Up, Down and Enter from the field to the list."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step and self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run()
                return True
        return super().eventFilter(watched, event)

    def _search(self, query: str) -> None:
        scored = []
        for place, command in enumerate(self._commands):
            score = match(query, f"{command.text} {command.menu}")
            if score is not None and command.action.isEnabled():
                scored.append((score if query else 0, place, command))
        scored.sort(key=lambda entry: entry[:2])
        self.list.clear()
        for _, _, command in scored:
            item = QListWidgetItem(self.list)
            item.setData(Qt.ItemDataRole.UserRole, command.action)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, command.text)
            row = _Row(command)
            # Without the padding that the style sheet adds to items.
            item.setSizeHint(QSize(0, row.sizeHint().height() + theme.SPACE))
            self.list.setItemWidget(item, row)
        self.list.setCurrentRow(0)


class _Row(QWidget):
    def __init__(self, command: Command) -> None:
        super().__init__()
        name = QLabel(command.text)
        menu = QLabel(command.menu)
        menu.setProperty("role", "muted")
        keys = QLabel(command.action.shortcut().toString(QKeySequence.SequenceFormat.NativeText))
        keys.setProperty("role", "secondary")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(theme.HALF, theme.HALF, theme.SPACE, theme.HALF)
        layout.addWidget(name)
        layout.addWidget(menu)
        layout.addStretch()
        layout.addWidget(keys)
